"""Win rates by team."""

from __future__ import annotations

import csv
import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from tests.algorithms.results import match_result

from pokenash.algorithms.match_log import LoggedMatch, MatchLog
from pokenash.algorithms.tournament import play_tournament
from pokenash.arena import Arena
from pokenash.errors import InputError, RunDirectoryError
from pokenash.experiments.team_report import (
    TeamGame,
    TeamIndex,
    games_of_matches,
    read_game_teams,
    read_team_games,
    team_report,
)
from pokenash.experiments.team_tables import team_report_lines, team_report_section, write_team_report
from pokenash.games.showdown import ShowdownGame
from pokenash.games.showdown.team_set import TeamSet, team_sha256
from pokenash.games.showdown.teams import default_teams
from pokenash.policies.spec import PolicySpec

NAMES = ("a", "b", "c")
TEAMS = TeamIndex("gen1ou", NAMES, tuple(team_sha256(name) for name in NAMES))


def logged(episode: int, teams: tuple[int, int], first_return: float = 1.0, **facts: object) -> LoggedMatch:
    result = match_result(episode, first_return=first_return, options={"teams": list(teams)}, **facts)  # type: ignore[arg-type]
    return LoggedMatch.from_result("block", result, ["red", "blue"])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory as PSRO and evaluations leave it, of real battles."""
    shipped = default_teams("gen1ou")
    assert shipped is not None
    directory = tmp_path_factory.mktemp("run")
    game = ShowdownGame(teams=shipped[:3], turn_limit=40)
    population = [PolicySpec("red", "max_power"), PolicySpec("blue", "uniform")]
    with Arena(game, num_lanes=16) as arena:
        play_tournament(arena, MatchLog(directory / "matches" / "matches.jsonl"), population, battles=60, seed=4)
    (directory / "config.json").write_text(json.dumps({"schema": 1, "kind": "psro", "game": game.config()}))
    return directory


def test_counts_are_those_of_the_log_from_both_sides(run: Path) -> None:
    teams, games, left_out = read_team_games(run)
    log = MatchLog(run / "matches" / "matches.jsonl")
    assert len(games) == 2 * len(log) == 120
    report = team_report(games, teams, left_out=left_out)
    assert [one.policy for one in report.policies] == ["blue", "red"]
    for one in report.policies:
        assert one.own is not None
        assert one.against is not None
        assert one.result.battles == 60
        for table, side in ((one.own, 0), (one.against, 1)):
            for row in table.rows:
                index = teams.names.index(row.name)
                counts = [0, 0, 0]
                for match in log:
                    seat = match.policies.index(one.policy)
                    if match.options["teams"][seat if side == 0 else 1 - seat] == index:
                        counts[1 - int(np.sign(match.returns[seat]))] += 1
                assert [row.result.wins, row.result.draws, row.result.losses] == counts
        assert sum(matchup.result.battles for matchup in one.matchups) == 60
    red, blue = report.policies[1], report.policies[0]
    assert {(m.own, m.opponent): m.result.wins for m in red.matchups} == {
        (m.opponent, m.own): m.result.losses for m in blue.matchups
    }


def test_a_teams_index_leads_to_its_name_and_the_team_that_was_played(run: Path) -> None:
    config = json.loads((run / "config.json").read_text())
    teams = read_game_teams(config["game"])
    shipped = default_teams("gen1ou")
    assert shipped is not None
    assert teams.names == shipped.names[:3]
    assert teams.sha256 == tuple(team_sha256(one) for one in shipped[:3])


def test_both_players_sets_are_one_index() -> None:
    shipped = default_teams("gen1ou")
    assert shipped is not None
    game = ShowdownGame(teams=shipped[:2], second_teams=shipped[4:5])
    assert game.teams is not None
    index = read_game_teams(json.loads(json.dumps(game.config())))
    assert index.names == game.teams.names
    assert index.sha256 == tuple(map(team_sha256, game.teams))
    with pytest.raises(InputError, match="has no team set"):
        read_game_teams(ShowdownGame("gen1randombattle").config())


def test_a_team_that_is_in_the_set_twice_is_one_team() -> None:
    teams = TeamIndex.of(TeamSet("gen1ou", ("first", "again", "other"), ("x", "x", "y")))
    games = [TeamGame("p", 0, 2, "win"), TeamGame("p", 1, 2, "loss"), TeamGame("p", 2, 1, "draw")]
    own = team_report(games, teams).policies[0].own
    assert own is not None
    assert {row.name: row.result.battles for row in own.rows} == {"first": 2, "other": 1}


def test_errors_positions_and_mirrors_of_a_team_are_left_out() -> None:
    mirror = LoggedMatch.from_result("block", match_result(3, options={"teams": [1, 1]}), ["red", "red"])
    position = LoggedMatch.from_result("block", match_result(4, options={"position": "sleep"}), ["red", "blue"])
    error = logged(2, (0, 1), 0.0, reason="error")
    games, left_out = games_of_matches([logged(1, (0, 1)), error, mirror, position])
    assert games == [TeamGame("red", 0, 1, "win"), TeamGame("blue", 1, 0, "loss")]
    assert left_out == 1
    drawn = LoggedMatch.from_result("block", match_result(5, options={}), ["red", "blue"])
    with pytest.raises(InputError, match="does not say which teams were played"):
        games_of_matches([drawn])


def test_the_luckiest_of_many_teams_is_not_made_a_winner() -> None:
    rng = np.random.default_rng(7)
    names = tuple(f"team {i}" for i in range(24))
    teams = TeamIndex("gen1ou", names, tuple(team_sha256(name) for name in names))
    games = [
        TeamGame("p", int(rng.integers(24)), int(rng.integers(24)), "win" if rng.random() < 0.5 else "loss")
        for _ in range(24 * 40)
    ]
    own = team_report(games, teams).policies[0].own
    assert own is not None
    luckiest = max(own.rows, key=lambda row: row.result.win_rate or 0)
    assert luckiest.result.win_rate is not None
    assert luckiest.result.win_rate > 0.6
    assert luckiest.estimate < 0.55
    assert luckiest.lower < 0.5


def test_reports_of_nobody_or_of_another_set_are_refused() -> None:
    games = [TeamGame("red", 0, 7, "win")]
    with pytest.raises(InputError, match="the set has 3 teams: it is of another set"):
        team_report(games, TEAMS)
    with pytest.raises(InputError, match="no battle of 'green' to report; there are battles of red"):
        team_report([TeamGame("red", 0, 1, "win")], TEAMS, policies=["green"])
    with pytest.raises(InputError, match="no battle of any policy"):
        team_report([], TEAMS)


def test_where_only_the_own_team_is_known_there_is_one_table() -> None:
    one = team_report([TeamGame("p", 0, None, "win"), TeamGame("p", 1, None, "loss")], TEAMS).policies[0]
    assert one.against is None
    assert one.matchups == ()
    assert one.own is not None


class Tags(HTMLParser):
    """All tags and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


EVIL = '<script>alert("&")</script>'


def test_names_are_escaped_in_pages_and_harmless_in_csv_and_terminals(tmp_path: Path) -> None:
    names = (EVIL, "=cmd()", "red\x1b[31m\n")
    teams = TeamIndex("gen1ou", names, tuple(team_sha256(name) for name in names))
    games = [TeamGame(EVIL, i % 3, (i + 1) % 3, "win") for i in range(90)]
    report = team_report(games, teams)
    paths = write_team_report(report, tmp_path)
    assert [path.name for path in paths] == ["teams.csv", "team_matchups.csv", "teams.html"]
    for html in (paths[2].read_text(), str(team_report_section(report))):
        page = Tags()
        page.feed(html)
        assert "script" not in page.tags
        assert page.text.count(EVIL) >= 4
    with paths[0].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["team"] for row in rows} == {EVIL, "'=cmd()", "red\x1b[31m\n"}
    assert all(row["sha256"] in teams.sha256 for row in rows)
    assert not any("\x1b" in line or "\n" in line for line in team_report_lines(report))


def test_the_csv_holds_all_that_the_tables_hold(run: Path, tmp_path: Path) -> None:
    teams, games, _ = read_team_games(run)
    report = team_report(games, teams)
    first, second, _ = write_team_report(report, tmp_path)
    with first.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row["battles"]) for row in rows if row["policy"] == "red" and row["side"] == "own") == 60
    with second.open(newline="") as file:
        assert sum(int(row["battles"]) for row in csv.DictReader(file)) == 120
    lines = team_report_lines(report, rows=1)
    assert "… 1 more" not in "\n".join(lines), "what would be hidden is no longer than the line that says so"
    assert any(line.startswith("with its own team: 3 teams around") for line in lines)


def test_thousands_of_teams_are_reported_in_a_page_that_can_be_read(tmp_path: Path) -> None:
    names = tuple(f"team {i}" for i in range(5000))
    teams = TeamIndex("gen1ou", names, tuple(team_sha256(name) for name in names))
    rng = np.random.default_rng(1)
    games = [
        TeamGame("p", int(rng.integers(5000)), int(rng.integers(5000)), "win" if rng.random() < 0.5 else "loss")
        for _ in range(10000)
    ]
    report = team_report(games, teams)
    paths = write_team_report(report, tmp_path)
    assert len(paths[2].read_text()) < 200_000
    assert "… " in paths[2].read_text()
    own = report.policies[0].own
    assert own is not None
    assert len(own.rows) > 4000


def test_directories_that_hold_no_such_thing_are_refused_in_words(tmp_path: Path, run: Path) -> None:
    with pytest.raises(RunDirectoryError, match=r"cannot read .*config\.json"):
        read_team_games(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"schema": 1}))
    with pytest.raises(RunDirectoryError, match="describes no game"):
        read_team_games(tmp_path)
    (tmp_path / "config.json").write_text((run / "config.json").read_text())
    with pytest.raises(RunDirectoryError, match="no battle has been played yet"):
        read_team_games(tmp_path)
