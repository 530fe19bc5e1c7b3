"""No gap between training and play: on the real server a policy sees and does what it does in the embedded game."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.server_battles import Seen, ServerBattle, Side, play_on_server, replay

from pokenash.games.core import Decisions
from pokenash.games.showdown import ShowdownGame
from pokenash.games.showdown.following import Follower
from pokenash.online.server import ShowdownServer
from pokenash.policies import DecisionRandom, Policy, PolicySpec, load_policy

UNIFORM, TYPE_AWARE = PolicySpec("uniform", "uniform"), PolicySpec("type_aware", "type_aware")
POKE_ENV = PolicySpec("poke-env", "poke_env", {"player": "SimpleHeuristicsPlayer"})
TRAPPERS = Path(__file__).parent / "trappers.txt"
SEED = 5
FORMATS = {
    "gen1ou": (12, UNIFORM, TYPE_AWARE),
    "gen9ou": (8, UNIFORM, POKE_ENV),
    "gen1randombattle": (8, TYPE_AWARE, UNIFORM),
    "gen4randombattle": (9, UNIFORM, UNIFORM),
    "gen9randombattle": (9, UNIFORM, TYPE_AWARE),
    "gen9anythinggoes": (6, UNIFORM, UNIFORM),
}
Played = tuple[ShowdownGame, tuple[PolicySpec, PolicySpec], list[ServerBattle], list[tuple[list[Seen], list[Seen]]]]


@pytest.fixture(scope="module")
def played(showdown_server: ShowdownServer) -> dict[str, Played]:
    """Battles of every format on the server, and the same battles again in the embedded simulator."""
    found = {}
    for format, (battles, first, second) in FORMATS.items():
        game = ShowdownGame(format, teams=TRAPPERS if format == "gen9anythinggoes" else None)
        told = play_on_server(showdown_server, game, [first, second], battles, seed=SEED, concurrent=5)
        found[format] = (game, (first, second), told, list(replay(game, told)))
    return found


def test_there_are_more_than_fifty_battles(played: dict[str, Played]) -> None:
    assert sum(len(battles) for _, _, battles, _ in played.values()) >= 50


@pytest.mark.parametrize("format", FORMATS)
def test_every_row_and_mask_is_that_of_the_embedded_game(played: dict[str, Played], format: str) -> None:
    _, _, battles, again = played[format]
    for battle, embedded in zip(battles, again, strict=True):
        for side, expected in zip(battle.sides, embedded, strict=True):
            assert len(side.seen) > 2
            assert len(side.seen) == len(expected)
            for number, (one, other) in enumerate(zip(side.seen, expected, strict=True)):
                _assert_same(one, other, f"{battle.tag}, decision {number}")


@pytest.mark.parametrize("format", FORMATS)
def test_every_text_is_that_of_the_embedded_game(played: dict[str, Played], format: str) -> None:
    _, _, battles, again = played[format]
    for battle, embedded in zip(battles, again, strict=True):
        for side, expected in zip(battle.sides, embedded, strict=True):
            for one, other in zip(side.seen, expected, strict=True):
                assert _anonymous(one.text) == _anonymous(other.text)


@pytest.mark.parametrize("format", FORMATS)
def test_every_choice_is_that_of_the_embedded_game(played: dict[str, Played], format: str) -> None:
    game, specs, battles, again = played[format]
    policies = [load_policy(spec, game) for spec in specs]
    for battle, embedded in zip(battles, again, strict=True):
        for player, (side, expected) in enumerate(zip(battle.sides, embedded, strict=True)):
            chosen = _choices(policies[side.policy], SEED + side.policy, side.episode, player, expected)
            assert chosen == side.actions


def test_the_server_refused_choices_and_asked_again(played: dict[str, Played]) -> None:
    """Else the battles would not show what follows of a refusal."""
    told = [line for side in _sides(played["gen9anythinggoes"]) for message in side.messages for line in message]
    assert any(line.startswith("|error|[Unavailable choice]") for line in told)
    assert any(line.startswith("|replace|") for line in told)


@pytest.mark.parametrize("request_first", [False, True])
def test_what_was_told_can_be_told_again_in_either_order(played: dict[str, Played], request_first: bool) -> None:
    """Today's servers send a request after the lines of its update; earlier ones sent it before them."""
    for format in ("gen9ou", "gen9anythinggoes", "gen1randombattle"):
        game = played[format][0]
        with Follower(game, 1) as follower:
            for side in _sides(played[format]):
                follower.begin(0)
                number = 0
                for lines, request in _updates(side.messages):
                    for told in ([request], lines) if request_first else (lines, [request]):
                        follower.feed(0, told)
                    if '"wait":true' not in request:
                        observation, mask = follower.rows([0])
                        row = {name: block[0] for name, block in observation.items()}
                        _assert_same(Seen(row, mask[0], "", 0), side.seen[number], f"decision {number}")
                        number += 1
                assert number == len(side.seen)


def _updates(messages: list[list[str]]) -> Iterator[tuple[list[str], str]]:
    """The lines that came before each request, and the request."""
    lines: list[str] = []
    for line in (line for message in messages for line in message):
        if line.startswith("|request|{"):
            yield lines, line
            lines = []
        else:
            lines.append(line)


def _sides(played: Played) -> list[Side]:
    return [side for battle in played[2] for side in battle.sides]


def _assert_same(one: Seen, other: Seen, where: str) -> None:
    np.testing.assert_array_equal(one.action_mask, other.action_mask, where)
    for name, expected in other.observation.items():
        np.testing.assert_array_equal(one.observation[name], expected, f"{where}: {name}")


def _anonymous(text: str) -> str:
    """Without the players' names, faces and ratings."""
    text = re.sub(r"^(\|player\|p[12]\|).*$", r"\1", text, flags=re.MULTILINE)
    return re.sub(r"\bside[01] [0-9a-f]{8}\b|\bPlayer [12]\b", "somebody", text)


def _choices(policy: Policy, seed: int, episode: int, player: int, seen: list[Seen]) -> list[int]:
    """What a policy chooses in a battle that it sees decision by decision."""
    memory, random = policy.initial_memory(1), DecisionRandom(seed)
    actions = []
    for number, one in enumerate(seen):
        decisions = Decisions(
            np.zeros(1, np.int64),
            np.array([episode]),
            np.array([player]),
            np.array([number]),
            {name: block[None] for name, block in one.observation.items()},
            one.action_mask[None],
            [one.text],
        )
        actions.append(int(policy.act(decisions, memory, random)[0]))
    return actions
