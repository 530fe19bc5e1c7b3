"""Packages that a tracker needs and that pokenash does not bring."""

from __future__ import annotations

import importlib
from typing import Any

from pokenash.errors import InputError

__all__ = ["load_package"]


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
