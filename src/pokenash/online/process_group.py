"""Ending a process with all of its children, and knowing that they are gone."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import time
from pathlib import Path

__all__ = ["end_group", "group_lives"]

_log = logging.getLogger(__name__)

_END_SECONDS = 10.0
_POLL_SECONDS = 0.01


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process group and wait until nobody of it is left."""
    deadline = time.monotonic() + _END_SECONDS
    while group_lives(process.pid) or process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.poll()
        if time.monotonic() > deadline:
            _log.error("processes of group %d cannot be ended", process.pid)
            return
        time.sleep(_POLL_SECONDS)


def group_lives(group: int) -> bool:
    """Whether a process group has a member that is more than an entry nobody has collected."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        # What macOS says of a group of which only uncollected entries are left.
        return False
    try:
        entries = [entry for entry in os.listdir("/proc") if entry.isdigit()]
    except FileNotFoundError:
        return True
    for entry in entries:
        with contextlib.suppress(OSError):
            # After the name in parentheses: state, parent, group.
            state, _, member_of = (
                Path("/proc", entry, "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[:3]
            )
            if int(member_of) == group and state not in "ZX":
                return True
    return False
