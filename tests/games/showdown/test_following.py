"""A follower sees what the embedded game shows, and survives whatever it is told."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from games.showdown.playing import schedule, uniform
from games.showdown.test_orphans import alive, all_gone
from games.showdown.test_worker_faults import node_that
from pokenash.errors import BattleFollowError, IllegalActionError, InputError, SimulatorError
from pokenash.games.showdown import ShowdownGame, told
from pokenash.games.showdown.following import Follower

NOISE = [
    "|t:|1700000000",
    "|c|☆someone|p1a: |-damage|p1a: Tauros|0 fnt",
    "|inactive|Time left: 150 sec this turn | 150 sec total",
    "|raw|" + "<b>" * 10_000,
    "|html|<div>|turn|99</div>",
    "|j|☆somebody",
    "|error|[Invalid choice] Can't do anything",
    "||a notice",
    "free text |turn|99",
    "|nosuchmessage|p1a: Tauros|0 fnt",
    "",
    "|request|",
]


@dataclass(frozen=True)
class Decision:
    """An open decision of the embedded game, and the text that came with it."""

    lines: list[str]
    observation: dict[str, NDArray[Any]]
    action_mask: NDArray[np.bool_]


@pytest.fixture(scope="module")
def game() -> ShowdownGame:
    return ShowdownGame("gen9ou")


@pytest.fixture(scope="module")
def battle(game: ShowdownGame) -> list[Decision]:
    """One player's decisions of a battle."""
    return embedded_battles(game, 1)[0]


@pytest.fixture
def follower(game: ShowdownGame) -> Iterator[Follower]:
    with Follower(game, 3) as made:
        yield made


def embedded_battles(game: ShowdownGame, battles: int) -> list[list[Decision]]:
    """Battles at random, each from both sides."""
    act = uniform()
    found: dict[tuple[int, int], list[Decision]] = {}
    with game.vector(battles, 1) as vector:
        decisions, _ = vector.start(schedule(game, battles, text=(True, True)))
        while len(decisions):
            assert isinstance(decisions.observation, dict)
            for row, text in enumerate(decisions.text or []):
                key = int(decisions.episode[row]), int(decisions.player[row])
                observation = {name: block[row].copy() for name, block in decisions.observation.items()}
                seen = Decision(text.split("\n"), observation, decisions.action_mask[row].copy())
                found.setdefault(key, []).append(seen)
            decisions, _ = vector.step(act(decisions))
    return [found[key] for key in sorted(found)]


def tell(follower: Follower, lane: int, decisions: list[Decision]) -> None:
    """Begin a battle and tell it up to the last of the decisions."""
    follower.begin(lane)
    for decision in decisions:
        follower.feed(lane, decision.lines)


def ask(follower: Follower, lane: int, lines: list[str]) -> None:
    """Tell a lane something and look at its row."""
    follower.feed(lane, lines)
    observation, mask = follower.rows([lane])
    assert mask.any()
    assert all(np.isfinite(block).all() for block in observation.values())


def assert_shows(follower: Follower, lane: int, decision: Decision) -> None:
    observation, mask = follower.rows([lane])
    np.testing.assert_array_equal(mask[0], decision.action_mask)
    for name, expected in decision.observation.items():
        np.testing.assert_array_equal(observation[name][0], expected, name)


@pytest.mark.parametrize("format", ["gen1ou", "gen3randombattle", "gen9randombattle"])
def test_rows_are_those_of_the_embedded_game(format: str) -> None:
    game = ShowdownGame(format)
    battles = embedded_battles(game, 4)
    with Follower(game, len(battles)) as follower:
        for lane in range(len(battles)):
            follower.begin(lane)
        for number in range(max(map(len, battles))):
            lanes = [lane for lane, battle in enumerate(battles) if number < len(battle)]
            for lane in lanes:
                follower.feed(lane, battles[lane][number].lines)
            observation, mask = follower.rows(lanes)
            for row, lane in enumerate(lanes):
                expected = battles[lane][number]
                np.testing.assert_array_equal(mask[row], expected.action_mask)
                for name, block in expected.observation.items():
                    np.testing.assert_array_equal(observation[name][row], block)


def test_a_request_may_be_given_apart_and_may_say_to_wait(follower: Follower, battle: list[Decision]) -> None:
    follower.begin(0, player=None)
    for decision in battle[:5]:
        request = json.loads(decision.lines[-1].removeprefix("|request|"))
        follower.feed(0, decision.lines[:-1])
        follower.feed(0, [], {"wait": True, "side": request["side"]})
        with pytest.raises(BattleFollowError, match="no open request"):
            follower.rows([0])
        follower.feed(0, [], {**request, "rqid": 7})
        assert_shows(follower, 0, decision)
    assert follower.player(0) == int(request["side"]["id"][1]) - 1


def test_what_is_said_besides_changes_nothing(follower: Follower, battle: list[Decision]) -> None:
    follower.begin(0)
    for decision in battle:
        for line in decision.lines[:-1]:
            follower.feed(0, [*NOISE, line, *NOISE])
        follower.feed(0, decision.lines[-1:])
        follower.feed(0, NOISE[:-1])
        assert_shows(follower, 0, decision)


def test_choices_name_the_places_of_the_request(follower: Follower, battle: list[Decision]) -> None:
    own = [one["ident"] for one in _request(battle[0])["side"]["pokemon"]]
    follower.begin(0)
    seen = set()
    for decision in battle:
        follower.feed(0, decision.lines)
        request = _request(decision)
        for action in np.flatnonzero(decision.action_mask).tolist():
            if request.get("teamPreview"):
                continue
            choice = follower.choice(0, action)
            assert choice is not None
            word, number, *rest = choice.split()
            seen.add((word, *rest))
            if word == "switch":
                assert request["side"]["pokemon"][int(number) - 1]["ident"] == own[action - 4]
            else:
                assert int(number) - 1 == (action if action < 4 else (action - 10) % 4)
    assert seen == {("move",), ("switch",), ("move", "terastallize")}


def test_illegal_actions_are_refused_and_change_nothing(follower: Follower, battle: list[Decision]) -> None:
    tell(follower, 0, battle[:4])
    illegal = int(np.flatnonzero(~battle[3].action_mask)[0])
    with pytest.raises(IllegalActionError, match=f"lane 0 chose action {illegal}"):
        follower.choice(0, illegal)
    assert_shows(follower, 0, battle[3])


def test_a_team_preview_may_take_several_picks(follower: Follower, battle: list[Decision]) -> None:
    request = _request(battle[0]) | {"maxChosenTeamSize": 3}
    follower.begin(0)
    follower.feed(0, battle[0].lines[:-1], request)
    assert [follower.choice(0, 4 + slot) for slot in (2, 0)] == [None, None]
    assert follower.worker_pid is not None
    os.kill(follower.worker_pid, signal.SIGKILL)
    mask = follower.rows([0])[1][0]
    assert np.flatnonzero(mask).tolist() == [5, 7, 8, 9]
    assert follower.choice(0, 9) == "team 3,1,6"


def test_a_worker_that_dies_is_replaced_and_told_everything_again(follower: Follower, battle: list[Decision]) -> None:
    tell(follower, 0, battle[:6])
    tell(follower, 2, battle[:3])
    assert_shows(follower, 0, battle[5])
    first = follower.worker_pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert_shows(follower, 2, battle[2])
    assert follower.worker_pid != first
    assert_shows(follower, 0, battle[5])
    follower.feed(0, battle[6].lines)
    assert_shows(follower, 0, battle[6])


@pytest.mark.parametrize("deed", ["process.exit(3)", "for (;;) {}"])
def test_a_battle_that_takes_the_worker_with_it_fails_alone(
    game: ShowdownGame, battle: list[Decision], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deed: str
) -> None:
    node = node_that(
        tmp_path,
        f"""
        const Module = require('module');
        const load = Module._load;
        Module._load = function (...args) {{
          const loaded = load.apply(this, args);
          if (args[0] === './tracker' && !loaded.Tracker.poisoned) {{
            loaded.Tracker.poisoned = true;
            const receive = loaded.Tracker.prototype.receive;
            loaded.Tracker.prototype.receive = function (line) {{
              if (line === '|turn|poison') {deed};
              receive.call(this, line);
            }};
          }}
          return loaded;
        }};
        """,
    )
    monkeypatch.setenv("POKENASH_NODE", str(node))
    with Follower(game, 2, timeout=1.0) as follower:
        tell(follower, 0, battle[:3])
        tell(follower, 1, battle[:2])
        follower.feed(1, ["|turn|poison"])
        assert_shows(follower, 0, battle[2])
        with pytest.raises(BattleFollowError, match="lane 1 cannot be followed: it takes the process with it"):
            follower.rows([1])
        tell(follower, 1, battle[:2])
        assert_shows(follower, 1, battle[1])


NONSENSE: list[tuple[list[str], str]] = [
    (["|-damage|p1a: " + "x" * 2000 + "|1/2"], "a line of 2018 characters"),
    (["|request|{" + '"x":"' + "y" * 70_000], "a request of 70006 characters"),
    (["|request|{"], "a request that is not JSON"),
    (["|request|" + "[" * 60_000], "a request that is not JSON"),
    (["|request|[]"], "a request that is a list"),
    (["|request|{}"], "a request of the side None"),
    (['|request|{"side":{"id":"p1"}}'], "lane 0 cannot be followed"),
    (['|request|{"side":{"id":"p1","pokemon":[]}}'], "lane 0 cannot be followed"),
    (['|request|{"side":{"id":"p1","pokemon":7},"active":"x"}'], "lane 0 cannot be followed"),
]


@pytest.mark.parametrize(("lines", "reason"), NONSENSE)
def test_nonsense_fails_its_lane_and_no_other(
    follower: Follower, battle: list[Decision], lines: list[str], reason: str
) -> None:
    seat = _request(battle[0])["side"]["id"]
    tell(follower, 0, battle[:3])
    tell(follower, 1, battle[:3])
    worker = follower.worker_pid
    with pytest.raises(BattleFollowError, match=reason) as caught:
        ask(follower, 0, [line.replace('"p1"', f'"{seat}"') for line in lines])
    assert caught.value.lane == 0
    with pytest.raises(BattleFollowError, match="lane 0"):
        follower.rows([1, 0])
    follower.feed(0, ["|turn|7"])
    assert_shows(follower, 1, battle[2])
    assert follower.worker_pid == worker
    tell(follower, 0, battle[:3])
    assert_shows(follower, 0, battle[2])


def test_a_request_of_the_other_player_is_refused(follower: Follower, battle: list[Decision]) -> None:
    tell(follower, 0, battle[:3])
    request = _request(battle[3])
    own = request["side"]["id"]
    request["side"]["id"] = "p2" if own == "p1" else "p1"
    with pytest.raises(BattleFollowError, match=f"in a battle that is followed as {own}"):
        follower.feed(0, [], request)
    follower.begin(0, 1 if own == "p1" else 0)
    with pytest.raises(BattleFollowError, match="in a battle that is followed as"):
        follower.feed(0, battle[0].lines)


def test_there_is_an_end_to_what_is_kept(
    follower: Follower, battle: list[Decision], monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(follower, 0, battle[:3])
    monkeypatch.setattr(told, "MAX_LINES", 500)
    with pytest.raises(BattleFollowError, match="more than 500 lines in one battle"):
        follower.feed(0, ["|turn|1"] * 501)
    tell(follower, 1, battle[:1])
    monkeypatch.setattr(told, "MAX_TOLD", 20_000)
    lines = [line for decision in battle for line in decision.lines]
    with pytest.raises(BattleFollowError, match="more than 20000 characters in one battle"):
        follower.feed(1, lines)


@pytest.mark.parametrize("seed", range(4))
def test_mangled_protocol_never_stops_the_others(game: ShowdownGame, battle: list[Decision], seed: int) -> None:
    rng = random.Random(seed)
    with Follower(game, 2) as follower:
        worker = follower.worker_pid
        failures = 0
        for _ in range(25):
            tell(follower, 0, battle[:4])
            tell(follower, 1, battle[:4])
            try:
                for decision in battle[4:8]:
                    ask(follower, 1, [_mangled(line, rng) for line in decision.lines])
            except BattleFollowError:
                failures += 1
            assert_shows(follower, 0, battle[3])
        assert follower.worker_pid == worker
        assert failures > 0


def _mangled(line: str, rng: random.Random) -> str:
    """A line with parts left out, doubled, swapped or overwritten."""
    pieces = list(line) if rng.random() < 0.2 else line.replace(",", "|,|").split("|")
    for _ in range(rng.randrange(4)):
        place = rng.randrange(len(pieces))
        what = rng.randrange(4)
        if what == 0 and len(pieces) > 1:
            del pieces[place]
        elif what == 1:
            pieces.insert(place, pieces[place])
        elif what == 2:
            pieces[place] = rng.choice(
                ["", "p3a: x", "NaN", "-1", "0 fnt", "9" * 30, "__proto__", "\x00", "null", "{}"]
            )
        else:
            other = rng.randrange(len(pieces))
            pieces[place], pieces[other] = pieces[other], pieces[place]
    return "".join(pieces) if len(line) and len(pieces) >= len(line) else "|".join(pieces).replace("|,|", ",")


def test_the_log_told_again_goes_on_where_it_was(follower: Follower, battle: list[Decision]) -> None:
    """As after a lost connection: the whole log, then the open request."""
    tell(follower, 0, battle[:6])
    log = [line for decision in battle[:9] for line in decision.lines if not line.startswith("|request|")]
    assert follower.rejoin(0, ["|init|battle", "|t:|17", *log])
    follower.feed(0, battle[8].lines[-1:])
    observation, mask = follower.rows([0])
    np.testing.assert_array_equal(mask[0], battle[8].action_mask)
    # Requests that were never told are missing, and with them nothing but exact PP in between.
    np.testing.assert_array_equal(observation["pokemon_ids"][0], battle[8].observation["pokemon_ids"])
    follower.feed(0, battle[9].lines)
    assert_shows(follower, 0, battle[9])


def test_another_log_begins_the_lane_anew(follower: Follower, battle: list[Decision]) -> None:
    tell(follower, 0, battle[:6])
    assert not follower.rejoin(0, battle[0].lines[:-1])
    follower.feed(0, battle[0].lines[-1:])
    assert_shows(follower, 0, battle[0])


def test_the_process_ends_with_the_one_that_started_it() -> None:
    code = """
        import time
        from pokenash.games.showdown import ShowdownGame
        from pokenash.games.showdown.following import Follower
        follower = Follower(ShowdownGame("gen1randombattle"), 1)
        print(follower.worker_pid, flush=True)
        time.sleep(600)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert alive(pid)
        process.kill()
    assert all_gone([pid])


def test_misuse_is_refused(follower: Follower, battle: list[Decision], game: ShowdownGame) -> None:
    with pytest.raises(InputError, match="lane 0 follows no battle; call begin first"):
        follower.feed(0, [])
    with pytest.raises(InputError, match="lane 3 is out of range; expected 0 to 2"):
        follower.begin(3)
    with pytest.raises(InputError, match="player is 2, expected 0, 1 or None"):
        follower.begin(0, 2)
    tell(follower, 0, battle[:1])
    with pytest.raises(InputError, match="expected each of them once"):
        follower.rows([0, 0])
    with pytest.raises(InputError, match="num_lanes is 0"):
        Follower(game, 0)
    follower.close()
    follower.close()
    with pytest.raises(SimulatorError, match="the follower was closed"):
        follower.rows([0])


def _request(decision: Decision) -> dict[str, Any]:
    request: dict[str, Any] = json.loads(decision.lines[-1].removeprefix("|request|"))
    return request
