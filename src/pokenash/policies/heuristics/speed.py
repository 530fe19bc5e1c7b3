"""Who moves first: priority, then speeds with stages, paralysis, items, weather, Tailwind and Trick Room."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.games.showdown.dex import Dex
from pokenash.policies.heuristics.attacks import stage_multipliers
from pokenash.policies.heuristics.combatants import Combatants, Scene
from pokenash.policies.heuristics.modifiers import find, modifiers

__all__ = ["SpeedModel"]

Floats = NDArray[np.floating[Any]]


class SpeedModel:
    """Speeds and the order of moves.

    Parameters
    ----------
    dex : Dex
        Tables of the format that is played.
    """

    def __init__(self, dex: Dex) -> None:
        self._paralysis = dex.id("statuses", "par")
        self._slowed = np.float32(0.25 if dex.generation < 7 else 0.5)
        self._quick_feet = find(dex, "abilities", "Quick Feet")
        self._stages = stage_multipliers(dex.generation)
        self._modifiers = modifiers(dex)
        self._priority = dex.moves.priority

    def speed(self, who: Combatants, weather: NDArray[np.int64], tailwind: Floats) -> Floats:
        """Speed now, ``[...]``; `weather` and `tailwind` (0 = none) fit `who`."""
        tables = self._modifiers
        speed = who.stats[..., 5] * self._stages[who.stages[..., 4] + 6]
        speed = speed * tables.item_speed[who.item] * tables.weather_speed[who.ability, weather]
        slowed = who.status == self._paralysis
        if self._quick_feet > 0:
            slowed &= who.ability != self._quick_feet
        found: Floats = speed * np.where(slowed, self._slowed, np.float32(1)) * (1 + (tailwind > 0))
        return found

    def own_first(self, scene: Scene) -> NDArray[np.bool_]:
        """Whether the own active one acts before the opponent's at equal priority, ``[B]``; equals do not."""
        own = self.speed(scene.own, scene.weather, scene.field("own_tailwind"))
        foe = self.speed(scene.foe, scene.weather, scene.field("opponent_tailwind"))
        return np.where(scene.field("trick_room") > 0, own < foe, own > foe)

    def moves_first(self, scene: Scene, own_first: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Whether each move would act before a move without priority, ``[B, 4]``."""
        priority = self._priority[scene.moves]
        return np.asarray((priority > 0) | ((priority == 0) & own_first[:, None]))
