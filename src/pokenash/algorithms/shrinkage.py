"""Rates of many alike things, each from few trials: pulled towards their mean by as much as chance explains.

The largest of many observed rates is the largest partly by luck. The hierarchical beta-binomial model says by how much:
each true rate is a draw from a beta distribution, whose mean and spread are estimated from all of them.

Gelman et al., "Bayesian Data Analysis", 3rd edition, section 5.3, whose prior this is: uniform in the mean and, nearly,
in the standard deviation of the true rates. Efron and Morris, "Data Analysis Using Stein's Estimator and its
Generalizations", JASA 70 (1975), on why it is closer to the truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, betaln

from pokenash.errors import InputError

__all__ = ["ShrunkenRates", "shrink_rates"]

Vector = NDArray[np.float64]

_MEANS, _SPREADS = 41, 60
_STANDARD_ERRORS = 8.0
"""How far the grid of means reaches on either side of the pooled rate."""
_SMALLEST = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class ShrunkenRates:
    """Estimates of many rates together.

    Parameters
    ----------
    mean, lower, upper : float64 arrays, ``[n]``
        Posterior mean of each rate, and its interval: the quantiles of the beta distribution that has the posterior's
        mean and variance. Where there are no trials it is the prior that all the others make.
    overall : float
        Posterior mean of the mean of the true rates.
    spread, spread_lower, spread_upper : float
        Standard deviation of the true rates around their mean: posterior mean and interval. Near 0, the things differ
        by chance alone.
    level : float
        Of the intervals.
    """

    mean: Vector
    lower: Vector
    upper: Vector
    overall: float
    spread: float
    spread_lower: float
    spread_upper: float
    level: float


def shrink_rates(successes: ArrayLike, trials: ArrayLike, level: float = 0.95) -> ShrunkenRates:
    """Estimate many rates together.

    Parameters
    ----------
    successes : float array, ``[n]``
        A draw may count as half a success: then results vary less than the model says, and estimates are pulled
        together a little more than need be.
    trials : float array, ``[n]``
        At least one of them positive.
    level : float
        Of the intervals, in (0, 1).

    Raises
    ------
    InputError
        If counts are out of range or there is no trial at all.
    """
    won, played = np.asarray(successes, np.float64), np.asarray(trials, np.float64)
    if not 0 < level < 1:
        raise InputError(f"confidence level: expected a number between 0 and 1, got {level}")
    if won.shape != played.shape or won.ndim != 1 or not ((won >= 0) & (won <= played)).all() or not played.any():
        raise InputError(
            f"expected 0 <= successes <= trials and some trials, got {won.sum():g} successes of {played.sum():g} "
            f"trials in arrays of the shapes {won.shape} and {played.shape}"
        )
    # Things with the same counts have the same estimates: of thousands of teams, most do.
    pairs, index, copies = np.unique(np.stack([won, played], 1), axis=0, return_inverse=True, return_counts=True)
    index = index.reshape(-1)
    means, spreads, weights = _posterior(pairs[:, 0], pairs[:, 1], copies)
    alpha, beta = means * _concentration(spreads), (1 - means) * _concentration(spreads)
    mean, variance = np.zeros(len(pairs)), np.zeros(len(pairs))
    for i, (successes_, trials_) in enumerate(pairs):
        a, b = alpha + successes_, beta + trials_ - successes_
        rate = a / (a + b)
        mean[i] = weights @ rate
        variance[i] = weights @ (rate * (1 - rate) / (a + b + 1)) + weights @ (rate - mean[i]) ** 2
    lower, upper = _beta_interval(mean, variance, level)
    deviation = np.sqrt(means * (1 - means) / (_concentration(spreads) + 1))
    low, high = _weighted_quantiles(deviation, weights, ((1 - level) / 2, (1 + level) / 2))
    return ShrunkenRates(
        mean[index],
        lower[index],
        upper[index],
        float(weights @ means),
        float(weights @ deviation),
        low,
        high,
        level,
    )


def _concentration(spreads: Vector) -> Vector:
    """Sum of a beta distribution's two parameters; its standard deviation is about half the spread."""
    return spreads**-2.0


def _posterior(won: Vector, played: Vector, copies: NDArray[np.int64]) -> tuple[Vector, Vector, Vector]:
    """A grid over the mean and the spread of the true rates, flat, with its posterior probabilities."""
    trials = float(played @ copies)
    pooled = float(won @ copies) / trials
    rates, sure = won / np.maximum(played, 1), played > 0
    between = np.average((rates[sure] - pooled) ** 2, weights=copies[sure])
    error = np.sqrt(max(pooled * (1 - pooled), 1 / trials) / trials + between / copies[sure].sum())
    low, high = pooled - _STANDARD_ERRORS * error, pooled + _STANDARD_ERRORS * error
    mean_axis = np.linspace(max(low, _SMALLEST), min(high, 1 - _SMALLEST), _MEANS)
    # Finer near 0, where sets of teams are.
    roots = (np.arange(_SPREADS) + 0.5) / _SPREADS
    means, grid_roots = (axis.reshape(-1) for axis in np.meshgrid(mean_axis, roots, indexing="ij"))
    spreads = grid_roots**2
    concentration = _concentration(spreads)
    alpha, beta = means * concentration, (1 - means) * concentration
    # Uniform in the spread; the step between spreads grows with the root.
    log = np.log(grid_roots)
    for successes, trials_, count in zip(won, played, copies, strict=True):
        log = log + count * (betaln(alpha + successes, beta + trials_ - successes) - betaln(alpha, beta))
    weights = np.exp(log - log.max())
    keep = weights > 1e-12
    return means[keep], spreads[keep], weights[keep] / weights[keep].sum()


def _beta_interval(mean: Vector, variance: Vector, level: float) -> tuple[Vector, Vector]:
    concentration = mean * (1 - mean) / variance - 1
    alpha, beta = mean * concentration, (1 - mean) * concentration
    return betaincinv(alpha, beta, (1 - level) / 2), betaincinv(alpha, beta, (1 + level) / 2)


def _weighted_quantiles(values: Vector, weights: Vector, wanted: tuple[float, float]) -> tuple[float, float]:
    order = np.argsort(values)
    share = np.cumsum(weights[order])
    found = [float(values[order][min(int(np.searchsorted(share, one)), len(order) - 1)]) for one in wanted]
    return found[0], found[1]
