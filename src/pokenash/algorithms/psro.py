"""Policy-space response oracles: a population that grows by best responses to its own mixture.

Lanctot et al., "A Unified Game-Theoretic Approach to Multiagent Reinforcement Learning", NeurIPS 2017, algorithm 1, for
two-player zero-sum games and one population for both seats.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pokenash.algorithms.empirical_game import EmpiricalGame
from pokenash.algorithms.intervals import WinRate
from pokenash.algorithms.match_log import LoggedMatch
from pokenash.algorithms.meta_game_analysis import analyse_meta_game
from pokenash.algorithms.meta_solvers import MetaSolver, get_meta_solver
from pokenash.algorithms.oracles.core import Oracle, derive_seed
from pokenash.algorithms.psro_store import MemoryStore, PSROStore
from pokenash.algorithms.tournament import play_tournament
from pokenash.arena import Arena, paired_matches
from pokenash.errors import InputError
from pokenash.games.core import Game
from pokenash.policies.mixture import mixture_spec
from pokenash.policies.populations import check_population
from pokenash.policies.spec import PolicySpec

__all__ = ["PSRO", "PSROIteration", "PSROResult"]

_log = logging.getLogger(__name__)

_SCHEMA = 1
# Probabilities below this are left to the solver's rounding and are not played.
_NEGLIGIBLE = 1e-6


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
    meta_strategy : float64 array, ``[n]``
    analysis : dict
        As `MetaGameAnalysis.to_json` gives it.
    best_response : PolicySpec or None
        To the meta-strategy.
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


@dataclass(frozen=True)
class PSROResult:
    """What PSRO ended with.

    Parameters
    ----------
    population : tuple of PolicySpec
    meta_strategy : float64 array, ``[n]``
    game : EmpiricalGame
    iterations : tuple of PSROIteration
        One more than best responses were trained.
    """

    population: tuple[PolicySpec, ...]
    meta_strategy: NDArray[np.float64]
    game: EmpiricalGame
    iterations: tuple[PSROIteration, ...]

    def mixture(self, name: str = "mixture") -> PolicySpec:
        """The final mixture as a policy."""
        return mixture_spec(name, self.population, self.meta_strategy)


class PSRO:
    """Policy-space response oracles.

    Each iteration plays the population's missing pairs, solves the empirical game for a meta-strategy, has the oracle
    train a best response to it, and plays that against the mixture on fresh battles, which neither training nor the
    payoffs have seen. Every step is kept in the store as soon as it is done and never repeated; seeds are derived from
    (seed, iteration, phase). So a run that ends at any moment and is begun again on the same store goes on as if it had
    not been broken.

    Parameters
    ----------
    game : Game
    population : sequence of PolicySpec
        To start from. The best response of iteration `k` is named ``br_<k>``.
    oracle : Oracle
    meta_solver : str or callable
        As `get_meta_solver` takes it.
    iterations : int
        Best responses to train.
    battles_per_matchup : int
        For every pair; even.
    evaluation_battles : int
        Fresh battles of each best response against the mixture that it was trained on; even.
    seed : int
    num_lanes, num_workers : int
        Of the arena; the results do not depend on them.
    store : PSROStore, optional
        By default results are kept in memory.
    progress : bool
        Whether to show progress bars.

    Raises
    ------
    InputError
        If the population is empty, names collide, or a number is out of range.
    """

    def __init__(
        self,
        game: Game,
        population: Sequence[PolicySpec],
        oracle: Oracle,
        meta_solver: str | MetaSolver = "nash",
        *,
        iterations: int = 3,
        battles_per_matchup: int = 200,
        evaluation_battles: int = 400,
        seed: int = 0,
        num_lanes: int = 64,
        num_workers: int = 1,
        store: PSROStore | None = None,
        progress: bool = False,
    ) -> None:
        self.game = game
        self.population = tuple(check_population(population, "initial population"))
        self.oracle = oracle
        self.meta_solver = get_meta_solver(meta_solver)
        self.meta_solver_name = meta_solver if isinstance(meta_solver, str) else meta_solver.__name__
        if iterations < 0 or battles_per_matchup < 2 or evaluation_battles < 2:
            raise InputError(
                "expected iterations >= 0, and at least 2 battles per matchup and for evaluation, got "
                f"{iterations} iterations, {battles_per_matchup} and {evaluation_battles} battles"
            )
        names = {spec.name for spec in self.population} & {_name(k) for k in range(iterations)}
        if names:
            raise InputError(f"initial population: the names {sorted(names)} are kept for the best responses")
        self.num_iterations = iterations
        self.battles_per_matchup = battles_per_matchup
        self.evaluation_battles = evaluation_battles
        self.seed = seed
        self.store: PSROStore = store or MemoryStore()
        self._arena = Arena(game, num_lanes=num_lanes, num_workers=num_workers, progress=progress)

    def run(self) -> PSROResult:
        """All iterations that are not done yet."""
        finished: list[PSROIteration] = []
        with self:
            for iteration in range(self.num_iterations + 1):
                finished.append(self.iterate(iteration, is_last=iteration == self.num_iterations))
        last = finished[-1]
        return PSROResult(last.population, last.meta_strategy, last.game, tuple(finished))

    def iterate(self, iteration: int, *, is_last: bool = False) -> PSROIteration:
        """One iteration; those before it must have been done. The last one trains nothing."""
        population = self._population(iteration)
        game = self._tournament(iteration, population)
        meta_strategy, analysis = self._meta_strategy(iteration, population, game)
        if is_last:
            return PSROIteration(iteration, population, game, meta_strategy, analysis)
        mixture = mixture_spec(f"mixture_{iteration}", population, meta_strategy)
        best_response = self._best_response(iteration, population, mixture)
        summary = self._summary(iteration, mixture, best_response)
        return PSROIteration(iteration, population, game, meta_strategy, analysis, best_response, summary)

    def _population(self, iteration: int) -> tuple[PolicySpec, ...]:
        found = self.store.load_policies(iteration, "population")
        if found is None:
            found = list(self.population)
            if iteration:
                before = self.store.load_policies(iteration - 1, "population")
                newcomers = self.store.load_policies(iteration - 1, "best_response")
                assert before is not None
                assert newcomers is not None
                found = [*before, *newcomers]
            self.store.save_policies(iteration, "population", found)
        return tuple(found)

    def _tournament(self, iteration: int, population: Sequence[PolicySpec]) -> EmpiricalGame:
        start = time.perf_counter()
        game = play_tournament(
            self._arena,
            self.store.log,
            population,
            battles=self.battles_per_matchup,
            seed=derive_seed(self.seed, "tournament"),
        )
        if self.store.load(iteration, "interaction_matrix") is None:
            self.store.save(iteration, "interaction_matrix", game.to_json())
            self._took("tournament", start, iteration)
        return game

    def _meta_strategy(
        self, iteration: int, population: Sequence[PolicySpec], game: EmpiricalGame
    ) -> tuple[NDArray[np.float64], dict[str, Any]]:
        saved = self.store.load(iteration, "meta_strategy")
        if saved is None:
            start = time.perf_counter()
            probabilities = self.meta_solver(game.payoffs())
            probabilities = np.where(probabilities < _NEGLIGIBLE, 0.0, probabilities)
            saved = {
                "schema": _SCHEMA,
                "meta_solver": self.meta_solver_name,
                "policies": [spec.name for spec in population],
                "probabilities": (probabilities / probabilities.sum()).tolist(),
            }
            self.store.save(iteration, "meta_strategy", saved)
            self._took("meta-strategy", start, iteration)
        sigma = np.array(saved["probabilities"], np.float64)
        analysis = self.store.load(iteration, "meta_game_analysis")
        if analysis is None:
            analysis = analyse_meta_game(game, sigma, seed=derive_seed(self.seed, iteration, "analysis")).to_json()
            self.store.save(iteration, "meta_game_analysis", analysis)
        return sigma, analysis

    def _best_response(self, iteration: int, population: Sequence[PolicySpec], mixture: PolicySpec) -> PolicySpec:
        found = self.store.load_policies(iteration, "best_response")
        if found is None:
            # The oracle has an arena of its own; two sets of worker processes would share the cores.
            self._arena.close()
            start, name = time.perf_counter(), _name(iteration)
            spec = self.oracle.train(
                self.game,
                mixture,
                population=population,
                name=name,
                directory=self.store.folder(iteration) / "br_training" / name,
                seed=derive_seed(self.seed, iteration, "oracle"),
                iteration=iteration,
            )
            if spec.name != name:
                raise InputError(f"the oracle was asked for a policy named {name!r} and returned {spec.name!r}")
            found = [spec]
            self.store.save_policies(iteration, "best_response", found)
            self._took("training", start, iteration)
        return found[0]

    def _summary(self, iteration: int, mixture: PolicySpec, best_response: PolicySpec) -> dict[str, Any]:
        saved = self.store.load(iteration, "iteration_summary")
        if saved is not None:
            return saved
        start = time.perf_counter()
        matches, seconds = self._evaluate(iteration, mixture, best_response)
        self._took("evaluation", start, iteration)
        probabilities = mixture.parameters["probabilities"]
        members = [member["name"] for member in mixture.parameters["members"]]
        by_member = {
            name: _win_rate([match for match in matches if name in match.members], best_response.name)
            for name in members
        }
        saved = {
            "schema": _SCHEMA,
            "iteration": iteration,
            "best_response": {
                "name": best_response.name,
                "trained_against": dict(zip(members, probabilities, strict=True)),
                "fresh_evaluation": {
                    **_win_rate(matches, best_response.name).to_json(),
                    "by_member": {name: rate.to_json() for name, rate in by_member.items()},
                },
            },
            "seconds": self.store.seconds(iteration),
            "battles_per_second": len(matches) / seconds if seconds else 0.0,
        }
        self.store.save(iteration, "iteration_summary", saved)
        return saved

    def _evaluate(
        self, iteration: int, mixture: PolicySpec, best_response: PolicySpec
    ) -> tuple[list[LoggedMatch], float]:
        """Fresh battles against the mixture, and the seconds that they took (0 if they are already there)."""
        key = f"evaluation/iteration_{iteration}"
        if self.store.log.has_block(key):
            return self.store.log.block(key), 0.0
        seed = derive_seed(self.seed, iteration, "evaluation")
        matches = paired_matches(self.game, [(0, 1)], self.evaluation_battles, seed)
        players = [best_response, mixture]
        start = time.perf_counter()
        results = self._arena.play(players, matches, seed=derive_seed(seed, "play"))
        seconds = time.perf_counter() - start
        return self.store.log.append_block(key, results, [player.name for player in players]), seconds

    def _took(self, phase: str, start: float, iteration: int) -> None:
        seconds = time.perf_counter() - start
        self.store.event(phase, iteration=iteration, seconds=seconds)
        _log.info("iteration %d: %s took %.1f s", iteration, phase, seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._arena.close()


def _name(iteration: int) -> str:
    return f"br_{iteration}"


def _win_rate(matches: Sequence[LoggedMatch], name: str) -> WinRate:
    """Result of one policy in its matches, whichever its seat."""
    returns = np.array([match.returns[match.policies.index(name)] for match in matches if match.counted])
    wins, losses = int((returns > 0).sum()), int((returns < 0).sum())
    return WinRate.from_counts(wins, len(returns) - wins - losses, losses)
