"""When a single rating misleads: how much of the payoffs goes round in circles, and what exactly ratings get wrong.

Every antisymmetric matrix is the sum of differences of ratings and of a cyclic part, which are orthogonal (the Hodge
decomposition: Jiang et al., "Statistical ranking and combinatorial Hodge theory", Mathematical Programming 127, 2011;
for evaluation, Balduzzi et al., "Re-evaluating Evaluation", NeurIPS 2018).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from pokenash.algorithms.empirical_game import EmpiricalGame
from pokenash.algorithms.nash import check_payoffs
from pokenash.algorithms.posterior import Estimate, PayoffPosterior
from pokenash.algorithms.ratings import bradley_terry
from pokenash.errors import InputError

__all__ = ["Cyclicity", "Misjudged", "cyclicity", "hodge_decomposition"]

Matrix = NDArray[np.float64]

_TINY = 1e-300
# Shares that are tested: a resolution of 0.25%.
_GRID = 401


def hodge_decomposition(payoffs: Matrix) -> tuple[Matrix, Matrix]:
    """Ratings and the cyclic part of payoffs.

    Parameters
    ----------
    payoffs : float64 array, ``[n, n]``
        Antisymmetric.

    Returns
    -------
    ratings : float64 array, ``[n]``
        Mean payoff of each policy against all, itself included: of all ratings those whose differences come nearest to
        the payoffs, in squares.
    cyclic : float64 array, ``[n, n]``
        What the differences of ratings leave; its rows sum to 0.
    """
    payoffs = check_payoffs(payoffs)
    ratings = payoffs.mean(axis=1)
    return ratings, payoffs - (ratings[:, None] - ratings[None, :])


@dataclass(frozen=True, slots=True)
class Misjudged:
    """A pair that ratings predict the wrong way round, beyond doubt.

    Parameters
    ----------
    winner, loser : str
        The winner has the lower Bradley-Terry rating.
    win_rate : float
        Of the winner against the loser, measured.
    lower : float
        Its lower bound, above 1/2; the bounds of all pairs hold together at the level.
    """

    winner: str
    loser: str
    win_rate: float
    lower: float


@dataclass(frozen=True, slots=True)
class Cyclicity:
    """What a single rating cannot say.

    Parameters
    ----------
    cyclic_share : Estimate
        Share of the payoffs' squared norm that no ratings explain, from 0 (differences of ratings) to 1 (mean payoff 0
        for every policy), corrected for noise: ``mean`` is the corrected estimate
        (median-unbiased).
    plug_in_share : float
        The same of the mean payoffs as they are. Noise is cyclic for the most part, so it is too high.
    cycles : tuple of (str, str, str)
        Triples in which the first beats the second, the second the third, and the third the first, each win rate being
        above 1/2 with bounds that hold together at the level.
    misjudged : tuple of Misjudged
        Pairs whose better policy has the lower Bradley-Terry rating.
    level : float
    """

    cyclic_share: Estimate
    plug_in_share: float
    cycles: tuple[tuple[str, str, str], ...]
    misjudged: tuple[Misjudged, ...]
    level: float

    @property
    def rating_misleads(self) -> bool:
        """Whether some pair is predicted the wrong way round beyond doubt, as in every cycle."""
        return bool(self.misjudged or self.cycles)

    def __str__(self) -> str:
        share = self.cyclic_share
        text = (
            f"{share.mean:.0%} of the payoffs' squared norm is cyclic "
            f"({self.level:.0%} interval {share.lower:.0%} to {share.upper:.0%})."
        )
        if not self.rating_misleads:
            return f"{text} No pair is shown to be predicted the wrong way round by a rating."
        pairs = "; ".join(f"{m.winner} beats {m.loser} ({m.win_rate:.0%}) from below" for m in self.misjudged)
        rings = "; ".join(" > ".join((*cycle, cycle[0])) for cycle in self.cycles)
        return f"{text} A single rating misleads: {'; '.join(part for part in (pairs, rings) if part)}."


def cyclicity(game: EmpiricalGame, *, seed: int, level: float = 0.95, num_samples: int = 2000) -> Cyclicity:
    """How far the payoffs are from any rating, and which pairs a rating gets wrong.

    A large cyclic share alone does not make a rating wrong: where one policy beats another nearly always, payoffs
    are no differences of ratings, though nothing goes round in circles. So `Cyclicity.rating_misleads` goes by the
    pairs, and the share says how much there is to it.

    Parameters
    ----------
    game : EmpiricalGame
        Without missing cells.
    seed : int
        Of what is drawn.
    level : float
        Of the share's interval, and of the bounds on all pairs together.
    num_samples : int

    Raises
    ------
    InputError
        If cells are missing, or there is a single policy.

    Notes
    -----
    Noise adds to both parts' squared norms, mostly to the cyclic one, which has more dimensions; posterior draws add as
    much again. So the share is found by inverting a test: of all shares those are in the interval under which the
    measured share is no outlier in either tail, with the directions of both parts and the corrected squared norm as
    they were measured.
    """
    payoffs = check_payoffs(game.payoffs(), game.policies)
    if len(game) < 2:
        raise InputError("cyclicity: expected at least two policies, got one")
    posterior = PayoffPosterior.from_game(game, num_samples=num_samples, seed=seed)
    lower = _simultaneous_lower(posterior.samples, level)
    rates, beats = (1 + payoffs) / 2, lower > 0
    rated = bradley_terry(game, level=level).ratings
    misjudged = [
        Misjudged(game.policies[i], game.policies[j], float(rates[i, j]), float((1 + lower[i, j]) / 2))
        for i, j in np.argwhere(beats & (rated[:, None] < rated[None, :])).tolist()
    ]
    cyclic = hodge_decomposition(payoffs)[1]
    plug_in = float((cyclic**2).sum() / max((payoffs**2).sum(), _TINY))
    # Two policies have no cyclic part.
    share = Estimate(0.0, 0.0, 0.0)
    if len(game) > 2:
        noise = _sampling_noise(game, num_samples, np.random.default_rng([seed % 2**64, 1]))
        share = _corrected_share(noise, payoffs, level)
    return Cyclicity(share, plug_in, _cycles(game.policies, beats), tuple(misjudged), level)


def _simultaneous_lower(samples: Matrix, level: float) -> Matrix:
    """Lower bounds of all payoffs that hold together (Bonferroni over both directions of every pair), ``[n, n]``."""
    pairs = samples.shape[1] * (samples.shape[1] - 1)
    quantile = NormalDist().inv_cdf(1 - (1 - level) / pairs)
    # The posterior's centre, not the mean payoff: a pair that was won 10 times of 10 is not known for certain.
    lower: Matrix = samples.mean(axis=0) - quantile * samples.std(axis=0)
    return lower


def _squared_norms(payoffs: Matrix) -> tuple[Matrix, Matrix]:
    """Squared norms of the cyclic and the transitive part, ``[samples]`` each, of ``[samples, n, n]``."""
    transitive: Matrix = 2 * payoffs.shape[1] * (payoffs.mean(axis=2) ** 2).sum(axis=1)
    return np.maximum((payoffs**2).sum(axis=(1, 2)) - transitive, 0.0), transitive


def _sampling_noise(game: EmpiricalGame, num_samples: int, rng: np.random.Generator) -> Matrix:
    """Draws of what mean payoffs are off by, antisymmetric, ``[samples, n, n]``.

    Normal, with the unbiased estimate of every cell's variance: squared norms add up the cells, and with them any bias
    such as the prior's.
    """
    battles = game.tallies.sum(axis=2).astype(np.float64)
    mean = game.tallies @ game.outcomes / np.maximum(battles, 1)
    variance = (game.tallies @ game.outcomes**2 / np.maximum(battles, 1) - mean**2) / np.maximum(battles - 1, 1)
    # One battle says nothing of the variance: then the largest there can be.
    variance = np.where(battles > 1, np.maximum(variance, 0.0), (game.outcomes**2).max())
    first, second = np.triu_indices(len(game), 1)
    spread = np.sqrt((variance + variance.T)[first, second]) / 2
    noise = np.zeros((num_samples, len(game), len(game)))
    noise[:, first, second] = rng.normal(size=(num_samples, len(first))) * spread
    antisymmetric: Matrix = noise - noise.transpose(0, 2, 1)
    return antisymmetric


def _along(noise: Matrix, direction: Matrix) -> Matrix:
    """Length of each draw ``[samples, n, n]`` in a direction ``[n, n]``, ``[samples]``."""
    along: Matrix = np.einsum("sij,ij->s", noise, direction) / max(float(np.linalg.norm(direction)), _TINY)
    return along


def _corrected_share(noise: Matrix, payoffs: Matrix, level: float) -> Estimate:
    """The cyclic share for which the measured one is the median, and those for which it is no outlier."""
    _, cyclic = hodge_decomposition(payoffs)
    transitive = payoffs - cyclic
    noise_cyclic, noise_transitive = _squared_norms(noise)
    norms = float(np.linalg.norm(cyclic)), float(np.linalg.norm(transitive))
    # A part that was measured to be 0 has no direction; any will do, such as that of a draw of noise.
    some_cyclic = hodge_decomposition(noise[0])[1]
    along_cyclic = _along(noise, cyclic if norms[0] > 0 else some_cyclic)
    along_transitive = _along(noise, transitive if norms[1] > 0 else noise[0] - some_cyclic)
    squared_norm = norms[0] ** 2 + norms[1] ** 2
    measured = norms[0] ** 2 / max(squared_norm, _TINY)
    squared = max(squared_norm - float((noise_cyclic + noise_transitive).mean()), 0.0)

    shares = np.linspace(0, 1, _GRID)[:, None]
    seen_cyclic = shares * squared + 2 * np.sqrt(shares * squared) * along_cyclic + noise_cyclic
    seen_transitive = (1 - shares) * squared + 2 * np.sqrt((1 - shares) * squared) * along_transitive + noise_transitive
    seen = seen_cyclic / np.maximum(seen_cyclic + seen_transitive, _TINY)
    # By luck it may lie outside of what even 0 or 1 would typically show, which would leave a void interval or a very
    # short one: then it counts as typical of that end (a power-constrained limit, Cowan et al., arXiv:1105.3166).
    least, most = float(np.median(seen[0])), float(np.median(seen[-1]))
    measured = min(max(measured, least), most) if least < most else measured
    at_most, at_least = (seen <= measured).mean(axis=1), (seen >= measured).mean(axis=1)
    accepted = shares[np.minimum(at_most, at_least) >= (1 - level) / 2, 0]
    if not len(accepted):
        return Estimate(float(measured), 0.0, 1.0)
    median = shares[np.abs(at_most - at_least).argmin(), 0]
    return Estimate(float(median), float(accepted[0]), float(accepted[-1]))


def _cycles(policies: tuple[str, ...], beats: NDArray[np.bool_]) -> tuple[tuple[str, str, str], ...]:
    """Triples that beat one another in a ring, each once, its earliest policy first."""
    rings = []
    for i, j, k in combinations(range(len(policies)), 3):
        for a, b, c in ((i, j, k), (i, k, j)):
            if beats[a, b] and beats[b, c] and beats[c, a]:
                rings.append((policies[a], policies[b], policies[c]))
    return tuple(rings)
