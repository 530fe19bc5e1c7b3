from __future__ import annotations

import gzip
import logging
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from games.showdown.team_texts import ILLEGAL, METAMONS, NAMES, ONE, THREE, TWO, archive, folder, many, sha256
from pokenash.errors import InputError, TeamError
from pokenash.games.showdown import team_archives, team_validation
from pokenash.games.showdown.team_files import write_team_set
from pokenash.games.showdown.team_sets import load_team_set
from pokenash.games.showdown.team_validation import judge_teams
from pokenash.games.showdown.teams import default_teams, load_teams


def test_a_folder_its_format_folder_and_its_archive_are_the_same_set(tmp_path: Path) -> None:
    root = folder(tmp_path / "mine")
    packed = archive(tmp_path / "mine.tar.gz", METAMONS)
    sets = [load_team_set(source, "gen1ou") for source in (root, str(root), root / "gen1ou" / "old", packed)]
    assert sets[0].names == NAMES
    assert sets[0] == sets[1] == sets[3]
    assert sets[2].names == ("team_1",)
    assert list(sets[0]) == [load_teams(text, "gen1ou")[0] for text in (TWO, ONE, THREE)]
    origins = [one.origin or {} for one in (sets[0], sets[3])]
    assert origins[0]["content_sha256"] == origins[1]["content_sha256"]
    assert origins[1]["archive_sha256"] == sha256(packed)


def test_metamons_cache_is_found_by_the_names_of_its_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder(tmp_path / "teams" / "competitive")
    folder(tmp_path / "teams" / "of_my_own")
    with pytest.raises(TeamError, match="pokenash teams fetch competitive gen1ou"):
        load_team_set("competitive", "gen1ou", download=False)
    monkeypatch.setenv("METAMON_CACHE_DIR", str(tmp_path))
    named = load_team_set("competitive", "gen1ou", download=False)
    assert named.names == NAMES
    assert named.origin is not None
    assert named.origin["set"] == "competitive"
    assert load_team_set("of_my_own", "gen1ou").names == NAMES
    assert load_team_set("competitive", "[Gen 1] OU", download=False) == named
    monkeypatch.delenv("METAMON_CACHE_DIR")
    assert load_team_set("competitive", "gen1ou", root=tmp_path / "teams", download=False) == named


def test_a_folder_must_have_the_content_that_is_asked_for(tmp_path: Path) -> None:
    root = folder(tmp_path / "mine")
    content = (load_team_set(root, "gen1ou").origin or {})["content_sha256"]
    assert load_team_set(root, "gen1ou", sha256=content).names == NAMES
    (root / "gen1ou" / "team_2.gen1ou_team").write_text(ONE.replace("Rest", "Amnesia") + "\n")
    with pytest.raises(TeamError, match=f"not the {content}"):
        load_team_set(root, "gen1ou", sha256=content)
    with pytest.raises(InputError, match="64 hexadecimal digits"):
        load_team_set(root, "gen1ou", sha256="abc")
    with pytest.raises(InputError, match="is for archives"):
        load_team_set(root / "gen1ou" / "old" / "team_1.gen1ou_team", "gen1ou", sha256=content)


def test_whatever_load_teams_reads_is_a_set_as_before(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text(ONE)
    (tmp_path / "team_1.gen1ou_team").write_text(TWO)
    for source in (ONE, tmp_path, "gen1ou", default_teams("gen1ou"), [ONE, TWO], tmp_path / "b.txt"):
        assert load_team_set(source, "gen1ou") == load_teams(source, "gen1ou")
        assert load_team_set(source, "gen1ou").origin is None
    with pytest.raises(TeamError, match=r"no team set: neither metamon's \(competitive, paper_variety"):
        load_team_set("compettitive", "gen1ou")
    with pytest.raises(TeamError, match="metamon's paper_variety has no teams for gen9ou"):
        load_team_set("paper_variety", "gen9ou")


def test_a_written_set_is_read_as_it_was(tmp_path: Path) -> None:
    teams = load_team_set(folder(tmp_path / "mine"), "gen1ou").with_weights([1, 2, 4])
    path = write_team_set(teams, tmp_path / "set.json")
    read = load_team_set(path, "gen1ou")
    assert read == teams
    assert read.origin == teams.origin
    with pytest.raises(TeamError, match="holds teams of 'gen1ou', expected 'gen2ou'"):
        load_team_set(path, "gen2ou")
    path.write_text(path.read_text().replace('"names"', '"nomes"'))
    with pytest.raises(TeamError, match=r"set\.json: not a description of a team set"):
        load_team_set(path, "gen1ou")
    path.write_text("{}")
    with pytest.raises(TeamError, match="neither a list of teams nor a team set"):
        load_team_set(path, "gen1ou")


def test_an_archive_that_leads_out_of_itself_is_refused(tmp_path: Path) -> None:
    for number, name in enumerate(("../up.gen1ou_team", "gen1ou/../../up.gen1ou_team", "/abs.gen1ou_team")):
        path = archive(tmp_path / f"{number}.tar.gz", {"gen1ou/a.gen1ou_team": ONE, name: ONE})
        with pytest.raises(TeamError, match="leads out of the archive"):
            load_team_set(path, "gen1ou")
    assert not list(tmp_path.rglob("*.gen1ou_team"))


def test_links_and_devices_in_an_archive_are_passed_over(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(TWO)
    path = tmp_path / "links.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for kind, name in ((tarfile.SYMTYPE, "a"), (tarfile.LNKTYPE, "b"), (tarfile.CHRTYPE, "c")):
            member = tarfile.TarInfo(f"gen1ou/{name}.gen1ou_team")
            member.type, member.linkname = kind, str(secret)
            tar.addfile(member)
    with pytest.raises(TeamError, match="no file ending in"):
        load_team_set(path, "gen1ou")


def test_an_archive_that_swells_is_not_read_to_its_end(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.tar.gz"
    with gzip.open(bomb, "wb", compresslevel=9) as file:
        member = tarfile.TarInfo("gen1ou/filler")
        member.size = 200 << 20
        file.write(member.tobuf())
        for _ in range(200):
            file.write(bytes(1 << 20))
    assert bomb.stat().st_size < 1 << 20
    with pytest.raises(TeamError, match="unpacks to far more than team files do"):
        load_team_set(bomb, "gen1ou")


def test_a_team_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = ONE + "\n" * team_archives.MAX_TEAM_BYTES
    with pytest.raises(TeamError, match="bytes in one"):
        load_team_set(archive(tmp_path / "a.tar.gz", {"a.gen1ou_team": long}), "gen1ou")
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / "gen1ou").mkdir()
    (tmp_path / "flat" / "gen1ou" / "a.gen1ou_team").write_text(long)
    with pytest.raises(TeamError, match="not a team"):
        load_team_set(tmp_path / "flat", "gen1ou")
    monkeypatch.setattr(team_archives, "MAX_TEAMS", 2)
    with pytest.raises(TeamError, match="holds more than 2 teams"):
        load_team_set(archive(tmp_path / "many.tar.gz", METAMONS), "gen1ou")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_archives_are_refused_in_words(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    base = tmp_path_factory.mktemp("damaged")
    whole = archive(base / "whole.tar.gz", METAMONS).read_bytes()
    damaged = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for position in data.draw(st.lists(st.integers(0, max(0, len(damaged) - 1)), max_size=3)):
        if damaged:
            damaged[position] ^= data.draw(st.integers(1, 255))
    path = base / "damaged.tar.gz"
    path.write_bytes(damaged)
    try:
        texts = team_archives.read_archive(path, "gen1ou")
    except TeamError:
        return
    # What the checksum does not cover, such as a flag of the header or the file's name in it.
    assert [one.text for one in texts] == [TWO, ONE, THREE]


def test_refused_teams_are_left_out_counted_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = archive(tmp_path / "a.tar.gz", {**METAMONS, "gen1ou/bad.gen1ou_team": ILLEGAL, "gen1ou/no.gen1ou_team": ""})
    with pytest.raises(TeamError, match=r"bad\.gen1ou_team: Mewtwo is tagged Uber"):
        load_team_set(path, "gen1ou")
    with caplog.at_level(logging.WARNING):
        teams = load_team_set(path, "gen1ou", on_illegal="skip")
    assert teams.names == NAMES
    assert {one.name for one in teams.refused} == {"bad", "no"}
    assert "Mewtwo is tagged Uber, which is banned." in dict(teams.refused)["bad"]
    assert (teams.origin or {})["refused"] == 2
    assert "2 of 5 teams are not legal in gen1ou and are left out: bad, no" in caplog.text
    with pytest.raises(TeamError, match="Mewtwo"):
        load_teams([ILLEGAL], "gen1ou", on_illegal="skip")
    with pytest.raises(InputError, match="expected 'error' or 'skip'"):
        load_teams(ONE, "gen1ou", on_illegal="ignore")  # type: ignore[arg-type]


def test_metamons_own_sets_are_loaded_without_what_is_refused_today(tmp_path: Path) -> None:
    root = folder(tmp_path / "modern_replays")
    (root / "gen1ou" / "bad.gen1ou_team").write_text(ILLEGAL)
    teams = load_team_set("modern_replays", "gen1ou", root=tmp_path)
    assert teams.names == NAMES
    assert [one.name for one in teams.refused] == ["bad"]
    with pytest.raises(TeamError, match="Mewtwo"):
        load_team_set("modern_replays", "gen1ou", root=tmp_path, on_illegal="error")


def test_a_large_set_is_validated_once_and_verdicts_are_of_one_simulator(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [*many(250), ILLEGAL.replace("\n", "\n\n", 1)]
    asked: list[int] = []
    ask = team_validation._ask

    def counted(some: list[str], format: str) -> Any:
        asked.append(len(some))
        return ask(some, format)

    monkeypatch.setattr(team_validation, "_ask", counted)
    monkeypatch.setattr(team_validation, "_TEAMS_A_CALL", 100)
    monkeypatch.setattr(team_validation, "_JUDGED", {})
    _, first = judge_teams(texts, "gen1ou")
    assert asked == [100, 100, 51]
    assert [not one.problems for one in first] == [True] * 250 + [False]
    monkeypatch.setattr(team_validation, "_JUDGED", {})
    assert judge_teams(texts, "gen1ou")[1] == first
    # What came out packed is known too: that is what a run's config holds.
    packed = [one.packed for one in first if one.packed]
    monkeypatch.setattr(team_validation, "_JUDGED", {})
    assert [one.packed for one in judge_teams(packed, "gen1ou")[1]] == packed
    assert asked == [100, 100, 51]
    monkeypatch.setattr(team_validation, "simulator_version", lambda: "9.9.9")
    team_validation._base.cache_clear()
    judge_teams(texts, "gen1ou")
    team_validation._base.cache_clear()
    assert asked == [100, 100, 51] * 2
    # A damaged cache costs time only.
    monkeypatch.setattr(team_validation, "_JUDGED", {})
    (own_cache / "verdicts-1.sqlite").write_bytes(b"not a database" * 100)
    assert judge_teams(texts, "gen1ou")[1] == first


def test_what_the_validator_lets_through_comes_out_of_it_unchanged_when_asked_again() -> None:
    for format in ("gen1ou", "gen9ou"):
        teams = default_teams(format)
        assert teams is not None
        assert [one.packed for one in team_validation._ask(list(teams), format)[1]] == list(teams)
