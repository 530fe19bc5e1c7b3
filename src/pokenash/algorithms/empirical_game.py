"""The empirical game: what the matches among a population say about its payoffs, and how surely."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.algorithms.intervals import wilson_interval
from pokenash.algorithms.match_log import LoggedMatch, MatchLog
from pokenash.algorithms.match_log_lines import Tallies, tally
from pokenash.errors import InputError

__all__ = ["INTERACTION_MATRIX_SCHEMA", "EmpiricalGame"]

INTERACTION_MATRIX_SCHEMA = 1

Matrix = NDArray[np.float64]

_WIN_DRAW_LOSS = (1.0, 0.0, -1.0)
# Total weight of the Dirichlet prior, shared by the outcomes: Jeffreys' prior for win, draw and loss.
_PRIOR_WEIGHT = 1.5


class EmpiricalGame:
    """Counts of every ordered pair of policies, and what follows from them.

    Seats are kept apart in the counts. Rates and payoffs are averaged over the two seats, each seat with the same
    weight, so that neither the seat nor an unequal number of battles per seat favours a policy. A pair that has not
    been played in both seats is missing (NaN), never 0 or 1/2. A policy against itself has the payoff 0 and the win
    rate 1/2, by symmetry and not by estimate.

    Parameters
    ----------
    policies : sequence of str
        Names, all different.
    tallies : int array, ``[n, n, k]``
        ``tallies[i, j, o]``: how often outcome `o` happened with policy `i` in seat 0 and `j` in seat 1.
    outcomes : sequence of float, ``[k]``
        Return of seat 0 in each outcome.
    """

    def __init__(
        self,
        policies: Sequence[str],
        tallies: NDArray[np.integer[Any]],
        outcomes: Sequence[float] = _WIN_DRAW_LOSS,
    ) -> None:
        self.policies = tuple(policies)
        self.outcomes: Matrix = np.asarray(outcomes, np.float64)
        self.tallies: NDArray[np.int64] = np.asarray(tallies, np.int64)
        num = len(self.policies)
        if num == 0 or len(set(self.policies)) != num:
            raise InputError(f"empirical game: expected different policy names, at least one, got {self.policies}")
        if self.tallies.shape != (num, num, len(self.outcomes)) or (self.tallies < 0).any():
            raise InputError(
                f"empirical game: expected counts >= 0 of shape {(num, num, len(self.outcomes))}, "
                f"got shape {self.tallies.shape}"
            )

    @classmethod
    def from_matches(cls, matches: Iterable[LoggedMatch], policies: Sequence[str] | None = None) -> EmpiricalGame:
        """Count matches.

        Parameters
        ----------
        matches : iterable of LoggedMatch
            Those that ended with an error are left out.
        policies : sequence of str, optional
            Matches with any other policy are left out. All that occur, in order of appearance, if not given.
        """
        return cls.from_tallies(tally(matches), policies)

    @classmethod
    def from_tallies(cls, counts: Tallies, policies: Sequence[str] | None = None) -> EmpiricalGame:
        """From how often each outcome happened, in order of first appearance (`MatchLog.tallies`).

        Parameters
        ----------
        counts : dict of (str, str, float) to int
            Policy in seat 0, policy in seat 1 and return of seat 0; how many matches.
        policies : sequence of str, optional
            As in `from_matches`.
        """
        names = list(dict.fromkeys(name for outcome in counts for name in outcome[:2]))
        names = names if policies is None else list(policies)
        index = {name: i for i, name in enumerate(names)}
        counts = {key: count for key, count in counts.items() if key[0] in index and key[1] in index}
        values = {value for _, _, value in counts}
        outcomes: tuple[float, ...] = _WIN_DRAW_LOSS
        if not values <= set(_WIN_DRAW_LOSS):
            outcomes = tuple(sorted(values | {-value for value in values}, reverse=True))
        place = {value: o for o, value in enumerate(outcomes)}
        tallies = np.zeros((len(names), len(names), len(outcomes)), np.int64)
        for (first, second, value), count in counts.items():
            tallies[index[first], index[second], place[value]] += count
        return cls(names, tallies, outcomes)

    @classmethod
    def from_log(
        cls, log: MatchLog | str | Path, policies: Sequence[str] | None = None, *, prefix: str = ""
    ) -> EmpiricalGame:
        """Count the matches of a log, those only whose block's key begins with `prefix`."""
        log = log if isinstance(log, MatchLog) else MatchLog(log)
        return cls.from_tallies(log.tallies(prefix), policies)

    def __len__(self) -> int:
        return len(self.policies)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Wins, draws and losses of the policy in seat 0, int64 ``[n, n, 3]``."""
        sign = np.sign(self.outcomes)
        return np.stack([self.tallies[:, :, sign == s].sum(axis=2) for s in (1, 0, -1)], axis=2)

    @property
    def battles(self) -> NDArray[np.int64]:
        """Counted battles of each pair in both seats together, int64 ``[n, n]``, symmetric."""
        ordered = self.tallies.sum(axis=2)
        both: NDArray[np.int64] = ordered + ordered.T
        np.fill_diagonal(both, np.diag(ordered))
        return both

    def _over_seats(self, score: Matrix) -> Matrix:
        """What a policy gains on average over its two seats, ``[n, n]``, from seat 0's scores ``[k]`` of outcomes."""
        played = self.tallies.sum(axis=2)
        with np.errstate(invalid="ignore"):
            in_first: Matrix = np.where(played > 0, self.tallies @ score / played, np.nan)
        difference: Matrix = (in_first - in_first.T) / 2
        np.fill_diagonal(difference, 0.0)
        return difference

    def win_rate(self) -> Matrix:
        """Win rate of the row against the column policy, a draw being half a win, ``[n, n]``; NaN is missing."""
        return 0.5 + self._over_seats(np.sign(self.outcomes)) / 2

    def payoffs(self) -> Matrix:
        """Mean return of the row against the column policy, antisymmetric, ``[n, n]``; NaN is missing.

        Where the returns are 1, 0 and -1 this is ``2 * win_rate - 1``.
        """
        return self._over_seats(self.outcomes)

    def intervals(self, level: float = 0.95) -> tuple[Matrix, Matrix]:
        """Wilson intervals of the win rates, lower and upper, each ``[n, n]``; NaN is missing.

        A draw counts as half a win (`wilson_interval` says what that does). With `a` and `b` battles in the two seats
        the number of trials is ``4 a b / (a + b)``, which is ``a + b`` where they are equal, as in paired play.
        """
        ordered = self.tallies.sum(axis=2).astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            trials = np.nan_to_num(4 * ordered * ordered.T / (ordered + ordered.T))
        rate = self.win_rate()
        lower, upper = wilson_interval(np.nan_to_num(rate) * trials, trials, level)
        np.fill_diagonal(lower, 0.5)
        np.fill_diagonal(upper, 0.5)
        return lower, upper

    def missing(self, min_battles: int = 1) -> list[tuple[int, int]]:
        """Pairs ``i < j`` with fewer battles than asked for, or with none in one of the seats."""
        ordered = self.tallies.sum(axis=2)
        lacking = (self.battles < min_battles) | (ordered == 0) | (ordered.T == 0)
        return [(i, j) for j in range(len(self)) for i in range(j) if lacking[i, j]]

    def sample_payoffs(self, num_samples: int, rng: np.random.Generator) -> Matrix:
        """Draw payoff matrices from the posterior, ``[samples, n, n]``.

        Each ordered pair has a Dirichlet posterior over the outcomes, independent of the others, with a prior of
        1.5 battles shared equally by the outcomes: for win, draw and loss that is Jeffreys' prior.

        Raises
        ------
        InputError
            If a cell is missing: the prior alone is no knowledge.
        """
        missing = self.missing()
        if missing:
            names = ", ".join(f"{self.policies[i]} against {self.policies[j]}" for i, j in missing[:8])
            raise InputError(f"no posterior without battles in both seats: {names}; play these pairs first")
        weights = self.tallies + _PRIOR_WEIGHT / len(self.outcomes)
        gamma = rng.standard_gamma(weights, size=(num_samples, *weights.shape))
        in_first = (gamma @ self.outcomes) / gamma.sum(axis=3)
        payoffs: Matrix = (in_first - in_first.transpose(0, 2, 1)) / 2
        return payoffs

    def to_json(self, level: float = 0.95) -> dict[str, Any]:
        """As ``interaction_matrix.json`` holds it; missing cells are None.

        ``counts[i][j]`` are the wins, draws and losses of `i` in seat 0 against `j` in seat 1; the other matrices are
        averaged over seats.
        """
        lower, upper = self.intervals(level)
        return {
            "schema": INTERACTION_MATRIX_SCHEMA,
            "policies": list(self.policies),
            "win_rate": _with_none(self.win_rate()),
            "payoffs": _with_none(self.payoffs()),
            "counts": self.counts.tolist(),
            "lower": _with_none(lower),
            "upper": _with_none(upper),
            "level": level,
        }


def _with_none(matrix: Matrix) -> list[list[float | None]]:
    return [[None if np.isnan(value) else value for value in row] for row in matrix.tolist()]
