"""poke-env's players as members: legal, reproducible, and with nobody else's random numbers touched."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pokenash.errors import InputError
from pokenash.games.core import Decisions, EpisodeSetup
from pokenash.games.showdown import FORFEIT, ShowdownGame
from pokenash.policies import DecisionRandom, Policy, PolicySpec, load_policy
from pokenash.policies.poke_env import PLAYERS

UNIFORM = PolicySpec("uniform", "uniform")


def _spec(player: str) -> PolicySpec:
    return PolicySpec(player, "poke_env", {"player": player})


def _play(format: str, player: str, episodes: int, lanes: int, seed: int = 1) -> dict[int, tuple[float, int, int]]:
    """Player 0 is poke-env's, player 1 uniform; results by episode, with a checksum of player 0's actions."""
    game = ShowdownGame(format=format)
    policies = (load_policy(_spec(player), game), load_policy(PolicySpec("uniform", "uniform"), game))
    rng, teams = DecisionRandom(seed), np.random.default_rng(seed)
    schedule = [EpisodeSetup(i, 100 + i, game.sample_options(teams), text=(True, False)) for i in range(episodes)]
    actions: dict[int, list[int]] = {i: [] for i in range(episodes)}
    found: dict[int, tuple[float, int, int]] = {}
    with game.vector(lanes, 1) as vector:
        memories = [policy.initial_memory(lanes) for policy in policies]
        decisions, results = vector.start(schedule)
        while len(decisions):
            chosen = np.zeros(len(decisions), np.int64)
            for player_index, policy in enumerate(policies):
                rows = np.flatnonzero(decisions.player == player_index)
                chosen[rows] = policy.act(decisions.select(rows), memories[player_index], rng)
            assert decisions.action_mask[np.arange(len(chosen)), chosen].all()
            for row in np.flatnonzero(decisions.player == 0):
                actions[int(decisions.episode[row])].append(int(chosen[row]))
            decisions, more = vector.step(chosen)
            results += more
    for result in results:
        made = actions[result.episode]
        found[result.episode] = (result.returns[0], result.length, hash(tuple(made)))
    return found


@pytest.mark.parametrize(
    ("format", "player"),
    [("gen1ou", 1), ("gen4randombattle", 1), ("gen4randombattle", 0), ("gen9randombattle", 0), ("gen9ou", 0)],
)
def test_plays_whole_battles_legally(format: str, player: int) -> None:
    found = _play(format, PLAYERS[player], episodes=3, lanes=3)
    assert len(found) == 3


def test_beats_uniform_play() -> None:
    found = _play("gen1ou", "SimpleHeuristicsPlayer", episodes=12, lanes=12)
    assert sum(returns > 0 for returns, _, _ in found.values()) >= 9


def test_same_battles_in_any_batch_and_after_anything() -> None:
    random.seed(1)
    first = _play("gen1ou", "SimpleHeuristicsPlayer", episodes=6, lanes=6)
    random.seed(2)
    random.random()
    assert _play("gen1ou", "SimpleHeuristicsPlayer", episodes=6, lanes=2) == first


def test_the_global_generator_is_left_as_it_was() -> None:
    random.seed(7)
    state = random.getstate()
    _play("gen4randombattle", "MaxBasePowerPlayer", episodes=2, lanes=2)
    assert random.getstate() == state


def test_a_new_episode_forgets_the_old_one() -> None:
    """One lane plays several battles; each is the same as when it is played first."""
    together = _play("gen1ou", "SimpleHeuristicsPlayer", episodes=3, lanes=1)
    apart = _play("gen1ou", "SimpleHeuristicsPlayer", episodes=3, lanes=3)
    assert together == apart


HERE = "tests.policies.poke_env.players"


@dataclass(frozen=True)
class Made:
    """A decision of a member."""

    action: int
    action_mask: NDArray[np.bool_]
    request: dict[str, Any]


def decisions_of(game: ShowdownGame, parameters: dict[str, Any], episodes: int = 2) -> tuple[list[Made], list[Any]]:
    """What a member decides against uniform play, in seat 0, and how its battles end."""
    policies = (load_policy(PolicySpec("it", "poke_env", parameters), game), load_policy(UNIFORM, game))
    rng, teams = DecisionRandom(3), np.random.default_rng(3)
    schedule = [EpisodeSetup(i, 300 + i, game.sample_options(teams), text=(True, False)) for i in range(episodes)]
    made, ended = [], []
    with game.vector(episodes, 1) as vector:
        memory = policies[0].initial_memory(episodes)
        decisions, results = vector.start(schedule)
        while len(decisions):
            chosen = np.zeros(len(decisions), np.int64)
            for player, policy in enumerate(policies):
                rows = np.flatnonzero(decisions.player == player)
                chosen[rows] = policy.act(decisions.select(rows), memory if player == 0 else None, rng)
            for row in np.flatnonzero(decisions.player == 0).tolist():
                assert decisions.text is not None
                request = json.loads(decisions.text[row].split("\n")[-1].removeprefix("|request|"))
                made.append(Made(int(chosen[row]), decisions.action_mask[row].copy(), request))
            decisions, more = vector.step(chosen)
            results += more
        ended += results
    return made, ended


def test_any_class_by_its_import_path() -> None:
    made, ended = decisions_of(ShowdownGame("gen1ou"), {"player": "poke_env.player:RandomPlayer"})
    assert len(ended) == 2
    assert all(one.action_mask[one.action] for one in made)


def test_a_default_order_is_the_first_legal_move_else_the_first_legal_switch() -> None:
    made, _ = decisions_of(ShowdownGame("gen1ou"), {"player": f"{HERE}:Defaulting"}, episodes=1)
    team: list[str] = []
    for one in made:
        # Slots are those of the battle's first request; battles of a batch take turns, so one is played alone.
        idents = [mon["ident"] for mon in one.request["side"]["pokemon"]]
        team = team or idents
        order = [*range(4), *(4 + team.index(ident) for ident in idents)]
        assert one.action == next(action for action in order if one.action_mask[action])
    assert any(one.action >= 4 for one in made)


def test_orders_in_words() -> None:
    game = ShowdownGame("gen9ou")
    for order, wanted in (("/choose move 2", 1), ("/choose move 4 terastallize", 13), ("move 3", 2)):
        made, _ = decisions_of(game, {"player": f"{HERE}:Fixed", "order": order})
        assert made[0].action == 6
        assert all(one.action == wanted for one in made if one.action_mask[wanted])
        assert any(one.action == wanted for one in made)
        assert all(one.action_mask[one.action] for one in made)


def test_places_and_names_of_switches() -> None:
    game = ShowdownGame("gen1ou")
    assert game.teams is not None
    made, _ = decisions_of(game, {"player": f"{HERE}:Fixed", "order": "/choose switch 6"}, episodes=1)
    idents = [mon["ident"] for mon in made[0].request["side"]["pokemon"]]
    for one in made:
        action = 4 + idents.index(one.request["side"]["pokemon"][5]["ident"])
        assert one.action == action or not one.action_mask[action]
    name = idents[3].partition(": ")[2]
    by_name, _ = decisions_of(game, {"player": f"{HERE}:Fixed", "order": f"/choose switch {name}"}, episodes=1)
    assert all(one.action == 7 for one in by_name if one.action_mask[7])


@pytest.mark.parametrize("letter", ["\x85", "\u2028", "\u2029"])
def test_names_may_hold_what_only_python_takes_for_the_end_of_a_line(letter: str) -> None:
    game = ShowdownGame("gen1ou")
    with game.vector(1) as vector:
        decisions, _ = vector.start([EpisodeSetup(0, 7, {"teams": [0, 1]}, text=(True, True))])
    texts = decisions.text or []
    ident = json.loads(texts[0].rpartition("|request|")[2])["side"]["pokemon"][0]["ident"]
    other = replace(decisions, text=[text.replace(ident, f"{ident}{letter}s") for text in texts])
    player = load_policy(_spec("SimpleHeuristicsPlayer"), game)
    chosen = [player.act(one, player.initial_memory(1), DecisionRandom(1)).tolist() for one in (decisions, other)]
    assert chosen[0] == chosen[1]


def test_a_forfeit_gives_the_battle_up() -> None:
    made, ended = decisions_of(ShowdownGame("gen1ou"), {"player": f"{HERE}:Forfeiting"})
    assert [(result.reason, result.returns) for result in ended] == [("forfeit", (-1.0, 1.0))] * 2
    assert sum(one.action == FORFEIT for one in made) == 2


def test_a_pass_is_a_legal_action_at_random() -> None:
    made, _ = decisions_of(ShowdownGame("gen1ou"), {"player": f"{HERE}:Passing"})
    assert all(one.action_mask[one.action] for one in made)
    assert len({one.action for one in made}) > 6


def test_numpys_global_generator_is_lent_too() -> None:
    game, parameters = ShowdownGame("gen1randombattle"), {"player": f"{HERE}:Drawing"}
    np.random.seed(1)  # noqa: NPY002
    first = [one.action for one in decisions_of(game, parameters)[0]]
    state = np.random.get_state()[1].tolist()  # noqa: NPY002
    assert [one.action for one in decisions_of(game, parameters)[0]] == first
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002


def test_a_battle_that_poke_env_cannot_follow_is_played_on() -> None:
    """Its tracker raises on a team with two Zoroark."""
    game = ShowdownGame("gen9anythinggoes", teams=Path(__file__).parent / "trappers.txt")
    made, ended = decisions_of(game, {"player": "SimpleHeuristicsPlayer"})
    assert len(ended) == 2
    assert all(one.action_mask[one.action] for one in made)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"player": f"{HERE}:Slow"}, "chooses asynchronously"),
        ({"player": f"{HERE}:NoPlayer"}, "is no subclass of poke_env.player.Player"),
        ({"player": f"{HERE}:Nobody"}, "cannot be imported"),
        ({"player": "no.such.module:Player"}, "cannot be imported"),
        ({"player": f"{HERE}:Fixed"}, "cannot be made with"),
        ({"player": f"{HERE}:Fixed", "order": "move 1", "sort": 2}, "cannot be made with"),
        ({"player": f"{HERE}:Fixed", "order": "move 1", "start_listening": True}, "set by pokenash"),
    ],
)
def test_players_that_cannot_be_members(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_policy(PolicySpec("it", "poke_env", parameters), ShowdownGame("gen1ou"))


def test_a_choice_that_has_to_be_waited_for_is_refused() -> None:
    with pytest.raises(InputError, match="Promising' chooses asynchronously"):
        decisions_of(ShowdownGame("gen1ou"), {"player": f"{HERE}:Promising"})


def test_a_player_can_be_made_inside_a_running_loop() -> None:
    async def make() -> Policy:
        return load_policy(_spec("SimpleHeuristicsPlayer"), ShowdownGame("gen1ou"))

    assert asyncio.run(make()).needs_text


def _text_row(text: str | None) -> Decisions:
    zero: NDArray[np.int64] = np.zeros(1, np.int64)
    mask = np.ones((1, 10), np.bool_)
    return Decisions(zero, zero, zero, zero, np.zeros((1, 1)), mask, None if text is None else [text])


def test_bad_settings() -> None:
    game = ShowdownGame(format="gen1ou")
    with pytest.raises(InputError, match="unknown poke-env player 'RandomPlayer'; known: SimpleHeuristicsPlayer"):
        load_policy(_spec("RandomPlayer"), game)
    with pytest.raises(InputError, match="expected the parameter 'player'"):
        load_policy(PolicySpec("x", "poke_env"), game)
    policy = load_policy(_spec("MaxBasePowerPlayer"), game)
    with pytest.raises(InputError, match=r"set EpisodeSetup\.text"):
        policy.act(_text_row(None), policy.initial_memory(1), DecisionRandom(0))
    with pytest.raises(InputError, match="must end with"):
        policy.act(_text_row("|turn|1"), policy.initial_memory(1), DecisionRandom(0))
