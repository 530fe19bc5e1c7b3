"""Glicko-1 and the site's GXE."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pokenash.algorithms.glicko import GLICKMAN, SHOWDOWN, Glicko, GlickoSystem, rate_period
from pokenash.errors import InputError


def test_glickmans_worked_example() -> None:
    # "The Glicko system", section "Example calculation": 1500 ± 200 beats 1400 ± 30 and loses to 1550 ± 100 and
    # 1700 ± 300, which gives 1464 ± 151.4.
    opponents = [Glicko(1400, 30), Glicko(1550, 100), Glicko(1700, 300)]
    after = Glicko(1500, 200).after(opponents, [1, 0, 0], GLICKMAN)
    assert after.rating == pytest.approx(1464, abs=0.5)
    assert after.deviation == pytest.approx(151.4, abs=0.05)


def test_glickmans_expected_score() -> None:
    # The same note: 1400 ± 80 against 1500 ± 150 is expected to score 0.376.
    assert Glicko(1400, 80).expected_score(Glicko(1500, 150)) == pytest.approx(0.376, abs=5e-4)


@pytest.mark.parametrize(("rating", "deviation"), [(1500, 130), (1700, 50), (1321.4, 88), (2100, 25)])
def test_gxe_is_the_formula_of_the_site(rating: float, deviation: float) -> None:
    # The login server's formula as published, with its own rounded constant.
    exponent = (1500 - rating) / 400 / (1 + 0.0000100724 * (deviation**2 + 130**2)) ** 0.5
    assert Glicko(rating, deviation).gxe() == pytest.approx(1 / (1 + 10**exponent), abs=1e-7)


def test_gxe_with_glickmans_newcomer_is_x_acts_formula() -> None:
    from math import log, pi, sqrt

    rating, deviation = 1800.0, 60.0
    under = sqrt(3 * log(10) ** 2 * deviation**2 + 2500 * (64 * pi**2 + 147 * log(10) ** 2))
    assert Glicko(rating, deviation).gxe(GLICKMAN) == pytest.approx(1 / (1 + 10 ** ((1500 - rating) * pi / under)))


def test_the_sites_deviation_grows_from_smallest_to_largest_in_a_year() -> None:
    rating = Glicko(1600, 25)
    for _ in range(365):
        rating = rating.after([], [])
    assert rating.deviation == pytest.approx(130)
    assert rating.after([], []).deviation == 130
    assert rating.rating == 1600


def test_a_period_uses_the_ratings_before_it() -> None:
    ratings = rate_period({"idle": Glicko(1600, 50)}, [("a", "b", 1.0), ("b", "c", 1.0)])
    assert ratings["a"] == Glicko(1500, 130).after([Glicko(1500, 130)], [1])
    # One win and one loss against equals.
    assert ratings["b"].rating == pytest.approx(1500)
    assert ratings["a"].rating - 1500 == pytest.approx(1500 - ratings["c"].rating)
    assert ratings["idle"].rating == 1600
    assert ratings["idle"].deviation > 50


@given(
    scores=st.lists(st.sampled_from([0.0, 0.5, 1.0]), max_size=30),
    rating=st.floats(800, 2400),
    deviation=st.floats(25, 130),
)
def test_deviation_stays_in_bounds_and_intervals_hold_the_rating(
    scores: list[float], rating: float, deviation: float
) -> None:
    after = Glicko(rating, deviation).after([Glicko(1500, 100)] * len(scores), scores)
    assert 25 <= after.deviation <= 130
    lower, upper = after.interval()
    assert lower < after.rating < upper
    low, high = after.gxe_interval()
    assert 0 < low < high < 1


def test_many_results_recover_the_strength_of_the_player() -> None:
    # A long-run score of 0.75 against rated players of 1500 is 400 * log10(3) = 190.8 points.
    rating = Glicko(1500, 350)
    for _ in range(400):
        rating = rating.after([Glicko(1500, 0)] * 4, [1, 1, 1, 0], GlickoSystem(smallest_deviation=1.0))
    assert rating.rating == pytest.approx(1690.8, abs=3)


def test_bad_results_are_refused() -> None:
    with pytest.raises(InputError, match="a score for each"):
        Glicko(1500, 130).after([Glicko(1500, 130)], [])
    with pytest.raises(InputError, match="score from 0 to 1"):
        rate_period({}, [("a", "b", 2.0)])
    with pytest.raises(InputError, match="between 0 and 1"):
        Glicko(1500, 130).interval(1.0)
    assert SHOWDOWN.newcomer() == Glicko(1500, 130)
