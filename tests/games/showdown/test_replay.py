from __future__ import annotations

import json
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.games.showdown.playing import schedule
from tests.games.showdown.telling import told_battle

from pokenash.errors import InputError
from pokenash.games import EpisodeResult
from pokenash.games.showdown import ShowdownGame
from pokenash.games.showdown.replay import (
    BattleLog,
    load_record,
    replay_html,
    save_log,
    save_record,
    save_replay,
    simulate,
    view_log,
)


@pytest.fixture(scope="module")
def game() -> ShowdownGame:
    return ShowdownGame()


@pytest.fixture(scope="module")
def battle(game: ShowdownGame) -> tuple[EpisodeResult, tuple[list[str], list[str]]]:
    return told_battle(game, schedule(game, 1, text=(True, True), record=True)[0])


@pytest.fixture(scope="module")
def record(battle: tuple[EpisodeResult, tuple[list[str], list[str]]]) -> dict[str, Any]:
    assert battle[0].record is not None
    return dict(battle[0].record)


@pytest.fixture(scope="module")
def log(record: dict[str, Any]) -> BattleLog:
    return simulate(record)


@pytest.mark.parametrize("format", ["gen1ou", "gen4randombattle", "gen9randombattle", "gen9ou"])
def test_a_battle_played_again_is_the_same_bit_for_bit(format: str) -> None:
    """What the players were told in the battle is what the replay tells, line by line, and twice the same."""
    game = ShowdownGame(format)
    result, told = told_battle(game, schedule(game, 1, text=(True, True), record=True)[0])
    assert result.record is not None
    log = simulate(json.loads(json.dumps(result.record)))
    assert log == simulate(result.record)
    for player in (0, 1):
        assert [line for line in view_log(log.lines, player) if line] == told[player]
    assert log.reason == result.reason
    assert log.turns == result.info["turns"]
    assert log.winner == (None if result.returns[0] == 0 else int(result.returns[0] < 0))


def test_forfeits_and_turn_limits_are_replayed_as_such(game: ShowdownGame) -> None:
    setup = schedule(game, 1, text=(True, True), record=True)[0]
    result, _ = told_battle(game, setup, forfeit_at=6)
    assert result.record is not None
    log = simulate(result.record)
    assert (log.reason, log.winner) == ("forfeit", None if result.returns[0] == 0 else int(result.returns[0] < 0))
    result, _ = told_battle(ShowdownGame(turn_limit=4), setup)
    assert result.record is not None
    assert (simulate(result.record).reason, simulate(result.record).winner) == ("turn limit", None)


def test_views_differ_in_what_only_the_owner_knows(log: BattleLog) -> None:
    public, everything = view_log(log.lines), view_log(log.lines, "omniscient")
    first, second = view_log(log.lines, 0), view_log(log.lines, 1)
    assert len(public) == len(everything) == len(first) == len(second)
    assert "|split|" not in "".join(public)
    damage = [i for i, line in enumerate(public) if line.startswith("|-damage|p1a") and "/100" in line]
    assert damage
    assert all(first[i] == everything[i] != public[i] == second[i] for i in damage)


def test_a_record_survives_its_file(record: dict[str, Any], tmp_path: Path) -> None:
    save_record(record, tmp_path / "battle.json")
    assert load_record(tmp_path / "battle.json") == record
    assert [path.name for path in tmp_path.iterdir()] == ["battle.json"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": 2}, "schema is 2"),
        ({"format": None}, "format is None"),
        ({"seed": -1}, "seeds do not belong together"),
        ({"seed": 1}, "seeds do not belong together"),
        ({"seed": True}, "seeds do not belong together"),
        ({"showdown_seeds": ["gen5,0"]}, "seeds do not belong together"),
        ({"teams": ["a"]}, "not two packed teams"),
        ({"actions": [[0], [0.5]]}, "not two lists of integers"),
        ({"actions": [[0]]}, "not two lists of integers"),
        ({"turn_limit": 0}, "turn_limit is 0"),
        ({"simulator": "0.1"}, "played with simulator 0.1"),
    ],
)
def test_a_damaged_record_is_refused_with_its_file(
    record: dict[str, Any], change: Mapping[str, Any], words: str, tmp_path: Path
) -> None:
    (tmp_path / "battle.json").write_text(json.dumps({**record, **change}))
    with pytest.raises(InputError, match=words) as refusal:
        load_record(tmp_path / "battle.json")
    assert "battle.json" in str(refusal.value)
    with pytest.raises(InputError, match=words):
        simulate({**record, **change})


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"record"', "[" * 100_000, "1" * 5000])
def test_what_is_no_record_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "battle.json").write_text(text)
    with pytest.raises(InputError, match=r"battle\.json"):
        load_record(tmp_path / "battle.json")


def test_actions_that_do_not_fit_the_battle_are_refused(record: dict[str, Any]) -> None:
    first, second = record["actions"]
    with pytest.raises(InputError, match="actions"):
        simulate({**record, "actions": [[*first, 0, 0], second]})
    with pytest.raises(InputError, match="cannot be played"):
        simulate({**record, "actions": [[14, *first], second]})
    with pytest.raises(InputError, match="does not have"):
        simulate({**record, "format": "gen1uo"})


def test_a_replay_that_cannot_be_written_is_an_input_error(record: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        save_record(record, tmp_path / "missing" / "battle.json")


class Scripts(HTMLParser):
    """The page's scripts, its title and its text, as an HTML parser finds them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.text = ""
        self._inside: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside.append(tag)
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self._inside.append("/" + tag)

    def handle_data(self, data: str) -> None:
        if self._inside and self._inside[-1] == "script":
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)
        else:
            self.text += data


def embedded(page: str) -> list[str]:
    """The log as Showdown's replay script reads it."""
    attributes, data = Scripts(page).scripts[0]
    assert attributes == {"type": "text/plain", "class": "battle-log-data"}
    return data.replace("\\/", "/").strip("\n").split("\n")


def test_the_replay_page_holds_the_public_log(record: dict[str, Any], log: BattleLog, tmp_path: Path) -> None:
    save_replay(record, tmp_path / "battle.html")
    save_log(record, tmp_path / "battle.log")
    page = (tmp_path / "battle.html").read_text()
    assert embedded(page) == view_log(log.lines)
    assert (tmp_path / "battle.log").read_text().split("\n")[:-1] == view_log(log.lines)
    parsed = Scripts(page)
    assert parsed.scripts[1][0] == {"src": "https://play.pokemonshowdown.com/js/replay-embed.js"}
    assert "[Gen 1] OU replay: Player 1 vs. Player 2" in parsed.text
    assert "won the battle!" in parsed.text


EVIL = st.text(st.sampled_from("<>/!-scriptSCRIPT\"'&;= \\|"), max_size=40)


@given(EVIL, EVIL, st.sampled_from(["</script><script>alert(1)</script>", "<!--<script>", "--></SCRIPT >", "&lt;"]))
def test_names_cannot_leave_their_place_in_the_page(first: str, second: str, worst: str) -> None:
    lines = [
        "|player|p1|Player 1||",
        "|player|p2|Player 2||",
        f"|switch|p1a: {worst}{first}|Tauros|100/100",
        "|win|Player 1",
    ]
    page = replay_html(lines, f"[Gen 1] {second}{worst}", players=(worst + first, second + worst))
    parsed = Scripts(page)
    assert len(parsed.scripts) == 2
    assert parsed.scripts[1] == ({"src": "https://play.pokemonshowdown.com/js/replay-embed.js"}, "")
    assert len(embedded(page)) == 4
    assert page.count("<script") - page.split("</script>")[0].count("<script") == 1


def test_players_can_be_given_names(log: BattleLog) -> None:
    page = replay_html(view_log(log.lines), log.format, players=("Alice", "Bob|x\n"))
    lines = embedded(page)
    assert "|player|p1|Alice||" in lines
    assert "|player|p2|Bob x||" in lines
    assert lines[-1] in ("|win|Alice", "|win|Bob x")
    assert "Alice's" in Scripts(page).text
