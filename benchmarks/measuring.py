"""What the benchmarks measure with: processes that play for so many seconds, their CPU time and their memory."""

from __future__ import annotations

import csv
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pokenash.games.core import EpisodeSetup
from pokenash.games.showdown import ShowdownGame
from pokenash.games.showdown.node import node_environment, node_executable, script_directory

SCRIPTS = Path(__file__).parent / "js"
RESULTS = Path(__file__).parent / "results"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Played:
    """What was played in one measurement, and what it took.

    Parameters
    ----------
    battles, decisions : int
        Battles that ended and choices that were made.
    seconds, cpu_seconds : float
        Time on the wall, and of all processes on their cores.
    """

    battles: int
    decisions: int
    seconds: float
    cpu_seconds: float

    @property
    def decisions_per_second(self) -> float:
        return self.decisions / self.seconds

    @property
    def decisions_per_cpu_second(self) -> float:
        return self.decisions / self.cpu_seconds

    @property
    def battles_per_second(self) -> float:
        return self.battles / self.seconds


class BareLoop:
    """The simulator in Node, played from within, in a process of its own.

    Parameters
    ----------
    game : ShowdownGame
        Its format and teams are played.
    speedups : bool
        Whether with the simulator speed-ups.
    battles : int
        In play at a time; each of them makes an update in turn.
    """

    def __init__(self, game: ShowdownGame, speedups: bool = False, battles: int = 1) -> None:
        self._process = subprocess.Popen(
            [node_executable(), SCRIPTS / "bare_loop.js", script_directory()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=node_environment(),
        )
        assert game.teams is not None
        settings = {"format": game.format, "teams": list(game.teams), "seed": 1}
        self._say(json.dumps({**settings, "speedups": speedups, "battles": battles}))
        self.updates_per_decision = 0.0

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def play(self, seconds: float) -> Played:
        """Play on for so many seconds."""
        self._say(str(seconds))
        assert self._process.stdout is not None
        said = json.loads(self._process.stdout.readline())
        self.updates_per_decision = said.pop("updates") / said["decisions"]
        return Played(**said)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def schedule(game: ShowdownGame, seed: int) -> Iterator[EpisodeSetup]:
    """Endlessly many battles of random teams."""
    rng = np.random.default_rng(seed)
    episode = 0
    while True:
        yield EpisodeSetup(episode, int(rng.integers(2**63)), game.sample_options(rng))
        episode += 1


def uniform_actions(mask: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.int64]:
    """A legal action for every row of a mask ``[B, A]``, each with the same probability."""
    return (rng.random(mask.shape, np.float32) + mask).argmax(1)


class DrivenPlay:
    """Uniform random play driven from Python, with tensor observations and masks.

    Parameters
    ----------
    game : ShowdownGame
    num_lanes, num_workers : int
        As in `pokenash.games.Game.vector`.
    seed : int
    """

    def __init__(self, game: ShowdownGame, num_lanes: int, num_workers: int = 1, seed: int = 1) -> None:
        self._rng = np.random.default_rng(seed)
        self._vector = game.vector(num_lanes, num_workers)
        self._decisions, _ = self._vector.start(schedule(game, seed))

    def play(self, seconds: float = float("inf"), battles: float = float("inf")) -> Played:
        """Play on for so many seconds or battles, whichever is over first."""
        ended = rows = 0
        vector, decisions, rng = self._vector, self._decisions, self._rng
        cpu = self._cpu_seconds()
        start = time.perf_counter()
        while time.perf_counter() - start < seconds and ended < battles:
            rows += len(decisions)
            decisions, results = vector.step(uniform_actions(decisions.action_mask, rng))
            ended += len(results)
        elapsed = time.perf_counter() - start
        self._decisions = decisions
        return Played(ended, rows, elapsed, self._cpu_seconds() - cpu)

    def _cpu_seconds(self) -> float:
        return time.process_time() + sum(cpu_seconds(pid) for pid in self._vector.worker_pids)

    def memory_mb(self) -> float:
        """Memory of this process and the workers, MiB; what they share counts once."""
        return sum(memory_mb(pid) for pid in [os.getpid(), *self._vector.worker_pids])

    def close(self) -> None:
        """End the workers."""
        self._vector.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory_mb(pid: int) -> float:
    """Proportional set size of a process, MiB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"the kernel tells no memory of process {pid}")


def machine() -> str:
    """The machine in words: its cores and processor."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return f"{os.cpu_count()} virtual cores, {line.partition(':')[2].strip()}"
    return f"{os.cpu_count()} cores, {platform.machine()}"


def provenance(seed: int | Sequence[int] | None = None) -> str:
    """How a result came about, in a line: the command, the seed or seeds, and the machine."""
    command = " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]])
    seeds = [] if seed is None else [seed] if isinstance(seed, int) else list(seed)
    told = f"seed: {', '.join(map(str, seeds))}; " if seeds else ""
    return f"Command: `{command}`; {told}machine: {machine()}.\n"


def node_version() -> str:
    """Version of the Node that plays."""
    done = subprocess.run([node_executable(), "--version"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def write_csv(name: str, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write rows to ``results/NAME.csv``."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        # Rows of different kinds need not measure the same; what one lacks is left empty.
        columns = list(dict.fromkeys(column for row in rows for column in row))
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}" if value < 20 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def markdown_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Some columns of rows as a table in Markdown; a value that a row lacks stays empty."""
    lines = [[column.replace("_", " ") for column in columns], ["---"] + ["---:"] * (len(columns) - 1)]
    lines += [[_cell(row.get(column, "")) for column in columns] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def write_page(name: str, *parts: str) -> Path:
    """Write paragraphs to ``results/NAME.md``, which the docs include."""
    path = RESULTS / f"{name}.md"
    path.write_text("\n".join(parts), encoding="utf-8")
    return path
