"""Scores over paired battles: what counts, and whether the intervals hold what they say."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.pair_cases import CASES, pair_distribution
from hypothesis import given
from hypothesis import strategies as st

from pokenash.algorithms.match_log import LoggedMatch
from pokenash.algorithms.paired_scores import (
    PAIR_SCORES,
    confidence_sequence,
    count_pairs,
    paired_interval,
    paired_score,
)
from pokenash.errors import InputError

COUNTS = st.lists(st.integers(0, 60), min_size=5, max_size=5)


def logged(episode: int, first: str, second: str, value: float, *, seed: int = 1, reason: str = "win") -> LoggedMatch:
    return LoggedMatch(
        "block", episode, seed, {}, (first, second), (None, None), (value, -value), 10, reason, {"turns": 5}
    )


def test_pairs_are_counted_with_draws_as_half_wins() -> None:
    matches = [
        *(logged(0, "a", "b", 1.0), logged(1, "b", "a", -1.0)),
        *(logged(2, "a", "b", 1.0, seed=2), logged(3, "b", "a", 0.0, seed=2, reason="tie")),
        *(logged(4, "a", "b", -1.0, seed=3), logged(5, "b", "a", 1.0, seed=3)),
    ]
    counts, outcomes, left_out = count_pairs(matches, "a")
    assert counts.tolist() == [1, 0, 0, 1, 1]
    assert outcomes.tolist() == [3, 1, 2]
    assert left_out == 0
    assert paired_score(counts, outcomes).score == pytest.approx(3.5 / 6)
    assert count_pairs(matches, "b")[0].tolist() == [1, 1, 0, 0, 1]


def test_a_pair_with_an_error_is_left_out_whole() -> None:
    matches = [logged(0, "a", "b", 1.0), logged(1, "b", "a", 0.0, reason="error"), logged(2, "a", "b", 1.0)]
    counts, outcomes, left_out = count_pairs(matches, "a")
    assert (counts.sum(), outcomes.sum(), left_out) == (0, 0, 3)
    assert paired_score(counts, outcomes).score is None


def test_two_different_starts_are_no_pair() -> None:
    with pytest.raises(InputError, match="not one start played both ways"):
        count_pairs([logged(0, "a", "b", 1.0, seed=1), logged(1, "b", "a", 1.0, seed=2)], "a")


@given(COUNTS, st.sampled_from([0.8, 0.95, 0.99]))
def test_bounds_lie_around_the_score_and_turn_round_with_the_opponent(counts: list[int], level: float) -> None:
    if sum(counts) < 2:
        assert confidence_sequence(counts, level) == (0.0, 1.0) or sum(counts) == 1
        return
    score, lower, upper = paired_interval([counts], level=level)
    always_lower, always_upper = confidence_sequence(counts, level)
    assert 0 <= lower <= score <= upper <= 1
    assert 0 <= always_lower <= score <= always_upper <= 1
    turned = paired_interval([counts[::-1]], level=level)
    assert turned == pytest.approx((1 - score, 1 - upper, 1 - lower), abs=1e-9)
    assert confidence_sequence(counts[::-1], level) == pytest.approx((1 - always_upper, 1 - always_lower), abs=1e-9)


@pytest.mark.parametrize("pairs", [10, 50, 400])
@pytest.mark.parametrize("case", CASES)
def test_the_interval_of_fixed_size_covers_at_its_level(case: str, pairs: int) -> None:
    chances = CASES[case]
    truth = chances @ PAIR_SCORES
    rng = np.random.default_rng(pairs)
    covered = []
    for counts in rng.multinomial(pairs, chances, size=1500):
        _, lower, upper = paired_interval([counts])
        covered.append(lower <= truth <= upper)
    # Four standard errors of 1,500 trials at 95% are 0.023.
    assert np.mean(covered) > 0.95 - 0.023


def test_the_interval_over_several_opponents_covers_at_its_level() -> None:
    chances = [CASES["score 0.6, teams decide much"], CASES["score 0.99"], CASES["score 0.9"]]
    weights = [0.5, 0.3, 0.2]
    truth = sum(w * (c @ PAIR_SCORES) for w, c in zip(weights, chances, strict=True))
    rng = np.random.default_rng(5)
    covered = []
    for _ in range(1500):
        counts = [rng.multinomial(pairs, c) for pairs, c in zip((40, 200, 25), chances, strict=True)]
        _, lower, upper = paired_interval(counts, weights)
        covered.append(lower <= truth <= upper)
    assert 0.95 - 0.023 < np.mean(covered) < 0.99


def stopped(chances: np.ndarray, rng: np.random.Generator, width: float, most: int) -> tuple[bool, bool]:
    """Look after every tenth pair until the interval is narrow enough or shows a difference from the truth.

    Whether the confidence sequence, and whether the interval of fixed size, always held the truth.
    """
    truth = chances @ PAIR_SCORES
    counts = np.zeros(5, np.int64)
    sequence, fixed = True, True
    for _ in range(most // 10):
        counts = counts + rng.multinomial(10, chances)
        lower, upper = confidence_sequence(counts)
        sequence &= lower <= truth <= upper
        _, low, high = paired_interval([counts])
        fixed &= low <= truth <= high
        if upper - lower <= width:
            break
    return sequence, fixed


@pytest.mark.parametrize("case", ["score 0.5", "score 0.99", "pairs end alike, 0.5"])
def test_the_confidence_sequence_holds_at_every_look_where_the_fixed_interval_does_not(case: str) -> None:
    rng = np.random.default_rng(11)
    found = np.array([stopped(CASES[case], rng, 0.1, 400) for _ in range(100)])
    # 95% less three standard errors of 100 trials.
    assert found[:, 0].mean() > 0.95 - 0.066
    if case != "score 0.99":
        assert found[:, 1].mean() < 0.9


def test_the_interval_over_the_pool_covers_where_widths_decided_the_numbers_of_pairs() -> None:
    chances = [CASES[name] for name in ("score 0.5", "score 0.9", "score 0.6, teams decide much")]
    truth = np.mean([c @ PAIR_SCORES for c in chances])
    rng = np.random.default_rng(21)
    covered = []
    for _ in range(150):
        counts = []
        for one in chances:
            found = rng.multinomial(25, one)
            while np.diff(confidence_sequence(found))[0] > 0.15:
                found = found + rng.multinomial(max(int(0.25 * found.sum()), 1), one)
            counts.append(found)
        _, lower, upper = paired_interval(counts)
        covered.append(lower <= truth <= upper)
    # Three standard errors of 150 trials at 95% are 0.053.
    assert np.mean(covered) > 0.95 - 0.053


def test_the_confidence_sequence_needs_less_than_four_times_the_battles_of_a_fixed_interval() -> None:
    chances = CASES["score 0.6, teams decide much"]
    for pairs in (400, 4000):
        counts = np.rint(chances * pairs).astype(int)
        _, lower, upper = paired_interval([counts])
        always_lower, always_upper = confidence_sequence(counts)
        assert (always_upper - always_lower) / (upper - lower) < 2


def test_battles_that_share_a_start_say_more_than_independent_ones_where_the_start_decides() -> None:
    pairs = 1000
    together = np.rint(pairs * pair_distribution(0.6, 0.0, 0.35)).astype(int)
    apart = np.rint(pairs * pair_distribution(0.6, 0.0, 0.0)).astype(int)
    widths = [np.diff(paired_interval([counts])[1:])[0] for counts in (together, apart)]
    assert widths[0] < 0.8 * widths[1]


def test_what_cannot_be_counted_is_refused() -> None:
    with pytest.raises(InputError, match="five counts"):
        confidence_sequence([1, 2, 3])
    with pytest.raises(InputError, match="one weight"):
        paired_interval([[0, 0, 2, 0, 0]], [1.0, 2.0])
    with pytest.raises(InputError, match="against every opponent"):
        paired_interval([[0, 0, 2, 0, 0], [0] * 5])
