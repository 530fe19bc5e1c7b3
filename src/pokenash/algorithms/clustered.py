"""Intervals of win rates for battles that are not independent: some opponents are met more than once.

A person who is better than the policy wins most battles against it, so ten battles with one person say less than one
battle each with ten. What is resampled, or whose spread is taken, is then the opponent and not the battle.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, t

from pokenash.algorithms.intervals import wilson_interval
from pokenash.errors import InputError

__all__ = ["ClusteredRate", "clustered_rate", "intraclass_correlation"]

Array = NDArray[np.float64]

_BOOTSTRAP_SAMPLES = 4000


@dataclass(frozen=True, slots=True)
class ClusteredRate:
    """A win rate over opponents who are met more than once, with two intervals.

    Parameters
    ----------
    battles, opponents : int
    win_rate : float
        Over all battles, a draw counting half.
    lower, upper : float
        Wilson's interval for as many independent battles as these are worth. **The one to use**, whatever the number
        of opponents.
    bootstrap_lower, bootstrap_upper : float or None
        Percentile interval of the cluster bootstrap; None with a single opponent. Too narrow with few opponents, and
        of no width if every battle ended alike.
    effective_battles : float
        As how many independent battles these count.
    correlation : float or None
        Estimate of the intra-class correlation; None where it cannot be estimated.
    level : float
        Of the intervals.
    """

    battles: int
    opponents: int
    win_rate: float
    lower: float
    upper: float
    bootstrap_lower: float | None
    bootstrap_upper: float | None
    effective_battles: float
    correlation: float | None
    level: float

    def to_json(self) -> dict[str, Any]:
        """As a JSON-able dict."""
        return {name: getattr(self, name) for name in self.__slots__}


def clustered_rate(
    scores: ArrayLike,
    opponents: Sequence[Hashable],
    *,
    level: float = 0.95,
    seed: int = 0,
    samples: int = _BOOTSTRAP_SAMPLES,
) -> ClusteredRate:
    """Win rate and intervals of battles that are grouped by opponent.

    The first interval is Wilson's with an effective number of battles: the number over the design effect, which is
    the variance of the rate taken between opponents (a ratio estimate; Cochran, *Sampling Techniques*, 3rd ed. 1977,
    eq. 6.13 for opponents instead of units) over that of independent battles, and times the squared ratio of the
    normal to Student's quantile with one degree of freedom less than there are opponents (Korn & Graubard, Survey
    Methodology 24, 1998; with Wilson's interval: Dean & Pagano, J. Survey Statistics and Methodology 3, 2015). It is
    never taken to be more than the number of battles. If every opponent had the same share of wins the spread says
    nothing, and each opponent counts as a single battle.

    The second is the percentile interval of the cluster bootstrap: opponents are drawn with replacement, each with
    all battles (Davison & Hinkley, *Bootstrap Methods and their Application*, 1997, section 3.8; Field & Welsh,
    "Bootstrapping clustered data", JRSS B 69, 2007).

    Parameters
    ----------
    scores : float array, ``[N]``
        1, 1/2 or 0.
    opponents : sequence, length N
        Who was played.
    level : float
        Of both intervals, in (0, 1).
    seed : int
        Of the bootstrap.
    samples : int
        Of the bootstrap.

    Raises
    ------
    InputError
        If there is no battle, the lengths differ, or a score is not from 0 to 1.
    """
    won, sizes = _by_opponent(scores, opponents)
    if not 0 < level < 1 or samples < 1:
        raise InputError(f"expected a level between 0 and 1 and samples >= 1, got {level} and {samples}")
    battles, rate = float(sizes.sum()), float(won.sum() / sizes.sum())
    effective = _effective_battles(won, sizes, level)
    lower, upper = wilson_interval(rate * effective, effective, level)
    low = high = None
    if len(sizes) > 1:
        drawn = np.random.default_rng(seed).multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), samples)
        rates = (drawn @ won) / (drawn @ sizes)
        low, high = (float(np.quantile(rates, end)) for end in ((1 - level) / 2, (1 + level) / 2))
    return ClusteredRate(
        battles=int(battles),
        opponents=len(sizes),
        win_rate=rate,
        lower=float(lower),
        upper=float(upper),
        bootstrap_lower=low,
        bootstrap_upper=high,
        effective_battles=effective,
        correlation=intraclass_correlation(scores, opponents),
        level=level,
    )


def intraclass_correlation(scores: ArrayLike, opponents: Sequence[Hashable]) -> float | None:
    """How alike two battles against one opponent are: the analysis-of-variance estimate.

    Donner, "A Review of Inference Procedures for the Intraclass Correlation Coefficient", Int. Statistical Review 54
    (1986); for binary results Ridout, Demétrio & Firth, Biometrics 55 (1999).

    Parameters
    ----------
    scores, opponents
        As in `clustered_rate`.

    Returns
    -------
    float or None
        At most 1, and below 0 where opponents differ less than chance would have it. None if no opponent was met
        twice, if there is one opponent only, or if all battles ended alike.
    """
    won, sizes = _by_opponent(scores, opponents)
    battles, groups = sizes.sum(), len(sizes)
    if groups < 2 or battles <= groups:
        return None
    rate = won.sum() / battles
    total = float(((np.asarray(scores, np.float64) - rate) ** 2).sum())
    between = float((sizes * (won / sizes - rate) ** 2).sum())
    if total <= 1e-12:
        return None
    mean_between, mean_within = between / (groups - 1), (total - between) / (battles - groups)
    size = (battles - (sizes**2).sum() / battles) / (groups - 1)
    return float((mean_between - mean_within) / (mean_between + (size - 1) * mean_within))


def _by_opponent(scores: ArrayLike, opponents: Sequence[Hashable]) -> tuple[Array, Array]:
    """Score and number of battles of every opponent, ``[K]`` each, in order of appearance."""
    values = np.asarray(scores, np.float64)
    if values.ndim != 1 or values.size == 0 or len(opponents) != values.size:
        raise InputError(f"expected one opponent for every score, got {len(opponents)} for scores {values.shape}")
    if not ((values >= 0) & (values <= 1)).all():
        raise InputError(f"expected scores from 0 to 1, got {values.tolist()}")
    index = {opponent: place for place, opponent in enumerate(dict.fromkeys(opponents))}
    groups = np.array([index[opponent] for opponent in opponents])
    return np.bincount(groups, values).astype(np.float64), np.bincount(groups).astype(np.float64)


def _effective_battles(won: Array, sizes: Array, level: float) -> float:
    battles, groups = float(sizes.sum()), len(sizes)
    if groups < 2:
        # Whatever is true of one person need not be true of another.
        return 1.0
    rate = float(won.sum() / battles)
    between = groups / (groups - 1) * float(((won - rate * sizes) ** 2).sum()) / battles**2
    if between <= 1e-12:
        return float(groups)
    quantile = (1 + level) / 2
    shrunk = rate * (1 - rate) / between * float(norm.ppf(quantile) / t.ppf(quantile, groups - 1)) ** 2
    return min(battles, shrunk)
