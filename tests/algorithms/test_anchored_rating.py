"""A player placed among rated ones."""

from __future__ import annotations

import numpy as np
import pytest

from pokenash.algorithms.anchored_rating import anchored_rating
from pokenash.errors import InputError

RATINGS = np.array([1000.0, 1400.0, 1700.0])


def pairs_at(rating: float, number: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Pairs of independent battles of a player with this rating against the three."""
    rates = 1 / (1 + 10 ** ((RATINGS - rating) / 400))
    return [rng.multinomial(number, np.convolve([1 - p, 0, p], [1 - p, 0, p])) for p in rates]


def test_a_score_of_ten_to_one_is_400_points() -> None:
    # 10 of 11 battles: 100 pairs with 20 halves would not do; 121 pairs of which 100 are won twice and 1 lost twice.
    found = anchored_rating([[1, 0, 20, 0, 100]], ["anchor"], [1000.0], prior_battles=0)
    assert found.rating == pytest.approx(1400.0)
    assert found.expected == pytest.approx((10 / 11,))


def test_the_interval_covers_the_rating_with_which_battles_were_drawn() -> None:
    rng = np.random.default_rng(3)
    covered = []
    for _ in range(600):
        found = anchored_rating(pairs_at(1550.0, 60, rng), ["a", "b", "c"], RATINGS)
        covered.append(found.lower <= 1550 <= found.upper)
    # Three standard errors of 600 trials at 95% are 0.027.
    assert 0.95 - 0.027 < np.mean(covered) < 0.995


def test_uncertain_anchors_widen_the_interval() -> None:
    counts = pairs_at(1500.0, 100, np.random.default_rng(4))
    sure = anchored_rating(counts, ["a", "b", "c"], RATINGS)
    unsure = anchored_rating(counts, ["a", "b", "c"], RATINGS, np.diag([0.0, 900.0, 900.0]))
    assert unsure.rating == sure.rating
    assert unsure.upper - unsure.lower > sure.upper - sure.lower


def test_who_won_every_battle_has_a_finite_rating_with_the_prior_alone() -> None:
    assert 2000 < anchored_rating([[0, 0, 0, 0, 100]], ["a"], [1000.0]).rating < 3000
    with pytest.raises(InputError, match="no finite rating"):
        anchored_rating([[0, 0, 0, 0, 100]], ["a"], [1000.0], prior_battles=0)
    with pytest.raises(InputError, match="pairs of battles against each"):
        anchored_rating([[0, 0, 0, 0, 0]], ["a"], [1000.0])
