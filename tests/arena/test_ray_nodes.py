"""Ray clusters of several nodes: a node goes in the middle of a schedule, and a driver is killed."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arena.ray_cluster import STORE, ray_module
from pokenash.arena import Arena, MatchResult, round_robin
from pokenash.arena.executors import RayArena
from pokenash.cli import main
from pokenash.games import load_game
from pokenash.policies import PolicySpec

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture
def cluster() -> Iterator[Any]:
    ray = ray_module()
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": STORE})
    try:
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


def test_a_node_that_goes_costs_its_unfinished_battles_and_they_are_played_elsewhere(cluster: Any) -> None:
    game = load_game({"game": "showdown", "format": "gen1ou"})
    population = [PolicySpec(kind, kind) for kind in ("uniform", "max_power")]
    matches = round_robin(game, 2, 240, seed=1)
    with Arena(game, num_lanes=16) as arena:
        expected = arena.play(population, matches, seed=2)
    ray_module().init(address=cluster.address, log_to_driver=False, logging_level=logging.ERROR)
    node = cluster.add_node(num_cpus=1, object_store_memory=STORE)
    told: list[MatchResult] = []
    with RayArena(game, num_workers=2, num_lanes=8, chunk_size=60) as arena:

        def on_result(result: MatchResult) -> None:
            told.append(result)
            if len(told) >= 60 and cluster.worker_nodes and len(arena.worker_processes()) == 2:
                cluster.remove_node(node, allow_graceful=False)

        results = arena.play(population, matches, seed=2, on_result=on_result)
        assert arena.num_lost_workers >= 1
    assert not cluster.worker_nodes
    assert results == expected
    assert len(told) == len(matches)


def test_a_command_that_is_killed_goes_on_where_its_log_ends(cluster: Any, tmp_path: Path) -> None:
    command = ["tournament", "uniform", "max_power", "type_aware", "--battles", "100", "--lanes", "4"]
    command += ["--turn-limit", "100", "--log-level", "error"]
    on_ray = [*command, "--executor", "ray", "--address", cluster.address, "--workers", "1", "--output", "ray"]
    log = tmp_path / "ray" / "matches" / "matches.jsonl"
    first = subprocess.Popen([sys.executable, "-m", "pokenash.cli", *on_ray], cwd=tmp_path)
    while not (log.exists() and log.read_bytes().count(b"\n")):
        assert first.poll() is None, "the command ended before anything was logged"
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.wait()
    there = log.read_bytes()
    assert 0 < there.count(b"\n") < 300
    subprocess.run([sys.executable, "-m", "pokenash.cli", *on_ray], cwd=tmp_path, check=True, timeout=300)
    assert main([*command, "--output", str(tmp_path / "local")]) == 0
    for name in ("matches/matches.jsonl", "tournament.json", "tournament.csv", "interaction_matrix.json"):
        assert (tmp_path / "ray" / name).read_bytes() == (tmp_path / "local" / name).read_bytes()
    assert log.read_bytes().startswith(there)
