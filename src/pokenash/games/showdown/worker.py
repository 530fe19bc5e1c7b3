"""One worker process: how it is started, spoken to with a time limit, and ended."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import subprocess
import tempfile
import weakref
from collections.abc import Mapping
from typing import IO, Any

from pokenash.games.showdown import frames
from pokenash.games.showdown.node import node_command, node_environment
from pokenash.games.showdown.positions import Position

__all__ = ["Worker", "WorkerGoneError"]

_LOG = logging.getLogger(__name__)

_PIPE_BYTES = 1 << 20
_START_SECONDS = 60.0
_SEMI_SPACE_MB = 32
"""Room for what steps leave behind; the less there is, the more of it is copied about. With 64 battles, 16 MiB cost a
tenth more time; 64 MiB gain 2%, and a worker goes on growing for thousands of battles."""
_MAX_POSITIONS = 1 << 14
"""That a worker knows at a time, of one to three KB each; more than a part of a worker has lanes."""
_SET_PIPE_SIZE = 1031
"""``F_SETPIPE_SZ`` of Linux, which Python 3.11 does not name everywhere."""


class WorkerGoneError(Exception):
    """The worker died, hung or spoke nonsense. Internal: the vector game recovers from it."""


def _enlarge(descriptor: int) -> None:
    """Make room for long texts in a pipe, so that neither side waits for the other to copy them."""
    with contextlib.suppress(ImportError, OSError):
        import fcntl

        fcntl.fcntl(descriptor, _SET_PIPE_SIZE, _PIPE_BYTES)


def _end(process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
    """Kill a worker, collect it and close what belongs to it."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, errors):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


class Worker:
    """A Node process that plays, or that follows battles which are played elsewhere.

    Parameters
    ----------
    timeout : float
        Seconds without a sign of life after which it counts as hung.
    memory : int
        File descriptor of what it writes rows to.
    script : str
        What it runs, a file name in `script_directory`.

    Raises
    ------
    SimulatorError
        If Node or the simulator is missing.
    """

    def __init__(self, timeout: float, memory: int, script: str = "worker.js") -> None:
        # Not a pipe, which could fill up with nobody reading it; closed with the process.
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        # A process group of its own, so that Ctrl-C in a terminal reaches only Python, which then ends its workers.
        self._process = subprocess.Popen(
            [*node_command(script, semi_space_mb=_SEMI_SPACE_MB), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
            env=node_environment(),
            process_group=0,
            pass_fds=(memory,),
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()
        for descriptor in (self._to, self._from):
            os.set_blocking(descriptor, False)
            _enlarge(descriptor)
        self._timeout = timeout
        # Loading the simulator says nothing about how long a step may take.
        self._seconds = max(timeout, _START_SECONDS)
        self._answers, self._both = select.poll(), select.poll()
        self._answers.register(self._from, select.POLLIN)
        self._both.register(self._from, select.POLLIN)
        self._both.register(self._to, select.POLLOUT)
        self._positions: dict[str, int] = {}
        # Read while there was something to send.
        self._early = bytearray()
        self._header = memoryview(bytearray(frames.ANSWER_HEADER.size))
        self._finalizer = weakref.finalize(self, _end, self._process, self._errors)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def close(self) -> None:
        """End the process and wait until it is gone. May be called more than once."""
        self._finalizer()

    def _gone(self, what: str) -> WorkerGoneError:
        self._errors.seek(0)
        said = self._errors.read()[-20000:].decode(errors="replace").strip().splitlines()
        _LOG.debug("a worker's standard error: %s", "\n".join(said))
        telling = [line.strip() for line in said if "rror:" in line] or said[-1:]
        return WorkerGoneError(f"{what}, saying: {telling[0]}" if telling else what)

    def _wait(self, poll: select.poll) -> list[tuple[int, int]]:
        ready = poll.poll(max(1, int(1000 * self._seconds)))
        if not ready:
            raise self._gone(f"the process gave no sign of life for {self._seconds:g} s")
        return ready

    def _died(self) -> WorkerGoneError:
        """What is known of a worker that closed its pipe."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        return self._gone(f"the process ended with status {self._process.returncode}")

    def send(self, request: bytes) -> None:
        """Send a whole request."""
        left = memoryview(request)
        while left:
            try:
                left = left[os.write(self._to, left) :]
            except BlockingIOError:
                # Both pipes may be full: a worker that waits for us to read does not read itself.
                if any(descriptor == self._from for descriptor, _ in self._wait(self._both)):
                    self._early += self._some()
            except BrokenPipeError:
                raise self._died() from None

    def learn(self, position: Position) -> int:
        """Make a position known, if it is not; returns the number by which the next setups refer to it."""
        key = position.sha256
        known = key in self._positions
        if known or len(self._positions) < _MAX_POSITIONS:
            number = self._positions.pop(key, len(self._positions))
        else:
            # Clones of a search are positions that are used once. The one that was used longest ago is in no step that
            # is put together now, which has a position a lane at most.
            number = self._positions.pop(next(iter(self._positions)))
        self._positions[key] = number
        if not known:
            body = json.dumps(position.source).encode()
            self.send(frames.pack_request(frames.POSITION, 0, (number, 0), body))
        return number

    def _some(self) -> bytes:
        """Whatever is there to be read."""
        got = os.read(self._from, _PIPE_BYTES)
        if not got:
            raise self._died()
        return got

    def _read(self, view: memoryview) -> None:
        """Fill a view."""
        if self._early:
            count = min(len(view), len(self._early))
            view[:count] = self._early[:count]
            del self._early[:count]
            view = view[count:]
        while view:
            try:
                got = os.readv(self._from, (view,))
            except BlockingIOError:
                self._wait(self._answers)
                continue
            if got == 0:
                raise self._died()
            view = view[got:]

    def receive(self, part: int) -> tuple[int, bytes, Mapping[str, Any]]:
        """Wait for the answer about a part, whose rows then lie in the shared memory.

        Returns
        -------
        rows : int
        results : bytes
            int32, ``[R, RESULT_WORDS]``.
        extras : mapping
            What had to be written out: texts, errors, teams.
        """
        self._read(self._header)
        _, answered, rows, results, length = frames.ANSWER_HEADER.unpack(self._header)
        if answered != part:
            raise self._gone(f"the process answered about part {answered} instead of {part}")
        if not results and not length:
            return rows, b"", {}
        tail = bytearray(4 * frames.RESULT_WORDS * results + length)
        self._read(memoryview(tail))
        split = len(tail) - length
        return rows, bytes(tail[:split]), json.loads(tail[split:]) if length else {}

    def open(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send the options; returns what the worker says of the format."""
        body = json.dumps(options).encode()
        self.send(frames.pack_request(frames.OPEN, 0, (0, 0), body))
        facts = self.receive(0)[2]
        self._seconds = self._timeout
        return facts
