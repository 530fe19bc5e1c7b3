"""The report shows what the run's files say, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from tests.experiments.report_pages import outside_links, page_rows
from tests.experiments.rock_paper_scissors import play_run

from pokenash.errors import RunDirectoryError
from pokenash.experiments import write_report
from pokenash.experiments.figures import meta_strategy_figure, nash_conv_figure


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("report") / "run"
    play_run(run)
    write_report(run)
    return run


def test_report_shows_every_best_response_with_its_counts_and_interval(finished: Path) -> None:
    rows = page_rows((finished / "report.html").read_text())
    for iteration, name in enumerate(("br_0", "br_1")):
        summary = json.loads((finished / f"iteration_{iteration}" / "iteration_summary.json").read_text())
        fresh = summary["best_response"]["fresh_evaluation"]
        (row,) = (row for row in rows if row[0] == name and len(row) == 9)
        assert row[1:6] == [str(iteration), *(str(fresh[key]) for key in ("battles", "wins", "draws", "losses"))]
        assert row[6] == f"{fresh['win_rate']:.1%}"
        assert row[7] == f"[{fresh['lower']:.1%}, {fresh['upper']:.1%}]"


def test_report_needs_no_network_and_holds_all_figures(finished: Path) -> None:
    page = (finished / "report.html").read_text()
    assert page.count("<svg") == 4
    assert outside_links(page) == []
    for name in ("payoff", "meta_strategy", "nash_conv", "best_response"):
        assert (finished / "figures" / f"{name}.svg").read_text().startswith("<svg")
        assert (finished / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_report_made_again_is_the_same(finished: Path) -> None:
    before = (finished / "report.html").read_bytes()
    write_report(finished)
    assert (finished / "report.html").read_bytes() == before


def test_report_warns_of_a_best_response_that_is_not_shown_to_win(tmp_path: Path) -> None:
    play_run(tmp_path / "run")
    assert "is not shown to beat" not in write_report(tmp_path / "run").read_text()
    path = tmp_path / "run" / "iteration_1" / "iteration_summary.json"
    summary = json.loads(path.read_text())
    summary["best_response"]["fresh_evaluation"]["lower"] = 0.49
    path.write_text(json.dumps(summary))
    page = write_report(tmp_path / "run").read_text()
    assert "br_1 is not shown to beat" in page
    # Also true where the whole interval lies below.
    assert "does not lie above 50%" in page


def test_report_escapes_what_comes_from_files(tmp_path: Path) -> None:
    play_run(tmp_path / "run", iterations=1)
    page = write_report(tmp_path / "run", title="<script>alert(1)</script>").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_name_with_dollar_signs_is_no_formula(tmp_path: Path) -> None:
    run = tmp_path / "run"
    play_run(run, iterations=1)
    for path in run.rglob("*.json"):
        path.write_text(path.read_text().replace('"rock"', json.dumps("$\\frac{x$ rock")))
    assert "$\\frac{x$ rock" in write_report(run).read_text()


def test_report_of_an_unfinished_run_says_so(tmp_path: Path) -> None:
    play_run(tmp_path / "run", iterations=1)
    path = tmp_path / "run" / "psro_summary.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "status": "running"}))
    page = write_report(tmp_path / "run").read_text()
    assert "has not finished" in page
    assert "Mixture so far" in page
    assert "inal mixture" not in page
    assert "final probability" not in page


@pytest.mark.parametrize("iterations", [1, 2, 12])
def test_iterations_are_whole_numbers_in_figures_and_every_value_is_inside(iterations: int) -> None:
    zero = np.zeros(iterations)
    figures = [meta_strategy_figure(["one"], np.ones((iterations, 1))), nash_conv_figure(zero + 0.05, zero, zero, 0.95)]
    for figure in figures:
        assert all(tick == int(tick) for tick in figure.axes[0].get_xticks())
    assert figures[1].axes[0].get_ylim()[1] > 0.05


@pytest.mark.parametrize("damage", ["missing", "torn", "field"])
def test_report_of_a_damaged_run_names_the_file(tmp_path: Path, damage: str) -> None:
    run = tmp_path / "run"
    play_run(run, iterations=1)
    path = run / "iteration_0" / "meta_game_analysis.json"
    if damage == "missing":
        path = run / "config.json"
        path.unlink()
    elif damage == "torn":
        path.write_text(path.read_text()[:40])
    else:
        path.write_text('{"schema": 1}')
    with pytest.raises(RunDirectoryError, match=re.escape(str(path if damage != "field" else run))):
        write_report(run)
    assert not (run / "report.html").exists()
