"""A gym leader: knock-outs first, then set-up and healing by chance, else the most damage."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.policies.heuristics.combatants import Scene
from pokenash.policies.heuristics.ruled_player import NEVER, RuledPlayer
from pokenash.policies.heuristics.tactician import Prospects
from pokenash.policies.heuristics.view import MOVES, SWITCHES

__all__ = ["GymLeader"]

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]

_SET_UP_CHANCE, _SET_UP_HP = 0.5, 0.9
_HEAL_CHANCE, _HEAL_HP = 0.75, 1 / 3


class GymLeader(RuledPlayer):
    """In this order: a sure knock-out that comes first, a sure knock-out, an emergency switch, healing, set-up, damage.

    The emergency: the last turn of Perish Song, or no attack that the opponent does not resist while someone on the
    bench has one. It heals at less than a third of its HP with a chance of 75%, and sets up in its first turn, at more
    than 90% of its HP, with 50%. Its last Pokémon uses the format's gimmick.
    """

    last_with_gimmick = True

    def free_choice(self, scene: Scene, mask: NDArray[np.bool_], draws: NDArray[np.float64]) -> Floats:
        """See `RuledPlayer`."""
        prospects = self.tactician.prospects(scene)
        sure = prospects.sure & mask[:, MOVES]
        scores = np.full((len(mask), SWITCHES.stop), NEVER, np.float32)
        moves = prospects.value - np.where(prospects.dud, 5, 0)
        moves = moves + 10 * self._set_up(prospects, draws[:, 0]) + 20 * self._heal(prospects, draws[:, 1])
        scores[:, MOVES] = moves + 60 * sure + 30 * (sure & prospects.first)
        worried = np.flatnonzero(self._emergency(prospects, mask) & ~sure.any(axis=1))
        if len(worried):
            duels = self.tactician.match_ups.duels(scene.select(worried))
            helps = (duels.effective & ~duels.falls) | (scene.own_flag("perish")[worried] >= 1)[:, None]
            scores[worried, SWITCHES] = np.where(helps, 40 + duels.rank, NEVER)
        return scores

    def forced_switch(self, scene: Scene, draws: NDArray[np.float64]) -> Floats:
        """See `RuledPlayer`."""
        return self.tactician.match_ups.duels(scene).rank

    def _emergency(self, prospects: Prospects, mask: NDArray[np.bool_]) -> Bools:
        """Whether to leave, ``[B]``."""
        scene = prospects.scene
        useful = (prospects.hits.factor >= 1) & (prospects.hits.expected > 0) & mask[:, MOVES]
        stuck = ~useful.any(axis=1) & ~scene.first_turn
        return np.asarray((stuck | (scene.own_flag("perish") >= 1)) & mask[:, SWITCHES].any(axis=1))

    def _set_up(self, prospects: Prospects, draw: NDArray[np.float64]) -> Bools:
        scene = prospects.scene
        now = (draw < _SET_UP_CHANCE) & scene.first_turn & (scene.own.hp > _SET_UP_HP)
        return now[:, None] & self.tactician.groups.of("set_up", scene.moves) & ~prospects.dud

    def _heal(self, prospects: Prospects, draw: NDArray[np.float64]) -> Bools:
        scene, groups = prospects.scene, self.tactician.groups
        heals = groups.of("heal", scene.moves) | groups.of("rest", scene.moves)
        return ((draw < _HEAL_CHANCE) & (scene.own.hp < _HEAL_HP))[:, None] & heals & ~prospects.dud
