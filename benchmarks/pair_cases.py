"""Results of paired battles to simulate: how often each of a pair's five scores comes, in seven kinds of matchups."""

from __future__ import annotations

import numpy as np


def pair_distribution(rate: float, draws: float, favour: float) -> np.ndarray:
    """Chances of the five scores of a pair whose start favours one side by `favour`, taken back in the other seat."""
    chances = np.zeros(5)
    for sign in (1, -1):
        games = []
        for ahead in (sign * favour, -sign * favour):
            wins = np.clip(rate + ahead, 0, 1)
            games.append([(1 - wins) * (1 - draws), draws, wins * (1 - draws)])
        chances += 0.5 * np.convolve(*games)
    return chances


# Fair, lopsided, with teams that decide much, with many draws, and with pairs whose battles always end alike.
CASES = {
    "score 0.5": pair_distribution(0.5, 0.0, 0.0),
    "score 0.9": pair_distribution(0.9, 0.0, 0.0),
    "score 0.99": pair_distribution(0.99, 0.0, 0.0),
    "score 0.6, teams decide much": pair_distribution(0.6, 0.05, 0.3),
    "half draws": pair_distribution(0.5, 0.5, 0.0),
    "pairs end alike, 0.5": np.array([0.45, 0.0, 0.1, 0.0, 0.45]),
    "pairs end alike, 0.9": np.array([0.09, 0.0, 0.02, 0.0, 0.89]),
}
