"""Action spaces: what looks legal by the state alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pokenash.errors import InputError
from pokenash.metamon import (
    BattleView,
    DefaultActionSpace,
    MinimalActionSpace,
    UniversalMove,
    UniversalState,
    get_action_space,
)
from pokenash.metamon.actions import sorted_moves


def test_every_recorded_state_only_mask(recorded_battle: list[Any]) -> None:
    for side in recorded_battle:
        for record in side.states:
            state, expected = UniversalState.from_dict(record["state"]), record["maybe_legal"]
            assert DefaultActionSpace.maybe_legal(state) == expected
            assert MinimalActionSpace.maybe_legal(state) == [index for index in expected if index < 9]


def test_sizes_and_names() -> None:
    assert (MinimalActionSpace.num_actions, DefaultActionSpace.num_actions) == (9, 13)
    assert get_action_space("MinimalActionSpace") is MinimalActionSpace
    with pytest.raises(InputError, match="DefaultActionSpace, MinimalActionSpace"):
        get_action_space("BigActionSpace")


def test_legal_indices_are_a_subset_of_those_that_look_legal(
    opening: list[str], request_line: Callable[..., str]
) -> None:
    for fields in ({}, {"trapped": True}, {"disabled": ("surf",)}, {"force": True}, {"moves": ("fight",)}):
        view = BattleView(0, "gen1ou")
        view.feed([*opening, request_line(**fields)])
        for space in (MinimalActionSpace, DefaultActionSpace):
            assert set(view.legal(space)) <= set(space.maybe_legal(view.state())) <= set(range(space.num_actions))


def test_moves_are_ordered_by_name_and_at_most_four() -> None:
    moves = [UniversalMove(name, "normal", "physical", 0, 1.0, 0, 1, 1) for name in "dbeac"]
    assert [move.name for move in sorted_moves(moves)] == ["a", "b", "c", "d"]
