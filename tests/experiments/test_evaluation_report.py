"""The report of an evaluation and what the command prints."""

from __future__ import annotations

import html
import json
from pathlib import Path

import pytest
from tests.experiments.rock_paper_scissors import always

from pokenash.cli import main
from pokenash.errors import RunDirectoryError
from pokenash.experiments.evaluation import StoppingRule, evaluate
from pokenash.experiments.evaluation_report import POOL_REMARK, SCALE_REMARK, write_evaluation_report
from pokenash.games.aec import AECGame
from pokenash.policies import PolicySpec
from pokenash.policies.mixture import mixture_spec


@pytest.fixture
def evaluation(tmp_path: Path) -> Path:
    game = AECGame("pettingzoo.classic.rps_v2:env", max_cycles=1)
    opponents = [always(0), always(1)]
    evaluate(tmp_path, game, PolicySpec("uniform", "uniform"), opponents, rule=StoppingRule(battles=60), seed=1)
    return tmp_path


def test_the_report_says_counts_intervals_and_the_pool(evaluation: Path) -> None:
    path = write_evaluation_report(evaluation)
    page, data = path.read_text(), json.loads((evaluation / "evaluation.json").read_text())
    for row in data["opponents"]:
        lower, upper = row["intervals"]["fixed"]
        assert f"<td>{row['wins']}</td><td>{row['draws']}</td><td>{row['losses']}</td>" in page
        assert f"[{lower:.1%}, {upper:.1%}]" in page
    pool = data["gxe"]
    assert f"<b>{pool['score']:.1%} [{pool['lower']:.1%}, {pool['upper']:.1%}]</b><span>GXE over this pool" in page
    assert "rock (50.0%), paper (50.0%)" in page
    assert "120" in page
    assert "not the GXE of Pokémon Showdown" in page
    assert "no scale for rps_v2" in page or "No rating" in page
    assert (evaluation / "figures" / "scores.svg").exists()
    assert (evaluation / "figures" / "scores.png").exists()


def test_a_rating_after_losses_alone_is_told_with_the_battle_that_is_added(evaluation: Path) -> None:
    path = evaluation / "evaluation.json"
    data = json.loads(path.read_text())
    scale = {"rating": 741.0, "lower": -8.0, "upper": 1489.0, "level": 0.95, "battles": 8, "about": "a scale"}
    path.write_text(json.dumps(data | {"scale": scale | {"anchors": ["rock"], "expected": [0.1]}}))
    page = write_evaluation_report(evaluation).read_text()
    assert "<b>741</b> [-8, 1489]" in page
    assert "One drawn battle against each anchor is added" in page


def test_the_members_of_a_mixture_are_told_apart(tmp_path: Path) -> None:
    game = AECGame("pettingzoo.classic.rps_v2:env", max_cycles=1)
    mixture = mixture_spec("nash", [always(0), always(1)], [0.5, 0.5])
    evaluate(tmp_path, game, mixture, [always(2)], rule=StoppingRule(battles=80), seed=1)
    row = json.loads((tmp_path / "evaluation.json").read_text())["opponents"][0]
    rock, paper = row["by_member"]["rock"], row["by_member"]["paper"]
    assert rock["battles"] + paper["battles"] == 80
    assert (rock["losses"], paper["wins"]) == (0, 0)
    page = write_evaluation_report(tmp_path).read_text()
    assert "By member of the mixture" in page
    assert f"<td>{rock['wins']}</td>" in page


def test_the_same_files_give_the_same_report(evaluation: Path) -> None:
    first = write_evaluation_report(evaluation).read_bytes()
    assert write_evaluation_report(evaluation).read_bytes() == first


def test_names_from_outside_cannot_become_html(evaluation: Path) -> None:
    bad = "<script>alert('x')</script>$x$"
    for name in ("evaluation.json", "population.json", "config.json"):
        path = evaluation / name
        path.write_text(path.read_text().replace('"rock"', json.dumps(bad)).replace('"rps_v2"', json.dumps(bad)))
    page = write_evaluation_report(evaluation, title=bad).read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_the_report_says_where_a_player_draws_from_the_system(evaluation: Path) -> None:
    assert "not a function of the seed" not in write_evaluation_report(evaluation).read_text()
    path = evaluation / "evaluation.json"
    path.write_text(path.read_text().replace('"reproducible": true', '"reproducible": false', 1))
    assert "Battles against rock are not a function of the seed" in write_evaluation_report(evaluation).read_text()


def test_a_damaged_file_is_named(evaluation: Path) -> None:
    (evaluation / "evaluation.json").write_text('{"schema": 1}')
    with pytest.raises(RunDirectoryError, match="lacks what the report needs"):
        write_evaluation_report(evaluation)


def test_the_command_prints_a_table_goes_on_and_refuses_what_it_cannot_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", "max_power", "--opponents", "uniform", "type_aware", "--output", str(tmp_path / "e")]
    words += ["--battles", "20", "--workers", "1", "--lanes", "16"]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "won/drawn/lost" in printed
    assert "type_aware" in printed
    assert "GXE" in printed
    assert "expected score over the pool (uniform 50%, type_aware 50%; 40 battles)" in printed
    assert "anchors of gen1ou" in printed
    page = html.unescape((tmp_path / "e" / "report.html").read_text())
    for remark in (POOL_REMARK, SCALE_REMARK):
        assert remark in printed
        assert remark in page
    log = (tmp_path / "e" / "matches" / "matches.jsonl").read_bytes()
    assert main(words) == 0
    assert (tmp_path / "e" / "matches" / "matches.jsonl").read_bytes() == log
    assert main([*words, "--seed", "3"]) == 2
    assert main(["evaluate", "nobody"]) == 2
    assert main(["evaluate", "max_power", "--opponents", "nobody"]) == 2
    errors = capsys.readouterr().err
    assert "another evaluation: seed" in errors
    assert "'nobody' is unknown" in errors
