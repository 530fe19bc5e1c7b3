"""Ratings of an account on a server: the server's own, and what the results alone say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pokenash.algorithms.clustered import clustered_rate
from pokenash.algorithms.glicko import SHOWDOWN, Glicko, rate_period
from pokenash.errors import InputError
from pokenash.online.messages import to_id
from pokenash.online.records import BattleRecord

__all__ = ["PerformanceRating", "RatingPoint", "RatingTrace", "performance_rating", "rating_traces"]

# The site's rating periods are days that begin at nine in the morning, UTC (its login server, src/ladder.ts).
_PERIOD_SECONDS, _PERIOD_BEGINS = 86_400.0, 32_400.0
_LONGEST_PAUSE = 400
_OURSELVES = ""


@dataclass(frozen=True, slots=True)
class PerformanceRating:
    """The rating with which the score against opponents of known ratings would have been expected.

    Parameters
    ----------
    battles : int
        Whose opponent's rating is known.
    rating, lower, upper : float or None
        On the server's scale; None where every battle was won or lost, which no rating explains.
    level : float
        Of the interval.
    """

    battles: int
    rating: float | None
    lower: float | None
    upper: float | None
    level: float


@dataclass(frozen=True, slots=True)
class RatingPoint:
    """Ratings after a battle.

    Parameters
    ----------
    battle : str
        Id of the battle.
    server_rating : float or None
        The server's (Elo), as far as it told.
    glicko : Glicko
        From the results of this account up to here.
    """

    battle: str
    server_rating: float | None
    glicko: Glicko


@dataclass(frozen=True, slots=True)
class RatingTrace:
    """Ratings of one account in one format.

    Parameters
    ----------
    policy, format, server : str
    account : str or None
    points : tuple of RatingPoint
        After every counted battle, at least one.
    performance : PerformanceRating or None
        None if no opponent's rating is known.
    """

    policy: str
    account: str | None
    format: str
    server: str
    points: tuple[RatingPoint, ...]
    performance: PerformanceRating | None

    @property
    def glicko(self) -> Glicko:
        """Rating after the last battle."""
        return self.points[-1].glicko

    @property
    def server_rating(self) -> float | None:
        """The last rating that the server told."""
        told = [point.server_rating for point in self.points if point.server_rating is not None]
        return told[-1] if told else None

    def to_json(self, level: float) -> dict[str, Any]:
        """As a JSON-able dict; intervals have the given level."""
        performance = self.performance
        return {
            "policy": self.policy,
            "account": self.account,
            "format": self.format,
            "server": self.server,
            "battles": len(self.points),
            "server_rating": self.server_rating,
            "glicko": {
                "rating": self.glicko.rating,
                "deviation": self.glicko.deviation,
                "interval": list(self.glicko.interval(level)),
                "pool": "this account and its opponents in these battles",
            },
            "gxe": self.glicko.gxe(),
            "gxe_interval": list(self.glicko.gxe_interval(level)),
            "performance": None
            if performance is None
            else {name: getattr(performance, name) for name in performance.__slots__},
        }


def rating_traces(scored: Sequence[tuple[BattleRecord, float]], level: float = 0.95) -> tuple[RatingTrace, ...]:
    """Ratings of every account that played.

    Glicko-1 with the site's constants and daily periods (`pokenash.algorithms.glicko.SHOWDOWN`). The server does not
    tell opponents' Glicko ratings, so everybody begins as a newcomer and the pool is this account and whom it met:
    the GXE says how well it does against a newcomer *of that pool*.

    Parameters
    ----------
    scored : sequence of (BattleRecord, float)
        Counted battles with our score, in the order in which they ended.
    level : float
        Of the performance ratings' intervals.
    """
    groups: dict[tuple[str, str | None, str, str], list[tuple[BattleRecord, float]]] = {}
    for record, value in scored:
        groups.setdefault((record.policy, record.account, record.format, record.server), []).append((record, value))
    return tuple(
        RatingTrace(*key, _points(group), _performance(group, level))
        for key, group in sorted(groups.items(), key=lambda item: (-len(item[1]), str(item[0])))
    )


def performance_rating(
    scores: Sequence[float], opponent_ratings: ArrayLike, opponents: Sequence[str], level: float = 0.95
) -> PerformanceRating:
    """The rating whose expected score, on Elo's scale, is the score that was reached.

    Elo, *The Rating of Chessplayers* (1978), with the logistic curve. The ends of the interval are the ratings of
    the ends of the score's interval by opponent (`pokenash.algorithms.clustered.clustered_rate`).

    Parameters
    ----------
    scores : sequence of float, length N
    opponent_ratings : float array, ``[N]``
        Before the battle.
    opponents : sequence of str, length N
    level : float
    """
    ratings = np.asarray(opponent_ratings, np.float64)
    if ratings.shape != (len(scores),) or not np.isfinite(ratings).all():
        raise InputError(f"expected a finite rating for each of {len(scores)} opponents, got {ratings.tolist()}")
    rate = clustered_rate(scores, opponents, level=level, samples=1)

    def rating(wanted: float) -> float | None:
        if not 0 < wanted < 1:
            return None
        low, high = float(ratings.min()) - 4000, float(ratings.max()) + 4000
        for _ in range(60):
            middle = (low + high) / 2
            expected = float(np.mean(1 / (1 + 10 ** ((ratings - middle) / 400))))
            low, high = (middle, high) if expected < wanted else (low, middle)
        return (low + high) / 2

    return PerformanceRating(len(scores), rating(rate.win_rate), rating(rate.lower), rating(rate.upper), level)


def _performance(group: Sequence[tuple[BattleRecord, float]], level: float) -> PerformanceRating | None:
    known = [
        (value, record.opponent_rating_before, _person(record))
        for record, value in group
        if record.opponent_rating_before is not None and math.isfinite(record.opponent_rating_before)
    ]
    if not known:
        return None
    scores, ratings, people = zip(*known, strict=True)
    return performance_rating(scores, ratings, people, level)


def _points(group: Sequence[tuple[BattleRecord, float]]) -> tuple[RatingPoint, ...]:
    points: list[RatingPoint] = []
    ratings: dict[str, Glicko] = {}
    results: list[tuple[str, str, float]] = []
    period = _period(group[0][0])
    newcomer = SHOWDOWN.newcomer()
    for record, value in group:
        if (now := _period(record)) > period:
            ratings, results = rate_period(ratings, results), []
            for _ in range(min(now - period - 1, _LONGEST_PAUSE)):
                ratings = rate_period(ratings, [])
            period = now
        results.append((_OURSELVES, _person(record), value))
        # As the site does: until the period is over, from the ratings before it and the battles of it so far.
        rated = ratings.get(_OURSELVES, newcomer).after(
            [ratings.get(other, newcomer) for _, other, _ in results], [own for _, _, own in results]
        )
        points.append(RatingPoint(record.battle, record.rating_after, rated))
    return tuple(points)


def _person(record: BattleRecord) -> str:
    """A name in the pool that is never our own; unknown opponents are a person each."""
    if record.opponent is None:
        return f"?{record.battle} {record.started}"
    return f"@{to_id(record.opponent) or record.opponent}"


def _period(record: BattleRecord) -> int:
    if not math.isfinite(record.ended):
        raise InputError(f"battle {record.battle}: expected the time of its end in seconds, got {record.ended}")
    return math.floor((record.ended - _PERIOD_BEGINS) / _PERIOD_SECONDS)
