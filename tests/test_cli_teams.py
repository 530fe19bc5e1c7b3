"""What a person meets at ``pokenash teams``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.games.showdown.team_texts import ILLEGAL, METAMONS, archive, folder

from pokenash.algorithms.match_log import MatchLog
from pokenash.algorithms.tournament import play_tournament
from pokenash.arena import Arena
from pokenash.cli import main
from pokenash.games.showdown import ShowdownGame
from pokenash.games.showdown.team_files import write_team_set
from pokenash.games.showdown.team_set import team_sha256
from pokenash.games.showdown.team_sets import load_team_set
from pokenash.online.records import RECORDS_NAME, BattleRecord, append_record
from pokenash.policies.spec import PolicySpec


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the user's caches."""
    monkeypatch.setenv("POKENASH_TEAMS", str(tmp_path / "cache"))
    monkeypatch.delenv("METAMON_CACHE_DIR", raising=False)


def test_the_sets_are_listed_by_format(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["teams", "list"]) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines()[2:]] == [
        "gen1ou",
        "gen9ou",
        "competitive",
        "paper_variety",
        "paper_replays",
        "modern_replays",
        "modern_replays_v2",
    ]
    assert main(["teams", "list", "--format", "gen9ou"]) == 0
    assert "paper_replays" not in capsys.readouterr().out


def test_a_set_is_validated_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = archive(tmp_path / "a.tar.gz", {**METAMONS, "gen1ou/bad.gen1ou_team": ILLEGAL})
    output = tmp_path / "legal.json"
    (tmp_path / "w.csv").write_text("name,weight\nold/team_1,1\nteam_2,0\nteam_10,3\nbad,1\n")
    options = ["--output", str(output), "--weights", str(tmp_path / "w.csv")]
    assert main(["teams", "validate", str(source), "gen1ou", *options]) == 0
    out = capsys.readouterr().out
    assert "3 legal teams, 3 different, 3 different rosters" in out
    assert "1 refused by the simulator's validator:\n  bad: Mewtwo is tagged Uber, which is banned." in out
    assert load_team_set(output, "gen1ou").weights == (0.25, 0, 0.75)


def test_what_others_wrote_into_a_set_gives_a_terminal_no_commands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    teams = load_team_set("gen1ou", "gen1ou").described(note="\x1b[2J")
    assert main(["teams", "validate", str(write_team_set(teams, tmp_path / "set.json")), "gen1ou"]) == 0
    out = capsys.readouterr().out
    assert "note: [2J" in out
    assert "\x1b" not in out


def test_a_set_is_split_into_two_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["teams", "split", "gen1ou", "gen1ou", "--fraction", "0.3", "--output", str(tmp_path / "parts")]) == 0
    out = capsys.readouterr().out
    parts = [load_team_set(tmp_path / "parts" / f"{part}.json", "gen1ou") for part in ("train", "held-out")]
    assert f"train: {len(parts[0])} of 24 teams" in out
    assert len(parts[0]) + len(parts[1]) == 24
    assert not set(parts[0]) & set(parts[1])


def test_a_published_set_that_is_here_is_fetched_from_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder(tmp_path / "competitive")
    assert main(["teams", "fetch", "competitive", "gen1ou", "--root", str(tmp_path)]) == 0
    assert "set: competitive" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fetch", "compettitive", "gen1ou"], "no published team set 'compettitive'; expected one of competitive,"),
        (["fetch", "paper_replays", "gen9ou"], "metamon's paper_replays has no teams for gen9ou"),
        (["validate", "nothing", "gen1ou"], "'nothing' is no team set"),
        (["split", "gen1ou", "gen1ou", "--fraction", "2"], "between 0 and 1"),
        (["validate", "gen1ou", "gen1uo"], "no format 'gen1uo'"),
        (["report", "nowhere"], "cannot read nowhere/config.json"),
        (["report", "nowhere", "--rows", "0"], "--rows: expected a positive number, got 0"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["teams", *arguments]) == 2
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    assert words in err


def test_a_run_is_reported_by_team(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    game = ShowdownGame(teams=load_team_set("gen1ou", "gen1ou", limit=3), turn_limit=30)
    population = [PolicySpec("red", "max_power"), PolicySpec("blue", "uniform")]
    with Arena(game, num_lanes=8) as arena:
        play_tournament(arena, MatchLog(tmp_path / "matches" / "matches.jsonl"), population, battles=20, seed=1)
    (tmp_path / "config.json").write_text(json.dumps({"schema": 1, "kind": "psro", "game": game.config()}))
    assert main(["teams", "report", str(tmp_path), "--policy", "red"]) == 0
    out = capsys.readouterr().out
    assert "red: 20 battles" in out
    assert "blue" not in out
    assert str(tmp_path / "teams.html") in out
    assert (tmp_path / "teams.csv").exists()


def test_a_session_on_a_server_is_reported_by_our_own_team(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    teams = {"names": ["a", "b"], "sha256": "", "sha256_of_each": [team_sha256("a"), team_sha256("b")]}
    (tmp_path / "config.json").write_text(json.dumps({"schema": 1, "kind": "play", "format": "gen1ou", "teams": teams}))
    for number, outcome in enumerate(("win", "win", "loss", "tie", "unfinished")):
        append_record(tmp_path / RECORDS_NAME, session_record(number, outcome))
    assert main(["teams", "report", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "ours: 4 battles" in out
    assert "1 battles do not count" in out
    assert "against the opponent's team" not in out


def session_record(number: int, outcome: str) -> BattleRecord:
    unfinished = outcome == "unfinished"
    return BattleRecord(
        battle=f"battle-gen1ou-{number}",
        number=number,
        format="gen1ou",
        server="ws://127.0.0.1:8000",
        account=None,
        opponent=None,
        seat=0,
        policy="ours",
        member=None,
        probabilities_sha256=None,
        seed=1,
        episode=number,
        team=number % 2,
        team_name="ab"[number % 2],
        outcome=outcome,  # type: ignore[arg-type]
        reason="server lost" if unfinished else "played",
        error=None,
        turns=3,
        decisions=3,
        fallbacks=0,
        reconnections=0,
        started=0.0,
        ended=1.0,
        rating_before=None,
        rating_after=None,
        opponent_rating_before=None,
        opponent_rating_after=None,
        replay=None,
        log="",
        counts=not unfinished,
    )
