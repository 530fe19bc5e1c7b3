"""Which pairs play next: battles go where they narrow the interval of the meta-strategy's restricted `nash_conv`.

The restricted `nash_conv` of a mixture is twice what the best policy gains against it. Its uncertainty comes from the
cells between the mixture's members and the policies that may be a best response; the others do not enter. With the
variance of one battle and the squared slope of `nash_conv` in a cell as weight, the variance of a sum is least where
the battles are in proportion to the root of the weights (Neyman, "On the Two Different Aspects of the Representative
Method", JRSS 97, 1934). The slopes are averaged over those draws from the posterior in which `nash_conv` is large,
for these make the interval's upper end.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pokenash.algorithms.empirical_game import EmpiricalGame
from pokenash.algorithms.meta_solvers import MetaSolver, get_meta_solver
from pokenash.algorithms.posterior import Estimate, PayoffPosterior
from pokenash.errors import InputError

__all__ = ["AdaptiveSampler"]

Matrix = NDArray[np.float64]
Cells = list[tuple[tuple[int, int], int]]

# Share of the posterior draws, those with the largest nash_conv, whose best responses say which cells matter.
_TAIL = 0.5


@dataclass(slots=True)
class AdaptiveSampler:
    """Hands out battles among pairs, so that the interval of the restricted `nash_conv` gets narrow with few of them.

    What it hands out depends on the counts and the settings alone: a schedule that is computed again from the same
    matches is the same.

    Parameters
    ----------
    width : float, optional
        Width of the interval at which `is_done` says so; never, if not given.
    meta_solver : str or callable
        From the mean payoffs to the mixture whose `nash_conv` is to be known. It is solved anew for every batch.
    minimum : int
        Battles that every pair gets before anything is computed, an even number >= 2.
    floor : float
        Share of every batch that goes to the pairs with the fewest battles whatever their weight, in [0, 1]: so that
        neither a near tie nor an unlucky start decides where all battles go. At 1 sampling is uniform.
    level : float
        Of the interval.
    num_samples : int
        Draws from the posterior.
    seed : int
        Of the draws.
    """

    width: float | None = None
    meta_solver: str | MetaSolver = "nash"
    minimum: int = 20
    floor: float = 0.1
    level: float = 0.95
    num_samples: int = 1000
    seed: int = 0
    _kept: tuple[Matrix, Matrix, PayoffPosterior] | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.minimum < 2 or self.minimum % 2 or not 0 <= self.floor <= 1 or not 0 < self.level < 1:
            raise InputError(
                "adaptive sampling: expected an even minimum >= 2, a floor in [0, 1] and a level between 0 and 1, "
                f"got {self.minimum}, {self.floor} and {self.level}"
            )
        if self.width is not None and not self.width > 0:
            raise InputError(f"adaptive sampling: expected a width > 0, got {self.width}")
        get_meta_solver(self.meta_solver)

    def interval(self, game: EmpiricalGame) -> Estimate:
        """The restricted `nash_conv` of the meta-strategy of these counts, with its interval."""
        mixture, posterior = self._solved(game)
        return posterior.nash_conv(mixture, self.level)

    def is_done(self, game: EmpiricalGame) -> bool:
        """Whether every pair has its minimum and the interval is no wider than asked for."""
        if self.width is None or game.missing(self.minimum):
            return False
        interval = self.interval(game)
        return interval.upper - interval.lower <= self.width

    def next_cells(self, empirical_game: EmpiricalGame, battles: int) -> Cells:
        """Who plays the next battles.

        Parameters
        ----------
        empirical_game : EmpiricalGame
            All that was played so far.
        battles : int
            To hand out, >= 2; an odd one is left over, since every start is played both ways.

        Returns
        -------
        list of ((int, int), int)
            Pairs ``i < j`` with an even number of battles each, `battles` in all. As long as pairs lack their minimum
            these come first.
        """
        if battles < 2:
            raise InputError(f"adaptive sampling: expected at least 2 battles to hand out, got {battles}")
        first, second = np.triu_indices(len(empirical_game), 1)
        if not len(first):
            return []
        played = empirical_game.battles[first, second]
        ordered = empirical_game.tallies.sum(axis=2)
        one_sided = np.minimum(ordered[first, second], ordered[second, first]) == 0
        lacking = np.maximum(self.minimum - played, np.where(one_sided, 2, 0))
        if (lacking > 0).any():
            more = _lacking_first(lacking, battles)
        else:
            floor = 2 * int(np.ceil(self.floor * battles / 2))
            more = _fill(played, np.ones(len(played)), min(floor, battles))
            if battles - int(more.sum()) >= 2:
                weight = np.sqrt(self.cell_weights(empirical_game)[first, second])
                more = more + _fill(played + more, weight, battles - int(more.sum()))
        return [((int(i), int(j)), int(m)) for i, j, m in zip(first, second, more, strict=True) if m > 0]

    def cell_weights(self, game: EmpiricalGame) -> Matrix:
        """What one battle of each pair contributes to the variance of `nash_conv`, symmetric, ``[n, n]``.

        Parameters
        ----------
        game : EmpiricalGame
            Without missing cells.
        """
        mixture, posterior = self._solved(game)
        gains = posterior.samples @ mixture
        best = gains.max(axis=1)
        tail = best >= np.quantile(best, 1 - _TAIL)
        share = np.bincount(gains[tail].argmax(axis=1), minlength=len(game)) / tail.sum()
        # nash_conv is twice the best gain, and that has the slope sigma_j in the payoff against policy j.
        slopes = 4 * np.outer(share, mixture**2)
        weights: Matrix = (slopes + slopes.T) * _variance_of_a_battle(game)
        np.fill_diagonal(weights, 0.0)
        return weights

    def _solved(self, game: EmpiricalGame) -> tuple[Matrix, PayoffPosterior]:
        """The meta-strategy and the posterior; kept, for `is_done` and `next_cells` ask for the same counts."""
        asked: Matrix = np.append(game.tallies.ravel(), game.outcomes)
        if self._kept and np.array_equal(self._kept[0], asked):
            return self._kept[1:]
        mixture = get_meta_solver(self.meta_solver)(game.payoffs())
        state = np.random.SeedSequence([self.seed % 2**64, int(game.tallies.sum())]).generate_state(1, np.uint64)
        posterior = PayoffPosterior.from_game(game, num_samples=self.num_samples, seed=int(state[0]))
        self._kept = (asked, mixture, posterior)
        return mixture, posterior


def _variance_of_a_battle(game: EmpiricalGame) -> Matrix:
    """Variance of the return of one battle, averaged over the seats, ``[n, n]``.

    Smoothed by Jeffreys' prior, as the posterior is: a pair that has had one outcome only is not known for certain.
    """
    weights = game.tallies + 1.5 / len(game.outcomes)
    shares = weights / weights.sum(axis=2, keepdims=True)
    mean = shares @ game.outcomes
    variance = shares @ game.outcomes**2 - mean**2
    averaged: Matrix = (variance + variance.T) / 2
    return averaged


def _lacking_first(lacking: NDArray[np.int64], battles: int) -> NDArray[np.int64]:
    """Even numbers of battles for what pairs lack, ``[pairs]``, in their order until the battles are used up."""
    wanted = 2 * np.ceil(np.maximum(lacking, 0) / 2).astype(np.int64)
    before = np.cumsum(wanted) - wanted
    more: NDArray[np.int64] = np.clip(2 * (battles // 2) - before, 0, wanted)
    return more


def _fill(played: NDArray[np.int64], weight: Matrix, battles: int) -> NDArray[np.int64]:
    """Even numbers of battles, ``[pairs]``, that bring the totals as near to proportion to the weights as they can.

    Battles that were played are not taken back: with ``total_c = max(played_c, level * weight_c)``, `level` is what
    uses up the battles. What is left over by rounding goes to the pairs that are furthest below.
    """
    battles = 2 * (battles // 2)
    more = np.zeros(len(played), np.int64)
    if battles <= 0:
        return more
    weight = weight if weight.sum() > 0 else np.ones(len(played))
    used = np.flatnonzero(weight > 0)
    filled_at = played[used] / weight[used]
    order = np.argsort(filled_at, kind="stable")
    # With the first k pairs below the level: level = (battles + what they have) / what they weigh.
    levels = (battles + np.cumsum(played[used][order])) / np.cumsum(weight[used][order])
    last = np.flatnonzero(levels > filled_at[order])[-1]
    wanted = np.maximum(levels[last] * weight[used] - played[used], 0.0)
    wanted[order[last + 1 :]] = 0.0
    pairs_of_battles = np.floor(wanted / 2).astype(np.int64)
    left = battles // 2 - int(pairs_of_battles.sum())
    furthest = np.argsort(-(wanted / 2 - pairs_of_battles), kind="stable")
    pairs_of_battles[furthest[np.arange(left) % len(furthest)]] += 1
    more[used] = 2 * pairs_of_battles
    return more
