"""``pokenash tournament``: what it plays, what it keeps, and how it goes on."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from tests.experiments.rock_paper_scissors import always

from pokenash.algorithms.match_log import MatchLog
from pokenash.cli.settings import read_settings_file
from pokenash.cli.tournament import run
from pokenash.errors import InputError, RunDirectoryError
from pokenash.experiments.reports import write_any_report
from pokenash.experiments.tournament_run import run_tournament
from pokenash.experiments.tournament_settings import TournamentSettings
from pokenash.games.aec import AECGame
from pokenash.policies.tabular import TabularPolicy, save_tabular_policy

_POLICIES = ("uniform", "max_power")
_SMALL = ("--battles", "12", "--turn-limit", "60", "--workers", "1", "--lanes", "12", "--log-level", "error")


def _play(directory: Path, *arguments: str, policies: tuple[str, ...] = _POLICIES) -> None:
    run([*policies, "--output", str(directory), *_SMALL, *arguments])


def _log(directory: Path) -> bytes:
    return (directory / "matches" / "matches.jsonl").read_bytes()


def test_a_tournament_tells_and_keeps_its_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _play(tmp_path / "one")
    out = capsys.readouterr().out
    assert "restricted nash_conv" in out
    assert "Wilson's interval, over single battles" in out
    rows = list(csv.DictReader((tmp_path / "one" / "tournament.csv").open()))
    assert [(row["policy"], row["opponent"]) for row in rows] == [("uniform", "max_power"), ("max_power", "uniform")]
    matches = [match for match in MatchLog(tmp_path / "one" / "matches" / "matches.jsonl") if match.counted]
    won = sum(match.returns[match.policies.index("max_power")] > 0 for match in matches)
    assert int(rows[1]["wins"]) == int(rows[0]["losses"]) == won
    assert int(rows[0]["battles"]) == len(matches) == 12
    ratings = json.loads((tmp_path / "one" / "tournament.json").read_text())["ratings"]["ratings"]
    assert (ratings["max_power"]["rating"] > ratings["uniform"]["rating"]) == (won > 6)


def test_a_checkpoint_may_be_moved_before_a_tournament_is_extended(tmp_path: Path) -> None:
    game = AECGame("pettingzoo.classic.rps_v2:env", max_cycles=1)
    player, none = np.arange(2, dtype=np.int64), np.full((2, 1), 3, np.float32)
    table = TabularPolicy(player, none, np.ones((2, 3), bool), np.eye(3)[[1, 1]], complete=False)
    before = save_tabular_policy("paper", table, tmp_path / "before" / "paper.safetensors")
    run_tournament(tmp_path / "run", game, [always(0), before], battles=10)
    (tmp_path / "before").rename(tmp_path / "after")
    after = replace(before, checkpoint=str(tmp_path / "after" / "paper.safetensors"))
    assert run_tournament(tmp_path / "run", game, [always(0), after], battles=12).game.battles[0, 1] == 12
    scissors = TabularPolicy(player, none, np.ones((2, 3), bool), np.eye(3)[[2, 2]], complete=False)
    other = save_tabular_policy("paper", scissors, tmp_path / "other.safetensors")
    with pytest.raises(RunDirectoryError, match="is a tournament of"):
        run_tournament(tmp_path / "run", game, [always(0), other], battles=12)


def test_more_battles_and_policies_extend_it_and_results_do_not_depend_on_the_order_of_work(tmp_path: Path) -> None:
    _play(tmp_path / "grown")
    first = _log(tmp_path / "grown")
    _play(tmp_path / "grown")
    assert _log(tmp_path / "grown") == first
    _play(tmp_path / "grown", "--lanes", "3", policies=(*_POLICIES, "type_aware"))
    assert _log(tmp_path / "grown").startswith(first)
    _play(tmp_path / "whole", policies=(*_POLICIES, "type_aware"))
    names = ("interaction_matrix.json", "tournament.json", "tournament.csv")
    for name in names:
        assert (tmp_path / "grown" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.parametrize("change", ["battles", "policies", "sampling"])
def test_the_page_of_one_that_is_being_extended_says_so(tmp_path: Path, change: str) -> None:
    game = AECGame("pettingzoo.classic.rps_v2:env", max_cycles=1)
    run_tournament(tmp_path, game, [always(0), always(1)], battles=10)
    assert "warning" not in write_any_report(tmp_path).read_text().partition("<body>")[2]
    policies = [always(number) for number in range(3 if change == "policies" else 2)]
    battles = 20 if change == "battles" else 10
    sampling: Literal["uniform", "adaptive"] = "adaptive" if change == "sampling" else "uniform"

    def kill(_: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_tournament(tmp_path, game, policies, battles=battles, sampling=sampling, on_begin=kill)
    assert "was extended and has not finished" in write_any_report(tmp_path).read_text()
    run_tournament(tmp_path, game, policies, battles=battles, sampling=sampling)
    page = write_any_report(tmp_path).read_text()
    assert "has not finished" not in page
    # Whoever lets results choose pairs must not read the intervals as if they had been fixed.
    assert ("take no account of it" in page) == (change == "sampling")


def test_its_settings_are_kept_and_play_it_again(tmp_path: Path) -> None:
    _play(tmp_path / "one")
    path = tmp_path / "one" / "settings.toml"
    settings = TournamentSettings(**read_settings_file(path, TournamentSettings))
    assert (settings.policies, settings.battles, settings.turn_limit) == (_POLICIES, 12, 60)
    run(["--config", str(path), "--output", str(tmp_path / "again"), "--log-level", "error"])
    assert _log(tmp_path / "again") == _log(tmp_path / "one")


def test_another_tournaments_directory_is_refused_and_kept(tmp_path: Path) -> None:
    _play(tmp_path / "one")
    before = {path: path.read_bytes() for path in (tmp_path / "one").rglob("*") if path.is_file()}
    with pytest.raises(RunDirectoryError, match="seed"):
        _play(tmp_path / "one", "--seed", "4")
    with pytest.raises(RunDirectoryError, match=r"game\.turn_limit"):
        _play(tmp_path / "one", "--turn-limit", "50")
    with pytest.raises(RunDirectoryError, match="tournament of uniform, max_power"):
        _play(tmp_path / "one", policies=("max_power", "uniform"))
    assert {path: path.read_bytes() for path in (tmp_path / "one").rglob("*") if path.is_file()} == before
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("mine")
    with pytest.raises(RunDirectoryError, match="not a run of pokenash"):
        _play(tmp_path / "other")


@pytest.mark.parametrize(
    ("policies", "arguments", "words"),
    [
        (("uniform",), (), "at least two policies"),
        (_POLICIES, ("--battles", "0"), "at least 2 battles"),
        (_POLICIES, ("--width", "0.1"), "--sampling adaptive"),
        (_POLICIES, ("--level", "2"), "level"),
        (("uniform", "nobody"), (), "'nobody' is unknown"),
    ],
)
def test_what_cannot_be_played_is_refused_before_anything_is_written(
    tmp_path: Path, policies: tuple[str, ...], arguments: tuple[str, ...], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        _play(tmp_path / "run", *arguments, policies=policies)
    assert not (tmp_path / "run").exists()


def test_adaptive_sampling_ends_at_its_width(tmp_path: Path) -> None:
    _play(tmp_path / "one", "--sampling", "adaptive", "--battles", "60", "--width", "1.9")
    assert 20 <= len(MatchLog(tmp_path / "one" / "matches" / "matches.jsonl")) <= 60
