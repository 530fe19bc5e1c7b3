"""What a session leaves on disk: its config, a record of every battle, and what was told of it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pokenash.errors import RunDirectoryError
from pokenash.files import replace_file
from pokenash.online.records import RECORDS_NAME, BattleRecord, append_record, read_records

__all__ = ["BattleLog", "SessionDirectory"]

SCHEMA = 1
_FIXED = ("kind", "format", "server", "policy", "mode", "teams")
"""What a session that is gone on with must have in common with its beginning."""
_MAX_CHARACTERS = 48 * 2**20
"""More than a battle may tell before it is given up; a server may go on telling, but not fill the disk."""


class BattleLog:
    """The protocol log of one battle, written as it comes.

    Parameters
    ----------
    path : Path
    clean : callable
        Takes a line and gives what is kept of it, or None.
    """

    def __init__(self, path: Path, clean: Callable[[str], str | None]) -> None:
        self.path = path
        self._clean = clean
        self._file = path.open("x", encoding="utf-8", newline="\n")
        self._left = _MAX_CHARACTERS

    def write(self, lines: Sequence[str]) -> None:
        """Append lines; they are with the operating system when this returns. A log that is too long ends there."""
        if self._left <= 0:
            return
        kept = [clean for line in lines if (clean := self._clean(line)) is not None]
        self._left -= sum(map(len, kept))
        if kept:
            self._file.write("\n".join(kept) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Sync and close the file. May be called more than once."""
        if not self._file.closed:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()


class SessionDirectory:
    """The directory of a session.

    Parameters
    ----------
    path : Path
        Made if it is not there.
    config : mapping
        Without schema; where a session is gone on with, it must agree with what is there in all that a result depends
        on, and the earlier one's seed is taken.

    Attributes
    ----------
    config : dict
        As it is on disk.
    records : list of BattleRecord
        Of all battles that are over, earlier sessions in this directory included.

    Raises
    ------
    RunDirectoryError
        If the directory cannot be used, is damaged, or belongs to a session of another kind.
    """

    def __init__(self, path: Path, config: Mapping[str, Any]) -> None:
        self.path = path
        try:
            (path / "battles").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunDirectoryError(f"cannot make the directory {path}: {error.strerror}") from error
        file = path / "config.json"
        self.config = self._earlier(file, config) if file.exists() else {"schema": SCHEMA, **config}
        if not file.exists():
            self._write(file, self.config)
        self.records = read_records(path) if (path / RECORDS_NAME).exists() else []

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from playing into the same directory.

        Raises
        ------
        RunDirectoryError
            If one does so now.
        """
        with (self.path / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise RunDirectoryError(f"another process plays into {self.path} now") from None
            yield

    def open_log(self, battle: str, number: int, clean: Callable[[str], str | None]) -> BattleLog:
        """The log of a battle; a server that was started anew gives the same ids again, so names may need a number."""
        folder = self.path / "battles"
        path = folder / f"{battle}.log"
        attempt = 0
        while path.exists():
            attempt += 1
            path = folder / f"{battle}.{number}-{attempt}.log"
        try:
            return BattleLog(path, clean)
        except OSError as error:
            raise RunDirectoryError(f"cannot write {path}: {error.strerror}") from error

    def add(self, record: BattleRecord) -> None:
        """Append the record of a battle that is over."""
        append_record(self.path / RECORDS_NAME, record)
        self.records.append(record)

    def _earlier(self, file: Path, config: Mapping[str, Any]) -> dict[str, Any]:
        try:
            earlier = json.loads(file.read_bytes())
        except (OSError, ValueError) as error:
            raise RunDirectoryError(f"cannot read {file}: {error}") from error
        if not isinstance(earlier, dict) or earlier.get("schema") != SCHEMA:
            raise RunDirectoryError(
                f"{file} is not the config of a session (schema {SCHEMA}); choose another directory"
            )
        different = [key for key in _FIXED if earlier.get(key) != config.get(key)]
        if different or not isinstance(earlier.get("seed"), int):
            raise RunDirectoryError(
                f"{self.path} holds a session with another {', '.join(different) or 'seed'}; give its own options to "
                "go on with it, or choose another directory"
            )
        return earlier

    def _write(self, file: Path, data: Mapping[str, Any]) -> None:
        try:
            replace_file(file, (json.dumps(data, indent=2) + "\n").encode())
        except OSError as error:
            raise RunDirectoryError(f"cannot write {file}: {error.strerror}") from error
