"""What a policy is: something that answers a batch of decisions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.games.core import Decisions
from pokenash.games.splitmix import GOLDEN, mix

__all__ = ["DecisionRandom", "Policy", "sample_actions"]


class DecisionRandom:
    """Random numbers that are a pure function of (seed, episode, player, decision, stream).

    A policy that draws from it plays an episode in the same way in any batch and on any worker. The generator is
    SplitMix64 (Steele, Lea & Flood 2014) with the key hashed word by word into its state.

    Parameters
    ----------
    seed : int
        Any integer; taken modulo 2**64.
    """

    def __init__(self, seed: int) -> None:
        self.seed = int(seed) % 2**64

    def uniform_at(
        self,
        episode: NDArray[np.int64],
        player: NDArray[np.int64],
        decision: NDArray[np.int64],
        num: int = 1,
        stream: int = 0,
    ) -> NDArray[np.float64]:
        """Uniform numbers in [0, 1) for the given keys, ``[B, num]``."""
        state = mix(np.full(len(episode), self.seed, np.uint64) + GOLDEN)
        for word in (episode, player, decision):
            state = mix((state ^ word.astype(np.uint64)) + GOLDEN)
        state = mix((state ^ np.uint64(stream)) + GOLDEN)
        steps = np.arange(1, num + 1, dtype=np.uint64) * GOLDEN
        words = mix(state[:, None] + steps)
        uniform: NDArray[np.float64] = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return uniform

    def uniform(self, decisions: Decisions, num: int = 1, stream: int = 0) -> NDArray[np.float64]:
        """Uniform numbers in [0, 1) for every row, ``[B, num]``; another `stream` gives independent ones."""
        return self.uniform_at(decisions.episode, decisions.player, decisions.decision, num, stream)


def sample_actions(probabilities: NDArray[np.floating[Any]], uniform: NDArray[np.float64]) -> NDArray[np.int64]:
    """Draw one action per row by inversion.

    Parameters
    ----------
    probabilities : float array, ``[B, A]``
        Rows need not be normalised; entries of 0 are never drawn.
    uniform : float64 array, ``[B]``
        Numbers in [0, 1).
    """
    cumulative = np.cumsum(probabilities, axis=1, dtype=np.float64)
    target = uniform[:, None] * cumulative[:, -1:]
    actions: NDArray[np.int64] = np.argmax(cumulative > target, axis=1)
    return actions


class Policy(ABC):
    """Answers batches of decisions.

    A policy holds no state of the episodes that it plays: what it remembers lies in the memory that
    `initial_memory` makes and the caller keeps.
    """

    needs_text: bool = False
    """Whether `Decisions.text` must be there (policies that read the game's own protocol)."""

    def initial_memory(self, num_lanes: int) -> Any:
        """Memory for `num_lanes` lanes and two players, updated in place by `act`. Default: none."""
        return None

    @abstractmethod
    def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        """Choose a legal action for every row.

        Parameters
        ----------
        decisions : Decisions
            Any subset of the open rows. Where ``decision == 0`` an episode begins and the memory of that
            (lane, player) must be forgotten.
        memory
            What `initial_memory` returned.
        rng : DecisionRandom
            The only source of randomness.

        Returns
        -------
        int64 array, ``[B]``
        """

    def action_probabilities(self, decisions: Decisions, memory: Any) -> NDArray[np.float64]:
        """Probability of every action, ``[B, A]``, 0 where masked; advances the memory as `act` does.

        Raises
        ------
        NotImplementedError
            For policies that cannot say.
        """
        raise NotImplementedError(f"{type(self).__name__} cannot give action probabilities")
