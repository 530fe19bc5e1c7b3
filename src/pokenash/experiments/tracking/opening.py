"""All trackers of a run as one."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, get_args

from pokenash.errors import InputError
from pokenash.experiments.run_directory import TRACKING
from pokenash.experiments.tracking.json_lines import JSONTracker
from pokenash.experiments.tracking.onward import OnwardTracker
from pokenash.experiments.tracking.packages import start_tracker
from pokenash.experiments.tracking.settings import TrackerName
from pokenash.experiments.tracking.tensorboard import TensorBoardTracker
from pokenash.experiments.tracking.trackio import TrackioTracker
from pokenash.experiments.tracking.wandb import WandbTracker
from pokenash.tracking import Tracker, scalars

__all__ = ["PATIENCE", "TRACKERS", "Trackers", "open_tracker"]

_log = logging.getLogger(__name__)

TRACKERS: tuple[str, ...] = get_args(TrackerName)
"""What can be had beside JSON lines."""

PATIENCE = 10
"""Failures in a row after which a tracker is left out."""


class Trackers:
    """Several trackers as one; a context manager that closes them.

    No tracker ends a training of days. One that raises (a full disk, a dashboard that cannot be reached) is named in a
    warning, its values of that step are lost, and it is tried again at the next step; after `PATIENCE` failures in a
    row it is left out from there on. The others go on. What is raised is what would be a mistake of the program: values
    that are no finite numbers.

    Parameters
    ----------
    trackers : mapping of str to Tracker
        By names for the log.
    """

    def __init__(self, trackers: Mapping[str, Tracker]) -> None:
        self._trackers = dict(trackers)
        self._failures = dict.fromkeys(self._trackers, 0)

    @property
    def names(self) -> tuple[str, ...]:
        """Those that are still logged to."""
        return tuple(self._trackers)

    def start(self) -> None:
        """Reach for the dashboards now rather than with the first values, which may come after hours.

        Raises
        ------
        InputError
            If one does not start.
        """
        for name, tracker in self._trackers.items():
            try:
                start_tracker(tracker)
            except InputError:
                raise
            except Exception as error:  # Another package's, of any kind.
                raise InputError(f"tracking with {name} does not start: {error!r}") from error

    def log(self, step: int, values: Mapping[str, float]) -> None:
        if len(scalars(values)) != len(values):
            raise InputError(f"step {step}: expected finite numbers to log, got {dict(values)}")
        for name, tracker in list(self._trackers.items()):
            try:
                tracker.log(step, values)
                self._failures[name] = 0
            except Exception as error:  # Another package's, of any kind, or a full disk.
                self._failed(name, step, error)

    def _failed(self, name: str, step: int, error: Exception) -> None:
        self._failures[name] += 1
        if self._failures[name] < PATIENCE:
            _log.warning("tracking with %s failed at step %d, which it lacks: %r", name, step, error)
        else:
            _log.warning("tracking with %s failed at step %d once more and ends there: %r", name, step, error)
            del self._trackers[name]

    def close(self) -> None:
        while self._trackers:
            name, tracker = self._trackers.popitem()
            try:
                tracker.close()
            except Exception as error:  # As above; the others are closed all the same.
                _log.warning("tracking with %s did not end well: %r", name, error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_tracker(
    directory: str | Path,
    trackers: Sequence[str] = (),
    *,
    project: str = "pokenash",
    name: str | None = None,
    config: Mapping[str, Any] | None = None,
    offline: bool = False,
    start: bool = True,
) -> Trackers:
    """Trackers for a run, to be closed by the caller.

    Everything lies under ``tracking/`` in the run's directory: ``metrics.jsonl`` always (`read_metrics` reads it),
    ``tensorboard/``, ``wandb/``. A directory is for one run of one algorithm, as steps of several would be mixed.

    Parameters
    ----------
    directory : str or Path
        Of the run. It need not exist, and stays a new one for `run_psro`.
    trackers : sequence of str
        Of `TRACKERS`, what there shall be beside JSON lines.
    project : str
        On W&B and trackio.
    name : str, optional
        Of the run there. Default: the name of the directory.
    config : mapping, optional
        Settings to show there, JSON-able.
    offline : bool
        Whether W&B sends nothing; ``wandb sync`` does that later.
    start : bool
        Whether dashboards are reached for now. Otherwise nothing is written before `Trackers.start`, or the first
        values.

    Raises
    ------
    InputError
        If a tracker is unknown, its package is missing, or it does not start.
    """
    if isinstance(trackers, str):
        raise InputError(f"expected a sequence of trackers, got the text {trackers!r}; write [{trackers!r}]")
    if unknown := sorted(set(trackers) - set(TRACKERS)):
        raise InputError(f"unknown tracker {unknown[0]!r}; expected some of: {', '.join(TRACKERS)}")
    folder = Path(directory) / TRACKING
    name = name or Path(directory).resolve().name
    made: dict[str, Tracker] = {"JSON lines": JSONTracker(folder / "metrics.jsonl")}
    for kind in dict.fromkeys(trackers):
        made[kind] = _make(kind, folder, project, name, config, offline)
    opened = Trackers(made)
    if start:
        try:
            opened.start()
        except BaseException:
            opened.close()
            raise
    return opened


def _make(kind: str, folder: Path, project: str, name: str, config: Mapping[str, Any] | None, offline: bool) -> Tracker:
    if kind == "tensorboard":
        return TensorBoardTracker(folder / "tensorboard")
    if kind == "wandb":
        wandb = WandbTracker(folder, project=project, name=name, config=config, offline=offline)
        return OnwardTracker(wandb, folder / "wandb_step.json")
    return OnwardTracker(TrackioTracker(project=project, name=name, config=config), folder / "trackio_step.json")
