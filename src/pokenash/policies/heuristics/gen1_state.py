"""What the gen1ou heuristic reads from the observation, worked out for a whole batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.games.showdown.dex import Dex
from pokenash.policies.heuristics.gen1_tables import Gen1Tables
from pokenash.policies.heuristics.view import OWN, active_rows, columns

__all__ = ["STAGES", "Side", "State", "read_state"]

STAGES = np.asarray([25, 28, 33, 40, 50, 66, 100, 150, 200, 250, 300, 350, 400], np.float32) / 100
"""Multipliers of the stages -6 to 6."""

_BOOSTS = ("boost_atk", "boost_def", "boost_spa", "boost_spd", "boost_spe")
_FLAGS = ("substitute", "confusion", "leech_seed", "must_recharge", "partially_trapped", "reflect", "light_screen")
_MOVES = ("move_1", "move_2", "move_3", "move_4")
_UNSEEN = np.asarray([1.0, 0.95, 0.85, 0.6, 0.0], np.float32)
"""How much the species' standard attacks count after so many of its moves were seen."""


@dataclass(frozen=True)
class Side:
    """The active Pokémon of one side; arrays are ``[B]`` unless said otherwise.

    Parameters
    ----------
    species : int64 array
    hp : float32 array
        0 to 1; an absent opponent counts as a whole one.
    level : float32 array
    status : int64 array
    stages : int64 array, ``[B, 5]``
        Attack, defence, special attack, special defence and speed, -6 to 6.
    flags : float32 array, ``[B, 7]``
        Substitute, confusion, Leech Seed, must recharge, partially trapped, Reflect, Light Screen.
    attack, defense : float32 arrays, ``[B, 3]``
        Multipliers by kind of damage (physical, special, fixed) of what it does and of what it takes.
    speed : float32 array
    """

    species: NDArray[np.int64]
    hp: NDArray[np.floating[Any]]
    level: NDArray[np.floating[Any]]
    status: NDArray[np.int64]
    stages: NDArray[np.int64]
    flags: NDArray[np.floating[Any]]
    attack: NDArray[np.floating[Any]]
    defense: NDArray[np.floating[Any]]
    speed: NDArray[np.floating[Any]]


@dataclass(frozen=True)
class State:
    """A batch of positions.

    Parameters
    ----------
    own, foe : Side
    slot : int64 array, ``[B]``
        The own active Pokémon's row.
    foe_there : bool array, ``[B]``
        Whether the opponent has a Pokémon on the field that has not fainted.
    moves : int64 array, ``[B, 4]``
        Move ids of the request.
    team_hp, team_speed : float32 arrays, ``[B, 6]``
    team_species, team_status : int64 arrays, ``[B, 6]``
    foe_status : int64 array, ``[B, 6]``
        Of all of the opponent's Pokémon that were seen.
    rate : float32 array, ``[B, 6]``
        Each own Pokémon's best mean damage per turn to the opponent's active one, without own stages.
    threat : float32 array, ``[B, 6]``
        The opponent's best mean damage per turn to each of them, without their stages.
    aimed : float32 array, ``[B, 6]``
        Mean damage to each of the attack that does most to the one that is in now.
    threat_kinds : float32 array, ``[B, 2]``
        The opponent's best physical and special damage to the active one, all included.
    just_in : bool array, ``[B]``
        Whether the own active Pokémon came in last turn or this one.
    """

    own: Side
    foe: Side
    slot: NDArray[np.int64]
    foe_there: NDArray[np.bool_]
    moves: NDArray[np.int64]
    team_hp: NDArray[np.floating[Any]]
    team_speed: NDArray[np.floating[Any]]
    team_species: NDArray[np.int64]
    team_status: NDArray[np.int64]
    foe_status: NDArray[np.int64]
    rate: NDArray[np.floating[Any]]
    threat: NDArray[np.floating[Any]]
    aimed: NDArray[np.floating[Any]]
    threat_kinds: NDArray[np.floating[Any]]
    just_in: NDArray[np.bool_]


def read_state(view: Mapping[str, NDArray[Any]], tables: Gen1Tables, dex: Dex) -> State:
    """Work out a `State` from the blocks of the tensor observation."""
    pokemon, ids = view["pokemon"], view["pokemon_ids"].astype(np.int64)
    batch = np.arange(len(pokemon))
    slot, _ = active_rows(pokemon, 0)
    foe_slot, there = active_rows(pokemon, OWN.stop)
    species, status = columns("pokemon_ids", "species", "status")
    hp, speed = columns("pokemon", "hp", "stat_spe")
    paralysed, burnt = dex.id("statuses", "par"), dex.id("statuses", "brn")
    own_row, foe_row = pokemon[batch, slot], pokemon[batch, foe_slot]
    foe_ids = ids[batch, foe_slot]
    there = there & (foe_row[:, hp] > 0)
    team_species, team_status = ids[:, OWN, species], ids[:, OWN, status]
    team_hp = pokemon[:, OWN, hp]
    slow = np.where(team_status == paralysed, np.float32(25), np.float32(100))
    team_speed = pokemon[:, OWN, speed] * slow
    own_status = team_status[batch, slot]
    own = _side(own_row, team_species[batch, slot], own_status, own_row[:, hp], team_speed[batch, slot], burnt)
    foe_species = np.where(there, foe_ids[:, species], 0)
    foe_speed = tables.stats[foe_species, 5] * foe_row[:, columns("pokemon", "level")[0]]
    foe_speed = foe_speed * np.where(foe_ids[:, status] == paralysed, np.float32(0.25), np.float32(1))
    foe_hp = np.where(there, foe_row[:, hp], np.float32(1))
    foe = _side(foe_row, foe_species, foe_ids[:, status], foe_hp, foe_speed, burnt)
    level = pokemon[:, OWN, columns("pokemon", "level")[0]] * 100
    ratio = np.square(level / np.maximum(foe.level, 1)[:, None])
    foe_moves = foe_ids[:, list(columns("pokemon_ids", *_MOVES))]
    threat, aimed, kinds = _threats(tables, batch, slot, team_species, foe, foe_moves)
    own_moves = ids[:, OWN, columns("pokemon_ids", "move_1")[0] : columns("pokemon_ids", "move_4")[0] + 1]
    weaker = 1 / np.maximum(ratio, np.float32(0.01))
    return State(
        own=own,
        foe=foe,
        slot=slot,
        foe_there=there,
        moves=view["move_ids"][:, :, 0].astype(np.int64),
        team_hp=team_hp,
        team_speed=team_speed,
        team_species=team_species,
        team_status=team_status,
        foe_status=ids[:, OWN.stop :, status],
        rate=_rates(tables, batch, team_species, own_moves, foe) * ratio,
        threat=threat * weaker,
        aimed=aimed * weaker,
        threat_kinds=kinds / np.maximum(own.defense[:, :2], np.float32(0.1)) * weaker[batch, slot][:, None],
        just_in=own_row[:, columns("pokemon", "turns_active")[0]] < 0.15,
    )


def _side(
    row: NDArray[np.floating[Any]],
    species: NDArray[np.int64],
    status: NDArray[np.int64],
    hp: NDArray[np.floating[Any]],
    speed: NDArray[np.floating[Any]],
    burnt: int,
) -> Side:
    stages = np.rint(row[:, list(columns("pokemon", *_BOOSTS))] * 6).astype(np.int64)
    multipliers = STAGES[stages + 6]
    flags = row[:, list(columns("pokemon", *_FLAGS))]
    fixed = np.ones(len(row), np.float32)
    burn = np.where(status == burnt, np.float32(0.5), np.float32(1))
    attack = np.stack([multipliers[:, 0] * burn, multipliers[:, 2], fixed], axis=1)
    screens = 1 + flags[:, 5:7]
    defense = np.stack([multipliers[:, 1] * screens[:, 0], multipliers[:, 3] * screens[:, 1], fixed], axis=1)
    level = row[:, columns("pokemon", "level")[0]] * 100
    return Side(species, hp, level, status, stages, flags, attack, defense, speed * multipliers[:, 4])


def _rates(
    tables: Gen1Tables,
    batch: NDArray[np.int64],
    species: NDArray[np.int64],
    moves: NDArray[np.int64],
    foe: Side,
) -> NDArray[np.floating[Any]]:
    """`State.rate` at equal levels: best over four moves of six Pokémon, ``[B, 6]``."""
    moves_count, species_count = tables.size
    index = (species[:, :, None] * moves_count + moves) * species_count + foe.species[:, None, None]
    rates = tables.rate[index] / foe.defense[batch[:, None, None], tables.kind[moves]]
    best: NDArray[np.floating[Any]] = rates.max(axis=2)
    return best


def _threats(
    tables: Gen1Tables,
    batch: NDArray[np.int64],
    slot: NDArray[np.int64],
    team: NDArray[np.int64],
    foe: Side,
    moves: NDArray[np.int64],
) -> tuple[NDArray[np.floating[Any]], NDArray[np.float32], NDArray[np.float32]]:
    """`State.threat`, `State.aimed` and, without own stages, `State.threat_kinds`."""
    moves_count, species_count = tables.size
    first = (foe.species[:, None] * moves_count + moves) * species_count
    kind = tables.kind[moves]
    seen = tables.rate[first[:, None, :] + team[:, :, None]] * foe.attack[batch[:, None], kind][:, None, :]
    unseen = _UNSEEN[(moves > 0).sum(axis=1)]
    prior = tables.prior[foe.species[:, None], team] * (foe.attack[:, :2] * unseen[:, None])[:, None, :]
    threat = np.maximum(seen.max(axis=2), prior.max(axis=2))
    now, prior_now = seen[batch, slot], prior[batch, slot]
    special = kind == 1
    kinds = np.stack([np.where(special, 0, now).max(axis=1), np.where(special, now, 0).max(axis=1)], axis=1)
    kinds = np.maximum(kinds, prior_now)
    best = now.argmax(axis=1)
    guess = prior_now.max(axis=1) > now[batch, best]
    aimed_move = np.where(guess, tables.prior_move[foe.species, team[batch, slot]], moves[batch, best])
    row = (foe.species * moves_count + aimed_move) * species_count
    aimed = tables.rate[row[:, None] + team] * foe.attack[batch, tables.kind[aimed_move]][:, None]
    return threat, aimed, kinds
