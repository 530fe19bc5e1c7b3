"""Ratings, and when they mislead."""

from __future__ import annotations

import json

import numpy as np
import pytest

from algorithms.results import series
from algorithms.test_posterior import cycle, played
from pokenash.algorithms import EmpiricalGame, LoggedMatch, get_meta_solver
from pokenash.algorithms.cyclicity import cyclicity, hodge_decomposition
from pokenash.algorithms.ratings import POINTS_PER_LOG_ODDS, bradley_terry, elo, elo_averaged, expected_score
from pokenash.errors import InputError


def transitive(ratings: np.ndarray) -> np.ndarray:
    """Payoffs of Bradley-Terry ratings in log odds."""
    return np.tanh(np.subtract.outer(ratings, ratings) / 2)


def wins(matrix: list[list[int]]) -> EmpiricalGame:
    """`matrix[i][j]` battles won by i against j, shared between the seats."""
    won = np.array(matrix)
    tallies = np.zeros((*won.shape, 3), np.int64)
    tallies[:, :, 0] = (won + 1) // 2
    tallies[:, :, 2] = won.T // 2
    return EmpiricalGame([f"p{i}" for i in range(len(won))], tallies)


def test_two_policies_have_the_log_odds_of_their_wins() -> None:
    rated = bradley_terry(wins([[0, 150], [50, 0]]), prior_battles=0)
    ahead, lower, upper = rated.difference("p0", "p1")
    assert ahead == pytest.approx(np.log(3) * POINTS_PER_LOG_ODDS)
    # The log odds of 150 wins of 200 have the variance 1 / 150 + 1 / 50; Jeffreys' prior makes it a little larger.
    half = 1.96 * np.sqrt(1 / 150 + 1 / 50) * POINTS_PER_LOG_ODDS
    assert (upper - lower) / 2 == pytest.approx(half, rel=0.02)
    assert rated.ratings.sum() == pytest.approx(0)
    np.testing.assert_allclose(expected_score(rated.ratings)[0, 1], 0.75)


def test_the_fit_is_that_of_choix() -> None:
    # choix 0.4.1: ilsr_pairwise_dense(wins, alpha=0) of these wins, in log odds with mean 0.
    won = [[0, 14, 20, 22], [10, 0, 12, 18], [4, 12, 0, 14], [2, 6, 10, 0]]
    expected = [0.9782177, 0.1808525, -0.2840442, -0.875026]
    rated = bradley_terry(wins(won), prior_battles=0)
    np.testing.assert_allclose(rated.ratings / POINTS_PER_LOG_ODDS, expected, atol=1e-6)


def test_the_intervals_cover_the_truth() -> None:
    rng = np.random.default_rng(0)
    ratings = np.array([0.8, 0.3, 0.0, -0.2, -0.9])
    payoffs, covered, differences = transitive(ratings), [], []
    for _ in range(200):
        rated = bradley_terry(played(payoffs, 60, rng))
        true = ratings * POINTS_PER_LOG_ODDS
        covered.append((rated.lower <= true) & (true <= rated.upper))
        _, lower, upper = rated.difference("p0", "p1")
        differences.append(lower <= true[0] - true[1] <= upper)
    # 1,000 intervals, not independent: a standard error of about 0.01.
    assert 0.92 <= np.mean(covered) <= 0.98
    assert np.mean(differences) >= 0.9


def test_ratings_depend_neither_on_the_order_nor_on_the_seats() -> None:
    game = played(transitive(np.array([1.0, 0.0, -0.5])), 80, np.random.default_rng(1))
    order = [2, 0, 1]
    turned = EmpiricalGame([game.policies[i] for i in order], game.tallies[np.ix_(order, order)])
    np.testing.assert_allclose(bradley_terry(turned).ratings, bradley_terry(game).ratings[order], atol=1e-6)
    exchanged = EmpiricalGame(game.policies, game.tallies.transpose(1, 0, 2)[:, :, ::-1])
    np.testing.assert_allclose(bradley_terry(exchanged).ratings, bradley_terry(game).ratings, atol=1e-6)


def test_a_policy_that_won_everything_has_a_finite_rating() -> None:
    game = wins([[0, 20, 20], [0, 0, 10], [0, 10, 0]])
    rated = bradley_terry(game, centre=1500)
    assert rated.ratings.mean() == pytest.approx(1500)
    assert rated.ratings[0] > rated.ratings[1] + 400
    assert rated.lower[0] > rated.upper[1]
    with pytest.raises(InputError, match=r"p0 won or lost every battle against all others.*use prior_battles > 0"):
        bradley_terry(game, prior_battles=0)


def test_what_is_not_connected_has_no_ratings() -> None:
    apart = np.zeros((4, 4), int)
    apart[0, 1] = apart[1, 0] = apart[2, 3] = apart[3, 2] = 10
    with pytest.raises(InputError, match="no battles in both seats join p0 to p2, p3"):
        bradley_terry(wins(apart.tolist()))
    apart[1, 2] = apart[2, 1] = 10
    np.testing.assert_allclose(bradley_terry(wins(apart.tolist())).ratings, 0, atol=1e-9)
    assert bradley_terry(EmpiricalGame(["only"], np.zeros((1, 1, 3), np.int64))).ratings.tolist() == [0]
    with pytest.raises(InputError, match="no policy 'zz'"):
        bradley_terry(wins([[0, 4], [4, 0]])).difference("p0", "zz")


def test_ratings_go_to_json() -> None:
    data = json.loads(json.dumps(bradley_terry(wins([[0, 30], [10, 0]])).to_json(), allow_nan=False))
    assert set(data["ratings"]) == {"p0", "p1"}
    assert data["ratings"]["p0"]["lower"] < data["ratings"]["p0"]["rating"] < data["ratings"]["p0"]["upper"]


def test_elo_is_computed_as_by_hand_and_depends_on_the_order() -> None:
    # The favourite is expected to score 1 / (1 + 10 ** -0.04) = 0.523 after one win at k = 16.
    assert elo([("a", "b", 1.0)]) == {"a": 1508, "b": 1492}
    after = elo([("a", "b", 1.0), ("b", "a", 0.5)])
    assert after["a"] == pytest.approx(1508 + 16 * (0.5 - 1 / (1 + 10 ** (-16 / 400))))
    assert sum(after.values()) == pytest.approx(3000)
    results = [("a", "b", 1.0)] * 5 + [("a", "b", 0.0)] * 5
    assert elo(results)["a"] < 1500 < elo(results[::-1])["a"]
    assert elo(results, k=32, start=0.0)["a"] != elo(results, start=0.0)["a"]
    for wrong in ({"k": 0}, {"k": float("nan")}):
        with pytest.raises(InputError, match="expected k > 0"):
            elo(results, **wrong)
    with pytest.raises(InputError, match="score from 0 to 1 of a against b, got 2"):
        elo([("a", "b", 2.0)])


def test_elo_reads_the_match_log_and_errors_do_not_count() -> None:
    names = ["a", "b"]
    matches = [LoggedMatch.from_result("k", m, names) for m in series((0, 1), [1.0, 0.0, -1.0])]
    assert elo(matches) == pytest.approx(elo([("a", "b", 1), ("a", "b", 0.5), ("a", "b", 0)]))
    from algorithms.results import match_result

    error = LoggedMatch.from_result("k", match_result(9, (0, 1), 1.0, reason="error"), names)
    assert elo([*matches, error]) == elo(matches)


def test_averaged_elo_comes_near_bradley_terry() -> None:
    game = played(transitive(np.array([0.6, 0.2, -0.8])), 600, np.random.default_rng(4))
    averaged = elo_averaged(game, seed=0, k=8, start=0.0)
    # About 9 * sqrt(8 / 20) = 6 points of noise in each.
    np.testing.assert_allclose(list(averaged.values()), bradley_terry(game).ratings, atol=25)
    assert averaged == elo_averaged(game, seed=0, k=8, start=0.0)


def test_the_parts_of_a_payoff_matrix_add_up() -> None:
    upper = np.triu(np.random.default_rng(0).normal(size=(6, 6)), 1)
    payoffs = upper - upper.T
    ratings, cyclic = hodge_decomposition(payoffs)
    rated = np.subtract.outer(ratings, ratings)
    np.testing.assert_allclose(rated + cyclic, payoffs, atol=1e-12)
    np.testing.assert_allclose(cyclic.sum(axis=1), 0, atol=1e-12)
    assert (rated * cyclic).sum() == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(hodge_decomposition(cycle(5))[0], 0, atol=1e-12)
    np.testing.assert_allclose(hodge_decomposition(rated)[1], 0, atol=1e-12)


def test_a_cycle_is_cyclic_and_a_rating_misleads() -> None:
    found = cyclicity(played(cycle(3), 2000, np.random.default_rng(0)), seed=0)
    assert found.cyclic_share.lower > 0.95
    assert found.cyclic_share.upper == pytest.approx(1)
    assert found.cycles in ((("p0", "p1", "p2"),), (("p0", "p2", "p1"),))
    assert found.rating_misleads
    assert "A single rating misleads" in str(found)
    assert " > p" in str(found)


def test_a_cycle_that_was_measured_without_any_noise_is_still_uncertain() -> None:
    tallies = np.zeros((3, 3, 3), np.int64)
    for i in range(3):
        tallies[i, (i + 1) % 3], tallies[i, (i + 2) % 3] = [25, 0, 75], [75, 0, 25]
    share = cyclicity(EmpiricalGame("rps", tallies), seed=0).cyclic_share
    assert 0.9 < share.lower < 0.995
    assert share.mean == share.upper == 1


def test_ratings_do_not_mislead_about_a_ladder() -> None:
    # Far apart, so that payoffs are no differences of ratings though nothing is cyclic.
    game = played(transitive(np.array([4.0, 2.0, 0.0, -2.0, -4.0])), 400, np.random.default_rng(0))
    found = cyclicity(game, seed=0)
    assert found.cyclic_share.lower > 0.01
    assert not found.rating_misleads
    assert "No pair is shown" in str(found)


def test_a_pair_that_a_rating_gets_wrong_is_named() -> None:
    # The second is the stronger one against the field, and loses to the first.
    payoffs = np.array([[0, 0.3, 0.1, 0.1], [-0.3, 0, 0.8, 0.8], [-0.1, -0.8, 0, 0], [-0.1, -0.8, 0, 0]])
    found = cyclicity(played(payoffs, 2000, np.random.default_rng(0)), seed=0)
    assert [(pair.winner, pair.loser) for pair in found.misjudged] == [("p0", "p1")]
    assert 0.5 < found.misjudged[0].lower < found.misjudged[0].win_rate
    assert not found.cycles
    assert "p0 beats p1 (6" in str(found)


@pytest.mark.parametrize("kind", ["ladder", "mixed", "cycle"])
def test_the_interval_of_the_cyclic_share_covers_and_noise_is_taken_out(kind: str) -> None:
    rng = np.random.default_rng(7)
    ladder = transitive(np.linspace(0.3, -0.3, 5))
    payoffs = {"ladder": ladder, "mixed": (cycle(5, 0.1) + ladder) / 2, "cycle": cycle(5, 0.2)}[kind]
    true = (hodge_decomposition(payoffs)[1] ** 2).sum() / (payoffs**2).sum()
    covered, plug_in, corrected = 0, [], []
    for seed in range(60):
        found = cyclicity(played(payoffs, 200, rng), seed=seed, num_samples=400)
        covered += found.cyclic_share.lower <= true + 0.0025 and true <= found.cyclic_share.upper + 0.0025
        plug_in.append(found.plug_in_share)
        corrected.append(found.cyclic_share.mean)
    assert covered >= 52
    assert abs(np.median(corrected) - true) < 0.1
    if kind == "ladder":
        assert np.median(plug_in) > np.median(corrected) + 0.03


def test_alpha_rank_sees_a_cycle_and_a_ladder() -> None:
    alpha_rank = get_meta_solver("alpha_rank")
    np.testing.assert_allclose(alpha_rank(cycle(3)), [1 / 3] * 3, atol=1e-5)
    np.testing.assert_allclose(alpha_rank(transitive(np.array([0.5, 0.0, -0.5]))), [1, 0, 0], atol=1e-4)


def test_cyclicity_needs_two_policies() -> None:
    with pytest.raises(InputError, match="at least two policies"):
        cyclicity(EmpiricalGame(["only"], np.zeros((1, 1, 3), np.int64)), seed=0)
    two = cyclicity(played(np.array([[0, 0.5], [-0.5, 0]]), 100, np.random.default_rng(0)), seed=0)
    assert two.cyclic_share.upper == 0
    assert not two.rating_misleads
