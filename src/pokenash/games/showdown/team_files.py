"""A team set as a file, and files of weights."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pokenash.errors import InputError, TeamError
from pokenash.files import replace_file
from pokenash.games.showdown.team_set import TeamSet

__all__ = ["read_team_set", "read_weights", "write_team_set"]

TEAM_SET_SCHEMA = 1


def write_team_set(teams: TeamSet, path: str | Path) -> Path:
    """Write a set with its names, weights and origin as one JSON file, which `load_team_set` reads.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    path = Path(path)
    data = {"schema": TEAM_SET_SCHEMA, "kind": "team set", "format": teams.format, **teams.to_json()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, (json.dumps(data, indent=1) + "\n").encode())
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from error
    return path


def read_team_set(path: str | Path, format: str) -> TeamSet | None:
    """What `write_team_set` wrote; None for a JSON file of anything else, such as a list of teams.

    Raises
    ------
    TeamError
        If it is of another schema or format, or damaged.
    """
    path = Path(path)
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(data, Mapping):
        return None
    if data.get("kind") != "team set" or data.get("schema") != TEAM_SET_SCHEMA:
        raise TeamError(
            f'{path} is neither a list of teams nor a team set of schema {TEAM_SET_SCHEMA}: its "kind" is '
            f'{data.get("kind")!r} and its "schema" {data.get("schema")!r}'
        )
    if data.get("format") != format:
        raise TeamError(f"{path} holds teams of {data.get('format')!r}, expected {format!r}")
    try:
        return TeamSet.from_json(format, data)
    except TeamError as error:
        raise TeamError(f"{path}: {error}") from error


def read_weights(path: str | Path) -> dict[str, float]:
    """How often teams are drawn, by name.

    Parameters
    ----------
    path : path-like
        A JSON object of names and numbers, or a CSV file with the columns ``name`` and ``weight``.

    Raises
    ------
    InputError
        If it is neither, or a team is there twice.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
        return _weights(text) if text.lstrip().startswith("{") else _weights_of_rows(text)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, csv.Error) as error:
        raise InputError(
            f"{path} cannot be read as weights of teams ({error}); expected a JSON object of names and numbers, or CSV "
            "with the columns name and weight"
        ) from error


def _weights(text: str) -> dict[str, float]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return _unique([(name, float(weight)) for name, weight in pairs])

    found: dict[str, float] = json.loads(text, object_pairs_hook=once)
    return found


def _weights_of_rows(text: str) -> dict[str, float]:
    return _unique([(row["name"], float(row["weight"])) for row in csv.DictReader(io.StringIO(text))])


def _unique(pairs: list[tuple[str, float]]) -> dict[str, float]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")
    return found
