"""How many battles a claim needs.

Computed before a study, so that it is neither too small to show anything nor stopped when it happens to look well. A
claim that a win rate is above 50% (or another rate) is tested by the exact binomial test; the other functions are for
the difference between two policies, the width of an interval, draws, and opponents who are met more than once.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom

from pokenash.algorithms.intervals import wilson_interval
from pokenash.errors import InputError

__all__ = ["battles_for_difference", "battles_for_interval", "battles_for_win_rate", "binomial_power", "design_effect"]

Array = NDArray[np.float64]

_MOST_BATTLES = 1_000_000
_normal = NormalDist().inv_cdf


def binomial_power(
    battles: int,
    win_rate: float,
    *,
    null: float = 0.5,
    significance: float = 0.05,
    two_sided: bool = False,
    draw_rate: float = 0.0,
) -> float:
    """Probability that the exact binomial test shows the win rate to differ from `null`.

    Parameters
    ----------
    battles : int
        Played in all, draws included, and independent of each other (see `design_effect`).
    win_rate : float
        The true one, in [0, 1], a draw being half a win.
    null : float
        The rate to be ruled out, in (0, 1).
    significance : float
        Probability of a false claim at most, in (0, 1).
    two_sided : bool
        Whether a rate below `null` shall be found as well; each side then has half the significance (the test that
        goes with Clopper & Pearson's interval; Fay, "Two-sided Exact Tests and Matching Confidence Intervals for
        Discrete Data", R Journal 2, 2010). One-sided, only a rate above `null` is looked for.
    draw_rate : float
        Probability of a draw. Draws are left out of the test (the sign test; Dixon & Mood, JASA 41, 1946), which is
        exact whatever their number; it asks whether wins are likelier than losses, so `null` must be 0.5.

    Returns
    -------
    float

    Raises
    ------
    InputError
        If a rate is out of range, or draws come with another `null` than 0.5.
    """
    _check(win_rate, null, significance, draw_rate)
    if battles < 0:
        raise InputError(f"power: expected a number of battles >= 0, got {battles}")
    return _power(battles, win_rate, null, significance, two_sided, draw_rate)


def battles_for_win_rate(
    win_rate: float,
    *,
    null: float = 0.5,
    power: float = 0.8,
    significance: float = 0.05,
    two_sided: bool = False,
    draw_rate: float = 0.0,
    design_effect: float = 1.0,
) -> int:
    """Battles after which the exact binomial test shows the win rate with the given probability.

    Parameters
    ----------
    win_rate : float
        The true rate that shall be found, above `null` (or, if two-sided, below it).
    power : float
        Probability of finding it, in (0, 1).
    null, significance, two_sided, draw_rate
        As in `binomial_power`.
    design_effect : float
        By how many times dependent battles must be more than independent ones, see `design_effect`.

    Returns
    -------
    int
        The smallest number which has the power together with every larger one (the power of an exact test does not
        grow with every battle). With draws, whose number is random, the smallest number that has the power.

    Raises
    ------
    InputError
        If a rate is out of range, the win rate is not on the side of `null` that the test looks at, or more than a
        million battles were needed.
    """
    _check(win_rate, null, significance, draw_rate)
    _check_open("power", power)
    if win_rate == null or (win_rate < null and not two_sided):
        side = "different from" if two_sided else "above"
        raise InputError(f"power: expected a win rate {side} {null}, got {win_rate}; no number of battles shows it")
    _check_effect(design_effect)

    def enough(battles: int) -> bool:
        return _power(battles, win_rate, null, significance, two_sided, draw_rate) >= power

    battles = _bisect(enough)
    if draw_rate == 0:
        battles = _last_crossing(battles, win_rate, null, significance, two_sided, power)
    return _inflated(battles, design_effect)


def battles_for_difference(
    first: float,
    second: float,
    *,
    power: float = 0.8,
    significance: float = 0.05,
    two_sided: bool = True,
    design_effect: float = 1.0,
    correlation: float = 0.0,
) -> int:
    """Battles that each of two policies needs against the same opponents for their win rates to be told apart.

    The normal approximation for two proportions, without a correction for continuity (Fleiss, Levin & Paik,
    *Statistical Methods for Rates and Proportions*, 3rd ed. 2003, eq. 4.14).

    Parameters
    ----------
    first, second : float
        The true win rates.
    power, significance, two_sided, design_effect
        As in `battles_for_win_rate`.
    correlation : float
        Between the two policies' results in battles that are paired (the same teams, opponent and seat), in [0, 1).
        The variance of the difference is then ``1 - correlation`` times as large.

    Returns
    -------
    int
        Of each policy.
    """
    _check(first, 0.5, significance, 0.0)
    _check(second, 0.5, significance, 0.0)
    _check_open("power", power)
    _check_effect(design_effect)
    if not 0 <= correlation < 1:
        raise InputError(f"power: expected a correlation of at least 0 and below 1, got {correlation}")
    if first == second:
        raise InputError(f"power: expected two different win rates, got {first} twice; nothing tells them apart")
    mean = (first + second) / 2
    spread = _normal(1 - significance / (2 if two_sided else 1)) * sqrt(2 * mean * (1 - mean))
    spread += _normal(power) * sqrt(first * (1 - first) + second * (1 - second))
    # A little less than the quotient, lest rounding make a whole number the next one.
    return _inflated(ceil((spread / (first - second)) ** 2 * (1 - correlation) - 1e-9), design_effect)


def battles_for_interval(
    half_width: float, *, win_rate: float = 0.5, level: float = 0.95, design_effect: float = 1.0
) -> int:
    """Battles after which the Wilson interval of a win rate is at most ``2 * half_width`` wide.

    Parameters
    ----------
    half_width : float
        In (0, 0.5).
    win_rate : float
        That is expected; 0.5 is the worst case.
    level : float
        Of the interval.
    design_effect : float
        As in `battles_for_win_rate`.
    """
    if not 0 < half_width < 0.5:
        raise InputError(f"power: expected a half width between 0 and 0.5, got {half_width}")
    _check(win_rate, 0.5, 1 - level, 0.0)
    _check_effect(design_effect)

    def narrow(battles: int) -> bool:
        lower, upper = wilson_interval(win_rate * battles, battles, level)
        return float(upper - lower) <= 2 * half_width

    return _inflated(_bisect(narrow), design_effect)


def design_effect(battles_per_opponent: ArrayLike, correlation: float) -> float:
    """By how many times the variance of a win rate grows because opponents are met more than once.

    Battles against one person are alike: a strong player wins most of them. Kish, *Survey Sampling* (1965), eq.
    8.2.2, is ``1 + (m - 1) * correlation``; for opponents who are met unequally often, ``m`` is the size of the group
    that an average battle is in, ``sum(m ** 2) / sum(m)`` (Donner, Birkett & Buck, Am. J. Epidemiology 114, 1981).

    Parameters
    ----------
    battles_per_opponent : float or array ``[K]``
        Battles against each of K opponents; a number if the same against all.
    correlation : float
        Between the results of two battles against one opponent (the intra-class correlation), in [0, 1].
        `pokenash.algorithms.clustered.intraclass_correlation` estimates it from earlier battles.
    """
    sizes = np.atleast_1d(np.asarray(battles_per_opponent, np.float64))
    if sizes.size == 0 or not (sizes >= 1).all():
        raise InputError(f"design effect: expected at least one battle with every opponent, got {sizes.tolist()}")
    if not 0 <= correlation <= 1:
        raise InputError(f"design effect: expected a correlation between 0 and 1, got {correlation}")
    return float(1 + ((sizes**2).sum() / sizes.sum() - 1) * correlation)


def _decisive_power(battles: NDArray[np.int64], rate: float, null: float, significance: float, both: bool) -> Array:
    """Power of the exact test for each number of battles without draws, ``[N]``."""
    tail = significance / 2 if both else significance
    # isf is the smallest x with P(X > x) <= tail: x + 1 wins and more reject.
    found: Array = binom.sf(binom.isf(tail, battles, null), battles, rate)
    if both:
        found = found + binom.sf(binom.isf(tail, battles, 1 - null), battles, 1 - rate)
    return np.where(battles > 0, found, 0.0)


def _power(battles: int, rate: float, null: float, significance: float, both: bool, draw_rate: float) -> float:
    if draw_rate == 0:
        return float(_decisive_power(np.array([battles]), rate, null, significance, both)[0])
    decisive = np.arange(battles + 1)
    won = (rate - draw_rate / 2) / (1 - draw_rate)
    power = _decisive_power(decisive, won, null, significance, both)
    return float(binom.pmf(decisive, battles, 1 - draw_rate) @ power)


def _bisect(enough: Callable[[int], bool]) -> int:
    """A number of battles that is enough while one less is not."""
    high = 1
    while not enough(high):
        high *= 2
        if high > _MOST_BATTLES:
            raise InputError(f"power: more than {_MOST_BATTLES:,} battles were needed; look for a larger effect")
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _last_crossing(start: int, rate: float, null: float, significance: float, both: bool, power: float) -> int:
    """The first number of battles from which on the power is never too small again.

    The teeth of an exact test's power are as long as the steps of the critical value, a few battles, and get lower:
    past one and a half times a sufficient number there are none that reach down so far.
    """
    battles = np.arange(1, start + start // 2 + 100)
    below = np.flatnonzero(_decisive_power(battles, rate, null, significance, both) < power)
    return int(battles[below[-1]]) + 1 if below.size else 1


def _inflated(battles: int, effect: float) -> int:
    return ceil(battles * effect - 1e-9)


def _check_effect(effect: float) -> None:
    if not effect >= 1:
        raise InputError(f"power: expected a design effect of at least 1, got {effect}")


def _check_open(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise InputError(f"power: expected {name} between 0 and 1, got {value}")


def _check(win_rate: float, null: float, significance: float, draw_rate: float) -> None:
    _check_open("a rate to be ruled out", null)
    _check_open("significance", significance)
    if not 0 <= win_rate <= 1:
        raise InputError(f"power: expected a win rate from 0 to 1, got {win_rate}")
    if not 0 <= draw_rate < 1 or not draw_rate / 2 <= win_rate <= 1 - draw_rate / 2:
        raise InputError(
            f"power: a draw rate of {draw_rate} does not go with a win rate of {win_rate}, in which draws count half"
        )
    if draw_rate and null != 0.5:
        raise InputError(
            f"power: draws are left out of the test, which then asks whether wins are likelier than losses: expected "
            f"null=0.5, got {null}; with draw_rate=0 the number of battles is too large rather than too small"
        )
