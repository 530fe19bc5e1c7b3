"""How sure a meta-strategy is: the empirical game's uncertainty carried over to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.algorithms.empirical_game import EmpiricalGame
from pokenash.algorithms.meta_solvers import check_payoffs
from pokenash.algorithms.nash import nash_conv
from pokenash.algorithms.posterior import Estimate, PayoffPosterior, support_probability
from pokenash.errors import InputError
from pokenash.policies.mixture import check_probabilities

__all__ = ["META_GAME_ANALYSIS_SCHEMA", "MetaGameAnalysis", "analyse_meta_game"]

META_GAME_ANALYSIS_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class MetaGameAnalysis:
    """What the matches say about a meta-strategy, within the population only.

    Parameters
    ----------
    policies : tuple of str
    plug_in : float
        `nash_conv` of the meta-strategy in the matrix of mean payoffs. A Nash meta-strategy has 0 here by construction,
        whatever the matches were.
    restricted_nash_conv : Estimate
        `nash_conv` of the same meta-strategy under the posterior of the payoffs, with its interval as
        `PayoffPosterior.nash_conv` makes it. Restricted: no strategy outside the population is asked, so it bounds no
        true exploitability from above.
    value : float
        What the meta-strategy earns against itself in the matrix of mean payoffs: 0, up to rounding.
    support_probability : tuple of float
        For each policy, how often it is in the support of a Nash equilibrium of a drawn matrix.
    equilibrium_probability : tuple of Estimate
        For each policy, its probability in the equilibria of drawn matrices.
    level : float
        Of the intervals.
    num_samples, num_equilibria : int
        Matrices drawn for the first two, and for the last two.
    """

    policies: tuple[str, ...]
    plug_in: float
    restricted_nash_conv: Estimate
    value: float
    support_probability: tuple[float, ...]
    equilibrium_probability: tuple[Estimate, ...]
    level: float
    num_samples: int
    num_equilibria: int

    def to_json(self) -> dict[str, Any]:
        """As ``meta_game_analysis.json`` holds it."""
        nash_conv_posterior = self.restricted_nash_conv
        probabilities = zip(self.policies, self.equilibrium_probability, strict=True)
        return {
            "schema": META_GAME_ANALYSIS_SCHEMA,
            "restricted_nash_conv": {
                "plug_in": self.plug_in,
                "posterior_mean": nash_conv_posterior.mean,
                "lower": nash_conv_posterior.lower,
                "upper": nash_conv_posterior.upper,
                "level": self.level,
            },
            "value": self.value,
            "support_probability": dict(zip(self.policies, self.support_probability, strict=True)),
            "equilibrium_probability": {
                name: {"mean": p.mean, "lower": p.lower, "upper": p.upper} for name, p in probabilities
            },
            "num_samples": self.num_samples,
            "num_equilibria": self.num_equilibria,
        }


def analyse_meta_game(
    game: EmpiricalGame,
    meta_strategy: Sequence[float] | NDArray[np.float64],
    *,
    seed: int,
    level: float = 0.95,
    num_samples: int = 2000,
    num_equilibria: int = 200,
) -> MetaGameAnalysis:
    """Carry the uncertainty of the counts over to a meta-strategy.

    Parameters
    ----------
    game : EmpiricalGame
        Without missing cells.
    meta_strategy : float array, ``[n]``
        Probabilities of the game's policies.
    seed : int
        Of the posterior's draws.
    level : float
        Of the intervals.
    num_samples : int
        Matrices drawn for the `nash_conv`.
    num_equilibria : int
        How many of them are solved for their equilibrium, one linear program each.

    Raises
    ------
    InputError
        If cells are missing, the probabilities are none, or a number is out of range.
    """
    if not 1 <= num_equilibria <= num_samples or not 0 < level < 1:
        raise InputError(
            "expected 1 <= num_equilibria <= num_samples and a level between 0 and 1, "
            f"got {num_equilibria}, {num_samples} and {level}"
        )
    sigma = check_probabilities(meta_strategy, len(game), "meta-strategy")
    payoffs = check_payoffs(game.payoffs(), game.policies)
    posterior = PayoffPosterior.from_game(game, num_samples=num_samples, seed=seed)
    equilibria = posterior.equilibria(num_equilibria)
    return MetaGameAnalysis(
        game.policies,
        nash_conv(payoffs, sigma),
        posterior.nash_conv(sigma, level),
        float(sigma @ payoffs @ sigma),
        tuple(support_probability(equilibria).tolist()),
        tuple(Estimate.from_samples(column, level) for column in equilibria.T),
        level,
        num_samples,
        num_equilibria,
    )
