"""Results of battles on a server: win rates with their intervals, by member, opponent and team, and ratings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pokenash.algorithms.clustered import ClusteredRate, clustered_rate
from pokenash.algorithms.intervals import WinRate
from pokenash.errors import InputError
from pokenash.online.messages import to_id
from pokenash.online.ratings import RatingTrace, rating_traces
from pokenash.online.records import BattleRecord, read_records

__all__ = ["PlayedBattle", "ResultRow", "SessionResults", "analyse", "read_battles", "score"]

_OURS = frozenset({"forfeit", "timeout", "not understood", "error"})
_THEIRS = frozenset({"opponent forfeit", "opponent timeout"})


def score(record: BattleRecord) -> float | None:
    """What a battle counts: 1, 1/2, 0, or None if it says nothing about the policy.

    A battle that we forfeited, let time out, did not understand or broke off with an error is lost, whatever the
    server made of it: a policy that gives up bad battles must not look better for it. Nothing is said by a battle
    that the server lost, or that neither side ended.
    """
    if not record.counts or record.reason == "server lost":
        return None
    if record.reason in _OURS:
        return 0.0
    return {"win": 1.0, "tie": 0.5, "loss": 0.0}.get(record.outcome)


@dataclass(frozen=True, slots=True)
class PlayedBattle:
    """A battle and the directory of its session."""

    directory: Path
    record: BattleRecord


@dataclass(frozen=True, slots=True)
class ResultRow:
    """A line of a table of results.

    Parameters
    ----------
    name : str
    rate : WinRate
        Counts, and the interval of independent battles.
    clustered : ClusteredRate
        The same rate with the interval for opponents who were met more than once, which is the one to use.
    """

    name: str
    rate: WinRate
    clustered: ClusteredRate

    def to_json(self) -> dict[str, Any]:
        """As a JSON-able dict."""
        return {"name": self.name, "rate": self.rate.to_json(), "clustered": self.clustered.to_json()}


@dataclass(frozen=True, slots=True)
class SessionResults:
    """Everything that a set of battles says.

    Parameters
    ----------
    counted, not_counted : tuple of BattleRecord
        In the order in which they ended. Those that do not count are in no rate.
    overall : ResultRow or None
        None if no battle counts, and then all tables are empty.
    played_out : ResultRow or None
        Without battles that the opponent forfeited or let time out: people leave for reasons that are not the
        policy's.
    by_policy, by_member, by_opponent, by_team, by_format : tuple of ResultRow
        Most battles first.
    endings : tuple of (str, int, int, int)
        Reason, and the wins, draws and losses that ended so.
    traces : tuple of RatingTrace
        Ratings of every account.
    unnamed_opponents : int
        Counted battles whose opponent is not on record; each is taken for another person.
    level : float
        Of all intervals.
    """

    counted: tuple[BattleRecord, ...]
    not_counted: tuple[BattleRecord, ...]
    overall: ResultRow | None
    played_out: ResultRow | None
    by_policy: tuple[ResultRow, ...]
    by_member: tuple[ResultRow, ...]
    by_opponent: tuple[ResultRow, ...]
    by_team: tuple[ResultRow, ...]
    by_format: tuple[ResultRow, ...]
    endings: tuple[tuple[str, int, int, int], ...]
    traces: tuple[RatingTrace, ...]
    unnamed_opponents: int
    level: float

    def to_json(self) -> dict[str, Any]:
        """Tables and ratings as a JSON-able dict, without the list of battles."""
        tables = {
            name: [row.to_json() for row in getattr(self, name)]
            for name in ("by_policy", "by_member", "by_opponent", "by_team", "by_format")
        }
        return {
            "schema": 1,
            "level": self.level,
            "counted": len(self.counted),
            "not_counted": len(self.not_counted),
            "unnamed_opponents": self.unnamed_opponents,
            "overall": self.overall.to_json() if self.overall else None,
            "played_out": self.played_out.to_json() if self.played_out else None,
            **tables,
            "endings": [list(row) for row in self.endings],
            "ratings": [trace.to_json(self.level) for trace in self.traces],
        }


def read_battles(directories: Sequence[str | Path]) -> list[PlayedBattle]:
    """The battles of one or several sessions.

    Parameters
    ----------
    directories : sequence of str or Path
        As `pokenash play` wrote them.

    Raises
    ------
    RunDirectoryError
        If a directory has no readable records.
    InputError
        If no directory is given, or a battle is there twice (a copied session).
    """
    if not directories:
        raise InputError("expected at least one directory of a session")
    battles: list[PlayedBattle] = []
    seen: dict[tuple[str, str, float], Path] = {}
    for directory in map(Path, directories):
        for record in read_records(directory):
            key = record.server, record.battle, record.started
            if key in seen:
                raise InputError(
                    f"battle {record.battle} is in {seen[key]} and again in {directory}: it would count twice; "
                    "leave one of them out"
                )
            seen[key] = directory
            battles.append(PlayedBattle(directory, record))
    return battles


def analyse(records: Sequence[BattleRecord], *, level: float = 0.95, seed: int = 0) -> SessionResults:
    """Tables and ratings of battles.

    Parameters
    ----------
    records : sequence of BattleRecord
        In any order.
    level : float
        Of all intervals, in (0, 1).
    seed : int
        Of the bootstrap.
    """
    if not 0 < level < 1:
        raise InputError(f"confidence level: expected a number between 0 and 1, got {level}")
    ordered = sorted(records, key=lambda record: (record.ended, record.server, record.battle))
    counted = tuple(record for record in ordered if score(record) is not None)

    def rows(name: Callable[[BattleRecord], str]) -> tuple[ResultRow, ...]:
        groups: dict[str, list[BattleRecord]] = {}
        for record in counted:
            groups.setdefault(name(record), []).append(record)
        made = [_row(key, group, level, seed) for key, group in groups.items()]
        return tuple(sorted(made, key=lambda row: (-row.rate.battles, row.name)))

    named = {_opponent(record): record.opponent for record in reversed(counted)}
    played_out = [record for record in counted if record.reason not in _THEIRS]
    return SessionResults(
        counted,
        tuple(record for record in ordered if score(record) is None),
        _row("all battles", counted, level, seed) if counted else None,
        _row("without forfeits and timeouts of opponents", played_out, level, seed) if played_out else None,
        rows(lambda record: record.policy),
        rows(lambda record: record.member or record.policy),
        # Each person once, whichever way the name was written.
        rows(lambda record: named[_opponent(record)] or "not on record"),
        rows(_team),
        rows(lambda record: record.format),
        _endings(counted),
        rating_traces([(record, float(value)) for record in counted if (value := score(record)) is not None], level),
        sum(record.opponent is None for record in counted),
        level,
    )


def _opponent(record: BattleRecord) -> Hashable:
    """Who is the same person: an account of a server; where no name was kept, nobody else."""
    if record.opponent is None:
        return record.server, record.battle, record.started
    return record.server, to_id(record.opponent) or record.opponent


def _team(record: BattleRecord) -> str:
    if record.team_name is not None:
        return record.team_name
    return "drawn by the server" if record.team is None else f"team {record.team}"


def _row(name: str, records: Sequence[BattleRecord], level: float, seed: int) -> ResultRow:
    scores = [float(value) for record in records if (value := score(record)) is not None]
    tally = Counter(scores)
    rate = WinRate.from_counts(tally[1.0], tally[0.5], tally[0.0], level)
    return ResultRow(name, rate, clustered_rate(scores, [_opponent(r) for r in records], level=level, seed=seed))


def _endings(records: Sequence[BattleRecord]) -> tuple[tuple[str, int, int, int], ...]:
    tally: Counter[tuple[str, float | None]] = Counter((record.reason, score(record)) for record in records)
    reasons: list[str] = sorted({reason for reason, _ in tally}, key=lambda reason: (reason != "played", reason))
    return tuple((why, tally[why, 1.0], tally[why, 0.5], tally[why, 0.0]) for why in reasons)
