"""poke-env's players as members: legal, reproducible, and with nobody else's random numbers touched."""

from __future__ import annotations

import random

import numpy as np
import pytest
from numpy.typing import NDArray

from pokenash.errors import InputError
from pokenash.games.core import Decisions, EpisodeSetup
from pokenash.games.showdown.game import ShowdownGame
from pokenash.policies import DecisionRandom, PolicySpec, load_policy
from pokenash.policies.poke_env import PLAYERS


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
