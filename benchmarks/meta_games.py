"""Random meta-games with known payoffs, and battles played in them, for the benchmarks of meta-game mathematics."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pokenash.algorithms import EmpiricalGame

Matrix = NDArray[np.float64]

KINDS = ("random", "transitive", "close", "cyclic", "cycle")
# Share of draws where nobody is better, and what seat 0 earns more than seat 1.
_DRAWS = 0.1
_SEAT = 0.05


def random_payoffs(kind: str, num_policies: int, rng: np.random.Generator) -> Matrix:
    """True payoffs of a population, averaged over seats, antisymmetric, ``[n, n]``.

    Parameters
    ----------
    kind : str
        ``"random"``: every pair for itself, uniform from -0.6 to 0.6. ``"transitive"``: Bradley-Terry with ratings of a
        standard deviation of 174 Elo points. ``"close"``: the same with 26. ``"cyclic"``: policies on a circle with
        random angles and strengths, each beating those up to half a turn ahead (a disc game, as in Balduzzi et al.
        2019). ``"cycle"``: evenly on the circle, 0.3 to the winner: rock, paper, scissors with as many policies.
    num_policies : int
    rng : np.random.Generator
    """
    if kind == "random":
        upper = np.triu(rng.uniform(-0.6, 0.6, (num_policies, num_policies)), 1)
        return upper - upper.T
    if kind in ("transitive", "close"):
        ratings = rng.normal(0, 1.0 if kind == "transitive" else 0.15, num_policies)
        return np.tanh(np.subtract.outer(ratings, ratings) / 2)
    if kind == "cyclic":
        angles, strengths = rng.uniform(0, 2 * np.pi, num_policies), np.sqrt(rng.uniform(0.3, 0.9, num_policies))
        return np.sin(np.subtract.outer(angles, angles)) * np.outer(strengths, strengths)
    turns = np.subtract.outer(np.arange(num_policies), np.arange(num_policies)) % num_policies
    ahead = np.where(2 * turns < num_policies, 1.0, -1.0)
    return 0.3 * np.where((turns == 0) | (2 * turns == num_policies), 0.0, ahead)


class Battles:
    """Battles in a game with known payoffs.

    Parameters
    ----------
    payoffs : float64 array, ``[n, n]``
        Averaged over seats. Seat 0 earns a little more, and some battles are drawn; `payoffs` is then what these
        make of the argument, which differs a little where a policy wins nearly always.
    rng : np.random.Generator
        Every ordered pair has a stream of its own, so that its first so many battles end the same way in whatever
        portions they are played, and whatever other pairs play.
    """

    def __init__(self, payoffs: Matrix, rng: np.random.Generator) -> None:
        in_first = np.clip(payoffs + _SEAT, -1, 1)
        drawn = _DRAWS * (1 - np.abs(in_first))
        won = (1 - drawn + in_first) / 2
        self._won, self._not_lost = won, won + drawn
        self.payoffs: Matrix = (in_first - in_first.T) / 2
        self.tallies = np.zeros((*payoffs.shape, 3), np.int64)
        self._streams = [rng.spawn(len(payoffs)) for _ in payoffs]

    def play(self, first: int, second: int, battles: int) -> None:
        """Play an even number of battles of a pair, half in each seat."""
        for i, j in ((first, second), (second, first)):
            drawn = self._streams[i][j].random(battles // 2)
            wins, not_losses = int((drawn < self._won[i, j]).sum()), int((drawn < self._not_lost[i, j]).sum())
            self.tallies[i, j] += [wins, not_losses - wins, len(drawn) - not_losses]

    def play_all(self, battles: int) -> None:
        """Play so many of every pair."""
        for i, j in zip(*np.triu_indices(len(self.payoffs), 1), strict=True):
            self.play(int(i), int(j), battles)

    def game(self) -> EmpiricalGame:
        """What was counted so far."""
        return EmpiricalGame([f"policy {i}" for i in range(len(self.payoffs))], self.tallies)
