"""A game among policies whose payoffs are computed instead of being counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.algorithms.empirical_game import EmpiricalGame
from pokenash.algorithms.sequence_form import sequence_form, spec_plans
from pokenash.errors import InputError
from pokenash.games.core import Game
from pokenash.policies.spec import PolicySpec

__all__ = ["ExactGame", "exact_game", "exact_nash_conv"]

Matrix = NDArray[np.float64]


class ExactGame(EmpiricalGame):
    """What every policy expects from every other one; no battle is played and nothing is uncertain.

    Parameters
    ----------
    policies : sequence of str
    first_seat : float64 array, ``[n, n]``
        Expected return of the row policy in seat 0 with the column policy in seat 1.
    """

    def __init__(self, policies: Sequence[str], first_seat: Matrix) -> None:
        super().__init__(policies, np.zeros((len(policies), len(policies), 3), np.int64))
        self.first_seat = np.asarray(first_seat, np.float64)
        if self.first_seat.shape != (len(self), len(self)) or not np.isfinite(self.first_seat).all():
            raise InputError(f"exact game: expected {len(self)} x {len(self)} finite payoffs, got {self.first_seat}")

    def payoffs(self) -> Matrix:
        """Expected return of the row against the column policy, averaged over the seats, antisymmetric, ``[n, n]``."""
        payoffs: Matrix = (self.first_seat - self.first_seat.T) / 2
        return payoffs

    def missing(self, min_battles: int = 1) -> list[tuple[int, int]]:
        """None: every payoff is known."""
        return []

    def sample_payoffs(self, num_samples: int, rng: np.random.Generator) -> Matrix:
        """The payoffs, as often as asked for: their posterior is a point, ``[samples, n, n]``."""
        return np.repeat(self.payoffs()[None], num_samples, axis=0)

    def to_json(self, level: float = 0.95) -> dict[str, Any]:
        """As ``interaction_matrix.json`` holds it: no battles and no win rates, but payoffs, also of seat 0 alone."""
        return {
            **super().to_json(level),
            "payoffs": self.payoffs().tolist(),
            "payoffs_are": "exact",
            "first_seat_payoffs": self.first_seat.tolist(),
        }


def exact_game(game: Game, population: Sequence[PolicySpec]) -> ExactGame:
    """Compute all payoffs among policies.

    Raises
    ------
    InputError
        If the game cannot be enumerated, or a policy cannot say its action probabilities.
    """
    plans = [spec_plans(game, spec) for spec in population]
    values = sequence_form(game).values([first for first, _ in plans], [second for _, second in plans])
    return ExactGame([spec.name for spec in population], values)


def exact_nash_conv(game: Game, spec: PolicySpec) -> float:
    """What best responses in both seats together gain against a policy, computed (`SequenceForm.nash_conv`)."""
    return sequence_form(game).nash_conv(*spec_plans(game, spec))
