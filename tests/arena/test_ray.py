"""A real Ray cluster on this machine plays what the local arena plays, also when its workers are killed."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from arena.ray_cluster import local_cluster
from pokenash.algorithms.match_log import MatchLog
from pokenash.algorithms.tournament import play_tournament
from pokenash.arena import Arena, Match, MatchResult, round_robin
from pokenash.arena.executors import RayArena, make_executor
from pokenash.errors import ClusterError, InputError
from pokenash.games import load_game
from pokenash.games.core import EpisodeSetup
from pokenash.policies import PolicySpec, Uniform, mixture_spec

LEDUC = load_game({"game": "openspiel", "name": "leduc_poker", "parameters": {}})
UNIFORM = PolicySpec("u", "uniform")
MIXED = mixture_spec("m", [PolicySpec("a", "uniform"), PolicySpec("b", "uniform")], [0.3, 0.7])


@pytest.fixture(scope="module", autouse=True)
def ray() -> Iterator[Any]:
    with local_cluster() as ray:
        yield ray


def pids(arena: RayArena) -> list[int]:
    return [process.pid for process in arena.worker_processes()]


def children(parent: int) -> list[str]:
    """Numbers of the processes that a process has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name before the state may hold anything, but no further bracket follows it.
            if int(path.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(path.parent.name)
    return found


def wait_until_gone(processes: list[str]) -> None:
    end = time.monotonic() + 20
    while [number for number in processes if Path("/proc", number).exists()]:
        assert time.monotonic() < end, f"of {processes}, some are still there"
        time.sleep(0.1)


def gen1ou_schedule() -> tuple[Any, list[PolicySpec], list[Match]]:
    game = load_game({"game": "showdown", "format": "gen1ou"})
    specs = [PolicySpec(kind, kind) for kind in ("uniform", "max_power", "type_aware")]
    population = [*specs, mixture_spec("mixed", specs, [0.2, 0.3, 0.5])]
    return game, population, round_robin(game, len(population), 12, seed=1)


@pytest.mark.timeout(280)
def test_heuristics_on_ray_equal_the_local_arena_bit_for_bit_though_workers_are_killed() -> None:
    game, population, matches = gen1ou_schedule()
    with Arena(game, num_lanes=16) as arena:
        expected = arena.play(population, matches, seed=2)
    told: list[MatchResult] = []
    killed: list[int] = []
    simulators: list[str] = []
    with RayArena(game, num_workers=2, num_lanes=8, chunk_size=30) as arena:

        def on_result(result: MatchResult) -> None:
            assert threading.current_thread() is threading.main_thread()
            told.append(result)
            # In the middle of a chunk.
            if len(told) == 10:
                killed.append(pids(arena)[0])
                simulators.extend(children(killed[-1]))
                os.kill(killed[-1], signal.SIGKILL)

        results = arena.play(population, matches, seed=2, on_result=on_result)
        assert arena.num_lost_workers == len(killed) == 1
        assert not set(killed) & set(pids(arena))
        assert arena.battles_per_second > 0
    # What it had started went with it.
    assert simulators
    wait_until_gone(simulators)
    assert results == expected
    # Every battle was told once, also of those that lost their worker.
    assert sorted(told, key=lambda r: r.result.episode) == expected


def test_a_tournament_writes_the_same_log_on_either_executor(tmp_path: Path) -> None:
    logs = []
    for name in ("local", "ray"):
        with make_executor(name, LEDUC, num_lanes=8, num_workers=2) as executor:
            log = MatchLog(tmp_path / name)
            play_tournament(executor, log, [UNIFORM, MIXED, PolicySpec("v", "uniform")], battles=80, seed=3)
        logs.append((tmp_path / name).read_bytes())
    assert logs[0] == logs[1]
    assert logs[0].count(b"\n") == 240


def test_workers_are_kept_between_plays_and_results_depend_on_the_seed() -> None:
    matches = round_robin(LEDUC, 2, 50, seed=0)
    with RayArena(LEDUC, num_workers=1, num_lanes=8) as arena:
        first = arena.play([UNIFORM, MIXED], matches, seed=1)
        before = arena.worker_processes()
        assert arena.play([UNIFORM, MIXED], matches, seed=1) == first
        assert arena.play([UNIFORM, MIXED], matches, seed=2) != first
        assert arena.play([UNIFORM, MIXED], [], seed=2) == []
        assert arena.worker_processes() == before


def test_an_error_of_a_policy_is_raised_here_and_the_arena_plays_on() -> None:
    matches = round_robin(LEDUC, 2, 10, seed=0)
    with RayArena(LEDUC, num_workers=1, num_lanes=4) as arena:
        with pytest.raises(InputError, match="unknown policy kind 'nobody'"):
            arena.play([UNIFORM, PolicySpec("x", "nobody")], matches, seed=1)
        with pytest.raises(InputError, match="policy index 7, expected one of 0 to 0"):
            arena.play([UNIFORM], [Match(EpisodeSetup(0, 0), (0, 7))], seed=1)
        with pytest.raises(InputError, match="policy 1 is a live Uniform"):
            arena.play([UNIFORM, Uniform()], matches, seed=1)
        assert len(arena.play([UNIFORM, UNIFORM], matches, seed=1)) == 10
        assert arena.num_lost_workers == 0


def test_a_worker_that_is_killed_again_and_again_ends_the_play_without_inventing_results() -> None:
    told: list[MatchResult] = []
    matches = round_robin(LEDUC, 2, 4000, seed=0)
    with RayArena(LEDUC, num_workers=1, num_lanes=8, chunk_size=len(matches), max_losses=0) as arena:

        def on_result(result: MatchResult) -> None:
            told.append(result)
            if len(told) == 1:
                os.kill(pids(arena)[0], signal.SIGKILL)

        with pytest.raises(ClusterError, match=r"matches lost their worker 1 times, episode \d+ among them"):
            arena.play([UNIFORM, MIXED], matches, seed=2, on_result=on_result)
    assert len(told) < len(matches)
    assert all(result.counted for result in told)


def test_a_cluster_without_room_says_what_was_wanted_and_what_is_free() -> None:
    matches = round_robin(LEDUC, 2, 10, seed=0)
    options = {"num_cpus": 64}
    with (
        RayArena(LEDUC, worker_options=options, start_seconds=1) as arena,
        pytest.raises(ClusterError, match=r"none of 1 workers came up within 1 s; each wants .'num_cpus': 64.*CPU"),
    ):
        arena.play([UNIFORM, MIXED], matches, seed=1)


def test_a_worker_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import pokenash.arena.executors.ray_crew as module

    monkeypatch.setattr(module, "__version__", "0.0.1")
    with (
        RayArena(LEDUC, num_workers=1, num_lanes=2) as arena,
        pytest.raises(ClusterError, match=r"the worker on \S+ has pokenash \S+, and this process has 0.0.1; install"),
    ):
        arena.play([UNIFORM, UNIFORM], round_robin(LEDUC, 2, 4, seed=0), seed=1)


def test_workers_that_do_not_start_end_the_play_and_the_message_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    import pokenash.arena.executors.ray_worker as module

    class Broken:
        """As where a package is missing on a node."""

        def __init__(self, *arguments: object, **options: object) -> None:
            raise ModuleNotFoundError("No module named 'pokenash'")

        def about(self) -> None:
            """Is never reached."""

    monkeypatch.setattr(module, "ChunkWorker", Broken)
    with (
        RayArena(LEDUC, num_workers=1, num_lanes=2, max_losses=0) as arena,
        pytest.raises(ClusterError, match=r"2 workers one after the other did not start.*No module named 'pokenash'"),
    ):
        arena.play([UNIFORM, UNIFORM], round_robin(LEDUC, 2, 4, seed=0), seed=1)


def test_a_cluster_that_is_not_there_is_one_clear_error(ray: Any) -> None:
    # The last of the module: it leaves the cluster.
    ray.shutdown()
    with (
        RayArena(LEDUC, address="127.0.0.1:1") as arena,
        pytest.raises(ClusterError, match=r"cannot connect to a Ray cluster at 127.0.0.1:1: .*`ray start --head`"),
    ):
        arena.play([UNIFORM, UNIFORM], round_robin(LEDUC, 2, 4, seed=0), seed=1)


@pytest.mark.parametrize("address", ["ray://head:10001", "head", "head:123456", ""])
def test_addresses_that_no_cluster_has_are_refused_at_once(address: str) -> None:
    with pytest.raises(InputError, match="the address of a Ray cluster is auto, local or HOST:PORT"):
        RayArena(LEDUC, address=address)
