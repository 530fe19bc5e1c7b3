"""Expected damage in any generation, from what the tensor observation shows and the static tables.

Only the main terms of the damage formula: levels, stats (one's own from the request, the opponent's from its species),
stages, burn, screens, STAB, types, accuracy, hits and critical hits. Items, abilities and weather are left out.
Everything is elementwise, so a row's result does not depend on the batch that it is in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pokenash.games.showdown.dex import Dex

__all__ = ["DamageModel", "Fighters"]

_MEAN_ROLL = np.float32(0.925)
_HALF = np.float32(0.5)


@dataclass(frozen=True)
class Fighters:
    """What the formula needs of Pokémon, one row each; arrays have any shape that fits the others'.

    Parameters
    ----------
    stats : float32 array, ``[..., 6]``
        HP and the five stats, without stages.
    level : float32 array
        1 to 100.
    types : integer array, ``[..., 2]``
    attack, defense : float32 arrays, ``[..., 2]``
        Multipliers of the attacking and the defending stat by category, physical first: stages, burn, screens.
    """

    stats: NDArray[np.float32]
    level: NDArray[np.float32]
    types: NDArray[np.int16]
    attack: NDArray[np.float32]
    defense: NDArray[np.float32]


class DamageModel:
    """Expected damage of moves.

    Parameters
    ----------
    dex : Dex
        Tables of the format that is played.
    """

    def __init__(self, dex: Dex) -> None:
        moves = dex.moves
        self._chart = dex.type_chart
        self._type = moves.type
        self._special = moves.category == 1
        halving = np.where(moves.self_destruct & (dex.generation < 5), 2, 1)
        self._power = (moves.base_power * moves.hits * halving).astype(np.float32)
        self._accuracy = moves.accuracy
        kinds = dex.names["damage_kinds"]
        level_based = (moves.damage_kind == kinds.index("level")) | (moves.damage_kind == kinds.index("random"))
        self._per_level = np.where(level_based, moves.damage_value, 0).astype(np.float32)
        self._constant = np.where(moves.damage_kind == kinds.index("constant"), moves.damage_value, 0).astype(
            np.float32
        )
        self._power[moves.damage_kind > 0] = 0
        # What a move costs its user next turn, or takes this turn, halves what it is worth.
        slow = np.where(moves.recharge | moves.charge, 0.5, 1.0) * np.where(moves.self_destruct, 0.4, 1.0)
        self._worth = (slow * np.where(moves.recoil > 0, 0.9, 1.0)).astype(np.float32)
        self._species_stats = _typical_stats(dex)
        self._stage = _stage_multipliers(dex.generation)

    def stage(self, boosts: NDArray[np.float32]) -> NDArray[np.float32]:
        """Multiplier of stages given as the observation has them (stage / 6)."""
        multiplier: NDArray[np.float32] = self._stage[np.rint(boosts * 6).astype(np.int64) + 6]
        return multiplier

    def opponent_stats(self, species: NDArray[np.int16], level: NDArray[np.float32]) -> NDArray[np.float32]:
        """What a species' stats probably are at a level, ``[..., 6]``."""
        stats: NDArray[np.float32] = self._species_stats[species] * (level / np.float32(100))[..., None]
        return stats

    def worth(self, moves: NDArray[np.int16]) -> NDArray[np.float32]:
        """Accuracy times what is left after a move's price (recharging, charging, recoil, one's own life)."""
        worth: NDArray[np.float32] = self._accuracy[moves] * self._worth[moves]
        return worth

    def effectiveness(self, types: NDArray[np.int16], target: NDArray[np.int16]) -> NDArray[np.float32]:
        """Multiplier of attacks of the given types on Pokémon of the given pairs of types (``[..., 2]``)."""
        factor: NDArray[np.float32] = self._chart[types, target[..., 0]] * self._chart[types, target[..., 1]]
        return factor

    def fraction(self, moves: NDArray[np.int16], user: Fighters, target: Fighters) -> NDArray[np.float32]:
        """Mean damage of a hit as a share of the target's maximal HP; 0 for status moves."""
        kind = self._type[moves]
        special = self._special[moves]
        attack = np.where(special, user.stats[..., 3] * user.attack[..., 1], user.stats[..., 1] * user.attack[..., 0])
        defense = np.where(
            special, target.stats[..., 4] * target.defense[..., 1], target.stats[..., 2] * target.defense[..., 0]
        )
        power = self._power[moves]
        stab = np.where((kind == user.types[..., 0]) | (kind == user.types[..., 1]), np.float32(1.5), np.float32(1))
        base = (user.level * np.float32(0.4) + 2) * power * attack / np.maximum(defense, 1) * np.float32(0.02) + 2
        base = np.where(power > 0, base * stab * _MEAN_ROLL, 0)
        fixed = self._constant[moves] + self._per_level[moves] * user.level
        factor = self.effectiveness(kind, target.types)
        damage = base * factor + fixed * (factor > 0)
        share: NDArray[np.float32] = damage / np.maximum(target.stats[..., 0], 1)
        return share


def _typical_stats(dex: Dex) -> NDArray[np.float32]:
    """Stats at level 100 by species: the best there are in generations 1 and 2, later 84 EVs in each."""
    base = dex.species.base_stats
    from_training = 93 if dex.generation <= 2 else 31 + 21
    stats = base * 2 + from_training + np.asarray([110, 5, 5, 5, 5, 5], np.float32)
    return np.asarray(stats, np.float32)


def _stage_multipliers(generation: int) -> NDArray[np.float32]:
    """Multipliers of the stages -6 to 6."""
    if generation <= 2:
        percent = [25, 28, 33, 40, 50, 66, 100, 150, 200, 250, 300, 350, 400]
        return np.asarray([value / 100 for value in percent], np.float32)
    stages = np.arange(-6, 7)
    return np.asarray(np.maximum(2, 2 + stages) / np.maximum(2, 2 - stages), np.float32)
