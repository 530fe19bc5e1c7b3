"""Reports of tournaments, NFSP, searches and trainings: what their files say, and nothing else."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.experiments.report_pages import outside_links, page_rows
from tests.experiments.rock_paper_scissors import always

from pokenash.algorithms.exploitability import Attempt, tabular_attempts
from pokenash.cli import main
from pokenash.errors import RunDirectoryError
from pokenash.experiments import tournament_report
from pokenash.experiments.exploit_run import run_exploit
from pokenash.experiments.figure_curves import Panel, panels_figure
from pokenash.experiments.nfsp_settings import NFSPRunSettings
from pokenash.experiments.report_page import read_lines
from pokenash.experiments.reports import REPORTS, write_any_report
from pokenash.experiments.tournament_run import run_tournament
from pokenash.games.aec import AECGame
from pokenash.games.openspiel import OpenSpielGame
from pokenash.policies import PolicySpec

UNIFORM = PolicySpec("uniform", "uniform")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="module")
def tournament(folder: Path) -> Path:
    game = AECGame("pettingzoo.classic.rps_v2:env", max_cycles=1)
    run_tournament(folder / "tournament", game, [always(0), always(1), UNIFORM], battles=40, seed=2)
    return folder / "tournament"


@pytest.fixture(scope="module")
def nfsp(folder: Path) -> Path:
    NFSPRunSettings(
        folder / "nfsp", "kuhn_poker", rounds=4, episodes_per_round=40, learn_every=16, warm_up=40, batch_size=8,
        anticipatory=0.5, width=8, layers=1, nash_conv_every=2, checkpoint_every=4, workers=1, lanes=8,
    ).run()  # fmt: skip
    return folder / "nfsp"


@pytest.fixture(scope="module")
def exploit(folder: Path) -> Path:
    run_exploit(
        folder / "exploit", OpenSpielGame("kuhn_poker"), UNIFORM, tabular_attempts((100, 1000)), selection_games=200,
        report_games=400, seed=1,
    )  # fmt: skip
    return folder / "exploit"


@pytest.fixture(scope="module")
def training(folder: Path) -> Path:
    """What a training leaves, written down; a real one takes ten times as long as all these tests."""
    made = folder / "training"
    made.mkdir()
    settings = {"epochs": 2, "steps_per_epoch": 50}
    about = {"schema": 1, "seed": 4, "reward": "sparse", "trajectories": 12, "settings": settings}
    record = {**about, "data": {"sources": [{"root": "data/<i>", "weight": 0.25}, {"root": "more", "weight": 0.75}]}}
    (made / "fine_tune.json").write_text(json.dumps(record))
    lines = [
        {
            "step": step, "loss": 2.0 / step, "entropy": 1.5 - step / 200, "kl_to_reference": step / 1000,
            "learning_rate": 1e-4, "transitions": 100, "seconds": 0.5, "seconds_waiting": 0.0,
        }
        for step in range(1, 101)
    ]  # fmt: skip
    (made / "fine_tune.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return made


@pytest.fixture(params=["tournament", "nfsp", "exploit", "training"])
def every(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return Path(shutil.copytree(request.getfixturevalue(request.param), tmp_path / "run"))


def test_a_page_needs_no_network_and_is_the_same_when_it_is_made_again(every: Path) -> None:
    path = write_any_report(every)
    first = path.read_text()
    assert path == every / "report.html"
    assert first.count("<svg") == len(list((every / "figures").glob("*.svg"))) > 0
    assert {file.stem for file in (every / "figures").glob("*.png")} == {
        file.stem for file in (every / "figures").glob("*.svg")
    }
    assert outside_links(first) == []
    assert write_any_report(every).read_text() == first


def test_names_from_files_stay_text(every: Path) -> None:
    bad = "<script>alert(1)</script> $\\frac{x$"
    for path in every.glob("*.json*"):
        text = path.read_text()
        for name in ("uniform", "kuhn_poker", "rock", "sparse"):
            text = text.replace(json.dumps(name), json.dumps(bad))
        path.write_text(text)
    page = write_any_report(every).read_text()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; $\\frac{x$" in page


@pytest.mark.parametrize("damage", ["torn", "field"])
def test_a_damaged_file_is_named_and_no_page_is_written(every: Path, damage: str) -> None:
    (path,) = (every / name for name in ("tournament.json", "training.jsonl", "exploit.json", "fine_tune.json")
               if (every / name).exists())  # fmt: skip
    if damage == "torn":
        text = path.read_text()
        path.write_text(text[:40] + "\n" + text[60:])
    else:
        path.write_text('{"schema": 1}\n')
    with pytest.raises(RunDirectoryError, match=re.escape(str(path if damage == "torn" else every))):
        write_any_report(every)
    assert not (every / "report.html").exists()


def test_a_tournament_shows_every_pair_with_its_counts_and_interval(tournament: Path) -> None:
    page = write_any_report(tournament).read_text()
    rows = page_rows(page)
    result = json.loads((tournament / "tournament.json").read_text())
    for line in (tournament / "tournament.csv").read_text().splitlines()[1:]:
        first, second, battles, wins, draws, losses, rate, lower, upper = line.split(",")[:9]
        known = [row for row in rows if row[:2] == [first, second] and len(row) == 6]
        counted = [battles, f"{wins}/{draws}/{losses}", f"{float(rate):.1%}"]
        assert not known or known == [[first, second, *counted, f"[{float(lower):.1%}, {float(upper):.1%}]"]]
    assert sum(len(row) == 6 and row[2] == "40" for row in rows) == 3
    for name, rating in result["ratings"]["ratings"].items():
        (row,) = (row for row in rows if row[0] == name and len(row) == 4)
        assert row[1:] == [f"{rating['rating']:.0f}", f"[{rating['lower']:.0f}, {rating['upper']:.0f}]", "80"]
    for name, probability in result["meta_strategy"].items():
        (row,) = (row for row in rows if row[0] == name and len(row) == 5)
        assert row[1] == f"{probability:.1%}"
    assert f"<b>{result['battles']}</b><span>battles</span>" in page
    assert "have not been played" not in page


def test_a_tournament_says_what_its_intervals_are_wherever_they_stand(
    tournament: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "take the two battles of a start for one observation"
    assert write_any_report(tournament).read_text().count(words) == 1
    # Of many pairs matrix and table stand apart.
    monkeypatch.setattr(tournament_report, "_MOST_PAIRS", 2)
    assert write_any_report(tournament).read_text().count(words) == 2


def test_a_pair_that_was_not_played_is_missing_and_not_one_half(tournament: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(tournament, tmp_path / "run"))
    path = run / "interaction_matrix.json"
    matrix = json.loads(path.read_text())
    for i, j in ((0, 1), (1, 0)):
        matrix["counts"][i][j] = [0, 0, 0]
        for name in ("win_rate", "payoffs", "lower", "upper"):
            matrix[name][i][j] = None
    path.write_text(json.dumps(matrix))
    page = write_any_report(run).read_text()
    assert "Of 3 pairs 1 have not been played" in page
    assert sum(len(row) == 6 and row[2] == "40" for row in page_rows(page)) == 2
    assert "not played" in (run / "figures" / "payoff.svg").read_text()


def test_nfsp_shows_its_rounds_and_its_exact_value(nfsp: Path, tmp_path: Path) -> None:
    page = write_any_report(nfsp).read_text()
    rows = page_rows(page)
    for line in read_lines(nfsp / "nash_conv.jsonl"):
        assert [str(line["round"] + 1), str(line["episodes"]), f"{line['exact_nash_conv']:.4f}"] in rows
    for line in read_lines(nfsp / "training.jsonl"):
        (row,) = (row for row in rows if len(row) == 9 and row[0] == str(line["round"] + 1))
        assert row[1:3] == [str(line["episodes"]), str(line["decisions"])]
        assert row[6] == f"{line['mean_return']:+.3f}"
    assert "state so far" not in page
    unfinished = Path(shutil.copytree(nfsp, tmp_path / "run"))
    (between, _) = (unfinished / "nash_conv.jsonl").read_text().splitlines()
    (unfinished / "nash_conv.jsonl").write_text(f"{between}\n")
    # As where nash_conv_every is 3: the end's value is in the summary alone, and is not of a longer run.
    assert page_rows(write_any_report(unfinished).read_text()) == rows
    with (unfinished / "training.jsonl").open("a") as log:
        log.write(json.dumps({**read_lines(nfsp / "training.jsonl")[-1], "round": 4, "episodes": 200}) + "\n")
    assert "<span>exact nash_conv after 80 games</span>" in write_any_report(unfinished).read_text()
    config = json.loads((unfinished / "config.json").read_text())
    config["settings"]["rounds"] = 9
    (unfinished / "config.json").write_text(json.dumps(config))
    (unfinished / "nash_conv.jsonl").unlink()
    page = write_any_report(unfinished).read_text()
    assert "5 of 9 rounds are done" in page
    assert "<b>unknown</b><span>exact nash_conv</span>" in page


def test_a_search_is_reported_as_a_lower_bound(exploit: Path) -> None:
    page = write_any_report(exploit, "Uniform play").read_text()
    report = json.loads((exploit / "exploit.json").read_text())
    rows = dict(row for row in page_rows(page) if len(row) == 2)
    value = report["best_response_return"]
    assert rows["return, mean over the seats"] == f"{value['mean']:+.4f} on 400 fresh games"
    assert rows["at least (95%, one-sided)"] == f"{value['lower']:+.4f}"
    assert rows["nash_conv at least (95%)"] == f"{report['nash_conv_lower_bound']:.4f}"
    assert ["kind", report["kind"]] in page_rows(page)
    assert report["kind"].startswith("lower bound")
    for attempt in report["attempts"]:
        (row,) = (row for row in page_rows(page) if len(row) == 6 and row[1] == f"{attempt['budget_games']:,}")
        assert row[3:5] == ["200", f"{attempt['selection_return']['mean']:+.4f}"]
    assert "<h1>Uniform play</h1>" in page
    assert "is not shown to earn" not in page
    # The word alone would promise what is not known.
    assert "exploitability" not in page.lower()


def test_a_search_that_found_nothing_proves_nothing(tmp_path: Path) -> None:
    game = AECGame("pettingzoo.classic.rps_v2:env", max_cycles=1)
    attempt = Attempt("rock", 0, Rock())
    run_exploit(tmp_path, game, UNIFORM, [attempt], selection_games=200, report_games=200, seed=1)
    page = write_any_report(tmp_path).read_text()
    assert "No best response is shown to earn anything" in page
    assert "<b>nothing shown</b><span>nash_conv of the policy" in page
    assert "no proof that the policy cannot be exploited" in page


class Rock:
    """An oracle that always has the same answer."""

    def config(self) -> dict[str, Any]:
        return {"oracle": "rock"}

    def train(self, game: Any, opponent: PolicySpec, **settings: Any) -> PolicySpec:
        return always(0, settings["name"])


@pytest.mark.parametrize(("command", "result"), [("exploit", "exploit.json"), ("tournament", "tournament.json")])
def test_what_has_no_result_yet_is_refused(
    command: str, result: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(request.getfixturevalue(command), tmp_path / "run"))
    (run / result).unlink()
    with pytest.raises(RunDirectoryError, match="has not finished; give its command again"):
        write_any_report(run)


def test_a_training_shows_its_curves_and_whether_it_beats_its_start(training: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(training, tmp_path / "run"))
    page = write_any_report(run).read_text()
    assert "whether it is better is not known" in page
    rows = page_rows(page)
    losses = [line["loss"] for line in read_lines(run / "fine_tune.jsonl")]
    first, last = sum(losses[:10]) / 10, sum(losses[-10:]) / 10
    assert ["loss", "100", f"{first:.5g}", f"{last:.5g}", "0.02", "2"] in rows
    assert ["data/<i>", "0.25"] in rows
    assert not any(row[0] in ("seconds", "transitions") and len(row) == 6 for row in rows)
    versus = {
        "policy": "b", "base": "a", "battles": 200, "wins": 60, "draws": 0, "losses": 140, "win_rate": 0.3,
        "lower": 0.24, "upper": 0.37, "level": 0.95,
    }  # fmt: skip
    (run / "head_to_head.json").write_text(json.dumps(versus, indent=1))
    page = write_any_report(run).read_text()
    assert ["b", "a", "200", "60", "0", "140", "30.0%", "[24.0%, 37.0%]"] in page_rows(page)
    assert "LOSES to what it started from" in page


@pytest.mark.parametrize("steps", [[4], [4, 5], [10, 20]])
def test_no_step_is_written_twice_below_a_curve(steps: list[int]) -> None:
    figure = panels_figure([Panel("loss", {"loss": (steps, [2.0] * len(steps))})], "step")
    figure.canvas.draw()
    ticks = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert ticks
    assert len(set(ticks)) == len(ticks)


def test_one_clear_sentence_for_what_has_no_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "collection").mkdir()
    (tmp_path / "collection" / "config.json").write_text('{"schema": 1, "kind": "collection"}')
    for name, message in (
        ("nowhere", "is not a directory"),
        ("empty", "has no config.json"),
        ("collection", "is of the kind 'collection', of which there is no report; there are reports of psro"),
    ):
        assert main(["report", str(tmp_path / name)]) == 2
        assert message in capsys.readouterr().err
    assert set(REPORTS) >= {"psro", "evaluation", "tournament", "nfsp", "exploit", "training", "self-play"}


def test_the_command_says_where_the_report_is(tournament: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tournament), "--title", "Three moves"]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert path == tournament / "report.html"
    assert "<h1>Three moves</h1>" in path.read_text()
