"""How fast a training goes: a bar for those who wait, and figures for afterwards."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from pokenash.tracking import Tracker

__all__ = ["TrainingProgress"]


class TrainingProgress:
    """A tracker that counts, shows a bar, and hands on to others.

    Parameters
    ----------
    total : int
        Steps of the whole training.
    processes : int
        Each of them learns from as many transitions as the one that logs.
    shown : bool
        Whether there is a bar on standard error.
    others : sequence of Tracker
        They are told first.

    Attributes
    ----------
    steps : int
        Steps of this call.
    seconds : float
        From the beginning of the first step to the last that was logged.
    """

    def __init__(self, total: int, *, processes: int = 1, shown: bool = False, others: Sequence[Tracker] = ()) -> None:
        self.steps, self.seconds = 0, 0.0
        self._total, self._processes, self._shown, self._others = total, processes, shown, tuple(others)
        self._bar: Any = None
        self._first, self._begun = 0, 0.0
        self._transitions, self._lines = 0.0, 0

    def begin(self, step: int) -> None:
        """Begin after a step of an earlier call, or after none."""
        self._first = step
        if self._shown:
            from tqdm.auto import tqdm

            self._bar = tqdm(total=self._total, initial=step, unit="step", dynamic_ncols=True)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Take what a step logged."""
        for other in self._others:
            other.log(step, values)
        if not self._lines:
            # What was read and loaded before the first step is not of its speed.
            each = values.get("seconds", 0.0) + values.get("seconds_waiting", 0.0)
            self._begun = time.perf_counter() - each * (step - self._first)
        self.steps, self.seconds = step - self._first, time.perf_counter() - self._begun
        self._transitions += values.get("transitions", 0.0) * self._processes
        self._lines += 1
        if self._bar is not None:
            self._bar.update(step - self._bar.n)
            self._bar.set_postfix_str(f"{self.transitions_per_second:.0f} transitions/s, loss {values['loss']:.4g}")

    def close(self) -> None:
        """Take the bar away; the other trackers are closed by those who made them."""
        if self._bar is not None:
            self._bar.close()

    @property
    def steps_per_second(self) -> float:
        """Of this call, the reading of the data included."""
        return self.steps / self.seconds if self.seconds else 0.0

    @property
    def transitions_per_second(self) -> float:
        """Likewise, from the mean of the steps that were logged."""
        return self.steps_per_second * self._transitions / self._lines if self._lines else 0.0
