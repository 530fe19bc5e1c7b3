"""A training in a process of its own: its log is followed, and all that it started ends with it."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import re
import shlex
import signal
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pokenash.errors import InputError, PokenashError

__all__ = ["AmagoError", "log_tail", "only_training", "run_training"]

_log = logging.getLogger(__name__)

_TAIL_LINES, _TAIL_WIDTH = 20, 300
# The end of a log that is searched for its last lines; progress bars are long.
_TAIL_BYTES = 200_000
_POLL_SECONDS = 0.5
_PROGRESS = re.compile(r"Epoch (\d+) Train:\s*(\d+)%")
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class AmagoError(PokenashError, RuntimeError):
    """AMAGO's training could not be started, failed, or left nothing to use; the message ends with its log's tail."""


@contextlib.contextmanager
def only_training(directory: Path) -> Iterator[int]:
    """Make sure that no two trainings write to one directory, not even where one outlived the Python that started it.

    Parameters
    ----------
    directory : Path
        Gets a file ``amago.lock``.

    Yields
    ------
    int
        Descriptor that holds the lock. A process that inherits it holds the lock too, until it ends.

    Raises
    ------
    InputError
        If another training holds the lock.
    """
    path = directory / "amago.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = path.read_text(encoding="utf-8").strip() or "unknown"
            raise InputError(
                f"another training is at work in {directory} (process group {holder}): wait for it or end it"
            ) from None
        os.ftruncate(descriptor, 0)
        yield descriptor
    finally:
        os.close(descriptor)


def run_training(
    command: Sequence[str],
    *,
    name: str,
    log: Path,
    environment: Mapping[str, str],
    lock: int,
    timeout: float | None = None,
    grace: float = 10.0,
) -> None:
    """Run a training to its end.

    The process leads a process group, so that Ctrl-C in a terminal reaches only Python. However this function ends
    (the process has ended, the time is up, Ctrl-C), no process of that group is left.

    Parameters
    ----------
    command : sequence of str
    name : str
        Of the policy, for messages.
    log : Path
        What the process writes to standard output and standard error is appended here.
    environment : mapping of str to str
        All of the process's variables.
    lock : int
        What `only_training` yielded.
    timeout : float, optional
        Seconds after which the training has failed.
    grace : float
        Seconds from the polite signal (``SIGTERM``) to the other one.

    Raises
    ------
    AmagoError
        If the process cannot be started, ends with another status than 0, or takes too long.
    """
    with log.open("ab") as output:
        output.write(f"\n--- {time.strftime('%Y-%m-%d %H:%M:%S')} {shlex.join(command)}\n".encode())
        output.flush()
        start = output.tell()
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=log.parent,
                env=dict(environment),
                process_group=0,
                pass_fds=(lock,),
            )
        except OSError as error:
            raise AmagoError(f"AMAGO's training of {name!r} cannot be started: {error}") from error
    try:
        os.pwrite(lock, f"{process.pid}\n".encode(), 0)
        status = _follow(process, name, log, start, timeout)
    finally:
        _end_group(process, grace)
    if status is None:
        raise AmagoError(
            f"AMAGO's training of {name!r} was ended because it took more than {timeout:g} s; {log_tail(log, start)}"
        )
    if status:
        raise AmagoError(f"AMAGO's training of {name!r} {_how(status)}; {log_tail(log, start)}")


def log_tail(log: Path, start: int = 0) -> str:
    """The end of a log in words: where it is and its last lines, without colours and outrun progress bars.

    Parameters
    ----------
    log : Path
    start : int
        Position before which nothing is quoted.
    """
    with log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(start, size - _TAIL_BYTES))
        text = file.read().decode(errors="replace")
    lines = (_COLOURS.sub("", line.rstrip("\r").rsplit("\r", 1)[-1]).rstrip() for line in text.split("\n"))
    last = deque((line[:_TAIL_WIDTH] for line in lines if line), maxlen=_TAIL_LINES)
    if not last:
        return f"its log {log} is empty"
    return f"the end of its log {log}:\n" + "\n".join(f"  | {line}" for line in last)


def _follow(process: subprocess.Popen[bytes], name: str, log: Path, start: int, timeout: float | None) -> int | None:
    """The status of the process, once it has ended; None if that took too long."""
    begin, told = time.monotonic(), None
    with log.open("rb") as file:
        file.seek(start)
        while True:
            left = _POLL_SECONDS if timeout is None else min(_POLL_SECONDS, begin + timeout - time.monotonic())
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=max(left, 0))
            # Bars are rewritten many times a second: what counts is the last one.
            found = _PROGRESS.findall(file.read().decode(errors="replace"))
            # Told at the beginning of an epoch and at every tenth of it.
            progress = (int(found[-1][0]), int(found[-1][1]) // 10) if found else told
            if progress is not None and progress != told:
                _log.info("%s: epoch %d, %d%% done, %.0f s", name, *map(int, found[-1]), time.monotonic() - begin)
                told = progress
            if process.returncode is not None:
                return process.returncode
            if timeout is not None and time.monotonic() >= begin + timeout:
                return None


def _end_group(process: subprocess.Popen[bytes], grace: float) -> None:
    """End whatever is left of the process's group: its data loaders and environments, too."""
    try:
        if process.poll() is None and _signal(process, signal.SIGTERM):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=grace)
    finally:
        # Reached by a second Ctrl-C as well.
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> bool:
    """Send a signal to the group; whether there is one."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        # So macOS says that only ended processes are left.
        return False
    return True


def _how(status: int) -> str:
    if status > 0:
        return f"failed with exit status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"
