"""Memory that a worker writes to and Python reads."""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref

__all__ = ["SharedMemory"]


class SharedMemory:
    """A file in memory that a worker writes to and we read.

    Parameters
    ----------
    size : int
        Bytes.
    """

    def __init__(self, size: int) -> None:
        self.descriptor = _memory_file()
        self._finalizer = weakref.finalize(self, os.close, self.descriptor)
        os.ftruncate(self.descriptor, size)
        self.view = memoryview(mmap.mmap(self.descriptor, size))


def _memory_file() -> int:
    """A file without a name, in memory where the system can."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("pokenash")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
