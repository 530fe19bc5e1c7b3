"""Weights & Biases: a run on its server, or on disk until it is sent there."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pokenash.errors import InputError, RunDirectoryError
from pokenash.experiments.tracking.packages import load_package
from pokenash.files import replace_file

__all__ = ["STEP", "WandbTracker"]

_log = logging.getLogger(__name__)

_SCHEMA = 1

STEP = "training_step"
"""The name under which the step is logged, and over which W&B draws all values."""


class WandbTracker:
    """Logs to a run of W&B, and to the same one when the directory's run goes on.

    W&B is started by `start`, or by the first call of `log`. Its own step never goes back, but a run that was killed
    does; so the step is a value of its own.

    Parameters
    ----------
    directory : str or Path
        W&B's files go to ``wandb/`` in it, the run's id to ``wandb_run.json``.
    project : str
    name : str, optional
        Of the run; W&B makes one up by default.
    config : mapping, optional
        Settings to show with the run, JSON-able.
    offline : bool
        Whether only files are written, which ``wandb sync`` sends later. By default W&B decides (``WANDB_MODE``).

    Raises
    ------
    InputError
        If W&B is not installed; by `start`, if it does not start, for example because nobody is logged in.
    RunDirectoryError
        By `start`, if ``wandb_run.json`` is damaged or the directory cannot be written.
    """

    def __init__(
        self,
        directory: str | Path,
        *,
        project: str,
        name: str | None = None,
        config: Mapping[str, Any] | None = None,
        offline: bool = False,
    ) -> None:
        self.directory = Path(directory)
        self._wandb = load_package("wandb", "wandb", "pokenash[wandb]")
        self._project, self._name, self._config = project, name, dict(config or {})
        self._offline = offline
        self._id_path = self.directory / "wandb_run.json"
        self._run: Any = None

    def start(self) -> None:
        """Begin the run on W&B, or go on with it; once is enough."""
        if self._run is not None:
            return
        known = self._known_id()
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            run = self._wandb.init(
                project=self._project,
                name=self._name,
                dir=str(self.directory),
                config=self._config,
                id=known,
                # Without a network there is nothing to resume from; the id alone joins the parts when they are sent.
                resume=None if known is None or self._offline else "allow",
                mode="offline" if self._offline else None,
                reinit="create_new",
                settings=self._wandb.Settings(silent=True, console="off"),
            )
            if known is None:
                about = {"schema": _SCHEMA, "id": run.id, "project": self._project}
                replace_file(self._id_path, (json.dumps(about, indent=1) + "\n").encode())
        except OSError as error:
            raise RunDirectoryError(f"cannot write {self.directory}: {error.strerror}") from error
        except self._wandb.errors.Error as error:
            why = str(error).strip().rstrip(".")
            raise InputError(f"W&B does not start ({why}); log in with 'wandb login', or track offline") from error
        run.define_metric(STEP)
        run.define_metric("*", step_metric=STEP)
        _log.info("W&B run %s %s", run.id, run.url or "(offline)")
        self._run = run

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self.start()
        self._run.log({**values, STEP: step})

    def close(self) -> None:
        if self._run is not None:
            run, self._run = self._run, None
            run.finish()

    def _known_id(self) -> str | None:
        """The id under which an earlier process logged."""
        if not self._id_path.exists():
            return None
        try:
            about = json.loads(self._id_path.read_bytes())
            if about["schema"] != _SCHEMA or not isinstance(about["id"], str):
                raise ValueError(f"expected schema {_SCHEMA} and an id")
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise RunDirectoryError(
                f"{self._id_path} is damaged: {error!r}; remove it to go on in a new W&B run"
            ) from error
        return str(about["id"])
