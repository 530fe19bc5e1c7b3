"""What each of the four moves is expected to bring in generation 1."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.games.showdown.dex import Dex
from pokenash.policies.heuristics.gen1_state import STAGES, State
from pokenash.policies.heuristics.gen1_tables import CRITICAL, MEAN_ROLL, MINIMUM_ROLL, Gen1Tables
from pokenash.policies.heuristics.gen1_values import Gen1Weights, Outcome, StatusTables, knock_out_chance

__all__ = ["MoveEffects", "move_effects", "move_outcomes"]

Floats = NDArray[np.floating[Any]]

_COLUMNS = (
    "accuracy", "pace", "recharge", "self_destruct", "heal", "rest", "recoil", "drain", "trap", "confusion", "leech",
    "reflect", "light_screen", "boost", "priority", "needs_sleep",
)  # fmt: skip
_C = {name: i for i, name in enumerate(_COLUMNS)}


@dataclass(frozen=True, eq=False)
class MoveEffects:
    """Effects of moves, by move id.

    Parameters
    ----------
    columns : float32 array, ``[M, len(_COLUMNS)]``
    status : dict of float32 array, ``[M * S]``
        Chance by status name that the move gives it to a species.
    boosts : int64 array, ``[M, 5]``
        Stages given to the user: attack, defence, special attack, special defence, speed.
    ids : dict of int
        Status ids by name.
    grass : bool array, ``[S]``
        Species that Leech Seed spares.
    """

    columns: Floats
    status: dict[str, Floats]
    boosts: NDArray[np.int64]
    ids: dict[str, int]
    grass: NDArray[np.bool_]


@lru_cache(maxsize=2)
def move_effects(dex: Dex, tables: Gen1Tables) -> MoveEffects:
    """Collect what `move_outcomes` needs from the static tables; kept for the life of the process."""
    moves, volatiles = dex.moves, dex.names["volatiles"]
    rest = np.zeros(len(moves.pp), np.float32)
    rest[dex.id("moves", "rest")] = 1
    needs_sleep = np.zeros_like(rest)
    needs_sleep[dex.id("moves", "dreameater")] = 1
    given = {name: (moves.volatile == volatiles.index(name)) * moves.volatile_chance for name in volatiles}
    boosts = moves.self_boosts[:, :5].astype(np.int64)
    columns = {
        "accuracy": tables.accuracy,
        "pace": np.where(moves.recharge | moves.charge, 0.5, 1) * ~moves.self_destruct,
        "recharge": moves.recharge,
        "self_destruct": moves.self_destruct,
        "heal": moves.heal * (1 - rest),
        "rest": rest,
        "recoil": moves.recoil,
        "drain": moves.drain,
        "trap": given["partiallytrapped"],
        "confusion": given["confusion"] * np.where(moves.category == 2, 1, 0),
        "leech": given["leechseed"],
        "reflect": moves.self_volatile == volatiles.index("reflect"),
        "light_screen": moves.self_volatile == volatiles.index("lightscreen"),
        "boost": (boosts > 0).any(axis=1),
        "priority": moves.priority,
        "needs_sleep": needs_sleep,
    }
    packed = np.stack([np.asarray(columns[name], np.float32) for name in _COLUMNS], axis=1)
    status = {
        name: np.ascontiguousarray(tables.status[:, :, i]).reshape(-1)
        for i, name in enumerate(dex.names["statuses"])
        if name in ("brn", "par", "slp", "frz", "psn", "tox")
    }
    ids = {name: i for i, name in enumerate(dex.names["statuses"])}
    grass = (dex.species.types == dex.id("types", "Grass")).any(axis=1)
    return MoveEffects(packed, status, boosts, ids, grass)


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
    awake = (columns[..., _C["needs_sleep"]] > 0) & (foe.status != sleep)[:, None]
    most, critical = np.where(awake, 0, most), np.where(awake, 0, critical)
    mean = np.float32(MEAN_ROLL) * (most + chance * (critical - most))
    hp, spread = foe.hp[:, None], np.float32(1 / (1 - MINIMUM_ROLL))
    tiny = np.float32(1e-6)
    usual = np.clip((1 - hp / np.maximum(most, tiny)) * spread, 0, 1)
    lucky = np.clip((1 - hp / np.maximum(critical, tiny)) * spread, 0, 1)
    knock_out = (usual + chance * (lucky - usual)) * (1 - foe.flags[:, :1])
    rate = mean * columns[..., _C["accuracy"]] * columns[..., _C["pace"]]
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
    if not columns[..., _C["boost"]].any():
        return np.maximum(physical_rate, special_rate) * shape, shape, shape, own.speed[:, None] * shape
    now = own.stages[:, None, :]
    factor = STAGES[np.minimum(now + effects.boosts[moves], 6) + 6] / STAGES[now + 6]
    best = np.maximum(physical_rate * factor[..., 0], special_rate * factor[..., 2])
    return best, factor[..., 1], factor[..., 3], own.speed[:, None] * factor[..., 4]


def move_outcomes(
    state: State, tables: Gen1Tables, effects: MoveEffects, status: StatusTables, weights: Gen1Weights
) -> Outcome:
    """The outcome of each move of the request, ``[B, 4]``."""
    own, foe = state.own, state.foe
    columns = effects.columns[state.moves]
    attack = _attacks(state, tables, columns, effects.ids["slp"])
    given = _status_given(state, effects, tables.size[1])
    best, physical_wall, special_wall, speed = _boosted(state, effects, columns, attack, tables)
    accuracy, alive, hp_worth = columns[..., _C["accuracy"]], np.float32(weights.alive), np.float32(1 - weights.alive)

    own_acts = (status.acts[own.status] * (1 - np.float32(0.4) * own.flags[:, 1]))[:, None]
    held = np.maximum(foe.flags[:, 3], foe.flags[:, 4] * np.float32(0.9))
    foe_acts = status.acts[foe.status] * (1 - np.float32(0.4) * foe.flags[:, 1]) * (1 - held) * state.foe_there
    foe_acts = foe_acts[:, None]
    first = _first(own.speed, foe.speed)[:, None] + columns[..., _C["priority"]]
    first = np.clip(first, 0, 1)

    # What the opponent's attack does to the Pokémon that is in, walls and recovery counted where they come first.
    walls = 1 + columns[..., _C["reflect"]] * (1 - own.flags[:, 5:6])
    physical = state.threat_kinds[:, :1] / (physical_wall * walls)
    walls = 1 + columns[..., _C["light_screen"]] * (1 - own.flags[:, 6:7])
    threat = np.maximum(physical, state.threat_kinds[:, 1:] / (special_wall * walls))
    now = np.maximum(state.threat_kinds[:, :1], state.threat_kinds[:, 1:])
    hit = first * threat + (1 - first) * now
    heal = columns[..., _C["heal"]]
    buffer = np.minimum(own.hp[:, None] + heal * first, 1)
    down = knock_out_chance(hit, buffer)

    knock_out = accuracy * attack.knock_out * state.foe_there[:, None]
    stopped = np.minimum(knock_out + given["slp"] + given["frz"] + accuracy * columns[..., _C["trap"]], 1)
    foe_hits = foe_acts * (1 - first * own_acts * stopped)
    acts = own_acts * (1 - (1 - first) * foe_acts * down)
    taken = foe_hits * np.minimum(hit, buffer)
    dealt = acts * accuracy * np.minimum(attack.mean, foe.hp[:, None]) * (1 - np.float32(0.7) * foe.flags[:, :1])
    knock_out = acts * knock_out

    own_worth, foe_worth = status.worth[own.status][:, None], status.worth[foe.status][:, None]
    handed = [given[name] * np.float32(1 - getattr(weights, name)) for name in given]
    harm = handed[0] + handed[1] + handed[2] + handed[3] + handed[4] + handed[5]
    left = alive + hp_worth * np.maximum(foe.hp[:, None] - dealt, 0)
    gain = foe_worth * (hp_worth * dealt + alive * knock_out) + acts * (1 - attack.knock_out) * harm * left

    healed = acts * np.minimum(heal, np.maximum(1 - own.hp[:, None] + (1 - first) * taken, 0))
    back = attack.mean * accuracy * (columns[..., _C["drain"]] - columns[..., _C["recoil"]]) * acts * np.float32(0.8)
    hp = np.clip(own.hp[:, None] + healed + back - taken, np.float32(0.01), 1)
    gain += own_worth * hp_worth * (healed + back - taken) - own_worth * alive * foe_hits * down
    # Recharging gives the opponent a free turn; so does Rest, twice, but from full HP and without the status.
    free = columns[..., _C["recharge"]] * acts * accuracy * (1 - attack.knock_out) * foe_acts * now
    rest = columns[..., _C["rest"]] * acts * (own.hp < 1)[:, None]
    rested = np.clip(1 - 2 * now * status.pace[foe.status][:, None], np.float32(0.02), 1)
    gain += rest * (alive + hp_worth * rested - own_worth * (alive + hp_worth * hp))
    gain -= own_worth * hp_worth * np.minimum(free, hp)
    hp = np.maximum(np.where(rest > 0, rested, hp - free), np.float32(0.01))
    lost = columns[..., _C["self_destruct"]] * acts
    gain -= lost * own_worth * (alive + hp_worth * hp)

    pace = status.pace[foe.status][:, None] * (1 - np.float32(0.3) * foe.flags[:, 1:2])
    slowed = np.float32(0.25) * given["par"] + np.float32(0.7) * given["slp"] + np.float32(0.97) * given["frz"]
    confused = np.float32(0.3) * columns[..., _C["confusion"]] * accuracy * (1 - foe.flags[:, 1:2])
    seeded = columns[..., _C["leech"]] * accuracy * ((1 - foe.flags[:, 2]) * ~effects.grass[foe.species])[:, None]
    poison = (given["psn"] + given["brn"]) * np.float32(0.06) + (given["tox"]) * np.float32(0.12)
    trapped = np.float32(0.8) * columns[..., _C["trap"]] * accuracy * first
    foe_rate = threat * pace * (1 - acts * slowed) * (1 - acts * confused) * (1 - trapped)
    own_pace = status.pace[own.status][:, None] * (1 - np.float32(0.3) * own.flags[:, 1:2])
    own_rate = best * own_pace + acts * (poison + np.float32(0.08) * seeded)
    lead = 2 * _first(speed, foe.speed[:, None]) - 1
    lead = lead + (1 - lead) * acts * given["par"]
    return Outcome(
        gain=gain,
        going_on=(1 - knock_out) * (1 - foe_hits * down) * (1 - lost),
        own_hp=hp,
        foe_hp=np.maximum(foe.hp[:, None] - dealt, np.float32(0.01)),
        own_rate=own_rate,
        foe_rate=np.maximum(foe_rate - np.float32(0.06) * seeded * acts, 0),
        advantage=lead,
        own_worth=own_worth,
        foe_worth=foe_worth,
    )


def _first(speed: Floats, other: Floats) -> Floats:
    """1 where the first is faster, 0.5 where they are equal, 0 where it is slower."""
    return np.float32(0.5) * ((speed > other).astype(np.float32) + (speed >= other))
