"""The simplest player that is not random: the move of the highest base power."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.games.core import Decisions
from pokenash.games.showdown.dex import Dex
from pokenash.policies.core import DecisionRandom, Policy
from pokenash.policies.heuristics.view import MOVES, SWITCHES, blocks, choose, uniforms

__all__ = ["MaxPower"]


class MaxPower(Policy):
    """Uses the available move of the highest base power, any of them among equals; switches only when it must.

    Parameters
    ----------
    dex : Dex
        Tables of the format that is played.
    """

    def __init__(self, dex: Dex) -> None:
        self._power = np.maximum(dex.moves.base_power, 0).astype(np.float32)

    def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        """See `Policy.act`."""
        moves = blocks(decisions.observation)["move_ids"][:, :, 0]
        scores = np.empty((len(decisions), SWITCHES.stop), np.float32)
        scores[:, MOVES] = self._power[moves]
        scores[:, SWITCHES] = -1
        return choose(scores, decisions.action_mask, uniforms(decisions, rng))
