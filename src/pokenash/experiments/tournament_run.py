"""Tournaments on disk: a directory that may be killed at any moment and is gone on with, or extended.

It holds ``config.json``, ``population.json``, ``matches/matches.jsonl``, ``interaction_matrix.json``,
``tournament.json`` and ``tournament.csv``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pokenash.algorithms.adaptive_sampling import AdaptiveSampler
from pokenash.algorithms.empirical_game import EmpiricalGame
from pokenash.algorithms.match_log import MatchLog
from pokenash.algorithms.meta_game_analysis import MetaGameAnalysis, analyse_meta_game
from pokenash.algorithms.meta_solvers import get_meta_solver
from pokenash.algorithms.ratings import BradleyTerry, bradley_terry
from pokenash.algorithms.tournament import play_tournament
from pokenash.arena import Arena
from pokenash.arena.executors import MatchExecutor, check_executor
from pokenash.errors import InputError, RunDirectoryError
from pokenash.experiments.csv_files import csv_bytes
from pokenash.experiments.run_config import opened_run
from pokenash.experiments.run_directory import SCHEMA, read_json, write_bytes, write_json
from pokenash.games.core import Game
from pokenash.policies.populations import check_population, population_json, without_checkpoint_paths
from pokenash.policies.spec import PolicySpec

__all__ = ["TournamentResult", "run_tournament"]

POPULATION = "population.json"

# Settings on which the battles do not depend, and those by which a tournament may be extended.
_FREE = frozenset({"batch_lanes", "timeout", "policies", "battles", "sampling", "level"})


@dataclass(frozen=True)
class TournamentResult:
    """What a tournament says.

    Parameters
    ----------
    game : EmpiricalGame
        Counts of every ordered pair.
    ratings : BradleyTerry
    meta_strategy : tuple of float
        The Nash equilibrium of the mean payoffs, for each policy.
    analysis : MetaGameAnalysis
        How sure it is, within these policies.
    level : float
        Of the intervals.
    """

    game: EmpiricalGame
    ratings: BradleyTerry
    meta_strategy: tuple[float, ...]
    analysis: MetaGameAnalysis
    level: float

    def rows(self) -> list[dict[str, Any]]:
        """One for every ordered pair of different policies: counts over both seats, win rate and its interval."""
        counts, battles, rates = self.game.counts, self.game.battles, self.game.win_rate()
        lower, upper = self.game.intervals(self.level)
        both = counts + counts.transpose(1, 0, 2)[:, :, ::-1]
        return [
            {
                "policy": self.game.policies[i],
                "opponent": self.game.policies[j],
                "battles": int(battles[i, j]),
                **dict(zip(("wins", "draws", "losses"), both[i, j].tolist(), strict=True)),
                "win_rate": float(rates[i, j]),
                "lower": float(lower[i, j]),
                "upper": float(upper[i, j]),
                "level": self.level,
            }
            for i in range(len(self.game))
            for j in range(len(self.game))
            if i != j
        ]

    def to_json(self) -> dict[str, Any]:
        """As ``tournament.json`` holds it, beside the settings that it is of."""
        return {
            "schema": SCHEMA,
            "policies": list(self.game.policies),
            "battles": int(self.game.tallies.sum()),
            "ratings": self.ratings.to_json(),
            "meta_strategy": dict(zip(self.game.policies, self.meta_strategy, strict=True)),
            "analysis": self.analysis.to_json(),
        }


def run_tournament(
    directory: str | Path,
    game: Game,
    policies: Sequence[PolicySpec],
    *,
    battles: int = 200,
    sampling: Literal["uniform", "adaptive"] | AdaptiveSampler = "uniform",
    level: float = 0.95,
    seed: int = 0,
    num_lanes: int = 64,
    num_workers: int = 1,
    progress: bool = False,
    on_begin: Callable[[Path], object] | None = None,
    arena: MatchExecutor | None = None,
) -> TournamentResult:
    """Play `play_tournament` in a directory, or go on with the tournament that is there.

    Parameters
    ----------
    directory : str or Path
        New, empty, or that of a tournament of the same game and seed, whose policies are the first of these. Numbers of
        battles, sampling, lanes and workers may differ.
    game : Game
    policies : sequence of PolicySpec
        At least two.
    battles, sampling, seed
        As for `play_tournament`.
    level : float
        Of the intervals.
    num_lanes, num_workers, progress
        As for `Arena`.
    on_begin : callable, optional
        Called with the directory once it is known to be this tournament's, before anything is played.
    arena : MatchExecutor, optional
        Plays instead of a local arena with those lanes and workers; of the same game. It is not closed here.

    Raises
    ------
    InputError
        If there are fewer than two policies, a number is out of range, or the arena is of another game.
    RunDirectoryError
        If the directory cannot be gone on with; nothing in it has been changed then.
    """
    check_executor(arena, game)
    directory, population = Path(directory), check_population(policies, "policies")
    if len(population) < 2:
        raise InputError(f"a tournament needs at least two policies, got {population[0].name} alone")
    if battles < 2 or not 0 < level < 1:
        raise InputError(f"expected at least 2 battles per pair and a level between 0 and 1, got {battles}, {level}")
    written = population_json(population, directory)
    _check_extends(directory, written["policies"])
    about = {
        "seed": seed,
        "game": game.config(),
        "policies": written["policies"],
        "settings": {"battles": battles, "sampling": _sampling(sampling), "level": level},
    }
    with ExitStack() as stack:
        player = arena or stack.enter_context(
            Arena(game, num_lanes=num_lanes, num_workers=num_workers, progress=progress)
        )
        stack.enter_context(opened_run(directory, "tournament", about, _FREE))
        write_json(directory / POPULATION, written)
        if on_begin is not None:
            on_begin(directory)
        log = MatchLog(directory / "matches" / "matches.jsonl")
        counted = play_tournament(player, log, population, battles=battles, seed=seed, sampling=sampling)
        result = _result(counted, level, seed)
        write_json(directory / "interaction_matrix.json", counted.to_json(level))
        write_bytes(directory / "tournament.csv", csv_bytes(result.rows()))
        write_json(directory / "tournament.json", {**result.to_json(), "settings": about["settings"]})
    return result


def _sampling(sampling: str | AdaptiveSampler) -> dict[str, Any]:
    """How pairs were chosen, for the config."""
    if isinstance(sampling, AdaptiveSampler):
        return {"kind": "adaptive", "width": sampling.width}
    return {"kind": sampling}


def _check_extends(directory: Path, policies: Sequence[Mapping[str, Any]]) -> None:
    """Refuse policies that are not those of the directory's tournament with others after them."""
    path = directory / "config.json"
    recorded = read_json(path) if path.exists() else {}
    there = recorded.get("policies")
    if recorded.get("kind") != "tournament" or not isinstance(there, list):
        # New, or refused when the configs are compared, which says what it is.
        return
    # As JSON gives them back; checkpoints may have been moved.
    begin = json.loads(json.dumps(policies[: len(there)]))
    if without_checkpoint_paths(there) != without_checkpoint_paths(begin):
        names = ", ".join(str(spec.get("name")) if isinstance(spec, dict) else "?" for spec in there)
        raise RunDirectoryError(
            f"{directory} is a tournament of {names}; give these policies first and in this order, further ones after "
            "them, or use another directory"
        )


def _result(game: EmpiricalGame, level: float, seed: int) -> TournamentResult:
    """What follows from the counts."""
    meta_strategy = get_meta_solver("nash")(game.payoffs())
    return TournamentResult(
        game,
        bradley_terry(game, level=level, centre=1500.0),
        tuple(float(probability) for probability in meta_strategy),
        analyse_meta_game(game, meta_strategy, level=level, seed=seed),
        level,
    )
