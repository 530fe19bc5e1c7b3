from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pokenash.errors import InputError, TeamError
from pokenash.games.showdown.node import run_tool
from pokenash.games.showdown.teams import (
    TeamSet,
    default_teams,
    format_info,
    load_teams,
    shipped_team_sets,
)

TWO = """Tauros
- Body Slam
- Earthquake

Chansey
- Ice Beam
- Soft-Boiled
"""
PACKED = "Tauros||||bodyslam,earthquake|||||||]Chansey||||icebeam,softboiled|||||||"
SETS = [
    {"species": "Tauros", "moves": ["Body Slam", "Earthquake"]},
    {"species": "Chansey", "moves": ["Ice Beam", "Soft-Boiled"]},
]


def stats(packed: str) -> list[tuple[str, str]]:
    """EVs and IVs of every member."""
    return [(fields[6], fields[8]) for fields in (one.split("|") for one in packed.split("]"))]


@pytest.fixture(scope="module")
def expected() -> str:
    return load_teams(TWO, "gen1ou")[0]


def test_every_notation_gives_the_same_team(expected: str, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text(TWO)
    (tmp_path / "two.json").write_text(json.dumps(SETS))
    (tmp_path / "three.packed").write_text(PACKED + "\n")
    headed = f"=== [gen1ou] first ===\n\n{TWO}\n\n=== [gen1ou] second ===\n\n{TWO}"
    sources = [TWO, TWO.replace("\n", "\r\n"), PACKED, json.dumps(SETS), json.dumps([SETS, SETS]), SETS]
    sources += [[TWO, PACKED, SETS], f"{PACKED}\n{PACKED}", headed, json.dumps([PACKED]), tmp_path, str(tmp_path)]
    for source in sources:
        teams = load_teams(source, "gen1ou")
        assert set(teams) == {expected}, source
        assert len(set(teams.names)) == len(teams)
    assert len(load_teams(headed, "gen1ou")) == len(load_teams(json.dumps([SETS, SETS]), "gen1ou")) == 2


def test_a_team_set_is_read_back_from_what_it_exports(expected: str) -> None:
    teams = load_teams(TWO, "gen1ou")
    assert teams.members(0) == ("Tauros", "Chansey")
    assert load_teams(teams.export(0), "gen1ou")[0] == expected
    assert load_teams(teams, "gen1ou") == teams
    assert teams[:1] == teams


def test_stats_that_a_gen_1_team_does_not_mention_are_full(expected: str) -> None:
    assert stats(expected) == [("252,252,252,252,252,252", "")] * 2
    # What they come to: the 353 HP that everybody knows, and not the 290 of a team without stat experience.
    for source in (TWO, PACKED, SETS):
        answer = run_tool("tool.js", {"command": "stats", "format": "gen1ou", "team": load_teams(source, "gen1ou")[0]})
        assert answer[0] == {"hp": 353, "atk": 298, "def": 288, "spa": 238, "spd": 238, "spe": 318}


def test_stats_that_are_mentioned_are_kept() -> None:
    text = "Tauros\nEVs: 252 HP / 252 Def / 252 SpA / 252 SpD / 252 Spe\nIVs: 2 Atk\n- Body Slam\n"
    team = load_teams(text, "gen1ou")[0]
    # The HP value of generation 1 is made of the others', and an odd Attack value adds 8 to it.
    assert stats(team) == [("252,,252,252,252,252", "30,2,,,,")]


def test_a_team_of_no_stats_at_all_stays_so() -> None:
    one = {"species": "Tauros", "moves": ["Body Slam"], "evs": {"hp": 0, "atk": 0}}
    with pytest.raises(TeamError, match="exactly 0 EVs"):
        load_teams([one], "gen1ou")
    one["evs"] = {"hp": 1}
    assert stats(load_teams([one], "gen1ou")[0])[0][0] == "1,,,,,"


def test_an_illegal_team_is_refused_in_the_validators_words_with_the_files_name(tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text(TWO)
    (tmp_path / "bad.txt").write_text("Mewtwo\n- Amnesia\n\nTauros\n- Spore\n")
    with pytest.raises(TeamError) as refusal:
        load_teams(tmp_path, "gen1ou")
    message = str(refusal.value)
    assert str(tmp_path / "bad.txt") in message
    assert "good.txt" not in message
    assert "Mewtwo is tagged Uber, which is banned." in message
    assert "Tauros can't learn Spore." in message


SEVEN = "\n\n".join(f"{name}\n- Rest" for name in "Tauros Chansey Snorlax Starmie Zapdos Rhydon Jynx".split())
FIVE_MOVES = "Tauros\n" + "".join(f"- {move}\n" for move in ("Rest", "Surf", "Toxic", "Bide", "Rage"))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (SEVEN, "up to 6"),
        (FIVE_MOVES, "more than the limit of 4"),
        ("Tauros\n- Body Slam\n\nTauros\n- Rest", "Species Clause"),
        ("Tauros\n", "no moves"),
        ("Agumon\n- Pepper Breath\n", "does not exist"),
        ("|||\n", "packed"),
        ("[{]", "not valid JSON"),
        ('["Tauros', "not valid JSON"),
        ("[]", "no team"),
        ("\n \n", "no team"),
        ([], "no team"),
        (7, "not int"),
        ([{"species": "Tauros", "moves": {1, 2}}], "not JSON"),
        ("no such thing", "neither a file"),
        ("", "neither a file"),
    ],
)
def test_what_is_no_team_is_refused(source: object, words: str) -> None:
    with pytest.raises(TeamError, match=words):
        load_teams(source, "gen1ou")


def test_teams_larger_than_the_observation_are_refused_where_the_format_would_allow_them() -> None:
    with pytest.raises(TeamError, match="7 members; pokenash plays at most 6"):
        load_teams(SEVEN, "gen1customgame")
    with pytest.raises(TeamError, match="5 moves; pokenash plays at most 4"):
        load_teams(FIVE_MOVES, "gen1customgame")


def test_directories_of_team_files_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        (tmp_path / f"team_{number}.gen1ou_team").write_text(TWO.replace("Body Slam", "Blizzard"))
    (tmp_path / "team_3.gen2ou_team").write_text("of another format")
    (tmp_path / "README.md").write_text("not a team")
    (tmp_path / ".hidden.txt").write_text("not a team")
    (tmp_path / "more").mkdir()
    teams = load_teams(tmp_path, "gen1ou")
    assert teams.names == ("team_1", "team_2", "team_10")


def test_unusable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(TeamError, match="no team files"):
        load_teams(tmp_path, "gen1ou")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TeamError, match=r"binary\.txt cannot be read as text"):
        load_teams(tmp_path, "gen1ou")
    (tmp_path / "binary.txt").write_text(" \n")
    with pytest.raises(TeamError, match=r"binary\.txt is empty"):
        load_teams(tmp_path / "binary.txt", "gen1ou")
    with pytest.raises(TeamError, match=r"missing\.txt cannot be read"):
        load_teams(tmp_path / "missing.txt", "gen1ou")


def test_members_with_the_same_name_are_told_apart() -> None:
    text = "Ace (Tauros)\n- Body Slam\n\nAce (Chansey)\n- Ice Beam\n\nAce (Snorlax)\n- Rest\n"
    assert load_teams(text, "gen1ou").members(0) == ("Ace", "Ace 2", "Ace 3")
    same = "Tauros\n- Body Slam\n\nTauros\n- Earthquake\n"
    assert load_teams(same, "gen1customgame").members(0) == ("Tauros", "Tauros 2")
    long = "An Eighteen Letter (Tauros)\n- Rest\n\nAn Eighteen Letter (Jynx)\n- Rest\n"
    assert load_teams(long, "gen1ou").members(0) == ("An Eighteen Letter", "An Eighteen Lett 2")


@settings(max_examples=3)
@given(st.lists(st.lists(st.text(max_size=20), min_size=6, max_size=6), min_size=20, max_size=60))
def test_whatever_members_are_called_names_are_distinct_or_the_team_is_refused(teams: list[list[str]]) -> None:
    species = ["Tauros", "Chansey", "Snorlax", "Starmie", "Zapdos", "Rhydon"]
    texts = [
        json.dumps(
            [{"name": name, "species": one, "moves": ["Rest"]} for name, one in zip(names, species, strict=True)]
        )
        for names in teams
    ]
    judged = run_tool("tool.js", {"command": "validate", "format": "gen1ou", "teams": texts})["teams"]
    legal = tuple(one["packed"] for one in judged if "packed" in one)
    assert all("packed" in one or one["problems"] for one in judged)
    assert all(len({member.split("|")[0] for member in packed.split("]")}) == 6 for packed in legal)
    if legal:
        assert load_teams("\n".join(legal), "gen1ou").packed == legal


def test_at_least_twenty_distinct_gen1ou_teams_come_with_pokenash() -> None:
    teams = default_teams("gen1ou")
    assert teams is not None
    assert len(teams) >= 20
    assert len({frozenset(teams.members(i)) for i in range(len(teams))}) == len(teams)
    assert len({teams.members(i)[0] for i in range(len(teams))}) >= 8
    assert all(len(teams.members(i)) == 6 for i in range(len(teams)))
    assert all(len(one.split("|")[4].split(",")) == 4 for team in teams for one in team.split("]"))
    assert all(stats(team) == [("252,252,252,252,252,252", "")] * 6 for team in teams)
    assert load_teams("gen1ou", "[Gen 1] OU") == teams


@pytest.mark.parametrize("name", shipped_team_sets())
def test_every_shipped_set_is_legal_in_its_format(name: str) -> None:
    teams = default_teams(name)
    assert isinstance(teams, TeamSet)
    assert teams.format == name


def test_formats_say_what_they_are() -> None:
    info = format_info("[Gen 1] OU")
    assert (info.id, info.name, info.generation, info.game_type) == ("gen1ou", "[Gen 1] OU", 1, "singles")
    assert not info.random_teams
    assert format_info("gen9ou").gimmicks == ("terastallize",)
    assert format_info("gen9randombattle").random_teams
    assert default_teams("gen9randombattle") is None
    with pytest.raises(InputError, match="no format 'gen1uo'"):
        format_info("gen1uo")


def test_formats_that_need_teams_or_take_none_say_so() -> None:
    with pytest.raises(InputError, match="no teams for gen2ou come with pokenash: pass teams="):
        default_teams("gen2ou")
    with pytest.raises(InputError, match="draws its own teams"):
        load_teams(TWO, "gen1randombattle")
    with pytest.raises(InputError, match="no format"):
        load_teams(TWO, "gen1uo")
