"""Proof that the simulator speed-ups change nothing: the same battles, played by the simulator with and without them.

For every generation, battles of random teams and random choices are played in two processes, one with the untouched
simulator and one with the speed-ups. What is compared is a checksum over each battle's log (without the lines that
tell the time of day), both sides' requests at every decision, every refused choice, and the state of the generator
after every update. Three in ten teams are drawn from all species, moves, abilities and items there are, legal or
not, so that effects come up which no legal battle shows; some choices are made to be refused, and some battles are
saved and loaded on the way.

    python benchmarks/equivalence.py --battles 1000

Exit status 1 if anything differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from measuring import SCRIPTS, machine, markdown_table, node_version, write_csv, write_page

from pokenash.games.showdown.node import node_environment, node_executable, script_directory, simulator_version
from pokenash.games.showdown.teams import default_teams

GENERATIONS = range(1, 10)


def jobs(generation: int, battles: int) -> list[dict[str, Any]]:
    """What is played of one generation: `battles` in all, spread over formats and kinds of teams."""
    shares: list[tuple[str, Any, float, int]] = [
        (f"gen{generation}ou", "wild", 0.15, 0),
        (f"gen{generation}ubers", "wild", 0.05, 12),
        (f"gen{generation}customgame", "wild", 0.1, 0),
    ]
    if generation == 1:
        shares.append(("gen1ou", list(default_teams("gen1ou") or ()), 0.3, 0))
    counts = [round(share * battles) for _, _, share, _ in shares]
    rest = battles - sum(counts)
    random = f"gen{generation}randombattle"
    shares += [(random, "generated", 0, 0), (random, "generated", 0, 15)]
    counts += [rest - rest // 10, rest // 10]
    return [
        {"format": format, "teams": teams, "first": 10_000 * index, "battles": count, "reload": reload}
        for index, ((format, teams, _, reload), count) in enumerate(zip(shares, counts, strict=True))
    ]


def start(played: list[dict[str, Any]], seed: int, speedups: bool) -> subprocess.Popen[str]:
    """Begin to play, with or without the speed-ups."""
    process = subprocess.Popen(
        [node_executable(), SCRIPTS / "equivalence.js", script_directory()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=node_environment(),
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps({"speedups": speedups, "seed": seed, "jobs": played}))
    process.stdin.close()
    return process


def battles_of(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    """The battles that a process plays, as they end."""
    assert process.stdout is not None
    for line in process.stdout:
        yield json.loads(line)
    if process.wait() != 0:
        raise SystemExit(f"a simulator process ended with exit status {process.returncode}")


def compare(generation: int, battles: int, seed: int) -> dict[str, Any]:
    """Play one generation both ways."""
    played = jobs(generation, battles)
    begun = time.perf_counter()
    untouched, with_speedups = start(played, seed, False), start(played, seed, True)
    row = {"generation": generation, "battles": 0, "different": 0, "errors": 0, "updates": 0, "turns": 0}
    checksum = hashlib.sha256()
    for one, other in zip(battles_of(untouched), battles_of(with_speedups), strict=True):
        if one != other:
            row["different"] += 1
            print(f"DIFFERENT: {one}\n       and {other}", file=sys.stderr)
        row["battles"] += 1
        row["errors"] += "error" in one
        row["updates"] += one.get("updates", 0)
        row["turns"] += one.get("turns", 0)
        checksum.update(bytes.fromhex(one["checksum"]))
    return {**row, "checksum": checksum.hexdigest()[:16], "seconds": round(time.perf_counter() - begun)}


def main() -> None:
    """Play, compare, print a table and write it to ``results/equivalence.csv``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--battles", type=int, default=1000, help="battles of each generation")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--generations", type=int, nargs="+", default=list(GENERATIONS), choices=GENERATIONS)
    parser.add_argument("--no-csv", action="store_true", help="print only")
    arguments = parser.parse_args()
    facts = {
        "seed": arguments.seed,
        "simulator": simulator_version(),
        "node": node_version(),
        "machine": machine(),
        "command": "python benchmarks/equivalence.py " + " ".join(sys.argv[1:]),
    }
    rows = []
    print("generation  battles  different  errors    updates  checksum          seconds")
    for generation in arguments.generations:
        row = compare(generation, arguments.battles, arguments.seed)
        rows.append({**row, **facts})
        print(
            f"{row['generation']:10d}  {row['battles']:7d}  {row['different']:9d}  {row['errors']:6d}  "
            f"{row['updates']:9d}  {row['checksum']}  {row['seconds']:7d}",
            flush=True,
        )
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    if not arguments.no_csv:
        columns = ("generation", "battles", "different", "updates", "checksum")
        told = "; ".join(f"{name}: {value}" for name, value in facts.items() if name != "command")
        write_page("equivalence", markdown_table(rows, columns), f"Command: `{facts['command']}`; {told}.", "")
        print(f"written to {write_csv('equivalence', rows)}")
    if any(row["different"] for row in rows):
        raise SystemExit("the speed-ups change results")


if __name__ == "__main__":
    main()
