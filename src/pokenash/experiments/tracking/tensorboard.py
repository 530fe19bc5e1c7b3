"""TensorBoard's event files, through torch's own writer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pokenash.experiments.tracking.packages import load_package

__all__ = ["TensorBoardTracker"]


class TensorBoardTracker:
    """Writes event files that ``tensorboard --logdir`` shows.

    Files are made at the first call. Of a run that was killed and went on, TensorBoard then hides what the earlier
    process wrote for that step and later ones. After an error, such as a full disk, the next call begins another file.

    Parameters
    ----------
    directory : str or Path

    Raises
    ------
    InputError
        If TensorBoard is not installed.
    """

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)
        self._module = load_package("tensorboard", "torch.utils.tensorboard", "pokenash[tensorboard]")
        self._writer: Any = None

    def log(self, step: int, values: Mapping[str, float]) -> None:
        try:
            if self._writer is None:
                self._writer = self._module.SummaryWriter(str(self.directory), purge_step=step)
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)
            # A process that is killed must not take the last minutes with it.
            self._writer.flush()
        except Exception:
            # Its thread has ended with the error, and every later call would fail.
            self._writer = None
            raise

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
