"""Meta-solvers, on games that are solved by hand and on random ones with a certificate."""

from __future__ import annotations

import importlib
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linprog

from pokenash.algorithms import META_SOLVERS, get_meta_solver, nash_conv
from pokenash.algorithms.meta_solvers import logit_equilibrium, meta_solver_name, rectified_nash, rectified_opponents
from pokenash.algorithms.nash import equilibrium_vertex, maximum_entropy_nash
from pokenash.errors import InputError

RPS = np.array([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]])
# Rock loses 2 to paper: x_paper = x_rock = 1/4 and x_scissors = 1/2 leave all three indifferent.
BIASED_RPS = np.array([[0.0, -2, 1], [2, 0, -1], [-1, 1, 0]])


def antisymmetric(upper: np.ndarray) -> np.ndarray:
    upper = np.triu(upper, 1)
    return upper - upper.T


def with_duplicate_of_first(payoffs: np.ndarray) -> np.ndarray:
    index = [*range(len(payoffs)), 0]
    return payoffs[np.ix_(index, index)]


SMALL = st.integers(1, 6).flatmap(lambda n: arrays(np.float64, (n, n), elements=st.integers(-2, 2).map(float)))


@pytest.mark.parametrize(
    ("payoffs", "expected"),
    [
        ([[0.0]], [1]),
        (RPS, [1 / 3, 1 / 3, 1 / 3]),
        (BIASED_RPS, [1 / 4, 1 / 4, 1 / 2]),
        (np.zeros((4, 4)), [1 / 4] * 4),
        ([[0, 1e-3], [-1e-3, 0]], [1, 0]),
        # The duplicates share what rock has alone.
        (with_duplicate_of_first(RPS), [1 / 6, 1 / 3, 1 / 3, 1 / 6]),
        # Two policies that beat the third and tie with each other.
        ([[0, 0, 1], [0, 0, 1], [-1, -1, 0]], [1 / 2, 1 / 2, 0]),
        # The first weakly dominates the second, but both are optimal against each other: x_2 <= x_1 is all that the
        # third column asks for, and the most even such mixture leaves nothing to it.
        ([[0, 0, 1], [0, 0, -1], [-1, 1, 0]], [1 / 2, 1 / 2, 0]),
        # x_1 >= 2 x_2 is asked for, and binds: the maximum of entropy on it.
        ([[0, 0, 1], [0, 0, -2], [-1, 2, 0]], [2 / 3, 1 / 3, 0]),
    ],
)
def test_maximum_entropy_nash_of_games_solved_by_hand(payoffs: list[list[float]], expected: list[float]) -> None:
    np.testing.assert_allclose(get_meta_solver("nash")(np.array(payoffs, float)), expected, atol=1e-7)


def test_the_value_of_an_asymmetric_game_is_held() -> None:
    np.testing.assert_allclose(maximum_entropy_nash(np.array([[3.0, 1], [0, 2]])), [0.5, 0.5], atol=1e-9)
    np.testing.assert_allclose(maximum_entropy_nash(np.array([[1.0, -1], [-1, 1], [0, 0]])), [1 / 3] * 3, atol=1e-7)


@settings(max_examples=100)
@given(SMALL)
def test_it_is_an_equilibrium_and_no_other_has_more_entropy(upper: np.ndarray) -> None:
    payoffs = antisymmetric(upper)
    x = maximum_entropy_nash(payoffs)
    assert x.min() >= 0
    assert x.sum() == pytest.approx(1, abs=1e-12)
    # HiGHS solves to 1e-10 of the largest payoff; what is nearer to 0 than 1e-7 of it is taken for 0.
    assert nash_conv(payoffs, x) <= 1e-6 * max(1, np.abs(payoffs).max())
    # Entropy is concave: x maximises it if no equilibrium y has sum_i -y_i log x_i above sum_i -x_i log x_i.
    slope = -np.log(np.maximum(x, 1e-300))
    best = linprog(-slope, -payoffs.T, np.zeros(len(x)), np.ones((1, len(x))), [1.0], [(0, 1)] * len(x))
    assert best.status == 0
    assert -best.fun <= x @ slope + 1e-5


@settings(max_examples=50)
@given(SMALL, st.randoms(use_true_random=False), st.sampled_from([1e-3, 1.0, 50.0]))
def test_it_depends_neither_on_the_order_nor_on_the_scale(upper: np.ndarray, order: object, scale: float) -> None:
    payoffs = antisymmetric(upper)
    index = list(range(len(payoffs)))
    order.shuffle(index)  # type: ignore[attr-defined]
    x = maximum_entropy_nash(payoffs)
    # Where a constraint only touches the optimum the barrier ends at the root of its last weight, 3e-8.
    np.testing.assert_allclose(maximum_entropy_nash(scale * payoffs[np.ix_(index, index)]), x[index], atol=1e-6)


@settings(max_examples=50)
@given(SMALL)
def test_a_duplicate_takes_nothing_from_the_others(upper: np.ndarray) -> None:
    # In the maximum-entropy equilibrium duplicates have equal weight.
    payoffs = with_duplicate_of_first(antisymmetric(upper))
    x = maximum_entropy_nash(payoffs)
    assert x[0] == pytest.approx(x[-1], abs=1e-6)


def test_rounding_in_the_payoffs_does_not_break_ties() -> None:
    noise = antisymmetric(np.random.default_rng(0).normal(size=(4, 4)) * 1e-16)
    x = get_meta_solver("nash")(with_duplicate_of_first(RPS) + noise)
    np.testing.assert_allclose(x, [1 / 6, 1 / 3, 1 / 3, 1 / 6], atol=1e-7)


@pytest.mark.parametrize("size", [10, 40])
def test_larger_populations_are_solved(size: int) -> None:
    rng = np.random.default_rng(size)
    for payoffs in (rng.uniform(-1, 1, (size, size)), rng.integers(-10, 11, (size, size)) / 10):
        payoffs = antisymmetric(payoffs)
        for x in (maximum_entropy_nash(payoffs), equilibrium_vertex(payoffs)):
            assert nash_conv(payoffs, x) < 1e-8


@pytest.mark.parametrize(
    ("name", "module", "function"),
    [
        ("prd", "projected_replicator_dynamics", "projected_replicator_dynamics"),
        ("regret_matching", "regret_matching", "regret_matching"),
    ],
)
def test_openspiels_dynamics_are_openspiels_and_come_near_the_equilibrium(
    name: str, module: str, function: str
) -> None:
    x = get_meta_solver(name)(BIASED_RPS)
    # Regret matching's bound after T = 100,000 steps, range * sqrt(actions / T), is 0.02 per player.
    assert nash_conv(BIASED_RPS, x) < 0.05
    np.testing.assert_allclose(x, [1 / 4, 1 / 4, 1 / 2], atol=0.02)
    theirs = getattr(importlib.import_module(f"open_spiel.python.algorithms.{module}"), function)
    np.testing.assert_allclose(x, theirs([BIASED_RPS, BIASED_RPS.T])[0], rtol=1e-12)


# Real payoffs, so that equilibria are unique; rounded, so that hypothesis shrinks to readable games.
REAL = st.integers(1, 5).flatmap(
    lambda n: arrays(np.float64, (n, n), elements=st.floats(-1, 1).map(lambda x: round(x, 3)))
)


@settings(max_examples=40, deadline=None)
@given(REAL)
def test_openspiel_finds_our_equilibria_to_be_equilibria(upper: np.ndarray) -> None:
    import pyspiel
    from open_spiel.python import policy as openspiel_policy
    from open_spiel.python.algorithms import exploitability

    payoffs = antisymmetric(upper)
    # OpenSpiel's nash_conv is for sequential games.
    game = pyspiel.convert_to_turn_based(pyspiel.create_matrix_game(payoffs, -payoffs))
    tabular = openspiel_policy.TabularPolicy(game)
    for mixture in (maximum_entropy_nash(payoffs), np.full(len(payoffs), 1 / len(payoffs))):
        tabular.action_probability_array[:] = mixture
        theirs = exploitability.nash_conv(game, tabular)
        assert theirs == pytest.approx(nash_conv(payoffs, mixture), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(REAL)
def test_openspiels_linear_program_finds_the_same_equilibrium(upper: np.ndarray) -> None:
    import pyspiel
    from open_spiel.python.algorithms.lp_solver import solve_zero_sum_matrix_game

    payoffs = antisymmetric(upper)
    first, second, *values = solve_zero_sum_matrix_game(pyspiel.create_matrix_game(payoffs, -payoffs))
    theirs, ours = np.ravel(first), equilibrium_vertex(payoffs)
    # The interior-point solver stops at 1e-8; the gap it leaves in the payoffs is what can be compared.
    np.testing.assert_allclose(values, 0.0, atol=1e-6)
    assert nash_conv(payoffs, theirs) < 1e-5
    assert nash_conv(payoffs, ours) < 1e-9
    assert abs(ours @ payoffs @ np.ravel(second)) < 1e-6
    # With the equilibrium's own policies alone earning 0 against it, and its own submatrix regular, it is the only one.
    support = ours > 1e-9
    strict = (payoffs @ ours)[~support].max(initial=-1.0) < -1e-3
    own = payoffs[np.ix_(support, support)]
    bordered = np.block([[own, np.ones((support.sum(), 1))], [np.ones((1, support.sum())), np.zeros((1, 1))]])
    if strict and np.linalg.cond(bordered) < 1e3:
        np.testing.assert_allclose(theirs, ours, atol=1e-3)


@settings(max_examples=15, deadline=None)
@given(REAL)
def test_openspiels_dynamics_and_our_equilibria_earn_nothing_from_each_other(upper: np.ndarray) -> None:
    from open_spiel.python.algorithms.regret_matching import regret_matching

    payoffs = antisymmetric(upper)
    steps, ours = 4000, maximum_entropy_nash(payoffs)
    theirs = regret_matching([payoffs, -payoffs], iterations=steps)[0]
    assert nash_conv(payoffs, ours) < 1e-7
    # Regret matching's bound, range * sqrt(actions / steps), with the range 2: 0.08 a player for 5 policies.
    bound = 2 * np.sqrt(len(payoffs) / steps)
    assert nash_conv(payoffs, theirs) < 2 * bound
    assert abs(ours @ payoffs @ theirs) < bound


def test_a_single_equilibrium_is_found_without_a_tie_break_and_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from pokenash.algorithms import nash as module

    rng = np.random.default_rng(5)
    games = [antisymmetric(rng.uniform(-1, 1, (n, n))) for n in (3, 5, 8, 12)] + [RPS, BIASED_RPS]
    quickly = [maximum_entropy_nash(payoffs) for payoffs in games]
    monkeypatch.setattr(module, "_is_only_optimum", lambda *_: False)
    for payoffs, x in zip(games, quickly, strict=True):
        np.testing.assert_allclose(x, maximum_entropy_nash(payoffs), atol=1e-7)
    monkeypatch.undo()
    assert not module._is_only_optimum(np.zeros((2, 2)), np.array([1.0, 0.0]))
    assert not module._is_only_optimum(with_duplicate_of_first(RPS), np.array([1, 1, 1, 0]) / 3)


def test_rectified_nash_of_games_solved_by_hand() -> None:
    # Rock looks at scissors, which it beats, and at itself.
    opponents = rectified_opponents(BIASED_RPS)
    np.testing.assert_allclose(opponents, [[1 / 3, 0, 2 / 3], [1 / 2, 1 / 2, 0], [0, 1 / 3, 2 / 3]], atol=1e-9)
    np.testing.assert_allclose(rectified_nash(BIASED_RPS), np.array([1 / 4, 1 / 4, 1 / 2]) @ opponents, atol=1e-9)
    np.testing.assert_allclose(get_meta_solver("rectified_nash")(RPS), [1 / 3] * 3, atol=1e-9)
    assert rectified_nash(np.zeros((1, 1))).tolist() == [1]
    # The second loses to the only member: it is given that all the same.
    np.testing.assert_allclose(rectified_opponents(np.array([[0, 0.5], [-0.5, 0]])), [[1, 0], [1, 0]], atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(REAL, st.sampled_from([0.0, 0.3, 3.0, 30.0, 1000.0]))
def test_a_logit_equilibrium_answers_itself(upper: np.ndarray, rationality: float) -> None:
    payoffs = antisymmetric(upper)
    x = logit_equilibrium(payoffs, rationality)
    weights = np.exp(rationality * (payoffs @ x - (payoffs @ x).max()))
    np.testing.assert_allclose(x, weights / weights.sum(), atol=1e-8)
    if rationality:
        # Entropy is worth log(n) / rationality at most.
        assert nash_conv(payoffs, x) <= 2 * np.log(len(x)) / rationality + 1e-9


def test_logit_equilibria_go_from_uniform_to_nash() -> None:
    payoffs = np.array([[0, -2.0, 1], [2, 0, -1], [-1, 1, 0]])
    np.testing.assert_allclose(logit_equilibrium(payoffs, 0.0), [1 / 3] * 3, atol=1e-12)
    np.testing.assert_allclose(logit_equilibrium(payoffs, 1e5), [1 / 4, 1 / 4, 1 / 2], atol=1e-4)
    # Two policies: x / (1 - x) = exp(lambda * (a (1 - x) + a x)) = exp(lambda * a).
    x = logit_equilibrium(np.array([[0, 0.3], [-0.3, 0]]), 5.0)
    assert x[0] / x[1] == pytest.approx(np.exp(1.5), rel=1e-8)
    assert get_meta_solver(partial(logit_equilibrium, rationality=5.0))(payoffs).sum() == pytest.approx(1)
    assert get_meta_solver("logit")(np.zeros((1, 1))).tolist() == [1]
    for wrong in (-1.0, np.inf, np.nan):
        with pytest.raises(InputError, match="expected a finite rationality >= 0"):
            logit_equilibrium(payoffs, wrong)


def test_alpha_rank_goes_by_who_beats_whom() -> None:
    alpha_rank = get_meta_solver("alpha_rank")
    assert alpha_rank(np.zeros((1, 1))).tolist() == [1]
    # The chain's noise is 1e-6.
    np.testing.assert_allclose(alpha_rank(BIASED_RPS), [1 / 3] * 3, atol=1e-5)
    np.testing.assert_allclose(alpha_rank(np.array([[0, 0.1], [-0.1, 0]])), [1, 0], atol=1e-5)
    # The second beats the first and the third ties with both: rates 1, 1/2 and 1/2. The first is left at the rate 3/2
    # and reached from the third only, the second is left at 1/2: the flows balance at (1, 5, 3) / 9.
    payoffs = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 0.0]])
    np.testing.assert_allclose(alpha_rank(payoffs), np.array([1, 5, 3]) / 9, atol=1e-5)


@pytest.mark.parametrize("name", META_SOLVERS)
def test_a_population_of_one_is_played_by_itself(name: str) -> None:
    assert get_meta_solver(name)(np.zeros((1, 1))).tolist() == [1]


def test_uniform_is_uniform() -> None:
    assert get_meta_solver("uniform")(RPS).tolist() == [1 / 3] * 3


@pytest.mark.parametrize("name", META_SOLVERS)
def test_missing_cells_are_named(name: str) -> None:
    payoffs = RPS.copy()
    payoffs[0, 2] = payoffs[2, 0] = np.nan
    with pytest.raises(InputError, match=r"no value for \(0, 2\); play these pairs first"):
        get_meta_solver(name)(payoffs)


@pytest.mark.parametrize(
    ("payoffs", "words"),
    [
        (np.zeros((0, 0)), "square matrix of at least one"),
        (np.zeros((2, 3)), "square matrix"),
        (np.array([[0, 1], [1, 0]]), "expected an antisymmetric matrix"),
        (np.array([[0, np.inf], [-np.inf, 0]]), "no value for"),
    ],
)
def test_what_is_no_payoff_matrix_is_refused(payoffs: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        get_meta_solver("nash")(payoffs)


def test_any_function_will_do_if_it_answers_with_a_distribution() -> None:
    def favourite(payoffs: np.ndarray) -> np.ndarray:
        return np.eye(len(payoffs))[payoffs.sum(axis=1).argmax()]

    assert get_meta_solver(favourite)(BIASED_RPS).tolist() == [0, 1, 0]
    for wrong in ([0.5, 0.5], [0.5, 0.6, 0.1], [1.5, -0.5, 0], [np.nan, 1, 0]):
        with pytest.raises(InputError, match="meta-solver <lambda>: expected 3 probabilities"):
            get_meta_solver(lambda payoffs, wrong=wrong: np.array(wrong))(RPS)
    with pytest.raises(InputError, match="unknown meta-solver 'nahs'; known: nash, prd"):
        get_meta_solver("nahs")


def test_every_meta_solver_has_a_name() -> None:
    assert meta_solver_name("prd") == "prd"
    assert meta_solver_name(logit_equilibrium) == "logit_equilibrium"
    assert meta_solver_name(partial(logit_equilibrium, rationality=3.0)) == "logit_equilibrium"


def test_a_function_cannot_change_the_payoffs() -> None:
    payoffs = RPS.copy()

    def vandal(payoffs: np.ndarray) -> np.ndarray:
        payoffs[:] = 0
        return np.ones(len(payoffs)) / len(payoffs)

    get_meta_solver(vandal)(payoffs)
    assert np.array_equal(payoffs, RPS)


def test_openspiel_and_torch_load_only_when_they_are_used() -> None:
    code = (
        "import sys; import pokenash.algorithms as a; from pokenash.algorithms import get_meta_solver, EmpiricalGame;"
        "import pokenash.arena, pokenash.policies;"
        "get_meta_solver('uniform')([[0.0]]);"
        "assert not {'torch', 'open_spiel', 'pyspiel', 'matplotlib', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
