"""Processes and memory of the Showdown server that `pokenash server` starts.

After so many battles of two poke-env `RandomPlayer`s, ten at a time; a new server for each format. Pages that processes
share are divided among them (PSS), so that the processes' figures may be added.

    python benchmarks/server_memory.py
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Any

from measuring import RESULTS, provenance, write_csv
from poke_env_server import random_players

from pokenash.games.showdown import ShowdownGame
from pokenash.online import ShowdownServer

FORMATS = ("gen1ou", "gen4randombattle", "gen9randombattle")
CONCURRENCY = 10


def memory(group: int) -> tuple[int, float, float]:
    """Processes of a group, and their resident and proportional memory in MiB."""
    processes, resident, proportional = 0, 0, 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(stat[2]) != group or stat[0] == "Z":
                continue
            rollup = dict(line.split(":", 1) for line in (entry / "smaps_rollup").read_text().splitlines()[1:])
        except OSError:
            continue
        processes += 1
        resident += int(rollup["Rss"].split()[0])
        proportional += int(rollup["Pss"].split()[0])
    return processes, resident / 1024, proportional / 1024


def play(server: ShowdownServer, format: str, battles: int, seed: int) -> None:
    """Play so many battles."""
    players = random_players(server, format, ShowdownGame(format).teams, CONCURRENCY, seed)

    async def play_all() -> None:
        await players[0].battle_against(players[1], n_battles=battles)
        for player in players:
            await player.ps_client.stop_listening()

    asyncio.run(play_all())


def measured(server: ShowdownServer, battles: int, format: str) -> dict[str, Any]:
    """A row of the table."""
    assert server.pid is not None
    processes, resident, proportional = memory(server.pid)
    return {
        "battles": battles,
        "format": format,
        "processes": processes,
        "rss_mb": round(resident),
        "pss_mb": round(proportional),
    }


def main() -> None:
    """Measure, print, and write ``results/server_memory``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--battles", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for format in FORMATS:
        with ShowdownServer() as server:
            played = 0
            for number, battles in enumerate([1, *arguments.rounds * [arguments.battles]]):
                play(server, format, battles, number)
                played += battles
                rows.append(measured(server, played, format))
    write_csv("server_memory", rows)
    lines = ["| battles | format | processes | resident, MiB | proportional, MiB |", "|---|---|---|---|---|"]
    lines += ["| " + " | ".join(str(value) for value in row.values()) + " |" for row in rows]
    text = "\n".join([*lines, "", provenance(list(range(arguments.rounds + 1)))])
    (RESULTS / "server_memory.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
