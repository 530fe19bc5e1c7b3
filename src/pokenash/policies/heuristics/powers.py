"""How powerful a move is where its power, type or accuracy depends on the position."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.games.showdown.dex import STATUS, Dex
from pokenash.policies.heuristics.combatants import Combatants
from pokenash.policies.heuristics.modifiers import find

__all__ = ["PowerTable"]

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]

_USUAL = {
    "Return": 102, "Frustration": 102, "Hidden Power": 60, "Magnitude": 71, "Present": 52, "Low Kick": 50,
    "Gyro Ball": 60, "Electro Ball": 60, "Heavy Slam": 80, "Heat Crash": 80, "Hard Press": 60, "Crush Grip": 60,
    "Wring Out": 60, "Punishment": 60, "Trump Card": 50, "Natural Gift": 60, "Fling": 30, "Beat Up": 60,
    "Pika Papow": 102, "Veevee Volley": 102,
}  # fmt: skip
"""What a move of varying power usually has; all others without a power of their own count as none."""

_BY_WEIGHT = ("Low Kick", "Grass Knot")
_WHEN_WEAK = ("Flail", "Reversal")
_WHEN_WHOLE = ("Eruption", "Water Spout", "Dragon Energy")
_ON_AFFLICTED = ("Hex", "Infernal Parade")
_IN_STORM = ("Thunder", "Hurricane", "Bleakwind Storm", "Sandsear Storm", "Wildbolt Storm")
_NEEDS_SLEEP = ("Dream Eater",)
_ASLEEP = ("Snore",)
_PLAIN, _WEIGHT, _WEAK, _WHOLE, _AFFLICTED, _FACADE, _DREAM, _SNORE = range(8)


class PowerTable:
    """Powers of moves, with what the position does to them.

    Parameters
    ----------
    dex : Dex
        Tables of the format that is played.
    """

    def __init__(self, dex: Dex) -> None:
        moves = dex.moves
        power = np.where(moves.category < STATUS, moves.base_power, 0).astype(np.float32)
        for name, usual in _USUAL.items():
            at = find(dex, "moves", name)
            if at > 0 and power[at] <= 1:
                power[at] = usual
        power[(moves.damage_kind > 0) | (power == 1)] = 0
        self._power = power
        self._rule = np.zeros(len(power), np.int64)
        rules = [(_WHEN_WEAK, _WEAK), (_WHEN_WHOLE, _WHOLE), (_ON_AFFLICTED, _AFFLICTED), (("Facade",), _FACADE)]
        rules += [(_NEEDS_SLEEP, _DREAM), (_ASLEEP, _SNORE)]
        if dex.generation >= 3:
            rules.append((_BY_WEIGHT, _WEIGHT))
        for names, rule in rules:
            for name in names:
                self._rule[max(find(dex, "moves", name), 0)] = rule
        self._rule[0] = _PLAIN
        self._weight = dex.species.weight
        self._sleep, self._burn = dex.id("statuses", "slp"), dex.id("statuses", "brn")
        self._type = moves.type.astype(np.int64)
        self._accuracy = moves.accuracy
        self._weather_accuracy = _weather_accuracy(dex)
        kinds = dex.names["damage_kinds"]
        self._half = moves.damage_kind == kinds.index("half")
        self._random = moves.damage_kind == kinds.index("random")
        self._constant = np.where(moves.damage_kind == kinds.index("constant"), moves.damage_value, 0)
        by_level = (moves.damage_kind == kinds.index("level")) | self._random
        self._per_level = np.where(by_level, moves.damage_value, 0).astype(np.float32)
        self._ohko = moves.ohko
        self._weather_ball = find(dex, "moves", "Weather Ball")
        self._weather_types = _weather_types(dex)
        self._tera_blast = find(dex, "moves", "Tera Blast")
        self.damaging = moves.category < STATUS

    def power(self, moves: Ints, user: Combatants, target: Combatants, weather: Ints) -> Floats:
        """Power in the position, ``[...]``; 0 for moves that do fixed damage or none."""
        power: Floats = self._power[moves]
        rule = self._rule[moves]
        if rule.any():
            hp, whole = user.hp, np.float32(150)
            weight = self._weight[target.species]
            steps = np.searchsorted(np.asarray([10, 25, 50, 100, 200], np.float32), weight, side="right")
            ill = (target.status > 0).astype(np.float32)
            own_ill = (user.status > 0) & (user.status != self._sleep)
            # Facade is spared what a burn does, and gets twice the power.
            facade = 70 * (1 + own_ill + 2 * (user.status == self._burn))
            cases = {
                _WEIGHT: 20.0 * (steps + 1),
                _WEAK: np.select([hp < 0.05, hp < 0.1, hp < 0.2, hp < 0.35, hp < 0.68], [200, 150, 100, 80, 40], 20),
                _WHOLE: whole * hp,
                _AFFLICTED: power * (1 + ill),
                _FACADE: facade,
                _DREAM: power * (target.status == self._sleep),
                _SNORE: power * (user.status == self._sleep),
            }
            for code, value in cases.items():
                power = np.where(rule == code, value, power).astype(np.float32)
        if self._weather_ball > 0:
            doubled = (moves == self._weather_ball) & (self._weather_types[weather] > 0)
            power = power * np.where(doubled, np.float32(2), np.float32(1))
        return power

    def fixed(self, moves: Ints, user: Combatants, target: Combatants) -> Floats:
        """Damage in HP that does not depend on stats, ``[...]``; mean where it is drawn."""
        share = np.float32(0.5) * target.hp * self._half[moves]
        # A move that fells at one blow never works on a target of a higher level.
        share = share + self._ohko[moves] * (user.level >= target.level)
        found: Floats = self._constant[moves] + self._per_level[moves] * user.level + share * target.stats[..., 0]
        return np.asarray(found, np.float32)

    def fixed_least(self, moves: Ints, fixed: Floats) -> Floats:
        """The least of it."""
        found: Floats = fixed * ~self._random[moves]
        return found

    def type_of(self, moves: Ints, user: Combatants, weather: Ints) -> Ints:
        """The type that a move has now."""
        kind: Ints = self._type[moves]
        if self._weather_ball > 0:
            turned = (moves == self._weather_ball) & (self._weather_types[weather] > 0)
            kind = np.where(turned, self._weather_types[weather], kind)
        if self._tera_blast > 0:
            kind = np.where((moves == self._tera_blast) & user.tera, user.types[..., 0], kind)
        return kind

    def accuracy(self, moves: Ints, weather: Ints) -> Floats:
        """Accuracy in the weather, without stages."""
        changed = self._weather_accuracy[weather, moves]
        found: Floats = np.where(changed > 0, changed, self._accuracy[moves])
        return found


def _weather_accuracy(dex: Dex) -> NDArray[np.float32]:
    """Accuracy by weather and move, 0 where it is as always."""
    table = np.zeros((len(dex.names["weathers"]), len(dex.names["moves"])), np.float32)
    if dex.generation == 1:
        return table
    for name in _IN_STORM:
        move = find(dex, "moves", name)
        if move > 0:
            for weather, chance in (("RainDance", 1.0), ("PrimordialSea", 1.0), ("SunnyDay", 0.5)):
                table[find(dex, "weathers", weather), move] = chance
    if dex.generation >= 4:
        for weather in ("Hail", "Snowscape"):
            table[find(dex, "weathers", weather), find(dex, "moves", "Blizzard")] = 1.0
    return table


def _weather_types(dex: Dex) -> NDArray[np.int64]:
    """The type that Weather Ball has, by weather; 0 where it is doubled by none."""
    turned = {"RainDance": "Water", "SunnyDay": "Fire", "Sandstorm": "Rock", "Hail": "Ice", "Snowscape": "Ice"}
    types = np.zeros(len(dex.names["weathers"]), np.int64)
    for weather, kind in turned.items():
        types[find(dex, "weathers", weather)] = find(dex, "types", kind)
    return types
