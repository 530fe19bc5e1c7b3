from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from open_spiel.python.algorithms.random_agent import RandomAgent
from open_spiel.python.rl_environment import ChanceEventSampler, Environment

from pokenash.algorithms.exact import nash_conv, policy_table
from pokenash.arena import Arena, Match
from pokenash.errors import IllegalActionError, InputError
from pokenash.games import AECGame, EpisodeSetup, Game
from pokenash.games.matrix import MatrixGame
from pokenash.games.openspiel import OpenSpielGame, information_states
from pokenash.games.showdown.game import ShowdownGame
from pokenash.policies import Uniform
from pokenash.policies.openspiel_agents import AgentPolicy, RLEnvironment

FLOATS = ("pokemon", "moves", "global")


def play(environment: Any, seed: int = 0) -> list[Any]:
    """An episode at random: all time steps."""
    rng = np.random.default_rng(seed)
    steps = [environment.reset()]
    while not steps[-1].last():
        player = steps[-1].observations["current_player"]
        steps.append(environment.step([rng.choice(steps[-1].observations["legal_actions"][player])]))
    return steps


@pytest.mark.parametrize("name", ["kuhn_poker", "leduc_poker"])
def test_specs_and_time_steps_are_those_of_openspiels_environment(name: str) -> None:
    """Both environments play the same actions; their chance differs, so that episodes of one deal are compared."""
    ours, theirs = (
        RLEnvironment(OpenSpielGame(name), seed=1),
        Environment(name, chance_event_sampler=ChanceEventSampler(2)),
    )
    assert ours.observation_spec() == theirs.observation_spec()
    assert ours.action_spec() == theirs.action_spec()
    assert (ours.num_players, ours.num_actions_per_step, ours.is_turn_based) == (2, 1, theirs.is_turn_based)
    expected = {}
    for seed in range(200):
        for step in play(theirs, seed):
            expected[key(step)] = step
    met = 0
    for seed in range(200):
        for step in play(ours, seed):
            other = expected.get(key(step))
            if other is None:
                continue
            met += 1
            player = step.current_player()
            assert player == other.current_player()
            assert (step.first(), step.mid(), step.last()) == (other.first(), other.mid(), other.last())
            assert step.discounts == other.discounts
            assert (step.rewards is None) == (other.rewards is None)
            if not step.last():
                assert step.observations["legal_actions"] == other.observations["legal_actions"]
                assert step.rewards is None or step.rewards == other.rewards
            else:
                assert sum(step.rewards) == 0
                assert step.observations["legal_actions"] == [[], []]
    assert met > 100


def key(step: Any) -> tuple[Any, ...]:
    """What the player to move sees; after the end nothing."""
    player = step.current_player()
    return (player, step.first(), tuple(step.observations["info_state"][player]) if player >= 0 else ())


@pytest.mark.parametrize(
    ("game", "arrays"),
    [
        (OpenSpielGame("goofspiel", num_cards=3), None),
        (MatrixGame([[1.0, 2.0, 3.0]]), None),
        (AECGame("pettingzoo.classic.tictactoe_v3:env"), None),
        (ShowdownGame("gen1randombattle"), FLOATS),
    ],
    ids=["goofspiel", "matrix", "tictactoe", "showdown"],
)
def test_openspiels_agents_play_any_game(game: Game, arrays: Any) -> None:
    environment = RLEnvironment(game, seed=3, arrays=arrays)
    size = environment.observation_spec()["info_state"][0]
    agents = [RandomAgent(player_id=player, num_actions=game.num_actions) for player in (0, 1)]
    step = environment.reset()
    for _ in range(2):
        asked = []
        assert step.first()
        while not step.last():
            player = step.current_player()
            asked.append(player)
            assert len(step.observations["info_state"][player]) == size
            step = environment.step([agents[player].step(step).action])
        assert set(asked) == {0, 1}
        assert sum(step.rewards) == 0
        assert step.current_player() == -4
        assert step.discounts == [0.0, 0.0]
        step = environment.step([0])
    environment.close()


def test_the_second_player_does_not_see_the_first_choice() -> None:
    seen = []
    for action in range(3):
        environment = RLEnvironment(OpenSpielGame("goofspiel", num_cards=3), seed=1)
        environment.reset()
        step = environment.step([action])
        assert step.current_player() == 1
        seen.append(step.observations["info_state"][1])
    assert seen[0] == seen[1] == seen[2]


def test_a_seed_fixes_the_episodes() -> None:
    environment = RLEnvironment(OpenSpielGame("leduc_poker"), seed=1)
    first = [play(environment, i) for i in range(3)]
    assert [play(RLEnvironment(OpenSpielGame("leduc_poker"), seed=1), 0)] == first[:1]
    environment.seed(1)
    assert [play(environment, i) for i in range(3)] == first
    assert [key(steps[0]) for steps in first] != [key(play(environment, i)[0]) for i in range(3, 6)]


def test_wrong_use_is_refused() -> None:
    environment = RLEnvironment(OpenSpielGame("leduc_poker"), seed=1)
    before = environment.reset()
    with pytest.raises(IllegalActionError):
        environment.step([0])
    with pytest.raises(InputError, match="expected one action"):
        environment.step([1, 1])
    assert environment.get_time_step().observations == before.observations
    with pytest.raises(InputError, match="has no arrays"):
        RLEnvironment(OpenSpielGame("leduc_poker"), arrays=["pokemon"])
    with pytest.raises(InputError, match=r"no arrays \['pikachu'\]; it has .*'pokemon_ids'"):
        RLEnvironment(ShowdownGame("gen1ou"), arrays=["pikachu"])
    with pytest.raises(InputError, match="two seats"):
        AgentPolicy([None])
    with pytest.raises(InputError, match="no agent for player 0"):
        nash_conv(OpenSpielGame("kuhn_poker"), AgentPolicy([None, None]))


def test_agents_are_policies() -> None:
    game = OpenSpielGame("leduc_poker")
    policy = AgentPolicy([RandomAgent(player_id=player, num_actions=3) for player in (0, 1)])
    assert np.allclose(policy_table(game, policy), policy_table(game, Uniform()))
    with Arena(game, num_lanes=8) as arena:
        results = arena.play(
            [policy, Uniform()], [Match(EpisodeSetup(i, i), (i % 2, 1 - i % 2)) for i in range(40)], seed=0
        )
    assert len(results) == 40


def test_dqn_learns_and_is_measured() -> None:
    """OpenSpiel's torch DQN on Kuhn poker: what it answers is greedy, legal and for its own seat."""
    torch = pytest.importorskip("torch")
    from open_spiel.python.pytorch.dqn import DQN

    torch.set_num_threads(1)
    game = OpenSpielGame("kuhn_poker")
    environment = RLEnvironment(game, seed=1)
    size = environment.observation_spec()["info_state"][0]
    agents = [DQN(p, size, 2, [16], min_buffer_size_to_learn=50, batch_size=16, seed=p) for p in (0, 1)]
    for _ in range(100):
        step = environment.reset()
        while not step.last():
            step = environment.step([agents[step.current_player()].step(step).action])
        for agent in agents:
            agent.step(step)
    assert all(agent.loss is not None for agent in agents)
    table = policy_table(game, AgentPolicy(agents))
    assert ((table == 0) | (table == 1)).all()
    assert not (table * ~information_states(game).action_mask).any()
    assert nash_conv(game, AgentPolicy(agents)) > 0
