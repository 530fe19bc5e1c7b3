"""Cross table of the policies that play by rules, on gen1ou, and how fast a tournament among the heuristics runs.

Every pair plays the same drawn starts both ways (seats exchanged), with teams from pokenash's own set. The win rate
counts a draw as half a win; intervals are Wilson's, 95%. The seed must be one that nothing was tuned on.

    python benchmarks/heuristics_matrix.py --seed 20261121

The speed is that of the arena with two workers: decisions per second of a tournament among the three heuristics of
pokenash, divided by those of uniform random play, medians over rounds that alternate; once by the clock, once by the
CPU time of all processes, which other work on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from measuring import cpu_seconds, machine, node_version, write_csv

from pokenash.algorithms.intervals import WinRate
from pokenash.arena import Arena, MatchResult, paired_matches
from pokenash.games.showdown import ShowdownGame
from pokenash.games.showdown.node import simulator_version
from pokenash.policies import PolicySpec

FORMAT = "gen1ou"
OURS = [PolicySpec(kind, kind) for kind in ("gen1ou_heuristic", "type_aware", "max_power", "uniform")]
THEIRS = [
    PolicySpec(f"poke-env.{player.removesuffix('Player')}", "poke_env", {"player": player})
    for player in ("SimpleHeuristicsPlayer", "MaxBasePowerPlayer")
]
HEURISTICS = 3
"""How many of `OURS` are heuristics; the last is uniform random play."""


def cross_table(arena: Arena, pairs: Sequence[tuple[int, int]], battles: int, seed: int) -> list[dict[str, Any]]:
    """Play some pairs of `OURS` + `THEIRS`; one row per pair, from the first one's side."""
    specs = OURS + THEIRS
    results = arena.play(specs, paired_matches(arena.game, pairs, battles, seed), seed=seed)
    rows = []
    for first, second in pairs:
        counts = Counter(_outcome(result, first) for result in results if set(result.match.policies) == {first, second})
        rate = WinRate.from_counts(counts["win"], counts["draw"], counts["loss"])
        rows.append({"policy": specs[first].name, "opponent": specs[second].name, **rate.to_json(), "seed": seed})
    return rows


def _outcome(result: MatchResult, policy: int) -> str:
    if not result.counted:
        return "error"
    value = result.result.returns[result.match.policies.index(policy)]
    return "win" if value > 0 else "loss" if value < 0 else "draw"


def speeds(arena: Arena, rounds: int, battles: int, seed: int) -> dict[str, float]:
    """Medians of decisions per second of uniform play and of a tournament among the heuristics, and of their ratios."""
    tournament = list(itertools.combinations(range(HEURISTICS), 2))
    measured: dict[str, list[float]] = {}
    for index in range(rounds):
        rates = {}
        # A battle of random play takes about three times as many decisions as one between heuristics.
        for name, pairs in (("uniform", [(HEURISTICS, HEURISTICS)]), ("tournament", tournament)):
            cpu = _cpu_seconds()
            results = arena.play(OURS, paired_matches(arena.game, pairs, battles, seed + index), seed=seed)
            decisions = sum(result.result.length for result in results)
            rates[f"{name}_decisions_per_second"] = arena.decisions_per_second
            rates[f"{name}_decisions_per_cpu_second"] = decisions / (_cpu_seconds() - cpu)
        for unit in ("second", "cpu_second"):
            ends = f"_decisions_per_{unit}"
            rates[f"ratio_per_{unit}"] = rates[f"tournament{ends}"] / rates[f"uniform{ends}"]
        for name, rate in rates.items():
            measured.setdefault(name, []).append(rate)
    return {name: statistics.median(values) for name, values in measured.items()}


def _cpu_seconds() -> float:
    """CPU time of this process and of the simulator's processes that it has started."""
    own = Path("/proc/self/task")
    children = {pid for task in own.iterdir() for pid in (task / "children").read_text(encoding="ascii").split()}
    return time.process_time() + sum(cpu_seconds(int(pid)) for pid in children)


def print_table(rows: Sequence[dict[str, Any]]) -> None:
    """The cross table in words."""
    for row in rows:
        interval = f"{row['win_rate']:.3f} [{row['lower']:.3f}, {row['upper']:.3f}]"
        counts = f"{row['wins']}-{row['draws']}-{row['losses']}"
        print(f"{row['policy']:30} vs {row['opponent']:30} {interval}  {counts} of {row['battles']}")


def main() -> None:
    """Play, print and write the CSV files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--battles", type=int, default=1000, help="per pair of pokenash's own (default 1000)")
    parser.add_argument("--poke-env-battles", type=int, default=300, help="per pair with poke-env's (default 300)")
    parser.add_argument("--seed", type=int, default=20261121)
    parser.add_argument("--lanes", type=int, default=256)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3, help="of the speed measurement; 0 leaves it out")
    options = parser.parse_args()
    game = ShowdownGame(format=FORMAT)
    about = {"machine": machine(), "node": node_version(), "simulator": simulator_version()}
    print(f"{FORMAT}; {about['machine']}; Node {about['node']}; simulator {about['simulator']}")
    ours, everyone = range(len(OURS)), range(len(OURS) + len(THEIRS))
    within = list(itertools.combinations(ours, 2))
    others = [pair for pair in itertools.combinations(everyone, 2) if pair not in within]
    with Arena(game, num_lanes=options.lanes, num_workers=options.workers, progress=True) as arena:
        if options.battles:
            rows = cross_table(arena, within, options.battles, options.seed)
            rows += cross_table(arena, others, options.poke_env_battles, options.seed + 1)
            print_table(rows)
            print(f"written: {write_csv('heuristics_matrix', rows)}")
        if options.rounds:
            found = speeds(arena, options.rounds, 600, options.seed + 2)
            print("; ".join(f"{name} {value:.3g}" for name, value in found.items()))
            settings = {"lanes": options.lanes, "workers": options.workers, "rounds": options.rounds}
            print(f"written: {write_csv('heuristics_speed', [{**found, **settings, **about}])}")


if __name__ == "__main__":
    main()
