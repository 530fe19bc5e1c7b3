"""What a simulator keeps: its heap before and after forced garbage collections, over many battles.

A simulator that plays on grows for some thousand battles. Whether that is a leak says the heap after a collection of
everything that nobody refers to any more: it has to stay the same. Node is started with ``--expose-gc``, and after
every so many answers its heap is measured, collected, and measured again.

    python benchmarks/simulator_heap.py --battles 20000
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from measuring import machine, markdown_table, memory_mb, provenance, write_csv, write_page

from pokenash.arena import Arena, paired_matches
from pokenash.games.showdown import ShowdownGame
from pokenash.games.showdown.node import node_executable
from pokenash.policies import PolicySpec

POLICIES = [PolicySpec(kind, kind) for kind in ("max_power", "type_aware")]
EVERY = 500
ROUNDS = 10
PRELOAD = """
const fs = require('fs');
const write = fs.writevSync;
let answers = 0;
fs.writevSync = (...given) => {
  const written = write(...given);
  if (given[0] === 1 && ++answers % EVERY === 0) {
    const before = process.memoryUsage();
    gc();
    const said = {answers, before: before.heapUsed, rss: before.rss, after: process.memoryUsage().heapUsed};
    fs.writeSync(2, `heap ${JSON.stringify(said)}\\n`);
  }
  return written;
};
"""


def measuring_node(folder: Path) -> Path:
    """A Node that tells of its heap on standard error."""
    (folder / "preload.js").write_text(PRELOAD.replace("EVERY", str(EVERY)), encoding="utf-8")
    wrapper, node = folder / "node", node_executable()
    wrapper.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && exec "{node}" --version\n'
        f'exec "{node}" --expose-gc --allow-fs-read="{folder}/" --require "{folder}/preload.js" "$@"\n',
        encoding="utf-8",
    )
    wrapper.chmod(0o755)
    return wrapper


def told(pid: int) -> dict[str, Any]:
    """What a simulator told last of its heap, MiB."""
    lines = Path(f"/proc/{pid}/fd/2").read_text(encoding="utf-8", errors="replace").splitlines()
    said = json.loads([line for line in lines if line.startswith("heap ")][-1].removeprefix("heap "))
    return {
        "heap_before_mib": round(said["before"] / 2**20, 1),
        "heap_after_mib": round(said["after"] / 2**20, 1),
        "resident_mib": round(said["rss"] / 2**20, 1),
    }


def measure(battles: int, lanes: int, seed: int) -> list[dict[str, Any]]:
    """A row after every round."""
    game, rows = ShowdownGame("gen1ou"), []
    with Arena(game, num_lanes=lanes) as arena:
        for number in range(ROUNDS):
            matches = paired_matches(game, [(0, 1)], battles // ROUNDS, seed + number)
            arena.play(POLICIES, matches, seed=seed + number)
            assert arena._vector is not None
            [pid] = arena._vector.worker_pids  # type: ignore[attr-defined]
            played = (number + 1) * len(matches)
            rows.append({"battles": played, **told(pid), "pss_mib": round(memory_mb(pid), 1)})
            print(rows[-1], flush=True)
    return rows


def main() -> None:
    """Measure, and write ``results/simulator_heap.csv`` and ``.md``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--battles", type=int, default=20_000)
    parser.add_argument("--lanes", type=int, default=64)
    parser.add_argument("--seed", type=int, default=20261203)
    parser.add_argument("--no-results", action="store_true", help="print, and leave benchmarks/results alone")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["POKENASH_NODE"] = str(measuring_node(Path(folder)))
        rows = measure(arguments.battles, arguments.lanes, arguments.seed)
    later = rows[1:]
    per_battle = np.polyfit([row["battles"] for row in later], [row["heap_after_mib"] for row in later], 1)[0]
    growth = f"{per_battle * 10_000:+.2f} MiB in 10,000 battles"
    said = f"Growth of the heap after collections, after the first tenth: {growth}."
    print(said)
    if not arguments.no_results:
        write_csv("simulator_heap", [{**row, "machine": machine()} for row in rows])
        write_page("simulator_heap", markdown_table(rows, list(rows[0])), said, "", provenance(arguments.seed))


if __name__ == "__main__":
    main()
