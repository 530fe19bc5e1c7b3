"""The simulator's verdicts on teams, each asked for once: kept in memory, and those of large sets on disk.

What is kept on disk is one SQLite file per user. A verdict is found by the SHA-256 of the team's text, the format, the
version of the simulator and the script that reads teams, so that a new simulator judges everything again. A file that
cannot be read or written costs time and nothing else.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import os
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from pokenash.games.showdown.formats import FormatInfo, format_info, remember_format
from pokenash.games.showdown.node import run_tool, script_directory, simulator_version

__all__ = ["Verdict", "judge_teams", "team_cache_directory"]

MAX_MEMBERS = 6
MAX_MOVES = 4

_log = logging.getLogger(__name__)

_TEAMS_A_CALL = 5_000
"""Teams that one Node process judges: some 5 s of work, and 20 MB of text both ways."""
_WORTH_KEEPING = 200
"""Fewer new teams than this cost less than a third of a second and leave nothing on disk."""
_QUERY = 500
_JUDGED: dict[str, Verdict] = {}


class Verdict(NamedTuple):
    """What the validator says of a team: one of the two is empty.

    Parameters
    ----------
    packed : str
        The team, ready to be played.
    problems : tuple of str
        Why it cannot be played: the validator's words, or that it is larger than what pokenash's arrays hold.
    """

    packed: str
    problems: tuple[str, ...]


def team_cache_directory() -> Path:
    """Where verdicts and hashes of downloads lie: ``$POKENASH_TEAMS``, else ``~/.cache/pokenash/teams``."""
    chosen = os.environ.get("POKENASH_TEAMS")
    if chosen:
        return Path(chosen)
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "pokenash" / "teams"


def judge_teams(texts: Sequence[str], format: str) -> tuple[FormatInfo, list[Verdict]]:
    """The verdict on each text; one call of Node for every 5,000 that nothing is known of.

    Parameters
    ----------
    texts : sequence of str
        Teams in any notation.
    format : str

    Returns
    -------
    FormatInfo
    list of Verdict
        Empty for a format whose teams the simulator draws.
    """
    base = _base(format)
    keys = [hashlib.sha256(base + text.encode()).hexdigest() for text in texts]
    new = {key: text for key, text in zip(keys, texts, strict=True) if key not in _JUDGED}
    if len(new) >= _WORTH_KEEPING:
        _JUDGED.update(_kept(list(new)))
        new = {key: text for key, text in new.items() if key not in _JUDGED}
    worth_keeping = len(new) >= _WORTH_KEEPING
    wanted = list(new.items())
    for first in range(0, len(wanted), _TEAMS_A_CALL):
        some = dict(wanted[first : first + _TEAMS_A_CALL])
        info, found = _ask(list(some.values()), format)
        if info.random_teams:
            return info, []
        verdicts = dict(zip(some, found, strict=True))
        # What comes out packed is legal as it stands: asked for again when the set is written down and read.
        verdicts |= {
            hashlib.sha256(base + verdict.packed.encode()).hexdigest(): verdict for verdict in found if verdict.packed
        }
        _JUDGED.update(verdicts)
        if worth_keeping:
            _keep(verdicts)
    return format_info(format), [_JUDGED[key] for key in keys]


@functools.cache
def _base(format: str) -> bytes:
    """What a verdict depends on besides the text."""
    reader = hashlib.sha256((script_directory() / "tool.js").read_bytes()).hexdigest()
    return f"{simulator_version()}\n{reader}\n{format}\n".encode()


def _ask(texts: list[str], format: str) -> tuple[FormatInfo, list[Verdict]]:
    answer = run_tool("tool.js", {"command": "validate", "format": format, "teams": texts})
    return remember_format(format, answer["format"]), [_verdict(one) for one in answer["teams"]]


def _verdict(judged: dict[str, Any]) -> Verdict:
    if "problems" in judged:
        return Verdict("", tuple(judged["problems"]))
    members, moves = len(judged["members"]), judged["most_moves"]
    if members > MAX_MEMBERS:
        return Verdict("", (f"The team has {members} members; pokenash plays at most {MAX_MEMBERS}.",))
    if moves > MAX_MOVES:
        return Verdict("", (f"A member has {moves} moves; pokenash plays at most {MAX_MOVES}.",))
    return Verdict(judged["packed"], ())


def _database() -> sqlite3.Connection:
    folder = team_cache_directory()
    folder.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(folder / "verdicts-1.sqlite", timeout=10)
    database.execute("create table if not exists verdicts (key text primary key, packed text, problems text)")
    return database


def _kept(keys: Sequence[str]) -> dict[str, Verdict]:
    """Those of the verdicts that are on disk."""
    found: dict[str, Verdict] = {}
    try:
        with closing(_database()) as database:
            for some in (keys[i : i + _QUERY] for i in range(0, len(keys), _QUERY)):
                places = ",".join("?" * len(some))
                rows = database.execute(f"select key, packed, problems from verdicts where key in ({places})", some)
                found |= {key: Verdict(packed, tuple(json.loads(problems))) for key, packed, problems in rows}
    except (OSError, sqlite3.Error, ValueError, TypeError) as error:
        _log.warning("verdicts on teams cannot be read from %s, they are asked for again: %s", _place(), error)
        return {}
    return found


def _keep(verdicts: dict[str, Verdict]) -> None:
    rows: Iterable[tuple[str, str, str]] = (
        (key, verdict.packed, json.dumps(verdict.problems)) for key, verdict in verdicts.items()
    )
    try:
        with closing(_database()) as database, database:
            database.executemany("insert or replace into verdicts values (?, ?, ?)", rows)
    except (OSError, sqlite3.Error) as error:
        _log.warning("verdicts on teams cannot be kept in %s: %s", _place(), error)


def _place() -> Path:
    return team_cache_directory()
