from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st
from pettingzoo.classic import connect_four_v3, rps_v2, tictactoe_v3
from pettingzoo.test import api_test, parallel_api_test, seed_test
from tests.games import aec_envs

from pokenash.errors import IllegalActionError, InputError
from pokenash.games import (
    AECGame,
    EpisodeResult,
    EpisodeSetup,
    Game,
    VectorGameEnv,
    VectorGameParallelEnv,
    load_game,
)

TICTACTOE = "pettingzoo.classic.tictactoe_v3:env"
CONNECT_FOUR = "pettingzoo.classic.connect_four_v3:env"
RPS = "pettingzoo.classic.rps_v2:env"


def play(game: Game, lanes: int, episodes: int, seed: int = 0) -> list[EpisodeResult]:
    """Random play in which an episode's actions depend on nothing but the episode."""
    generators = [np.random.default_rng([seed, episode]) for episode in range(episodes)]
    results: list[EpisodeResult] = []
    with game.vector(lanes) as vector:
        decisions, ended = vector.start(EpisodeSetup(episode, 1000 + episode) for episode in range(episodes))
        while len(decisions):
            results += ended
            actions = [
                generators[episode].choice(np.flatnonzero(mask))
                for episode, mask in zip(decisions.episode, decisions.action_mask, strict=True)
            ]
            decisions, ended = vector.step(np.array(actions))
    return sorted(results + ended, key=lambda result: result.episode)


@pytest.mark.parametrize("name", [TICTACTOE, CONNECT_FOUR, RPS, "tests.games.aec_envs:count_down"])
def test_results_do_not_depend_on_the_number_of_lanes(name: str) -> None:
    game = AECGame(name)
    one, many = play(game, 1, 7), play(game, 4, 7)
    assert one == many
    assert [result.episode for result in one] == list(range(7))
    assert all(sum(result.returns) == 0 for result in one)


def test_returns_and_reasons_of_tictactoe_are_those_of_the_game() -> None:
    game = AECGame(TICTACTOE)
    with game.vector(1) as vector:
        decisions, _ = vector.start([EpisodeSetup(5, 0)])
        for position, action in enumerate([0, 3, 1, 4, 2]):
            assert decisions.player[0] == position % 2
            assert decisions.decision[0] == position // 2
            assert decisions.episode[0] == 5
            assert not decisions.action_mask[0, [0, 3, 1, 4, 2][:position]].any()
            decisions, results = vector.step(np.array([action]))
    assert len(decisions) == 0
    assert results == [EpisodeResult(5, 0, {}, (1.0, -1.0), 5, "win")]


def test_an_illegal_action_leaves_every_lane_as_it_was() -> None:
    with AECGame(TICTACTOE).vector(3) as vector:
        vector.start(EpisodeSetup(i, i) for i in range(3))
        before, _ = vector.step(np.array([0, 1, 2]))
        with pytest.raises(IllegalActionError) as refusal:
            vector.step(np.array([3, 4, 2]))
        assert (refusal.value.agent, refusal.value.action) == ("player_2", 2)
        assert refusal.value.legal_actions == (0, 1, 3, 4, 5, 6, 7, 8)
        for action in (9, -1):
            with pytest.raises(IllegalActionError):
                vector.step(np.array([action, 4, 4]))
        after, _ = vector.step(np.array([3, 4, 5]))
    assert before.action_mask.sum() == 24
    assert after.action_mask.sum() == 21


def test_wrong_numbers_of_actions_are_refused() -> None:
    with AECGame(TICTACTOE).vector(2) as vector:
        vector.start(EpisodeSetup(i, i) for i in range(2))
        with pytest.raises(InputError, match="one action for each of the 2 rows"):
            vector.step(np.array([0]))
    with pytest.raises(InputError, match="at least 1"):
        AECGame(TICTACTOE).vector(0)


def test_the_first_choice_of_a_simultaneous_game_does_not_show_to_the_second_player() -> None:
    seen = []
    for choice in range(3):
        with AECGame(RPS).vector(1) as vector:
            vector.start([EpisodeSetup(0, 0)])
            decisions, _ = vector.step(np.array([choice]))
            assert decisions.player[0] == 1
            seen.append(np.array(decisions.observation))
            decisions, _ = vector.step(np.array([0]))
            assert decisions.player[0] == 0
    assert all(np.array_equal(one, seen[0]) for one in seen)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=15, max_size=15))
def test_rewards_of_all_rounds_add_up_to_the_return(choices: list[tuple[int, int]]) -> None:
    expected = sum((0, 1, -1)[(first - second) % 3] for first, second in choices)
    with AECGame(RPS).vector(1) as vector:
        vector.start([EpisodeSetup(0, 0)])
        for first, second in choices:
            vector.step(np.array([first]))
            _, results = vector.step(np.array([second]))
    assert results[0].returns == (expected, -expected)
    assert (results[0].reason, results[0].length) == ("truncated", 30)


@given(st.integers(2, 60))
def test_rewards_that_the_environment_leaves_standing_are_counted_once(heap: int) -> None:
    with AECGame(aec_envs.CountDown).vector(1) as vector:
        decisions, results = vector.start([EpisodeSetup(0, 0, {"heap": heap})])
        while len(decisions):
            decisions, results = vector.step(np.array([0]))
    odd = heap % 2
    assert results[0].returns == (odd, -odd)
    assert results[0].length == heap


def test_masks_in_infos_and_dict_observations_are_understood() -> None:
    game = AECGame(aec_envs.CountDown)
    assert isinstance(game.observation_space, spaces.Dict)
    with game.vector(2) as vector:
        decisions, _ = vector.start([EpisodeSetup(0, 0, {"heap": 1}), EpisodeSetup(1, 0, {"heap": 7})])
    observation = decisions.observation
    assert isinstance(observation, dict)
    assert observation["heap"].tolist() == [[1], [7]]
    assert observation["mine"].tolist() == [[1, 0], [1, 0]]
    assert decisions.action_mask.tolist() == [[True, False], [True, True]]


def test_seeds_reach_the_environment() -> None:
    def heaps(seeds: list[int]) -> list[int]:
        with AECGame(aec_envs.CountDown).vector(len(seeds)) as vector:
            decisions, _ = vector.start(EpisodeSetup(i, seed) for i, seed in enumerate(seeds))
            assert isinstance(decisions.observation, dict)
            return [int(heap) for heap in decisions.observation["heap"][:, 0]]

    seeds = [*range(20), 2**64 - 1]
    assert heaps(seeds) == heaps(seeds)
    assert len(set(heaps(seeds))) > 5


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"agents": 3}, "exactly two"),
        ({"actions": spaces.Box(0, 1, (1,))}, "expected Discrete"),
        ({"actions": spaces.Discrete(2, start=1)}, "counted from 0"),
    ],
)
def test_games_that_do_not_fit_are_refused(kwargs: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        AECGame(aec_envs.CountDown, **kwargs)


def test_observations_that_are_no_arrays_or_differ_between_agents_are_refused() -> None:
    with pytest.raises(InputError, match="flat dict of arrays"):
        AECGame(aec_envs.ImageOfTuples)
    with pytest.raises(InputError, match="different observation spaces"):
        AECGame(aec_envs.Lopsided)
    with pytest.raises(InputError, match="AEC environment"):
        AECGame("pettingzoo.classic.rps_v2:parallel_env")


def test_a_game_that_is_not_zero_sum_is_found_out_at_the_end() -> None:
    with pytest.raises(InputError, match="not zero-sum"):
        play(AECGame(aec_envs.CountDown, skew=0.5), 1, 1)


def test_an_agent_without_a_legal_action_is_the_environments_error() -> None:
    with AECGame(aec_envs.CountDown, stuck=True).vector(1) as vector, pytest.raises(InputError, match="allows none"):
        vector.start([EpisodeSetup(0, 0)])


def test_action_spaces_of_different_sizes_are_padded() -> None:
    game = AECGame(aec_envs.CountDown, sizes=(2, 3))
    assert game.num_actions == 3


def test_a_game_goes_to_json_and_back() -> None:
    game = AECGame(RPS, max_cycles=3)
    again = load_game(game.config())
    assert again.config() == game.config() == {"game": "aec", "env": RPS, "kwargs": {"max_cycles": 3}}
    assert play(again, 2, 3) == play(game, 2, 3)
    assert play(game, 1, 1)[0].length == 6
    assert AECGame(rps_v2.env).config()["env"] == "pettingzoo.classic.rps.rps:env"


def test_a_game_that_cannot_be_written_down_says_so() -> None:
    with pytest.raises(InputError, match="cannot be imported by name"):
        AECGame(lambda: tictactoe_v3.env()).config()
    with pytest.raises(InputError, match="not JSON"):
        AECGame(aec_envs.CountDown, actions=spaces.Discrete(2)).config()


@pytest.mark.parametrize("name", ["no_such_module:env", "pettingzoo.classic.rps_v2:nothing", "rps", "", ":env"])
def test_names_that_lead_nowhere_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="module:callable"):
        AECGame(name)


@pytest.mark.parametrize("config", [{}, {"game": "chess"}, {"game": "aec"}, [], None])
def test_configs_that_describe_no_game_are_refused(config: Any) -> None:
    with pytest.raises(InputError):
        load_game(config)


@pytest.mark.parametrize("name", [TICTACTOE, CONNECT_FOUR, RPS])
def test_one_lane_passes_pettingzoos_own_tests(name: str) -> None:
    game = AECGame(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        api_test(VectorGameEnv(game), num_cycles=50)
        seed_test(lambda: VectorGameEnv(game), num_cycles=50)
        parallel_api_test(VectorGameParallelEnv(game), num_cycles=50)


@pytest.mark.parametrize("module", [tictactoe_v3, connect_four_v3])
def test_there_and_back_again_is_the_same_environment(module: Any) -> None:
    """An AEC environment made into a VectorGame and back gives what the environment itself gives."""
    original, copy = module.env(), VectorGameEnv(AECGame(module.env))
    rng = np.random.default_rng(3)
    for seed in range(3):
        original.reset(seed=seed)
        copy.reset(seed=seed)
        names = dict(zip(original.possible_agents, copy.possible_agents, strict=True))
        while not any(original.terminations.values()):
            observation, reward, *_ = original.last()
            other, own_reward, *_ = copy.last()
            assert names[original.agent_selection] == copy.agent_selection
            assert reward == own_reward
            assert np.array_equal(observation["action_mask"], other["action_mask"])
            assert np.array_equal(observation["observation"], other["observation"])
            action = rng.choice(np.flatnonzero(observation["action_mask"]))
            original.step(action)
            copy.step(action)
        assert {names[agent]: reward for agent, reward in original.rewards.items()} == copy.rewards
        assert all(copy.terminations.values())
        for _ in copy.agent_iter():
            copy.step(None)
        assert copy.agents == []


def test_an_agent_who_owes_nothing_has_an_empty_mask_and_what_it_saw_last() -> None:
    env = VectorGameEnv(AECGame(TICTACTOE))
    env.reset(seed=0)
    first = env.observe("player_0")
    env.step(4)
    waiting = env.observe("player_0")
    assert np.array_equal(waiting["observation"], first["observation"])
    assert waiting["action_mask"].sum() == 0
    assert env.observe("player_1")["action_mask"].sum() == 8


def test_episodes_without_a_seed_go_on_with_the_stream_of_the_last_seed() -> None:
    def heaps(env: VectorGameEnv) -> list[int]:
        found = []
        for seed in (7, None, None):
            env.reset(seed=seed)
            found.append(int(env.observe("player_0")["observation"]["heap"][0]))
        return found

    game = AECGame(aec_envs.CountDown)
    one, other = VectorGameEnv(game), VectorGameEnv(game)
    first = heaps(one)
    assert first == heaps(other) == heaps(one)
    assert len(set(first)) > 1


@pytest.mark.parametrize("action", [1.0, "0", None])
def test_actions_that_are_no_integers_are_refused(action: Any) -> None:
    env = VectorGameEnv(AECGame(TICTACTOE))
    env.reset(seed=0)
    with pytest.raises(InputError, match="integer"):
        env.step(action)
    assert env.agent_selection == "player_0"


@pytest.mark.parametrize("seed", [-1, 0.5, "0"])
def test_seeds_that_are_no_natural_numbers_are_refused(seed: Any) -> None:
    env = VectorGameEnv(AECGame(TICTACTOE))
    with pytest.raises(InputError, match="non-negative integer"):
        env.reset(seed=seed)


def test_a_parallel_step_without_an_action_that_is_owed_is_refused() -> None:
    env = VectorGameParallelEnv(AECGame(TICTACTOE))
    env.reset(seed=0)
    with pytest.raises(InputError, match="player_0 owes a decision"):
        env.step({"player_1": 0})
    observations, rewards, *_ = env.step({"player_0": 0, "player_1": 5})
    assert observations["player_0"]["action_mask"].sum() == 0
    assert observations["player_1"]["action_mask"].sum() == 8
    assert rewards == {"player_0": 0.0, "player_1": 0.0}


def test_leduc_of_rlcard_plays() -> None:
    pytest.importorskip("rlcard")
    results = play(AECGame("pettingzoo.classic.leduc_holdem_v4:env"), 3, 10)
    assert len(results) == 10
    assert any(result.returns[0] for result in results)
