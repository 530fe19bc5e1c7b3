"""Play very many battles between heuristics, kill what plays them, and see that memory stays flat and nothing is lost.

Rounds of a tournament among four heuristics, with teams of pokenash's own, into one match log that compacts itself on
the way. The first part (``--calm``) is left alone: after every round the memory of all processes is noted (PSS), with
the peak within the round. In the rest, after random times, the playing program or one of its simulators is killed
(SIGKILL), in turn; the program is started again and goes on. At the end every battle of the schedule is looked up in
the log: its seed, its teams, its players, once, and with a result; and the last round, a disturbed one, is played again
undisturbed on one worker, and has to have the same battles. A soak that was itself killed goes on where it was, if it
is started again with the same directory and numbers.

    python benchmarks/soak.py --directory soak --battles 100000 --seed 20261130

What is in the directory: the match log, ``memory.csv`` and ``kills.csv``. The results are ``results/soak.csv`` (a row),
``soak_memory.csv``, ``soak_kills.csv`` and ``soak.md``; ``--results-only`` makes them from a directory that is there,
of as many battles as are asked for.
"""

from __future__ import annotations

import argparse
import csv
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from measuring import machine, markdown_table, memory_mb, provenance, write_csv, write_page

from pokenash.algorithms import MatchLog, play_tournament
from pokenash.arena import Arena, paired_matches, round_robin_pairs
from pokenash.games.core import Game
from pokenash.games.showdown import ShowdownGame
from pokenash.policies import PolicySpec

PLAYERS = [PolicySpec(kind, kind) for kind in ("gen1ou_heuristic", "type_aware", "max_power", "boss_ai")]
PAIRS = round_robin_pairs(len(PLAYERS))
EPISODES_PER_PAIR = 10**6
"""How far the episodes of one pair are from those of the next, as `play_tournament` numbers them."""
# Small, so that the log compacts itself some thirty times, and the plain part's matches take little memory.
COMPACT_BYTES = 2**20
SAMPLE_SECONDS = 2.0


def children(pid: int) -> list[int]:
    """Numbers of a process's children; none if it is gone."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return sorted({int(child) for task in tasks for child in (task / "children").read_text("ascii").split()})
    except (FileNotFoundError, ProcessLookupError):
        return []


def simulators_of(pid: int) -> list[int]:
    """Numbers of the processes in which a program's battles are; not of one that looks at its teams."""
    found = []
    for child in children(pid):
        with suppress(OSError):
            if b"worker.js" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(child)
    return found


def memory() -> tuple[float, float]:
    """Memory of this process, and of its children together, MiB."""
    return memory_mb(os.getpid()), sum(map(memory_mb, children(os.getpid())))


@contextmanager
def peak_memory() -> Iterator[list[float]]:
    """The largest memory of all processes while the block runs: the list's one item."""
    peak, stop = [0.0], threading.Event()

    def sample() -> None:
        while not stop.wait(SAMPLE_SECONDS):
            try:
                peak[0] = max(peak[0], sum(memory()))
            except (OSError, RuntimeError):
                # A process ended between being listed and being looked at.
                continue

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        stop.set()
        thread.join()


def round_seed(seed: int, number: int) -> int:
    """Of a round's schedule."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0])


def append_row(path: Path, row: dict[str, Any]) -> None:
    """Add a row to a CSV file."""
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row), lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerow(row)


def play(directory: Path, rounds: int, per_pair: int, seed: int, lanes: int, workers: int) -> None:
    """Play the rounds that the log lacks."""
    log = MatchLog(directory / "matches.jsonl", compact_bytes=COMPACT_BYTES)
    with Arena(ShowdownGame(format="gen1ou"), num_lanes=lanes, num_workers=workers) as arena:
        for number in range(rounds):
            key = f"round_{number:05}"
            if log.num_matches(f"{key}/") == per_pair * len(PAIRS):
                continue
            start = time.perf_counter()
            with peak_memory() as peak:
                play_tournament(arena, log, PLAYERS, battles=per_pair, seed=round_seed(seed, number), key=key)
            seconds = time.perf_counter() - start
            own, others = memory()
            row = {
                "round": number,
                "battles": len(log),
                "seconds": round(seconds, 1),
                "python_mib": round(own, 1),
                "simulators_mib": round(others, 1),
                "peak_mib": round(max(peak[0], own + others), 1),
                "process": os.getpid(),
            }
            append_row(directory / "memory.csv", row)
            print(row, flush=True)


def account(game: Game, log: MatchLog, rounds: int, per_pair: int, seed: int) -> Counter[str]:
    """Look every battle of the schedule up: how many are as they should be, missing, wrong or not asked for."""
    found: Counter[str] = Counter()
    for number in range(rounds):
        start = f"round_{number:05}/"
        logged: dict[int, list[Any]] = {}
        for match in log.matches(start):
            logged.setdefault(match.episode, []).append(match)
        for rank, pair in enumerate(PAIRS):
            schedule = paired_matches(game, [pair], per_pair, round_seed(seed, number), rank * EPISODES_PER_PAIR)
            for wanted in schedule:
                matches = logged.pop(wanted.setup.episode, [])
                found[_said_of(wanted, matches)] += 1
        found["not asked for"] += sum(map(len, logged.values()))
    # Later rounds are those of a soak that goes on.
    found["not asked for"] += len(log) - log.num_matches("round_")
    return found


def _said_of(wanted: Any, matches: list[Any]) -> str:
    if len(matches) != 1:
        return "missing" if not matches else "there more than once"
    [match] = matches
    names = tuple(PLAYERS[index].name for index in wanted.policies)
    if (match.seed, match.policies) != (wanted.setup.seed, names):
        return "of other players or seeds"
    if list(match.options.get("teams", ())) != list(wanted.setup.options.get("teams", ())):
        return "of other teams"
    return "with a result" if match.counted else "ended with an error"


def kill_one(directory: Path, program: subprocess.Popen[bytes], number: int) -> bool:
    """Kill the program or one of its simulators, in turn; False if there is none yet."""
    simulators = simulators_of(program.pid)
    if not simulators:
        return False
    is_program = number % 2 == 0
    os.kill(program.pid if is_program else simulators[number // 2 % len(simulators)], signal.SIGKILL)
    left = []
    if is_program:
        program.wait()
        # Simulators look for their parent every second.
        deadline = time.monotonic() + 10
        while (left := [pid for pid in simulators if Path(f"/proc/{pid}").exists()]) and time.monotonic() < deadline:
            time.sleep(0.1)
    killed = "program" if is_program else "simulator"
    append_row(directory / "kills.csv", {"kill": number + 1, "killed": killed, "left_behind": len(left)})
    print(f"kill {number + 1}: a {killed}", flush=True)
    return True


def read_rows(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file; none if it is not there."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def supervise(arguments: argparse.Namespace) -> None:
    """Have a program of its own play, and when the calm part is over disturb it."""
    directory, rng = arguments.directory, np.random.default_rng(arguments.seed)
    kills = len(read_rows(directory / "kills.csv"))
    command = [sys.executable, *sys.argv, "--play"]
    while True:
        child = subprocess.Popen(command)
        while child.poll() is None:
            rows = read_rows(directory / "memory.csv")
            is_calm = not rows or int(rows[-1]["battles"]) < arguments.calm * arguments.battles
            if is_calm or not arguments.kill_seconds:
                time.sleep(1.0)
                continue
            with suppress(subprocess.TimeoutExpired):
                child.wait(timeout=rng.exponential(arguments.kill_seconds))
            kills += child.poll() is None and kill_one(directory, child, kills)
        if child.returncode == 0:
            return
        if child.returncode != -signal.SIGKILL:
            raise RuntimeError(f"the playing program ended with status {child.returncode}")


def played_again(log: MatchLog, number: int, per_pair: int, seed: int) -> int:
    """How many battles of a round are the same when it is played again, undisturbed, on one worker."""
    key = f"round_{number:05}"
    with tempfile.TemporaryDirectory() as folder, Arena(ShowdownGame(format="gen1ou"), num_lanes=16) as arena:
        again = MatchLog(Path(folder) / "matches.jsonl")
        play_tournament(arena, again, PLAYERS, battles=per_pair, seed=round_seed(seed, number), key=key)
        # Blocks may be cut elsewhere; everything else of a match has to be the same.
        wanted = {match.episode: replace(match, block="") for match in again.matches(f"{key}/")}
    return sum(wanted.get(match.episode) == replace(match, block="") for match in log.matches(f"{key}/"))


def summary(directory: Path, found: Counter[str], calm_battles: float) -> dict[str, Any]:
    """The row of results."""
    rows, kills = read_rows(directory / "memory.csv"), read_rows(directory / "kills.csv")
    calm = [row for row in rows if int(row["battles"]) <= calm_battles] if kills else rows
    totals = np.array([float(row["python_mib"]) + float(row["simulators_mib"]) for row in calm])
    battles = np.array([int(row["battles"]) for row in calm])
    # The first tenth of all warms caches up and fills the simulators' heaps; what grows after it is a leak.
    later = battles > int(rows[-1]["battles"]) / 10
    third = int(later.sum()) // 3
    told = ("with a result", "ended with an error", "missing")
    row = {
        "battles": int(rows[-1]["battles"]),
        **{name.replace(" ", "_"): found[name] for name in told},
        "otherwise_wrong": sum(found.values()) - sum(found[name] for name in told),
        "programs_killed": sum(row["killed"] == "program" for row in kills),
        "simulators_killed": sum(row["killed"] == "simulator" for row in kills),
        "processes_left_behind": sum(int(row["left_behind"]) for row in kills),
    }
    if third < 1:
        return row
    slope = np.polyfit(battles[later], totals[later], 1)[0]
    return row | {
        "battles_before_the_first_kill": int(battles[-1]),
        "mib_early": round(float(totals[later][:third].mean()), 1),
        "mib_late": round(float(totals[later][-third:].mean()), 1),
        "mib_per_10000_battles": round(float(slope) * 10_000, 2),
        "peak_mib": max(float(row["peak_mib"]) for row in calm),
    }


def write_results(arguments: argparse.Namespace, rounds: int, per_pair: int) -> None:
    """Account for every battle, and write what was found."""
    directory, seed = arguments.directory, arguments.seed
    log = MatchLog(directory / "matches.jsonl", compact_bytes=COMPACT_BYTES)
    found = account(ShowdownGame(format="gen1ou"), log, rounds, per_pair, seed)
    row = summary(directory, found, arguments.calm * arguments.battles)
    row |= {"played_again": per_pair * len(PAIRS), "the_same": played_again(log, rounds - 1, per_pair, seed)}
    print(dict(found), row, sep="\n")
    if arguments.no_results:
        return
    write_csv(arguments.name, [{**row, "seed": seed, "machine": machine()}])
    for name in ("memory", "kills"):
        if rows := read_rows(directory / f"{name}.csv"):
            write_csv(f"{arguments.name}_{name}", rows)
    table = [{"what": name.replace("_", " ").replace("mib", "MiB"), "figure": value} for name, value in row.items()]
    write_page(arguments.name, markdown_table(table, ["what", "figure"]), provenance(seed))


def main() -> None:
    """Play, account, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--battles", type=int, default=100_000)
    parser.add_argument("--per-pair", type=int, default=400, help="battles of each of the six pairs in a round")
    parser.add_argument("--seed", type=int, default=20261130)
    parser.add_argument("--lanes", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--calm", type=float, default=0.7, help="share of the battles before the first kill")
    parser.add_argument("--kill-seconds", type=float, default=10.0, help="mean time between kills; 0 for none")
    parser.add_argument("--name", default="soak", help="of the results")
    parser.add_argument("--no-results", action="store_true", help="print, and leave benchmarks/results alone")
    parser.add_argument("--results-only", action="store_true", help="of a soak that has ended")
    parser.add_argument("--play", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    per_pair = arguments.per_pair + arguments.per_pair % 2
    rounds = -(-arguments.battles // (per_pair * len(PAIRS)))
    arguments.directory.mkdir(parents=True, exist_ok=True)
    if arguments.play:
        play(arguments.directory, rounds, per_pair, arguments.seed, arguments.lanes, arguments.workers)
        return
    if not arguments.results_only:
        supervise(arguments)
    write_results(arguments, rounds, per_pair)


if __name__ == "__main__":
    main()
