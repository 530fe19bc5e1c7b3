"""The report of sessions: it shows the results, keeps people's names to itself, and trusts no text of a server."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.online.played import record, server_log, write_session

from pokenash.cli.sessions import run
from pokenash.errors import InputError
from pokenash.online.battle_logs import anonymous_log, battle_lines, read_log
from pokenash.online.pseudonyms import Pseudonyms
from pokenash.online.report import write_sessions_report
from pokenash.online.results import read_battles

OURS, THEIRS, NICKNAME = "Botzilla99", "Misty Waterfall", "Starlet o' the Sea"
SALT = Pseudonyms(b"0123456789abcdef0123456789abcdef")


@pytest.fixture(scope="module")
def log() -> list[str]:
    return server_log(OURS, THEIRS, nickname=NICKNAME)


def _session(directory: Path, log: list[str]) -> Path:
    records = [
        record(
            number,
            opponent=THEIRS if number % 2 else "Brock Solid",
            account=OURS,
            outcome="loss" if number == 2 else "win",
            log=f"battles/battle-gen1ou-{number}.log",
            replay=f"https://replay.example/gen1ou-{number}",
            rating_before=1000.0 + number,
            rating_after=1017.0 + number,
            opponent_rating_before=1321.0,
            error=f"{THEIRS} said nothing",
        )
        for number in range(5)
    ]
    lost = record(5, opponent=THEIRS, account=OURS, outcome="unfinished", reason="server lost", counts=False)
    return write_session(directory, [*records, lost], log)


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]


def test_the_report_has_every_battle_with_links_that_lead_somewhere(tmp_path: Path, log: list[str]) -> None:
    path = tmp_path / "out" / "report.html"
    results = write_sessions_report(read_battles([_session(tmp_path / "s", log)]), path)
    text = path.read_text("utf-8")
    assert len(results.counted) == 5
    assert len(results.not_counted) == 1
    assert "not played to an end: 1." in text
    page = _Page(text)
    assert "script" not in page.tags
    local = [link for link in page.links if not link.startswith("https://")]
    assert len(local) == 10
    assert all((path.parent / link).is_file() for link in local)
    assert [link for link in page.links if link.startswith("https://")] == [
        f"https://replay.example/gen1ou-{number}" for number in range(5)
    ]
    assert text.count("<svg") == 1
    assert results.overall is not None
    found = results.overall.clustered
    assert f"[{found.lower:.1%}, {found.upper:.1%}]" in text


@pytest.mark.parametrize(
    ("opponents", "words"), [(1, "There is one opponent only."), (2, "There are 2 opponents only.")]
)
def test_few_opponents_are_said_so(tmp_path: Path, log: list[str], opponents: int, words: str) -> None:
    records = [record(number, opponent=f"person {number % opponents}", outcome="win") for number in range(4)]
    path = tmp_path / "report.html"
    write_sessions_report(read_battles([write_session(tmp_path / "s", records, log)]), path)
    assert words in path.read_text("utf-8")


def test_a_battles_page_tells_the_battle_and_nothing_of_the_chat(tmp_path: Path, log: list[str]) -> None:
    path = tmp_path / "report.html"
    write_sessions_report(read_battles([_session(tmp_path / "s", log)]), path)
    text = (tmp_path / "report-battles" / "00001.html").read_text("utf-8")
    assert f"{OURS} won" in text or f"{OURS} won the battle" in text
    assert "Turn 1" in text
    for absent in ("from here", "gained 20 points", "has 30 seconds", '"active"', "custom-portrait-x"):
        assert absent not in text


def test_an_anonymous_report_names_nobody_anywhere(tmp_path: Path, log: list[str]) -> None:
    path = tmp_path / "shared" / "report.html"
    battles = read_battles([_session(tmp_path / "s", log)])
    results = write_sessions_report(battles, path, pseudonyms=SALT)
    files = [file for file in (tmp_path / "shared").rglob("*") if file.is_file()]
    assert len(files) == 11
    for file in files:
        text = file.read_text("utf-8").lower()
        for name in (OURS, THEIRS, "Brock Solid", NICKNAME):
            for form in (name.lower(), re.sub("[^a-z0-9]", "", name.lower())):
                assert form not in text, (file, form)
        for trace in ("replay.example", "custom-portrait", "1321", "gen1ou-1.log", "1304", "localhost:8000/"):
            assert trace not in text, (file, trace)
    assert SALT.name("opponent", "mistywaterfall") in path.read_text("utf-8")
    # The figures are the same as with names.
    plain = write_sessions_report(battles, tmp_path / "plain.html", replays=False)
    assert results.overall == plain.overall
    assert [trace.glicko for trace in results.traces] == [trace.glicko for trace in plain.traces]


def test_an_anonymous_log_is_still_the_battle(log: list[str]) -> None:
    told = anonymous_log(log, lambda seat: f"seat {seat}")
    assert "|player|p1|seat 0||" in told
    assert "|win|seat 0" in told
    assert not any(NICKNAME in line for line in told)
    kept = battle_lines(log)
    assert len([x for x in told if x.startswith("|move|")]) == len([x for x in kept if x.startswith("|move|")]) > 10
    switch = next(line for line in told if line.startswith("|switch|p2a"))
    assert switch.split("|")[2] == f"p2a: {switch.split('|')[3].split(',')[0]}"


def test_two_pokemon_of_one_species_stay_two() -> None:
    lines = [
        "|switch|p2a: Bob|Ditto|1/1",
        "|switch|p2a: Rob|Ditto|1/1",
        "|faint|p2a: Rob",
        "|-heal|p1a: ?|1/1|[of] p2a: Bob",
    ]
    assert [line.split("|")[2] for line in anonymous_log(lines, str)] == [
        *("p2a: Ditto", "p2a: Ditto 2", "p2a: Ditto 2", "p1a: unseen")
    ]
    assert anonymous_log(lines, str)[-1].endswith("[of] p2a: Ditto")


def test_pseudonyms_are_stable_and_need_the_salt(tmp_path: Path) -> None:
    salt = tmp_path / "key" / "salt"
    first, again = Pseudonyms.from_file(salt), Pseudonyms.from_file(salt)
    assert first.record(record(0)) == again.record(record(0))
    assert first.record(record(0)).opponent == first.record(record(1, opponent="SOMEONE!")).opponent
    assert first.record(record(0)).opponent != SALT.record(record(0)).opponent
    assert first.record(record(0)).opponent != first.record(record(0, opponent="else")).opponent
    assert salt.stat().st_mode & 0o077 == 0
    assert first.record(record(0, opponent=None)).opponent is None
    with pytest.raises(InputError, match="keep it elsewhere"):
        Pseudonyms.from_file(tmp_path / "shared" / "salt", shared=[tmp_path / "shared"])
    with pytest.raises(InputError, match="at least 16"):
        Pseudonyms(b"short")


def test_a_log_outside_of_the_session_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("|player|p1|x")
    session = write_session(tmp_path / "s", [record(0)])
    for name in ("../secret", "/etc/hostname", "battles/nothing.log", "battles/\0", None):
        with pytest.raises(InputError):
            read_log(session, name)


def test_hostile_text_is_escaped_on_every_page(tmp_path: Path, log: list[str]) -> None:
    evil = "<script>alert(1)</script>"
    lines = [line.replace(THEIRS, evil).replace(NICKNAME, '"><img src=x onerror=alert(1)>') for line in log]
    fields = {"opponent": evil, "policy": evil, "member": evil, "team_name": evil, "account": evil, "format": evil}
    session = write_session(tmp_path / "s", [record(0, battle="battle-gen1ou-0</td>", log="b.log", **fields)], lines)
    write_sessions_report(read_battles([session]), tmp_path / "report.html", title=evil)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "script" not in _Page(page).tags
    assert "&lt;script&gt;" in page
    battle = _Page((tmp_path / "report-battles" / "00001.html").read_text("utf-8"))
    # Showdown's own two: the log as data, and the viewer.
    assert battle.tags.count("script") == 2
    assert "img" not in battle.tags


def test_the_command_prints_tables_and_writes_what_it_is_asked_for(
    tmp_path: Path, log: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    session = _session(tmp_path / "s", log)
    run([str(session), "--output", str(tmp_path / "r.html"), "--csv", str(tmp_path / "b.csv")])
    out = capsys.readouterr().out
    assert "5 battles count, 1 do not" in out
    assert "4/0/1" in out
    assert THEIRS in out
    assert (tmp_path / "r.html").is_file()
    salt = str(tmp_path / "key" / "salt")
    shared = tmp_path / "shared"
    run(
        [
            str(session),
            "--anonymous",
            "--salt",
            salt,
            "--output",
            str(shared / "r.html"),
            "--csv",
            str(shared / "b.csv"),
        ]
    )
    out = capsys.readouterr().out + (shared / "b.csv").read_text("utf-8")
    for name in (THEIRS, OURS, "Brock"):
        assert name not in out
    assert "opponent-" in out
    with pytest.raises(InputError, match="keep it elsewhere"):
        run([str(session), "--anonymous", "--salt", str(shared / "salt"), "--csv", str(shared / "b.csv")])
