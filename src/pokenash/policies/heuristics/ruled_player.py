"""The frame that the players of the ladder share: a free choice, a forced switch, draws, and the gimmick."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.games.core import Decisions
from pokenash.games.showdown.dex import Dex
from pokenash.policies.core import DecisionRandom, Policy
from pokenash.policies.heuristics.combatants import Scene
from pokenash.policies.heuristics.tactician import Tactician
from pokenash.policies.heuristics.view import MOVES, SWITCHES, blocks, choose, uniforms, with_gimmick

__all__ = ["NEVER", "RuledPlayer"]

Floats = NDArray[np.floating[Any]]

NEVER = -1000.0
"""Score of what is done only when nothing else is legal."""

_DRAWS, _STREAM = 12, 1


class RuledPlayer(Policy):
    """A player that scores its moves, and its switches where it considers them.

    Parameters
    ----------
    dex : Dex
        Tables of the format that is played.
    """

    last_with_gimmick = False
    """Whether the last Pokémon uses the format's gimmick (terastallizing and so on) with its move."""

    def __init__(self, dex: Dex) -> None:
        self.tactician = Tactician(dex)

    def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        """See `Policy.act`."""
        view, mask = blocks(decisions.observation), decisions.action_mask
        scores = np.full((len(decisions), SWITCHES.stop), NEVER, np.float32)
        draws = rng.uniform(decisions, _DRAWS, _STREAM)
        forced = ~mask[:, MOVES].any(axis=1)
        gimmick = np.zeros(len(decisions), np.bool_)
        for is_forced in (False, True):
            rows = np.flatnonzero(forced == is_forced)
            if not len(rows):
                continue
            scene = self.tactician.scene({name: block[rows] for name, block in view.items()})
            if is_forced:
                scores[rows, SWITCHES] = self.forced_switch(scene, draws[rows])
                continue
            scores[rows] = self.free_choice(scene, mask[rows, : SWITCHES.stop], draws[rows])
            gimmick[rows] = scene.last_own
        actions = choose(scores, mask, uniforms(decisions, rng))
        return with_gimmick(actions, mask, gimmick) if self.last_with_gimmick else actions

    @abstractmethod
    def free_choice(self, scene: Scene, mask: NDArray[np.bool_], draws: NDArray[np.float64]) -> Floats:
        """Scores of the four moves and the six switches, ``[B, 10]``, where a move may be chosen.

        Parameters
        ----------
        scene : Scene
        mask : bool array, ``[B, 10]``
            Legal base actions.
        draws : float64 array, ``[B, 12]``
            Uniform numbers in [0, 1), for rules that hold by chance.
        """

    @abstractmethod
    def forced_switch(self, scene: Scene, draws: NDArray[np.float64]) -> Floats:
        """Scores of the six Pokémon, ``[B, 6]``, where only they may be chosen (and at the team preview)."""


def moves_only(scores: Floats) -> Floats:
    """Scores of four moves as scores of ten actions: switches only when nothing else is legal."""
    found = np.full((len(scores), SWITCHES.stop), NEVER, np.float32)
    found[:, MOVES] = scores
    return found
