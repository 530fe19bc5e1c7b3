"""How many matches per second the driver of a cluster can take in: what it spends on each, wherever they are played.

``log`` writes the results of real gen1ou battles into a match log, in blocks of 100, as tournaments do. ``ray`` takes
the results of short games from Ray workers on this machine and writes them as well. The driver's limit are matches per
second of its own CPU time and its waiting for the disk; what it takes on the wall says less, for here the workers share
its cores. Ray is the extra ``ray``; without it that row is left out.

    python benchmarks/driver_limit.py
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from measuring import machine, markdown_table, provenance, write_csv, write_page

from pokenash.algorithms.block_writer import BlockWriter
from pokenash.algorithms.match_log import MatchLog
from pokenash.arena import Arena, Match, MatchResult, paired_matches
from pokenash.arena.executors import RayArena
from pokenash.games import load_game
from pokenash.policies import PolicySpec

BLOCK = 100
NAMES = ("first", "second")


def measured(what: str, matches: int, play: Callable[[], object]) -> dict[str, Any]:
    """A row of the table."""
    waited, sync = [0.0], os.fsync

    def timed_sync(descriptor: int) -> None:
        begin = time.perf_counter()
        sync(descriptor)
        waited[0] += time.perf_counter() - begin

    os.fsync = timed_sync  # type: ignore[assignment]
    try:
        cpu, start = time.process_time(), time.perf_counter()
        play()
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    finally:
        os.fsync = sync
    return {
        "what": what,
        "matches": matches,
        "seconds": round(seconds, 3),
        "driver_cpu_seconds": round(cpu, 3),
        "disk_seconds": round(waited[0], 3),
        "matches_per_second_at_most": round(matches / (cpu + waited[0])),
    }


def writer_of(folder: str, matches: list[Match]) -> BlockWriter:
    """Blocks of a new match log."""
    writer = BlockWriter(MatchLog(Path(folder) / "matches.jsonl"), NAMES)
    for begin in range(0, len(matches), BLOCK):
        writer.expect(f"driver/{begin}", matches[begin : begin + BLOCK])
    return writer


def real_results(num: int, seed: int) -> list[MatchResult]:
    """As many results of gen1ou battles; 100 are played, and told again under other episode numbers."""
    game = load_game({"game": "showdown", "format": "gen1ou"})
    with Arena(game, num_lanes=32) as arena:
        specs = [PolicySpec(name, "uniform") for name in NAMES]
        played = arena.play(specs, paired_matches(game, [(0, 1)], 100, seed), seed=seed)
    results = []
    for episode in range(num):
        one = played[episode % len(played)]
        setup = replace(one.match.setup, episode=episode)
        results.append(replace(one, match=replace(one.match, setup=setup), result=replace(one.result, episode=episode)))
    return results


def logging_row(num: int, seed: int) -> dict[str, Any]:
    """What writing costs."""
    results = real_results(num, seed)
    with tempfile.TemporaryDirectory() as folder:
        writer = writer_of(folder, [result.match for result in results])

        def write() -> None:
            for result in results:
                writer.take(result)

        return measured("log", num, write)


def ray_row(num: int, seed: int) -> dict[str, Any]:
    """What receiving and writing cost."""
    import ray

    game = load_game({"game": "matrix", "payoffs": "rock_paper_scissors"})
    specs = [PolicySpec(name, "uniform") for name in NAMES]
    ray.init(address="local", num_cpus=2, object_store_memory=200 * 2**20, include_dashboard=False, log_to_driver=False)
    try:
        with RayArena(game, num_workers=2, num_lanes=256, chunk_size=2000) as arena:
            arena.play(specs, paired_matches(game, [(0, 1)], 5000, seed), seed=seed)
            with tempfile.TemporaryDirectory() as folder:
                writer = writer_of(folder, paired_matches(game, [(0, 1)], num, seed + 1))
                return measured("ray", num, lambda: arena.play(specs, writer.matches, seed=seed, on_result=writer.take))
    finally:
        ray.shutdown()


def main() -> None:
    """Measure, print, and write ``results/driver_limit``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--matches", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=811)
    arguments = parser.parse_args()
    rows = [logging_row(arguments.matches, arguments.seed)]
    if importlib.util.find_spec("ray") is not None:
        rows.append(ray_row(arguments.matches, arguments.seed))
    table = markdown_table(rows, list(rows[0]))
    print(table)
    write_csv("driver_limit", [{**row, "machine": machine()} for row in rows])
    write_page("driver_limit", table, provenance(arguments.seed))


if __name__ == "__main__":
    main()
