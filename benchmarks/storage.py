"""Match logs of millions of battles: what opening, counting and reading them takes.

Made-up logs in the form of a gen1ou tournament's (20 policies, blocks of 100, random seeds) in the plain form, the
compacted one, and for comparison Parquet (needs ``pyarrow``; left out without it). Every measurement is of a fresh
process, whose peak memory is its own; the files are in the system's cache, as after writing.

    python benchmarks/storage.py --battles 10000000 --plain 200000

The plain form is measured at a smaller number, for its lines are read into memory; its row says at which.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from measuring import machine, markdown_table, provenance, write_csv, write_page

from pokenash.algorithms import EmpiricalGame, MatchLog
from pokenash.algorithms.match_log_compaction import store_of
from pokenash.algorithms.match_log_lines import Block, LoggedMatch, line_of

POLICIES = [f"policy_{number}" for number in range(20)]
PAIRS = [(one, other) for other in range(len(POLICIES)) for one in range(other)]
BLOCK = 100
STREAMED = 200_000


def made_up(battles: int, seed: int, with_lines: bool = True) -> Iterator[Block]:
    """Blocks as a tournament writes them, pair by pair."""
    rng = np.random.default_rng(seed)
    per_pair = -(-battles // len(PAIRS) // BLOCK) * BLOCK
    made = 0
    for rank, (one, other) in enumerate(PAIRS):
        names = POLICIES[one], POLICIES[other]
        for begin in range(0, per_pair, BLOCK):
            if made >= battles:
                return
            key = f"tournament/{names[0]}/{names[1]}/{begin}"
            matches = _matches(rng, key, names, rank * 10**6 + begin)
            lines = "".join(line_of(match, i, BLOCK) + "\n" for i, match in enumerate(matches) if with_lines)
            made += BLOCK
            yield Block(key, matches, lines.encode())


def _matches(rng: np.random.Generator, key: str, names: tuple[str, str], episode: int) -> list[LoggedMatch]:
    seeds = rng.integers(0, 2**64, BLOCK // 2, dtype=np.uint64).tolist()
    teams = rng.integers(0, 40, (BLOCK // 2, 2)).tolist()
    wins = (rng.random(BLOCK) < 0.5).tolist()
    lengths, left = rng.integers(30, 300, BLOCK).tolist(), rng.integers(1, 7, BLOCK).tolist()
    return [
        LoggedMatch(
            key,
            episode + i,
            seeds[i // 2],
            {"teams": teams[i // 2]},
            names if i % 2 == 0 else names[::-1],
            (None, None),
            (1.0, -1.0) if wins[i] else (-1.0, 1.0),
            lengths[i],
            "win",
            {"turns": lengths[i] // 2, "remaining": [left[i], 0] if wins[i] else [0, left[i]]},
        )
        for i in range(BLOCK)
    ]


def write_plain(path: Path, battles: int, seed: int) -> None:
    """The file that `MatchLog` writes, without a sync for each block."""
    with path.open("wb") as file:
        file.writelines(block.lines for block in made_up(battles, seed))


def write_compacted(path: Path, battles: int, seed: int) -> None:
    """What compacting such a file leaves."""
    path.touch()
    store_of(path).add(made_up(battles, seed))


def write_parquet(path: Path, battles: int, seed: int) -> None:
    """The same in columns, a million rows at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer = None
    blocks = made_up(battles, seed, with_lines=False)
    while part := [match for block in islice(blocks, 10**6 // BLOCK) for match in block.matches]:
        table = pa.table(
            {
                "block": pa.array([match.block for match in part]).dictionary_encode(),
                "episode": [match.episode for match in part],
                "seed": pa.array([match.seed for match in part], pa.uint64()),
                "options": [json.dumps(match.options) for match in part],
                "first": pa.array([match.policies[0] for match in part]).dictionary_encode(),
                "second": pa.array([match.policies[1] for match in part]).dictionary_encode(),
                "first_return": [match.returns[0] for match in part],
                "length": pa.array([match.length for match in part], pa.int32()),
                "reason": pa.array([match.reason for match in part]).dictionary_encode(),
                "info": [json.dumps(match.info) for match in part],
            }
        )
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    assert writer is not None
    writer.close()


def read_log(path: Path) -> dict[str, float]:
    """Times of a log's uses, in the plain or the compacted form."""
    seconds, log = _timed(lambda: MatchLog(path))
    found = {"open_seconds": seconds, "matches": len(log)}
    found["aggregate_seconds"], game = _timed(lambda: EmpiricalGame.from_log(log))
    assert game.tallies.sum() == len(log)
    found["one_pair_seconds"], _ = _timed(lambda: log.tallies(f"tournament/{POLICIES[3]}/{POLICIES[7]}/"))
    found["keys_seconds"], keys = _timed(lambda: log.blocks)
    found["one_block_seconds"], _ = _timed(lambda: log.block(keys[len(keys) // 2]))
    found["peak_mib_counted"] = _peak()
    seconds, streamed = _timed(lambda: sum(1 for _ in islice(log, STREAMED)))
    found["streamed_per_second"] = streamed / seconds
    found["peak_mib_streamed"] = _peak()
    return found


def read_parquet(path: Path) -> dict[str, float]:
    """The same of Parquet, from the columns that each use needs."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    seconds, file = _timed(lambda: pq.ParquetFile(path))
    found: dict[str, float] = {"open_seconds": seconds, "matches": file.metadata.num_rows}
    columns = ["first", "second", "first_return", "reason"]

    def aggregate() -> Any:
        # Every million rows has dictionaries of its own.
        table = pq.read_table(path, columns=columns).unify_dictionaries()
        return table.group_by(columns).aggregate([([], "count_all")])

    found["aggregate_seconds"], table = _timed(aggregate)
    assert pc.sum(table["count_all"]).as_py() == file.metadata.num_rows
    pair = [("first", "==", POLICIES[3]), ("second", "==", POLICIES[7])]
    found["one_pair_seconds"], _ = _timed(lambda: pq.read_table(path, columns=columns, filters=pair))
    found["keys_seconds"], keys = _timed(lambda: pq.read_table(path, columns=["block"])["block"].unique().to_pylist())
    wanted = [("block", "==", keys[len(keys) // 2])]
    found["one_block_seconds"], _ = _timed(lambda: pq.read_table(path, filters=wanted).to_pylist())
    found["peak_mib_counted"] = _peak()

    def stream() -> int:
        rows = 0
        for batch in file.iter_batches(10_000):
            rows += len([(json.loads(row["options"]), json.loads(row["info"])) for row in batch.to_pylist()])
            if rows >= STREAMED:
                break
        return rows

    seconds, streamed = _timed(stream)
    found["streamed_per_second"] = streamed / seconds
    found["peak_mib_streamed"] = _peak()
    return found


WRITERS: dict[str, Callable[[Path, int, int], None]] = {
    "plain": write_plain,
    "sqlite": write_compacted,
    "parquet": write_parquet,
}

READERS: dict[str, Callable[[Path], dict[str, float]]] = {
    "plain": read_log,
    "sqlite": read_log,
    "parquet": read_parquet,
}


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    value = work()
    return time.perf_counter() - start, value


def _peak() -> float:
    """Largest resident memory of this process so far, MiB; that of its parent, which `getrusage` inherits, aside."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the kernel tells no peak of memory")


def in_fresh_process(kind: str, path: Path) -> dict[str, float]:
    """What a reader measures in a process of its own."""
    command = [sys.executable, __file__, "--read", kind, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return {name: round(value, 6) for name, value in found.items()}


def made(folder: Path, form: str, battles: int, seed: int) -> tuple[Path, dict[str, Any]]:
    """A log in one of the forms, and what making it took; one that the folder has already is made no second time."""
    path = folder / f"{form}-{battles}-{seed}.jsonl"
    notes = path.with_suffix(".json")
    if not notes.exists():
        for file in folder.glob(f"{path.name}*"):
            file.unlink()
        seconds, _ = _timed(lambda: WRITERS[form](path, battles, seed))
        size = sum(file.stat().st_size for file in folder.glob(f"{path.name}*"))
        told = {"form": form, "bytes_per_match": round(size / battles, 1), "megabytes": round(size / 1e6, 1)}
        notes.write_text(json.dumps({**told, "write_seconds": round(seconds, 1)}))
    return path, json.loads(notes.read_text())


def main() -> None:
    """Measure, and write ``results/storage_logs.csv`` and ``storage_logs.md``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--battles", type=int, default=10_000_000)
    parser.add_argument("--plain", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=20261121)
    parser.add_argument("--folder", type=Path, help="keeps the logs; those that are there are measured as they are")
    parser.add_argument("--make-only", action="store_true", help="make the logs and measure nothing")
    parser.add_argument("--read", nargs=2, metavar=("FORM", "PATH"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read:
        print(json.dumps(READERS[arguments.read[0]](Path(arguments.read[1]))))
        return
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(exist_ok=True)
        for form in WRITERS:
            if form == "parquet" and not importlib.util.find_spec("pyarrow"):
                continue
            path, told = made(folder, form, arguments.plain if form == "plain" else arguments.battles, arguments.seed)
            print(told, flush=True)
            if not arguments.make_only:
                rows.append({**told, **in_fresh_process(form, path)})
                print(rows[-1], flush=True)
    if rows:
        write_csv("storage_logs", [{**row, "machine": machine()} for row in rows])
        columns = [column for column in rows[0] if column not in ("write_seconds", "megabytes")]
        write_page("storage_logs", markdown_table(rows, columns), provenance(arguments.seed))


if __name__ == "__main__":
    main()
