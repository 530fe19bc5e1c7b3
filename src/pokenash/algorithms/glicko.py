"""Glicko-1 ratings, and the GXE that Pokémon Showdown's ladder shows.

Glickman, "Parameter Estimation in Large Dynamic Paired Comparison Experiments", Applied Statistics 48 (1999), and his
note "The Glicko system" (glicko.net). A rating is a normal distribution: a mean on Elo's scale, and a deviation that
shrinks with every result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log, pi, sqrt
from statistics import NormalDist

from pokenash.errors import InputError

__all__ = ["GLICKMAN", "SHOWDOWN", "Glicko", "GlickoSystem", "rate_period"]

_Q = log(10) / 400

Result = tuple[str, str, float]
"""First player, second player, the first one's score: 1, 1/2 or 0."""


@dataclass(frozen=True, slots=True)
class GlickoSystem:
    """The constants of a rating system.

    Parameters
    ----------
    rating, deviation : float
        Of a player of whom nothing is known.
    smallest_deviation, largest_deviation : float
        Between which the deviation is kept.
    growth : float
        Variance that is added for every rating period, Glickman's c².
    """

    rating: float = 1500.0
    deviation: float = 350.0
    smallest_deviation: float = 30.0
    largest_deviation: float = 350.0
    growth: float = 0.0

    def newcomer(self) -> Glicko:
        """The rating of a player of whom nothing is known."""
        return Glicko(self.rating, self.deviation)


GLICKMAN = GlickoSystem()
"""Glickman's: a newcomer's deviation is 350."""

SHOWDOWN = GlickoSystem(1500.0, 130.0, 25.0, 130.0, (130.0**2 - 25.0**2) / 365)
"""The site's: deviations of 25 to 130, from the one to the other in a year of daily periods.

As in the source of its login server (``smogon/pokemon-showdown-loginserver``, ``src/ladder.ts``, looked up in 2026). A
newcomer's deviation of 130 says that players differ little, so a rating moves away from 1500 slowly.
"""


@dataclass(frozen=True, slots=True)
class Glicko:
    """A rating and its deviation, in points of Elo's scale."""

    rating: float
    deviation: float

    def expected_score(self, other: Glicko) -> float:
        """Probability of beating another, a draw being half a win, given how unsure both ratings are."""
        weight = _weight(sqrt(self.deviation**2 + other.deviation**2))
        return 1 / (1 + 10 ** (-weight * (self.rating - other.rating) / 400))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Lower and upper end of the rating's interval."""
        half = _quantile(level) * self.deviation
        return self.rating - half, self.rating + half

    def gxe(self, system: GlickoSystem = SHOWDOWN) -> float:
        """Chance against a player of whom nothing is known, in [0, 1].

        The Glicko X-Act estimate (X-Act, "GLIXARE: a much better way of estimating a player's overall rating",
        smogon.com forum, 2009). X-Act's newcomer has a deviation of 350; the site's own formula, used here by
        default, takes its newcomer of 1500 ± 130. The site shows it in percent.
        """
        return self.expected_score(system.newcomer())

    def gxe_interval(self, level: float = 0.95, system: GlickoSystem = SHOWDOWN) -> tuple[float, float]:
        """The GXE of players who are known to be as good as the ends of the rating's interval."""
        lower, upper = (Glicko(end, 0.0).gxe(system) for end in self.interval(level))
        return lower, upper

    def after(self, opponents: Sequence[Glicko], scores: Sequence[float], system: GlickoSystem = SHOWDOWN) -> Glicko:
        """The rating after a period's results, or, without results, after a period in which nothing was played.

        Parameters
        ----------
        opponents : sequence of Glicko
            As they were rated before the period.
        scores : sequence of float, the same length
        system : GlickoSystem
        """
        if len(opponents) != len(scores):
            raise InputError(f"Glicko: expected a score for each of {len(opponents)} opponents, got {len(scores)}")
        before = min(sqrt(self.deviation**2 + system.growth), system.largest_deviation)
        gained = information = 0.0
        for opponent, score in zip(opponents, scores, strict=True):
            if not 0 <= score <= 1:
                raise InputError(f"Glicko: expected a score from 0 to 1, got {score}")
            weight = _weight(opponent.deviation)
            expected = 1 / (1 + 10 ** (-weight * (self.rating - opponent.rating) / 400))
            gained += weight * (score - expected)
            information += (_Q * weight) ** 2 * expected * (1 - expected)
        variance = 1 / (1 / before**2 + information)
        deviation = min(max(sqrt(variance), system.smallest_deviation), system.largest_deviation)
        return Glicko(self.rating + _Q * variance * gained, deviation)


def rate_period(
    ratings: Mapping[str, Glicko], results: Iterable[Result], system: GlickoSystem = SHOWDOWN
) -> dict[str, Glicko]:
    """Ratings of all players after a rating period, each from everybody's ratings before it.

    Parameters
    ----------
    ratings : mapping of str to Glicko
        Before the period. Who is missing is a newcomer; who did not play only gets a larger deviation.
    results : iterable of (str, str, float)
        First player, second player, and the first one's score.
    system : GlickoSystem
    """
    met: dict[str, tuple[list[Glicko], list[float]]] = {name: ([], []) for name in ratings}
    newcomer = system.newcomer()
    for first, second, score in results:
        for name, other, own in ((first, second, score), (second, first, 1 - score)):
            opponents, scores = met.setdefault(name, ([], []))
            opponents.append(ratings.get(other, newcomer))
            scores.append(own)
    return {
        name: ratings.get(name, newcomer).after(opponents, scores, system) for name, (opponents, scores) in met.items()
    }


def _weight(deviation: float) -> float:
    """Glickman's g: how much a result against a player of this deviation counts."""
    return 1 / sqrt(1 + 3 * (_Q * deviation / pi) ** 2)


def _quantile(level: float) -> float:
    if not 0 < level < 1:
        raise InputError(f"confidence level: expected a number between 0 and 1, got {level}")
    return NormalDist().inv_cdf((1 + level) / 2)
