"""Intervals of win rates where opponents are met more than once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pokenash.algorithms.clustered import clustered_rate, intraclass_correlation
from pokenash.algorithms.intervals import wilson_interval
from pokenash.algorithms.power import design_effect
from pokenash.errors import InputError


def _played(rng: np.random.Generator, opponents: int, battles: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Results against opponents whose win rates have a beta distribution around 60%."""
    rates = rng.beta(0.6 * (1 / spread - 1), 0.4 * (1 / spread - 1), opponents)
    return (rng.random((opponents, battles)) < rates[:, None]).astype(float).ravel(), np.arange(opponents).repeat(
        battles
    )


def test_worked_example() -> None:
    # Three opponents with 2 of 2, 1 of 2 and 0 of 2: by hand, the sum of squared residuals (1, 0, -1) is 2, so the
    # variance is 3/2 * 2/36 = 1/12, and 0.25 / (1/12) = 3 battles, times (1.959964 / 4.302653)^2 = 0.207504.
    found = clustered_rate([1, 1, 1, 0, 0, 0], ["a", "a", "b", "b", "c", "c"])
    assert found.effective_battles == pytest.approx(3 * 0.207504, rel=1e-5)
    assert (found.lower, found.upper) == pytest.approx(
        [float(x) for x in wilson_interval(0.311256, 0.622512)], abs=1e-5
    )
    # Between opponents 1/2 a battle, within 1/6: (1/2 - 1/6) / (1/2 + 1/6) = 1/2.
    assert found.correlation == pytest.approx(0.5)


@pytest.mark.parametrize(("opponents", "battles", "spread"), [(10, 10, 0.1), (30, 10, 0.1), (60, 4, 0.2)])
def test_the_interval_covers_where_that_of_independent_battles_does_not(
    opponents: int, battles: int, spread: float
) -> None:
    rng = np.random.default_rng(20 * opponents)
    covered = np.zeros(2)
    for _ in range(600):
        scores, who = _played(rng, opponents, battles, spread)
        found = clustered_rate(scores, who.tolist(), samples=1)
        plain = wilson_interval(scores.sum(), scores.size)
        covered += [found.lower <= 0.6 <= found.upper, plain[0] <= 0.6 <= plain[1]]
    # 600 draws have a standard deviation of 0.009 at 95%.
    assert covered[0] / 600 > 0.92
    assert covered[1] / 600 < 0.90


def test_the_bootstrap_covers_with_many_opponents() -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for trial in range(300):
        scores, who = _played(rng, 60, 4, 0.2)
        found = clustered_rate(scores, who.tolist(), seed=trial, samples=1000)
        assert found.bootstrap_lower is not None
        assert found.bootstrap_upper is not None
        covered += found.bootstrap_lower <= 0.6 <= found.bootstrap_upper
    assert covered / 300 == pytest.approx(0.94, abs=0.04)


def test_one_battle_an_opponent_is_nearly_wilsons_interval() -> None:
    scores = [1.0] * 120 + [0.0] * 80
    found = clustered_rate(scores, range(200))
    lower, upper = wilson_interval(120, 200)
    # Student's quantile with 199 degrees of freedom is 0.6% larger than the normal one.
    assert (found.lower, found.upper) == pytest.approx((float(lower), float(upper)), abs=0.002)
    assert found.correlation is None


def test_battles_with_one_opponent_count_as_one() -> None:
    found = clustered_rate([1] * 30, ["someone"] * 30)
    assert (found.opponents, found.effective_battles, found.bootstrap_lower) == (1, 1.0, None)
    assert found.lower < 0.25


def test_opponents_who_all_lost_count_once_each() -> None:
    found = clustered_rate([1] * 30, [*range(10)] * 3)
    assert found.effective_battles == 10
    assert (found.lower, found.upper) == pytest.approx([float(x) for x in wilson_interval(10, 10)])


def test_the_estimated_correlation_is_that_of_the_simulated_battles() -> None:
    scores, who = _played(np.random.default_rng(3), 2000, 8, 0.15)
    estimate = intraclass_correlation(scores, who.tolist())
    # A beta distribution with a + b = 1 / spread - 1 has an intra-class correlation of `spread`.
    assert estimate == pytest.approx(0.15, abs=0.02)
    # What the design effect predicts is what the effective number of battles shows.
    assert scores.size / clustered_rate(scores, who.tolist(), samples=1).effective_battles == pytest.approx(
        design_effect(8, 0.15), rel=0.05
    )


@given(
    results=st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 5)), min_size=1, max_size=40),
    seed=st.integers(0, 100),
)
def test_interval_holds_the_rate_and_nothing_depends_on_names(results: list[tuple[float, int]], seed: int) -> None:
    scores, who = [score for score, _ in results], [name for _, name in results]
    found = clustered_rate(scores, who, seed=seed, samples=50)
    assert 0 <= found.lower <= found.win_rate + 1e-12
    assert found.win_rate - 1e-12 <= found.upper <= 1
    assert 0 < found.effective_battles <= len(results)
    assert found == clustered_rate(scores, [f"person {name}" for name in who], seed=seed, samples=50)


@pytest.mark.parametrize(("scores", "who"), [([], []), ([1], []), ([2], ["a"]), ([float("nan")], ["a"])])
def test_bad_input_is_refused(scores: list[float], who: list[str]) -> None:
    with pytest.raises(InputError, match="expected"):
        clustered_rate(scores, who)
