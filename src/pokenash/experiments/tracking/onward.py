"""Dashboards that cannot take a step back: a run that goes on tells them only what they do not have yet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pokenash.errors import RunDirectoryError
from pokenash.experiments.tracking.packages import start_tracker
from pokenash.files import replace_file
from pokenash.tracking import Tracker

__all__ = ["OnwardTracker"]

_SCHEMA = 1


class OnwardTracker:
    """Passes values on to another tracker, but for those that an earlier process has passed on.

    A run that was killed goes on from its last saved state, so it comes to some steps a second time. W&B and trackio
    would draw both values; here the first stays. Of the last step only what was told of it is left out: PSRO that is
    made longer has more to say of its last iteration, and a run may be killed between two values of a step. Several
    calls of one process with the same step are all passed on.

    Parameters
    ----------
    tracker : Tracker
    path : Path
        Where the last step and the names that were told of it are kept, written after each call that was taken.

    Raises
    ------
    RunDirectoryError
        By `start`, if that file is damaged.
    """

    def __init__(self, tracker: Tracker, path: Path) -> None:
        self.tracker = tracker
        self.path = path
        self._before: _Told | None = None
        self._last = _Told(-1, frozenset())

    def start(self) -> None:
        """Start the tracker, and read how far an earlier process came."""
        if self._before is None:
            known = self._known()
            start_tracker(self.tracker)
            self._before = self._last = known

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self.start()
        assert self._before is not None
        told = self._before.names if step == self._before.step else frozenset()
        new = {name: value for name, value in values.items() if name not in told}
        if step < self._before.step or not new:
            return
        self.tracker.log(step, new)
        if step < self._last.step:
            return
        earlier = self._last.names if step == self._last.step else frozenset()
        self._last = _Told(step, earlier | set(new))
        about = {"schema": _SCHEMA, "step": step, "names": sorted(self._last.names)}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(self.path, (json.dumps(about) + "\n").encode())

    def close(self) -> None:
        self.tracker.close()

    def _known(self) -> _Told:
        """The last step that was passed on, and what of it; -1 for none."""
        if not self.path.exists():
            return _Told(-1, frozenset())
        try:
            about = json.loads(self.path.read_bytes())
            if about["schema"] != _SCHEMA or type(about["step"]) is not int or not isinstance(about["names"], list):
                raise ValueError(f"expected schema {_SCHEMA}, a step and names")
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise RunDirectoryError(f"{self.path} is damaged: {error!r}; remove it to log all steps again") from error
        return _Told(about["step"], frozenset(map(str, about["names"])))


class _Told(NamedTuple):
    """A step, and the names that were told of it."""

    step: int
    names: frozenset[str]
