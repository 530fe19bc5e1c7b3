"""What is kept of every battle that was played on a server: one line of JSON each, appended and synced."""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from pokenash.errors import InputError, RunDirectoryError

__all__ = ["RECORDS_NAME", "RECORD_SCHEMA", "BattleRecord", "Outcome", "Reason", "append_record", "read_records"]

RECORD_SCHEMA = 1
RECORDS_NAME = "battles.jsonl"
"""Name of the file in a session's directory."""

Outcome = Literal["win", "loss", "tie", "unfinished"]
Reason = Literal[
    "played",
    "forfeit",
    "opponent forfeit",
    "timeout",
    "opponent timeout",
    "not understood",
    "server lost",
    "error",
]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BattleRecord:
    """One battle on a server, seen by us.

    Parameters
    ----------
    battle : str
        Id of the battle's room, such as ``"battle-gen1ou-12"``.
    number : int
        Index of the battle in its session, from 0 on.
    format : str
    server : str
        Address of the server, without names of users.
    account, opponent : str or None
        Our name and the opponent's; None where they are not kept.
    seat : int
        0 where we were the server's player 1, else 1.
    policy : str
        Name of the policy or mixture.
    member : str or None
        Name of the member that was drawn, for a mixture.
    probabilities_sha256 : str or None
        SHA-256 of the mixture's probabilities as JSON, to tell mixtures of one name apart.
    seed, episode : int
        The draw of the member and all random numbers of the policy are a function of the two and the seat.
    team : int or None
        Index in the session's team set; None for formats whose teams the server draws.
    team_name : str or None
    outcome : str
        ``"win"``, ``"loss"``, ``"tie"`` or, where the server went away, ``"unfinished"``.
    reason : str
        ``"played"`` to its end; ``"forfeit"`` and ``"timeout"`` are ours, ``"opponent forfeit"`` and ``"opponent
        timeout"`` theirs; ``"not understood"`` and ``"error"`` were forfeited by us, see `error`; ``"server lost"``.
    error : str or None
        What went wrong, in one sentence.
    turns, decisions : int
        Turns of the battle and choices that we made in it.
    fallbacks : int
        Choices among them that were drawn uniformly because the policy took too long.
    reconnections : int
        How often the connection was lost and the battle was taken up again.
    started, ended : float
        Seconds since the epoch.
    rating_before, rating_after, opponent_rating_before, opponent_rating_after : float or None
        The server's ratings (Elo), for ladder battles.
    replay : str or None
        Address of the replay on the server.
    log : str or None
        Path of the protocol log in the session's directory.
    counts : bool
        Whether the battle says something about the policy: False where the server went away.
    """

    battle: str
    number: int
    format: str
    server: str
    account: str | None
    opponent: str | None
    seat: int
    policy: str
    member: str | None
    probabilities_sha256: str | None
    seed: int
    episode: int
    team: int | None
    team_name: str | None
    outcome: Outcome
    reason: Reason
    error: str | None = None
    turns: int = 0
    decisions: int = 0
    fallbacks: int = 0
    reconnections: int = 0
    started: float = 0.0
    ended: float = 0.0
    rating_before: float | None = None
    rating_after: float | None = None
    opponent_rating_before: float | None = None
    opponent_rating_after: float | None = None
    replay: str | None = None
    log: str | None = None
    counts: bool = True

    def __post_init__(self) -> None:
        if self.outcome not in get_args(Outcome) or self.reason not in get_args(Reason):
            raise InputError(
                f"battle {self.battle!r} has the outcome {self.outcome!r} and the reason {self.reason!r}; expected one "
                f"of {get_args(Outcome)} and one of {get_args(Reason)}"
            )
        if self.seat not in (0, 1):
            raise InputError(f"battle {self.battle!r} has the seat {self.seat!r}, expected 0 or 1")

    def to_json(self) -> dict[str, Any]:
        """As a JSON-able dict with a schema number."""
        return {"schema": RECORD_SCHEMA, **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> BattleRecord:
        """The inverse of `to_json`.

        Raises
        ------
        InputError
            If it is of another schema, or fields are missing, unknown or out of range.
        """
        if not isinstance(data, Mapping) or data.get("schema") != RECORD_SCHEMA:
            raise InputError(f"not the record of a battle (schema {RECORD_SCHEMA}): {str(data)[:200]}")
        known = {field.name for field in fields(cls)}
        unknown = set(data) - known - {"schema"}
        try:
            if unknown:
                raise TypeError(f"unknown fields {sorted(unknown)}")
            for field in fields(cls):
                if field.name in data and not _fits(data[field.name], str(field.type)):
                    raise TypeError(f"{field.name} is {str(data[field.name])[:80]!r}, expected {field.type}")
            return cls(**{name: value for name, value in data.items() if name != "schema"})
        except TypeError as error:
            raise InputError(f"not the record of a battle: {error}") from error


_KINDS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "None": (type(None),),
    "Outcome": (str,),
    "Reason": (str,),
}


def _fits(value: Any, annotation: str) -> bool:
    """Whether a value from a file is what the field is for: sessions come from other people, too."""
    if isinstance(value, float) and not math.isfinite(value):
        return False
    kinds = [kind for name in annotation.split(" | ") for kind in _KINDS[name]]
    return isinstance(value, tuple(kinds)) and (not isinstance(value, bool) or bool in kinds)


def append_record(path: Path, record: BattleRecord) -> None:
    """Append a record to a session's file and sync it.

    What a killed process left of its last line is cut off first.

    Raises
    ------
    RunDirectoryError
        If the file cannot be written.
    """
    line = (json.dumps(record.to_json()) + "\n").encode()
    try:
        with path.open("ab") as file:
            whole = _whole_bytes(path)
            if whole != path.stat().st_size:
                file.truncate(whole)
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise RunDirectoryError(f"cannot write {path}: {error.strerror}") from error


def _whole_bytes(path: Path) -> int:
    """Length of a file up to the end of its last whole line."""
    size = path.stat().st_size
    with path.open("rb") as file:
        position = size
        while position:
            begin = max(0, position - 4096)
            file.seek(begin)
            found = file.read(position - begin).rfind(b"\n")
            if found >= 0:
                return begin + found + 1
            position = begin
    return 0


def read_records(path: str | Path) -> list[BattleRecord]:
    """The records of a session.

    Parameters
    ----------
    path : str or Path
        The session's directory, or its file of records.

    Raises
    ------
    RunDirectoryError
        If it cannot be read or a line is damaged; the message names the line. A last line that is not whole, as a
        killed process leaves it, is left out with a warning.
    """
    file = Path(path)
    file = file / RECORDS_NAME if file.is_dir() else file
    try:
        lines = file.read_bytes().split(b"\n")
    except OSError as error:
        raise RunDirectoryError(f"cannot read {file}: {error.strerror}") from error
    if lines.pop():
        _log.warning("%s: the last line is not whole and is left out", file)
    records = []
    for number, line in enumerate(lines, 1):
        try:
            records.append(BattleRecord.from_json(json.loads(line)))
        except (ValueError, RecursionError) as error:
            raise RunDirectoryError(f"{file} is damaged at line {number}: {error}") from error
    return records
