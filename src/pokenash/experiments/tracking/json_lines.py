"""Numbers of a run as JSON lines: always written, and readable with nothing but the standard library."""

from __future__ import annotations

import json
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

    The file is made at the first call. Lines are appended and never rewritten; of a run that was killed and went on,
    the later line of a step holds (`read_metrics`).

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    InputError
        By `log`, if a value is no finite number.
    RunDirectoryError
        By `log`, if the file cannot be written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._is_open = False

    def log(self, step: int, values: Mapping[str, float]) -> None:
        numbers = scalars(values)
        if len(numbers) != len(values):
            raise InputError(f"step {step}: expected finite numbers to log, got {dict(values)}")
        line = json.dumps({"schema": _SCHEMA, "step": step, "time": round(time.time(), 3), "values": numbers}) + "\n"
        try:
            if not self._is_open:
                self._open()
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            raise RunDirectoryError(f"cannot write {self.path}: {error.strerror}") from error

    def close(self) -> None:
        """Nothing is left to be written."""

    def _open(self) -> None:
        """Make the folder, and cut off a line that a killed process left unfinished."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        data = self.path.read_bytes() if self.path.exists() else b""
        whole = data[: data.rfind(b"\n") + 1]
        if whole != data:
            replace_file(self.path, whole)
        self._is_open = True


def read_metrics(path: str | Path) -> dict[str, dict[int, float]]:
    """What was logged: for every name its values by step, steps in order.

    Parameters
    ----------
    path : str or Path
        A ``metrics.jsonl``. An unfinished last line is passed over.

    Raises
    ------
    InputError
        If the file cannot be read, or a line is damaged or of another schema; the message names the line.
    """
    try:
        lines = Path(path).read_bytes().split(b"\n")[:-1]
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    found: dict[str, dict[int, float]] = {}
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
            if entry["schema"] != _SCHEMA:
                raise InputError(
                    f"{path}, line {number} has schema {entry['schema']!r}; this version reads schema {_SCHEMA}"
                )
            for name, value in entry["values"].items():
                found.setdefault(name, {})[int(entry["step"])] = float(value)
        except InputError:
            raise
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path}, line {number} is damaged: {error!r}; remove the line") from error
    return {name: dict(sorted(values.items())) for name, values in found.items()}
