"""Scores over paired battles: what they say of a policy, once and at any time.

Every drawn start is played both ways, so two battles belong together: they share teams and seed, and what the start
favours in one of them it mostly takes back in the other. The pair is what is drawn independently. A policy's score in
a pair is 0, 1/4, 1/2, 3/4 or 1 (a draw is half a win), and all that is computed here follows from how often each of
the five happened.

Two intervals. `paired_interval` is for a number of pairs that was fixed before the first was played. An interval that
is looked at again and again, and decides when to stop, is wrong more often than it says; `confidence_sequence` is
right at all times together, so that any rule may stop it and it may be continued at will. It costs about 2.7 times as
many battles for the same width.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pokenash.algorithms.match_log import LoggedMatch
from pokenash.errors import InputError

__all__ = [
    "PAIR_SCORES",
    "PairedScore",
    "confidence_sequence",
    "count_pairs",
    "paired_interval",
    "paired_score",
    "score_variance",
]

Array = NDArray[np.float64]

PAIR_SCORES: Array = np.arange(5, dtype=np.float64) / 4
"""Scores that a policy can have in a pair of battles."""

# Of an interval of few pairs that all ended alike, the spread is not 0: half a pair of each extreme is counted in.
_PSEUDO_PAIRS = 0.5
# Shares of the largest bet, from the one that tells rates apart that differ by little to the one for lopsided results.
_BETS: Array = 2.0 ** -np.arange(6, dtype=np.float64)
_ROOT_TOLERANCE = 1e-12


@dataclass(frozen=True, slots=True)
class PairedScore:
    """A policy's score against one opponent.

    Parameters
    ----------
    pairs : int
        Counted pairs of battles.
    battles, wins, draws, losses : int
        Of the counted pairs.
    score : float or None
        Mean over pairs, a draw counting half; None without pairs, as are the bounds.
    lower, upper : float or None
        `paired_interval`.
    always_lower, always_upper : float or None
        `confidence_sequence`.
    level : float
        Of both.
    """

    pairs: int
    battles: int
    wins: int
    draws: int
    losses: int
    score: float | None
    lower: float | None
    upper: float | None
    always_lower: float | None
    always_upper: float | None
    level: float

    @property
    def width(self) -> float:
        """Of the interval that holds at any time; infinite without pairs."""
        if self.always_lower is None or self.always_upper is None:
            return float("inf")
        return self.always_upper - self.always_lower

    def to_json(self) -> dict[str, Any]:
        """As a JSON-able dict."""
        return {name: getattr(self, name) for name in self.__slots__}


def count_pairs(matches: Iterable[LoggedMatch], policy: str) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """How often each score of a pair happened.

    Parameters
    ----------
    matches : iterable of LoggedMatch
        Of one schedule of `paired_matches`: episodes ``2k`` and ``2k + 1`` are a pair.
    policy : str
        Whose score.

    Returns
    -------
    counts : int64 array, ``[5]``
        By `PAIR_SCORES`.
    outcomes : int64 array, ``[3]``
        Wins, draws and losses in these pairs.
    left_out : int
        Battles that do not count: both of a pair in which one ended with an error, and those without a partner.

    Raises
    ------
    InputError
        If two that should be a pair did not have the same start.
    """
    by_pair: dict[int, list[LoggedMatch]] = {}
    for match in matches:
        by_pair.setdefault(match.episode // 2, []).append(match)
    counts, outcomes, left_out = np.zeros(5, np.int64), np.zeros(3, np.int64), 0
    for number, pair in by_pair.items():
        if len(pair) != 2 or not (pair[0].counted and pair[1].counted):
            left_out += len(pair)
            continue
        if pair[0].seed != pair[1].seed or pair[0].policies != pair[1].policies[::-1]:
            raise InputError(f"episodes {2 * number} and {2 * number + 1} are not one start played both ways")
        signs = [int(np.sign(match.returns[match.policies.index(policy)])) for match in pair]
        counts[2 + sum(signs)] += 1
        for sign in signs:
            outcomes[1 - sign] += 1
    return counts, outcomes, left_out


def paired_score(counts: ArrayLike, outcomes: ArrayLike, level: float = 0.95) -> PairedScore:
    """What counts of pairs say, with both intervals.

    Parameters
    ----------
    counts : int array, ``[5]``
        By `PAIR_SCORES`.
    outcomes : int array, ``[3]``
        Wins, draws and losses of the same battles.
    level : float
    """
    pairs = int(np.sum(counts))
    wins, draws, losses = (int(n) for n in np.asarray(outcomes))
    if not pairs:
        return PairedScore(0, 0, 0, 0, 0, None, None, None, None, None, level)
    score, lower, upper = paired_interval([counts], level=level)
    always = confidence_sequence(counts, level)
    return PairedScore(pairs, 2 * pairs, wins, draws, losses, score, lower, upper, *always, level)


def _checked(counts: ArrayLike, level: float) -> NDArray[np.int64]:
    found = np.asarray(counts, np.int64)
    if found.shape[-1:] != (5,) or (found < 0).any() or not 0 < level < 1:
        raise InputError(
            f"scores of pairs: expected five counts >= 0 and a level between 0 and 1, got {found.tolist()} and {level}"
        )
    return found


def score_variance(counts: ArrayLike) -> Array:
    """Variance of the mean score, ``[...]``, from counts ``[..., 5]``; half a pair of each extreme is counted in."""
    smoothed = np.asarray(counts, np.float64) + np.array([_PSEUDO_PAIRS, 0, 0, 0, _PSEUDO_PAIRS])
    number = smoothed.sum(axis=-1)
    mean = smoothed @ PAIR_SCORES / number
    of_a_pair = (smoothed @ PAIR_SCORES**2 / number - mean**2) * number / (number - 1)
    variance: Array = of_a_pair / np.asarray(counts).sum(axis=-1)
    return variance


def paired_interval(
    counts: Sequence[ArrayLike], weights: ArrayLike | None = None, level: float = 0.95
) -> tuple[float, float, float]:
    """Mean score against one or several opponents, and its interval for a number of pairs that was fixed before.

    Wilson's score interval with an effective number of battles: as many independent ones as have the variance that the
    pairs show, and Student's quantile in place of the normal one (Korn & Graubard, "Confidence intervals for
    proportions with small expected number of positive counts estimated from survey data", Survey Methodology 24,
    1998; for several opponents the degrees of freedom are Satterthwaite's, Biometrics Bulletin 2, 1946).

    Parameters
    ----------
    counts : sequence of int arrays, ``[opponents]`` of ``[5]``
        By `PAIR_SCORES`, at least two pairs of each opponent for an interval that is not all of [0, 1].
    weights : float array, ``[opponents]``, optional
        Of the opponents in the mean, by default the same for all; they are normalised to sum to 1.
    level : float
        Two-sided coverage.

    Returns
    -------
    score, lower, upper : float

    Raises
    ------
    InputError
        If an opponent has no pair, or the weights are not one number >= 0 for each, some of them positive.
    """
    from scipy.stats import t

    table = _checked(np.array(counts), level)
    share = np.ones(len(table)) if weights is None else np.asarray(weights, np.float64)
    if share.shape != (len(table),) or not (share >= 0).all() or not share.sum() > 0:
        raise InputError(f"expected one weight >= 0 for each of {len(table)} opponents, got {share.tolist()}")
    share = share / share.sum()
    table, share = table[share > 0], share[share > 0]
    pairs = table.sum(axis=1)
    if (pairs == 0).any():
        raise InputError("no interval without a pair of battles against every opponent")
    score = float(share @ (table @ PAIR_SCORES / pairs))
    if (pairs < 2).any():
        return score, 0.0, 1.0
    parts = share**2 * score_variance(table)
    freedom = parts.sum() ** 2 / (parts**2 / (pairs - 1)).sum()
    z2 = float(t.ppf((1 + level) / 2, freedom)) ** 2
    smoothed = np.array([_PSEUDO_PAIRS, 0, 0, 0, _PSEUDO_PAIRS]) + table
    centre = float(share @ (smoothed @ PAIR_SCORES / smoothed.sum(axis=1)))
    effective = centre * (1 - centre) / float(parts.sum())
    middle = (score + z2 / (2 * effective)) / (1 + z2 / effective)
    half = np.sqrt(z2 * (score * (1 - score) / effective + z2 / (4 * effective**2))) / (1 + z2 / effective)
    return score, min(max(float(middle - half), 0.0), score), max(min(float(middle + half), 1.0), score)


def confidence_sequence(counts: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Bounds of the mean score that hold at all times together, whatever made one stop and look.

    A gambler bets on every pair that the mean is higher than `m`, at fair odds if it is `m`; by Ville's inequality
    the stake is ever multiplied by 2 / (1 - level) with a probability of at most (1 - level) / 2 if it is. The lower
    bound is the smallest `m` of which that has not happened. The stake is spread over bets of six sizes, so that the
    bound is near the best for wide and for narrow intervals, and depends on the counts alone. Upper bounds in the same
    way. Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86 (2024), Theorem 3
    (the hedged capital process); the mixture over bets is Robbins' ("Statistical Methods Related to the Law of the
    Iterated Logarithm", Ann. Math. Statist. 41, 1970).

    Parameters
    ----------
    counts : int array, ``[5]``
        By `PAIR_SCORES`.
    level : float
        Coverage of both bounds together, over all times.

    Returns
    -------
    lower, upper : float
        0 and 1 without pairs. No assumption but that pairs are drawn independently in the same way.
    """
    table = _checked(counts, level).astype(np.float64)
    if not table.sum():
        return 0.0, 1.0
    # The upper bound is the lower one of the opponent, whose scores are the policy's turned round.
    return _lower_bound(table, level), 1 - _lower_bound(table[::-1], level)


def _lower_bound(counts: Array, level: float) -> float:
    from scipy.optimize import brentq

    limit = np.log(2 / (1 - level))
    low, high = 0.0, float(counts @ PAIR_SCORES / counts.sum())
    if _log_capital(counts, low) < limit:
        return low
    # The capital falls as the supposed mean rises, and at the mean that was seen it is no more than the stake.
    found: float = brentq(lambda mean: _log_capital(counts, mean) - limit, low, high, xtol=_ROOT_TOLERANCE)
    return found


def _log_capital(counts: Array, mean: float) -> float:
    """Logarithm of what the gambler has, who bets that the mean is higher."""
    seen = counts > 0
    with np.errstate(divide="ignore"):
        growth = np.log1p(_BETS[:, None] * (PAIR_SCORES[seen] - mean))
    of_bets = growth @ counts[seen]
    largest = float(of_bets.max())
    return largest + float(np.log(np.exp(of_bets - largest).mean()))
