"""Meta-solvers: from the payoffs among a population to the probabilities with which it is played.

A meta-solver is a plain function ``(payoffs) -> probabilities``, and any function of that form may be used where
one is asked for. `payoffs` is antisymmetric, float64 ``[n, n]``: what the row policy earns from the column policy,
averaged over both seats. All of them are deterministic.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.algorithms.nash import check_payoffs, maximum_entropy_nash
from pokenash.algorithms.quantal_response import logit_equilibrium
from pokenash.errors import InputError

__all__ = [
    "META_SOLVERS",
    "MetaSolver",
    "alpha_rank",
    "check_payoffs",
    "get_meta_solver",
    "logit_equilibrium",
    "meta_solver_name",
    "nash",
    "prd",
    "rectified_nash",
    "rectified_opponents",
    "regret_matching",
    "uniform",
]

Matrix = NDArray[np.float64]
MetaSolver = Callable[[Matrix], Matrix]

_SUM_TOLERANCE = 1e-6
# Alpha-rank's limit of infinite selection, with so much noise that the Markov chain stays irreducible.
_ALPHA_RANK_NOISE = 1e-6
# Relative to the largest payoff; what differs by less is a tie.
_TIE = 1e-9


def nash(payoffs: Matrix) -> Matrix:
    """The Nash equilibrium of largest entropy, by linear programs (HiGHS), ``[n]``."""
    return maximum_entropy_nash(check_payoffs(payoffs))


def uniform(payoffs: Matrix) -> Matrix:
    """Every policy with equal probability, ``[n]``: a best response to it is fictitious play's."""
    num_policies = len(check_payoffs(payoffs))
    return np.full(num_policies, 1.0 / num_policies)


def prd(payoffs: Matrix) -> Matrix:
    """Projected replicator dynamics, OpenSpiel's code and its settings, averaged over the trajectory, ``[n]``.

    Lanctot et al., "A Unified Game-Theoretic Approach to Multiagent Reinforcement Learning", NeurIPS 2017. The
    average still carries some of the uniform start after OpenSpiel's 100,000 steps.
    """
    from open_spiel.python.algorithms.projected_replicator_dynamics import projected_replicator_dynamics

    payoffs = check_payoffs(payoffs)
    if len(payoffs) == 1:
        return np.ones(1)
    return _normalised(projected_replicator_dynamics([payoffs, payoffs.T])[0])


def regret_matching(payoffs: Matrix) -> Matrix:
    """Regret matching, OpenSpiel's code and its settings, averaged over the trajectory, ``[n]``.

    Hart & Mas-Colell, "A Simple Adaptive Procedure Leading to Correlated Equilibrium", Econometrica 2000.
    """
    from open_spiel.python.algorithms.regret_matching import regret_matching as openspiel_regret_matching

    payoffs = check_payoffs(payoffs)
    if len(payoffs) == 1:
        return np.ones(1)
    return _normalised(openspiel_regret_matching([payoffs, payoffs.T])[0])


def alpha_rank(payoffs: Matrix) -> Matrix:
    """Alpha-rank's stationary distribution in the limit of infinite selection, OpenSpiel's code, ``[n]``.

    Omidshafiei et al., "Alpha-Rank: Multi-Agent Evaluation by Evolution", Scientific Reports 2019; one population
    that plays against itself. It sees who beats whom, not by how much: near ties count in full.
    """
    from open_spiel.python.egt import alpharank

    payoffs = check_payoffs(payoffs)
    if len(payoffs) == 1:
        return np.ones(1)
    *_, stationary, _, _ = alpharank.compute([payoffs], use_inf_alpha=True, inf_alpha_eps=_ALPHA_RANK_NOISE)
    return _normalised(stationary)


def rectified_opponents(payoffs: Matrix) -> Matrix:
    """Whom each policy is trained against by the rectified Nash response, ``[n, n]``; each row sums to 1.

    Balduzzi et al., "Open-ended Learning in Symmetric Zero-sum Games", ICML 2019, algorithm 4 (PSRO_rN): a policy looks
    at the members of the Nash equilibrium that it beats or ties with, in their proportion there, and leaves its
    weaknesses to the others. A policy that loses to all members, which the paper does not train, has all of the
    equilibrium as its opponents.
    """
    payoffs = check_payoffs(payoffs)
    equilibrium = maximum_entropy_nash(payoffs)
    weights = equilibrium * (payoffs >= -_TIE * np.abs(payoffs).max())
    faced = weights.sum(axis=1, keepdims=True) > 0
    weights = np.where(faced, weights, equilibrium)
    opponents: Matrix = weights / weights.sum(axis=1, keepdims=True)
    return opponents


def rectified_nash(payoffs: Matrix) -> Matrix:
    """The opponents that members of the Nash equilibrium have by the rectified Nash response, as one mixture, ``[n]``.

    `rectified_opponents` averaged over the policies that train, in their proportion in the equilibrium. A best response
    to it is one to the games that PSRO_rN trains on; the mixture itself is no equilibrium.
    """
    return _normalised(maximum_entropy_nash(check_payoffs(payoffs)) @ rectified_opponents(payoffs))


def _normalised(probabilities: Any) -> Matrix:
    """Rounding removed: nothing negative, sum 1."""
    clipped = np.maximum(np.asarray(probabilities, np.float64), 0.0)
    normalised: Matrix = clipped / clipped.sum()
    return normalised


META_SOLVERS: dict[str, MetaSolver] = {
    "nash": nash,
    "prd": prd,
    "regret_matching": regret_matching,
    "alpha_rank": alpha_rank,
    "rectified_nash": rectified_nash,
    "logit": logit_equilibrium,
    "uniform": uniform,
}
"""The meta-solvers that have a name."""


def meta_solver_name(solver: str | MetaSolver) -> str:
    """A meta-solver's name for messages and files: of a function, its own, whatever parameters were set in it."""
    if isinstance(solver, str):
        return solver
    inner = solver.func if isinstance(solver, partial) else solver
    return str(getattr(inner, "__name__", type(inner).__name__))


def get_meta_solver(solver: str | MetaSolver) -> MetaSolver:
    """A meta-solver by name, or a function of the user's own; what it returns is checked.

    Parameters
    ----------
    solver : str or callable
        A key of `META_SOLVERS`, or ``(payoffs) -> probabilities``: to set a parameter, use
        ``functools.partial(logit_equilibrium, rationality=3.0)``.

    Returns
    -------
    callable
        Raises `InputError` if the payoffs have missing cells or are not antisymmetric, or if the function returns
        anything but finite probabilities >= 0 that sum to 1.

    Raises
    ------
    InputError
        If there is no meta-solver of that name.
    """
    if callable(solver):
        function, label = solver, meta_solver_name(solver)
    elif solver in META_SOLVERS:
        function, label = META_SOLVERS[solver], solver
    else:
        raise InputError(f"unknown meta-solver {solver!r}; known: {', '.join(META_SOLVERS)}, or any function")

    def checked(payoffs: Matrix) -> Matrix:
        payoffs = check_payoffs(payoffs)
        answer = np.asarray(function(payoffs.copy()), np.float64)
        if (
            answer.shape != (len(payoffs),)
            or not np.isfinite(answer).all()
            or (answer < 0).any()
            or abs(answer.sum() - 1) > _SUM_TOLERANCE
        ):
            raise InputError(
                f"meta-solver {label}: expected {len(payoffs)} probabilities >= 0 that sum to 1, got {answer.tolist()}"
            )
        probabilities: Matrix = answer / answer.sum()
        return probabilities

    return checked
