"""The policy that chooses uniformly among the legal actions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import InputError
from pokenash.games.core import Decisions, Game
from pokenash.policies.core import DecisionRandom, Policy
from pokenash.policies.spec import PolicySpec

__all__ = ["Uniform", "load"]


class Uniform(Policy):
    """Every legal action with equal probability; plays any game."""

    def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        """Draw one legal action per row, ``[B]``."""
        legal_so_far = np.cumsum(decisions.action_mask, axis=1, dtype=np.int32)
        # Below the number of legal actions even after rounding: uniform numbers are at most 1 - 2**-53.
        chosen = rng.uniform(decisions)[:, 0] * legal_so_far[:, -1]
        actions: NDArray[np.int64] = np.argmax(legal_so_far > chosen[:, None], axis=1)
        return actions

    def action_probabilities(self, decisions: Decisions, memory: Any) -> NDArray[np.float64]:
        """``1 / number of legal actions`` where legal, ``[B, A]``."""
        mask = decisions.action_mask
        probabilities: NDArray[np.float64] = mask / mask.sum(axis=1, keepdims=True)
        return probabilities


def load(spec: PolicySpec, game: Game) -> Uniform:
    """Make the policy of a spec of kind ``"uniform"``, which has no parameters."""
    if spec.parameters:
        raise InputError(f"policy {spec.name!r}: kind 'uniform' takes no parameters, got {sorted(spec.parameters)}")
    return Uniform()
