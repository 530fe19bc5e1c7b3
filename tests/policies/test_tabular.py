"""Policies that are tables, and policies of two seats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pokenash.errors import InputError
from pokenash.games.core import Decisions
from pokenash.games.openspiel import OpenSpielGame, information_states
from pokenash.policies import DecisionRandom, PolicySpec, load_policy
from pokenash.policies.seats import seats_spec
from pokenash.policies.tabular import RowIndex, TabularPolicy, row_keys, save_tabular_policy


def kuhn_policy(seed: int = 0, **options: bool) -> TabularPolicy:
    states = information_states(OpenSpielGame("kuhn_poker"))
    weights = np.random.default_rng(seed).random(states.action_mask.shape) * states.action_mask
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    return TabularPolicy(states.player, states.observation, states.action_mask, probabilities, **options)


def test_a_table_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    game, policy = OpenSpielGame("kuhn_poker"), kuhn_policy()
    spec = save_tabular_policy("table", policy, tmp_path / "table.safetensors")
    again = load_policy(PolicySpec.from_json(spec.to_json()), game)
    assert isinstance(again, TabularPolicy)
    np.testing.assert_array_equal(again.probabilities, policy.probabilities)
    states = information_states(game)
    rows = np.random.default_rng(1).permutation(len(states))
    asked = states.decisions.select(rows)
    np.testing.assert_array_equal(again.action_probabilities(asked, None), policy.probabilities[rows])


def test_actions_are_drawn_with_the_tables_probabilities() -> None:
    policy, states = kuhn_policy(), information_states(OpenSpielGame("kuhn_poker"))
    count = 4000
    row = np.zeros(count, np.int64)
    decisions = Decisions(
        row, np.arange(count), states.player[row], row, states.observation[row], states.action_mask[row]
    )
    actions = policy.act(decisions, None, DecisionRandom(3))
    # Five standard errors of a share of 4000.
    assert abs(np.mean(actions == 0) - policy.probabilities[0, 0]) < 5 * 0.5 / np.sqrt(count)


@given(
    hnp.arrays(np.float32, st.tuples(st.integers(1, 20), st.integers(1, 6)), elements=st.integers(-3, 3).map(float)),
    st.data(),
)
def test_rows_are_found_where_they_stand_and_others_are_not(rows: np.ndarray, data: st.DataObject) -> None:
    player = np.array(data.draw(st.lists(st.integers(0, 1), min_size=len(rows), max_size=len(rows))), np.int64)
    together = np.unique(np.column_stack([player, rows]), axis=0)
    player, rows = together[:, 0].astype(np.int64), together[:, 1:].astype(np.float32)
    index = RowIndex(player, rows)
    np.testing.assert_array_equal(index.find(player, rows), np.arange(len(rows)))
    np.testing.assert_array_equal(index.find(player, rows + 10), -1)
    np.testing.assert_array_equal(row_keys(player[:1], rows[:1]), row_keys(player, rows)[:1])


def test_what_is_not_in_a_table_is_refused_or_played_uniformly() -> None:
    full = kuhn_policy()
    part = slice(0, 4)
    arrays = full.player[part], full.observation[part], full.action_mask[part], full.probabilities[part]
    states = information_states(OpenSpielGame("kuhn_poker"))
    with pytest.raises(InputError, match="8 of 12 decisions are not in its table"):
        TabularPolicy(*arrays).action_probabilities(states.decisions, None)
    answers = TabularPolicy(*arrays, complete=False).action_probabilities(states.decisions, None)
    np.testing.assert_array_equal(answers[:4], full.probabilities[:4])
    np.testing.assert_array_equal(answers[4:], 0.5)


def test_tables_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    policy = kuhn_policy()
    path = tmp_path / "table.safetensors"
    spec = save_tabular_policy("table", policy, path)
    with pytest.raises(InputError, match="leduc_poker has 30 and 3"):
        load_policy(spec, OpenSpielGame("leduc_poker"))
    with pytest.raises(InputError, match="sum to 1 in every row"):
        TabularPolicy(policy.player, policy.observation, policy.action_mask, policy.probabilities * 0.9)
    with pytest.raises(InputError, match="twice"):
        TabularPolicy(
            *(np.repeat(getattr(policy, n), 2, 0) for n in ("player", "observation", "action_mask", "probabilities"))
        )
    path.write_bytes(b"no table")
    with pytest.raises(InputError, match="SHA-256"):
        load_policy(spec, OpenSpielGame("kuhn_poker"))
    with pytest.raises(InputError, match="is not the table of a policy"):
        load_policy(PolicySpec("table", "tabular", checkpoint=str(path)), OpenSpielGame("kuhn_poker"))


def test_each_seat_is_played_by_its_own_policy(tmp_path: Path) -> None:
    game = OpenSpielGame("kuhn_poker")
    specs = [save_tabular_policy(f"t{seed}", kuhn_policy(seed), tmp_path / f"{seed}.safetensors") for seed in (0, 1)]
    policy = load_policy(seats_spec("both", *specs), game)
    states = information_states(game)
    got = policy.action_probabilities(states.decisions, policy.initial_memory(len(states)))
    expected = np.where(states.player[:, None] == 0, kuhn_policy(0).probabilities, kuhn_policy(1).probabilities)
    np.testing.assert_array_equal(got, expected)
    with pytest.raises(InputError, match="a list of two policy specs"):
        load_policy(PolicySpec("one", "seats", {"seats": [specs[0].to_json()]}), game)
