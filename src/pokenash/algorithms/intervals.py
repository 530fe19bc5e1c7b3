"""Intervals of win rates."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pokenash.errors import InputError

__all__ = ["WinRate", "wilson_interval"]


def wilson_interval(
    successes: ArrayLike, trials: ArrayLike, level: float = 0.95, *, one_sided: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wilson's score interval of a rate.

    Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22 (1927).

    Parameters
    ----------
    successes : float array, any shape
        A draw may count as half a success: the spread of a result in {0, 1/2, 1} is at most that of a result in
        {0, 1} with the same mean, so the interval is then a little too wide, never too narrow.
    trials : float array, the same shape
        Need not be whole (effective numbers of trials).
    level : float
        Coverage, in (0, 1).
    one_sided : bool
        Whether each bound alone has the level (then the two together have ``2 * level - 1``).

    Returns
    -------
    lower, upper : float64 arrays
        NaN where there are no trials.
    """
    if not 0 < level < 1:
        raise InputError(f"confidence level: expected a number between 0 and 1, got {level}")
    z = NormalDist().inv_cdf(level if one_sided else (1 + level) / 2)
    won, n = np.asarray(successes, np.float64), np.asarray(trials, np.float64)
    if (n < 0).any() or (won < 0).any() or (won > n * (1 + 1e-12)).any():
        raise InputError(f"expected 0 <= successes <= trials, got successes {won.tolist()} of trials {n.tolist()}")
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = won / n
        centre = (rate + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    # Rounding must not leave a bound outside [0, 1] or on the wrong side of the rate.
    return np.minimum(np.clip(centre - half, 0, 1), rate), np.maximum(np.clip(centre + half, 0, 1), rate)


@dataclass(frozen=True, slots=True)
class WinRate:
    """A win rate with what it rests on.

    Parameters
    ----------
    battles, wins, draws, losses : int
        ``battles`` is the sum of the others; battles that ended with an error are in none of them.
    win_rate : float or None
        ``(wins + draws / 2) / battles``; None without battles, as are the bounds.
    lower, upper : float or None
        Two-sided Wilson interval; a draw counts as half a win.
    level : float
        Of the interval.
    """

    battles: int
    wins: int
    draws: int
    losses: int
    win_rate: float | None
    lower: float | None
    upper: float | None
    level: float = 0.95

    @classmethod
    def from_counts(cls, wins: int, draws: int, losses: int, level: float = 0.95) -> WinRate:
        """Rate and interval of the given counts."""
        if min(wins, draws, losses) < 0:
            raise InputError(f"expected counts >= 0, got {wins} wins, {draws} draws, {losses} losses")
        battles = int(wins + draws + losses)
        if battles == 0:
            return cls(0, 0, 0, 0, None, None, None, level)
        won = wins + draws / 2
        lower, upper = wilson_interval(won, battles, level)
        return cls(battles, int(wins), int(draws), int(losses), won / battles, float(lower), float(upper), level)

    def to_json(self) -> dict[str, Any]:
        """As a JSON-able dict."""
        return asdict(self)
