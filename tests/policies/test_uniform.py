"""The uniform policy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from pokenash.errors import InputError
from pokenash.games.aec import AECGame
from pokenash.policies import DecisionRandom, PolicySpec, Uniform, load_policy
from policies.decisions import batch

MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=20))


@given(mask=MASKS, seed=st.integers())
def test_only_legal_actions_are_chosen(mask: np.ndarray, seed: int) -> None:
    mask[:, -1] |= ~mask.any(axis=1)
    actions = Uniform().act(batch(mask), None, DecisionRandom(seed))
    assert mask[np.arange(len(mask)), actions].all()


def test_every_legal_action_is_equally_likely() -> None:
    num = 12_000
    mask = np.tile([True, False, True, True, False, True], (num, 1))
    counts = np.bincount(Uniform().act(batch(mask), None, DecisionRandom(3)), minlength=6)
    # A count has a standard deviation of sqrt(12,000 * 3 / 16) = 47.
    assert np.abs(counts - np.array([3000, 0, 3000, 3000, 0, 3000])).max() < 5 * 47
    assert counts[[1, 4]].tolist() == [0, 0]


@given(mask=MASKS)
def test_probabilities_are_uniform_over_the_legal_actions(mask: np.ndarray) -> None:
    mask[:, 0] |= ~mask.any(axis=1)
    probabilities = Uniform().action_probabilities(batch(mask), None)
    assert np.array_equal(probabilities > 0, mask)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    assert all(len(set(row[row > 0].tolist())) == 1 for row in probabilities)


def test_a_row_is_answered_alike_in_any_batch() -> None:
    mask = np.random.default_rng(0).random((50, 9)) < 0.6
    mask[:, 0] = True
    decisions, rng = batch(mask, player=1, decision=4), DecisionRandom(9)
    whole = Uniform().act(decisions, None, rng)
    parts = [Uniform().act(decisions.select(rows), None, rng) for rows in np.array_split(np.arange(50), 7)]
    assert np.array_equal(whole, np.concatenate(parts))


def test_it_takes_no_parameters() -> None:
    game = AECGame("pettingzoo.classic.tictactoe_v3:env")
    assert isinstance(load_policy(PolicySpec("u", "uniform"), game), Uniform)
    with pytest.raises(InputError, match="'uniform' takes no parameters, got \\['temperature'\\]"):
        load_policy(PolicySpec("u", "uniform", {"temperature": 2}), game)
