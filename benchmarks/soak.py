"""Play very many battles between heuristics, and see that memory stays flat and nothing is lost.

Rounds of a tournament among four heuristics, with teams of pokenash's own, into one match log that compacts itself on
the way. After every round the memory of all processes is noted (PSS), with the peak within the round. At the end every
battle of the schedule is looked up in the log: its seed, its teams, its players, once, and with a result. A soak that
was killed goes on where it was, if it is started again with the same directory and numbers.

    python benchmarks/soak.py --directory soak --battles 100000 --seed 20261130

What is in the directory: the match log, and ``memory.csv``. The results are ``results/soak.csv`` (a row), and
``results/soak_memory.csv``.
"""

from __future__ import annotations

import argparse
import csv
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from measuring import markdown_table, memory_mb, provenance, write_csv, write_page

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


def processes() -> list[int]:
    """Numbers of the own process and its children."""
    tasks = Path("/proc/self/task")
    children = {int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text("ascii").split()}
    return [os.getpid(), *sorted(children)]


def memory() -> tuple[float, float]:
    """Memory of this process, and of its children together, MiB."""
    own, *others = (memory_mb(pid) for pid in processes())
    return own, sum(others)


@contextmanager
def peak_memory() -> Iterator[list[float]]:
    """The largest memory of all processes while the block runs: the list's one item."""
    peak, stop = [0.0], threading.Event()

    def sample() -> None:
        while not stop.wait(SAMPLE_SECONDS):
            try:
                peak[0] = max(peak[0], sum(memory()))
            except FileNotFoundError:
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
    found["not asked for"] += len(log) - sum(log.num_matches(f"round_{number:05}/") for number in range(rounds))
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


def summary(directory: Path, found: Counter[str], seed: int) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """The row of results, and the rows of memory."""
    with (directory / "memory.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    totals = np.array([float(row["python_mib"]) + float(row["simulators_mib"]) for row in rows])
    battles = np.array([int(row["battles"]) for row in rows])
    # The first tenth warms caches up; what grows after it is a leak.
    later = slice(len(rows) // 10, None)
    slope = np.polyfit(battles[later], totals[later], 1)[0] if len(totals[later]) > 2 else float("nan")
    seconds = sum(float(row["seconds"]) for row in rows)
    third = max(1, len(totals[later]) // 3)
    return {
        "battles": int(battles[-1]),
        **{name.replace(" ", "_"): found[name] for name in ("with a result", "ended with an error", "missing")},
        "other": sum(found.values()) - sum(found[n] for n in ("with a result", "ended with an error", "missing")),
        "processes": len({row["process"] for row in rows}),
        "seconds": round(seconds, 1),
        "battles_per_second": round(int(battles[-1]) / seconds, 1),
        "mib_early": round(float(totals[later][:third].mean()), 1),
        "mib_late": round(float(totals[later][-third:].mean()), 1),
        "mib_per_10000_battles": round(float(slope) * 10_000, 2),
        "peak_mib": max(float(row["peak_mib"]) for row in rows),
        "seed": seed,
    }, rows


def main() -> None:
    """Play, account, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--battles", type=int, default=100_000)
    parser.add_argument("--per-pair", type=int, default=400, help="battles of each of the six pairs in a round")
    parser.add_argument("--seed", type=int, default=20261130)
    parser.add_argument("--lanes", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--no-results", action="store_true", help="print, and leave benchmarks/results alone")
    arguments = parser.parse_args()
    per_pair = arguments.per_pair + arguments.per_pair % 2
    rounds = -(-arguments.battles // (per_pair * len(PAIRS)))
    arguments.directory.mkdir(parents=True, exist_ok=True)
    play(arguments.directory, rounds, per_pair, arguments.seed, arguments.lanes, arguments.workers)
    log = MatchLog(arguments.directory / "matches.jsonl", compact_bytes=COMPACT_BYTES)
    found = account(ShowdownGame(format="gen1ou"), log, rounds, per_pair, arguments.seed)
    row, memory_rows = summary(arguments.directory, found, arguments.seed)
    print(dict(found), row, sep="\n")
    if not arguments.no_results:
        write_csv("soak", [row])
        write_csv("soak_memory", memory_rows)
        write_page("soak", markdown_table([row], list(row)), provenance(arguments.seed))


if __name__ == "__main__":
    main()
