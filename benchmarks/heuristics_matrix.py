"""Cross tables of the policies that play by rules, and how fast they are.

Every pair plays the same drawn starts both ways (seats exchanged); where a format needs teams they are from pokenash's
own set. The win rate counts a draw as half a win; intervals are Wilson's, 95%. The seed must be one that nothing was
tuned on.

    python benchmarks/heuristics_matrix.py --seed 20261122 --formats gen1ou gen9ou gen2randombattle

Each format has its own ``results/heuristics_matrix_FORMAT.csv``, written after every few pairs: a run that was stopped
goes on where it was, if it is started again with the same seed and numbers. At the end (and with ``--page``) the tables
and the Bradley-Terry ratings are written as a page of the docs.

``--rounds`` measures speeds instead. Decisions per second of CPU time of each policy over the same rows of play, in
one process; and the arena with two workers: a tournament among three heuristics against uniform random play, medians
over rounds that alternate, by the clock and by the CPU time of all processes.
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

import numpy as np
from heuristics_page import read_csv, write_heuristics_page
from measuring import cpu_seconds, machine, node_version, write_csv

from pokenash.algorithms.intervals import WinRate
from pokenash.arena import Arena, MatchResult, paired_matches
from pokenash.games.core import EpisodeSetup
from pokenash.games.showdown import ShowdownGame
from pokenash.games.showdown.node import simulator_version
from pokenash.policies import DecisionRandom, PolicySpec, load_policy

LADDER = [
    PolicySpec(kind, kind)
    for kind in (
        "uniform", "bug_catcher", "trainer", "boss_ai", "max_power", "basic_switcher", "grunt", "type_aware",
        "gym_leader", "emerald_kaizo", "kaizo_plus",
    )
]  # fmt: skip
GEN1 = PolicySpec("gen1ou_heuristic", "gen1ou_heuristic")
THEIRS = [
    PolicySpec(f"poke-env.{player.removesuffix('Player')}", "poke_env", {"player": player})
    for player in ("SimpleHeuristicsPlayer", "MaxBasePowerPlayer")
]
TOURNAMENT = [GEN1, *(PolicySpec(kind, kind) for kind in ("type_aware", "max_power", "uniform"))]
"""Of the measurement of speed: three heuristics, and uniform random play last."""

PAIRS_AT_A_TIME = 11


def players(format: str) -> list[PolicySpec]:
    """Pokenash's own that play a format."""
    return [*LADDER, GEN1] if format.startswith("gen1") else LADDER


def cross_table(
    arena: Arena, specs: Sequence[PolicySpec], pairs: Sequence[tuple[int, int]], battles: int, seed: int
) -> list[dict[str, Any]]:
    """Play some pairs; one row per pair, from the first one's side, with what it scored in the first seat."""
    results = arena.play(specs, paired_matches(arena.game, pairs, battles, seed), seed=seed)
    rows = []
    for first, second in pairs:
        played = [result for result in results if set(result.match.policies) == {first, second}]
        counts = Counter(_outcome(result, first) for result in played)
        seat = Counter(_outcome(result, first) for result in played if result.match.policies[0] == first)
        rate = WinRate.from_counts(counts["win"], counts["draw"], counts["loss"])
        in_first_seat = {
            f"{name}_first": seat[one] for name, one in (("wins", "win"), ("draws", "draw"), ("losses", "loss"))
        }
        names = {"policy": specs[first].name, "opponent": specs[second].name}
        rows.append({**names, **rate.to_json(), **in_first_seat, "errors": counts["error"], "seed": seed})
    return rows


def play_format(format: str, battles: int, poke_env_battles: int, seed: int, lanes: int, workers: int) -> None:
    """Play what a format's table still lacks, and write it after every few pairs."""
    name = f"heuristics_matrix_{format}"
    done = [row for row in read_csv(name) if int(row["seed"]) in (seed, seed + 1)]
    ours = players(format)
    everyone = ours + (THEIRS if poke_env_battles else [])
    known = {(row["policy"], row["opponent"]) for row in done}
    todo: dict[bool, list[tuple[int, int]]] = {False: [], True: []}
    for pair in itertools.combinations(range(len(everyone)), 2):
        if (everyone[pair[0]].name, everyone[pair[1]].name) not in known:
            todo[pair[1] >= len(ours)].append(pair)
    rows = list(done)
    with Arena(ShowdownGame(format=format), num_lanes=lanes, num_workers=workers) as arena:
        for is_theirs, pairs in todo.items():
            number = poke_env_battles if is_theirs else battles
            for start in range(0, len(pairs), PAIRS_AT_A_TIME):
                part = pairs[start : start + PAIRS_AT_A_TIME]
                rows += cross_table(arena, everyone, part, number, seed + is_theirs)
                print(f"{format}: {len(rows)} pairs; written: {write_csv(name, rows)}", flush=True)


def _outcome(result: MatchResult, policy: int) -> str:
    if not result.counted:
        return "error"
    value = result.result.returns[result.match.policies.index(policy)]
    return "win" if value > 0 else "loss" if value < 0 else "draw"


def speeds(arena: Arena, rounds: int, battles: int, seed: int) -> dict[str, float]:
    """Medians of decisions per second of uniform play and of a tournament among the heuristics, and of their ratios."""
    last = len(TOURNAMENT) - 1
    tournament = list(itertools.combinations(range(last), 2))
    measured: dict[str, list[float]] = {}
    for index in range(rounds):
        rates = {}
        # A battle of random play takes about three times as many decisions as one between heuristics.
        for name, pairs in (("uniform", [(last, last)]), ("tournament", tournament)):
            cpu = _cpu_seconds()
            results = arena.play(TOURNAMENT, paired_matches(arena.game, pairs, battles, seed + index), seed=seed)
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


def act_speeds(format: str, rounds: int, seed: int, lanes: int = 256) -> list[dict[str, Any]]:
    """Decisions per second of CPU time of every policy on the same rows, and the ratio to ``type_aware``."""
    game = ShowdownGame(format=format)
    rng, draws = np.random.default_rng(seed), DecisionRandom(seed)
    batches, mover = [], load_policy(PolicySpec("type_aware", "type_aware"), game)
    with game.vector(lanes, 1) as vector:
        decisions, _ = vector.start(EpisodeSetup(i, seed + i, game.sample_options(rng)) for i in range(4 * lanes))
        for step in range(60):
            if step % 3 == 2:
                batches.append(decisions.select(np.arange(len(decisions))))
            decisions, _ = vector.step(mover.act(decisions, None, draws))
    policies = {spec.name: load_policy(spec, game) for spec in players(format)}
    seconds: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, policy in policies.items():
            start = time.process_time()
            for batch in batches:
                policy.act(batch, None, draws)
            seconds.setdefault(name, []).append(time.process_time() - start)
    count = sum(map(len, batches))
    reference = statistics.median(seconds["type_aware"])
    return [
        {
            "format": format,
            "policy": name,
            "decisions_per_cpu_second": count / statistics.median(taken),
            "ratio_to_type_aware": reference / statistics.median(taken),
            "rows": count,
            "rows_per_batch": count / len(batches),
            "rounds": rounds,
            "machine": machine(),
        }
        for name, taken in seconds.items()
    ]


def main() -> None:
    """Play or measure, and write the CSV files and the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--formats", nargs="+", default=["gen1ou"])
    parser.add_argument("--battles", type=int, default=300, help="per pair of pokenash's own (default 300)")
    parser.add_argument("--poke-env-battles", type=int, default=0, help="per pair with poke-env's (default: none)")
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--lanes", type=int, default=128)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=0, help="measure speeds instead, in so many rounds")
    parser.add_argument("--page", action="store_true", help="only write the page from the tables that are there")
    options = parser.parse_args()
    if options.rounds:
        rows = [row for format in options.formats for row in act_speeds(format, options.rounds, options.seed)]
        for row in rows:
            ratio = f"{row['ratio_to_type_aware']:.2f} of type_aware"
            print(f"{row['format']:18} {row['policy']:18} {row['decisions_per_cpu_second']:10,.0f} a second, {ratio}")
        print(f"written: {write_csv('heuristics_act_speed', rows)}")
        with Arena(ShowdownGame(format="gen1ou"), num_lanes=256, num_workers=options.workers) as arena:
            found = speeds(arena, min(options.rounds, 3), 600, options.seed + 2)
        print("; ".join(f"{name} {value:.3g}" for name, value in found.items()))
        about = {"machine": machine(), "node": node_version(), "simulator": simulator_version()}
        settings = {"lanes": 256, "workers": options.workers, "rounds": min(options.rounds, 3)}
        print(f"written: {write_csv('heuristics_speed', [{**found, **settings, **about}])}")
        return
    if not options.page:
        for format in options.formats:
            play_format(format, options.battles, options.poke_env_battles, options.seed, options.lanes, options.workers)
    print(f"written: {write_heuristics_page()}")


if __name__ == "__main__":
    main()
