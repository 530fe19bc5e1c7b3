"""Trackio: a local dashboard whose functions are named as W&B's."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from pokenash.experiments.tracking.packages import load_package
from pokenash.experiments.tracking.wandb import STEP

__all__ = ["TrackioTracker"]


class TrackioTracker:
    """Logs through trackio's ``init``, ``log`` and ``finish``; its data lies where trackio keeps it.

    It is started by `start`, or by the first call of `log`. Trackio has one run at a time in a process. Versions differ
    in what they take: a version whose ``log`` knows no ``step`` gets it as a value named ``training_step``.

    Parameters
    ----------
    project : str
    name : str, optional
        Of the run. With a name, a run that goes on goes on there as well, where the version can.
    config : mapping, optional

    Raises
    ------
    InputError
        If trackio is not installed.
    """

    def __init__(self, *, project: str, name: str | None = None, config: Mapping[str, Any] | None = None) -> None:
        self._trackio = load_package("trackio", "trackio", "trackio")
        more = {} if name is None else {"name": name, "resume": "allow"}
        self._wanted = {"config": dict(config or {}), **more}
        self._project = project
        self._takes_step = "step" in inspect.signature(self._trackio.log).parameters
        self._is_open = False

    def start(self) -> None:
        """Begin the run, or go on with it; once is enough."""
        if not self._is_open:
            taken = inspect.signature(self._trackio.init).parameters
            known = {name: value for name, value in self._wanted.items() if name in taken}
            self._trackio.init(project=self._project, **known)
            self._is_open = True

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self.start()
        if self._takes_step:
            self._trackio.log(dict(values), step=step)
        else:
            self._trackio.log({**values, STEP: step})

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._trackio.finish()
