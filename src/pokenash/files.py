"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["TEMPORARY", "replace_file"]

TEMPORARY = ".tmp"
"""How the names of files end that are not whole yet: left behind by processes that were killed, never read."""


def replace_file(path: Path, data: bytes) -> None:
    """Write a file beside its place, sync it, and move it there; the folder must exist.

    Raises
    ------
    OSError
        If it cannot be written (a full disk, no permission). What was there before stays.
    """
    temporary = path.with_name(path.name + TEMPORARY)
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
