"""Battles that start in mid-play are the unbroken ones, for what the simulator does and for what the players see."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from games.showdown.playing import play
from pokenash.errors import InputError, TeamError
from pokenash.games.core import Decisions, EpisodeResult, EpisodeSetup
from pokenash.games.showdown import Position, PositionSet, ShowdownGame, load_positions, save_positions, worker
from pokenash.games.showdown.observation import decode
from pokenash.games.showdown.replay import load_record, save_record, simulate

FORMATS = ["gen1ou", "gen4randombattle", "gen9ou", "gen9randombattle"]
BATTLES = 14

STARMIE_TAUROS = """Starmie
- Recover
- Thunderbolt
- Blizzard
- Thunder Wave

Tauros
- Body Slam
- Hyper Beam
- Earthquake
- Blizzard
"""
CHANSEY_SNORLAX = """Chansey
- Soft-Boiled
- Thunder Wave
- Ice Beam
- Thunderbolt

Snorlax
- Body Slam
- Rest
- Reflect
- Self-Destruct
"""


@dataclass
class Point:
    """One decision point of a battle: how many actions were taken before, and by player what is seen and done."""

    counts: tuple[int, int]
    seen: dict[int, tuple[bytes, ...]]
    text: dict[int, str]
    action: dict[int, int]


def points_of(game: ShowdownGame, setups: list[EpisodeSetup], given: dict[int, Any] | None = None) -> Any:
    """Play; random actions keyed by what is seen, or the given ones, by (episode, player) a list."""
    points: dict[int, list[Point]] = {setup.episode: [] for setup in setups}
    results: dict[int, EpisodeResult] = {}
    with game.vector(12) as vector:
        decisions, ended = vector.start(setups)
        while True:
            results |= {one.episode: one for one in ended}
            if not len(decisions):
                return points, results
            decisions, ended = vector.step(_answer(decisions, points, given))


def _answer(decisions: Decisions, points: dict[int, list[Point]], given: dict[int, Any] | None) -> Any:
    actions = np.zeros(len(decisions), np.int64)
    for episode in np.unique(decisions.episode).tolist():
        rows = np.flatnonzero(decisions.episode == episode)
        taken = [sum(player in point.action for point in points[episode]) for player in (0, 1)]
        point = Point((taken[0], taken[1]), {}, {}, {})
        for row in rows.tolist():
            player, done = int(decisions.player[row]), int(decisions.decision[row])
            assert done == taken[player]
            assert isinstance(decisions.observation, dict)
            arrays = (decisions.action_mask, *decisions.observation.values())
            point.seen[player] = tuple(array[row].tobytes() for array in arrays)
            point.text[player] = decisions.text[row] if decisions.text else ""
            legal = np.flatnonzero(decisions.action_mask[row])
            drawn = np.random.default_rng([episode, player, done]).choice(legal)
            point.action[player] = int(drawn) if given is None else given[episode][player][done]
            actions[row] = point.action[player]
        points[episode].append(point)
    return actions


def actions_of(points: list[Point]) -> list[list[int]]:
    """Both players' actions."""
    return [[point.action[player] for point in points if player in point.action] for player in (0, 1)]


def unavailable(point: Point) -> bool:
    """Whether somebody is asked again because the simulator has refused what the mask allowed."""
    return any("[Unavailable choice]" in text for text in point.text.values())


@pytest.mark.parametrize("format", FORMATS)
def test_a_battle_started_at_a_position_is_the_rest_of_the_unbroken_one(format: str) -> None:
    """Observations, masks and results to the end, from random points and from all that follow a refusal."""
    game = ShowdownGame(format, turn_limit=60)
    rng = np.random.default_rng(5)
    setups = [
        EpisodeSetup(number, int(rng.integers(2**63)), game.sample_options(rng), text=(True, True), record=True)
        for number in range(BATTLES)
    ]
    points, results = points_of(game, setups)
    again: list[EpisodeSetup] = []
    origin: list[tuple[int, int]] = []
    for episode, own in points.items():
        refused = [place for place, point in enumerate(own) if unavailable(point)]
        for place in {*refused[:2], *rng.integers(len(own), size=2).tolist()}:
            record = dict(results[episode].record or {})
            record["actions"] = [record["actions"][player][: own[place].counts[player]] for player in (0, 1)]
            options = {"position": Position.from_record(record).to_json(), "continued": True}
            again.append(EpisodeSetup(len(again), 1, options, text=(True, True)))
            origin.append((episode, place))
    rest = {
        number: [
            points_actions[len(done) :]
            for points_actions, done in zip(
                actions_of(points[episode]),
                again[number].options["position"]["source"]["record"]["actions"],
                strict=True,
            )
        ]
        for number, (episode, place) in enumerate(origin)
    }
    found, ended = points_of(game, again, rest)
    decisions = 0
    for number, (episode, place) in enumerate(origin):
        expected = points[episode][place:]
        assert [point.seen for point in found[number]] == [point.seen for point in expected]
        assert (ended[number].returns, ended[number].reason) == (results[episode].returns, results[episode].reason)
        for player in (0, 1):
            told = [point.text[player] for point in points[episode] if player in point.text]
            later = [point.text[player] for point in found[number] if player in point.text]
            before = len(told) - len(later)
            assert "\n".join(told) == "\n".join(later), "the first text tells everything from the battle's beginning"
            assert later == ["\n".join(told[: before + 1]), *told[before + 1 :]] or not later
        decisions += len(expected)
    assert decisions > 600
    if format == "gen9randombattle":
        assert any(unavailable(points[episode][place]) for episode, place in origin)


@pytest.fixture(scope="module")
def position() -> Position:
    """Two against two, made by hand."""
    states = (
        {"Starmie": {"hp": 0, "seen": ["Recover"]}, "Tauros": {"hp": 200, "status": "par", "pp": {"Hyper Beam": 5}}},
        {"Chansey": {"hp": 100, "status": "slp", "slept": 5}, "Snorlax": {"boosts": {"def": 2}}},
    )
    return Position.compose(
        (STARMIE_TAUROS, CHANSEY_SNORLAX), ("Tauros", "Snorlax"), states, name="two and two", turn=31
    )


@pytest.fixture(scope="module")
def game(position: Position) -> ShowdownGame:
    """With one position in its set."""
    return ShowdownGame("gen1ou", positions=[position])


def rollouts(count: int, **settings: Any) -> list[EpisodeSetup]:
    """Episodes from the position by its name, each with a seed of its own."""
    return [EpisodeSetup(number, 1000 + number, {"position": "two and two"}, **settings) for number in range(count)]


def test_a_composed_position_is_what_was_described(game: ShowdownGame) -> None:
    """In the eyes of both players, each with what that player may know."""
    with game.vector(1) as vector:
        decisions, _ = vector.start(rollouts(1))
        assert decisions.player.tolist() == [0, 1]
        assert isinstance(decisions.observation, dict)
        first, second = (
            decode({name: array[row] for name, array in decisions.observation.items()}, game.dex.names)
            for row in (0, 1)
        )
    starmie, tauros = first["pokemon"][:2]
    assert first["global"]["turn"] == second["global"]["turn"] == 31
    assert starmie["fainted"]
    assert (tauros["species"], tauros["status"], tauros["active"]) == ("Tauros", "par", True)
    assert tauros["hp"] == pytest.approx(200 / 353)
    assert [move["pp"] for move in first["moves"]] == pytest.approx([1, 5 / 8, 1, 1])
    seen = second["pokemon"][6:]
    assert [one["species"] for one in seen if one] == ["Starmie", "Tauros"]
    assert seen[0]["move_1"] == "Recover"
    assert seen[1]["move_1"] == "Hyper Beam"
    assert seen[1]["move_2"] is None
    assert seen[1]["pp_1"] == pytest.approx(5 / 8)
    assert seen[1]["hp"] == pytest.approx(57 / 100)
    chansey, snorlax = second["pokemon"][:2]
    assert (chansey["status"], snorlax["boost_def"], snorlax["active"]) == ("slp", 2, True)


def test_many_lanes_start_from_one_position_with_futures_of_their_own(game: ShowdownGame) -> None:
    """The same beginning for all, one future for each seed, whatever the layout of the lanes."""
    with game.vector(16) as vector:
        decisions, _ = vector.start(rollouts(16))
        assert isinstance(decisions.observation, dict)
        for player in (0, 1):
            rows = decisions.player == player
            assert all((array[rows] == array[rows][0]).all() for array in decisions.observation.values())
        played = play(vector, rollouts(40, record=True))
        assert len({json.dumps(one.record and one.record["actions"]) for one in played.results.values()}) > 30
    with game.vector(3, 2) as vector:
        assert play(vector, rollouts(40, record=True)) == played


def test_lanes_from_a_position_survive_their_worker(game: ShowdownGame) -> None:
    """They are rebuilt from the position and the actions since."""
    with game.vector(8) as vector:
        expected = play(vector, rollouts(20, text=(True, False), record=True))

        def kill(step: int) -> None:
            if step in (0, 9, 30):
                os.kill(vector.worker_pids[0], signal.SIGKILL)

        assert play(vector, rollouts(20, text=(True, False), record=True), before_step=kill) == expected


def test_a_worker_forgets_the_positions_that_were_used_longest_ago(
    game: ShowdownGame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a search with a clone for every battle would fill its memory."""
    monkeypatch.setattr(worker, "_MAX_POSITIONS", 3)
    teams, active = (STARMIE_TAUROS, CHANSEY_SNORLAX), ("Starmie", "Snorlax")
    found = [Position.compose(teams, active, turn=turn) for turn in range(5, 10)]
    with game.vector(4) as vector:
        seen: dict[int, bytes] = {}
        for pair in ((0, 1), (2, 3), (1, 4), (0, 4), (3, 2), (1, 0)):
            setups = [EpisodeSetup(i, 7, {"position": found[one].to_json()}) for i, one in enumerate(pair)]
            decisions, _ = vector.start(setups)
            assert isinstance(decisions.observation, dict)
            for lane, one in enumerate(pair):
                row = int(np.flatnonzero(decisions.episode == lane)[0])
                shown = decisions.observation["global"][row].tobytes()
                assert seen.setdefault(one, shown) == shown
        assert len(set(seen.values())) == len(found)
        assert all(one is None or len(one._positions) <= 3 for one in vector._pool._workers)


def test_a_record_from_a_position_is_complete(game: ShowdownGame, position: Position, tmp_path: Path) -> None:
    """It replays without the game, and positions can be taken in it again."""
    with game.vector(4) as vector:
        played = play(vector, rollouts(3, record=True))
    for result in played.results.values():
        record = result.record
        assert record is not None
        assert record["position"]["name"] == "two and two"
        save_record(record, tmp_path / "battle.json")
        battle = simulate(load_record(tmp_path / "battle.json"))
        assert battle.turns == result.info["turns"]
        assert battle.winner == (None if result.returns[0] == 0 else int(result.returns[0] < 0))
        assert "|turn|31" in battle.lines
    inner = Position.from_record(played.results[0].record or {}, decision=2)
    start = EpisodeSetup(0, 5, {"position": inner.to_json(), "continued": True}, record=True)
    with game.vector(1) as vector:
        vector.start([start])
    assert Position.from_json(json.loads(json.dumps(inner.to_json()))) == inner
    assert inner.source["record"]["position"] == position.to_json()


def test_hidden_sleep_is_drawn_from_what_is_still_possible() -> None:
    """After five turns asleep a Pokémon wakes in the sixth or the seventh, as often in the one as in the other."""
    states = ({}, {"Snorlax": {"status": "slp", "slept": 5}})
    sleeper = Position.compose((STARMIE_TAUROS, CHANSEY_SNORLAX), ("Starmie", "Snorlax"), states)
    game = ShowdownGame("gen1ou", positions=[sleeper], turn_limit=25)
    setups = [EpisodeSetup(number, number, {"position": 0}, text=(True, False)) for number in range(400)]
    turns_asleep: dict[int, int] = dict.fromkeys(range(400), 0)
    with game.vector(32) as vector:
        decisions, _ = vector.start(setups)
        while len(decisions):
            for row in np.flatnonzero(decisions.player == 0).tolist():
                assert decisions.text is not None
                lines = decisions.text[row].split("\n")
                turns_asleep[int(decisions.episode[row])] += sum(line == "|cant|p2a: Snorlax|slp" for line in lines)
            # Recover, and what a sleeper is asked for.
            decisions, _ = vector.step(decisions.action_mask.argmax(axis=1))
    woken = np.bincount(list(turns_asleep.values()), minlength=8)
    assert woken[5] + woken[6] == 400
    assert abs(woken[5] - 200) < 60, "six standard deviations of 400 fair draws"


def test_decisions_of_a_record_are_named_by_number_or_turn(game: ShowdownGame) -> None:
    """A turn begins with its first decision."""
    with ShowdownGame("gen1ou").vector(1) as vector:
        record = play(vector, [EpisodeSetup(0, 3, {"teams": [0, 1]}, record=True)]).results[0].record
    assert record is not None
    assert Position.from_record(record, decision=0).source["record"]["actions"] == [[], []]
    tenth = Position.from_record(record, turn=10)
    assert "|turn|10" in tenth.told()[0]
    assert "|turn|11" not in tenth.told()[0]
    with pytest.raises(InputError, match="the record has no decision 9999: it has"):
        Position.from_record(record, decision=9999)
    with pytest.raises(InputError, match="no decision in turn 2000"):
        Position.from_record(record, turn=2000)
    with pytest.raises(InputError, match="not by both"):
        Position.from_record(record, turn=3, decision=3)


@pytest.mark.parametrize(
    ("states", "words"),
    [
        (({"Mewtwo": {}}, {}), "there is no Mewtwo in the team of Player 1"),
        (({"Starmie": {"hp": 9999}}, {}), "cannot have 9999 of 323 HP"),
        (({"Tauros": {"hp": 0}}, {}), "is to be on the field and has fainted"),
        (({"Tauros": {"pp": {"Surf": 3}}}, {}), "has no move Surf"),
        (({"Tauros": {"pp": {"Blizzard": 60}}}, {}), "cannot have 60 PP"),
        (({}, {"Snorlax": {"status": "slp", "slept": 7}}), "cannot still be asleep"),
        (({}, {"Snorlax": {"status": "slp", "slept": 1e9}}), "cannot still be asleep"),
        (({"Tauros": {"hpp": 3}}, {}), "has the unknown hpp; known: hp, status"),
        (({"Tauros": 5}, {}), "the state of Tauros is no mapping"),
        (({}, {"Snorlax": {"status": "slp"}, "Chansey": {"status": "slp"}}), "cannot have the status slp"),
    ],
)
def test_what_cannot_be_is_refused_when_it_is_composed(states: Any, words: str) -> None:
    """In the words of what is wrong."""
    with pytest.raises(InputError, match=words):
        Position.compose((STARMIE_TAUROS, CHANSEY_SNORLAX), ("Tauros", "Snorlax"), states)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"active": ("Tauros", "Snorlax", "Starmie")}, "expected two each"),
        ({"states": ({}, {}, {})}, "expected two each"),
        ({"states": ({"Tauros": {"hp": object()}}, {})}, "states are mappings"),
        ({"states": ([1], {})}, "states are mappings"),
        ({"seed": -1}, "expected a number from 0 on"),
    ],
)
def test_what_describes_no_position_is_refused(changed: dict[str, Any], words: str) -> None:
    described = {"teams": (STARMIE_TAUROS, CHANSEY_SNORLAX), "active": ("Tauros", "Snorlax"), **changed}
    with pytest.raises(InputError, match=words):
        Position.compose(**described)


@pytest.mark.parametrize("composition", [3, None, {}, {"teams": [], "seed": "", "turn": 2}])
def test_a_composition_without_its_fields_is_refused(composition: Any) -> None:
    told = {"schema": 1, "name": "a", "format": "gen1ou", "simulator": "0", "source": {"composition": composition}}
    with pytest.raises(InputError, match="in its composition"):
        Position.from_json(told)


@pytest.mark.parametrize("text", ['{"schema": 1, "positions": 3}', "[" * 100_000, "1" * 5000, "[]"])
def test_what_is_no_file_of_positions_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "positions.json").write_text(text)
    with pytest.raises(InputError, match=r"positions\.json"):
        load_positions(tmp_path / "positions.json")


def test_teams_of_a_position_must_be_legal() -> None:
    """The format's validator judges them."""
    with pytest.raises(TeamError, match="not legal in gen1ou"):
        Position.compose(("Mewtwo\n- Psychic", CHANSEY_SNORLAX), ("Mewtwo", "Snorlax"))


def test_positions_keep_their_hash_in_a_file(position: Position, tmp_path: Path) -> None:
    """What is written is what is read."""
    other = Position.compose((STARMIE_TAUROS, CHANSEY_SNORLAX), ("Tauros", "Snorlax"))
    save_positions([position, other], tmp_path / "positions.json")
    read = load_positions(tmp_path / "positions.json")
    assert read == PositionSet((position, other))
    assert [one.sha256 for one in read] == [position.sha256, other.sha256]
    assert other.name == f"gen1ou-{other.sha256[:12]}"
    game = ShowdownGame("gen1ou", positions=tmp_path / "positions.json")
    assert ShowdownGame.from_config(json.loads(json.dumps(game.config()))).positions == read
    with pytest.raises(InputError, match="different names"):
        save_positions([position, position], tmp_path / "positions.json")


def test_positions_that_cannot_be_played_are_refused(game: ShowdownGame, position: Position) -> None:
    """Before anything is sent to the simulator."""
    with game.vector(1) as vector:
        for wanted, words in [
            ("nothing", "there is no position 'nothing'; the set has two and two"),
            (1, "there is no position 1: the game has 1"),
            (2.5, "named by its name or index or given whole"),
            ({**position.to_json(), "schema": 9}, "schema 9, expected 1"),
            ({**position.to_json(), "simulator": "0.1"}, "in simulator 0.1; this game plays"),
            ({**position.to_json(), "format": "gen2ou"}, "is of gen2ou"),
            ({**position.to_json(), "source": {}}, "neither a record nor a composition"),
        ]:
            with pytest.raises(InputError, match=words):
                vector.start([EpisodeSetup(0, 0, {"position": wanted})])
