"""Ratings: one number a policy. They say who beats whom only as far as the game is transitive (see `cyclicity`).

Bradley-Terry ratings are those under which the results are likeliest, whatever the order in which they came; their
intervals are large-sample ones that hold even where the model does not. Elo ratings follow the results one by one.
Both are on Elo's scale: 400 points are odds of ten to one. Alpha-rank is the meta-solver `alpha_rank`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.algorithms.empirical_game import EmpiricalGame
from pokenash.algorithms.match_log import LoggedMatch
from pokenash.errors import InputError

__all__ = ["POINTS_PER_LOG_ODDS", "BradleyTerry", "bradley_terry", "elo", "elo_averaged", "expected_score"]

Matrix = NDArray[np.float64]

POINTS_PER_LOG_ODDS = 400 / np.log(10)
"""Points of Elo's scale per unit of log odds, 173.7."""

_MAX_NEWTON_STEPS = 100
_TOLERANCE = 1e-10
# In log odds: far from the solution, where the likelihood is flat, a full step would lead away.
_LONGEST_STEP = 5.0


def expected_score(ratings: Any) -> Matrix:
    """Win rate of the row against the column policy that ratings predict, a draw being half a win, ``[n, n]``."""
    ratings = np.asarray(ratings, np.float64)
    difference = (ratings[:, None] - ratings[None, :]) / POINTS_PER_LOG_ODDS
    score: Matrix = 1 / (1 + np.exp(-difference))
    return score


@dataclass(frozen=True, slots=True, eq=False)
class BradleyTerry:
    """Bradley-Terry ratings with their intervals, on Elo's scale.

    Parameters
    ----------
    policies : tuple of str
    ratings : float64 array, ``[n]``
        Their mean is the `centre` that was asked for.
    covariance : float64 array, ``[n, n]``
        Of the ratings; only differences are estimated, so its rows sum to 0.
    level : float
        Of the intervals.
    """

    policies: tuple[str, ...]
    ratings: Matrix
    covariance: Matrix
    level: float

    @property
    def lower(self) -> Matrix:
        """Lower ends of the ratings' intervals, ``[n]``: of each policy against the mean of all."""
        return self.ratings - self._quantile * np.sqrt(np.diag(self.covariance))

    @property
    def upper(self) -> Matrix:
        """Upper ends, ``[n]``."""
        return self.ratings + self._quantile * np.sqrt(np.diag(self.covariance))

    @property
    def _quantile(self) -> float:
        return NormalDist().inv_cdf((1 + self.level) / 2)

    def difference(self, first: str, second: str) -> tuple[float, float, float]:
        """How far the first policy is ahead of the second, and the interval's lower and upper end.

        Narrower than the two ratings' own intervals suggest, for what both have in common cancels.
        """
        for name in (first, second):
            if name not in self.policies:
                raise InputError(f"ratings: no policy {name!r}; there are {', '.join(self.policies)}")
        i, j = self.policies.index(first), self.policies.index(second)
        ahead = float(self.ratings[i] - self.ratings[j])
        variance = self.covariance[i, i] + self.covariance[j, j] - 2 * self.covariance[i, j]
        half = self._quantile * float(np.sqrt(max(variance, 0.0)))
        return ahead, ahead - half, ahead + half

    def to_json(self) -> dict[str, Any]:
        """Ratings and intervals by policy."""
        rows = zip(self.policies, self.ratings.tolist(), self.lower.tolist(), self.upper.tolist(), strict=True)
        return {
            "level": self.level,
            "ratings": {name: {"rating": rating, "lower": low, "upper": high} for name, rating, low, high in rows},
        }


def bradley_terry(
    game: EmpiricalGame, *, level: float = 0.95, centre: float = 0.0, prior_battles: float = 1.0
) -> BradleyTerry:
    """Fit Bradley-Terry ratings by penalised maximum likelihood.

    Bradley & Terry, "Rank Analysis of Incomplete Block Designs", Biometrika 39 (1952). A draw is half a win for both.

    Parameters
    ----------
    game : EmpiricalGame
        Pairs may be missing, as long as every policy is joined to every other by a chain of pairs that were played in
        both seats. Seats count the same, as in `EmpiricalGame.win_rate`.
    level : float
        Of the intervals.
    centre : float
        Mean of the ratings: 0, or 1500 as is the habit with Elo.
    prior_battles : float
        Drawn battles that are added to every pair that was played, so that a policy which won all its battles has a
        finite rating. At 0 the fit is plain maximum likelihood.

    Returns
    -------
    BradleyTerry
        The intervals are from the sandwich covariance (White, "Maximum Likelihood Estimation of Misspecified Models",
        Econometrica 50, 1982): they hold for the best-fitting ratings even if no ratings fit.

    Raises
    ------
    InputError
        If policies are not connected, or have no finite rating (only with ``prior_battles=0``).
    """
    if not 0 < level < 1 or not prior_battles >= 0:
        raise InputError(
            f"ratings: expected a level between 0 and 1 and prior_battles >= 0, got {level}, {prior_battles}"
        )
    ordered = game.tallies.sum(axis=2).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        trials = np.nan_to_num(4 * ordered * ordered.T / (ordered + ordered.T))
    np.fill_diagonal(trials, 0.0)
    _check_connected(game, trials > 0)
    score = np.nan_to_num(game.win_rate()) * trials + prior_battles / 2 * (trials > 0)
    _check_finite(game, score > 0)
    ratings, information = _fit(score, trials + prior_battles * (trials > 0))
    spread = _score_covariance(game, trials)
    inverse = np.linalg.pinv(information, hermitian=True)
    covariance = inverse @ spread @ inverse * POINTS_PER_LOG_ODDS**2
    return BradleyTerry(game.policies, ratings * POINTS_PER_LOG_ODDS + centre, covariance, level)


def _reached(steps: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which policies can be reached from the first, by steps ``[from, to]``, ``[n]``."""
    reached = np.zeros(len(steps), np.bool_)
    reached[0] = True
    for _ in range(len(steps)):
        reached |= steps[reached].any(axis=0)
    return reached


def _check_connected(game: EmpiricalGame, played: NDArray[np.bool_]) -> None:
    reached = _reached(played)
    if not reached.all():
        apart = ", ".join(name for name, is_reached in zip(game.policies, reached, strict=True) if not is_reached)
        raise InputError(
            f"ratings: no battles in both seats join {game.policies[0]} to {apart}; play these pairs first"
        )


def _check_finite(game: EmpiricalGame, scored: NDArray[np.bool_]) -> None:
    """The likelihood has a maximum if no group of policies won all battles against the rest (Ford, 1957)."""
    groups = _reached(scored), _reached(scored.T)
    if not (groups[0].all() and groups[1].all()):
        group = groups[0] if not groups[0].all() else groups[1]
        names = ", ".join(name for name, is_in in zip(game.policies, group, strict=True) if is_in)
        raise InputError(
            f"ratings: {names} won or lost every battle against all others, so that no finite ratings fit; "
            "use prior_battles > 0"
        )


def _fit(score: Matrix, trials: Matrix) -> tuple[Matrix, Matrix]:
    """Newton's method on the log likelihood, which is concave: log odds with mean 0, and the information matrix."""
    ratings = np.zeros(len(score))
    for _ in range(_MAX_NEWTON_STEPS):
        expected = 1 / (1 + np.exp(ratings[None, :] - ratings[:, None]))
        gradient = (score - trials * expected).sum(axis=1)
        information = -trials * expected * (1 - expected)
        np.fill_diagonal(information, 0.0)
        np.fill_diagonal(information, -information.sum(axis=1))
        step = np.linalg.pinv(information, hermitian=True) @ gradient
        step *= min(1.0, _LONGEST_STEP / max(float(np.abs(step).max()), _TOLERANCE))
        ratings = ratings + step - step.mean()
        if np.abs(step).max() < _TOLERANCE:
            return ratings, information
    raise InputError(
        "ratings: some policies won or lost all battles, so that no finite ratings fit; use prior_battles > 0"
    )


def _score_covariance(game: EmpiricalGame, trials: Matrix) -> Matrix:
    """Covariance of the gradient: what the results of pairs vary by, ``[n, n]``.

    Each ordered pair's variance is its own, with Jeffreys' prior, not the model's.
    """
    counts = game.counts + 0.5
    shares = counts / counts.sum(axis=2, keepdims=True)
    points = np.array([1.0, 0.5, 0.0])
    variance = shares @ points**2 - (shares @ points) ** 2
    ordered = np.maximum(game.tallies.sum(axis=2), 1)
    # The rate of a pair is the mean over two seats, and the gradient has it times the number of trials.
    per_seat = variance / ordered
    of_pair = trials**2 * (per_seat + per_seat.T) / 4
    covariance: Matrix = -of_pair
    np.fill_diagonal(covariance, 0.0)
    np.fill_diagonal(covariance, of_pair.sum(axis=1) - np.diag(of_pair))
    return covariance


def elo(
    results: Iterable[tuple[str, str, float]] | Iterable[LoggedMatch],
    *,
    k: float = 16.0,
    start: float = 1500.0,
    ratings: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Elo ratings after results in the order in which they are given.

    Elo, *The Rating of Chessplayers, Past and Present*, 1978: the winner takes from the loser
    ``k * (score - expected score)`` points. The last few dozen battles of a policy decide, and so does their order:
    `bradley_terry` is the estimate that uses all results alike, and has intervals.

    Parameters
    ----------
    results : iterable of (str, str, float), or of LoggedMatch
        First policy, second policy, and the first one's score: 1, 1/2 or 0. Of logged matches, those that ended with
        an error do not count, and nor do matches of a policy with itself.
    k : float
        Points at stake in a battle.
    start : float
        Of every policy.
    ratings : mapping, optional
        Those that earlier results led to, to go on from.

    Returns
    -------
    dict of str to float
        In order of appearance.
    """
    if not k > 0:
        raise InputError(f"Elo: expected k > 0, got {k}")
    ratings = dict(ratings or {})
    for first, second, score in map(_as_result, results):
        if not 0 <= score <= 1:
            raise InputError(f"Elo: expected a score from 0 to 1 of {first} against {second}, got {score}")
        one, other = ratings.setdefault(first, start), ratings.setdefault(second, start)
        if first == second or np.isnan(score):
            continue
        gain = k * (score - 1 / (1 + 10 ** ((other - one) / 400)))
        ratings[first], ratings[second] = one + gain, other - gain
    return ratings


def _as_result(result: tuple[str, str, float] | LoggedMatch) -> tuple[str, str, float]:
    """A match as (first, second, score); one that does not count is one of a policy with itself."""
    if not isinstance(result, LoggedMatch):
        return result
    first, second = result.policies
    return first, second if result.counted else first, (1 + float(np.sign(result.returns[0]))) / 2


def elo_averaged(
    game: EmpiricalGame, *, seed: int, k: float = 16.0, start: float = 1500.0, num_orders: int = 20
) -> dict[str, float]:
    """Elo ratings averaged over random orders of the same results, so that the order does not matter.

    Parameters
    ----------
    game : EmpiricalGame
        Its counts are the results.
    seed : int
        Of the orders.
    k, start
        As in `elo`.
    num_orders : int
        The average still varies from seed to seed, by about ``9 * sqrt(k / num_orders)`` points.

    Returns
    -------
    dict of str to float
    """
    if num_orders < 1:
        raise InputError(f"Elo: expected at least one order, got {num_orders}")
    results = _results(game)
    rng = np.random.default_rng(seed % 2**64)
    total = np.zeros(len(game))
    for _ in range(num_orders):
        rated = elo([results[i] for i in rng.permutation(len(results))], k=k, start=start)
        total += [rated.get(name, start) for name in game.policies]
    return dict(zip(game.policies, (total / num_orders).tolist(), strict=True))


def _results(game: EmpiricalGame) -> Sequence[tuple[str, str, float]]:
    """The counts as single results, a policy's battles with itself left out."""
    found: list[tuple[str, str, float]] = []
    for i, j, o in np.argwhere(game.counts > 0).tolist():
        if i != j:
            found += [(game.policies[i], game.policies[j], (1.0, 0.5, 0.0)[o])] * int(game.counts[i, j, o])
    return found
