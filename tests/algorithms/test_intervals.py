"""Wilson intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pokenash.algorithms import WinRate, wilson_interval
from pokenash.errors import InputError


def test_worked_examples() -> None:
    # Solved by hand from the score equation |p - x| = z sqrt(x (1 - x) / n), z = 1.959964.
    lower, upper = wilson_interval([0, 5, 10, 81], [10, 10, 10, 263])
    np.testing.assert_allclose(lower, [0, 0.236593, 0.722467, 0.255289], atol=1e-6)
    np.testing.assert_allclose(upper, [0.277533, 0.763407, 1, 0.366210], atol=1e-6)


@given(n=st.integers(1, 10_000), share=st.floats(0, 1), level=st.floats(0.5, 0.999))
def test_both_ends_solve_the_score_equation(n: int, share: float, level: float) -> None:
    from statistics import NormalDist

    won = round(share * n)
    lower, upper = (float(bound) for bound in wilson_interval(won, n, level))
    assert 0 <= lower <= won / n <= upper <= 1
    z = NormalDist().inv_cdf((1 + level) / 2)
    for end in (lower, upper):
        if 0 < end < 1:
            assert abs(won / n - end) == pytest.approx(z * np.sqrt(end * (1 - end) / n), rel=1e-6, abs=1e-9)


def test_the_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    for rate in (0.5, 0.7, 0.9):
        won = rng.binomial(200, rate, size=4000)
        lower, upper = wilson_interval(won, np.full(4000, 200))
        # Wilson's coverage swings around 0.95 by about 0.01; 4,000 draws add a standard deviation of 0.0035.
        assert ((lower <= rate) & (rate <= upper)).mean() == pytest.approx(0.95, abs=0.025)


def test_draws_make_it_wider_than_needed_never_narrower() -> None:
    rng = np.random.default_rng(0)
    win, draw = 0.4, 0.4
    outcomes = rng.multinomial(200, [win, draw, 0.2], size=4000)
    lower, upper = wilson_interval(outcomes[:, 0] + outcomes[:, 1] / 2, np.full(4000, 200))
    assert ((lower <= win + draw / 2) & (win + draw / 2 <= upper)).mean() > 0.95


def test_one_sided_bounds_are_nearer() -> None:
    two = wilson_interval(60, 100)
    one = wilson_interval(60, 100, one_sided=True)
    assert two[0] < one[0] < 0.6 < one[1] < two[1]
    np.testing.assert_allclose(one, wilson_interval(60, 100, 0.9))


def test_without_trials_there_is_no_interval() -> None:
    lower, upper = wilson_interval([0, 1], [0, 2])
    assert np.isnan(lower[0])
    assert np.isnan(upper[0])
    assert np.isfinite([lower[1], upper[1]]).all()
    assert WinRate.from_counts(0, 0, 0).to_json() == {
        "battles": 0, "wins": 0, "draws": 0, "losses": 0, "win_rate": None, "lower": None, "upper": None, "level": 0.95,
    }  # fmt: skip


def test_a_win_rate_carries_its_counts() -> None:
    rate = WinRate.from_counts(50, 20, 30)
    assert (rate.battles, rate.wins, rate.draws, rate.losses, rate.win_rate) == (100, 50, 20, 30, 0.6)
    assert (rate.lower, rate.upper) == tuple(float(x) for x in wilson_interval(60, 100))


def test_what_is_no_count_is_refused() -> None:
    with pytest.raises(InputError, match="0 <= successes <= trials"):
        wilson_interval(3, 2)
    with pytest.raises(InputError, match="between 0 and 1, got 95"):
        wilson_interval(1, 2, 95)
    with pytest.raises(InputError, match="counts >= 0, got -1 wins"):
        WinRate.from_counts(-1, 0, 2)
