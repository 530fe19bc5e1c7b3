"""Folders of a million trajectories: what opening takes, and that reading all takes no more memory than reading a few.

Some hundred gen1ou battles between heuristics are recorded; a folder holds hard links to their files under many
different names, so that every file is opened, decompressed and checked as if it were another one, from the system's
cache. Two such folders: ``many``, a million files of battles that end after a few turns, so that all can be read within
the hour; and ``whole``, fewer files of whole battles. Measured are opening by listing and with an index; streaming all
files once, in order; and drawing training batches from all over the folder. Every measurement is of a fresh process,
whose memory is noted on the way: all of it, and without the pages of the index, which the system may drop at any time.

    python benchmarks/storage_trajectories.py

The results are ``results/storage_folders.csv``, ``storage_streaming.csv`` (the memory on the way) and
``storage_trajectories.md``.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from measuring import machine, markdown_table, provenance, write_csv, write_page

from pokenash.arena import Arena, Match
from pokenash.games.core import EpisodeSetup
from pokenash.games.showdown import ShowdownGame
from pokenash.metamon.config import MetamonConfig
from pokenash.metamon.dataset import TrajectoryDataset
from pokenash.metamon.dataset_index import folder_names, index_trajectories
from pokenash.metamon.recording import TrajectoryRecorder
from pokenash.metamon.registry import get_family
from pokenash.metamon.tokenizer import Tokenizer
from pokenash.metamon.trajectories import TrajectoryName
from pokenash.policies import PolicySpec, load_policy

START = datetime(2026, 1, 1)
NOTES = 20
BATCH = 32


def record(root: Path, battles: int, turns: int | None, seed: int) -> list[Path]:
    """Trajectories of both sides of battles between heuristics, which end after so many turns."""
    game, rng = ShowdownGame("gen1ou", turn_limit=turns), np.random.default_rng(seed)
    player = load_policy(PolicySpec("a", "type_aware"), game)
    recorder = TrajectoryRecorder(player, game, root, name="a", opponent="a", time=START, both_seats=True)
    setups = [EpisodeSetup(i, int(rng.integers(2**63)), game.sample_options(rng)) for i in range(battles)]
    with Arena(game, num_lanes=32) as arena:
        arena.play([recorder], [Match(setup, (0, 0)) for setup in setups], seed=seed, on_result=recorder.on_result)
    return sorted((root / "gen1ou").iterdir())


def link(recorded: list[Path], root: Path, files: int) -> None:
    """The same files under other names."""
    (root / "gen1ou").mkdir(parents=True)
    for i in range(files):
        source = recorded[i % len(recorded)]
        won = TrajectoryName.parse(source.name).won
        name = TrajectoryName(f"metamon-gen1ou-{i:09}", "Unrated", "a", "b", START + timedelta(seconds=i), won)
        os.link(source, root / "gen1ou" / name.file_name())


def memory() -> dict[str, float]:
    """Resident memory, and the part that is this process's own, MiB."""
    told = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text("ascii").splitlines())
    names = {"resident_mib": "VmRSS", "own_mib": "RssAnon", "peak_mib": "VmHWM"}
    return {name: round(int(told[field].split()[0]) / 1024, 1) for name, field in names.items()}


def opened(root: Path) -> dict[str, Any]:
    """Opening a folder, and looking at names all over it."""
    start = time.perf_counter()
    names = folder_names(root, "gen1ou")
    seconds, rng = time.perf_counter() - start, np.random.default_rng(0)
    start = time.perf_counter()
    for i in rng.integers(len(names.names), size=10_000):
        names.name(int(i))
    microseconds = 1e6 * (time.perf_counter() - start) / 10_000
    told = {"files": len(names.names), "open_seconds": round(seconds, 4), "name_microseconds": round(microseconds, 2)}
    return {**told, "peak_mib": memory()["peak_mib"]}


def dataset(root: Path, config: MetamonConfig) -> TrajectoryDataset:
    """Of all files."""
    words = Tokenizer({f"word{i}": i for i in range(config.vocabulary_size)}, "nonsense")
    return TrajectoryDataset(
        [root],
        observation_space=config.observation_space,
        action_space=config.action_space,
        reward="DefaultShapedReward",
        tokenizer=words,
    )


def note(path: Path, what: str, done: int, start: float) -> None:
    """Add the memory of now to a CSV file."""
    row = {"what": what, "trajectories": done, "seconds": round(time.perf_counter() - start, 2), **memory()}
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row), lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerow(row)
    print(row, flush=True)


def stream(root: Path, path: Path) -> None:
    """Read all files once, noting the memory."""
    start, what = time.perf_counter(), f"{root.name}, streamed"
    data = dataset(root, get_family("small_agent"))
    note(path, what, 0, start)
    every, read = max(1, len(data) // NOTES), 0
    for _, trajectory in data.trajectories():
        read += len(trajectory) > 0
        if read % every == 0:
            note(path, what, read, start)
    assert read == len(data)


def draw(root: Path, path: Path, batches: int) -> None:
    """Draw training batches, noting the memory."""
    start, what = time.perf_counter(), f"{root.name}, drawn in batches"
    data = dataset(root, get_family("small_agent"))
    note(path, what, 0, start)
    for number in range(1, batches + 1):
        data.batch(number, BATCH)
        if number % max(1, batches // NOTES) == 0:
            note(path, what, BATCH * number, start)


def in_fresh_process(part: str, root: Path, *more: str) -> str:
    """What a part says last, run in a process of its own."""
    command = [sys.executable, __file__, "--part", part, str(root), *more]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.splitlines()[-1]


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The notes, as numbers where they are."""
    with path.open(encoding="utf-8") as file:
        return [{k: v if k == "what" else float(v) for k, v in row.items()} for row in csv.DictReader(file)]


def measure_opening(root: Path) -> list[dict[str, Any]]:
    """By listing, and with an index."""
    for index in root.glob(".*.index.*"):
        index.unlink()
    rows = [{"form": "listed", **json.loads(in_fresh_process("open", root))}]
    start = time.perf_counter()
    index_trajectories(root)
    made = round(time.perf_counter() - start, 2)
    rows.append({"form": "indexed", **json.loads(in_fresh_process("open", root)), "index_seconds": made})
    print(*rows, sep="\n", flush=True)
    return rows


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rates, and the memory at the beginning, in the middle and at the end."""
    told = []
    for what in dict.fromkeys(row["what"] for row in rows):
        own = [row for row in rows if row["what"] == what]
        first, middle, last = own[1], own[len(own) // 2], own[-1]
        rate = (last["trajectories"] - first["trajectories"]) / (last["seconds"] - first["seconds"])
        memories = {
            f"own MiB after {int(row['trajectories']):,}": round(row["own_mib"]) for row in (first, middle, last)
        }
        told.append({"trajectories": what, "per second": round(rate), **memories, "peak MiB": round(last["peak_mib"])})
    return told


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=2, help="after which the battles of the many files end")
    parser.add_argument("--whole", type=int, default=20_000, help="files of whole battles")
    parser.add_argument("--recorded", type=int, default=250, help="battles, of two trajectories each")
    parser.add_argument("--batches", type=int, default=500)
    parser.add_argument("--seed", type=int, default=20261202)
    parser.add_argument("--folder", type=Path, help="keeps the files and the notes; what is there is not done again")
    parser.add_argument("--results-only", action="store_true", help="with --folder: read no more than was read")
    parser.add_argument("--part", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        part, root, *more = arguments.part
        if part == "open":
            print(json.dumps(opened(Path(root))))
        elif part == "stream":
            stream(Path(root), Path(more[0]))
        else:
            draw(Path(root), Path(more[0]), int(more[1]))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        many, whole = folder / "many", folder / "whole"
        for root, files, turns in ((many, arguments.files, arguments.turns), (whole, arguments.whole, None)):
            if not root.exists():
                recorded = record(folder / f"recorded_{root.name}", arguments.recorded, turns, arguments.seed)
                link(recorded, root, files)
        rows = measure_opening(many)
        index_trajectories(whole)
        for name, part in (
            ("stream_many", ("stream", many)), ("stream_whole", ("stream", whole)), ("draw", ("draw", whole))
        ):  # fmt: skip
            if not (arguments.results_only or (folder / f"{name}.done").exists()):
                in_fresh_process(*part, str(folder / f"{name}.csv"), str(arguments.batches))
                (folder / f"{name}.done").touch()
        streamed = [
            row for name in ("stream_many", "stream_whole", "draw") for row in read_rows(folder / f"{name}.csv")
        ]
    write_csv("storage_folders", [{**row, "machine": machine()} for row in rows])
    write_csv("storage_streaming", streamed)
    columns = list(dict.fromkeys(column for row in rows for column in row))
    tables = [markdown_table([row], list(row)) for row in summary(streamed)]
    write_page("storage_trajectories", markdown_table(rows, columns), *tables, provenance(arguments.seed))


if __name__ == "__main__":
    main()
