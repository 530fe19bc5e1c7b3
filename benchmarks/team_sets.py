"""What large team sets cost: validating them, making a game of them, and sending them to the workers.

Teams of gen1ou are made of the members of the set that comes with pokenash, so that all of them are legal and hardly
two the same. Prints a table and writes ``results/team_sets.csv``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from measuring import markdown_table, provenance, schedule, write_csv, write_page

SEED = 20261121
_CHILD = "--measure"


def teams_of(count: int) -> list[str]:
    """So many legal teams."""
    from pokenash.games.showdown.teams import default_teams

    shipped = default_teams("gen1ou")
    assert shipped is not None
    if count <= len(shipped):
        return list(shipped[:count])
    members = sorted({one for team in shipped for one in team.split("]")})
    rng = np.random.default_rng(SEED)
    teams: dict[str, None] = {}
    while len(teams) < count:
        chosen = [members[i] for i in rng.permutation(len(members))]
        teams["]".join(list({one.split("|")[1] or one.split("|")[0]: one for one in chosen}.values())[:6])] = None
    return list(teams)


def measure(path: str) -> dict[str, Any]:
    """One process: load the file of packed teams, make the game, start one worker and draw teams."""
    from measuring import memory_mb

    from pokenash.games.showdown import ShowdownGame
    from pokenash.games.showdown.teams import load_teams

    start = time.perf_counter()
    teams = load_teams(Path(path), "gen1ou")
    loaded = time.perf_counter()
    game = ShowdownGame(teams=teams)
    config = len(json.dumps(game.config()))
    made = time.perf_counter()
    with game.vector(32, 1) as vector:
        decisions, _ = vector.start(schedule(game, SEED))
        started = time.perf_counter()
        for _ in range(200):
            decisions, _ = vector.step(decisions.action_mask.argmax(1))
        stepped = time.perf_counter()
        worker = memory_mb(vector.worker_pids[0])
    rng = np.random.default_rng(SEED)
    before = time.perf_counter()
    for _ in range(2000):
        game.sample_options(rng)
    return {
        "load_seconds": loaded - start,
        "game_seconds": made - loaded,
        "first_decisions_seconds": started - made,
        "seconds_of_200_steps": stepped - started,
        "draw_microseconds": (time.perf_counter() - before) / 2000 * 1e6,
        "python_mb": memory_mb(os.getpid()),
        "worker_mb": worker,
        "config_kb": config / 1024,
    }


def main() -> None:
    """Measure each number of teams in processes of its own, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[24, 1_000, 10_000, 20_000])
    parser.add_argument(_CHILD, dest="measure")
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure)))
        return
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for count in arguments.counts:
            path = Path(folder) / f"{count}.packed"
            path.write_text("\n".join(teams_of(count)))
            for verdicts in ("asked for", "kept"):
                command = [sys.executable, __file__, _CHILD, str(path)]
                environment = {**os.environ, "POKENASH_TEAMS": f"{folder}/cache"}
                done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
                rows.append({"teams": count, "verdicts": verdicts, **json.loads(done.stdout)})
    columns = list(rows[0])
    table = markdown_table(rows, columns)
    print(table)
    write_csv("team_sets", [{**row, "provenance": provenance(SEED).strip()} for row in rows])
    write_page("team_sets", table, provenance(SEED))


if __name__ == "__main__":
    main()
