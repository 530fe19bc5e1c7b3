"""What attacks do in every generation: damage rolls, critical hits, accuracy, and the chance of a knock-out.

Damage is always a share of the target's maximal HP, as its HP are, so that the two can be compared. Everything is
elementwise: a row's result does not depend on the batch that it is in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.games.showdown.dex import SPECIAL, Dex
from pokenash.policies.heuristics.combatants import Combatants, typical_stats
from pokenash.policies.heuristics.modifiers import find, modifiers
from pokenash.policies.heuristics.powers import PowerTable

__all__ = ["AttackModel", "Hits"]

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Hits:
    """What attacks do, ``[...]`` each; 0 for status moves and for what the target is immune to.

    Parameters
    ----------
    low, high : float32 arrays
        Damage of a hit with the lowest and the highest roll, without a critical hit.
    mean : float32 array
        Of a hit without a critical one.
    expected : float32 array
        Of a use: mean damage with critical hits, times the accuracy.
    accuracy : float32 array
        Stages of accuracy and evasion included.
    critical : float32 array
        Chance of a critical hit.
    factor : float32 array
        Multiplier by types, abilities and items; 1 for status moves.
    critical_factor : float
        What a critical hit multiplies the damage by.
    """

    low: Floats
    high: Floats
    mean: Floats
    expected: Floats
    accuracy: Floats
    critical: Floats
    factor: Floats
    critical_factor: float

    def sure(self, hp: Floats) -> NDArray[np.bool_]:
        """Whether the attack cannot fail to knock out a target with these HP left: no miss, any roll."""
        return np.asarray((self.low >= hp) & (self.low > 0) & (self.accuracy > 0.995))

    def chance(self, hp: Floats) -> Floats:
        """Chance that one use knocks out a target with these HP left."""
        usual, lucky = self._share(1.0, hp), self._share(self.critical_factor, hp)
        found: Floats = self.accuracy * (usual + self.critical * (lucky - usual))
        return found

    def useful(self, hp: Floats) -> Floats:
        """Expected damage that counts: no more than the HP that are left."""
        lucky = 1 + self.critical * np.float32(self.critical_factor - 1)
        found: Floats = self.accuracy * np.minimum(self.mean * lucky, hp)
        return found

    def _share(self, factor: float, hp: Floats) -> Floats:
        """Share of the rolls that suffice."""
        low, high = self.low * np.float32(factor), self.high * np.float32(factor)
        spread = np.maximum(high - low, np.float32(1e-6))
        share: Floats = np.where(low >= hp, np.float32(1), np.clip((high - hp) / spread, 0, 1)) * (high > 0)
        return share


class AttackModel:
    """Damage of any move by anyone on anyone.

    Parameters
    ----------
    dex : Dex
        Tables of the format that is played.
    """

    def __init__(self, dex: Dex) -> None:
        moves = dex.moves
        self.dex, self.modifiers = dex, modifiers(dex)
        self.powers = PowerTable(dex)
        self.stages = stage_multipliers(dex.generation)
        self._hit_stages = accuracy_multipliers(dex.generation)
        self._burn = dex.id("statuses", "brn")
        self._special = moves.category == SPECIAL
        self._accuracy = moves.accuracy
        self._sound = moves.sound
        self._never_misses = moves.never_misses
        halving = np.where(moves.self_destruct & (dex.generation < 5), 2, 1)
        self._hits = moves.hits * halving
        # The lowest sum of a move that hits two to five times is that of two hits.
        self._fewest = np.where(moves.hits > 0, moves.min_hits / np.maximum(moves.hits, 1), 1).astype(np.float32)
        self._lowest_roll = np.float32(217 / 255 if dex.generation <= 2 else 0.85)
        self._chart = _padded_chart(dex)
        self._critical = _critical_chances(dex)
        self._by_speed = dex.generation == 1
        self._critical_ratio = moves.critical_ratio
        self.critical_factor = {1: 1.95}.get(dex.generation, 2.0 if dex.generation < 6 else 1.5)
        self._ground = find(dex, "types", "Ground")
        self._soundproof = find(dex, "abilities", "Soundproof")
        self._species_speed = typical_stats(dex)[:, 5]

    def factor(self, kind: Ints, target: Combatants) -> Floats:
        """Multiplier of attacks of the given types on the targets: types, abilities, floating; ``[...]``."""
        by_type = self._chart[kind, target.types[..., 0]] * self._chart[kind, target.types[..., 1]]
        factor = by_type * self.modifiers.guarded[target.ability, kind]
        factor = np.where(target.floating & (kind == self._ground), np.float32(0), factor)
        if self.modifiers.wonder_guard > 0:
            factor = np.where((target.ability == self.modifiers.wonder_guard) & (factor <= 1), np.float32(0), factor)
        found: Floats = factor
        return found

    def hits(self, moves: Ints, user: Combatants, target: Combatants, weather: Ints) -> Hits:
        """What moves do.

        Parameters
        ----------
        moves : int64 array, ``[...]``
        user, target : Combatants
            Fit `moves`.
        weather : int64 array
            Fits `moves`.
        """
        kind = self.powers.type_of(moves, user, weather)
        factor = self.factor(kind, target)
        if self._soundproof > 0:
            factor = factor * ~(self._sound[moves] & (target.ability == self._soundproof))
        power = self.powers.power(moves, user, target, weather) * self._hits[moves]
        full = self._full(moves, kind, power, user, target, weather) * factor
        fixed = self.powers.fixed(moves, user, target) * (factor > 0)
        health = np.maximum(target.stats[..., 0], 1)
        high = (full + fixed) / health
        low = (full * self._lowest_roll * self._fewest[moves] + self.powers.fixed_least(moves, fixed)) / health
        mean = (full * (1 + self._lowest_roll) / 2 + fixed) / health
        accuracy = self.accuracy(moves, user, target, weather)
        critical = np.where(full > 0, self._critical_chance(moves, user), np.float32(0))
        expected = accuracy * mean * (1 + critical * np.float32(self.critical_factor - 1))
        shown = np.where(self.powers.damaging[moves], factor, np.float32(1))
        return Hits(low, high, mean, expected, accuracy, critical, shown, self.critical_factor)

    def accuracy(self, moves: Ints, user: Combatants, target: Combatants, weather: Ints) -> Floats:
        """Chance to hit, ``[...]``."""
        stage = np.clip(user.stages[..., 5] - target.stages[..., 6], -6, 6)
        chance = np.minimum(self.powers.accuracy(moves, weather) * self._hit_stages[stage + 6], 1)
        found: Floats = np.where(self._never_misses[moves], np.float32(1), chance)
        return found

    def _full(
        self, moves: Ints, kind: Ints, power: Floats, user: Combatants, target: Combatants, weather: Ints
    ) -> Floats:
        """Damage in HP of the highest roll, before types."""
        attack, defense = self._strength(user), self._bulk(target, weather)
        special = self._special[moves]
        ratio = np.where(special, attack[..., 1], attack[..., 0]) / np.maximum(
            np.where(special, defense[..., 1], defense[..., 0]), 1
        )
        base = (user.level * np.float32(0.4) + 2) * power * ratio * np.float32(0.02) + 2
        screens = np.where(special, target.screens[..., 1], target.screens[..., 0])
        base = base * (1 - np.float32(0.5) * screens) * self._same_type(kind, user)
        base = base * self.modifiers.weather_type[weather, kind] * self.modifiers.item_type[user.item, kind]
        if self.modifiers.technician > 0:
            weak = (user.ability == self.modifiers.technician) & (power <= 60)
            base = base * np.where(weak, np.float32(1.5), np.float32(1))
        found: Floats = np.where(power > 0, base, 0)
        return found

    def _strength(self, user: Combatants) -> Floats:
        """Attacking stats with everything that multiplies them, ``[..., 2]``."""
        stats = user.stats[..., [1, 3]] * self.stages[user.stages[..., [0, 2]] + 6]
        tables = self.modifiers
        stats = stats * tables.ability_attack[user.ability] * tables.item_attack[user.item]
        for item, species, factors in tables.species_item:
            holds = ((user.item == item) & (user.species == species))[..., None]
            stats = stats * np.where(holds, np.asarray(factors, np.float32), np.float32(1))
        burnt = (user.status == self._burn)[..., None]
        found: Floats = stats * np.where(burnt, np.asarray([0.5, 1], np.float32), np.float32(1))
        return found

    def _bulk(self, target: Combatants, weather: Ints) -> Floats:
        """Defending stats with everything that multiplies them, ``[..., 2]``."""
        stats = target.stats[..., [2, 4]] * self.stages[target.stages[..., [1, 3]] + 6]
        tables = self.modifiers
        stats = stats * tables.ability_defense[target.ability] * tables.item_defense[target.item]
        found: Floats = stats * (
            tables.weather_defense[weather, target.types[..., 0]]
            * tables.weather_defense[weather, target.types[..., 1]]
        )
        return found

    def _same_type(self, kind: Ints, user: Combatants) -> Floats:
        """1.5 for attacks of the user's own types; 2 where it has terastallized into one that it had."""
        born = (kind == user.born[..., 0]) | (kind == user.born[..., 1])
        now = (kind == user.types[..., 0]) | (kind == user.types[..., 1])
        stab = np.where(now | (born & user.tera), np.float32(1.5), np.float32(1))
        stab = np.where(now & born & user.tera, np.float32(2), stab)
        if self.modifiers.adaptability > 0:
            stab = np.where((user.ability == self.modifiers.adaptability) & now, np.float32(2), stab)
        found: Floats = stab
        return found

    def _critical_chance(self, moves: Ints, user: Combatants) -> Floats:
        ratio = self._critical_ratio[moves]
        if not self._by_speed:
            table: Floats = self._critical[np.minimum(ratio, 5)]
            return table
        base = (self._species_speed[user.species] - 98) / 2
        chance: Floats = np.minimum(base / 512 * np.where(ratio > 1, 8, 1), np.float32(255 / 256))
        return chance


def stage_multipliers(generation: int) -> NDArray[np.float32]:
    """Multipliers of the stages -6 to 6 of stats."""
    if generation <= 2:
        return np.asarray([25, 28, 33, 40, 50, 66, 100, 150, 200, 250, 300, 350, 400], np.float32) / np.float32(100)
    stages = np.arange(-6, 7)
    return np.asarray(np.maximum(2, 2 + stages) / np.maximum(2, 2 - stages), np.float32)


def accuracy_multipliers(generation: int) -> NDArray[np.float32]:
    """Multipliers of the stages -6 to 6 of accuracy, those of evasion taken off."""
    if generation <= 2:
        return stage_multipliers(generation)
    stages = np.arange(-6, 7)
    return np.asarray(np.maximum(3, 3 + stages) / np.maximum(3, 3 - stages), np.float32)


def _padded_chart(dex: Dex) -> NDArray[np.float32]:
    """The type chart, neutral where a Pokémon has no second type."""
    chart = dex.type_chart.copy()
    chart[:, 0] = 1
    return chart


def _critical_chances(dex: Dex) -> NDArray[np.float32]:
    """By the move's critical ratio 0 to 5."""
    if dex.generation == 2:
        chances = [0, 17 / 256, 1 / 4, 1 / 4, 1 / 2, 1]
    elif dex.generation < 6:
        chances = [0, 1 / 16, 1 / 8, 1 / 4, 1 / 3, 1]
    else:
        chances = [0, 1 / 24 if dex.generation > 6 else 1 / 16, 1 / 8, 1 / 2, 1, 1]
    return np.asarray(chances, np.float32)
