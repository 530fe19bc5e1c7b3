"""Exact values by the sequence form, against constants that are known and against OpenSpiel's own best responses."""

from __future__ import annotations

import numpy as np
import pyspiel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from open_spiel.python import policy as spiel_policy
from open_spiel.python.algorithms import expected_game_score, exploitability, policy_aggregator

from pokenash.algorithms.exact_game import ExactGame, exact_game, exact_nash_conv
from pokenash.algorithms.oracles.exact_oracle import ExactOracle
from pokenash.algorithms.sequence_form import SequenceForm, sequence_form
from pokenash.errors import InputError
from pokenash.games.aec import AECGame
from pokenash.games.openspiel import OpenSpielGame
from pokenash.policies import Mixture, PolicySpec, Uniform
from pokenash.policies.seats import Seats
from pokenash.policies.tabular import TabularPolicy

UNIFORM = PolicySpec("uniform", "uniform")


def random_policy(form: SequenceForm, seed: int) -> TabularPolicy:
    states = form.states
    weights = np.random.default_rng(seed).random(states.action_mask.shape) ** 3 * states.action_mask + 1e-9
    weights *= states.action_mask
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    return TabularPolicy(states.player, states.observation, states.action_mask, probabilities)


def spiel_table(form: SequenceForm, policy: TabularPolicy, spiel: pyspiel.Game) -> spiel_policy.TabularPolicy:
    """The same policy as OpenSpiel has it."""
    table = spiel_policy.TabularPolicy(spiel)
    for name, row in zip(form.states.strings, policy.probabilities, strict=True):
        table.action_probability_array[table.state_lookup[name]] = row
    return table


@pytest.mark.parametrize(("name", "nash_conv"), [("kuhn_poker", 0.916666666667), ("leduc_poker", 4.747222222222)])
def test_nash_conv_of_the_uniform_policy_is_the_known_constant(name: str, nash_conv: float) -> None:
    assert exact_nash_conv(OpenSpielGame(name), UNIFORM) == pytest.approx(nash_conv, abs=1e-10)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_values_and_best_responses_are_openspiels(seed: int) -> None:
    game = OpenSpielGame("kuhn_poker")
    form = sequence_form(game)
    first, second = random_policy(form, seed), random_policy(form, seed + 1)
    plans = form.plan(first, 0), form.plan(second, 1)
    spiel = pyspiel.load_game("kuhn_poker")
    tables = [spiel_table(form, policy, spiel) for policy in (first, second)]
    scores = expected_game_score.policy_value(spiel.new_initial_state(), tables)
    assert form.value(*plans) == pytest.approx(scores[0], abs=1e-12)
    one = spiel_table(form, first, spiel)
    expected = exploitability.nash_conv(spiel, one, use_cpp_br=False)
    assert form.nash_conv(plans[0], form.plan(first, 1)) == pytest.approx(expected, abs=1e-12)
    # What the best response is said to be worth it does earn.
    for player in (0, 1):
        other = form.plan(first, 1 - player)
        value, probabilities = form.best_response(other, player)
        plan = form.plan_of(probabilities, player)
        earned = form.value(plan, other) if player == 0 else -form.value(other, plan)
        assert earned == pytest.approx(value, abs=1e-12)


def test_a_simultaneous_game_is_the_one_that_openspiel_solves() -> None:
    game = OpenSpielGame("goofspiel", num_cards=4, imp_info=True, points_order="descending")
    spiel = game.game
    expected = exploitability.nash_conv(spiel, spiel_policy.UniformRandomPolicy(spiel))
    assert exact_nash_conv(game, UNIFORM) == pytest.approx(expected, abs=1e-10)


def test_a_mixture_drawn_per_episode_is_aggregated_by_realisation_weights() -> None:
    game = OpenSpielGame("kuhn_poker")
    form = sequence_form(game)
    policies, weights = [random_policy(form, seed) for seed in (1, 2, 3)], [0.5, 0.3, 0.2]
    mixture = Mixture(["a", "b", "c"], policies, weights)
    plans = form.plan(mixture, 0), form.plan(mixture, 1)
    spiel = pyspiel.load_game("kuhn_poker")
    tables = [spiel_table(form, policy, spiel) for policy in policies]
    aggregated = policy_aggregator.PolicyAggregator(spiel).aggregate([0, 1], [tables, tables], [weights, weights])
    assert form.nash_conv(*plans) == pytest.approx(exploitability.nash_conv(spiel, aggregated), abs=1e-10)
    mean = np.tensordot(weights, np.stack([policy.probabilities for policy in policies]), 1)
    assert abs(form.nash_conv(form.plan_of(mean, 0), form.plan_of(mean, 1)) - form.nash_conv(*plans)) > 1e-3


def test_a_policy_of_two_seats_plays_each_in_its_own() -> None:
    form = sequence_form(OpenSpielGame("kuhn_poker"))
    first, second = random_policy(form, 5), random_policy(form, 6)
    seats = Seats(first, second)
    np.testing.assert_array_equal(form.plan(seats, 0), form.plan(first, 0))
    np.testing.assert_array_equal(form.plan(seats, 1), form.plan(second, 1))


def test_exact_game_agrees_with_battles(tmp_path: object) -> None:
    from pathlib import Path

    from pokenash.arena import Arena, paired_matches

    game = OpenSpielGame("leduc_poker")
    response = ExactOracle().train(
        game, UNIFORM, population=[UNIFORM], name="br", directory=Path(str(tmp_path)), seed=0, iteration=0
    )
    exact = exact_game(game, [UNIFORM, response])
    assert exact.payoffs()[1, 0] * 2 == pytest.approx(exact_nash_conv(game, UNIFORM), abs=1e-10)
    np.testing.assert_allclose(exact.payoffs(), -exact.payoffs().T)
    with Arena(game, num_lanes=256) as arena:
        results = arena.play([response, UNIFORM], paired_matches(game, [(0, 1)], 4000, 3), seed=5)
    returns = [r.result.returns[r.match.policies.index(0)] for r in results]
    # Six standard errors, with one of a fixed seed.
    assert abs(np.mean(returns) - exact.payoffs()[1, 0]) < 6 * np.std(returns) / np.sqrt(len(returns))


def test_what_cannot_be_computed_is_refused() -> None:
    class Silent(Uniform):
        def action_probabilities(self, decisions: object, memory: object) -> np.ndarray:
            raise NotImplementedError("Silent says nothing")

    with pytest.raises(InputError, match="needs a game of OpenSpiel"):
        sequence_form(AECGame("pettingzoo.classic.rps_v2:env", max_cycles=1))
    with pytest.raises(InputError, match="action probabilities"):
        sequence_form(OpenSpielGame("kuhn_poker")).plan(Silent(), 0)
    with pytest.raises(InputError, match="2 x 2 finite payoffs"):
        ExactGame(["a", "b"], np.full((2, 2), np.nan))
