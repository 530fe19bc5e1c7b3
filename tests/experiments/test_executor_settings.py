"""The options by which commands say where their matches are played."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.experiments.self_play_runs import start

from pokenash.algorithms import PSRO
from pokenash.algorithms.oracles.exact_oracle import ExactOracle
from pokenash.arena import Arena, MatchResult
from pokenash.arena.executors import RayArena
from pokenash.cli import main
from pokenash.errors import InputError
from pokenash.experiments import run_psro
from pokenash.experiments.evaluation import StoppingRule, evaluate
from pokenash.experiments.evaluation_settings import EvaluationSettings
from pokenash.experiments.executor_settings import open_arena
from pokenash.experiments.psro_settings import PSROSettings
from pokenash.experiments.tournament_run import run_tournament
from pokenash.experiments.tournament_settings import TournamentSettings
from pokenash.games import load_game
from pokenash.policies import PolicySpec, save_population

LEDUC = load_game({"game": "openspiel", "name": "leduc_poker", "parameters": {}})
KUHN = load_game({"game": "openspiel", "name": "kuhn_poker", "parameters": {}})
TWO = [PolicySpec("a", "uniform"), PolicySpec("b", "uniform")]


def test_settings_open_the_executor_that_they_name() -> None:
    with open_arena(TournamentSettings(("a", "b"), workers=3, lanes=7), LEDUC) as arena:
        assert isinstance(arena, Arena)
        assert (arena.num_workers, arena.num_lanes) == (3, 7)
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'pokenash[ray]'")
    with open_arena(EvaluationSettings("a", executor="ray", workers=9, lanes=7), LEDUC) as arena:
        assert isinstance(arena, RayArena)
        assert (arena.num_workers, arena.num_lanes) == (9, 7)


@pytest.mark.parametrize("options", [{"address": "auto"}, {"worker_gpus": 0.5}])
def test_options_of_a_cluster_are_refused_without_one(options: dict[str, object]) -> None:
    with pytest.raises(InputError, match="--address and --worker-gpus are of a cluster: give --executor ray"):
        open_arena(PSROSettings(**options), LEDUC)  # type: ignore[arg-type]


def test_gpus_out_of_range_are_refused() -> None:
    with pytest.raises(InputError, match="--worker-gpus: expected a number >= 0, got -1"):
        open_arena(PSROSettings(executor="ray", worker_gpus=-1.0), LEDUC)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[PolicySpec]:
    """The policies that a local arena was asked to let play."""
    seen: list[PolicySpec] = []
    play, stream = Arena.play, Arena.stream

    def played(self: Arena, policies: Any, *arguments: Any, **options: Any) -> Any:
        seen.extend(policies)
        return play(self, policies, *arguments, **options)

    def streamed(self: Arena, policies: Any, *arguments: Any, **options: Any) -> Any:
        seen.extend(policies)
        return stream(self, policies, *arguments, **options)

    monkeypatch.setattr(Arena, "play", played)
    monkeypatch.setattr(Arena, "stream", streamed)
    return seen


@pytest.mark.parametrize(
    "command", [("tournament", "NET", "uniform"), ("evaluate", "NET", "--opponents", "uniform"), ("collect", "NET")]
)
def test_networks_play_on_the_device_that_a_command_names_and_its_files_say_nothing_of_it(
    command: tuple[str, ...], tmp_path: Path, asked: list[PolicySpec]
) -> None:
    save_population([start(tmp_path)], tmp_path / "net.json")
    words = [str(tmp_path / "net.json") if word == "NET" else word for word in command]
    output = tmp_path / "run"
    small = ("--battles", "2", "--turn-limit", "3", "--workers", "1", "--lanes", "2", "--log-level", "error")
    assert main([*words, "--output", str(output), *small, "--device", "cpu"]) == 0
    assert {(one.kind, one.parameters.get("device")) for one in asked} >= {("metamon", "cpu")}
    assert {one.parameters.get("device") for one in asked if one.kind != "metamon"} <= {None}
    assert all('"device"' not in path.read_text() for path in output.glob("*.json"))
    # What is there does not depend on it.
    assert main([*words, "--output", str(output), *small]) == 0


@pytest.mark.parametrize(
    ("settings", "device", "words"),
    [
        (TournamentSettings(("a", "b")), "cude", "device 'cude' cannot be used"),
        (TournamentSettings(("a", "b"), executor="ray"), "cuda:0", "--device cuda:0: .* give --worker-gpus besides"),
    ],
)
def test_a_device_that_cannot_be_is_refused(settings: TournamentSettings, device: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        open_arena(settings, LEDUC, device=device)


@pytest.mark.parametrize(
    "command",
    [("tournament", "uniform", "max_power"), ("evaluate", "uniform", "--opponents", "max_power"), ("psro",)],
)
def test_without_ray_a_command_says_what_to_install_and_writes_nothing(
    command: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    output = tmp_path / "run"
    assert main([*command, "--output", str(output), "--executor", "ray"]) != 0
    assert "pip install 'pokenash[ray]'" in capsys.readouterr().err
    assert not output.exists()


def test_training_has_no_more_simulators_than_this_machine_has_cores() -> None:
    assert PSROSettings(executor="ray", workers=1000).training().num_workers == os.cpu_count()
    assert PSROSettings(workers=3).training().num_workers == 3


class Counting(Arena):
    """Says how much it has played."""

    played = 0

    def play(self, *arguments: Any, **options: Any) -> list[MatchResult]:
        results = super().play(*arguments, **options)
        self.played += len(results)
        return results


def test_the_arena_that_is_given_plays_everything(tmp_path: Path) -> None:
    with Counting(LEDUC) as arena:
        run_tournament(tmp_path / "tournament", LEDUC, TWO, battles=10, arena=arena)
        assert arena.played == 10
        evaluate(tmp_path / "evaluation", LEDUC, TWO[0], TWO[1:], rule=StoppingRule(battles=10), arena=arena)
        assert arena.played == 20
        run_psro(tmp_path / "psro", LEDUC, TWO, ExactOracle(), iterations=0, battles_per_matchup=10, arena=arena)
        assert arena.played == 30


def test_an_arena_of_another_game_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    message = r"the arena plays another game .* than the one that is asked for"
    with Arena(KUHN) as arena:
        with pytest.raises(InputError, match=message):
            run_tournament(tmp_path / "run", LEDUC, TWO, arena=arena)
        with pytest.raises(InputError, match=message):
            evaluate(tmp_path / "run", LEDUC, TWO[0], TWO[1:], arena=arena)
        with pytest.raises(InputError, match=message):
            PSRO(LEDUC, TWO, oracle=None, arena=arena)  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()
