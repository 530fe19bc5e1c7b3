"""What matches say about payoffs, and how surely."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from algorithms.results import match_result, series
from pokenash.algorithms import EmpiricalGame, MatchLog, analyse_meta_game, get_meta_solver, nash_conv, wilson_interval
from pokenash.algorithms.empirical_game import INTERACTION_MATRIX_SCHEMA
from pokenash.errors import InputError

COUNTS = st.integers(1, 4).flatmap(lambda n: arrays(np.int64, (n, n, 3), elements=st.integers(0, 20)))


def names(num: int) -> list[str]:
    return list("abcdefgh")[:num]


def cycle(strength: int = 100) -> EmpiricalGame:
    """Rock, paper, scissors: in either seat the winner wins 3 of 4 battles."""
    counts = np.zeros((3, 3, 3), np.int64)
    for i in range(3):
        counts[i, (i + 1) % 3] = [strength // 4, 0, 3 * strength // 4]
        counts[i, (i + 2) % 3] = [3 * strength // 4, 0, strength // 4]
    return EmpiricalGame(names(3), counts)


def test_a_worked_example() -> None:
    counts = np.zeros((2, 2, 3), np.int64)
    counts[0, 1] = [6, 2, 2]
    counts[1, 0] = [4, 4, 2]
    game = EmpiricalGame(names(2), counts)
    # a wins 0.7 of 10 in seat 0, and 1 - 0.6 of 10 in seat 1.
    np.testing.assert_allclose(game.win_rate(), [[0.5, 0.55], [0.45, 0.5]], rtol=1e-12)
    np.testing.assert_allclose(game.payoffs(), [[0, 0.1], [-0.1, 0]], atol=1e-12)
    lower, upper = game.intervals()
    np.testing.assert_allclose([lower[0, 1], upper[0, 1]], np.ravel(wilson_interval(11, 20)), rtol=1e-12)
    assert game.battles.tolist() == [[0, 20], [20, 0]]


def test_an_advantage_of_the_seat_cancels_whatever_the_numbers_of_battles() -> None:
    counts = np.zeros((2, 2, 3), np.int64)
    counts[0, 1] = [80, 0, 20]
    counts[1, 0] = [8, 0, 2]
    game = EmpiricalGame(names(2), counts)
    assert game.win_rate()[0, 1] == pytest.approx(0.5)
    lower, upper = game.intervals()
    # Rates of 100 and of 10 battles, averaged, are as sure as one of 4 * 100 * 10 / 110 = 36.4.
    np.testing.assert_allclose([lower[0, 1], upper[0, 1]], np.ravel(wilson_interval(0.5 * 400 / 11, 400 / 11)))


@given(COUNTS)
def test_payoffs_are_antisymmetric_and_agree_with_the_win_rates(counts: np.ndarray) -> None:
    game = EmpiricalGame(names(len(counts)), counts)
    payoffs, rates = game.payoffs(), game.win_rate()
    assert np.array_equal(np.isnan(payoffs), np.isnan(payoffs.T))
    known = np.isfinite(payoffs)
    assert np.array_equal(payoffs[known], -payoffs.T[known])
    np.testing.assert_allclose(payoffs[known], 2 * rates[known] - 1, atol=1e-12)
    assert (np.abs(payoffs[known]) <= 1).all()
    assert np.diag(payoffs).tolist() == [0] * len(game)
    lower, upper = game.intervals()
    assert np.array_equal(np.isnan(lower), np.isnan(payoffs))
    assert (lower[known] <= rates[known] + 1e-12).all()
    assert (upper[known] >= rates[known] - 1e-12).all()


@given(COUNTS)
def test_a_pair_is_missing_unless_both_seats_were_played(counts: np.ndarray) -> None:
    game = EmpiricalGame(names(len(counts)), counts)
    played = counts.sum(axis=2) > 0
    unplayed = {
        (i, j) for i in range(len(game)) for j in range(i + 1, len(game)) if not (played[i, j] and played[j, i])
    }
    assert set(game.missing()) == unplayed
    assert {(i, j) for i, j in np.argwhere(np.isnan(game.payoffs())).tolist() if i < j} == unplayed
    few = {(i, j) for i, j in game.missing(30) if (i, j) not in unplayed}
    assert (
        few == {(i, j) for i in range(len(game)) for j in range(i + 1, len(game)) if game.battles[i, j] < 30} - unplayed
    )


def test_games_are_counted_by_seat_and_errors_are_not(tmp_path: Path) -> None:
    log = MatchLog(tmp_path / "log")
    log.append_block("t/a/b", [*series((0, 1), [1, 1, 0, -1]), match_result(9, (0, 1), 0.0, reason="error")], names(3))
    log.append_block("t/b/a", series((1, 0), [1, 0]), names(3))
    log.append_block("fresh/c/a", series((2, 0), [1, 1]), names(3))
    game = EmpiricalGame.from_log(log.path)
    assert game.policies == ("a", "b", "c")
    assert game.counts[0, 1].tolist() == [2, 1, 1]
    assert game.counts[1, 0].tolist() == [1, 1, 0]
    assert game.counts[2, 0].tolist() == [2, 0, 0]
    assert game.missing() == [(0, 2), (1, 2)]
    assert EmpiricalGame.from_log(log, prefix="t/").policies == ("a", "b")
    chosen = EmpiricalGame.from_log(log, ["b", "z", "a"])
    assert chosen.policies == ("b", "z", "a")
    assert chosen.counts.sum() == 6
    assert chosen.counts[2, 0].tolist() == [2, 1, 1]


def test_returns_of_any_size_are_averaged() -> None:
    matches = [*series((0, 1), [2.0, -1.0, 1.0, 1.0]), *series((1, 0), [-2.0, -1.0], 10)]
    log_lines = [match_result(m.result.episode, m.match.policies, m.result.returns[0]) for m in matches]
    from pokenash.algorithms import LoggedMatch

    game = EmpiricalGame.from_matches(LoggedMatch.from_result("k", m, names(2)) for m in log_lines)
    assert game.outcomes.tolist() == [2, 1, -1, -2]
    assert game.payoffs()[0, 1] == pytest.approx((0.75 + 1.5) / 2)
    assert game.counts[0, 1].tolist() == [3, 0, 1]
    assert game.win_rate()[0, 1] == pytest.approx((0.75 + 1.0) / 2)


def test_the_posterior_is_that_of_the_counts() -> None:
    counts = np.zeros((2, 2, 3), np.int64)
    counts[0, 1] = [30, 20, 10]
    counts[1, 0] = [15, 15, 30]
    game = EmpiricalGame(names(2), counts)
    drawn = game.sample_payoffs(40_000, np.random.default_rng(0))
    assert np.array_equal(drawn, -drawn.transpose(0, 2, 1))
    mean, variance = [], []
    for wins, draws, losses in (counts[0, 1] + 0.5, counts[1, 0] + 0.5):
        total = wins + draws + losses
        mean.append((wins - losses) / total)
        variance.append(((wins + losses) / total - mean[-1] ** 2) / (total + 1))
    spread = np.sqrt(sum(variance)) / 2
    # The mean of 40,000 draws has a standard error of spread / 200; that of the spread itself is about as much.
    assert drawn[:, 0, 1].mean() == pytest.approx((mean[0] - mean[1]) / 2, abs=5 * spread / 200)
    assert drawn[:, 0, 1].std() == pytest.approx(spread, rel=0.02)


def test_there_is_no_posterior_of_what_was_not_played() -> None:
    with pytest.raises(InputError, match="a against b"):
        EmpiricalGame(names(2), np.zeros((2, 2, 3), np.int64)).sample_payoffs(3, np.random.default_rng(0))


def test_it_goes_to_json_with_missing_cells_as_none() -> None:
    counts = np.zeros((2, 2, 3), np.int64)
    data = json.loads(json.dumps(EmpiricalGame(names(2), counts).to_json(), allow_nan=False))
    assert data["schema"] == INTERACTION_MATRIX_SCHEMA
    assert data["win_rate"] == data["lower"] == data["upper"] == [[0.5, None], [None, 0.5]]
    assert data["payoffs"] == [[0, None], [None, 0]]
    assert data["counts"] == counts.tolist()
    assert data["policies"] == ["a", "b"]


@pytest.mark.parametrize(
    ("policies", "shape", "words"),
    [
        ([], (0, 0, 3), "different policy names, at least one"),
        (["a", "a"], (2, 2, 3), "different policy names"),
        (["a"], (2, 2, 3), "of shape"),
    ],
)
def test_what_is_no_game_is_refused(policies: list[str], shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(InputError, match=words):
        EmpiricalGame(policies, np.zeros(shape, np.int64))


def test_a_meta_nash_has_nash_conv_0_in_its_own_matrix_and_the_posterior_knows_better() -> None:
    few, many = cycle(20), cycle(20_000)
    sigma = get_meta_solver("nash")(few.payoffs())
    np.testing.assert_allclose(sigma, [1 / 3] * 3, atol=1e-9)
    loose, sure = (analyse_meta_game(game, sigma, seed=0) for game in (few, many))
    for analysis in (loose, sure):
        assert analysis.plug_in == pytest.approx(0, abs=1e-9)
        assert analysis.value == pytest.approx(0, abs=1e-9)
        posterior = analysis.restricted_nash_conv
        # Matches never disprove that an equilibrium of their mean payoffs is one.
        assert 0 == posterior.lower < posterior.mean < posterior.upper
        assert analysis.support_probability == pytest.approx([1, 1, 1], abs=0.1)
    # A thousand times the battles: the spread of the payoffs, and so the nash_conv, shrinks by sqrt(1000) = 32.
    assert loose.restricted_nash_conv.mean / sure.restricted_nash_conv.mean == pytest.approx(32, rel=0.15)


def test_nash_conv_of_a_bad_mixture_is_what_both_players_gain() -> None:
    game = cycle(20_000)
    analysis = analyse_meta_game(game, [1, 0, 0], seed=0)
    # Against rock, paper earns 0.5 in either seat.
    assert analysis.plug_in == pytest.approx(1.0)
    assert nash_conv(game.payoffs(), np.array([1.0, 0, 0])) == pytest.approx(1.0)
    posterior = analysis.restricted_nash_conv
    assert posterior.lower < 1.0 < posterior.upper
    assert posterior.upper - posterior.lower < 0.05


def test_a_clearly_dominated_policy_is_in_no_support() -> None:
    counts = np.zeros((3, 3, 3), np.int64)
    counts[0, 1] = counts[0, 2] = [95, 0, 5]
    counts[1, 0] = counts[2, 0] = [5, 0, 95]
    counts[1, 2] = counts[2, 1] = [50, 0, 50]
    analysis = analyse_meta_game(EmpiricalGame(names(3), counts), [1, 0, 0], seed=3)
    assert analysis.support_probability == (1.0, 0.0, 0.0)
    assert [p.mean for p in analysis.equilibrium_probability] == [1.0, 0.0, 0.0]
    data = json.loads(json.dumps(analysis.to_json(), allow_nan=False))
    assert data["support_probability"] == {"a": 1.0, "b": 0.0, "c": 0.0}
    assert set(data["restricted_nash_conv"]) == {"plug_in", "posterior_mean", "lower", "upper", "level"}


def test_an_analysis_is_the_same_for_the_same_seed() -> None:
    first, again, other = (analyse_meta_game(cycle(), [0.4, 0.3, 0.3], seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_an_analysis_needs_all_cells_and_a_distribution() -> None:
    with pytest.raises(InputError, match="no value for a against b"):
        analyse_meta_game(EmpiricalGame(names(2), np.zeros((2, 2, 3), np.int64)), [0.5, 0.5], seed=0)
    with pytest.raises(InputError, match="meta-strategy: expected probabilities"):
        analyse_meta_game(cycle(), [0.5, 0.5, 0.5], seed=0)
    with pytest.raises(InputError, match="num_equilibria"):
        analyse_meta_game(cycle(), [1, 0, 0], seed=0, num_samples=10, num_equilibria=20)
