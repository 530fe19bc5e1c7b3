"""Whether a run directory is what it says: every file is read and compared with the others, and nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from pokenash.algorithms.empirical_game import EmpiricalGame
from pokenash.errors import InputError, RunDirectoryError
from pokenash.experiments.run_directory import RunDirectory
from pokenash.policies.spec import PolicySpec

__all__ = ["check_run"]

# The steps of an iteration in the order in which they are kept: none is there without those before it.
_STEPS = (
    "population",
    "interaction_matrix",
    "meta_strategy",
    "meta_game_analysis",
    "best_response",
    "iteration_summary",
)


def check_run(run: RunDirectory) -> None:
    """Refuse a directory whose files are damaged or do not belong together.

    Raises
    ------
    RunDirectoryError
        The message names the file and says what is wrong.
    """
    iterations = run.iterations()
    before: list[PolicySpec] = []
    for iteration in iterations:
        _check_steps(run, iteration, is_last=iteration == iterations[-1])
        population = run.load_policies(iteration, "population")
        if population is None:
            continue
        path = run.file(iteration, "population")
        if iteration and population != before:
            raise RunDirectoryError(
                f"{path} does not hold the population of the iteration before and its best response"
            )
        _check_checkpoints(path, population)
        _check_results(run, iteration, [spec.name for spec in population])
        newcomers = run.load_policies(iteration, "best_response")
        if newcomers is not None:
            _check_checkpoints(run.file(iteration, "best_response"), newcomers)
            before = [*population, *newcomers]
    _check_weights(run.path)


def _check_steps(run: RunDirectory, iteration: int, *, is_last: bool) -> None:
    """Refuse files that are there without one that must have been written before."""
    there = [run.file(iteration, step).exists() for step in _STEPS]
    for step, found, later in zip(_STEPS, there, [*there[1:], False], strict=True):
        if not found and (later or not is_last):
            raise RunDirectoryError(f"{run.file(iteration, step)} is missing, though later files are there")


def _check_checkpoints(path: Path, policies: list[PolicySpec]) -> None:
    for spec in policies:
        if spec.checkpoint is None:
            continue
        try:
            spec.checkpoint_path()
        except InputError as error:
            raise RunDirectoryError(f"{path}: {error}") from error


def _check_weights(path: Path) -> None:
    """Refuse weights and training states that are not whole; `safe_open` reads their headers and compares sizes."""
    for file in sorted(path.glob("iteration_*/br_training/**/*.safetensors")):
        try:
            with safe_open(file, framework="np"):
                pass
        except (OSError, SafetensorError) as error:
            raise RunDirectoryError(f"{file} is damaged: {error}; restore it or start a new run") from error


def _check_results(run: RunDirectory, iteration: int, names: list[str]) -> None:
    """Refuse results that speak of other policies or battles."""
    for step in ("interaction_matrix", "meta_strategy"):
        data = run.load(iteration, step)
        if data is not None and data.get("policies") != names:
            raise RunDirectoryError(
                f"{run.file(iteration, step)} is about the policies {data.get('policies')}, not the population {names}"
            )
    strategy = run.load(iteration, "meta_strategy")
    if strategy is not None:
        _check_probabilities(run.file(iteration, "meta_strategy"), strategy, len(names))
    for step in ("meta_game_analysis", "iteration_summary"):
        run.load(iteration, step)
    matrix = run.load(iteration, "interaction_matrix")
    if matrix is not None and matrix.get("payoffs_are") != "exact":
        counts = EmpiricalGame.from_log(run.log, names, prefix="tournament/").counts.tolist()
        if matrix.get("counts") != counts:
            raise RunDirectoryError(
                f"{run.file(iteration, 'interaction_matrix')} does not agree with the matches in {run.log.path}: "
                "one of the two is damaged or from another run"
            )


def _check_probabilities(path: Path, data: Mapping[str, Any], count: int) -> None:
    values = data.get("probabilities")
    numbers = values if isinstance(values, list) and all(isinstance(v, int | float) for v in values) else []
    if len(numbers) != count or min(numbers, default=-1) < 0 or abs(sum(numbers) - 1) > 1e-6:
        raise RunDirectoryError(f"{path} is damaged: expected {count} probabilities that sum to 1, got {values}")
