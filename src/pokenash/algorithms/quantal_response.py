"""Logit quantal response equilibria of symmetric zero-sum matrix games.

McKelvey & Palfrey, "Quantal Response Equilibria for Normal Form Games", Games and Economic Behavior 10 (1995). Players
who err answer with probabilities that grow with what an action earns. In a zero-sum game the equilibrium is unique for
every rationality: it is the saddle point of the game in which both players are also paid for entropy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pokenash.algorithms.nash import check_payoffs
from pokenash.errors import InputError

__all__ = ["logit_equilibrium"]

Matrix = NDArray[np.float64]

_TOLERANCE = 1e-10
_FIRST_STEP = 0.5
_MAX_NEWTON_STEPS = 20
_SHORTEST_STEP = 1e-9


def logit_equilibrium(payoffs: Matrix, rationality: float = 10.0) -> Matrix:
    """The mixture that answers itself by ``softmax(rationality * payoffs @ mixture)``.

    Parameters
    ----------
    payoffs : float64 array, ``[n, n]``
        Antisymmetric.
    rationality : float
        Lambda of the paper, per unit of payoff, finite and >= 0. At 0 the mixture is uniform; as it grows the mixture
        goes to a Nash equilibrium, and its `nash_conv` is at most ``2 * log(n) / rationality``.

    Returns
    -------
    float64 array, ``[n]``
        All positive, but for what is too small for a float.

    Raises
    ------
    InputError
        If the payoffs are none, or the rationality is out of range or so large that rounding hides the equilibrium.

    Notes
    -----
    The path of equilibria is followed from 0 to the rationality asked for, with Newton steps on the logits at every
    stop (a homotopy as in Turocy, "A dynamic homotopy interpretation of the logistic quantal response equilibrium
    correspondence", GEB 51, 2005). In a zero-sum game the equations' Jacobian is never singular, so the path neither
    turns back nor ends.
    """
    payoffs = check_payoffs(payoffs)
    if not 0 <= rationality < np.inf:
        raise InputError(f"logit equilibrium: expected a finite rationality >= 0, got {rationality}")
    scale = float(np.abs(payoffs).max())
    reached, logits = 0.0, np.zeros(len(payoffs))
    step = _FIRST_STEP / scale if scale > 0 else rationality
    while reached < rationality:
        target = min(rationality, reached + step)
        # Logits are proportional to the rationality where payoffs stay the same.
        guess = logits * (target / reached) if reached > 0 else logits
        found = _solve(payoffs, target, guess)
        if found is None:
            step /= 2
            if step < _SHORTEST_STEP * max(target, 1.0):
                raise InputError(
                    f"logit equilibrium: rounding hides it at rationality {rationality:g} with payoffs up to "
                    f"{scale:g}; it was followed up to {reached:g}"
                )
            continue
        reached, logits, step = target, found, 2 * step
    return _softmax(logits)


def _softmax(logits: Matrix) -> Matrix:
    weights = np.exp(logits - logits.max())
    probabilities: Matrix = weights / weights.sum()
    return probabilities


def _solve(payoffs: Matrix, rationality: float, logits: Matrix) -> Matrix | None:
    """Newton's method on ``logits = rationality * payoffs @ softmax(logits)``; None if it does not converge."""
    identity = np.eye(len(payoffs))
    for _ in range(_MAX_NEWTON_STEPS):
        mixture = _softmax(logits)
        answer = rationality * payoffs @ mixture
        if np.abs(mixture - _softmax(answer)).max() < _TOLERANCE:
            return logits
        spread = np.diag(mixture) - np.outer(mixture, mixture)
        logits = logits + np.linalg.solve(identity - rationality * payoffs @ spread, answer - logits)
    return None
