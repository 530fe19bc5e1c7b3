"""Result files of earlier tools: read whatever their details, and checked for what holds.

A directory holds ``interaction_matrix.json`` and, where they were written, ``population.json``, ``meta_strategy.json``
and ``meta_game_analysis.json``. What pokenash writes itself is read too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pokenash.algorithms.earlier_files import (
    claimed_value,
    matrix_and_kind,
    names_of,
    numbers_of_battles,
    probabilities_of,
    read_json,
    tallies_of,
)
from pokenash.algorithms.empirical_game import EmpiricalGame
from pokenash.algorithms.meta_solvers import nash
from pokenash.algorithms.nash import check_payoffs, nash_conv
from pokenash.algorithms.posterior import Estimate, PayoffPosterior
from pokenash.errors import InputError

__all__ = ["EarlierCheck", "EarlierResults", "load_earlier_results"]

Matrix = NDArray[np.float64]

# Published figures are rounded to two or three digits.
_ROUNDING = 0.006
# What a mixture that was written with few digits may be off by, in payoff.
_NASH_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class EarlierCheck:
    """What a check of earlier results found.

    Parameters
    ----------
    problems : tuple of str
        What does not hold, in words; empty if all does.
    nash : tuple of float
        Nash equilibrium of the matrix, of largest entropy.
    mixture : tuple of float
        The mixture that is judged below: the one that was given, or else `nash`.
    plug_in_nash_conv : float
        Of the mixture in the matrix. For an equilibrium of the matrix it is 0 by construction.
    restricted_nash_conv : Estimate
        Of the mixture under the posterior of the counts.
    claimed_exploitability : float or None
        What the files say, whatever they call it.
    margin_over_weakest : float
        ``max_j (W.T @ mixture)_j - 1/2`` with the win rates `W`: by how much the mixture beats its weakest opponent.
        It has been published as exploitability, and is none.
    level : float
        Of the interval.
    """

    problems: tuple[str, ...]
    nash: tuple[float, ...]
    mixture: tuple[float, ...]
    plug_in_nash_conv: float
    restricted_nash_conv: Estimate
    claimed_exploitability: float | None
    margin_over_weakest: float
    level: float

    @property
    def holds(self) -> bool:
        """Whether no problem was found."""
        return not self.problems

    def __str__(self) -> str:
        interval = self.restricted_nash_conv
        figures = (
            f"restricted nash_conv of the mixture: {self.plug_in_nash_conv:.3g} in the matrix itself, "
            f"{self.level:.0%} interval [{interval.lower:.3g}, {interval.upper:.3g}] with its battles"
        )
        lines = [figures, *(self.problems or ("everything that was checked holds",))]
        return "\n".join(f"- {line}" for line in lines)


@dataclass(frozen=True, slots=True, eq=False)
class EarlierResults:
    """Results that an earlier tool wrote.

    Parameters
    ----------
    game : EmpiricalGame
        The matrix as counts: the given ones, or those that the win rates and numbers of battles amount to, half of each
        pair's battles in either seat, with as few draws as the rates allow.
    matrix : float64 array, ``[n, n]``
        Win rates of the row against the column policy as they are in the file; NaN is missing.
    mixture : tuple of float or None
        The meta-strategy, not normalised.
    claimed_exploitability : float or None
    population_size : int or None
        How many policies ``population.json`` lists.
    """

    game: EmpiricalGame
    matrix: Matrix
    mixture: tuple[float, ...] | None
    claimed_exploitability: float | None
    population_size: int | None

    @property
    def policies(self) -> tuple[str, ...]:
        """The policies' names, in the matrix' order."""
        return self.game.policies

    def check(self, *, seed: int = 0, level: float = 0.95) -> EarlierCheck:
        """Compute again what the files claim, and say in words what does not hold.

        Parameters
        ----------
        seed : int
            Of the posterior's draws.
        level : float
            Of the interval.

        Raises
        ------
        InputError
            If cells are missing.
        """
        payoffs = check_payoffs(self.game.payoffs(), self.policies)
        equilibrium = nash(payoffs)
        problems = [*self._matrix_problems(), *self._mixture_problems()]
        mixture = self._usable_mixture()
        mixture = equilibrium if mixture is None else mixture
        plug_in = nash_conv(payoffs, mixture)
        interval = PayoffPosterior.from_game(self.game, seed=seed).nash_conv(mixture, level)
        if plug_in > _NASH_TOLERANCE:
            best = self.policies[int((payoffs @ mixture).argmax())]
            problems.append(
                f"the mixture is no Nash equilibrium of the matrix: {best} gains {plug_in / 2:.3g} against it, "
                f"nash_conv {plug_in:.3g}"
            )
        margin = float(((1 - payoffs @ mixture) / 2).max() - 0.5)
        problems += self._claim_problems(plug_in, interval, margin)
        return EarlierCheck(
            tuple(problems),
            tuple(equilibrium.tolist()),
            tuple(mixture.tolist()),
            plug_in,
            interval,
            self.claimed_exploitability,
            margin,
            level,
        )

    def _usable_mixture(self) -> Matrix | None:
        """The given mixture, normalised, where it is one."""
        if self.mixture is None or len(self.mixture) != len(self.game):
            return None
        mixture = np.maximum(np.array(self.mixture), 0.0)
        normalised: Matrix = mixture / mixture.sum() if mixture.sum() > 0 else np.full(len(mixture), 1 / len(mixture))
        return normalised

    def _matrix_problems(self) -> list[str]:
        rates, problems = self.matrix, []
        off = np.abs(rates + rates.T - 1)
        np.fill_diagonal(off, 0.0)
        if np.nanmax(off) > _ROUNDING:
            i, j = np.unravel_index(int(np.nanargmax(off)), off.shape)
            problems.append(
                f"the matrix is not antisymmetric: {self.policies[i]} against {self.policies[j]} has the win rate "
                f"{rates[i, j]:.3g}, and the other way round {rates[j, i]:.3g}, which add up to "
                f"{rates[i, j] + rates[j, i]:.3g} and not to 1"
            )
        diagonal = np.diag(rates)
        wrong = np.flatnonzero(np.abs(diagonal - 0.5) > _ROUNDING)
        if len(wrong):
            problems.append(
                f"a policy against itself has the win rate {diagonal[wrong[0]]:.3g} ({self.policies[wrong[0]]}), "
                "where only 1/2 can be"
            )
        recounted = np.abs(self.game.win_rate() - (rates + 1 - rates.T) / 2)
        np.fill_diagonal(recounted, 0.0)
        if np.nanmax(recounted) > _ROUNDING:
            i, j = np.unravel_index(int(np.nanargmax(recounted)), recounted.shape)
            problems.append(
                f"{rates[i, j]:.4g} of {int(self.game.battles[i, j])} battles is no whole number of wins and draws "
                f"({self.policies[i]} against {self.policies[j]})"
            )
        if self.population_size is not None and self.population_size != len(self.game):
            problems.append(f"the population has {self.population_size} policies and the matrix {len(self.game)}")
        return problems

    def _mixture_problems(self) -> list[str]:
        if self.mixture is None:
            return []
        if len(self.mixture) != len(self.game):
            return [f"the mixture has {len(self.mixture)} probabilities for {len(self.game)} policies"]
        if min(self.mixture) < 0 or abs(sum(self.mixture) - 1) > _ROUNDING:
            return [
                f"the mixture is no distribution: it sums to {sum(self.mixture):.4g}, least {min(self.mixture):.3g}"
            ]
        return []

    def _claim_problems(self, plug_in: float, interval: Estimate, margin: float) -> list[str]:
        claimed = self.claimed_exploitability
        if claimed is None or abs(claimed - plug_in) <= _ROUNDING or abs(claimed - plug_in / 2) <= _ROUNDING:
            return []
        text = (
            f"the claimed exploitability {claimed:.3g} is not that of the mixture: within the population its nash_conv "
            f"is {plug_in:.3g}, at most {interval.upper:.3g} with these battles"
        )
        if min(abs(claimed - margin), abs(claimed - 2 * margin)) <= _ROUNDING:
            text += (
                "; it is max_j (M.T @ mixture)_j minus the value, which is how well the mixture does against its "
                "weakest opponent, and no exploitability"
            )
        return [text]


def load_earlier_results(
    directory: str | Path,
    *,
    battles_per_cell: int | None = None,
    values: Literal["auto", "win_rate", "payoff"] = "auto",
) -> EarlierResults:
    """Read the result files of an earlier tool.

    Parameters
    ----------
    directory : str or Path
        With ``interaction_matrix.json``: a list of rows, or an object that holds them under ``win_rate``,
        ``win_rates``, ``payoffs``, ``payoff_matrix``, ``matrix`` or ``interaction_matrix``; null is missing. The other
        three files may be missing; ``docs/meta-game.md`` lists the names that are understood in them.
    battles_per_cell : int, optional
        Battles of every pair, both seats together, where the file has neither counts nor numbers of battles.
    values : {"auto", "win_rate", "payoff"}
        What the matrix holds. Told by its name in the file, or else by its diagonal: 1/2 is a win rate, 0 a payoff from
        -1 to 1.

    Raises
    ------
    InputError
        If a file cannot be read or understood, or the number of battles is not known.
    """
    directory = Path(directory)
    path = directory / "interaction_matrix.json"
    data = read_json(path)
    if data is None:
        raise InputError(f"no {path.name} in {directory}; that file is needed, the others are not")
    matrix, kind = matrix_and_kind(data, path, values)
    rates = matrix if kind == "win_rate" else (1 + matrix) / 2
    population = read_json(directory / "population.json")
    listed = names_of(population)
    names = names_of(data) if isinstance(data, Mapping) else None
    names = names or (listed if listed and len(listed) == len(rates) else None)
    names = names or [f"policy_{i}" for i in range(len(rates))]
    if len(names) != len(rates) or len(set(names)) != len(names):
        raise InputError(f"{path}: expected {len(rates)} different policy names, got {names}")
    tallies = _given_counts(data, len(rates))
    if tallies is None:
        battles = numbers_of_battles(data, len(rates), battles_per_cell, path)
        tallies = tallies_of(rates, battles)
    strategy, analysis = read_json(directory / "meta_strategy.json"), read_json(directory / "meta_game_analysis.json")
    mixture = probabilities_of(strategy, names)
    mixture = probabilities_of(analysis, names) if mixture is None else mixture
    claims = (claimed_value(source) for source in (analysis, strategy, data))
    claimed = next((claim for claim in claims if claim is not None), None)
    size = len(listed) if listed is not None else None
    return EarlierResults(EmpiricalGame(names, tallies), rates, mixture, claimed, size)


def _given_counts(data: Any, num_policies: int) -> NDArray[np.int64] | None:
    """Wins, draws and losses by ordered pair, where the file has them."""
    counts = data.get("counts") if isinstance(data, Mapping) else None
    if counts is None:
        return None
    array = np.array(counts)
    if array.shape != (num_policies, num_policies, 3) or not np.issubdtype(array.dtype, np.integer):
        return None
    return array.astype(np.int64)
