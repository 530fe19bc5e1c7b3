"""The Kaizo scoring with fewer rules and with a sense of when to leave."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.policies.heuristics.combatants import Scene
from pokenash.policies.heuristics.kaizo import EmeraldKaizo
from pokenash.policies.heuristics.ruled_player import NEVER
from pokenash.policies.heuristics.view import MOVES, SWITCHES

__all__ = ["KaizoPlus"]

Floats = NDArray[np.floating[Any]]

_CHECK = 9
_SURE_EXTRA = 3
_BAD_STAGES = -2


class KaizoPlus(EmeraldKaizo):
    """`EmeraldKaizo` that gives a sure knock-out 8 points, and leaves for a check or because of bad stages.

    A check is one that wins the duel by a clear margin, worked out from damage and speed: its points are 9 times how
    much better it stands than the active one after the hit that a switch costs.
    """

    def free_choice(self, scene: Scene, mask: NDArray[np.bool_], draws: NDArray[np.float64]) -> Floats:
        """See `RuledPlayer`."""
        prospects = self.tactician.prospects(scene)
        scores = np.full((len(mask), SWITCHES.stop), NEVER, np.float32)
        points = self.move_points(prospects, mask[:, MOVES], draws) + _SURE_EXTRA * prospects.sure
        scores[:, MOVES] = points
        rows = np.flatnonzero(mask[:, SWITCHES].any(axis=1))
        if len(rows):
            scores[rows, SWITCHES] = self._switch_points(scene.select(rows))
        return scores

    def _switch_points(self, scene: Scene) -> Floats:
        """Points of the six switches, ``[B, 6]``."""
        duels = self.tactician.match_ups.duels(scene)
        # A switch costs a hit, and what lies on the ground.
        cost = duels.taken + duels.entry
        batch = np.arange(len(cost))
        mine = duels.worth[batch, scene.slot][:, None]
        better = duels.worth - mine - cost
        stages = scene.own.stages
        spoilt = stages[:, :5].min(axis=1) <= _BAD_STAGES
        perish = scene.own_flag("perish") >= 1
        points = _CHECK * better + 3 * spoilt[:, None] - 4 * scene.first_turn[:, None]
        found: Floats = np.where(perish[:, None], 50 + points, points) - 20 * duels.falls
        return found
