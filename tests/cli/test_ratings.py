"""``pokenash ratings``: what it counts, and whom it takes for the same policy."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest
from tests.experiments.rock_paper_scissors import MOVES, always, play_run

from pokenash.algorithms.match_log import MatchLog
from pokenash.algorithms.ratings import elo
from pokenash.arena import Match, MatchResult
from pokenash.cli.ratings import run
from pokenash.cli.settings import read_settings_file
from pokenash.errors import InputError, RunDirectoryError
from pokenash.experiments.ratings_settings import RatingsSettings
from pokenash.experiments.tournament_run import run_tournament
from pokenash.games.aec import AECGame
from pokenash.games.core import EpisodeResult, EpisodeSetup


def _tournament(directory: Path, *actions: int, names: tuple[str, ...] = MOVES, seed: int = 0) -> Path:
    """A tournament of constant policies of rock-paper-scissors."""
    game = AECGame("pettingzoo.classic.rps_v2:env", max_cycles=1)
    policies = [always(action, names[index]) for index, action in enumerate(actions)]
    run_tournament(directory, game, policies, battles=10, seed=seed)
    return directory


def test_everybody_is_equal_in_a_cycle_and_the_one_who_won_last_leads_in_elo(tmp_path: Path) -> None:
    result = RatingsSettings((str(_tournament(tmp_path / "one", 0, 1, 2)),), every=10).run()
    assert {row["policy"] for row in result.rows()} == set(MOVES)
    assert [round(row["rating"]) for row in result.rows()] == [1500] * 3
    assert [point.battles for point in result.progression] == [10, 20, 30]
    # Paper beats rock first, so that it is ahead after the first ten battles.
    first = result.progression[0].ratings
    assert first["paper"] > 1500 > first["rock"]


@pytest.mark.parametrize("every", [1, 7, 30, 1000])
def test_the_progression_ends_where_elo_over_all_battles_does(tmp_path: Path, every: int) -> None:
    directory = _tournament(tmp_path / "one", 0, 1, 2)
    result = RatingsSettings((str(directory),), every=every, k=24.0).run()
    log = MatchLog(directory / "matches" / "matches.jsonl")
    assert result.progression[-1].ratings == pytest.approx(elo(log, k=24.0))


def test_a_log_a_run_and_a_tournament_are_rated_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    play_run(tmp_path / "psro", iterations=1)
    _tournament(tmp_path / "two", 0, 1)
    log = _tournament(tmp_path / "three", 1, 2, names=("paper", "scissors")) / "matches" / "matches.jsonl"
    sources = [str(tmp_path / "psro"), str(tmp_path / "two"), str(log)]
    run([*sources, "--output", str(tmp_path / "rated"), "--log-level", "error"])
    assert "Bradley-Terry" in capsys.readouterr().out
    rows = {row["policy"]: row for row in csv.DictReader((tmp_path / "rated" / "ratings.csv").open())}
    assert float(rows["scissors"]["rating"]) > float(rows["paper"]["rating"]) > float(rows["rock"]["rating"])
    # 20 battles of the run's tournament, and 10; its evaluations are of mixtures and do not count.
    assert int(rows["rock"]["battles"]) == 30
    settings = read_settings_file(tmp_path / "rated" / "settings.toml", RatingsSettings)
    assert settings["sources"] == tuple(sources)


def test_different_policies_of_one_name_are_told_apart(tmp_path: Path) -> None:
    first = _tournament(tmp_path / "first", 0, 1, names=("rock", "mine"))
    second = _tournament(tmp_path / "second", 0, 2, names=("rock", "mine"))
    result = RatingsSettings((str(first), str(second))).run()
    assert result.renamed == ("mine",)
    rows = {row["policy"]: row for row in result.rows()}
    assert set(rows) == {"rock", "first:mine", "second:mine"}
    # Paper beats rock, and scissors lose to it.
    assert rows["first:mine"]["rating"] > rows["rock"]["rating"] > rows["second:mine"]["rating"]


def test_one_vocabulary_is_the_same_from_wherever_its_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "words.json").write_text("{}")
    directories = [_tournament(tmp_path / name, 0, 1, names=("rock", "net")) for name in ("one", "deep/er")]
    for directory in directories:
        words = os.path.relpath(tmp_path / "words.json", directory)
        net = {"name": "net", "kind": "metamon", "parameters": {"vocabulary": words}, "checkpoint": "x", "sha256": "0"}
        path = directory / "population.json"
        population = json.loads(path.read_text())
        path.write_text(json.dumps({**population, "policies": [population["policies"][0], net]}))
    result = RatingsSettings(tuple(map(str, directories))).run()
    assert result.renamed == ()
    assert {row["policy"] for row in result.rows()} == {"rock", "net"}


def test_battles_are_not_counted_twice(tmp_path: Path) -> None:
    directory = _tournament(tmp_path / "one", 0, 1)
    with pytest.raises(InputError, match="given twice"):
        RatingsSettings((str(directory), str(directory / "matches" / "matches.jsonl"))).run()


def test_policies_that_never_met_cannot_be_rated_together(tmp_path: Path) -> None:
    first = _tournament(tmp_path / "first", 0, 1, names=("a", "b"))
    second = _tournament(tmp_path / "second", 0, 2, names=("c", "d"))
    with pytest.raises(InputError, match="join a to c, d"):
        RatingsSettings((str(first), str(second))).run()


def test_what_is_no_source_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither a match log"):
        RatingsSettings((str(tmp_path / "gone"),)).run()
    with pytest.raises(InputError, match="at least one"):
        RatingsSettings(()).run()
    with pytest.raises(
        RunDirectoryError, match=r"is empty; expected a match log \(\.jsonl\), or the directory of a run"
    ):
        RatingsSettings((str(tmp_path),)).run()
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    with pytest.raises(InputError, match="no battles"):
        RatingsSettings((str(empty),)).run()
    alone = MatchLog(tmp_path / "alone.jsonl")
    result = EpisodeResult(0, 7, {}, (1.0, -1.0), 2, "win")
    alone.append_block("a", [MatchResult(Match(EpisodeSetup(0, 7, {}), (0, 0)), result)], ["rock"])
    with pytest.raises(InputError, match=r"alone\.jsonl holds no battles between policies"):
        RatingsSettings((str(alone.path),)).run()


def test_ratings_are_not_written_into_a_run_whose_settings_would_be_lost(tmp_path: Path) -> None:
    directory = _tournament(tmp_path / "one", 0, 1)
    (directory / "settings.toml").write_text("seed = 3\n")
    with pytest.raises(InputError, match="is the directory of a run; name one for the ratings alone"):
        run([str(directory), "--output", str(directory), "--log-level", "error"])
    assert (directory / "settings.toml").read_text() == "seed = 3\n"
    assert not (directory / "ratings.json").exists()
