"""A name that is HTML, a formula or a template comes out of every report of ours as text."""

from __future__ import annotations

import atexit
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from tempfile import mkdtemp

import pytest
from matplotlib.figure import Figure
from tests.experiments.rock_paper_scissors import always, play_run
from tests.online.played import record, write_session
from tests.security.mangling import recordings

from pokenash.experiments.evaluation import StoppingRule, evaluate
from pokenash.experiments.evaluation_report import write_evaluation_report
from pokenash.experiments.probes import ProbeReport, load_probes, run_probes, write_probe_report
from pokenash.experiments.report import write_report
from pokenash.experiments.report_page import Page, Section, Table, write_page
from pokenash.experiments.team_report import TeamGame, TeamIndex, team_report
from pokenash.experiments.team_tables import team_report_section, write_team_report
from pokenash.experiments.tournament_report import write_tournament_report
from pokenash.experiments.tournament_run import run_tournament
from pokenash.games.aec import AECGame
from pokenash.games.showdown.replay import replay_html
from pokenash.games.showdown.team_set import team_sha256
from pokenash.online.report import write_sessions_report
from pokenash.online.results import read_battles
from pokenash.policies import PolicySpec

NAMES = {
    "script": "<script>alert(1)</script>",
    "attribute": "\"'><img src=x onerror=alert(1)>",
    "svg": "</text></svg><svg onload=alert(1)>",
    "comment": "--><marquee>x</marquee><!--",
    "end of a script": "</script><!--<script>alert(1)//",
    "formula": "$\\frac{x$ $y_$",
    "template": "{{ 76543 * 98765 }}{% raw %}",
    "control": "a\x1b[2Jb\u202ec",
}
_RUNS = frozenset("script img iframe object embed form input base link marquee".split())


class _Page(HTMLParser):
    """What could run on a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts = 0
        self.found: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _RUNS:
            self.found.append(tag)
        self.found += [name for name, _ in attrs if name.startswith("on")]
        self.found += [value for name, value in attrs if value and name in ("href", "src") and "javascript:" in value]


def _rename(directory: Path, old: str, new: str) -> None:
    """Call something otherwise wherever a run's files name it."""
    for path in directory.rglob("*.json"):
        text = path.read_text("utf-8")
        path.write_text(text.replace(json.dumps(old), json.dumps(new)), encoding="utf-8")


@cache
def _base(kind: str) -> Path:
    """A run or an evaluation with names like any other, made once."""
    directory = Path(mkdtemp(prefix="pokenash-html-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    if kind == "run":
        play_run(directory / kind, iterations=1)
    elif kind == "tournament":
        game = AECGame("pettingzoo.classic.rps_v2:env", max_cycles=1)
        run_tournament(directory / kind, game, [always(0), always(1)], battles=20, seed=1)
    else:
        game = AECGame("pettingzoo.classic.rps_v2:env", max_cycles=1)
        policy, opponents = PolicySpec("uniform", "uniform"), [always(0), always(1)]
        evaluate(directory / kind, game, policy, opponents, rule=StoppingRule(battles=20), seed=1)
    return directory / kind


def _run_report(directory: Path, name: str) -> list[Path]:
    shutil.copytree(_base("run"), directory / "run")
    for old in ("rock", "br_0"):
        _rename(directory / "run", old, name + old)
    return [write_report(directory / "run", title=name)]


def _evaluation_report(directory: Path, name: str) -> list[Path]:
    shutil.copytree(_base("evaluation"), directory, dirs_exist_ok=True)
    _rename(directory, "rock", name)
    _rename(directory, "rps_v2", name)
    return [write_evaluation_report(directory, title=name)]


def _team_report(directory: Path, name: str) -> list[Path]:
    names = (name, "b")
    teams = TeamIndex(name, names, tuple(team_sha256(one) for one in names))
    games = [TeamGame(name, 0, 1, "win"), TeamGame(name, 1, 0, "loss")]
    report = team_report(games, teams)
    written = write_team_report(report, directory / "teams", title=name)
    section = directory / "section.html"
    section.write_text(str(team_report_section(report)), encoding="utf-8")
    return [section, *(path for path in written if path.suffix == ".html")]


@cache
def _probed() -> ProbeReport:
    return run_probes([PolicySpec("x", "max_power")], load_probes()[:2], draws=1, seed=0)


def _probe_report(directory: Path, name: str) -> list[Path]:
    report = _probed()
    named = tuple(replace(one, policy=name) for one in report.behaviours)
    return [write_probe_report(replace(report, behaviours=named), directory)]


def _sessions_report(directory: Path, name: str) -> list[Path]:
    fields = dict.fromkeys(("opponent", "policy", "member", "team_name", "account", "format", "server"), name)
    log = [line for update in recordings("gen1ou")[0].updates[:6] for line in update]
    log = [line.replace("Player 1", name).replace("Player 2", name) for line in log] + [f"|c|{name}|{name}|{name}"]
    records = [record(0, log="battles/0.log", replay=f"https://x/{name}", **fields), record(1, error=name)]
    session = write_session(directory / "session", records, log)
    write_sessions_report(read_battles([session]), directory / "report.html", title=name)
    return sorted(directory.glob("*.html"))


def _replay_page(directory: Path, name: str) -> list[Path]:
    lines = [
        f"|player|p1|{name}|1",
        f"|switch|p1a: {name}|{name}|1/1",
        f"|move|p1a: {name}|{name}",
        f"|-message|{name}",
    ]
    pages = [replay_html(lines, name), replay_html(lines, "x", players=(name, name))]
    for number, page in enumerate(pages):
        (directory / f"replay-{number}.html").write_text(page, encoding="utf-8")
    return sorted(directory.glob("replay-*.html"))


REPORTS: dict[str, Callable[[Path, str], list[Path]]] = {
    "psro": _run_report,
    "evaluation": _evaluation_report,
    "teams": _team_report,
    "probes": _probe_report,
    "sessions": _sessions_report,
    "replay": _replay_page,
}


@pytest.mark.parametrize("kind", REPORTS)
@pytest.mark.parametrize("name", NAMES)
def test_names_stay_text_in_every_report(tmp_path: Path, kind: str, name: str) -> None:
    pages = REPORTS[kind](tmp_path, NAMES[name])
    assert pages
    for path in pages:
        text = path.read_text("utf-8")
        # Showdown's replay page has a hidden input, its log as data in a script, and its viewer; ours have nothing.
        own = ["input", "script", "script"] if kind == "replay" else []
        assert _Page(text).found == own, path
        assert str(76543 * 98765) not in text


def test_names_stay_text_on_pages_of_sections(tmp_path: Path) -> None:
    """Those of tournaments, NFSP, searches, trainings and self-play: one template, all names at once."""
    name = " ".join(NAMES.values())
    shutil.copytree(_base("tournament"), tmp_path / "run")
    for old in ("rock", "rps_v2"):
        _rename(tmp_path / "run", old, name)
    figure = Figure()
    figure.add_subplot(title=name, xlabel=name).plot([1, 2], label=name)
    section = Section(name, name, [("own", figure)], [Table((name, name), [(name, name)], frozenset({1}))], name)
    page = Page(name, name, [(name, name)], [name], [section, replace(section, folded=True)])
    paths = write_tournament_report(tmp_path / "run", title=name), write_page(tmp_path / "own", lambda: page)
    for path in paths:
        text = path.read_text("utf-8")
        assert _Page(text).found == [], path
        assert str(76543 * 98765) not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_every_template_of_ours_is_tried() -> None:
    """A new report must be put on the list above."""
    root = Path(__file__).parents[2] / "src" / "pokenash"
    writers = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if "PackageLoader(" in path.read_text("utf-8") or "<!DOCTYPE html>" in path.read_text("utf-8")
    }
    assert writers == {
        "experiments/probes/report.py",
        "experiments/report_page.py",
        "experiments/team_tables.py",
        "games/showdown/replay.py",
        "online/report.py",
    }
    with_their_own = {
        path.name
        for path in root.rglob("*.py")
        if "write_report_page(" in path.read_text("utf-8") and path.name != "report_page.py"
    }
    assert with_their_own == {"report.py", "evaluation_report.py"}
    assert not [path for path in root.rglob("*.j2") if "|safe" in path.read_text("utf-8").replace(" ", "")]
