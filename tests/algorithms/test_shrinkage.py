"""Rates of many alike things, estimated together."""

from __future__ import annotations

import numpy as np
import pytest

from pokenash.algorithms.shrinkage import shrink_rates
from pokenash.errors import InputError


def draw(seed: int, spread: float, battles: int, teams: int = 24) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True rates of teams, and what was won of so many battles each."""
    rng = np.random.default_rng(seed)
    concentration = 0.25 / spread**2 - 1 if spread else np.inf
    truth = rng.beta(concentration / 2, concentration / 2, teams) if spread else np.full(teams, 0.5)
    return truth, rng.binomial(battles, truth).astype(float), np.full(teams, float(battles))


def test_the_rat_tumors_of_the_textbook_come_out() -> None:
    # Gelman et al., table 5.1 and section 5.3: 71 experiments; the last one, 4 of 14, is pulled from 0.286 to about
    # 0.21, and the population's mean is 1.4 / (1.4 + 8.6) = 0.14 by moments, its standard deviation 0.10.
    won = [0] * 14 + [1] * 8 + [2] * 9 + [1, 5, 2, 5, 3, 2, 7, 7, 3, 3, 2, 9, 10, 4, 4, 4, 4, 4, 4, 4, 10, 4, 4, 4]
    won += [5, 11, 12, 5, 5, 6, 5, 6, 6, 6, 6, 16, 15, 15, 9, 4]
    of = [20] * 7 + [19] * 4 + [18, 18, 17] + [20] * 4 + [19, 19, 18, 18] + [25, 24, 23] + [20] * 6
    of += [10, 49, 19, 46, 27, 17, 49, 47, 20, 20, 13, 48, 50, 20, 20, 20, 20, 20, 20, 20, 48, 19, 19, 19]
    of += [22, 46, 49, 20, 20, 23, 19, 22, 20, 20, 20, 52, 46, 47, 24, 14]
    assert len(won) == len(of) == 71
    rates = shrink_rates(won, of)
    assert rates.overall == pytest.approx(0.14, abs=0.01)
    assert rates.spread == pytest.approx(0.10, abs=0.02)
    assert rates.mean[-1] == pytest.approx(0.21, abs=0.015)


def test_teams_that_differ_by_chance_alone_are_all_pulled_to_the_mean() -> None:
    best = []
    for seed in range(20):
        _, won, played = draw(seed, 0.0, 50)
        rates = shrink_rates(won, played)
        assert ((rates.lower < 0.5) & (rates.upper > 0.5)).all()
        best.append((rates.mean.max(), (won / played).max()))
    # The luckiest of 24 teams of equal strength seems to win 64% of 50 battles.
    shrunken, observed = np.mean(best, 0)
    assert observed > 0.62
    assert shrunken < 0.54


def test_intervals_hold_as_often_as_they_say_over_the_prior() -> None:
    shares = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        mean, concentration = rng.random(), rng.random() ** -2.0
        truth = rng.beta(mean * concentration, (1 - mean) * concentration, 24).clip(1e-9, 1 - 1e-9)
        played = rng.integers(5, 80, 24).astype(float)
        rates = shrink_rates(rng.binomial(played.astype(int), truth), played)
        shares.append(np.mean((rates.lower <= truth) & (truth <= rates.upper)))
    # Five standard errors of the mean over sets; teams of one set share an estimate of their spread. The beta
    # distribution of the same moments stands for the posterior, which near 0 and 1 costs up to a point.
    error = np.std(shares) / np.sqrt(len(shares))
    assert abs(np.mean(shares) - 0.95) < 5 * error + 0.01


def test_the_interval_of_the_best_team_holds_where_the_plain_one_does_not() -> None:
    shrunken, plain = [], []
    for seed in range(150):
        truth, won, played = draw(1000 + seed, 0.06, 60)
        rates = shrink_rates(won, played)
        best = int(np.argmax(rates.mean))
        shrunken.append(rates.lower[best] <= truth[best] <= rates.upper[best])
        plain.append(abs(won[best] / 60 - truth[best]) < 1.96 * np.sqrt(0.25 / 60))
    # Of 150 intervals at 95%: within five standard errors.
    assert np.mean(shrunken) > 0.95 - 5 * np.sqrt(0.05 * 0.95 / 150)
    assert np.mean(plain) < 0.85


def test_estimates_are_closer_to_the_truth_than_observed_rates() -> None:
    errors = []
    for seed in range(40):
        truth, won, played = draw(2000 + seed, 0.05, 40)
        errors.append((np.mean((shrink_rates(won, played).mean - truth) ** 2), np.mean((won / played - truth) ** 2)))
    shrunken, observed = np.mean(errors, 0)
    assert shrunken < 0.5 * observed


def test_with_many_battles_nothing_is_shrunk() -> None:
    _, won, played = draw(3, 0.08, 200_000)
    rates = shrink_rates(won, played)
    assert np.allclose(rates.mean, won / played, atol=5e-4)
    assert rates.spread_lower < 0.08 < rates.spread_upper


def test_a_team_without_battles_is_as_the_others_are() -> None:
    rates = shrink_rates([30, 25, 35, 0], [60, 60, 60, 0])
    assert rates.mean[3] == pytest.approx(rates.overall, abs=1e-9)
    assert rates.upper[3] - rates.lower[3] > rates.upper[0] - rates.lower[0]


def test_one_team_that_always_wins_has_an_interval_inside_of_0_and_1() -> None:
    rates = shrink_rates([7], [7])
    assert 0.5 < rates.lower[0] < rates.mean[0] < rates.upper[0] < 1


def test_counts_that_cannot_be_are_refused() -> None:
    for won, played in (([2], [1]), ([-1], [1]), ([0], [0]), ([1, 1], [2]), ([float("nan")], [1])):
        with pytest.raises(InputError, match="successes"):
            shrink_rates(won, played)
    with pytest.raises(InputError, match="level"):
        shrink_rates([1], [2], level=1.0)
