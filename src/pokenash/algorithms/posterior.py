"""What counts say about payoffs, mixtures and `nash_conv`: posterior draws, and intervals that are tested to cover.

Every ordered pair of policies has a Dirichlet posterior over win, draw and loss with Jeffreys' prior (Gelman et al.,
*Bayesian Data Analysis*, 3rd ed., sections 2.8 and 3.4), independent of the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pokenash.algorithms.empirical_game import EmpiricalGame
from pokenash.algorithms.nash import equilibrium_vertex
from pokenash.errors import InputError
from pokenash.policies.mixture import check_probabilities

__all__ = ["Estimate", "PayoffPosterior", "support_probability"]

Matrix = NDArray[np.float64]

# A linear program's extreme points have zeros up to HiGHS's tolerance.
_IN_SUPPORT = 1e-6


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimate with its interval."""

    mean: float
    lower: float
    upper: float

    @classmethod
    def from_samples(cls, samples: Matrix, level: float) -> Estimate:
        """Mean and equal-tailed interval of posterior draws ``[samples]``."""
        lower, upper = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2])
        return cls(float(samples.mean()), float(lower), float(upper))


@dataclass(frozen=True, slots=True, eq=False)
class PayoffPosterior:
    """Payoff matrices drawn from the posterior of an empirical game, and what follows from them.

    Parameters
    ----------
    policies : tuple of str
    samples : float64 array, ``[samples, n, n]``
        Each antisymmetric: what the row policy earns from the column policy, averaged over both seats.
    """

    policies: tuple[str, ...]
    samples: Matrix

    @classmethod
    def from_game(cls, game: EmpiricalGame, *, num_samples: int = 2000, seed: int) -> PayoffPosterior:
        """Draw from the posterior of the counts.

        Parameters
        ----------
        game : EmpiricalGame
        num_samples : int
            At 2,000 the ends of a 95% interval of `nash_conv` vary by about 3% from seed to seed.
        seed : int
            Any integer.

        Raises
        ------
        InputError
            If a pair was not played in both seats, or there is to be no draw.
        """
        if num_samples < 1:
            raise InputError(f"posterior: expected at least one draw, got {num_samples}")
        return cls(game.policies, game.sample_payoffs(num_samples, np.random.default_rng(seed % 2**64)))

    def __len__(self) -> int:
        return len(self.samples)

    def payoff_intervals(self, level: float = 0.95) -> tuple[Matrix, Matrix]:
        """Equal-tailed credible interval of every payoff, each for itself: lower and upper, ``[n, n]``."""
        _check_level(level)
        lower, upper = np.quantile(self.samples, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return lower, upper

    def probability_of_advantage(self) -> Matrix:
        """Probability that the row policy earns more than 0 from the column policy, ``[n, n]``; 1/2 on the diagonal."""
        probability: Matrix = (self.samples > 0).mean(axis=0) + (self.samples == 0).mean(axis=0) / 2
        return probability

    def nash_conv(self, mixture: ArrayLike, level: float = 0.95) -> Estimate:
        """Restricted `nash_conv` of a mixture: what best responses *within the population* gain against it, doubled.

        Parameters
        ----------
        mixture : float array, ``[n]``
            It may have been computed from the same counts, as a meta-strategy is.
        level : float

        Returns
        -------
        Estimate
            ``mean`` is the posterior mean. ``upper`` is the posterior's quantile ``(1 + level) / 2``. ``lower`` is 0
            or what some policy gains at least, by bounds on all policies' gains that hold together.

        Notes
        -----
        `nash_conv` is twice the largest of `n` gains. A posterior draw adds noise to gains that were estimated with as
        much noise already, and the largest of them grows with it: where several policies gain about as much, as in
        every equilibrium with more than one policy in its support, the posterior lies above the truth as a whole. Its
        mean is too high there and its lower quantile is no lower bound (it covers in two thirds of the replicates for
        12 policies on a circle). So the lower end is made from simultaneous bounds, and for a meta-strategy that is an
        equilibrium of the mean payoffs it is 0: the matches never disprove that. The upper quantile errs to the safe
        side by the same effect, which makes up for the mixture's having been chosen by the same counts;
        ``benchmarks/calibration.py`` counts how often it covers.
        """
        _check_level(level)
        gains = self._gains(mixture)
        best = 2 * gains.max(axis=1)
        upper = float(np.quantile(best, (1 + level) / 2))
        return Estimate(float(best.mean()), min(_lower_bound(gains, (1 + level) / 2), upper), upper)

    def nash_conv_upper_bound(self, mixture: ArrayLike, level: float = 0.95) -> float:
        """One-sided upper bound of the restricted `nash_conv` of a mixture: the posterior's quantile `level`."""
        _check_level(level)
        return float(np.quantile(2 * self._gains(mixture).max(axis=1), level))

    def equilibria(self, num_equilibria: int = 200) -> Matrix:
        """Nash equilibria of the first draws, one linear program each, ``[num_equilibria, n]``.

        A drawn matrix has one equilibrium with probability 1, so no tie-break is needed.
        """
        if not 1 <= num_equilibria <= len(self):
            raise InputError(f"equilibria: expected 1 to {len(self)} of them, one a draw, got {num_equilibria}")
        return np.array([equilibrium_vertex(matrix) for matrix in self.samples[:num_equilibria]])

    def _gains(self, mixture: ArrayLike) -> Matrix:
        """What every policy earns from the mixture in every draw, ``[samples, n]``."""
        sigma = check_probabilities(mixture, len(self.policies), "mixture")
        gains: Matrix = self.samples @ sigma
        return gains


def support_probability(equilibria: Matrix) -> Matrix:
    """How often each policy is in the support of equilibria ``[k, n]``, ``[n]``."""
    share: Matrix = (equilibria > _IN_SUPPORT).mean(axis=0)
    return share


def _lower_bound(gains: Matrix, level: float) -> float:
    """Twice what some policy gains at least, 0 or more: bounds that hold for all policies together at this level."""
    centre, spread = gains.mean(axis=0), gains.std(axis=0)
    uncertain = spread > 0
    if not uncertain.any():
        return 2 * max(0.0, float(centre.max()))
    deviations = ((centre - gains)[:, uncertain] / spread[uncertain]).max(axis=1)
    return 2 * max(0.0, float((centre - np.quantile(deviations, level) * spread).max()))


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise InputError(f"level of an interval: expected a number between 0 and 1, got {level}")
