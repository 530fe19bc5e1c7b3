from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from pettingzoo.test import api_test, seed_test

from pokenash.errors import IllegalActionError, InputError
from pokenash.games import AECGame, EpisodeSetup, openspiel_v0

GAMES: list[tuple[str, dict[str, Any]]] = [
    ("kuhn_poker", {}),
    ("leduc_poker", {}),
    ("liars_dice", {}),
    ("liars_dice", {"dice_sides": 3}),
    ("goofspiel", {"num_cards": 3}),
    ("goofspiel", {"num_cards": 4, "imp_info": True, "points_order": "descending"}),
    ("goofspiel", {}),
    ("tic_tac_toe", {}),
    ("phantom_ttt", {}),
]


def play(env: Any, seed: int | None, policy_seed: int = 0) -> list[tuple[Any, ...]]:
    """Play an episode at random; everything that either agent was told, in order."""
    rng = np.random.default_rng(policy_seed)
    env.reset(seed=seed)
    told: list[tuple[Any, ...]] = []
    for agent in env.agent_iter():
        observation, reward, terminated, truncated, info = env.last()
        mask = observation["action_mask"]
        told.append((agent, observation["observation"].tobytes(), mask.tobytes(), reward, terminated, info))
        env.step(None if terminated or truncated else rng.choice(np.flatnonzero(mask)))
    return told


@pytest.mark.parametrize(("name", "parameters"), GAMES)
def test_it_passes_pettingzoos_own_tests(name: str, parameters: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        api_test(openspiel_v0.env(name, **parameters), num_cycles=100)
        api_test(openspiel_v0.raw_env(name, **parameters), num_cycles=100)
        seed_test(lambda: openspiel_v0.env(name, **parameters), num_cycles=50)


def test_parameters_hold_over_resets() -> None:
    env = openspiel_v0.env("goofspiel", num_cards=3, returns_type="point_difference")
    lengths, rewards = set(), set()
    for seed in range(12):
        told = play(env, seed if seed % 3 == 0 else None, policy_seed=seed)
        lengths.add(sum(not terminated for *_, terminated, _ in told))
        rewards |= {reward for _, _, _, reward, terminated, _ in told if terminated}
        assert env.action_space("player_0").n == 3
    # Two choices of each player, the last card plays itself; half points come of differences alone.
    assert lengths == {4}
    assert 0.5 in {abs(reward) for reward in rewards}


def test_infos_hold_each_agents_information_state() -> None:
    env = openspiel_v0.raw_env("kuhn_poker")
    env.reset(seed=1)
    first = env.infos["player_0"]["information_state"]
    assert first in {"0", "1", "2"}
    assert env.infos["player_1"]["information_state"] == ""
    env.step(0)
    second = env.infos["player_1"]["information_state"]
    assert second[1:] == "p"
    assert second[0] in {"0", "1", "2"} - {first}
    assert env.infos["player_0"]["information_state"] == first
    env.step(1)
    assert env.infos["player_0"] == {"information_state": f"{first}pb"}
    env.step(1)
    won = 2.0 if first > second[0] else -2.0
    assert env.infos["player_0"] == {"information_state": f"{first}pb", "reason": "win"}
    assert env.rewards == {"player_0": won, "player_1": -won}
    env.reset(seed=1)
    assert env.infos["player_1"]["information_state"] == ""


def test_a_seed_fixes_what_chance_does() -> None:
    streams = []
    for _ in range(2):
        env = openspiel_v0.env("leduc_poker")
        streams.append([play(env, seed, policy_seed=i) for i, seed in enumerate((5, None, None))])
        streams[-1].append(play(env, 5))
    assert streams[0] == streams[1]
    first, second, third, again = streams[0]
    assert first == again
    assert first != second != third
    assert play(openspiel_v0.env("leduc_poker", seed=5), None) == first
    deals = {play(openspiel_v0.env("kuhn_poker"), seed)[0][5]["information_state"] for seed in range(20)}
    assert deals == {"0", "1", "2"}


def test_illegal_actions_and_wrong_games_are_refused() -> None:
    env = openspiel_v0.env("leduc_poker")
    env.reset(seed=0)
    before = env.last()[0]
    with pytest.raises(IllegalActionError, match=r"player_0 chose action 0.*\[1, 2\]"):
        env.step(0)
    assert env.last()[0]["observation"].tolist() == before["observation"].tolist()
    with pytest.raises(InputError, match="zero-sum"):
        openspiel_v0.env("matrix_pd")
    with pytest.raises(InputError, match="has no parameters"):
        openspiel_v0.env("kuhn_poker", cards=4)


def test_the_environment_is_an_aec_game_like_any_other() -> None:
    game = AECGame(kuhn_poker)
    with game.vector(2) as vector:
        decisions, results = vector.start(EpisodeSetup(i, i) for i in range(8))
        while len(decisions):
            decisions, ended = vector.step(decisions.action_mask.argmax(axis=1))
            results += ended
    assert {result.returns for result in results} == {(1.0, -1.0), (-1.0, 1.0)}


def kuhn_poker() -> Any:
    return openspiel_v0.env("kuhn_poker")
