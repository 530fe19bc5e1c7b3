"""Policy-space response oracles: a population that grows by best responses to its own mixture.

Lanctot et al., "A Unified Game-Theoretic Approach to Multiagent Reinforcement Learning", NeurIPS 2017, algorithm 1, for
two-player zero-sum games and one population for both seats.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from pokenash.algorithms.empirical_game import EmpiricalGame
from pokenash.algorithms.exact_game import exact_game, exact_nash_conv
from pokenash.algorithms.meta_game_analysis import analyse_meta_game
from pokenash.algorithms.meta_solvers import MetaSolver, get_meta_solver, meta_solver_name
from pokenash.algorithms.oracles.core import Oracle, derive_seed
from pokenash.algorithms.psro_evaluation import Evaluation, exact_evaluation, improves, member_probabilities
from pokenash.algorithms.psro_result import PSROIteration, PSROResult, joined, seat_mixtures
from pokenash.algorithms.psro_store import MemoryStore, PSROStore
from pokenash.algorithms.seat_strategies import analyse_seats, seat_meta_solver, seat_payoffs, solve_seats
from pokenash.algorithms.tournament import play_tournament
from pokenash.arena import Arena, paired_matches
from pokenash.arena.executors import MatchExecutor, check_executor
from pokenash.errors import InputError
from pokenash.games.core import Game
from pokenash.policies.populations import check_population
from pokenash.policies.spec import PolicySpec
from pokenash.tracking import Tracker, track

__all__ = ["PSRO"]

_log = logging.getLogger(__name__)

_SCHEMA = 1
# Probabilities below this are left to the solver's rounding and are not played.
_NEGLIGIBLE = 1e-6


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
        To start from. The best response of iteration `k` is named ``br_<k>``, several ``br_<k>_<i>``.
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
    best_responses : int
        How many the oracle trains in each iteration, to the same mixture with different seeds. All of them join the
        population.
    payoffs : {"played", "exact"}
        Whether payoffs and evaluations are counted in battles or computed, which needs a game that can be enumerated
        (`pokenash.algorithms.sequence_form`) and policies that know their probabilities; the analysis of each
        iteration then holds the exact `nash_conv` of its mixture.
    symmetric : bool
        Whether the seats are alike, so that one meta-strategy serves both. If not, each seat has its own, from the
        payoffs of that seat alone: in a game whose seats differ (poker) it takes fewer iterations. A policy still
        plays both seats. The meta-solver is then ``"nash"``, ``"uniform"`` or a function, which is asked once per seat
        for the row player's strategy, and every policy also plays against itself.
    stop_early : bool
        Whether to end before all iterations when no best response does better than its mixture for sure: the lower
        bound of its fresh evaluation is not above 1/2 (or a mean return of 0), or its exact gain is 0. The best
        responses that did not are in the final population all the same.
    tracker : Tracker, optional
        Is told `PSROIteration.measures` of every iteration, those done before included.
    arena : MatchExecutor, optional
        Plays tournaments and evaluations instead of a local arena with those lanes and workers; of the same game. Its
        workers are let go while the oracle trains, and at the end of the run.

    Raises
    ------
    InputError
        If the population is empty, names collide, a number is out of range, or options do not go together.
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
        best_responses: int = 1,
        payoffs: Literal["played", "exact"] = "played",
        symmetric: bool = True,
        stop_early: bool = False,
        tracker: Tracker | None = None,
        arena: MatchExecutor | None = None,
    ) -> None:
        check_executor(arena, game)
        self.game = game
        self.population = tuple(check_population(population, "initial population"))
        self.oracle = oracle
        self.meta_solver = get_meta_solver(meta_solver) if symmetric else seat_meta_solver(meta_solver)
        self.meta_solver_name = meta_solver_name(meta_solver)
        if iterations < 0 or battles_per_matchup < 2 or evaluation_battles < 2:
            raise InputError(
                "expected iterations >= 0, and at least 2 battles per matchup and for evaluation, got "
                f"{iterations} iterations, {battles_per_matchup} and {evaluation_battles} battles"
            )
        if best_responses < 1 or payoffs not in ("played", "exact"):
            raise InputError(
                "expected best_responses >= 1 and payoffs 'played' or 'exact', "
                f"got {best_responses} best responses and payoffs {payoffs!r}"
            )
        if payoffs == "exact":
            # A game or a policy without exact values is refused now, not after the run has begun.
            exact_game(game, self.population)
        self.num_best_responses = best_responses
        self.payoffs = payoffs
        self.symmetric = symmetric
        self.stop_early = stop_early
        names = {spec.name for spec in self.population} & {
            name for iteration in range(iterations) for name in self._names(iteration)
        }
        if names:
            raise InputError(f"initial population: the names {sorted(names)} are kept for the best responses")
        self.num_iterations = iterations
        self.battles_per_matchup = battles_per_matchup
        self.evaluation_battles = evaluation_battles
        self.seed = seed
        self.store: PSROStore = store or MemoryStore()
        self._tracker = tracker
        self._arena: MatchExecutor = arena or Arena(
            game, num_lanes=num_lanes, num_workers=num_workers, progress=progress
        )

    def run(self) -> PSROResult:
        """All iterations that are not done yet."""
        with self:
            finished = tuple(self.states())
        last = finished[-1]
        return PSROResult(last.population, last.meta_strategy, last.game, finished, self.store)

    def states(self) -> Iterator[PSROIteration]:
        """One iteration after the other, those done before included; the last has no best response."""
        is_last, iteration = self.num_iterations == 0, 0
        while True:
            state = self.iterate(iteration, is_last=is_last)
            track(self._tracker, iteration, state.measures())
            yield state
            if is_last:
                return
            iteration += 1
            assert state.summary is not None
            is_last = iteration == self.num_iterations or (self.stop_early and not improves(state.summary))

    def iterate(self, iteration: int, *, is_last: bool = False) -> PSROIteration:
        """One iteration; those before it must have been done. The last one trains nothing."""
        population = self._population(iteration)
        game = self._tournament(iteration, population)
        meta_strategy, analysis = self._meta_strategy(iteration, population, game)
        if is_last:
            return PSROIteration(iteration, population, game, meta_strategy, analysis)
        mixtures = seat_mixtures(f"mixture_{iteration}", population, meta_strategy)
        best_responses = self._best_responses(iteration, population, mixtures)
        summary = self._summary(iteration, mixtures, best_responses)
        return PSROIteration(iteration, population, game, meta_strategy, analysis, best_responses[0], summary)

    def _names(self, iteration: int) -> list[str]:
        if self.num_best_responses == 1:
            return [f"br_{iteration}"]
        return [f"br_{iteration}_{index}" for index in range(self.num_best_responses)]

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
        if self.payoffs == "exact":
            game: EmpiricalGame = exact_game(self.game, population)
        else:
            if not self.symmetric:
                self._play_selves(population)
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

    def _play_selves(self, population: Sequence[PolicySpec]) -> None:
        """What seat 0 earns when one policy plays both seats, which a round robin does not tell."""
        for spec in population:
            key = f"tournament/{spec.name}/{spec.name}/0"
            if self.store.log.has_block(key):
                continue
            seed = derive_seed(self.seed, "tournament", spec.name)
            matches = paired_matches(self.game, [(0, 0)], self.battles_per_matchup, seed)
            results = self._arena.play([spec], matches, seed=derive_seed(seed, "play"))
            self.store.log.append_block(key, results, [spec.name])

    def _meta_strategy(
        self, iteration: int, population: Sequence[PolicySpec], game: EmpiricalGame
    ) -> tuple[NDArray[np.float64], dict[str, Any]]:
        saved = self.store.load(iteration, "meta_strategy")
        if saved is None:
            start = time.perf_counter()
            saved = {
                "schema": _SCHEMA,
                "meta_solver": self.meta_solver_name,
                "policies": [spec.name for spec in population],
                **self._solve(game),
            }
            self.store.save(iteration, "meta_strategy", saved)
            self._took("meta-strategy", start, iteration)
        sigma = np.array(saved["probabilities" if self.symmetric else "probabilities_by_seat"], np.float64)
        analysis = self.store.load(iteration, "meta_game_analysis")
        if analysis is None:
            analysis = self._analyse(iteration, population, game, sigma)
            self.store.save(iteration, "meta_game_analysis", analysis)
        return sigma, analysis

    def _solve(self, game: EmpiricalGame) -> dict[str, Any]:
        """The meta-strategy; where each seat has its own, also their mean."""
        if self.symmetric:
            return {"probabilities": _without_rounding(self.meta_solver(game.payoffs())).tolist()}
        by_seat = _without_rounding(solve_seats(self.meta_solver, seat_payoffs(game), game.policies))
        return {"probabilities": by_seat.mean(axis=0).tolist(), "probabilities_by_seat": by_seat.tolist()}

    def _analyse(
        self, iteration: int, population: Sequence[PolicySpec], game: EmpiricalGame, sigma: NDArray[np.float64]
    ) -> dict[str, Any]:
        seed = derive_seed(self.seed, iteration, "analysis")
        if not self.symmetric:
            analysis = analyse_seats(game, sigma, seed=seed)
        elif self.payoffs == "exact":
            analysis = analyse_meta_game(game, sigma, seed=seed, num_samples=1, num_equilibria=1).to_json()
        else:
            analysis = analyse_meta_game(game, sigma, seed=seed).to_json()
        if self.payoffs == "exact":
            mixture = joined("mixture", seat_mixtures("mixture", population, sigma))
            analysis["exact_nash_conv"] = exact_nash_conv(self.game, mixture)
        return analysis

    def _best_responses(
        self, iteration: int, population: Sequence[PolicySpec], mixtures: Sequence[PolicySpec]
    ) -> list[PolicySpec]:
        found = self.store.load_policies(iteration, "best_response")
        if found is None:
            # The oracle has an arena of its own; two sets of workers would share the machine.
            self._arena.close()
            start, found = time.perf_counter(), []
            for index, name in enumerate(self._names(iteration)):
                spec = self.oracle.train(
                    self.game,
                    joined(f"mixture_{iteration}", mixtures),
                    population=population,
                    name=name,
                    directory=self.store.folder(iteration) / "br_training" / name,
                    seed=derive_seed(self.seed, iteration, "oracle", *([index] if index else [])),
                    iteration=iteration,
                )
                if spec.name != name:
                    raise InputError(f"the oracle was asked for a policy named {name!r} and returned {spec.name!r}")
                found.append(spec)
            self.store.save_policies(iteration, "best_response", found)
            self._took("training", start, iteration)
        return found

    def _summary(
        self, iteration: int, mixtures: Sequence[PolicySpec], best_responses: Sequence[PolicySpec]
    ) -> dict[str, Any]:
        saved = self.store.load(iteration, "iteration_summary")
        if saved is not None:
            return saved
        start, battles, seconds = time.perf_counter(), 0, 0.0
        against = member_probabilities(mixtures)
        entries: list[dict[str, Any]] = []
        for index, spec in enumerate(best_responses):
            entry: dict[str, Any] = {"name": spec.name, "trained_against": against}
            if self.payoffs == "exact":
                entry["exact_evaluation"] = exact_evaluation(self.game, spec, joined("mixture", mixtures))
            else:
                evaluation = self._evaluation(iteration, index, mixtures)
                entry["fresh_evaluation"], played = evaluation.measure(spec, list(against))
                battles, seconds = battles + played, seconds + evaluation.seconds
            entries.append(entry)
        self._took("evaluation", start, iteration)
        saved = {
            "schema": _SCHEMA,
            "iteration": iteration,
            "best_response": entries[0],
            **({"best_responses": entries} if len(entries) > 1 else {}),
            "seconds": self.store.seconds(iteration),
            "battles_per_second": battles / seconds if seconds else 0.0,
        }
        self.store.save(iteration, "iteration_summary", saved)
        return saved

    def _evaluation(self, iteration: int, index: int, mixtures: Sequence[PolicySpec]) -> Evaluation:
        key, seed = f"evaluation/iteration_{iteration}", derive_seed(self.seed, iteration, "evaluation")
        if index:
            key, seed = f"{key}/{index}", derive_seed(seed, index)
        return Evaluation(self._arena, self.store.log, key, mixtures, self.evaluation_battles, seed)

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


def _without_rounding(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Negligible probabilities set to 0, rows sum to 1."""
    kept = np.where(probabilities < _NEGLIGIBLE, 0.0, probabilities)
    normalised: NDArray[np.float64] = kept / kept.sum(axis=-1, keepdims=True)
    return normalised
