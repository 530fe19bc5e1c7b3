"""Meta-strategies of games whose seats differ: one for each seat, from the payoffs of that seat alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.algorithms.empirical_game import EmpiricalGame
from pokenash.algorithms.exact_game import ExactGame
from pokenash.algorithms.meta_game_analysis import META_GAME_ANALYSIS_SCHEMA
from pokenash.algorithms.meta_solvers import MetaSolver
from pokenash.algorithms.nash import equilibrium_vertex, maximum_entropy_nash, nash_conv
from pokenash.errors import InputError
from pokenash.policies.mixture import check_probabilities

__all__ = ["analyse_seats", "seat_meta_solver", "seat_payoffs", "solve_seats"]

Matrix = NDArray[np.float64]

# The weight of the posterior's prior: that of `EmpiricalGame`.
_PRIOR_WEIGHT = 1.5
_IN_SUPPORT = 1e-6


def seat_meta_solver(solver: str | MetaSolver) -> MetaSolver:
    """A solver of the row player's strategy in a zero-sum matrix that need not be antisymmetric.

    Raises
    ------
    InputError
        If it has a name other than ``"nash"`` and ``"uniform"``.
    """
    if callable(solver):
        return solver
    known: dict[str, MetaSolver] = {"nash": maximum_entropy_nash, "uniform": _uniform}
    if solver not in known:
        raise InputError(
            f"with symmetric=False the meta-solver is one of {sorted(known)} or a function, got {solver!r}"
        )
    return known[solver]


def _uniform(payoffs: Matrix) -> Matrix:
    return np.full(len(payoffs), 1 / len(payoffs))


def seat_payoffs(game: EmpiricalGame) -> Matrix:
    """Mean return of the row policy in seat 0 with the column policy in seat 1, ``[n, n]``; NaN is missing."""
    if isinstance(game, ExactGame):
        return game.first_seat
    played = game.tallies.sum(axis=2)
    with np.errstate(invalid="ignore"):
        mean: Matrix = np.where(played > 0, game.tallies @ game.outcomes / played, np.nan)
    return mean


def _sample(game: EmpiricalGame, num_samples: int, rng: np.random.Generator) -> Matrix:
    """Payoffs of seat 0 from the posterior, ``[samples, n, n]``."""
    if isinstance(game, ExactGame):
        return game.first_seat[None]
    weights = game.tallies + _PRIOR_WEIGHT / len(game.outcomes)
    gamma = rng.standard_gamma(weights, size=(num_samples, *weights.shape))
    drawn: Matrix = (gamma @ game.outcomes) / gamma.sum(axis=3)
    return drawn


def solve_seats(solver: MetaSolver, payoffs: Matrix, names: Sequence[str]) -> Matrix:
    """The meta-strategies of seats 0 and 1, ``[2, n]``.

    Raises
    ------
    InputError
        If a payoff is missing, or the solver returns anything but probabilities.
    """
    missing = [f"{names[i]} against {names[j]}" for i, j in np.argwhere(~np.isfinite(payoffs)).tolist()]
    if missing:
        raise InputError(f"payoffs: no value for {', '.join(missing[:8])}; play these pairs first")
    label = getattr(solver, "__name__", type(solver).__name__)
    # Each seat as the row player of its own matrix.
    sides = (payoffs, -payoffs.T)
    return np.stack([check_probabilities(solver(side.copy()), len(names), f"meta-solver {label}") for side in sides])


def analyse_seats(
    game: EmpiricalGame, strategies: Matrix, *, seed: int, level: float = 0.95, num_samples: int = 2000
) -> dict[str, Any]:
    """The uncertainty of a pair of meta-strategies, in the form of ``meta_game_analysis.json``.

    Parameters
    ----------
    game : EmpiricalGame
        Every ordered pair has been played, also each policy against itself.
    strategies : float64 array, ``[2, n]``
    seed : int
    level : float
        Of the interval of the restricted `nash_conv`.
    num_samples : int
        Matrices drawn from the posterior; a tenth of them are solved.

    Returns
    -------
    dict
        ``support_probability`` is how often a policy is in the support of either seat's equilibrium strategy, and
        ``equilibrium_probability`` averages the seats.
    """
    payoffs, (first, second) = seat_payoffs(game), strategies
    drawn = _sample(game, num_samples, np.random.default_rng(seed % 2**64))
    gains = (drawn @ second).max(axis=1) - (first @ drawn).min(axis=1)
    solved = drawn[: max(1, len(drawn) // 10)]
    equilibria = np.array([[equilibrium_vertex(side) for side in (m, -m.T)] for m in solved])
    mean = equilibria.mean(axis=1)
    tails = [(1 - level) / 2, (1 + level) / 2]
    lower, upper = np.quantile(gains, tails)
    bounds = np.quantile(mean, tails, axis=0)
    rows = zip(game.policies, mean.mean(axis=0).tolist(), *bounds.tolist(), strict=True)
    inside = (equilibria > _IN_SUPPORT).any(axis=1).mean(axis=0)
    return {
        "schema": META_GAME_ANALYSIS_SCHEMA,
        "restricted_nash_conv": {
            "plug_in": nash_conv(payoffs, first, second),
            "posterior_mean": float(gains.mean()),
            "lower": float(lower),
            "upper": float(upper),
            "level": level,
        },
        "value": float(first @ payoffs @ second),
        "support_probability": dict(zip(game.policies, inside.tolist(), strict=True)),
        "equilibrium_probability": {name: {"mean": m, "lower": lo, "upper": hi} for name, m, lo, hi in rows},
        "num_samples": len(drawn),
        "num_equilibria": len(solved),
    }
