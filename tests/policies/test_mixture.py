"""Mixtures draw one member for a whole episode."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pokenash.errors import InputError
from pokenash.games.aec import AECGame
from pokenash.games.core import Decisions
from pokenash.policies import DecisionRandom, Mixture, Policy, PolicySpec, Uniform, load_policy, mixture_spec
from policies.decisions import batch


class Always(Policy):
    """Plays one action."""

    def __init__(self, action: int) -> None:
        self.action = action

    def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        return np.full(len(decisions), self.action)


def four(probabilities: list[float]) -> Mixture:
    return Mixture(list("abcd"), [Always(i) for i in range(4)], probabilities)


def test_a_member_plays_the_whole_episode() -> None:
    mixture, rng = four([0.25] * 4), DecisionRandom(0)
    mask = np.ones((100, 4), bool)
    first = mixture.act(batch(mask), mixture.initial_memory(100), rng)
    for decision in range(1, 5):
        assert np.array_equal(mixture.act(batch(mask, decision=decision), mixture.initial_memory(100), rng), first)
    assert set(first.tolist()) == {0, 1, 2, 3}
    assert first.tolist() == mixture.draw(np.arange(100), np.zeros(100, np.int64), rng).tolist()


def test_the_two_seats_draw_independently() -> None:
    mixture, rng = four([0.25] * 4), DecisionRandom(0)
    episodes = np.arange(4000)
    first, second = (mixture.draw(episodes, np.full(4000, player), rng) for player in (0, 1))
    # A match of independent draws has probability 1/4, and 4,000 of them a standard deviation of 0.007.
    assert abs((first == second).mean() - 0.25) < 0.035


@given(st.lists(st.integers(0, 5), min_size=4, max_size=4).filter(any), st.integers())
def test_members_of_probability_zero_never_play(weights: list[int], seed: int) -> None:
    mixture = four((np.array(weights) / sum(weights)).tolist())
    drawn = mixture.draw(np.arange(200), np.zeros(200, np.int64), DecisionRandom(seed))
    assert all(weights[i] > 0 for i in set(drawn.tolist()))


def test_members_are_drawn_in_proportion() -> None:
    drawn = four([0.1, 0.2, 0.3, 0.4]).draw(np.arange(20_000), np.ones(20_000, np.int64), DecisionRandom(5))
    # Standard deviations are at most sqrt(0.24 / 20,000) = 0.0035.
    np.testing.assert_allclose(np.bincount(drawn) / 20_000, [0.1, 0.2, 0.3, 0.4], atol=0.0175)


def test_a_mixture_of_mixtures_is_one_mixture() -> None:
    inner = Mixture(["x", "y"], [Always(0), Always(1)], [0.25, 0.75])
    outer = Mixture(["m", "z"], [inner, Always(2)], [0.4, 0.6])
    assert outer.names == ["m/x", "m/y", "z"]
    np.testing.assert_allclose(outer.probabilities, [0.1, 0.3, 0.6], rtol=1e-12)


def test_it_needs_text_only_if_a_member_that_plays_does() -> None:
    reader = Always(0)
    reader.needs_text = True
    assert Mixture(["r", "s"], [reader, Always(1)], [0.5, 0.5]).needs_text
    assert not Mixture(["r", "s"], [reader, Always(1)], [0, 1]).needs_text


def test_a_spec_goes_to_json_and_back() -> None:
    game = AECGame("pettingzoo.classic.tictactoe_v3:env")
    members = [PolicySpec("a", "uniform"), PolicySpec("b", "uniform"), PolicySpec("never", "uniform")]
    spec = mixture_spec("m", members, [0.25, 0.75, 0.0])
    spec = PolicySpec.from_json(json.loads(json.dumps(spec.to_json())))
    mixture = load_policy(spec, game)
    assert isinstance(mixture, Mixture)
    assert mixture.names == ["a", "b"]
    assert mixture.probabilities.tolist() == [0.25, 0.75]
    assert all(isinstance(member, Uniform) for member in mixture.members)


@pytest.mark.parametrize("probabilities", [[0.5, 0.6], [1.5, -0.5], [float("nan"), 1.0], [1.0], ["x", 1], None])
def test_what_is_no_distribution_is_refused(probabilities: Any) -> None:
    members = [PolicySpec("a", "uniform"), PolicySpec("b", "uniform")]
    with pytest.raises(InputError, match="mixture 'm': expected"):
        mixture_spec("m", members, probabilities)


def test_an_empty_mixture_and_equal_names_are_refused() -> None:
    game = AECGame("pettingzoo.classic.tictactoe_v3:env")
    with pytest.raises(InputError, match="at least one member"):
        mixture_spec("m", [], [])
    twice = [PolicySpec("a", "uniform").to_json()] * 2
    with pytest.raises(InputError, match="names must differ"):
        load_policy(PolicySpec("m", "mixture", {"members": twice, "probabilities": [0.5, 0.5]}), game)
    with pytest.raises(InputError, match="takes the parameters members"):
        load_policy(PolicySpec("m", "mixture", {"members": twice}), game)
