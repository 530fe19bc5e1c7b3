"""Settings of ratings as one flat value, and the ratings: what ``pokenash ratings`` offers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, arg

from pokenash.algorithms.empirical_game import EmpiricalGame
from pokenash.algorithms.ratings import BradleyTerry, bradley_terry, elo
from pokenash.errors import InputError
from pokenash.experiments.csv_files import csv_bytes
from pokenash.experiments.rating_sources import RatedBattles, rated_battles
from pokenash.experiments.run_directory import SCHEMA, write_bytes, write_json

__all__ = ["EloPoint", "RatingsResult", "RatingsSettings"]


@dataclass(frozen=True)
class EloPoint:
    """Elo ratings after so many battles.

    Parameters
    ----------
    battles : int
        Counted ones, of all policies together.
    ratings : dict of str to float
        Of the policies that have played by then.
    """

    battles: int
    ratings: dict[str, float]


@dataclass(frozen=True)
class RatingsResult:
    """Ratings of all policies that have battles.

    Parameters
    ----------
    game : EmpiricalGame
        The battles, counted.
    bradley_terry : BradleyTerry
        The estimate that uses all battles alike, with intervals.
    progression : tuple of EloPoint
        Elo ratings battle by battle, in the order of the logs; the last point is where they ended.
    renamed : tuple of str
        Names that stood for different policies in different sources.
    """

    game: EmpiricalGame
    bradley_terry: BradleyTerry
    progression: tuple[EloPoint, ...]
    renamed: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """One for every policy, best Bradley-Terry rating first."""
        fit, last = self.bradley_terry, self.progression[-1].ratings
        battles = self.game.battles.sum(axis=1) - self.game.battles.diagonal()
        rows = [
            {
                "policy": name,
                "battles": int(battles[index]),
                "rating": float(fit.ratings[index]),
                "lower": float(fit.lower[index]),
                "upper": float(fit.upper[index]),
                "level": fit.level,
                "elo": last[name],
            }
            for index, name in enumerate(self.game.policies)
        ]
        return sorted(rows, key=lambda row: -row["rating"])

    def save(self, directory: Path) -> None:
        """Write ``ratings.json``, ``ratings.csv`` and ``elo_progression.csv``.

        Raises
        ------
        RunDirectoryError
            If they cannot be written.
        """
        rows = self.rows()
        points = [
            {"battles": point.battles, "policy": name, "elo": rating}
            for point in self.progression
            for name, rating in point.ratings.items()
        ]
        write_bytes(directory / "ratings.csv", csv_bytes(rows))
        write_bytes(directory / "elo_progression.csv", csv_bytes(points))
        write_json(directory / "ratings.json", {"schema": SCHEMA, "ratings": rows, "renamed": list(self.renamed)})


@dataclass(frozen=True)
class RatingsSettings:
    """Ratings of policies from battles that were played.

    Parameters
    ----------
    sources : tuple of str
        Match logs (``.jsonl``) and directories of PSRO runs, tournaments and evaluations, in the order in which their
        battles were played.
    output : Path, optional
        Directory for ratings.json, ratings.csv and elo_progression.csv. Default: the table alone.
    level : float
        Of the Bradley-Terry intervals.
    centre : float
        Mean of the Bradley-Terry ratings, and every policy's Elo rating at the start.
    prior_battles : float
        Drawn battles that are added to every pair that was played, so that a policy which won all has a finite rating.
    k : float
        Points at stake in a battle, of Elo ratings.
    every : int
        Battles between two points of the Elo progression.
    """

    sources: Annotated[Positional[tuple[str, ...]], arg(metavar="SOURCES")]
    output: Path | None = None
    level: float = 0.95
    centre: float = 1500.0
    prior_battles: float = 1.0
    k: float = 16.0
    every: int = 100

    def run(self) -> RatingsResult:
        """Read the battles and rate their policies; `output` is not written to.

        Raises
        ------
        InputError, RunDirectoryError
            If a source or a number cannot be used, or some policies have no battles that join them to the others.
        """
        if self.every < 1:
            raise InputError(f"every: expected a number of battles above 0, got {self.every}")
        found = rated_battles(self.sources)
        between = {outcome: count for outcome, count in found.tallies().items() if outcome[0] != outcome[1]}
        game = EmpiricalGame.from_tallies(between)
        fit = bradley_terry(game, level=self.level, centre=self.centre, prior_battles=self.prior_battles)
        return RatingsResult(game, fit, tuple(self._progression(found)), found.renamed)

    def _progression(self, battles: RatedBattles) -> list[EloPoint]:
        counted = (match for match in battles if match.counted and match.policies[0] != match.policies[1])
        points: list[EloPoint] = []
        ratings: dict[str, float] = {}
        played = 0
        while block := list(islice(counted, self.every)):
            played += len(block)
            ratings = elo(block, k=self.k, start=self.centre, ratings=ratings)
            points.append(EloPoint(played, ratings))
        return points
