"""Schedules by which policies are measured."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.games import Rounds
from pokenash.arena import paired_matches, round_robin, round_robin_pairs
from pokenash.errors import InputError


@given(battles=st.integers(0, 9), seed=st.integers())
def test_every_start_is_played_both_ways(battles: int, seed: int) -> None:
    matches = paired_matches(Rounds(), [(0, 1), (2, 1)], battles, seed, first_episode=7)
    assert len(matches) == 2 * (battles + battles % 2)
    assert [match.setup.episode for match in matches] == list(range(7, 7 + len(matches)))
    for there, back in zip(matches[::2], matches[1::2], strict=True):
        assert there.policies == back.policies[::-1]
        assert (there.setup.seed, there.setup.options) == (back.setup.seed, back.setup.options)
        assert 0 <= there.setup.seed < 2**64
    starts = [(match.setup.seed, match.setup.options["bonus"]) for match in matches[::2]]
    assert len(set(starts)) == len(starts)


def test_what_a_pair_plays_does_not_depend_on_the_other_pairs() -> None:
    def starts(matches):
        return [(m.setup.seed, m.setup.options, m.policies) for m in matches]

    alone = paired_matches(Rounds(), [(1, 2)], 6, seed=3)
    among = paired_matches(Rounds(), [(0, 1), (1, 2), (0, 2)], 6, seed=3)
    assert starts(among[6:12]) == starts(alone)
    assert starts(paired_matches(Rounds(), [(1, 2)], 10, seed=3))[:6] == starts(alone)
    assert starts(paired_matches(Rounds(), [(1, 2)], 6, seed=4)) != starts(alone)


@given(num=st.integers(0, 8), num_old=st.integers(0, 8))
def test_a_round_robin_meets_everyone_once(num: int, num_old: int) -> None:
    pairs = round_robin_pairs(num)
    assert {frozenset(pair) for pair in pairs} == {frozenset((i, j)) for i in range(num) for j in range(i)}
    assert len(pairs) == num * (num - 1) // 2
    if num_old <= num:
        assert round_robin_pairs(num_old) + round_robin_pairs(num, num_old) == pairs


def test_a_round_robin_is_paired() -> None:
    matches = round_robin(Rounds(), 3, 4, seed=0)
    seats = [match.policies for match in matches]
    assert {pair: seats.count(pair) for pair in set(seats)} == {(i, j): 2 for i in range(3) for j in range(3) if i != j}


def test_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(InputError, match="battles per pair: expected a number >= 0, got -1"):
        paired_matches(Rounds(), [(0, 1)], -1, seed=0)
    with pytest.raises(InputError, match="indices >= 0"):
        paired_matches(Rounds(), [(-1, 1)], 2, seed=0)
    with pytest.raises(InputError, match="num_old 4"):
        round_robin_pairs(3, 4)
