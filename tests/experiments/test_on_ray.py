"""Tournaments, evaluations and PSRO whose matches a Ray cluster plays: the files of runs that were played here."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.arena.ray_cluster import local_cluster
from tests.experiments.rock_paper_scissors import ExactOracle, always

from pokenash.arena import MatchResult, round_robin
from pokenash.arena.executors import RayArena
from pokenash.cli import main
from pokenash.errors import InputError
from pokenash.experiments import StoppingRule, evaluate, read_json, run_psro
from pokenash.games import load_game
from pokenash.games.aec import AECGame
from pokenash.policies import PolicySpec
from pokenash.policies.tabular import TabularPolicy, save_tabular_policy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

LEDUC = load_game({"game": "openspiel", "name": "leduc_poker", "parameters": {}})


@pytest.fixture(scope="module", autouse=True)
def ray() -> Iterator[Any]:
    with local_cluster() as ray:
        yield ray


def contents(directory: Path) -> dict[str, bytes]:
    """Every file but those that tell times, options and the machine."""
    told = ("log.jsonl", "iteration_summary.json", "psro_summary.json", "settings.toml", "config.json")
    files = (path for path in sorted(directory.rglob("*")) if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in files if not path.name.endswith(told)}


def test_a_tournament_of_the_command_line_has_the_same_files_on_a_cluster(tmp_path: Path) -> None:
    small = ("--battles", "12", "--turn-limit", "60", "--lanes", "6", "--log-level", "error")
    for executor in ("local", "ray"):
        where = ("--executor", executor, "--output", str(tmp_path / executor))
        assert main(["tournament", "uniform", "max_power", *small, *where]) == 0
    local = contents(tmp_path / "local")
    assert contents(tmp_path / "ray") == local
    assert len(local["matches/matches.jsonl"].splitlines()) == 12
    assert 'executor = "ray"' in (tmp_path / "ray" / "settings.toml").read_text()
    # Where it was played is no setting of the results: the other executor goes on with it.
    where = ("--executor", "ray", "--output", str(tmp_path / "local"))
    assert main(["tournament", "uniform", "max_power", *small, *where]) == 0
    assert contents(tmp_path / "local") == local


class KillsOnce(RayArena):
    """A cluster that loses a worker after so many results."""

    def __init__(self, *arguments: Any, after: int, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.killed: list[int] = []
        self.after = after
        self.told = 0

    def play(self, *arguments: Any, on_result: Any = None, **options: Any) -> list[MatchResult]:
        def told(result: MatchResult) -> None:
            on_result(result)
            self.told += 1
            if self.told >= self.after and not self.killed:
                self.killed = [process.pid for process in self.worker_processes()]
                for pid in self.killed:
                    os.kill(pid, signal.SIGKILL)

        return super().play(*arguments, on_result=told, **options)


def test_an_evaluation_that_loses_its_workers_logs_every_battle_once_and_the_same(tmp_path: Path) -> None:
    policy, *opponents = (PolicySpec(name, "uniform") for name in ("measured", "a", "b"))
    rule = StoppingRule(battles=300, minimum=100, width=0.01)
    evaluate(tmp_path / "local", LEDUC, policy, opponents, rule=rule, seed=4)
    with KillsOnce(LEDUC, num_workers=2, num_lanes=4, chunk_size=30, after=100) as arena:
        evaluate(tmp_path / "ray", LEDUC, policy, opponents, rule=rule, seed=4, arena=arena)
        assert arena.killed
        assert arena.num_lost_workers >= 1
    local = contents(tmp_path / "local")
    assert contents(tmp_path / "ray") == local
    assert len(local["matches/matches.jsonl"].splitlines()) == 600


def test_psro_on_a_cluster_leaves_the_files_of_psro_here_which_may_be_begun_there(tmp_path: Path) -> None:
    game = AECGame("pettingzoo.classic.rps_v2:env", max_cycles=1)
    settings: dict[str, Any] = {"battles_per_matchup": 10, "evaluation_battles": 20, "seed": 3}

    def play(name: str, **options: Any) -> dict[str, bytes]:
        run_psro(tmp_path / name, game, [always(0)], ExactOracle(), **settings, **options)
        assert read_json(tmp_path / name / "psro_summary.json")["status"] == "finished"
        return contents(tmp_path / name)

    whole = play("local", iterations=2)
    with RayArena(game, num_workers=1, num_lanes=8) as arena:
        begun = play("ray", iterations=1, arena=arena)
        # Its workers were let go, for the training and at the end.
        assert arena.worker_processes() == []
    assert begun["matches/matches.jsonl"]
    assert whole["matches/matches.jsonl"].startswith(begun["matches/matches.jsonl"])
    assert play("ray", iterations=2) == whole


def test_a_checkpoint_that_is_another_on_a_node_is_told_as_it_is_here(tmp_path: Path) -> None:
    checkpoint = tmp_path / "weights.safetensors"
    checkpoint.write_bytes(b"other")
    spec = PolicySpec("mine", "tabular", {}, str(checkpoint), "0" * 64)
    message = r"policy 'mine': checkpoint .*weights.safetensors has SHA-256 .* expected 000"
    matches = round_robin(LEDUC, 2, 4, seed=1)
    with RayArena(LEDUC, num_workers=1, num_lanes=2) as arena, pytest.raises(InputError, match=message) as told:
        arena.play([spec, PolicySpec("uniform", "uniform")], matches, seed=1)
    assert told.value.__notes__[0].startswith("in a worker")
    assert arena.num_lost_workers == 0


def test_relative_paths_mean_on_a_worker_what_they_mean_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Ray was started elsewhere.
    monkeypatch.chdir(tmp_path)
    row = np.zeros((1, 30), np.float32), np.ones((1, 3), np.bool_), np.full((1, 3), 1 / 3)
    table = TabularPolicy(np.zeros(1, np.int64), *row, complete=False)
    spec = save_tabular_policy("table", table, Path("table.safetensors"))
    assert spec.checkpoint == "table.safetensors"
    matches = round_robin(LEDUC, 2, 4, seed=1)
    with RayArena(LEDUC, num_workers=1, num_lanes=2) as arena:
        assert len(arena.play([spec, PolicySpec("uniform", "uniform")], matches, seed=1)) == 4


def test_pokenash_psro_plays_on_a_cluster_and_trains_here(tmp_path: Path) -> None:
    small = [
        "--population", "uniform", "max_power", "--iterations", "1", "--battles-per-matchup", "20",
        "--evaluation-battles", "20", "--updates", "2", "--battles-per-update", "32", "--collection-battles", "20",
        "--imitation-epochs", "1", "--lanes", "8", "--turn-limit", "60", "--log-level", "error",
    ]  # fmt: skip
    for executor, workers in (("local", "1"), ("ray", "2")):
        where = ["--executor", executor, "--workers", workers, "--output", str(tmp_path / executor)]
        assert main(["psro", *small, *where]) == 0
    local, ray = ((tmp_path / name / "matches" / "matches.jsonl").read_bytes() for name in ("local", "ray"))
    # The tournament of those who were there is the same; a network that was trained twice need not be, to the last bit.
    assert ray[:2000] == local[:2000]
    assert read_json(tmp_path / "ray" / "psro_summary.json")["status"] == "finished"
