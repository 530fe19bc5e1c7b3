"""A Ray cluster that loses a whole node in the middle of a schedule."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest

from arena.ray_cluster import STORE, ray_module
from pokenash.arena import Arena, MatchResult, round_robin
from pokenash.arena.executors import RayArena
from pokenash.games import load_game
from pokenash.policies import PolicySpec


@pytest.fixture
def cluster() -> Iterator[Any]:
    ray = ray_module()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": STORE})
    try:
        ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.ERROR)
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


@pytest.mark.timeout(280)
def test_a_node_that_goes_costs_its_unfinished_battles_and_they_are_played_elsewhere(cluster: Any) -> None:
    game = load_game({"game": "showdown", "format": "gen1ou"})
    population = [PolicySpec(kind, kind) for kind in ("uniform", "max_power")]
    matches = round_robin(game, 2, 240, seed=1)
    with Arena(game, num_lanes=16) as arena:
        expected = arena.play(population, matches, seed=2)
    node = cluster.add_node(num_cpus=1, object_store_memory=STORE)
    told: list[MatchResult] = []
    with RayArena(game, num_workers=2, num_lanes=8, chunk_size=60) as arena:

        def on_result(result: MatchResult) -> None:
            told.append(result)
            if len(told) >= 60 and cluster.worker_nodes and len(arena.worker_pids()) == 2:
                cluster.remove_node(node, allow_graceful=False)

        results = arena.play(population, matches, seed=2, on_result=on_result)
        assert arena.num_lost_workers >= 1
    assert not cluster.worker_nodes
    assert results == expected
    assert len(told) == len(matches)
