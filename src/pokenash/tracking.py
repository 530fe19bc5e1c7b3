"""Where the numbers of a run go while it runs: the interface that algorithms call, and nothing else.

It lives below everything, because fine-tuning (`pokenash.metamon`) and PSRO (`pokenash.algorithms`) both speak to it,
and the first may not import the second. What is behind it is in `pokenash.experiments.tracking`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any, Protocol

__all__ = ["Tracker", "scalars", "track"]


class Tracker(Protocol):
    """Takes numbers by step.

    An algorithm calls `log` only; whoever made a tracker closes it. A run that was killed goes on from its last state
    on disk, so steps may come again: the later values of a step replace the earlier ones.
    """

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Take the values of a step.

        Parameters
        ----------
        step : int
            From 0: the round of NFSP, the update of self-play, the step of a fine-tuning, the iteration of PSRO.
        values : mapping of str to float
            Finite. Names of what belongs together begin alike: ``fresh_evaluation/win_rate``.
        """
        ...

    def close(self) -> None:
        """Write what is still to be written; nothing is logged afterwards. A second call does nothing."""
        ...


def scalars(entry: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """The finite numbers of nested values, with the names of the levels joined by ``/``.

    Text, truth values, lists, missing (None) and non-finite values are left out: a number that is not known is not made
    up.

    Parameters
    ----------
    entry : mapping
        Such as a line of a training's log.
    prefix : str
        What the names begin with.
    """
    found: dict[str, float] = {}
    for name, value in entry.items():
        if isinstance(value, Mapping):
            found |= scalars(value, f"{prefix}{name}/")
        elif isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value):
            found[f"{prefix}{name}"] = float(value)
    return found


def track(tracker: Tracker | None, step: int, entry: Mapping[str, Any]) -> None:
    """Log the numbers of an entry, if there is a tracker."""
    if tracker is not None:
        tracker.log(step, scalars(entry))
