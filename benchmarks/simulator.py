"""Speed and memory of Showdown battles in pokenash, against the bare simulator and against poke-env on a real server.

Everything is measured in one run on one machine, on the same work: gen1ou, teams drawn from pokenash's own set,
uniform random legal choices. Measurements alternate over several rounds; medians are reported.

    core      one core: Python-driven play with tensor observations and masks, at several batch sizes and with and
              without simulator speed-ups, against a loop of `battle.choose` inside the same Node on the untouched
              simulator. Both processes of a Python-driven measurement are pinned to the one core. The same loop with
              several battles in turn says what taking turns costs by itself.
    workers   two workers against one, on all cores
    server    two workers against two poke-env `RandomPlayer`s on a local Showdown server, at its best concurrency
    memory    of Python and its workers together, for 256 battles at a time, over 5,000 battles

    python benchmarks/simulator.py

The unit is the decision: one choice made by one player. A battle of random play has about 170.
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from measuring import BareLoop, DrivenPlay, Played, machine, markdown_table, node_version, write_csv, write_page

from pokenash.games.showdown import ShowdownGame
from pokenash.games.showdown.node import simulator_version

FORMAT = "gen1ou"
LANES = (1, 4, 16, 64, 256)
PARTS = ("core", "workers", "server", "memory")
IN_TURN = (16, 256)
WORKERS_LANES = 32
CONCURRENCIES = (1, 10, 25, 50)
MEMORY_BATTLES = 5000
WARM_UP_DECISIONS = 60_000
"""Enough for Node to have compiled what it will compile."""


def warm_up(play: Callable[[float], Played]) -> None:
    """Play until nothing gets faster any more."""
    played = 0
    while played < WARM_UP_DECISIONS:
        played += play(1.0).decisions


def alternate(plays: Mapping[str, Callable[[float], Played]], rounds: int, seconds: float) -> dict[str, list[Played]]:
    """Measure every contestant in turn, `rounds` times, after a warm-up of each."""
    for play in plays.values():
        warm_up(play)
    measured: dict[str, list[Played]] = {name: [] for name in plays}
    for _ in range(rounds):
        for name, play in plays.items():
            measured[name].append(play(seconds))
    return measured


def medians(measured: Mapping[str, Sequence[Played]]) -> dict[str, dict[str, float]]:
    """Median rates of every contestant."""
    return {
        name: {
            "decisions_per_second": statistics.median(one.decisions_per_second for one in played),
            "battles_per_second": statistics.median(one.battles_per_second for one in played),
            "decisions_per_cpu_second": statistics.median(one.decisions_per_cpu_second for one in played),
        }
        for name, played in measured.items()
    }


def measure_core(rounds: int, seconds: float, core: int) -> list[dict[str, Any]]:
    """Python-driven play against the bare loop, everything on one core."""
    everywhere = os.sched_getaffinity(0)
    # What is started from here on inherits it.
    os.sched_setaffinity(0, {core})
    games = {speedups: ShowdownGame(FORMAT, speedups=speedups) for speedups in (False, True)}
    bare = BareLoop(games[False])
    in_turn = {f"bare loop, {battles} battles in turn": BareLoop(games[False], battles=battles) for battles in IN_TURN}
    driven = {
        f"{'with' if speedups else 'without'} speed-ups, {lanes} lanes": (speedups, lanes, DrivenPlay(game, lanes))
        for speedups, game in games.items()
        for lanes in LANES
    }
    try:
        plays = {"bare loop": bare.play, **{name: one.play for name, one in in_turn.items()}}
        plays |= {name: one[2].play for name, one in driven.items()}
        rates = medians(alternate(plays, rounds, seconds))
    finally:
        for loop in (bare, *in_turn.values()):
            loop.close()
        for _, _, one in driven.values():
            one.close()
        os.sched_setaffinity(0, everywhere)
    base = rates["bare loop"]
    rows = []
    for name, rate in rates.items():
        speedups, lanes, _ = driven.get(name, (False, 0, None))
        row = {"part": "core", "name": name, "speedups": speedups, "lanes": lanes, "workers": 1, **rate}
        row["ratio"] = rate["decisions_per_second"] / base["decisions_per_second"]
        row["cpu_ratio"] = rate["decisions_per_cpu_second"] / base["decisions_per_cpu_second"]
        row["us_per_update"] = 1e6 / (rate["decisions_per_second"] * bare.updates_per_decision)
        rows.append(row)
    return rows


def core_verdict(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The best ratios, and how much of them is left at the largest batch."""
    said = []
    for speedups, wanted in ((False, 0.85), (True, 1.4)):
        driven = [row for row in rows if row["lanes"] and row["speedups"] == speedups]
        best = max(driven, key=lambda row: row["ratio"])
        largest = max(driven, key=lambda row: row["lanes"])
        kind = "with" if speedups else "without"
        said.append(f"{kind} speed-ups / bare loop: {best['ratio']:.2f} at {best['lanes']} lanes (wanted: {wanted})")
        share = largest["ratio"] / best["ratio"]
        said.append(f"  at {largest['lanes']} lanes / at {best['lanes']}: {share:.2f} (wanted: 0.8)")
    return said


def measure_workers(rounds: int, seconds: float) -> list[dict[str, Any]]:
    """Two workers against one, on all cores; both with as many lanes a worker."""
    game = ShowdownGame(FORMAT)
    with DrivenPlay(game, WORKERS_LANES) as one, DrivenPlay(game, 2 * WORKERS_LANES, 2) as two:
        rates = medians(alternate({"one worker": one.play, "two workers": two.play}, rounds, seconds))
    base = rates["one worker"]["decisions_per_second"]
    return [
        {"part": "workers", "name": name, "workers": 1 + index, "lanes": WORKERS_LANES * (1 + index), **rate}
        | {"ratio": rate["decisions_per_second"] / base}
        for index, (name, rate) in enumerate(rates.items())
    ]


def measure_server(rounds: int, seconds: float, directory: Path | None) -> list[dict[str, Any]]:
    """Two workers against two poke-env players on a local server; the server is up only while it plays."""
    from poke_env_server import battles_per_second

    from pokenash.online import ShowdownServer

    game = ShowdownGame(FORMAT)
    assert game.teams is not None
    ours: list[Played] = []
    theirs: dict[int, list[float]] = {concurrency: [] for concurrency in CONCURRENCIES}
    for number in range(rounds):
        with DrivenPlay(game, 2 * WORKERS_LANES, 2, seed=number) as play:
            warm_up(play.play)
            ours.append(play.play(seconds))
        with ShowdownServer(cache=directory) as server:
            for concurrency, rates in theirs.items():
                rates.append(battles_per_second(server, FORMAT, game.teams, concurrency, 2 * seconds, number))
    rows = [
        {"part": "server", "name": f"poke-env, {k} at a time", "battles_per_second": statistics.median(rates)}
        for k, rates in theirs.items()
    ]
    best = max(row["battles_per_second"] for row in rows)
    rows.append({"part": "server", "name": "pokenash, two workers", **medians({"": ours})[""]})
    return [{**row, "ratio": row["battles_per_second"] / best} for row in rows]


def measure_memory(battles: int) -> list[dict[str, Any]]:
    """Memory after so many battles, 256 at a time, two workers."""
    rows = []
    with DrivenPlay(ShowdownGame(FORMAT), 256, 2) as play:
        rows.append({"part": "memory", "battles": 0, "memory_mb": play.memory_mb()})
        played = 0
        while played < battles:
            played += play.play(battles=battles // 10).battles
            rows.append({"part": "memory", "battles": played, "memory_mb": play.memory_mb()})
    return rows


COLUMNS = {
    "core": ("name", "battles_per_second", "decisions_per_second", "us_per_update", "ratio", "cpu_ratio"),
    "workers": ("name", "battles_per_second", "decisions_per_second", "ratio"),
    "server": ("name", "battles_per_second", "ratio"),
    "memory": ("battles", "memory_mb"),
}


def verdict(part: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the figures of a part say, beside what was wanted."""
    if part == "core":
        return core_verdict(rows)
    if part == "memory":
        settled = [row["memory_mb"] for row in rows[len(rows) // 2 :]]
        growth = settled[-1] - settled[0]
        return [f"memory over the second half: {settled[0]:.0f} to {settled[-1]:.0f} MiB ({growth:+.0f})"]
    wanted = {"workers": ("two workers / one", 1.8), "server": ("two workers / poke-env at its best", 10)}[part]
    return [f"{wanted[0]}: {rows[-1]['ratio']:.2f} (wanted: {wanted[1]})"]


def described(facts: Mapping[str, Any]) -> str:
    """The circumstances in words."""
    return (
        f"{facts['machine']}; Node {facts['node']}, simulator {facts['simulator']}, {facts['format']}; "
        f"medians of {facts['rounds']} rounds of {facts['seconds']:g} s"
    )


def main() -> None:
    """Measure, print, and write ``results/simulator_PART.csv``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=2.0, help="of every single measurement")
    parser.add_argument("--core", type=int, default=0, help="the core that the part `core` is measured on")
    parser.add_argument("--server-dir", type=Path, help="where the Showdown server is or will be installed")
    parser.add_argument("--memory-battles", type=int, default=MEMORY_BATTLES)
    parser.add_argument("--no-csv", action="store_true", help="print only")
    arguments = parser.parse_args()
    facts = {"machine": machine(), "node": node_version(), "simulator": simulator_version(), "format": FORMAT}
    facts |= {"rounds": arguments.rounds, "seconds": arguments.seconds}
    print(described(facts))
    rounds, seconds = arguments.rounds, arguments.seconds
    measure: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "core": lambda: measure_core(rounds, seconds, arguments.core),
        "workers": lambda: measure_workers(rounds, seconds),
        "server": lambda: measure_server(max(1, rounds // 3), 2 * seconds, arguments.server_dir),
        "memory": lambda: measure_memory(arguments.memory_battles),
    }
    for part in arguments.parts:
        rows = measure[part]()
        table, said = markdown_table(rows, COLUMNS[part]), verdict(part, rows)
        print(f"\n{part}\n\n{table}\n" + "\n".join(said), flush=True)
        if not arguments.no_csv:
            write_csv(f"simulator_{part}", [{**row, **facts} for row in rows])
            points = "\n".join(f"- {one}" for one in said)
            write_page(f"simulator_{part}", table, points, "", f"Measured on: {described(facts)}.", "")


if __name__ == "__main__":
    main()
