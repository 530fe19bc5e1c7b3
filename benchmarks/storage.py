"""Match logs and trajectory folders of millions of battles: what opening, counting and reading them takes.

Made-up logs in the form of a gen1ou tournament's (20 policies, blocks of 100, random seeds) in the plain form, the
compacted one, and for comparison Parquet (needs ``pyarrow``; left out without it). Every measurement is of a fresh
process, whose peak memory is its own; the files are in the system's cache, as after writing. Trajectory folders hold
empty files of real names: what is measured is opening, not reading.

    python benchmarks/storage.py --battles 10000000 --plain 200000 --trajectories 1000000

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
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from measuring import markdown_table, provenance, write_csv, write_page

from pokenash.algorithms import EmpiricalGame, MatchLog
from pokenash.algorithms.match_log_compaction import store_of
from pokenash.algorithms.match_log_lines import Block, LoggedMatch, line_of
from pokenash.metamon.dataset_index import folder_names, index_trajectories
from pokenash.metamon.trajectories import TrajectoryName

POLICIES = [f"policy_{number}" for number in range(20)]
PAIRS = [(one, other) for other in range(len(POLICIES)) for one in range(other)]
BLOCK = 100
STREAMED = 200_000


def made_up(battles: int, seed: int) -> Iterator[Block]:
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
            lines = "".join(line_of(match, i, BLOCK) + "\n" for i, match in enumerate(matches))
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
    blocks = made_up(battles, seed)
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
        table = pq.read_table(path, columns=columns)
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


def read_folder(root: Path) -> dict[str, float]:
    """Opening a folder of trajectories, and looking at names all over it."""
    seconds, names = _timed(lambda: folder_names(root, "gen1ou"))
    rng = np.random.default_rng(0)
    drawn, _ = _timed(lambda: [names.name(int(i)) for i in rng.integers(len(names.names), size=10_000)])
    return {"open_seconds": seconds, "files": len(names.names), "draw_seconds": drawn / 10_000, "peak_mib": _peak()}


def make_folder(root: Path, files: int) -> None:
    """Empty trajectory files."""
    (root / "gen1ou").mkdir()
    start = datetime(2026, 1, 1)
    for i in range(files):
        name = TrajectoryName(f"metamon-gen1ou-{i:09}", "Unrated", "p", "q", start + timedelta(seconds=i), i % 2 == 0)
        (root / "gen1ou" / name.file_name()).touch()


READERS: dict[str, Callable[[Path], dict[str, float]]] = {
    "plain": read_log,
    "sqlite": read_log,
    "parquet": read_parquet,
    "folder": read_folder,
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


def measure_logs(folder: Path, battles: int, plain: int, seed: int) -> list[dict[str, Any]]:
    """A row per form."""
    forms: list[tuple[str, int, Callable[[Path, int, int], None]]] = [("plain", plain, write_plain)]
    forms.append(("sqlite", battles, write_compacted))
    if importlib.util.find_spec("pyarrow"):
        forms.append(("parquet", battles, write_parquet))
    rows = []
    for form, number, write in forms:
        path = folder / f"{form}.jsonl"
        seconds, _ = _timed(lambda path=path, number=number, write=write: write(path, number, seed))
        size = sum(file.stat().st_size for file in folder.glob(f"{path.name}*"))
        rows.append({"form": form, "bytes_per_match": round(size / number, 1), "write_seconds": round(seconds, 2)})
        rows[-1] |= in_fresh_process(form, path)
        print(rows[-1], flush=True)
        for file in folder.glob(f"{path.name}*"):
            file.unlink()
    return rows


def measure_folders(folder: Path, files: int) -> list[dict[str, Any]]:
    """Opening by listing, and with an index."""
    make_folder(folder, files)
    rows: list[dict[str, Any]] = [{"form": "listed"} | in_fresh_process("folder", folder)]
    seconds, _ = _timed(lambda: index_trajectories(folder))
    rows.append({"form": "indexed", "index_seconds": round(seconds, 2)} | in_fresh_process("folder", folder))
    print(*rows, sep="\n", flush=True)
    return rows


def main() -> None:
    """Measure, and write ``results/storage_logs.csv``, ``storage_trajectories.csv`` and ``storage.md``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--battles", type=int, default=10_000_000)
    parser.add_argument("--plain", type=int, default=200_000)
    parser.add_argument("--trajectories", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=20261121)
    parser.add_argument("--read", nargs=2, metavar=("FORM", "PATH"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read:
        print(json.dumps(READERS[arguments.read[0]](Path(arguments.read[1]))))
        return
    parts = []
    with tempfile.TemporaryDirectory() as name:
        if arguments.battles:
            rows = measure_logs(Path(name), arguments.battles, arguments.plain, arguments.seed)
            write_csv("storage_logs", rows)
            parts.append(markdown_table(rows, list(rows[-1])))
    with tempfile.TemporaryDirectory() as name:
        if arguments.trajectories:
            rows = measure_folders(Path(name), arguments.trajectories)
            write_csv("storage_trajectories", rows)
            parts.append(markdown_table(rows, list(rows[-1])))
    write_page("storage", *parts, provenance(arguments.seed))


if __name__ == "__main__":
    main()
