"""A rating on a scale that is already there: the known players keep their ratings, and one new player is placed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pokenash.algorithms.paired_scores import PAIR_SCORES, score_variance
from pokenash.algorithms.ratings import POINTS_PER_LOG_ODDS
from pokenash.errors import InputError

__all__ = ["AnchoredRating", "anchored_rating"]

Array = NDArray[np.float64]

_MAX_NEWTON_STEPS = 100
_TOLERANCE = 1e-10
_LONGEST_STEP = 3.0


@dataclass(frozen=True, slots=True)
class AnchoredRating:
    """Where a player stands among players whose ratings are known.

    Parameters
    ----------
    rating, lower, upper : float
        On the anchors' scale; 400 points are odds of ten to one.
    level : float
        Of the interval.
    anchors : tuple of str
        Who was played.
    battles : int
        Against all of them together.
    expected : tuple of float
        Score against each anchor that the ratings predict; where it is far from the measured one, no single number
        says how strong the player is.
    """

    rating: float
    lower: float
    upper: float
    level: float
    anchors: tuple[str, ...]
    battles: int
    expected: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """As a JSON-able dict."""
        return {name: getattr(self, name) for name in self.__slots__} | {
            "anchors": list(self.anchors),
            "expected": list(self.expected),
        }


def anchored_rating(
    counts: Sequence[ArrayLike],
    names: Sequence[str],
    ratings: ArrayLike,
    covariance: ArrayLike | None = None,
    *,
    level: float = 0.95,
    prior_battles: float = 1.0,
) -> AnchoredRating:
    """Place a player by its battles against rated ones.

    The Bradley-Terry likelihood of one player's results, the others' ratings being given: the rating at which the
    expected score over all battles is the score that was had. An anchor's weight is its number of battles.

    Parameters
    ----------
    counts : sequence of int arrays, ``[anchors]`` of ``[5]``
        Pairs of battles against each anchor, by `paired_scores.PAIR_SCORES`; at least one pair each.
    names : sequence of str
    ratings : float array, ``[anchors]``
    covariance : float array, ``[anchors, anchors]``, optional
        Of the anchors' ratings; how uncertain they are then widens the interval.
    level : float
    prior_battles : float
        Drawn battles that are added against each anchor, so that who won all battles has a finite rating.

    Raises
    ------
    InputError
        If an anchor has no battles, the lengths differ, or a number is out of range.
    """
    table, known = np.asarray(counts, np.float64), np.asarray(ratings, np.float64)
    if table.shape != (len(known), 5) or len(names) != len(known) or not len(known) or (table.sum(axis=1) == 0).any():
        raise InputError(
            f"rating: expected pairs of battles against each of {len(known)} anchors, got counts of shape {table.shape}"
        )
    if not 0 < level < 1 or not prior_battles >= 0:
        raise InputError(f"rating: expected a level in (0, 1) and prior_battles >= 0, got {level}, {prior_battles}")
    battles = 2 * table.sum(axis=1)
    won = battles * (table @ PAIR_SCORES / table.sum(axis=1)) + prior_battles / 2
    place, expected, slopes = _fit(won, battles + prior_battles, known / POINTS_PER_LOG_ODDS)
    share = slopes / slopes.sum()
    variance = float((battles**2 * score_variance(table)).sum() / slopes.sum() ** 2) * POINTS_PER_LOG_ODDS**2
    if covariance is not None:
        variance += float(share @ np.asarray(covariance, np.float64) @ share)
    half = NormalDist().inv_cdf((1 + level) / 2) * float(np.sqrt(variance))
    rating = place * POINTS_PER_LOG_ODDS
    return AnchoredRating(
        rating, rating - half, rating + half, level, tuple(names), int(battles.sum()), tuple(expected.tolist())
    )


def _fit(won: Array, battles: Array, known: Array) -> tuple[float, Array, Array]:
    """Newton's method in log odds: the place, the expected scores there, and how fast they rise times battles."""
    if not 0 < won.sum() < battles.sum():
        raise InputError("rating: every battle was won, or every one lost, so that no finite rating fits")
    place = float(known.mean())
    for _ in range(_MAX_NEWTON_STEPS):
        expected: Array = 1 / (1 + np.exp(known - place))
        slopes: Array = battles * expected * (1 - expected)
        step = float((won - battles * expected).sum() / slopes.sum())
        if abs(step) < _TOLERANCE:
            break
        place += float(np.clip(step, -_LONGEST_STEP, _LONGEST_STEP))
    return place, expected, slopes
