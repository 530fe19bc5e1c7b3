"""No worker outlives the Python process that started it, however that process ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from games.showdown.test_worker_faults import node_that

PLAY = """
import os, signal, sys
import numpy as np
from pokenash.games.core import EpisodeSetup
from pokenash.games.showdown import ShowdownGame

# Where the tests run in the background, Ctrl-C is ignored by whatever they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

def step(vector, decisions):
    return vector.step(np.argmax(decisions.action_mask, axis=1))[0]

vector = ShowdownGame("gen1randombattle", turn_limit=50).vector(4, 2)
decisions, _ = vector.start(EpisodeSetup(e, e) for e in range(10**9))
decisions = step(vector, decisions)
assert all(os.path.exists(f"/proc/{pid}") for pid in vector.worker_pids)
print(*vector.worker_pids, flush=True)
"""
GRACE_SECONDS = 30
"""Far longer than the second between two looks of a worker at its parent, for machines that are busy."""


def alive(pid: int) -> bool:
    """Whether there is such a process, other than as a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def all_gone(pids: list[int]) -> bool:
    """Wait until none of the processes is alive, or for too long."""
    end = time.monotonic() + GRACE_SECONDS
    while any(alive(pid) for pid in pids):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def stopped(pid: int) -> bool:
    """Whether every thread of a process has been stopped by a signal."""
    states = [path.read_text().rpartition(")")[2].split()[0] for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    return set(states) == {"T"}


@pytest.fixture
def started() -> Iterator[list[int]]:
    """Worker processes to be ended after a test that fails."""
    pids: list[int] = []
    yield pids
    for pid in pids:
        if alive(pid):
            os.kill(pid, signal.SIGKILL)


def parent(then: str, started: list[int]) -> subprocess.Popen[str]:
    """A Python process which starts two workers and then goes on with `then`."""
    process = subprocess.Popen(
        [sys.executable, "-c", PLAY + textwrap.dedent(then)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    started += [int(pid) for pid in process.stdout.readline().split()]
    assert len(started) == 2
    return process


@pytest.mark.parametrize(
    ("then", "status"),
    [("", 0), ("vector.close()", 0), ("raise RuntimeError('oh')", 1), ("sys.exit(3)", 3), ("del vector", 0)],
)
def test_workers_end_with_their_parent(started: list[int], then: str, status: int) -> None:
    """Normally, closed or not, and after an exception."""
    process = parent(then, started)
    process.communicate()
    assert process.returncode == status
    assert not any(alive(pid) for pid in started)


def test_workers_are_gone_once_the_game_is_closed_or_forgotten(started: list[int]) -> None:
    """Not only when Python ends."""
    process = parent(
        """
        pids = vector.worker_pids
        vector.close()
        assert not any(os.path.exists(f"/proc/{pid}") for pid in pids)
        vector.start(EpisodeSetup(e, e) for e in range(4))
        pids = vector.worker_pids
        del vector
        assert not any(os.path.exists(f"/proc/{pid}") for pid in pids)
        """,
        started,
    )
    _, errors = process.communicate()
    assert process.returncode == 0, errors


@pytest.mark.parametrize("signal_sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda s: s.name)
@pytest.mark.parametrize("then", ["while True: decisions = step(vector, decisions)", "import time; time.sleep(600)"])
def test_workers_end_with_a_parent_that_is_interrupted_or_killed(
    started: list[int], then: str, signal_sent: signal.Signals
) -> None:
    """While it plays, and while it does something else."""
    process = parent(then, started)
    time.sleep(0.2)
    process.send_signal(signal_sent)
    process.communicate()
    assert process.returncode != 0
    assert all_gone(started)


def test_ctrl_c_in_a_terminal_does_not_reach_the_workers(started: list[int]) -> None:
    """Python is interrupted alone, may catch it, and plays on with the same workers."""
    process = parent(
        """
        try:
            import time
            time.sleep(600)
        except KeyboardInterrupt:
            pass
        before = vector.worker_pids
        for _ in range(20):
            decisions = step(vector, decisions)
        assert vector.worker_pids == before
        """,
        started,
    )
    assert all(os.getpgid(pid) != os.getpgid(process.pid) for pid in started)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 0, errors


def test_an_interrupted_game_can_be_started_again(started: list[int]) -> None:
    """Ctrl-C in the middle of a step ends the workers; `start` starts new ones."""
    process = parent(
        """
        try:
            while True:
                decisions = step(vector, decisions)
        except KeyboardInterrupt:
            pass
        results = []
        decisions, more = vector.start([EpisodeSetup(e, e) for e in range(5)])
        while True:
            results += more
            if not len(decisions):
                break
            decisions, more = vector.step(np.argmax(decisions.action_mask, axis=1))
        assert sorted(result.episode for result in results) == list(range(5))
        """,
        started,
    )
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert not any(alive(pid) for pid in started)


def test_a_busy_worker_ends_with_a_killed_parent(
    started: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that never comes back from a step does not read its pipe, and still sees that its parent is gone."""
    stuck = """
    const fs = require('fs');
    const writev = fs.writevSync;
    let answers = 0;
    fs.writevSync = (...args) => { if (++answers > 30) for (;;); return writev(...args); };
    """
    monkeypatch.setenv("POKENASH_NODE", str(node_that(tmp_path, stuck)))
    process = parent("while True: decisions = step(vector, decisions)", started)
    time.sleep(1.0)
    process.kill()
    process.communicate()
    assert all_gone(started)


def test_a_stopped_worker_ends_with_a_killed_parent(started: list[int]) -> None:
    """A stopped process runs no code at all; its process group, then an orphan, is hung up by the system."""
    process = parent("import time; time.sleep(600)", started)
    for pid in started:
        os.kill(pid, signal.SIGSTOP)
    # The system hangs up what has stopped, not what is about to: every thread must have come to its stop.
    while not all(map(stopped, started)):
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert all_gone(started)
