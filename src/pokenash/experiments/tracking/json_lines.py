"""Numbers of a run as JSON lines: always written, and readable with nothing but the standard library."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

from pokenash.errors import InputError, RunDirectoryError
from pokenash.files import replace_file
from pokenash.tracking import scalars

__all__ = ["JSONTracker", "read_metrics"]

_SCHEMA = 1


class JSONTracker:
    """One line per call: ``{"schema": 1, "step": 3, "time": 1735689600.0, "values": {"win_rate": 0.5}}``.

    The file is made at the first call. A run that was killed and goes on comes to some steps again: at its first call,
    what an earlier process wrote of that step and of later ones is taken out, so that no step is there twice.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    InputError
        By `log`, if a value is no finite number, or a line of the file is damaged.
    RunDirectoryError
        By `log`, if the file cannot be written. What was written of the line is taken back at the next call.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._size: int | None = None

    def log(self, step: int, values: Mapping[str, float]) -> None:
        numbers = scalars(values)
        if len(numbers) != len(values):
            raise InputError(f"step {step}: expected finite numbers to log, got {dict(values)}")
        line = json.dumps({"schema": _SCHEMA, "step": step, "time": round(time.time(), 3), "values": numbers}) + "\n"
        try:
            size = self._size if self._size is not None else self._keep_before(step)
            with self.path.open("ab") as file:
                # Of a line that did not fit on the disk, a part may be there; of a file that was taken away, nothing.
                found = os.fstat(file.fileno()).st_size
                size = min(size, found)
                if found != size:
                    file.truncate(size)
                self._size = size
                file.write(line.encode())
                file.flush()
                self._size = size + len(line.encode())
        except OSError as error:
            raise RunDirectoryError(f"cannot write {self.path}: {error.strerror}") from error

    def close(self) -> None:
        """Nothing is left to be written."""

    def _keep_before(self, step: int) -> int:
        """Make the folder, and take out what is of this step or later, or unfinished; the size of what is left."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        data = self.path.read_bytes() if self.path.exists() else b""
        lines = data.split(b"\n")[:-1]
        entries = [_entry(self.path, number, line) for number, line in enumerate(lines, start=1)]
        kept = b"".join(line + b"\n" for line, (of, _) in zip(lines, entries, strict=True) if of < step)
        if kept != data:
            replace_file(self.path, kept)
        return len(kept)


def read_metrics(path: str | Path) -> dict[str, dict[int, float]]:
    """What was logged: for every name its values by step, steps in order.

    Parameters
    ----------
    path : str or Path
        A ``metrics.jsonl``. An unfinished last line is passed over; of a name that was logged twice at a step, the
        later value holds.

    Raises
    ------
    InputError
        If the file cannot be read, or a line is damaged or of another schema; the message names the line.
    """
    path = Path(path)
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    found: dict[str, dict[int, float]] = {}
    for number, line in enumerate(lines, start=1):
        step, values = _entry(path, number, line)
        for name, value in values.items():
            found.setdefault(name, {})[step] = value
    return {name: dict(sorted(values.items())) for name, values in found.items()}


def _entry(path: Path, number: int, line: bytes) -> tuple[int, dict[str, float]]:
    """Step and values of a line."""
    try:
        entry = json.loads(line)
        schema = entry["schema"]
        if schema == _SCHEMA:
            return int(entry["step"]), {name: float(value) for name, value in entry["values"].items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}, line {number} is damaged: {error!r}; remove the line") from error
    raise InputError(f"{path}, line {number} has schema {schema!r}; this version reads schema {_SCHEMA}")
