"""Chance that depends on nothing but the episode's seed and how many chance events came before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pokenash.games.splitmix import GOLDEN, mix

__all__ = ["chance_uniform", "thresholds"]

# Keeps chance apart from policies' draws, which are hashed from another seed in the same way.
_STREAM = np.uint64(0x6368616E6365)


def chance_uniform(seed: NDArray[np.uint64], event: NDArray[np.int64]) -> NDArray[np.float64]:
    """Uniform numbers in [0, 1), a pure function of the key.

    Parameters
    ----------
    seed : uint64 array, ``[B]``
        `EpisodeSetup.seed`.
    event : int64 array, ``[B]``
        How many chance events the episode has had before.

    Returns
    -------
    float64 array, ``[B]``
    """
    state = mix((seed ^ _STREAM) + GOLDEN)
    state = mix((state ^ event.astype(np.uint64)) + GOLDEN)
    uniform: NDArray[np.float64] = (state >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return uniform


def thresholds(probabilities: Sequence[float]) -> NDArray[np.float64]:
    """Cumulative probabilities ``[n]``, the last of them 1; outcome i is drawn where i of them are ``<= uniform``."""
    cumulative = np.cumsum(np.asarray(probabilities, np.float64))
    scaled: NDArray[np.float64] = cumulative / cumulative[-1]
    return scaled
