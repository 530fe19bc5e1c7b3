"""Generation 1, worked out in advance: damage of every move between any two species, and what moves do besides.

Levels, experience and DVs are taken as the tier has them: level 100 and the best possible. Everything else (stages,
burn, screens, other levels) multiplies what is found here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import InputError
from pokenash.games.showdown.dex import SPECIAL, STATUS, Dex
from pokenash.policies.heuristics.gen1_sets import standard_moves

__all__ = ["CRITICAL", "FIXED", "MEAN_ROLL", "MINIMUM_ROLL", "Gen1Tables", "gen1_tables"]

MINIMUM_ROLL, MEAN_ROLL = 217 / 255, 236 / 255
"""The damage roll, as a share of the highest."""

CRITICAL = 1.95
"""A critical hit doubles the level in the formula."""

FIXED = 2
"""`Gen1Tables.kind` of attacks that ignore stats; 0 is physical, 1 special."""

_TYPICAL_BASE = 85.0


@dataclass(frozen=True, eq=False)
class Gen1Tables:
    """Tables by species ids (``S``) and move ids (``M``); species 0 and 1 are a typical unknown without types.

    Parameters
    ----------
    size : tuple of int
        ``(M, S)``, for flat indices into `most` and `rate`.
    most : float32 array, ``[S * M * S]``
        Highest damage without a critical hit of user, move on target, as a share of the target's HP.
    rate : float32 array, ``[S * M * S]``
        Mean damage per turn with accuracy and critical hits; half for moves that cost a second turn, 0 for those that
        cost the user's life.
    critical : float32 array, ``[S, M]``
        Chance of a critical hit.
    kind : int64 array, ``[M]``
        0 physical, 1 special, `FIXED`.
    accuracy : float32 array, ``[M]``
    status : float32 array, ``[M, S, K]``
        Chance that the move, when used, gives status k (the observation's id) to the species.
    prior : float32 array, ``[S, S, 2]``
        Mean `rate` of the best standard attack of a species on another: physical (and fixed), special.
    prior_move : int64 array, ``[S, S]``
        The standard attack that is most probably the best.
    stats : float32 array, ``[S, 6]``
    """

    size: tuple[int, int]
    most: NDArray[np.float32]
    rate: NDArray[np.float32]
    critical: NDArray[np.float32]
    kind: NDArray[np.int64]
    accuracy: NDArray[np.float32]
    status: NDArray[np.float32]
    prior: NDArray[np.float32]
    prior_move: NDArray[np.int64]
    stats: NDArray[np.float32]


@lru_cache(maxsize=2)
def gen1_tables(dex: Dex) -> Gen1Tables:
    """Work out the tables of a generation 1 format; kept for the life of the process.

    Raises
    ------
    InputError
        If the format is of another generation.
    """
    if dex.generation != 1:
        raise InputError(f"the gen1ou heuristic plays formats of generation 1, and {dex.format} is of {dex.generation}")
    stats = _stats(dex)
    most = _highest_damage(dex, stats)
    critical = _critical_chances(dex)
    accuracy = np.where(dex.moves.never_misses, 1, np.floor(dex.moves.accuracy * 255) / 256).astype(np.float32)
    worth = accuracy * np.where(dex.moves.recharge | dex.moves.charge, 0.5, 1) * ~dex.moves.self_destruct
    fixed = dex.moves.damage_kind > 0
    chance = np.where(fixed, 0, critical)
    roll = np.where(fixed, 1, MEAN_ROLL)
    rate = most * (worth * roll * (1 + chance * (CRITICAL - 1)))[:, :, None].astype(np.float32)
    prior, prior_move = _priors(dex, rate)
    kind = np.where(fixed, FIXED, np.where(dex.moves.category == SPECIAL, 1, 0)).astype(np.int64)
    return Gen1Tables(
        size=(most.shape[1], most.shape[2]),
        most=most.reshape(-1),
        rate=rate.astype(np.float32).reshape(-1),
        critical=chance.astype(np.float32),
        kind=kind,
        accuracy=accuracy,
        status=_status_chances(dex, accuracy),
        prior=prior,
        prior_move=prior_move,
        stats=stats,
    )


def _stats(dex: Dex) -> NDArray[np.float32]:
    base = dex.species.base_stats.copy()
    base[:2] = _TYPICAL_BASE
    return np.asarray(base * 2 + 93 + np.asarray([110, 5, 5, 5, 5, 5]), np.float32)


def _highest_damage(dex: Dex, stats: NDArray[np.float32]) -> NDArray[np.float32]:
    """`Gen1Tables.most` as ``[S, M, S]``."""
    moves, special = dex.moves, dex.moves.category == SPECIAL
    attack = np.where(special, stats[:, 3:4], stats[:, 1:2])[:, :, None]
    defense = np.where(special[:, None], stats[:, 4], stats[:, 2])[None]
    defense = np.where(moves.self_destruct[None, :, None], np.floor(defense / 2), defense)
    plain = (moves.base_power > 1) & (moves.category != STATUS) & (moves.damage_kind == 0) & ~moves.ohko
    power = np.where(plain, moves.base_power, 0)[None, :, None].astype(np.float32)
    base = np.minimum(np.floor(42 * power * attack / defense / 50), 997) + 2
    types = dex.species.types
    stab = np.where((moves.type == types[:, :1]) | (moves.type == types[:, 1:]), 1.5, 1.0)[:, :, None]
    damage = np.floor(base * stab) * dex.effectiveness()[moves.type][None] * moves.hits[None, :, None]
    damage = np.where(power > 0, damage, _fixed_damage(dex)[None, :, None])
    return np.asarray(damage / stats[None, None, :, 0], np.float32)


def _fixed_damage(dex: Dex) -> NDArray[np.float32]:
    """Damage at level 100 of attacks that ignore stats; in generation 1 types do not matter to them."""
    kinds = dex.names["damage_kinds"]
    scale = {"constant": 1.0, "level": 100.0, "random": 100.0, "half": 150.0}
    factor = np.asarray([scale.get(kind, 0.0) for kind in kinds])[dex.moves.damage_kind]
    return (factor * dex.moves.damage_value).astype(np.float32)


def _critical_chances(dex: Dex) -> NDArray[np.float32]:
    speed = dex.species.base_stats[:, 5].copy()
    speed[:2] = _TYPICAL_BASE
    ordinary = np.floor(speed / 2)[:, None]
    high = np.minimum(ordinary * 8, 255)
    return (np.where(dex.moves.critical_ratio >= 2, high, ordinary) / 256).astype(np.float32)


def _status_chances(dex: Dex, accuracy: NDArray[np.float32]) -> NDArray[np.float32]:
    """`Gen1Tables.status`: a side effect spares species of the move's own type; poison spares Poison."""
    moves, types = dex.moves, dex.species.types
    count = len(dex.names["statuses"])
    immune = dex.effectiveness()[moves.type] == 0
    same_type = (moves.type[:, None] == types[:, 0]) | (moves.type[:, None] == types[:, 1])
    is_status = (moves.category == STATUS)[:, None]
    spared = np.where(is_status, immune & (moves.type == dex.id("types", "Electric"))[:, None], same_type | immune)
    poison = np.isin(moves.status, [dex.id("statuses", "psn"), dex.id("statuses", "tox")])
    spared |= poison[:, None] & (types == dex.id("types", "Poison")).any(axis=1)
    chance = np.where(spared, 0, (moves.status_chance * accuracy)[:, None])
    table = np.zeros((*chance.shape, count), np.float32)
    table[np.arange(len(moves.status))[:, None], np.arange(len(types))[None, :], moves.status[:, None]] = chance
    table[:, :, :2] = 0
    return table


def _priors(dex: Dex, rate: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """`Gen1Tables.prior` and `Gen1Tables.prior_move`."""
    count = rate.shape[2]
    prior = np.zeros((count, count, 2), np.float32)
    prior_move = np.zeros((count, count), np.int64)
    special = dex.moves.category == SPECIAL
    for user in range(count):
        name = re.sub("[^a-z0-9]", "", dex.names["species"][user].lower())
        types = tuple(dex.names["types"][t] for t in dex.species.types[user] if t > 0) or ("Normal",)
        known = standard_moves(name, types)
        ids = np.asarray([dex.id("moves", move) for move in known])
        chance = np.asarray(list(known.values()))
        damage = rate[user, ids]
        for kind in (0, 1):
            chosen = special[ids] == kind
            prior[user, :, kind] = _expected_best(damage[chosen], chance[chosen])
        prior_move[user] = ids[np.argmax(damage * chance[:, None], axis=0)]
    return prior, prior_move


def _expected_best(damage: NDArray[np.floating], chance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of the best of some attacks, ``[K, S]``, each of which is there with its own chance, ``[K]``."""
    order = np.argsort(-damage, axis=0, kind="stable")
    ordered = np.take_along_axis(damage, order, axis=0)
    chances = chance[order]
    none_better = np.cumprod(np.concatenate([np.ones((1, damage.shape[1])), 1 - chances[:-1]]), axis=0)
    best: NDArray[np.float64] = (ordered * chances * none_better[: len(ordered)]).sum(axis=0)
    return best
