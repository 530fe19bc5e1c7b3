"""The randomness of policies is a function of its key, and behaves like random numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pokenash.policies import DecisionRandom, Policy, sample_actions
from policies.decisions import batch

KEYS = st.integers(0, 2**62)


@given(seed=st.integers(), keys=st.lists(st.tuples(KEYS, st.integers(0, 1), st.integers(0, 10**6)), min_size=1))
def test_numbers_of_a_row_do_not_depend_on_the_other_rows(seed: int, keys: list[tuple[int, int, int]]) -> None:
    rng = DecisionRandom(seed)
    episode, player, decision = np.array(keys, np.int64).T
    together = rng.uniform_at(episode, player, decision, num=3)
    alone = [
        rng.uniform_at(episode[i : i + 1], player[i : i + 1], decision[i : i + 1], num=3)[0] for i in range(len(keys))
    ]
    assert np.array_equal(together, np.array(alone))
    assert (together >= 0).all()
    assert (together < 1).all()


def test_every_word_of_the_key_and_the_stream_change_the_numbers() -> None:
    def draw(seed: int, episode: int, player: int, decision: int, stream: int) -> float:
        one = [np.array([word]) for word in (episode, player, decision)]
        return float(DecisionRandom(seed).uniform_at(*one, stream=stream)[0, 0])

    base = (5, 6, 0, 7, 0)
    changed = [(8, 6, 0, 7, 0), (5, 8, 0, 7, 0), (5, 6, 1, 7, 0), (5, 6, 0, 8, 0), (5, 6, 0, 7, 1)]
    assert len({draw(*key) for key in [base, *changed]}) == 6
    assert draw(*base) == draw(*base)


@pytest.mark.parametrize("varying", [0, 1, 2])
def test_numbers_of_neighbouring_keys_are_spread_evenly(varying: int) -> None:
    num = 20_000
    words = [np.zeros(num, np.int64) for _ in range(3)]
    words[varying] = np.arange(num)
    uniform = DecisionRandom(1).uniform_at(*words)[:, 0]
    counts = np.bincount((uniform * 20).astype(int), minlength=20)
    # Chi-squared with 19 degrees of freedom exceeds 60 with a probability of 4e-6; the draw is fixed.
    assert ((counts - num / 20) ** 2 / (num / 20)).sum() < 60
    # The correlation of successive numbers has a standard deviation of 1 / sqrt(20,000) = 0.007.
    assert abs(np.corrcoef(uniform[:-1], uniform[1:])[0, 1]) < 0.035


@given(
    weights=st.lists(
        st.lists(st.sampled_from([0.0, 1e-9, 0.3, 1.0, 7.0]), min_size=4, max_size=4), min_size=1, max_size=8
    ),
    uniform=st.sampled_from([0.0, 0.25, 0.999, 1 - 2**-53]),
)
def test_an_action_of_probability_zero_is_never_drawn(weights: list[list[float]], uniform: float) -> None:
    probabilities = np.array(weights)
    probabilities[:, 2] += 0.5
    actions = sample_actions(probabilities, np.full(len(weights), uniform))
    assert (probabilities[np.arange(len(weights)), actions] > 0).all()


def test_actions_are_drawn_in_proportion() -> None:
    uniform = (np.arange(1000) + 0.5) / 1000
    actions = sample_actions(np.tile([2.0, 0.0, 5.0, 3.0], (1000, 1)), uniform)
    assert np.bincount(actions, minlength=4).tolist() == [200, 0, 500, 300]


def test_selecting_rows_keeps_what_belongs_together() -> None:
    decisions = batch(np.eye(4, dtype=bool), player=[0, 1, 0, 1])
    for rows in (np.array([2, 1]), np.array([False, True, True, False])):
        chosen = decisions.select(rows)
        index = np.flatnonzero(rows) if rows.dtype == bool else rows
        assert chosen.lane.tolist() == index.tolist()
        assert chosen.player.tolist() == [[0, 1, 0, 1][i] for i in index]
        assert chosen.action_mask.argmax(axis=1).tolist() == index.tolist()


def test_a_policy_without_probabilities_says_so() -> None:
    class Silent(Policy):
        def act(self, decisions, memory, rng):
            return np.zeros(len(decisions), np.int64)

    with pytest.raises(NotImplementedError, match="Silent cannot give action probabilities"):
        Silent().action_probabilities(batch([[True]]), None)
