"""What a command offers of tracking: three options, and the trackers that they ask for.

A settings dataclass has the fields of `TrackedSettings`. Its run makes the tracker before it begins, so that what is
not installed is told before anything is written, and starts it (`Trackers.start`) once the directory is known to be its
own.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from pokenash.errors import InputError

if TYPE_CHECKING:
    from dataclasses import Field

    from pokenash.experiments.tracking.opening import Trackers

__all__ = ["TRACKED", "TrackedSettings", "TrackerName", "settings_tracker"]

TrackerName = Literal["tensorboard", "wandb", "trackio"]
"""What there can be beside JSON lines."""

TRACKED = ("track", "track_offline", "track_project")
"""The fields of `TrackedSettings`, on which results do not depend."""


class TrackedSettings(Protocol):
    """The fields that a dataclass of settings has; their words in its docstring are those below.

    Parameters
    ----------
    track : tuple of str
        Where to show the run's numbers while it runs, beside ``tracking/metrics.jsonl``: ``tensorboard``, ``wandb``,
        ``trackio``, or several. Results do not depend on it.
    track_offline : bool
        Whether W&B writes files only, which ``wandb sync`` sends later.
    track_project : str
        The project's name on W&B and trackio.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def track(self) -> tuple[TrackerName, ...]: ...

    @property
    def track_offline(self) -> bool: ...

    @property
    def track_project(self) -> str: ...


def settings_tracker(settings: TrackedSettings, directory: str | Path) -> Trackers:
    """The trackers that settings ask for, to be started when the run begins, and closed.

    Parameters
    ----------
    settings : dataclass with the fields of `TrackedSettings`
        All of it is shown on W&B and trackio.
    directory : str or Path
        Of the run.

    Raises
    ------
    InputError
        If a tracker's package is missing, or ``track_offline`` is given without ``wandb``.
    """
    from pokenash.experiments.tracking.opening import open_tracker

    if settings.track_offline and "wandb" not in settings.track:
        raise InputError("track_offline is about W&B; give 'wandb' among track as well, or leave it out")
    config = json.loads(json.dumps(asdict(settings), default=str))
    return open_tracker(
        directory,
        settings.track,
        project=settings.track_project,
        config={name: value for name, value in config.items() if name not in TRACKED},
        offline=settings.track_offline,
        start=False,
    )
