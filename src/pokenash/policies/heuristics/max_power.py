"""The simplest player that is not random: the move of the highest base power."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import InputError
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
    epsilon : float
        Chance of any available move instead.

    Raises
    ------
    InputError
        If `epsilon` is not within 0 and 1.
    """

    def __init__(self, dex: Dex, epsilon: float = 0.0) -> None:
        if not 0 <= epsilon <= 1:
            raise InputError(f"max_power: epsilon is {epsilon}, expected a chance from 0 to 1")
        self._epsilon = epsilon
        self._power = np.maximum(dex.moves.base_power, 0).astype(np.float32)

    def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        """See `Policy.act`."""
        moves = blocks(decisions.observation)["move_ids"][:, :, 0]
        scores = np.empty((len(decisions), SWITCHES.stop), np.float32)
        scores[:, MOVES] = self._power[moves]
        if self._epsilon > 0:
            anything = rng.uniform(decisions, 1, stream=1) < self._epsilon
            scores[:, MOVES] = np.where(anything, 0, scores[:, MOVES])
        scores[:, SWITCHES] = -1
        return choose(scores, decisions.action_mask, uniforms(decisions, rng))
