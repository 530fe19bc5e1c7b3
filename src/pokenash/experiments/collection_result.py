"""What a collection has so far, by opponent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pokenash.algorithms.intervals import WinRate
from pokenash.experiments.collection_directory import TRAJECTORIES, BattleNumbers, LoggedBattles, trajectory_files
from pokenash.experiments.run_directory import SCHEMA, RunDirectory
from pokenash.policies.spec import PolicySpec

__all__ = ["CollectedAgainst", "CollectionResult", "summarise_collection"]


@dataclass(frozen=True)
class CollectedAgainst:
    """The battles against one opponent.

    Parameters
    ----------
    name : str
    self_play : bool
    battles : int
    trajectories : int
        Files, which of self-play and where both players are recorded are two a battle.
    errors : int
        Battles that ended with an error; they have no file.
    win_rate : WinRate or None
        The policy's. None for self-play, and where no battle counts.
    """

    name: str
    self_play: bool
    battles: int
    trajectories: int
    errors: int
    win_rate: WinRate | None


@dataclass(frozen=True)
class CollectionResult:
    """What a collection has so far.

    Parameters
    ----------
    policy : str
    root : Path
        Of the trajectories: holds a folder per format, as `TrajectoryDataset` wants it.
    opponents : tuple of CollectedAgainst
    new_battles, new_decisions : int
        What the last call played.
    seconds : float
        What the last call took, with the start of the workers and the loading of policies.
    """

    policy: str
    root: Path
    opponents: tuple[CollectedAgainst, ...]
    new_battles: int
    new_decisions: int
    seconds: float

    @property
    def battles(self) -> int:
        """All battles that are there."""
        return sum(row.battles for row in self.opponents)

    @property
    def trajectories(self) -> int:
        """All files that are there."""
        return sum(row.trajectories for row in self.opponents)

    @property
    def battles_per_second(self) -> float:
        """Of the last call; 0 if it played nothing."""
        return self.new_battles / self.seconds if self.new_battles else 0.0

    @property
    def decisions_per_second(self) -> float:
        """Of the last call, both players together; 0 if it played nothing."""
        return self.new_decisions / self.seconds if self.new_battles else 0.0

    def to_json(self) -> dict[str, Any]:
        """As ``collection.json`` holds it: what is there, not what the last call did."""
        rows = [
            {
                "name": row.name,
                "self_play": row.self_play,
                "battles": row.battles,
                "trajectories": row.trajectories,
                "errors": row.errors,
                "win_rate": None if row.win_rate is None else row.win_rate.to_json(),
            }
            for row in self.opponents
        ]
        return {
            "schema": SCHEMA,
            "kind": "collection",
            "policy": self.policy,
            "battles": self.battles,
            "trajectories": self.trajectories,
            "opponents": rows,
        }


def summarise_collection(
    run: RunDirectory,
    policy: PolicySpec,
    opponents: Sequence[PolicySpec],
    numbers: BattleNumbers,
    logged: LoggedBattles,
    new: tuple[int, int],
    seconds: float,
) -> CollectionResult:
    """Count what the log and the folder hold.

    Parameters
    ----------
    run : RunDirectory
    policy : PolicySpec
    opponents : sequence of PolicySpec
    numbers : BattleNumbers
    logged : LoggedBattles
        As the log is now.
    new : (int, int)
        Battles and decisions of this call.
    seconds : float
        Of this call.
    """
    root = run.path / TRAJECTORIES
    episodes = (numbers.episode(entry.name) for entry in trajectory_files(root))
    files = Counter(logged.opponent(episode) for episode in episodes if episode is not None)
    rows = []
    for spec in opponents:
        prefix = f"collection/{spec.name}/"
        battles, outcomes = run.log.num_matches(prefix), Counter[float]()
        for (first, _, value), count in run.log.tallies(prefix).items():
            # The return of seat 0, and what one player wins the other loses.
            outcomes[value if first == policy.name else -value] += count
        self_play, counted = spec == policy, outcomes.total()
        wins = sum(count for value, count in outcomes.items() if value > 0)
        losses = counted - wins - outcomes[0.0]
        rate = WinRate.from_counts(wins, outcomes[0.0], losses) if counted and not self_play else None
        rows.append(CollectedAgainst(spec.name, self_play, battles, files[spec.name], battles - counted, rate))
    return CollectionResult(policy.name, root, tuple(rows), *new, seconds)
