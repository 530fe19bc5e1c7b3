"""What each of the four moves is expected to bring in generation 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.policies.heuristics.gen1_effects import COLUMN, MoveEffects
from pokenash.policies.heuristics.gen1_state import STAGES, State
from pokenash.policies.heuristics.gen1_tables import CRITICAL, MEAN_ROLL, MINIMUM_ROLL, Gen1Tables
from pokenash.policies.heuristics.gen1_values import Gen1Weights, Outcome, StatusTables, knock_out_chance

__all__ = ["move_outcomes"]

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class _Attack:
    """A move's attack, ``[B, 4]``: mean damage of a hit, chance that a hit knocks out, and damage per turn."""

    mean: Floats
    knock_out: Floats
    rate: Floats


def _attacks(state: State, tables: Gen1Tables, columns: Floats, sleep: int) -> _Attack:
    own, foe, moves = state.own, state.foe, state.moves
    moves_count, species_count = tables.size
    batch = np.arange(len(moves))[:, None]
    index = (own.species[:, None] * moves_count + moves) * species_count + foe.species[:, None]
    plain = tables.most[index] * np.square(own.level / np.maximum(foe.level, 1))[:, None]
    kind = tables.kind[moves]
    most = plain * own.attack[batch, kind] / foe.defense[batch, kind]
    critical = plain * np.float32(CRITICAL)
    chance = tables.critical[own.species[:, None], moves]
    awake = (columns[..., COLUMN["needs_sleep"]] > 0) & (foe.status != sleep)[:, None]
    most, critical = np.where(awake, 0, most), np.where(awake, 0, critical)
    mean = np.float32(MEAN_ROLL) * (most + chance * (critical - most))
    hp, spread = foe.hp[:, None], np.float32(1 / (1 - MINIMUM_ROLL))
    tiny = np.float32(1e-6)
    usual = np.clip((1 - hp / np.maximum(most, tiny)) * spread, 0, 1)
    lucky = np.clip((1 - hp / np.maximum(critical, tiny)) * spread, 0, 1)
    knock_out = (usual + chance * (lucky - usual)) * (1 - foe.flags[:, :1])
    rate = mean * columns[..., COLUMN["accuracy"]] * columns[..., COLUMN["pace"]]
    return _Attack(mean, knock_out, rate)


def _status_given(state: State, effects: MoveEffects, species_count: int) -> dict[str, Floats]:
    """Chance of each status, given that the move is used: one status a Pokémon, one sleeper and one frozen a side."""
    foe, ids = state.foe, effects.ids
    index = state.moves * species_count + foe.species[:, None]
    healthy = (foe.status == 0) & state.foe_there
    sleep_free = ~(state.foe_status == ids["slp"]).any(axis=1)
    freeze_free = ~(state.foe_status == ids["frz"]).any(axis=1)
    open_target = {"slp": healthy & sleep_free, "frz": healthy & freeze_free & (foe.flags[:, 0] == 0)}
    return {
        name: table[index] * open_target.get(name, healthy).astype(np.float32)[:, None]
        for name, table in effects.status.items()
    }


def _boosted(
    state: State, effects: MoveEffects, columns: Floats, attack: _Attack, tables: Gen1Tables
) -> tuple[Floats, Floats, Floats, Floats]:
    """After each move: own best damage per turn, divisors of what one takes by kind, and own speed; ``[B, 4]`` each."""
    own, moves = state.own, state.moves
    special = tables.kind[moves] == 1
    physical_rate = np.where(special, 0, attack.rate).max(axis=1)[:, None]
    special_rate = np.where(special, attack.rate, 0).max(axis=1)[:, None]
    shape = np.ones(moves.shape, np.float32)
    if not columns[..., COLUMN["boost"]].any():
        return np.maximum(physical_rate, special_rate) * shape, shape, shape, own.speed[:, None] * shape
    now = own.stages[:, None, :]
    factor = STAGES[np.minimum(now + effects.boosts[moves], 6) + 6] / STAGES[now + 6]
    best = np.maximum(physical_rate * factor[..., 0], special_rate * factor[..., 2])
    return best, factor[..., 1], factor[..., 3], own.speed[:, None] * factor[..., 4]


@dataclass(frozen=True)
class _Turn:
    """How the turn goes with each move, ``[B, 4]`` or ``[B, 1]``.

    Parameters
    ----------
    first : float array
        Chance that the own Pokémon moves first.
    acts, foe_acts, foe_hits : float arrays
        Chance that the move is carried out; that the opponent can act at all; that it does.
    threat, now : float arrays
        Damage of the opponent's best attack with the move's walls up, and as things stand.
    taken, dealt : float arrays
        Mean shares of HP.
    down, knock_out : float arrays
        Chance that the opponent's attack, if it comes, knocks out; chance that the move does.
    """

    first: Floats
    acts: Floats
    foe_acts: Floats
    foe_hits: Floats
    threat: Floats
    now: Floats
    taken: Floats
    dealt: Floats
    down: Floats
    knock_out: Floats


def _threats(state: State, columns: Floats, physical_wall: Floats, special_wall: Floats) -> tuple[Floats, Floats]:
    """The opponent's best attack on the Pokémon that is in: with each move's walls up, and as things stand."""
    own, kinds = state.own, state.threat_kinds
    reflect = 1 + columns[..., COLUMN["reflect"]] * (1 - own.flags[:, 5:6])
    light_screen = 1 + columns[..., COLUMN["light_screen"]] * (1 - own.flags[:, 6:7])
    threat = np.maximum(kinds[:, :1] / (physical_wall * reflect), kinds[:, 1:] / (special_wall * light_screen))
    return threat, np.maximum(kinds[:, :1], kinds[:, 1:])


def _turn(
    state: State,
    status: StatusTables,
    columns: Floats,
    attack: _Attack,
    given: dict[str, Floats],
    threats: tuple[Floats, Floats],
) -> _Turn:
    """Who moves first, who acts at all, and what the two attacks do."""
    own, foe, (threat, now) = state.own, state.foe, threats
    accuracy = columns[..., COLUMN["accuracy"]]
    own_acts = (status.acts[own.status] * (1 - np.float32(0.4) * own.flags[:, 1]))[:, None]
    held = np.maximum(foe.flags[:, 3], foe.flags[:, 4] * np.float32(0.9))
    foe_acts = status.acts[foe.status] * (1 - np.float32(0.4) * foe.flags[:, 1]) * (1 - held) * state.foe_there
    foe_acts = foe_acts[:, None]
    first = np.clip(_first(own.speed, foe.speed)[:, None] + columns[..., COLUMN["priority"]], 0, 1)
    # Walls and recovery count against this turn's attack only as far as they come first.
    hit = first * threat + (1 - first) * now
    buffer = np.minimum(own.hp[:, None] + columns[..., COLUMN["heal"]] * first, 1)
    down = knock_out_chance(hit, buffer)
    knock_out = accuracy * attack.knock_out * state.foe_there[:, None]
    stopped = np.minimum(knock_out + given["slp"] + given["frz"] + accuracy * columns[..., COLUMN["trap"]], 1)
    foe_hits = foe_acts * (1 - first * own_acts * stopped)
    acts = own_acts * (1 - (1 - first) * foe_acts * down)
    dealt = acts * accuracy * np.minimum(attack.mean, foe.hp[:, None]) * (1 - np.float32(0.7) * foe.flags[:, :1])
    return _Turn(
        first=first,
        acts=acts,
        foe_acts=foe_acts,
        foe_hits=foe_hits,
        threat=threat,
        now=now,
        taken=foe_hits * np.minimum(hit, buffer),
        dealt=dealt,
        down=down,
        knock_out=acts * knock_out,
    )


def _won(
    state: State, weights: Gen1Weights, foe_worth: Floats, attack: _Attack, given: dict[str, Floats], turn: _Turn
) -> Floats:
    """Worth that the move takes from the opponent: HP, the Pokémon itself, and what a status spoils of the rest."""
    alive, hp_worth = np.float32(weights.alive), np.float32(1 - weights.alive)
    spoilt = [
        given[name] * np.float32(1 - getattr(weights, name)) for name in ("brn", "par", "slp", "frz", "psn", "tox")
    ]
    harm = spoilt[0] + spoilt[1] + spoilt[2] + spoilt[3] + spoilt[4] + spoilt[5]
    left = alive + hp_worth * np.maximum(state.foe.hp[:, None] - turn.dealt, 0)
    taken = foe_worth * (hp_worth * turn.dealt + alive * turn.knock_out)
    won: Floats = taken + turn.acts * (1 - attack.knock_out) * harm * left
    return won


def _paid(
    state: State,
    status: StatusTables,
    weights: Gen1Weights,
    own_worth: Floats,
    columns: Floats,
    attack: _Attack,
    turn: _Turn,
) -> tuple[Floats, Floats, Floats]:
    """What becomes of the own Pokémon: worth gained (mostly lost), HP after the turn, chance of self-destruction."""
    alive, hp_worth = np.float32(weights.alive), np.float32(1 - weights.alive)
    accuracy, hp_before, acts = columns[..., COLUMN["accuracy"]], state.own.hp[:, None], turn.acts
    missing = np.maximum(1 - hp_before + (1 - turn.first) * turn.taken, 0)
    healed = acts * np.minimum(columns[..., COLUMN["heal"]], missing)
    share = columns[..., COLUMN["drain"]] - columns[..., COLUMN["recoil"]]
    back = attack.mean * accuracy * share * acts * np.float32(0.8)
    hp = np.clip(hp_before + healed + back - turn.taken, np.float32(0.01), 1)
    gain = own_worth * hp_worth * (healed + back - turn.taken) - own_worth * alive * turn.foe_hits * turn.down
    # Recharging gives the opponent a free turn; so does Rest, twice, but from full HP and without the status.
    recharging = columns[..., COLUMN["recharge"]] * acts * accuracy * (1 - attack.knock_out)
    free = recharging * turn.foe_acts * turn.now
    rest = columns[..., COLUMN["rest"]] * acts * (hp_before < 1)
    rested = np.clip(1 - 2 * turn.now * status.pace[state.foe.status][:, None], np.float32(0.02), 1)
    gain += rest * (alive + hp_worth * rested - own_worth * (alive + hp_worth * hp))
    gain -= own_worth * hp_worth * np.minimum(free, hp)
    hp = np.maximum(np.where(rest > 0, rested, hp - free), np.float32(0.01))
    lost = columns[..., COLUMN["self_destruct"]] * acts
    gain -= lost * own_worth * (alive + hp_worth * hp)
    return gain, hp, lost


def _rates_after(
    state: State,
    effects: MoveEffects,
    status: StatusTables,
    columns: Floats,
    given: dict[str, Floats],
    turn: _Turn,
    best: Floats,
) -> tuple[Floats, Floats]:
    """Damage per turn that each side does from then on: the own Pokémon's, the opponent's."""
    own, foe, acts = state.own, state.foe, turn.acts
    accuracy = columns[..., COLUMN["accuracy"]]
    pace = status.pace[foe.status][:, None] * (1 - np.float32(0.3) * foe.flags[:, 1:2])
    slowed = np.float32(0.25) * given["par"] + np.float32(0.7) * given["slp"] + np.float32(0.97) * given["frz"]
    confused = np.float32(0.3) * columns[..., COLUMN["confusion"]] * accuracy * (1 - foe.flags[:, 1:2])
    unseeded = (1 - foe.flags[:, 2]) * ~effects.grass[foe.species]
    seeded = columns[..., COLUMN["leech"]] * accuracy * unseeded[:, None]
    poison = (given["psn"] + given["brn"]) * np.float32(0.06) + given["tox"] * np.float32(0.12)
    trapped = np.float32(0.8) * columns[..., COLUMN["trap"]] * accuracy * turn.first
    foe_rate = turn.threat * pace * (1 - acts * slowed) * (1 - acts * confused) * (1 - trapped)
    own_pace = status.pace[own.status][:, None] * (1 - np.float32(0.3) * own.flags[:, 1:2])
    own_rate = best * own_pace + acts * (poison + np.float32(0.08) * seeded)
    return own_rate, np.maximum(foe_rate - np.float32(0.06) * seeded * acts, 0)


def move_outcomes(
    state: State, tables: Gen1Tables, effects: MoveEffects, status: StatusTables, weights: Gen1Weights
) -> Outcome:
    """The outcome of each move of the request, ``[B, 4]``."""
    own, foe = state.own, state.foe
    columns = effects.columns[state.moves]
    attack = _attacks(state, tables, columns, effects.ids["slp"])
    given = _status_given(state, effects, tables.size[1])
    best, physical_wall, special_wall, speed = _boosted(state, effects, columns, attack, tables)
    turn = _turn(state, status, columns, attack, given, _threats(state, columns, physical_wall, special_wall))
    own_worth, foe_worth = status.worth[own.status][:, None], status.worth[foe.status][:, None]
    won = _won(state, weights, foe_worth, attack, given, turn)
    paid, hp, lost = _paid(state, status, weights, own_worth, columns, attack, turn)
    own_rate, foe_rate = _rates_after(state, effects, status, columns, given, turn, best)
    lead = 2 * _first(speed, foe.speed[:, None]) - 1
    return Outcome(
        gain=won + paid,
        going_on=(1 - turn.knock_out) * (1 - turn.foe_hits * turn.down) * (1 - lost),
        own_hp=hp,
        foe_hp=np.maximum(foe.hp[:, None] - turn.dealt, np.float32(0.01)),
        own_rate=own_rate,
        foe_rate=foe_rate,
        advantage=lead + (1 - lead) * turn.acts * given["par"],
        own_worth=own_worth,
        foe_worth=foe_worth,
    )


def _first(speed: Floats, other: Floats) -> Floats:
    """1 where the first is faster, 0.5 where they are equal, 0 where it is slower."""
    return np.float32(0.5) * ((speed > other).astype(np.float32) + (speed >= other))
