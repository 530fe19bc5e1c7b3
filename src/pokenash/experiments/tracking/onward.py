"""Dashboards that cannot take a step back: a run that goes on tells them only what they do not have yet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pokenash.errors import RunDirectoryError
from pokenash.experiments.tracking.packages import start_tracker
from pokenash.files import replace_file
from pokenash.tracking import Tracker

__all__ = ["OnwardTracker"]

_SCHEMA = 1


class OnwardTracker:
    """Passes steps on to another tracker, but for those that an earlier process has passed on.

    A run that was killed goes on from its last saved state, so it comes to some steps a second time. W&B and trackio
    would draw both values; here the first stays. Several calls of one process with the same step are all passed on.

    Parameters
    ----------
    tracker : Tracker
    path : Path
        Where the last step is kept, written after each one that was taken.

    Raises
    ------
    RunDirectoryError
        By `start`, if that file is damaged.
    """

    def __init__(self, tracker: Tracker, path: Path) -> None:
        self.tracker = tracker
        self.path = path
        self._before: int | None = None
        self._last = -1

    def start(self) -> None:
        """Start the tracker, and read how far an earlier process came."""
        if self._before is None:
            known = self._known_step()
            start_tracker(self.tracker)
            self._before = self._last = known

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self.start()
        assert self._before is not None
        if step <= self._before:
            return
        self.tracker.log(step, values)
        if step > self._last:
            self._last = step
            self.path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self.path, (json.dumps({"schema": _SCHEMA, "step": step}) + "\n").encode())

    def close(self) -> None:
        self.tracker.close()

    def _known_step(self) -> int:
        """The last step that was passed on; -1 for none."""
        if not self.path.exists():
            return -1
        try:
            about = json.loads(self.path.read_bytes())
            if about["schema"] != _SCHEMA or type(about["step"]) is not int:
                raise ValueError(f"expected schema {_SCHEMA} and a step")
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise RunDirectoryError(f"{self.path} is damaged: {error!r}; remove it to log all steps again") from error
        return int(about["step"])
