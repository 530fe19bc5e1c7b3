"""The battles of a session on a server, as the report by team reads them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pokenash.errors import InputError, RunDirectoryError
from pokenash.experiments.run_directory import read_json
from pokenash.experiments.team_report import Outcome, TeamGame, TeamIndex
from pokenash.online.records import read_records

__all__ = ["read_session_games"]

_OUTCOMES: Mapping[str, Outcome] = {"win": "win", "tie": "draw", "loss": "loss"}


def read_session_games(directory: str | Path) -> tuple[TeamIndex, list[TeamGame], int]:
    """The teams and battles of a session, and how many battles do not count.

    The opponent's team is not known. The session's config names the teams and their SHA-256.

    Parameters
    ----------
    directory : path-like
        With ``config.json`` and ``battles.jsonl``.

    Raises
    ------
    RunDirectoryError
        If a file is missing or damaged.
    InputError
        If the session's teams were drawn by the server.
    """
    folder = Path(directory)
    config = read_json(folder / "config.json")
    teams = config.get("teams")
    if not isinstance(teams, Mapping):
        raise InputError(
            f"{folder}: the session has no team set: the server draws the teams of {config.get('format')!r}"
        )
    names, hashes = teams.get("names"), teams.get("sha256_of_each")
    if not isinstance(names, list) or not isinstance(hashes, list) or len(names) != len(hashes):
        raise RunDirectoryError(f"{folder / 'config.json'} does not name the session's teams with their SHA-256")
    index = TeamIndex(str(config["format"]), tuple(map(str, names)), tuple(map(str, hashes)))
    records = read_records(folder)
    games = [
        TeamGame(record.policy, record.team, None, _OUTCOMES[record.outcome])
        for record in records
        if record.counts and record.outcome in _OUTCOMES
    ]
    return index, games, len(records) - len(games)
