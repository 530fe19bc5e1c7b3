"""What one core and one GPU do, and what follows for clusters: battles, decisions, trajectories and training steps.

A row is one kind of work, done by programs (Python and a simulator each) of which every core of the machine has one,
pinned to it: the mean is what a core of a busy machine is worth, and what the table for 10, 100 and 1,000 cores is
computed from: as many programs as cores, and no more matches than one driver takes in (``results/driver_limit.csv``).

With ``--device cuda`` the networks play and learn on the GPU; nothing is pinned, and there is one program.

    python benchmarks/sizing.py
    python benchmarks/sizing.py --device cuda --lanes 256 --workers 8

The networks have random weights of their published sizes; battles between such last longer than between trained ones,
so that their battles per second are computed from decisions, at 89 a battle (both players of recorded gen1ou battles).
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

import numpy as np
from measuring import RESULTS, machine, markdown_table, provenance, write_csv, write_page
from numpy.typing import NDArray

from pokenash.arena import Arena, Match, MatchResult
from pokenash.games.core import Decisions, EpisodeSetup
from pokenash.games.showdown import ShowdownGame
from pokenash.metamon.recording import TrajectoryRecorder
from pokenash.policies import Policy, PolicySpec, load_policy
from pokenash.policies.core import DecisionRandom

DECISIONS_PER_BATTLE = 89
HEURISTICS = ("max_power", "type_aware", "gen1ou_heuristic")
FAMILIES = ("minikazam", "small_agent", "synthetic_multitask")
TRAINED = {"minikazam": (8, 32), "small_agent": (8, 32)}
"""Sequences a step and decisions a sequence, on a CPU."""
WORK = ("random", *HEURISTICS, "network", *FAMILIES, "collect", *(f"train_{name}" for name in TRAINED))
CORES = (1, 10, 100, 1000)
EXAMPLES = {
    "1,000,000 battles collected": ("collect", 1_000_000),
    "round robin of 20 heuristics": ("gen1ou_heuristic", 190_000),
    "round robin of 20 networks (small agent)": ("small_agent", 190_000),
}
"""Whose rate, and how many battles; the round robins have 1,000 battles a pair."""
CONTEXT = 40
"""Earlier decisions that a network looks back at, where its cost depends on them."""
GPU_OPERATIONS = 312e12
GPU_SHARE = 0.1
"""Of the estimates for a GPU: what an A100 does at bfloat16 by its data sheet, and how much of it small steps reach."""
WARM_SECONDS = 4.0


class OverError(Exception):
    """The time is up."""


class Counted(Policy):
    """A policy that counts its decisions after a warm-up, and ends the play when the time is up.

    Parameters
    ----------
    policy : Policy
    seconds : float
    warm_battles : int
        That have to end before anything counts: all lanes begin at once, and short battles end first.
    """

    def __init__(self, policy: Policy, seconds: float, warm_battles: int) -> None:
        self.policy, self.needs_text = policy, policy.needs_text
        self.seconds, self.warm_battles = seconds, warm_battles
        self.begin = time.perf_counter() + WARM_SECONDS
        self.decisions = self.battles = self.lengths = 0
        self.first = self.last = 0.0

    def initial_memory(self, num_lanes: int) -> Any:
        """The policy's."""
        return self.policy.initial_memory(num_lanes)

    def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        """The policy's actions."""
        now = time.perf_counter()
        if self.first and now >= self.first + self.seconds:
            self.last = now
            raise OverError
        if now >= self.begin and self.warm_battles <= 0:
            # What is counted is answered between the first and the last look at the clock.
            self.first = self.first or now
            self.decisions += len(decisions)
        return self.policy.act(decisions, memory, rng)

    def on_result(self, result: MatchResult) -> None:
        """Count a battle."""
        self.warm_battles -= 1
        if self.first:
            self.battles += 1
            self.lengths += result.result.length


def endless(game: ShowdownGame, seed: int) -> Iterator[Match]:
    """Battles of a policy against itself."""
    rng = np.random.default_rng(seed)
    for episode in itertools.count():
        yield Match(EpisodeSetup(episode, int(rng.integers(2**63)), game.sample_options(rng)), (0, 0))


class Timed:
    """A network whose steps are timed."""

    def __init__(self, network: Any, device: str) -> None:
        self._network, self._device = network, device
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    def step(self, *inputs: Any, **settings: Any) -> Any:
        """The network's, up to its end on the device."""
        start = time.perf_counter()
        output = self._network.step(*inputs, **settings)
        if self._device != "cpu":
            output = output.cpu()
        self.seconds += time.perf_counter() - start
        return output


def policy_of(work: str, game: ShowdownGame, arguments: argparse.Namespace, folder: str) -> Policy:
    """Who plays."""
    if work == "random":
        return load_policy(PolicySpec("a", "uniform"), game)
    if work in HEURISTICS:
        return load_policy(PolicySpec("a", work), game)
    if work == "collect":
        player, when = load_policy(PolicySpec("a", "gen1ou_heuristic"), game), datetime(2026, 1, 1)
        return TrajectoryRecorder(player, game, folder, name="a", opponent="a", time=when, both_seats=True)
    if work == "network":
        from pokenash.policies.network import NetworkPolicy
        from pokenash.policies.networks import build_network

        return NetworkPolicy(build_network(game, seed=arguments.seed))
    from metamon_inference import network_of

    from pokenash.metamon.policy import MetamonPolicy
    from pokenash.metamon.registry import get_family
    from pokenash.metamon.tokenizer import Tokenizer

    config = get_family(work)
    words = Tokenizer({f"word{i}": i for i in range(config.vocabulary_size)}, "nonsense")
    network = network_of(config, arguments.seed)
    policy = MetamonPolicy(network, game, words, precision="bfloat16", device=arguments.device)
    policy.network = Timed(policy.network, arguments.device)  # type: ignore[assignment]
    return policy


def played(work: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Rates of self-play."""
    game = ShowdownGame(format="gen1ou")
    with tempfile.TemporaryDirectory() as folder:
        policy = policy_of(work, game, arguments, folder)
        with Arena(game, num_lanes=arguments.lanes, num_workers=arguments.workers) as arena:
            # The simulator's start is no part of it.
            arena.play([load_policy(PolicySpec("a", "uniform"), game)], itertools.islice(endless(game, 0), 2), seed=0)
            network = getattr(policy, "network", None)
            is_timed = isinstance(network, Timed)
            counted = Counted(policy, arguments.seconds, 0 if is_timed else 3 * arguments.lanes)
            with suppress(OverError):
                for result in arena.stream([counted], endless(game, arguments.seed), seed=arguments.seed):
                    if isinstance(policy, TrajectoryRecorder):
                        policy.on_result(result)
                    counted.on_result(result)
    if not counted.battles and not is_timed:
        raise RuntimeError(f"no battle of {work} ended in {arguments.seconds:g} s: give more --seconds")
    seconds = counted.last - counted.first
    rates = {"decisions_per_second": counted.decisions / seconds}
    has_random_weights = is_timed or work == "network"
    each = DECISIONS_PER_BATTLE if has_random_weights else counted.lengths / counted.battles
    rates |= {"decisions_per_battle": each, "battles_per_second": rates["decisions_per_second"] / each}
    if is_timed:
        # The warm-up is in both the network's seconds and those that they are divided by.
        rates["network_share"] = network.seconds / (seconds + counted.first - counted.begin + WARM_SECONDS)
    return rates


def trained(work: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Training steps of the whole loss, optimiser included."""
    from metamon_training import random_batch

    from pokenash.metamon.networks import MetamonNetwork
    from pokenash.metamon.registry import get_family
    from pokenash.metamon.training import FineTuneSettings, Learner

    family = work.removeprefix("train_")
    rows, length = TRAINED[family]
    precision = "float32" if arguments.device == "cpu" else "bfloat16"
    settings = FineTuneSettings.oracle(device=arguments.device, precision=precision)
    learner = Learner(MetamonNetwork.random(get_family(family), arguments.seed), settings, seed=arguments.seed)
    batch = random_batch(learner.network.config, rows, length, arguments.device)
    learner.learn([batch])
    steps, start = 0, time.perf_counter()
    while (seconds := time.perf_counter() - start) < arguments.seconds:
        learner.learn([batch])
        steps += 1
    return {"steps_per_second": steps / seconds, "decisions_per_second": steps * rows * length / seconds}


def one(work: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """One kind of work in this process."""
    if arguments.core is not None:
        os.sched_setaffinity(0, {arguments.core})
    if work.startswith("train_") or work in FAMILIES or work == "network":
        import torch

        torch.set_num_threads(1)
    return trained(work, arguments) if work.startswith("train_") else played(work, arguments)


def in_processes(work: str, cores: list[int | None]) -> list[dict[str, Any]]:
    """The same work in processes of their own, at once, each on its core."""
    command = [sys.executable, *sys.argv, "--one", work]
    places = [[] if core is None else ["--core", str(core)] for core in cores]
    running = [subprocess.Popen([*command, *place], stdout=subprocess.PIPE, text=True) for place in places]
    said = [process.communicate()[0] for process in running]
    if any(process.returncode for process in running):
        raise RuntimeError(f"measuring {work} failed")
    return [json.loads(text.splitlines()[-1]) for text in said]


def measured(work: str, device: str) -> dict[str, Any]:
    """A row: rates per core while every core does the same."""
    if device != "cpu":
        return {"work": work, **in_processes(work, [None])[0]}
    busy = in_processes(work, list(os.sched_getaffinity(0)))
    return {"work": work, **{name: float(np.mean([each[name] for each in busy])) for name in busy[0]}}


def driver_limit() -> float:
    """Matches per second that one driver takes in: the lowest that was measured."""
    with (RESULTS / "driver_limit.csv").open(encoding="utf-8") as file:
        return min(float(row["matches_per_second_at_most"]) for row in csv.DictReader(file))


def clusters(rows: list[dict[str, Any]], limit: float) -> list[dict[str, Any]]:
    """Battles per second of so many cores: computed, not measured."""
    table = []
    for row in rows:
        if rate := row.get("battles_per_second"):
            told = {f"{cores:,} cores" if cores > 1 else "1 core": _of_cluster(cores * rate, limit) for cores in CORES}
            table.append({"battles per second": row["work"], **told, "cores for a driver": round(limit / rate)})
    return table


def _of_cluster(rate: float, limit: float) -> str:
    return f"{rate:,.1f}" if rate < 10 else f"{rate:,.0f}" if rate <= limit else f"{limit:,.0f} (driver)"


def examples(rows: list[dict[str, Any]], limit: float) -> list[dict[str, Any]]:
    """How long schedules take on so many cores: computed, not measured."""
    rates = {row["work"]: row.get("battles_per_second", 0.0) for row in rows}
    return [
        {
            "cores": cores,
            **{
                what: _duration(battles / min(cores * rates[work], limit))
                for what, (work, battles) in EXAMPLES.items()
                if rates.get(work)
            },
        }
        for cores in CORES
    ]


def _duration(seconds: float) -> str:
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def gpu_estimates(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a GPU would do with the networks: arithmetic from their sizes, and what is left to the cores, measured."""
    from metamon_inference import operations

    from pokenash.metamon.registry import get_family

    table = []
    for row in rows:
        if "network_share" in row:
            needed = operations(get_family(row["work"]), CONTEXT)
            rate = GPU_SHARE * GPU_OPERATIONS / needed
            # Following the battle, simulating it, and putting it into words stay on a core.
            core = row["decisions_per_second"] / (1 - row["network_share"])
            table.append(
                {
                    "network": row["work"],
                    "GFLOP a decision": needed / 1e9,
                    "decisions/s of a GPU": round(rate),
                    "decisions/s of a core beside it": round(core),
                    "cores that keep it busy": round(rate / core),
                    "battles/s with 16 such cores": min(rate, 16 * core) / DECISIONS_PER_BATTLE,
                }
            )
    return table


def rounded(row: dict[str, Any]) -> dict[str, Any]:
    """Four digits are more than repeat."""
    return {name: float(f"{value:.4g}") if isinstance(value, float) else value for name, value in row.items()}


def main() -> None:
    """Measure, and write ``results/sizing.csv``, four pages beside it, or ``sizing_cuda.csv`` and ``.md``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", nargs="+", choices=WORK, default=list(WORK))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--lanes", type=int, default=32)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10.0, help="of every measurement, after a warm-up")
    parser.add_argument("--seed", type=int, default=20261201)
    parser.add_argument("--no-results", action="store_true", help="print, and leave benchmarks/results alone")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--core", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(one(arguments.one, arguments)))
        return
    rows = []
    for work in arguments.work:
        rows.append(rounded(measured(work, arguments.device)))
        print(rows[-1], flush=True)
    if arguments.no_results:
        return
    on_gpu = arguments.device != "cpu"
    name = "sizing_cuda" if on_gpu else "sizing"
    if on_gpu:
        import torch

        write_csv(name, [{**row, "machine": torch.cuda.get_device_name()} for row in rows])
    else:
        write_csv(name, [{**row, "machine": machine()} for row in rows])
        table = clusters(rows, driver_limit())
        write_page("sizing_clusters", markdown_table(table, list(table[0])))
        table = examples(rows, driver_limit())
        write_page("sizing_examples", markdown_table(table, list(table[0])))
        if table := gpu_estimates(rows):
            write_page("sizing_gpu", markdown_table(table, list(table[0])))
    columns = list(dict.fromkeys(column for row in rows for column in row))
    write_page(name, markdown_table(rows, columns), provenance(arguments.seed))


if __name__ == "__main__":
    main()
