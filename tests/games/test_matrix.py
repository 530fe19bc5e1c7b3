from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pettingzoo.test import api_test, parallel_api_test, seed_test

from pokenash.algorithms.nash import maximum_entropy_nash
from pokenash.arena import Arena, Match
from pokenash.errors import IllegalActionError, InputError
from pokenash.games import EpisodeSetup, load_game, matrix_v0
from pokenash.games.matrix import MATRICES, MatrixGame
from pokenash.policies import Uniform

DEGENERATE: list[Any] = [[[0.0]], [[2.5]], [[0.0, 0.0], [0.0, 0.0]], [[1.0], [1.0], [-3.0]], [[1.0, 2.0, 3.0]]]
MATRIX = hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=5), elements=st.floats(-1e6, 1e6))


@given(MATRIX, st.integers(1, 7))
def test_every_pair_of_choices_gives_its_entry(payoffs: Any, lanes: int) -> None:
    rows, columns = payoffs.shape
    pairs = [(i, j) for i in range(rows) for j in range(columns)]
    returns: dict[int, tuple[float, float]] = {}
    with MatrixGame(payoffs).vector(lanes) as vector:
        decisions, results = vector.start(EpisodeSetup(i, 0) for i in range(len(pairs)))
        while len(decisions):
            assert decisions.player.tolist() == [0, 1] * (len(decisions) // 2)
            assert decisions.action_mask.sum(axis=1).tolist() == [rows, columns] * (len(decisions) // 2)
            choices = [pairs[e][p] for e, p in zip(decisions.episode.tolist(), decisions.player.tolist(), strict=True)]
            decisions, results = vector.step(np.array(choices))
            returns |= {result.episode: result.returns for result in results}
            assert all(result.length == 2 for result in results)
            assert all((result.reason == "tie") == (result.returns[0] == 0) for result in results)
    assert returns == {i: (payoffs[pair], -payoffs[pair]) for i, pair in enumerate(pairs)}


@pytest.mark.parametrize("payoffs", [*MATRICES, *DEGENERATE], ids=str)
def test_it_passes_pettingzoos_own_tests(payoffs: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        api_test(matrix_v0.env(payoffs), num_cycles=30)
        seed_test(lambda: matrix_v0.env(payoffs), num_cycles=30)
        parallel_api_test(matrix_v0.parallel_env(payoffs), num_cycles=30)


def test_the_second_player_does_not_see_the_first_choice() -> None:
    seen = []
    for choice in range(3):
        env = matrix_v0.raw_env("rock_paper_scissors")
        env.reset(seed=0)
        env.step(choice)
        assert env.agent_selection == "player_1"
        assert not any(env.rewards.values())
        seen.append(env.observe("player_1"))
        env.step(1)
        assert env.rewards["player_0"] == -env.rewards["player_1"] == (-1.0, 0.0, 1.0)[choice]
        assert env.infos["player_0"]["reason"] == ("tie" if choice == 1 else "win")
    assert all(str(one) == str(seen[0]) for one in seen)
    assert seen[0]["observation"].tolist() == [0.0, 1.0]


def test_uniform_play_returns_the_mean_of_the_matrix() -> None:
    """5,000 games, five standard errors."""
    payoffs = np.array([[3.0, -1.0, 0.0], [0.5, 2.0, -4.0]])
    matches = [Match(EpisodeSetup(i, i), (0, 0)) for i in range(5000)]
    with Arena(MatrixGame(payoffs), num_lanes=100) as arena:
        returns = [one.result.returns[0] for one in arena.play([Uniform()], matches, seed=0)]
    assert abs(np.mean(returns) - payoffs.mean()) < 5 * payoffs.std() / np.sqrt(5000)


def test_the_biased_games_equilibrium_is_as_written() -> None:
    equilibrium = maximum_entropy_nash(MatrixGame("biased_rock_paper_scissors").payoffs)
    assert equilibrium == pytest.approx(np.array([1, 10, 5]) / 16, abs=1e-9)


@given(MATRIX)
def test_a_game_is_made_again_from_its_config(payoffs: Any) -> None:
    again = load_game(MatrixGame(payoffs).config())
    assert isinstance(again, MatrixGame)
    assert again.payoffs.tolist() == payoffs.tolist()


def test_named_games_keep_their_names() -> None:
    game = load_game(MatrixGame("matching_pennies").config())
    assert game.name == "matching_pennies"
    assert game.config() == {"game": "matrix", "payoffs": "matching_pennies"}
    assert MatrixGame([[1, 2]]).name == "matrix_1x2"


@pytest.mark.parametrize("payoffs", [[], [1.0, 2.0], [[]], [[np.nan]], [[1.0], [1.0, 2.0]], "chess", [["a"]], None])
def test_what_is_no_matrix_is_refused(payoffs: Any) -> None:
    with pytest.raises(InputError, match="matrix"):
        MatrixGame(payoffs)


def test_wrong_actions_leave_the_game_as_it_was() -> None:
    with MatrixGame([[1.0, 2.0, 3.0]]).vector(2) as vector:
        vector.start(EpisodeSetup(i, i) for i in range(2))
        with pytest.raises(IllegalActionError, match="player_0 chose action 1"):
            vector.step(np.array([0, 0, 1, 0]))
        with pytest.raises(IllegalActionError, match="player_1 chose action 3"):
            vector.step(np.array([0, 0, 0, 3]))
        with pytest.raises(InputError, match="each of the 4 rows"):
            vector.step(np.array([0, 0]))
        _, results = vector.step(np.array([0, 0, 0, 2]))
    assert [result.returns for result in results] == [(1.0, -1.0), (3.0, -3.0)]
    with pytest.raises(InputError, match="at least 1"):
        MatrixGame([[0.0]]).vector(0)
