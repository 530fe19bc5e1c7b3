"""What trackers share: loading a package that pokenash does not bring, and being started."""

from __future__ import annotations

import importlib
from typing import Any

from pokenash.errors import InputError
from pokenash.tracking import Tracker

__all__ = ["load_package", "start_tracker"]


def load_package(tracker: str, module: str, install: str) -> Any:
    """Import a module of a tracker's package.

    Parameters
    ----------
    tracker : str
        Its name, for the message.
    module : str
    install : str
        What ``pip install`` is to be given.

    Raises
    ------
    InputError
        If it is not installed, or cannot be imported.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"tracking with {tracker} needs a package that cannot be imported ({error}): pip install '{install}'"
        ) from error


def start_tracker(tracker: Tracker) -> None:
    """Call a tracker's ``start``, if it has one: it then reaches for its dashboard now, not with the first values."""
    start = getattr(tracker, "start", None)
    if start is not None:
        start()
