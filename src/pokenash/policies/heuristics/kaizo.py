"""Move scoring in the manner of a difficult Emerald: points for knock-outs and the best attack, and rules of timing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.games.showdown.dex import Dex
from pokenash.policies.heuristics.combatants import Scene
from pokenash.policies.heuristics.kaizo_rules import RuleFacts, group_points, read_situation
from pokenash.policies.heuristics.ruled_player import NEVER, RuledPlayer
from pokenash.policies.heuristics.tactician import Prospects
from pokenash.policies.heuristics.view import MOVES, SWITCHES

__all__ = ["EmeraldKaizo"]

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]

_SURE, _LIKELY, _BEST, _OTHER, _USELESS = 5, 4, 2, -1, -12
_PRIORITY = 2
_BEST_CHANCE, _LEAVE_CHANCE = 0.7, 0.9
_LIKELY_CHANCE = 0.5
_STATUS_DRAWS = slice(1, 5)


class EmeraldKaizo(RuledPlayer):
    """Uses the move with the most points, any among equals.

    A sure knock-out: +5, and +2 more with priority. A likely one: +4. Without one, the best attack +2 with a chance of
    70% and the others -1. A status move that works: +2 with a chance of 70%. What would do nothing: -12. To these the
    rules of `kaizo_rules` are added. In an emergency it switches with a chance of 90%: in the last turn of Perish Song,
    or with neither an attack that the opponent does not resist nor a timely status move, if someone on the bench has
    such an attack. Its last Pokémon uses the format's gimmick.

    Parameters
    ----------
    dex : Dex
        Tables of the format that is played.
    """

    last_with_gimmick = True

    def __init__(self, dex: Dex) -> None:
        super().__init__(dex)
        self._facts = RuleFacts.of(dex)

    def free_choice(self, scene: Scene, mask: NDArray[np.bool_], draws: NDArray[np.float64]) -> Floats:
        """See `RuledPlayer`."""
        prospects = self.tactician.prospects(scene)
        scores = np.full((len(mask), SWITCHES.stop), NEVER, np.float32)
        scores[:, MOVES] = self.move_points(prospects, mask[:, MOVES], draws)
        leave = self._emergency(prospects, scores, mask) & (draws[:, 0] < _LEAVE_CHANCE)
        rows = np.flatnonzero(leave)
        if len(rows):
            duels = self.tactician.match_ups.duels(scene.select(rows))
            helps = (duels.effective & ~duels.falls) | self._must_leave(prospects)[rows, None]
            scores[rows, SWITCHES] = np.where(helps, 100 + duels.rank, NEVER)
        return scores

    def forced_switch(self, scene: Scene, draws: NDArray[np.float64]) -> Floats:
        """See `RuledPlayer`: by damage given and taken, speed, and whether it survives its entry."""
        return self.tactician.match_ups.duels(scene).rank

    def move_points(self, prospects: Prospects, mask: NDArray[np.bool_], draws: NDArray[np.float64]) -> Floats:
        """Points of the four moves, ``[B, 4]``."""
        scene, tactician = prospects.scene, self.tactician
        groups, moves = tactician.groups, scene.moves
        physical, special = tactician.match_ups.threat(scene)
        situation = read_situation(prospects, self._facts, physical, special)
        members = groups.members[moves]
        points = (members * group_points(situation, self._facts)[:, None]).sum(axis=2)
        points = points + self._attack_points(prospects, mask, draws)
        eager = (draws[:, _STATUS_DRAWS] < _BEST_CHANCE) & groups.of("status_move", moves)
        found: Floats = points + _BEST * eager + _USELESS * prospects.dud
        return found

    def _attack_points(self, prospects: Prospects, mask: NDArray[np.bool_], draws: NDArray[np.float64]) -> Floats:
        """Points of attacks as such, ``[B, 4]``."""
        attack = self.tactician.groups.of("attack", prospects.scene.moves) & ~prospects.dud
        value = np.where(attack & mask, prospects.value, -1)
        likely = (prospects.chance >= _LIKELY_CHANCE) & ~prospects.sure
        best = attack & (value == value.max(axis=1, keepdims=True))
        plain = attack & ~prospects.sure & ~likely
        eager = (draws[:, 5] < _BEST_CHANCE)[:, None]
        priority = self.tactician.dex.moves.priority[prospects.scene.moves] > 0
        points = (_SURE + _PRIORITY * priority) * prospects.sure + _LIKELY * likely
        # Among knock-outs, and among attacks otherwise equal, the one that does more comes first.
        found: Floats = points + plain * np.where(best, _BEST * eager, _OTHER) + np.float32(0.01) * value * attack
        return found

    def _emergency(self, prospects: Prospects, scores: Floats, mask: NDArray[np.bool_]) -> Bools:
        """Whether there is nothing to stay for, ``[B]``."""
        hits, moves = prospects.hits, prospects.scene.moves
        status = self.tactician.groups.of("status_move", moves)
        # A status move that is timely is a reason to stay.
        useful = np.where(status, scores[:, MOVES] > _BEST, (hits.factor >= 1) & (hits.expected > 0))
        stuck = ~(useful & ~prospects.dud & mask[:, MOVES]).any(axis=1) & ~prospects.scene.first_turn
        stuck &= ~(prospects.chance >= _LIKELY_CHANCE).any(axis=1)
        return np.asarray((stuck | self._must_leave(prospects)) & mask[:, SWITCHES].any(axis=1))

    def _must_leave(self, prospects: Prospects) -> Bools:
        """Whether Perish Song ends this turn, ``[B]``."""
        return np.asarray(prospects.scene.own_flag("perish") >= 1)
