"""Nash equilibria of zero-sum matrix games by linear programs, with maximum entropy among equilibria.

The optimal strategies of a player form a polytope. Linear programs find its largest support and the columns that
hold the value down; where it is more than a point, the entropy is maximised over it by Newton steps with a
logarithmic barrier (Boyd & Vandenberghe, *Convex Optimization*, 2004, section 11.3). The maximum-entropy Nash
equilibrium is unique, so that it depends neither on the solver's pivoting nor on the order of the policies, and it
shares weight equally among duplicates (Balduzzi et al., "Re-evaluating Evaluation", NeurIPS 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import InputError

__all__ = ["check_payoffs", "equilibrium_vertex", "maximum_entropy_nash", "nash_conv"]

Matrix = NDArray[np.float64]

# All of these are relative to the largest payoff. HiGHS is asked for 1e-10; what is nearer to 0 than a thousand
# times that is taken for 0.
_SOLVER_TOLERANCE = 1e-10
_TOLERANCE = 1e-7
# Singular values below it count as 0: payoffs that differ by rounding alone are equal.
_RANK_TOLERANCE = 1e-9

# Payoffs that were computed from the same counts in two ways differ by rounding only.
_ANTISYMMETRY_TOLERANCE = 1e-9

_MAX_NEWTON_STEPS = 50
_NEWTON_DECREMENT = 1e-22
_SHORTEST_STEP = 1e-12


def check_payoffs(payoffs: Any, names: Sequence[str] | None = None) -> Matrix:
    """The payoffs as a float64 array, ``[n, n]``, antisymmetric to the last bit.

    Parameters
    ----------
    payoffs : array-like, ``[n, n]``
    names : sequence of str, optional
        The policies' names, for messages.

    Raises
    ------
    InputError
        If it is empty, not square, not antisymmetric, or has missing (NaN) cells, which the message names.
    """
    matrix = np.asarray(payoffs, np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] == 0:
        raise InputError(f"payoffs: expected a square matrix of at least one policy, got shape {matrix.shape}")
    missing = [(i, j) for i, j in np.argwhere(~np.isfinite(matrix)).tolist() if i <= j or np.isfinite(matrix[j, i])]
    if missing:
        cells = [f"{names[i]} against {names[j]}" if names else f"({i}, {j})" for i, j in missing]
        shown = ", ".join(cells[:8]) + (f" and {len(cells) - 8} more" if len(cells) > 8 else "")
        raise InputError(f"payoffs: no value for {shown}; play these pairs first")
    scale = max(1.0, float(np.abs(matrix).max()))
    if np.abs(matrix + matrix.T).max() > _ANTISYMMETRY_TOLERANCE * scale:
        raise InputError(
            "payoffs: expected an antisymmetric matrix (what the row policy wins, the column policy loses); "
            f"payoffs + payoffs.T reaches {np.abs(matrix + matrix.T).max():.3g}"
        )
    antisymmetric: Matrix = (matrix - matrix.T) / 2
    return antisymmetric


def nash_conv(payoffs: Matrix, row_strategy: Matrix, column_strategy: Matrix | None = None) -> float:
    """How much both players together gain by best responses within the matrix; 0 at an equilibrium of it.

    Parameters
    ----------
    payoffs : float64 array, ``[n, m]``
        Of the row player; the column player gets their negative.
    row_strategy : float64 array, ``[n]``
    column_strategy : float64 array, ``[m]``, optional
        The row player's strategy if left out, for symmetric games.

    Notes
    -----
    ``max_i (A y)_i - min_j (x A)_j``, the sum over both players as in OpenSpiel's ``nash_conv``. It says something
    about the matrix only: a meta-Nash has 0 in its own matrix by construction.
    """
    column_strategy = row_strategy if column_strategy is None else column_strategy
    return float((payoffs @ column_strategy).max() - (row_strategy @ payoffs).min())


class _OptimalStrategies:
    """The row player's optimal strategies ``{x in simplex : x A >= value}``, asked for extreme points."""

    def __init__(self, payoffs: Matrix) -> None:
        self.payoffs = payoffs
        rows, columns = payoffs.shape
        objective = np.zeros(rows + 1)
        objective[-1] = -1.0
        solution = self._solve(
            objective,
            np.hstack([-payoffs.T, np.ones((columns, 1))]),
            np.zeros(columns),
            [(0.0, None)] * rows + [(None, None)],
        )
        self.value = float(solution[-1])
        self.vertex = solution[:-1]

    def extreme(self, direction: Matrix) -> Matrix:
        """An optimal strategy that is furthest in the given direction ``[n]``."""
        rows, columns = self.payoffs.shape
        return self._solve(-direction, -self.payoffs.T, np.full(columns, -self.value), [(0.0, None)] * rows)

    def _solve(
        self, objective: Matrix, upper: Matrix, limit: Matrix, bounds: list[tuple[float | None, float | None]]
    ) -> Matrix:
        """Minimise over strategies (the leading variables, which sum to 1) by HiGHS's dual simplex method."""
        from scipy.optimize import linprog

        rows = self.payoffs.shape[0]
        total = np.zeros((1, len(objective)))
        total[0, :rows] = 1.0
        options = {
            "primal_feasibility_tolerance": _SOLVER_TOLERANCE,
            "dual_feasibility_tolerance": _SOLVER_TOLERANCE,
        }
        answer = linprog(objective, upper, limit, total, [1.0], bounds, method="highs-ds", options=options)
        if answer.status == 2 and len(objective) == rows:
            # The value is known up to rounding only; give way by as much.
            answer = linprog(objective, upper, limit + 1e-9, total, [1.0], bounds, method="highs-ds", options=options)
        if answer.status != 0:
            raise RuntimeError(f"HiGHS found no optimal strategy: {answer.message}")
        solution: Matrix = np.asarray(answer.x, np.float64)
        return solution


def _checked(payoffs: Matrix) -> Matrix:
    """The payoffs divided by the largest of them."""
    payoffs = np.asarray(payoffs, np.float64)
    if payoffs.ndim != 2 or 0 in payoffs.shape or not np.isfinite(payoffs).all():
        raise InputError(f"expected a matrix of finite payoffs, got shape {payoffs.shape}:\n{payoffs}")
    scale = np.abs(payoffs).max()
    return payoffs / scale if scale > 0 else payoffs


def _clean(strategy: Matrix) -> Matrix:
    """Rounding removed: nothing negative, sum 1."""
    strategy = np.maximum(strategy, 0.0)
    cleaned: Matrix = strategy / strategy.sum()
    return cleaned


def equilibrium_vertex(payoffs: Matrix) -> Matrix:
    """Some optimal strategy of the row player, an extreme point: one linear program, no tie-break, ``[n]``."""
    return _clean(_OptimalStrategies(_checked(payoffs)).vertex)


def maximum_entropy_nash(payoffs: Matrix) -> Matrix:
    """The optimal strategy of the row player that has the largest entropy.

    Parameters
    ----------
    payoffs : float64 array, ``[n, m]``
        Of the row player in a zero-sum game.

    Returns
    -------
    float64 array, ``[n]``

    Raises
    ------
    InputError
        If the payoffs are no matrix or not finite.
    """
    payoffs = _checked(payoffs)
    optimal = _OptimalStrategies(payoffs)
    if _is_only_optimum(payoffs, optimal.vertex):
        return _clean(optimal.vertex)
    rows, columns = payoffs.shape
    heaviest = np.array([optimal.extreme(direction) for direction in np.eye(rows)])
    slackest = np.array([optimal.extreme(payoffs[:, j]) for j in range(columns)])
    support = np.flatnonzero(np.diag(heaviest) > _TOLERANCE)
    slack = np.einsum("ji,ij->j", slackest, payoffs) - optimal.value
    loose = np.flatnonzero(slack > _TOLERANCE)
    tight = np.flatnonzero(slack <= _TOLERANCE)

    # The mean of extreme points that reach into every direction lies inside the polytope, off all its faces.
    inside = _clean(np.vstack([heaviest, slackest]).mean(axis=0)[support])
    equalities = np.vstack([payoffs[np.ix_(support, tight)].T, np.ones(len(support))])
    directions = _null_space(equalities)
    if directions.shape[1]:
        slopes = payoffs[np.ix_(support, loose)]
        inside = _maximise_entropy(inside, directions, slopes, optimal.value)
    strategy = np.zeros(rows)
    strategy[support] = inside
    return _clean(strategy)


def _is_only_optimum(payoffs: Matrix, vertex: Matrix) -> bool:
    """Whether an antisymmetric game has no other equilibrium, so that there is nothing to break a tie between.

    Both players share the optimal strategies. With `y` any of them, another one `x` has no weight on rows that lose
    to `y`, and holds every column in the support of `y` at the value: linear equations with one solution or more.
    """
    if payoffs.shape[0] != payoffs.shape[1] or not np.array_equal(payoffs, -payoffs.T):
        return False
    rows = np.flatnonzero(payoffs @ vertex > -_TOLERANCE)
    columns = np.flatnonzero(vertex > _TOLERANCE)
    equalities = np.vstack([payoffs[np.ix_(rows, columns)].T, np.ones(len(rows))])
    return bool(_null_space(equalities).shape[1] == 0)


def _null_space(matrix: Matrix) -> Matrix:
    """Orthonormal columns that span the directions which the rows do not see."""
    _, singular_values, directions = np.linalg.svd(matrix)
    rank = int((singular_values > _RANK_TOLERANCE * max(1.0, singular_values[0])).sum())
    null: Matrix = directions[rank:].T
    return null


def _maximise_entropy(start: Matrix, directions: Matrix, slopes: Matrix, value: float) -> Matrix:
    """Maximise the entropy of ``x = start + directions @ z`` subject to ``x @ slopes >= value``.

    Parameters
    ----------
    start : float64 array, ``[k]``
        All constraints hold strictly there.
    directions : float64 array, ``[k, d]``
    slopes : float64 array, ``[k, loose]``
    value : float
    """

    def objective(x: Matrix, weight: float) -> float:
        room = x @ slopes - value
        if (x <= 0).any() or (room <= 0).any():
            return np.inf
        return float((x * np.log(x)).sum() - weight * np.log(room).sum())

    x = start
    # A constraint that touches the optimum without pressing on it is met to the root of the last weight, 3e-8; below
    # that weight the room left by constraints that do press is lost in rounding.
    for weight in 10.0 ** -np.arange(1.0, 16.0):
        for _ in range(_MAX_NEWTON_STEPS):
            move, decrement = _newton_step(x, directions, slopes, value, weight)
            if not decrement > _NEWTON_DECREMENT:
                break
            now, length = objective(x, weight), 1.0
            while length > _SHORTEST_STEP and objective(x + length * move, weight) > now - 0.1 * length * decrement:
                length /= 2
            if length <= _SHORTEST_STEP:
                break
            x = x + length * move
        if not slopes.size:
            break
    return x


def _newton_step(x: Matrix, directions: Matrix, slopes: Matrix, value: float, weight: float) -> tuple[Matrix, float]:
    """The step that minimises the local model of the barrier problem, and what it would gain (twice)."""
    room = x @ slopes - value
    gradient = directions.T @ (np.log(x) + 1.0 - slopes @ (weight / room))
    bend = directions.T @ (slopes / room)
    curvature = (directions.T / x) @ directions + weight * bend @ bend.T
    # The curvature may be singular to rounding where a constraint presses hard: then the shortest solution.
    step = -np.linalg.lstsq(curvature, gradient, rcond=None)[0]
    return directions @ step, float(-gradient @ step)
