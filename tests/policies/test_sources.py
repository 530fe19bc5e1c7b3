"""Policies as people name them on a command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.experiments.rock_paper_scissors import play_run

from pokenash.errors import InputError, RunDirectoryError
from pokenash.games.aec import AECGame
from pokenash.policies import PolicySpec, policy_specs, read_run, save_population


def test_kinds_and_their_names_are_specs() -> None:
    specs = policy_specs(["type_aware", "poke_env:SimpleHeuristicsPlayer", "metamon:synthetic-rl-v2"])
    assert specs == [
        PolicySpec("type_aware", "type_aware"),
        PolicySpec("SimpleHeuristicsPlayer", "poke_env", {"player": "SimpleHeuristicsPlayer"}),
        PolicySpec("SyntheticRLV2", "metamon", {"pretrained": "SyntheticRLV2"}),
    ]


def test_population_file_gives_all_its_members(tmp_path: Path) -> None:
    members = [PolicySpec("a", "uniform"), PolicySpec("b", "max_power")]
    save_population(members, tmp_path / "population.json")
    assert policy_specs([str(tmp_path / "population.json")]) == members


def test_run_gives_the_mixture_of_its_last_iteration(tmp_path: Path) -> None:
    play_run(tmp_path / "my run", iterations=2)
    found = read_run(tmp_path / "my run")
    assert found.iteration == 2
    assert isinstance(found.game, AECGame)
    assert [spec.name for spec in found.population] == ["rock", "br_0", "br_1"]
    assert found.mixture.name == "my-run"
    strategy = json.loads((tmp_path / "my run" / "iteration_2" / "meta_strategy.json").read_text())
    kept = [p for p in strategy["probabilities"] if p > 0]
    assert found.mixture.parameters["probabilities"] == pytest.approx(kept)
    assert policy_specs([str(tmp_path / "my run")]) == [found.mixture]


@pytest.mark.parametrize("word", ["", "nobody", "network", "type_aware:x", "metamon", "poke_env:"])
def test_words_that_name_nothing_are_refused(word: str) -> None:
    with pytest.raises(InputError, match="is unknown"):
        policy_specs([word], "opponents")


def test_unfinished_and_damaged_runs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match="is empty, which has no mixture"):
        read_run(tmp_path)
    play_run(tmp_path / "run", iterations=1)
    strategy = tmp_path / "run" / "iteration_1" / "meta_strategy.json"
    for text in ("{", "[" * 100_000):
        strategy.write_text(text)
        with pytest.raises(RunDirectoryError, match="damaged"):
            read_run(tmp_path / "run")
    for file in (tmp_path / "run").glob("iteration_*/meta_strategy.json"):
        file.unlink()
    with pytest.raises(RunDirectoryError, match="no meta-strategy yet"):
        read_run(tmp_path / "run")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text('{"schema": 1, "kind": "exploit", "game": {}, "seed": 1}')
    with pytest.raises(
        RunDirectoryError, match="is the directory of a search for best responses, which has no mixture"
    ):
        read_run(tmp_path / "other")
