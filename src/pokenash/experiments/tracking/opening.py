"""All trackers of a run as one."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pokenash.errors import InputError
from pokenash.experiments.run_directory import TRACKING
from pokenash.experiments.tracking.json_lines import JSONTracker
from pokenash.experiments.tracking.tensorboard import TensorBoardTracker
from pokenash.experiments.tracking.trackio import TrackioTracker
from pokenash.experiments.tracking.wandb import WandbTracker
from pokenash.tracking import Tracker

__all__ = ["TRACKERS", "Trackers", "open_tracker"]

_log = logging.getLogger(__name__)

TRACKERS = ("tensorboard", "wandb", "trackio")
"""What can be had beside JSON lines."""


class Trackers:
    """Several trackers as one; a context manager that closes them.

    A tracker that fails is named in a warning and left out from there on: a training of hours does not end because a
    dashboard cannot be reached. Errors of pokenash itself are raised: values that are no numbers, a full disk under the
    JSON lines.

    Parameters
    ----------
    trackers : mapping of str to Tracker
        By names for the log.
    """

    def __init__(self, trackers: Mapping[str, Tracker]) -> None:
        self._trackers = dict(trackers)

    @property
    def names(self) -> tuple[str, ...]:
        """Those that are still logged to."""
        return tuple(self._trackers)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        for name, tracker in list(self._trackers.items()):
            try:
                tracker.log(step, values)
            except InputError:
                raise
            except Exception as error:  # Another package's, of any kind.
                _log.warning("tracking with %s failed at step %d and ends there: %r", name, step, error)
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
    opened: dict[str, Tracker] = {"JSON lines": JSONTracker(folder / "metrics.jsonl")}
    try:
        for kind in dict.fromkeys(trackers):
            opened[kind] = _open(kind, folder, project, name, config, offline)
    except BaseException:
        Trackers(opened).close()
        raise
    return Trackers(opened)


def _open(kind: str, folder: Path, project: str, name: str, config: Mapping[str, Any] | None, offline: bool) -> Tracker:
    if kind == "tensorboard":
        return TensorBoardTracker(folder / "tensorboard")
    if kind == "wandb":
        return WandbTracker(folder, project=project, name=name, config=config, offline=offline)
    return TrackioTracker(project=project, name=name, config=config)
