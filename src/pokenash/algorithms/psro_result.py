"""What PSRO gives: the state of each iteration, and the outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.algorithms.empirical_game import EmpiricalGame
from pokenash.algorithms.psro_store import PSROStore
from pokenash.policies.mixture import mixture_spec
from pokenash.policies.seats import seats_spec
from pokenash.policies.spec import PolicySpec

__all__ = ["PSROIteration", "PSROResult", "joined", "seat_mixtures"]


@dataclass(frozen=True)
class PSROIteration:
    """The state that an iteration starts from, and what it added.

    Parameters
    ----------
    iteration : int
        From 0. The last of a result has no best response: it is the outcome.
    population : tuple of PolicySpec
    game : EmpiricalGame
        Among the population.
    meta_strategy : float64 array, ``[n]``, or ``[2, n]`` with a row per seat (``symmetric=False``)
    analysis : dict
        As `MetaGameAnalysis.to_json` gives it; with exact payoffs also ``exact_nash_conv``, of the mixture in the game.
    best_response : PolicySpec or None
        To the meta-strategy; the first of several.
    summary : dict or None
        Its fresh evaluation, times; as ``iteration_summary.json`` holds it.
    """

    iteration: int
    population: tuple[PolicySpec, ...]
    game: EmpiricalGame
    meta_strategy: NDArray[np.float64]
    analysis: dict[str, Any]
    best_response: PolicySpec | None = None
    summary: dict[str, Any] | None = None

    def mixture(self, name: str = "mixture") -> PolicySpec:
        """The meta-strategy as a policy, whose member is drawn per episode."""
        mixtures = seat_mixtures(name, self.population, self.meta_strategy)
        return joined(name, mixtures)

    def measures(self) -> dict[str, Any]:
        """What a tracker is told of it: numbers, under names that mean the same in every iteration."""
        names = [spec.name for spec in self.population]
        rows = [dict(zip(names, row, strict=True)) for row in np.atleast_2d(self.meta_strategy).tolist()]
        strategy = rows[0] if len(rows) == 1 else {f"seat_{seat}": row for seat, row in enumerate(rows)}
        analysed = ("restricted_nash_conv", "exact_nash_conv")
        found: dict[str, Any] = {
            "policies": len(names),
            "meta_strategy": strategy,
            **{name: self.analysis[name] for name in analysed if name in self.analysis},
        }
        if self.summary is not None:
            entries = self.summary.get("best_responses", [self.summary["best_response"]])
            for index, entry in enumerate(entries):
                found[f"best_response_{index}" if index else "best_response"] = _evaluated(entry)
            found |= {name: self.summary[name] for name in ("seconds", "battles_per_second")}
        return found


@dataclass(frozen=True)
class PSROResult:
    """What PSRO ended with.

    Parameters
    ----------
    population : tuple of PolicySpec
    meta_strategy : float64 array, ``[n]``, or ``[2, n]`` with a row per seat
    game : EmpiricalGame
    iterations : tuple of PSROIteration
        One more than those that trained best responses.
    store : PSROStore, optional
        What holds the weights of trained policies. Without a store of your own `PSRO` keeps them in a temporary folder
        that goes with the last of the `PSRO` and its results: load the policies while you have one of those, or use
        `pokenash.experiments.run_psro`, which keeps everything.
    """

    population: tuple[PolicySpec, ...]
    meta_strategy: NDArray[np.float64]
    game: EmpiricalGame
    iterations: tuple[PSROIteration, ...]
    store: PSROStore | None = field(default=None, repr=False, compare=False)

    def mixture(self, name: str = "mixture") -> PolicySpec:
        """The final mixture as a policy."""
        return self.iterations[-1].mixture(name)


def _evaluated(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The evaluations of a best response, without what is told of each member."""
    return {
        kind: {name: value for name, value in entry[kind].items() if name != "by_member"}
        for kind in ("fresh_evaluation", "exact_evaluation")
        if kind in entry
    }


def seat_mixtures(
    name: str, population: Sequence[PolicySpec], meta_strategy: NDArray[np.float64]
) -> tuple[PolicySpec, ...]:
    """The mixture of both seats, or of each."""
    return tuple(mixture_spec(name, population, row) for row in np.atleast_2d(meta_strategy))


def joined(name: str, mixtures: Sequence[PolicySpec]) -> PolicySpec:
    """One policy that plays the mixture of its seat."""
    return mixtures[0] if len(mixtures) == 1 else seats_spec(name, *mixtures)
