"""Batches of decisions that are made up for a test."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from pokenash.games.core import Decisions


def batch(
    mask: ArrayLike, *, episode: ArrayLike | None = None, player: ArrayLike = 0, decision: ArrayLike = 0
) -> Decisions:
    """Rows with the given masks and keys; each its own lane, and by default its own episode."""
    mask = np.asarray(mask, np.bool_)
    rows = np.arange(len(mask))
    return Decisions(
        rows,
        rows if episode is None else np.asarray(episode, np.int64),
        np.broadcast_to(np.asarray(player, np.int64), len(mask)).copy(),
        np.broadcast_to(np.asarray(decision, np.int64), len(mask)).copy(),
        rows[:, None].astype(np.float32),
        mask,
    )
