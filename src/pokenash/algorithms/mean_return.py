"""What a policy earns on average, with bounds that hold for any bounded return."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import InputError

__all__ = ["MeanReturn"]


@dataclass(frozen=True, slots=True)
class MeanReturn:
    """A mean over paired games, each start played from both seats.

    Parameters
    ----------
    games : int
    mean : float
        Return of the policy, averaged over the two seats.
    lower, upper : float
        One-sided bounds: each alone has the level.
    level : float
    standard_error : float
        Of the mean, the pair being what is drawn independently.
    by_seat : tuple of float
        Mean return in seat 0 and in seat 1.
    """

    games: int
    mean: float
    lower: float
    upper: float
    level: float
    standard_error: float
    by_seat: tuple[float, float]

    @classmethod
    def from_seats(
        cls, first: Sequence[float] | NDArray[np.float64], second: Sequence[float] | NDArray[np.float64], level: float
    ) -> MeanReturn:
        """Bounds from the returns in the two seats, pair by pair.

        Student's t over the pairs' means. So that few games which all end alike do not look certain, one more pair of
        each extreme (the largest return seen, won and lost) is counted into the spread, not into the mean.

        Parameters
        ----------
        first, second : float arrays, ``[pairs]``
            The policy's return in seat 0 and in seat 1 of each start.
        level : float

        Raises
        ------
        InputError
            Without at least two pairs.
        """
        from scipy.stats import t

        seats = np.array([first, second], np.float64)
        if seats.ndim != 2 or seats.shape[1] < 2 or not 0.5 <= level < 1:
            raise InputError(
                f"mean return: expected at least two pairs of games and a level in [0.5, 1), got shape {seats.shape} "
                f"and level {level}"
            )
        pairs = seats.mean(axis=0)
        largest = float(np.abs(seats).max())
        spread = float(np.append(pairs, [largest, -largest]).std(ddof=1))
        error = spread / float(np.sqrt(len(pairs)))
        reach = float(t.ppf(level, len(pairs) - 1)) * error
        mean = float(pairs.mean())
        by_seat = (float(seats[0].mean()), float(seats[1].mean()))
        return cls(2 * len(pairs), mean, mean - reach, mean + reach, level, error, by_seat)

    def to_json(self) -> dict[str, Any]:
        """As a JSON-able dict."""
        return {**asdict(self), "by_seat": list(self.by_seat)}
