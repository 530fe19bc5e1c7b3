"""What a loop of self-play has found: every generation against the start and the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pokenash.algorithms.empirical_game import EmpiricalGame
from pokenash.algorithms.match_log import MatchLog
from pokenash.algorithms.ratings import BradleyTerry, bradley_terry
from pokenash.experiments.run_directory import SCHEMA
from pokenash.policies.spec import PolicySpec

__all__ = ["SelfPlayResult", "summarise_self_play"]


@dataclass(frozen=True)
class SelfPlayResult:
    """A loop so far.

    Parameters
    ----------
    start : PolicySpec
    generations : tuple of PolicySpec
        The policies that the generations have made, oldest first.
    rows : tuple of dict
        The start and every generation: ``policy``, ``generation`` (None for the start), ``rating`` with its interval
        relative to the start, and for generations ``against_start``, ``refused_rate``, ``divergence`` and ``entropy``
        at their ends.
    ratings : BradleyTerry
        Of everybody in the tournament.
    finished : bool
        Whether as many generations are there as were asked for.
    """

    start: PolicySpec
    generations: tuple[PolicySpec, ...]
    rows: tuple[dict[str, Any], ...]
    ratings: BradleyTerry
    finished: bool

    def to_json(self) -> dict[str, Any]:
        """As ``selfplay_summary.json`` holds it."""
        return {
            "schema": SCHEMA,
            "kind": "self-play",
            "status": "finished" if self.finished else "running",
            "generations": len(self.generations),
            "rows": list(self.rows),
            "ratings": self.ratings.to_json(),
        }


def summarise_self_play(
    tournament: Path,
    start: PolicySpec,
    generations: Sequence[tuple[PolicySpec, dict[str, Any]]],
    *,
    level: float,
    finished: bool,
) -> SelfPlayResult:
    """Put together what the generations' summaries and the tournament's log say.

    Parameters
    ----------
    tournament : Path
        Its directory.
    start : PolicySpec
    generations : sequence of (PolicySpec, dict)
        Policies with their summaries; at least one.
    level : float
        Of the intervals.
    finished : bool
    """
    game = EmpiricalGame.from_log(MatchLog(tournament / "matches" / "matches.jsonl"), prefix="tournament/")
    ratings = bradley_terry(game, level=level, centre=1500.0)
    rows: list[dict[str, Any]] = [{"policy": start.name, "generation": None, **_ahead(ratings, start, start)}]
    for number, (policy, summary) in enumerate(generations):
        last = summary["training"]["last_tenth"]
        rows.append(
            {
                "policy": policy.name,
                "generation": number,
                **_ahead(ratings, policy, start),
                "against_start": next(row for row in summary["against"] if row["name"] == start.name),
                "refused_rate": summary["filter"]["refused"]["rate"],
                **{name: last.get(name) for name in ("divergence", "entropy", "learning_rate", "kl_weight")},
            }
        )
    return SelfPlayResult(start, tuple(policy for policy, _ in generations), tuple(rows), ratings, finished)


def _ahead(ratings: BradleyTerry, policy: PolicySpec, start: PolicySpec) -> dict[str, float]:
    """How far a policy is ahead of the start, on Elo's scale."""
    if policy == start:
        return {"rating": 0.0, "rating_lower": 0.0, "rating_upper": 0.0}
    ahead, lower, upper = ratings.difference(policy.name, start.name)
    return {"rating": ahead, "rating_lower": lower, "rating_upper": upper}
