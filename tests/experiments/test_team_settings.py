"""Which teams a run and an evaluation play, as their settings say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pokenash.errors import InputError, TeamError
from pokenash.experiments.evaluation_settings import EvaluationSettings
from pokenash.experiments.psro_settings import PSROSettings
from pokenash.games.showdown import ShowdownGame
from pokenash.games.showdown.team_set import TeamSet
from pokenash.games.showdown.teams import default_teams
from pokenash.policies.populations import population_json
from pokenash.policies.spec import PolicySpec


@pytest.fixture(scope="module")
def shipped() -> TeamSet:
    teams = default_teams("gen1ou")
    assert teams is not None
    return teams


def run_of(game: ShowdownGame, directory: Path) -> str:
    """What of a run's directory says what was played."""
    population = [PolicySpec("red", "max_power"), PolicySpec("blue", "uniform")]
    folder = directory / "iteration_0"
    folder.mkdir(parents=True)
    strategy: dict[str, Any] = {"schema": 1, "policies": ["red", "blue"], "probabilities": [0.5, 0.5]}
    config = {"schema": 1, "kind": "psro", "seed": 1, "game": game.config()}
    (directory / "config.json").write_text(json.dumps(config))
    (folder / "meta_strategy.json").write_text(json.dumps(strategy))
    (folder / "population.json").write_text(json.dumps({"schema": 1, **population_json(population, directory)}))
    return str(directory)


def test_a_run_plays_the_part_that_it_is_told_to(shipped: TeamSet) -> None:
    assert PSROSettings().game().teams == shipped
    assert PSROSettings(team_split="train").game().teams == shipped.split("train")
    mixed = PSROSettings(teams="gen1ou=1,gen1ou=3", team_split="held-out").game().teams
    assert mixed is not None
    assert set(mixed) == set(shipped.split("held-out"))
    with pytest.raises(TeamError, match="is no team set"):
        PSROSettings(teams="no such set").game()


def test_an_evaluation_plays_the_other_part_than_the_run(shipped: TeamSet, tmp_path: Path) -> None:
    whole = run_of(ShowdownGame(turn_limit=50), tmp_path / "whole")
    train = run_of(ShowdownGame(team_split="train"), tmp_path / "train")
    game = EvaluationSettings(whole, team_split="held-out").game()
    assert (game.teams, game.turn_limit) == (shipped.split("held-out"), 50)
    assert EvaluationSettings(train).game().teams == shipped.split("train")
    assert EvaluationSettings(train, teams="gen1ou", team_split="held-out").game().teams == shipped.split("held-out")
    assert EvaluationSettings("uniform", team_split="held-out").game().teams == shipped.split("held-out")
    with pytest.raises(InputError, match="name the whole set with --teams"):
        EvaluationSettings(train, team_split="held-out").game()


def test_another_turn_limit_leaves_each_player_its_own_teams(shipped: TeamSet, tmp_path: Path) -> None:
    game = ShowdownGame(teams=shipped[:3].with_weights([1, 2, 3]), second_teams=shipped[5:7])
    run = run_of(game, tmp_path / "run")
    changed = EvaluationSettings(run, turn_limit=20).game()
    assert changed.turn_limit == 20
    assert {**changed.config(), "turn_limit": None} == game.config()
