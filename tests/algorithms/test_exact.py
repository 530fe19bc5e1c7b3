from __future__ import annotations

from typing import Any

import numpy as np
import pyspiel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from open_spiel.python import policy as spiel_policy
from open_spiel.python.algorithms import cfr, exploitability, policy_aggregator

from pokenash.algorithms.exact import (
    aggregate,
    best_response,
    expected_returns,
    nash_conv,
    policy_table,
    tabular_policy,
)
from pokenash.algorithms.sequence_form import sequence_form
from pokenash.arena import Arena, Match
from pokenash.errors import InputError
from pokenash.games import Decisions, EpisodeSetup
from pokenash.games.openspiel import OpenSpielGame, information_states
from pokenash.policies import DecisionRandom, Mixture, Policy, Uniform
from pokenash.policies.seats import Seats
from pokenash.policies.tabular import TabularPolicy

KUHN = OpenSpielGame("kuhn_poker")
LEDUC = OpenSpielGame("leduc_poker")
GOOFSPIEL = OpenSpielGame("goofspiel", num_cards=3)
LIARS_DICE = OpenSpielGame("liars_dice", dice_sides=3)
GAMES = [KUHN, LEDUC, GOOFSPIEL, LIARS_DICE]


def random_table(game: OpenSpielGame, seed: int, sharpness: float = 1.0) -> NDArray[np.float64]:
    """Any behaviour; the sharper, the more of it is nearly pure, and some actions have probability 0."""
    mask = information_states(game).action_mask
    rng = np.random.default_rng(seed)
    weights = np.exp(sharpness * rng.normal(size=mask.shape)) * mask * (rng.random(mask.shape) < 0.8)
    weights = np.where(weights.any(axis=1, keepdims=True), weights, mask)
    table: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return table


def as_policy(game: OpenSpielGame, table: NDArray[np.float64]) -> TabularPolicy:
    states = information_states(game)
    return TabularPolicy(states.player, states.observation, states.action_mask, table)


def in_python(game: OpenSpielGame, table: NDArray[np.float64]) -> spiel_policy.TabularPolicy:
    """The table as the policy of OpenSpiel's Python half."""
    policy = spiel_policy.TabularPolicy(game.game)
    for string, row in zip(information_states(game).strings, table, strict=True):
        policy.policy_for_key(string)[:] = row
    return policy


def solved(game: OpenSpielGame, iterations: int) -> NDArray[np.float64]:
    """The average policy of OpenSpiel's CFR+."""
    solver = pyspiel.CFRPlusSolver(game.game)
    for _ in range(iterations):
        solver.evaluate_and_update_policy()
    average = solver.average_policy()
    states = information_states(game)
    table = np.zeros(states.action_mask.shape)
    for row, string in enumerate(states.strings):
        for action, probability in average.get_state_policy(string):
            table[row, action] = probability
    return table / table.sum(axis=1, keepdims=True)


# The values are known: Kuhn (1950) for -1/18; OpenSpiel's own for the rest, to the digits that are written here.
@pytest.mark.parametrize(("game", "expected", "error"), [(KUHN, 11 / 12, 1e-12), (LEDUC, 4.7472, 5e-5)])
def test_nash_conv_of_uniform_play(game: OpenSpielGame, expected: float, error: float) -> None:
    assert nash_conv(game, Uniform()) == pytest.approx(expected, abs=error)


@pytest.mark.parametrize(
    ("game", "iterations", "value", "error"), [(KUHN, 2000, -1 / 18, 1e-3), (LEDUC, 200, -0.085606, 1e-2)]
)
def test_near_an_equilibrium_both_best_responses_close_in_on_the_games_value(
    game: OpenSpielGame, iterations: int, value: float, error: float
) -> None:
    """How near CFR+ comes in so many iterations, `error` says; the value lies between what both can hold."""
    policy = as_policy(game, solved(game, iterations))
    gap = nash_conv(game, policy)
    above, below = best_response(game, policy, 0).value, -best_response(game, policy, 1).value
    assert above - below == pytest.approx(gap, abs=1e-12)
    assert 0 <= gap < error
    # The last digit of Leduc poker's value is rounded.
    assert below - 5e-7 <= value <= above + 5e-7
    first, second = expected_returns(game, policy, policy)
    assert below <= first <= above
    assert first + second == pytest.approx(0, abs=1e-12)


@settings(max_examples=15)
@given(st.integers(0, 2**32), st.floats(0, 5), st.sampled_from([KUHN, GOOFSPIEL, LIARS_DICE]))
def test_values_are_those_of_openspiels_python(seed: int, sharpness: float, game: OpenSpielGame) -> None:
    table = random_table(game, seed, sharpness)
    other = in_python(game, table)
    expected = exploitability.nash_conv(game.game, other)
    assert nash_conv(game, table) == pytest.approx(expected, abs=1e-9)
    assert nash_conv(game, as_policy(game, table)) == pytest.approx(expected, abs=1e-9)
    returns = exploitability.best_response(game.game, other, 0)["on_policy_values"]
    assert expected_returns(game, table, table) == pytest.approx(tuple(returns), abs=1e-9)
    for player in (0, 1):
        value = exploitability.best_response(game.game, other, player)["best_response_value"]
        assert best_response(game, table, player).value == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("game", GAMES, ids=lambda game: game.name)
def test_a_best_response_gets_its_value(game: OpenSpielGame) -> None:
    first, second = random_table(game, 1), random_table(game, 2)
    against_second = best_response(game, second, 0)
    against_first = best_response(game, first, 1)
    seats = Seats(against_second.policy, against_first.policy)
    assert expected_returns(game, seats, second)[0] == pytest.approx(against_second.value, abs=1e-9)
    assert expected_returns(game, first, seats)[1] == pytest.approx(against_first.value, abs=1e-9)
    gained = against_second.value + against_first.value
    assert nash_conv(game, (first, second)) == pytest.approx(gained, abs=1e-9)
    assert nash_conv(game, Seats(as_policy(game, first), as_policy(game, second))) == pytest.approx(gained, abs=1e-9)


def spiel_aggregate(game: OpenSpielGame, tables: list[NDArray[np.float64]], weights: list[float]) -> Any:
    policies = [in_python(game, table) for table in tables]
    aggregator = policy_aggregator.PolicyAggregator(game.game)
    return aggregator.aggregate([0, 1], [policies, policies], [weights, weights])


@pytest.mark.parametrize("game", [KUHN, LEDUC, GOOFSPIEL], ids=lambda game: game.name)
def test_a_mixture_is_aggregated_as_by_openspiels_policy_aggregator(game: OpenSpielGame) -> None:
    # Nothing has probability 0 here, so that every information state is reached.
    tables = [0.9 * random_table(game, seed, 3.0) + 0.1 * policy_table(game, Uniform()) for seed in range(3)]
    weights = [0.2, 0.5, 0.3]
    expected = spiel_aggregate(game, tables, weights).policy
    states = information_states(game)
    mixture = Mixture(["a", "b", "c"], [as_policy(game, table) for table in tables], weights)
    table = policy_table(game, mixture)
    for row, string in enumerate(states.strings):
        for action, probability in expected[states.player[row]][string].items():
            assert table[row, action] == pytest.approx(probability, abs=1e-9)
    assert np.allclose(table, aggregate(game, tables, weights), atol=1e-12)
    # Averaging behaviour instead, state by state, is another policy.
    averaged = sum(weight * one for weight, one in zip(weights, tables, strict=True))
    assert abs(nash_conv(game, mixture) - nash_conv(game, np.asarray(averaged))) > 1e-3


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.floats(0, 1))
def test_a_mixture_returns_what_its_members_return(seed: int, weight: float) -> None:
    """The return is linear in the weights of what is drawn per episode; realisation weights keep it so."""
    members = [as_policy(KUHN, random_table(KUHN, seed + i, 2.0)) for i in range(3)]
    opponent = random_table(KUHN, seed + 3)
    mixture = Mixture(["a", "b", "c"], members, [weight / 2, weight / 2, 1 - weight])
    for seat in (0, 1):
        pairs = [(one, opponent) if seat == 0 else (opponent, one) for one in [*members, mixture]]
        *each, mixed = [expected_returns(KUHN, *pair)[seat] for pair in pairs]
        expected = weight / 2 * (each[0] + each[1]) + (1 - weight) * each[2]
        assert mixed == pytest.approx(expected, abs=1e-9)


def test_played_games_agree_with_the_exact_value() -> None:
    """A mixture drawn per episode in the arena; 40,000 games, five standard errors of a return of at most 2."""
    mixture = Mixture(["a", "b"], [as_policy(KUHN, random_table(KUHN, seed, 3.0)) for seed in (3, 4)], [0.3, 0.7])
    opponent = as_policy(KUHN, random_table(KUHN, 5))
    matches = [Match(EpisodeSetup(i, i), (0, 1)) for i in range(40_000)]
    with Arena(KUHN, num_lanes=2000) as arena:
        returns = [one.result.returns[0] for one in arena.play([mixture, opponent], matches, seed=1)]
    exact = expected_returns(KUHN, mixture, opponent)[0]
    assert abs(np.mean(returns) - exact) < 5 * np.std(returns) / 200


class Counting(Policy):
    """Remembers how many decisions it has made, and plays by that alone."""

    def initial_memory(self, num_lanes: int) -> NDArray[np.int64]:
        return np.zeros((num_lanes, 2), np.int64)

    def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        raise NotImplementedError

    def action_probabilities(self, decisions: Decisions, memory: Any) -> NDArray[np.float64]:
        lane, player = decisions.lane, decisions.player
        memory[lane[decisions.decision == 0], player[decisions.decision == 0]] = 0
        memory[lane, player] += 1
        weights = (
            decisions.action_mask * (1.0 + np.arange(decisions.action_mask.shape[1])) ** memory[lane, player, None]
        )
        return weights / weights.sum(axis=1, keepdims=True)


def test_a_policy_that_remembers_is_led_through_what_came_before() -> None:
    states = information_states(LEDUC)
    weights = states.action_mask * (1.0 + np.arange(3)) ** (1 + states.decision[:, None])
    expected = weights / weights.sum(axis=1, keepdims=True)
    assert np.allclose(policy_table(LEDUC, Counting()), expected)
    assert np.allclose(policy_table(LEDUC, Seats(Counting(), Counting())), expected)
    assert states.decision.max() == 3


@pytest.mark.parametrize("game", [KUHN, LEDUC], ids=lambda game: game.name)
def test_the_sequence_form_gives_the_same_values(game: OpenSpielGame) -> None:
    """Two ways that share nothing after the policies' tables; mixtures and memory included."""
    form = sequence_form(game)
    members = [as_policy(game, random_table(game, seed, 2.0)) for seed in (1, 2, 3)]
    mixture = Mixture(["a", "b", "c"], members, [0.2, 0.5, 0.3])
    for policy in (members[0], mixture, Uniform(), Counting(), Seats(members[1], Counting())):
        plans = form.plan(policy, 0), form.plan(policy, 1)
        assert form.nash_conv(*plans) == pytest.approx(nash_conv(game, policy), abs=1e-9)
        against = form.plan(members[2], 1)
        assert form.value(plans[0], against) == pytest.approx(expected_returns(game, policy, members[2])[0], abs=1e-9)


def test_tabular_policies_of_openspiel_say_the_same() -> None:
    table = random_table(LEDUC, 7)
    policy = tabular_policy(LEDUC, table)
    assert pyspiel.nash_conv(LEDUC.game, policy, False) == pytest.approx(nash_conv(LEDUC, table), abs=1e-9)
    assert len(policy) == len(table) == 936
    cfr_average = cfr.CFRSolver(KUHN.game).average_policy()
    assert nash_conv(KUHN, Uniform()) == pytest.approx(exploitability.nash_conv(KUHN.game, cfr_average))


class Silent(Policy):
    def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        return decisions.action_mask.argmax(axis=1)


class Wrong(Silent):
    def action_probabilities(self, decisions: Decisions, memory: Any) -> NDArray[np.float64]:
        return np.full(decisions.action_mask.shape, 1 / decisions.action_mask.shape[1])


def test_what_has_no_exact_value_is_refused() -> None:
    with pytest.raises(InputError, match="Silent cannot give action probabilities"):
        nash_conv(KUHN, Silent())
    with pytest.raises(InputError, match=r"Wrong: .* legal are \[1, 2\]"):
        nash_conv(LEDUC, Wrong())
    with pytest.raises(InputError, match=r"table: expected probabilities of shape \(12, 2\), got \(11, 2\)"):
        nash_conv(KUHN, np.full((11, 2), 0.5))
    with pytest.raises(InputError, match="too many to enumerate"):
        nash_conv(OpenSpielGame("phantom_ttt"), Uniform())
    with pytest.raises(InputError, match="0 or 1, not 2"):
        best_response(KUHN, Uniform(), 2)
    with pytest.raises(InputError, match="sum to 1"):
        aggregate(KUHN, [Uniform(), Uniform()], [0.5, 0.6])


def test_where_positions_need_no_memory_values_are_exact_though_players_forget() -> None:
    """Goofspiel's information state is the position; OpenSpiel's Python agrees, and the response gets its value."""
    game = OpenSpielGame("goofspiel", num_cards=4, points_order="descending")
    table = random_table(game, 1)
    assert not information_states(game).perfect_recall
    assert nash_conv(game, table) == pytest.approx(
        exploitability.nash_conv(game.game, in_python(game, table)), abs=1e-9
    )
    response = best_response(game, table, 1)
    assert expected_returns(game, table, response.policy)[1] == pytest.approx(response.value, abs=1e-9)
    with pytest.raises(InputError, match="no policy plays as a mixture does"):
        nash_conv(game, Mixture(["a", "b"], [Uniform(), as_policy(game, table)], [0.5, 0.5]))


@pytest.mark.slow
def test_tic_tac_toe_is_exact_though_its_positions_forget_their_order() -> None:
    """Perfect play draws; a player who plays at random loses almost always, as the first or as the second."""
    game = OpenSpielGame("tic_tac_toe")
    for player in (0, 1):
        response = best_response(game, Uniform(), player)
        pair = (response.policy, Uniform()) if player == 0 else (Uniform(), response.policy)
        seats = Seats(pair[0], pair[1])
        assert 0.8 < response.value < 1
        assert expected_returns(game, seats, seats)[player] == pytest.approx(response.value, abs=1e-9)
