"""Files of a training: written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pokenash.errors import InputError
from pokenash.files import replace_file

__all__ = ["StepLog", "make_folder", "read_json", "write_bytes", "write_json"]


def make_folder(path: Path) -> Path:
    """Make a folder with those above it.

    Raises
    ------
    InputError
        If it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {path}: {error.strerror}") from error
    return path


def write_bytes(path: Path, data: bytes) -> None:
    """Write to a temporary file, which is synced and moved into place.

    Raises
    ------
    InputError
        If it cannot be written (a full disk, no permission).
    """
    try:
        replace_file(path, data)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write a JSON file, as `write_bytes` does."""
    write_bytes(path, (json.dumps(data, indent=1) + "\n").encode())


def read_json(path: Path) -> dict[str, Any] | None:
    """What `write_json` wrote; None if there is no such file.

    Raises
    ------
    InputError
        If it is damaged.
    """
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is damaged: {error}; restore it or begin in another folder") from error
    if not isinstance(data, dict):
        raise InputError(f"{path} is damaged: expected a JSON object; restore it or begin in another folder")
    return data


class StepLog:
    """A log of one JSON object per line, each with the ``step`` after which it was written.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def keep_until(self, step: int) -> None:
        """Cut off the lines of later steps, and a line that a killed process left unfinished."""
        if not self.path.exists():
            return
        kept = [line for line in self.path.read_bytes().split(b"\n")[:-1] if json.loads(line)["step"] <= step]
        write_bytes(self.path, b"".join(line + b"\n" for line in kept))

    def write(self, entry: Mapping[str, Any]) -> None:
        """Append a line."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
