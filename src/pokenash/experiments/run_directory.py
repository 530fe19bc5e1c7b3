"""A run on disk: plain files that are written whole, and a directory that is checked before it is written to."""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pokenash.algorithms.match_log import MatchLog
from pokenash.errors import InputError, RunDirectoryError
from pokenash.files import TEMPORARY, replace_file
from pokenash.policies.populations import load_population, population_json
from pokenash.policies.spec import PolicySpec

__all__ = ["SCHEMA", "TRACKING", "RunDirectory", "read_json", "write_bytes", "write_json"]

SCHEMA = 1

TRACKING = "tracking"
"""The folder of a run in which trackers write; they may begin before the run does."""


def read_json(path: Path) -> dict[str, Any]:
    """Read a file of a run.

    Raises
    ------
    RunDirectoryError
        If it is missing, damaged, or of another schema; the message names the file.
    """
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise RunDirectoryError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise RunDirectoryError(f"{path} is damaged: not JSON ({error}); restore it or start a new run") from error
    if not isinstance(data, dict):
        raise RunDirectoryError(f"{path} is damaged: expected a JSON object; restore it or start a new run")
    if data.get("schema") != SCHEMA:
        raise RunDirectoryError(f"{path} has schema {data.get('schema')!r}; this version reads schema {SCHEMA}")
    return data


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file of a run: to a temporary file beside it, which is synced and moved into place.

    Raises
    ------
    RunDirectoryError
        If it cannot be written (a full disk, no permission).
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, data)
    except OSError as error:
        raise RunDirectoryError(f"cannot write {path}: {error.strerror}") from error


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write a JSON file of a run, as `write_bytes` does."""
    write_bytes(path, (json.dumps(data, indent=1) + "\n").encode())


class RunDirectory:
    """A run's files: the store in which PSRO keeps its steps.

    Making one changes nothing on disk.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log = MatchLog(path / "matches" / "matches.jsonl")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the directory and keep other processes from running in it; the lock goes with the process.

        Raises
        ------
        RunDirectoryError
            If another process has the lock, or the directory cannot be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_RDONLY)
        except OSError as error:
            raise RunDirectoryError(f"cannot make the run directory {self.path}: {error.strerror}") from error
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise RunDirectoryError(f"{self.path}: another process is running in this directory") from error
            # Who had the lock until now may have written since this was made.
            self.log = MatchLog(self.log.path)
            yield
        finally:
            os.close(handle)

    def is_new(self) -> bool:
        """Whether there is nothing in it yet, trackers and leftovers of a run killed before its first file aside."""
        return not self.path.exists() or all(
            entry.name == TRACKING or entry.name.endswith(TEMPORARY) for entry in self.path.iterdir()
        )

    def folder(self, iteration: int) -> Path:
        folder = self.path / f"iteration_{iteration}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunDirectoryError(f"cannot make {folder}: {error.strerror}") from error
        return folder

    def file(self, iteration: int, name: str) -> Path:
        """Where a step's result lies."""
        return self.path / f"iteration_{iteration}" / f"{name}.json"

    def load(self, iteration: int, name: str) -> dict[str, Any] | None:
        path = self.file(iteration, name)
        return read_json(path) if path.exists() else None

    def save(self, iteration: int, name: str, data: dict[str, Any]) -> None:
        self.folder(iteration)
        write_json(self.file(iteration, name), data)

    def load_policies(self, iteration: int, name: str) -> list[PolicySpec] | None:
        path = self.file(iteration, name)
        if not path.exists():
            return None
        try:
            return load_population(path)
        except InputError as error:
            raise RunDirectoryError(f"{path} is damaged: {error}") from error

    def save_policies(self, iteration: int, name: str, policies: Sequence[PolicySpec]) -> None:
        self.save(iteration, name, population_json(policies, self.folder(iteration)))

    def event(self, event: str, **fields: Any) -> None:
        line = json.dumps({"time": round(time.time(), 3), "event": event, **fields}) + "\n"
        try:
            with (self.path / "log.jsonl").open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            raise RunDirectoryError(f"cannot write {self.path / 'log.jsonl'}: {error.strerror}") from error

    def seconds(self, iteration: int) -> dict[str, float]:
        path = self.path / "log.jsonl"
        found: dict[str, float] = {}
        for line in path.read_bytes().splitlines() if path.exists() else ():
            try:
                entry = json.loads(line)
            except ValueError:
                # A line that a killed process left unfinished; the log is for people and holds no results.
                continue
            if isinstance(entry, dict) and entry.get("iteration") == iteration and "seconds" in entry:
                found[str(entry["event"])] = float(entry["seconds"])
        return found

    def iterations(self) -> list[int]:
        """Numbers of the iterations that have a folder, in order.

        Raises
        ------
        RunDirectoryError
            If one is missing between others.
        """
        found = sorted(
            int(match[1])
            for entry in (self.path.iterdir() if self.path.exists() else ())
            if (match := re.fullmatch(r"iteration_(\d+)", entry.name)) and entry.is_dir()
        )
        for expected, number in enumerate(found):
            if number != expected:
                raise RunDirectoryError(
                    f"{self.path / f'iteration_{expected}'} is missing, though later ones are there"
                )
        return found
