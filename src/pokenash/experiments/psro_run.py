"""PSRO on disk: a run that may be killed at any moment and goes on when it is started again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pokenash.algorithms.meta_solvers import MetaSolver, meta_solver_name
from pokenash.algorithms.oracles.core import Oracle
from pokenash.algorithms.psro import PSRO
from pokenash.algorithms.psro_result import PSROIteration, PSROResult
from pokenash.arena.executors import MatchExecutor
from pokenash.errors import InputError, RunDirectoryError
from pokenash.experiments.environment import machine, versions
from pokenash.experiments.run_checks import check_run
from pokenash.experiments.run_directory import SCHEMA, RunDirectory, read_json, write_json
from pokenash.games.core import Game
from pokenash.policies.populations import check_population, population_json
from pokenash.policies.spec import PolicySpec
from pokenash.tracking import Tracker

__all__ = ["run_psro"]

_log = logging.getLogger(__name__)

# Settings on which the results do not depend: a run may go on with others.
_FREE = frozenset({"num_lanes", "num_workers", "batch_lanes", "timeout", "checkpoint_every", "stop_early"})

# Options are written where they are not the default, so that runs of versions without them go on.
_OPTIONS = {"best_responses": 1, "payoffs": "played", "symmetric": True, "stop_early": False}


def run_psro(
    directory: str | Path,
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
    progress: bool = False,
    best_responses: int = 1,
    payoffs: Literal["played", "exact"] = "played",
    symmetric: bool = True,
    stop_early: bool = False,
    on_begin: Callable[[Path], object] | None = None,
    on_iteration: Callable[[PSROIteration], None] | None = None,
    tracker: Tracker | None = None,
    arena: MatchExecutor | None = None,
) -> PSROResult:
    """Run `PSRO` in a directory, or go on with the run that is there.

    Parameters
    ----------
    directory : str or Path
        New, empty, or that of a run with the same settings. More iterations than before extend a finished run;
        numbers of lanes and workers may differ.
    game, population, oracle, meta_solver, iterations, battles_per_matchup, evaluation_battles, seed
        As for `PSRO`.
    num_lanes, num_workers, progress, best_responses, payoffs, symmetric
        As for `PSRO`.
    stop_early : bool
        As for `PSRO`; a run that stopped early goes on when it is called again without it.
    on_begin : callable, optional
        Called with the directory once it is known to be this run's, before anything is played.
    on_iteration : callable, optional
        Called after every iteration, also after those that had been done before.
    tracker : Tracker, optional
        As for `PSRO`; is not closed. `pokenash.experiments.tracking.open_tracker` makes one.
    arena : MatchExecutor, optional
        As for `PSRO`.

    Raises
    ------
    RunDirectoryError
        If the directory is damaged, belongs to something else or to a run with other settings, or is in use; nothing
        in it has been changed then.
    InputError
        As `PSRO`.
    """
    run = RunDirectory(Path(directory))
    population = check_population(population, "initial population")
    numbers: dict[str, Any] = {
        "iterations": iterations,
        "battles_per_matchup": battles_per_matchup,
        "evaluation_battles": evaluation_battles,
        "num_lanes": num_lanes,
        "num_workers": num_workers,
    }
    options: dict[str, Any] = {
        "best_responses": best_responses,
        "payoffs": payoffs,
        "symmetric": symmetric,
        "stop_early": stop_early,
    }
    psro = PSRO(
        game, population, oracle, meta_solver, seed=seed, store=run, progress=progress, tracker=tracker, arena=arena,
        **numbers, **options,
    )  # fmt: skip
    settings = {
        **numbers,
        "meta_solver": meta_solver_name(meta_solver),
        "oracle": oracle.config(),
        **{name: value for name, value in options.items() if value != _OPTIONS[name]},
    }
    wanted = {
        "schema": SCHEMA,
        "kind": "psro",
        "seed": seed,
        "game": game.config(),
        "population": population_json(population, run.path)["policies"],
        "settings": settings,
        "versions": versions(),
        "machine": machine(),
    }
    with _opened(run, wanted):
        if on_begin is not None:
            on_begin(run.path)
        done: list[PSROIteration] = []
        with psro:
            for state in psro.states():
                done.append(state)
                _write_summary(run, done, finished=state.best_response is None)
                if on_iteration is not None:
                    on_iteration(state)
        run.event("finished", iterations=done[-1].iteration)
    last = done[-1]
    return PSROResult(last.population, last.meta_strategy, last.game, tuple(done))


@contextmanager
def _opened(run: RunDirectory, wanted: dict[str, Any]) -> Iterator[None]:
    """The directory, locked: new with its config, or checked and found to be the same run's."""
    if run.path.exists() and not run.path.is_dir():
        raise RunDirectoryError(f"{run.path} is not a directory; name a new or empty directory for the run")
    with run.locked():
        if not run.is_new():
            _check_config(run, wanted)
            check_run(run)
        config = run.path / "config.json"
        recorded = read_json(config) if config.exists() else None
        if recorded is None:
            write_json(config, wanted)
            run.event("started")
        else:
            run.event("continued")
            if recorded["versions"] != wanted["versions"]:
                _log.warning("%s was begun with other versions: %s", run.path, recorded["versions"])
            if recorded["settings"]["iterations"] != wanted["settings"]["iterations"]:
                longer = {**recorded["settings"], "iterations": wanted["settings"]["iterations"]}
                write_json(config, {**recorded, "settings": longer})
        yield


def _check_config(run: RunDirectory, wanted: Mapping[str, Any]) -> None:
    """Refuse a directory that is not a run of these settings."""
    path = run.path / "config.json"
    if not path.exists():
        raise RunDirectoryError(
            f"{run.path} is not empty and has no config.json, so it is not a run of pokenash; "
            "name a new or empty directory"
        )
    recorded = read_json(path)
    if recorded.get("kind") != "psro" or not isinstance(recorded.get("settings"), dict):
        raise RunDirectoryError(f"{path} is not the config of a PSRO run; name another directory")
    if not isinstance(recorded.get("versions"), dict):
        raise RunDirectoryError(f"{path} is damaged: it has no versions; restore it or start a new run")
    parts = ("seed", "game", "population", "settings")
    old, new = (_flat({part: config.get(part) for part in parts}) for config in (recorded, wanted))
    iterations = "settings.iterations"
    if isinstance(old.get(iterations), int) and old[iterations] <= new[iterations]:
        old[iterations] = new[iterations]
    differing = [
        f"{name} ({old.get(name, 'absent')} there, {new.get(name, 'absent')} asked for)"
        for name in dict.fromkeys([*old, *new])
        if name.rpartition(".")[2] not in _FREE and old.get(name) != new.get(name)
    ]
    if differing:
        raise RunDirectoryError(
            f"{path} is of a run with other settings: {'; '.join(differing)}; "
            "use the same settings, more iterations, or another directory"
        )


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Nested settings as dotted names and their values, as JSON would give them back."""
    if isinstance(value, Mapping) and value:
        return {k: v for name, inner in value.items() for k, v in _flat(inner, f"{prefix}{name}.").items()}
    if isinstance(value, list | tuple):
        value = [_flat(item) if isinstance(item, Mapping) else item for item in value]
    return {prefix.removesuffix("."): value}


def _write_summary(run: RunDirectory, done: Sequence[PSROIteration], *, finished: bool) -> None:
    """What the iterations so far led to, in one small file."""
    rows = []
    for state in done:
        row: dict[str, Any] = {
            "iteration": state.iteration,
            "policies": [spec.name for spec in state.population],
            "meta_strategy": state.meta_strategy.tolist(),
            "restricted_nash_conv": state.analysis["restricted_nash_conv"],
        }
        if state.summary is not None:
            row["best_response"] = state.summary["best_response"]
            if "best_responses" in state.summary:
                row["best_responses"] = state.summary["best_responses"]
        rows.append(row)
    status = "finished" if finished else "running"
    try:
        write_json(run.path / "psro_summary.json", {"schema": SCHEMA, "status": status, "iterations": rows})
    except TypeError as error:
        raise InputError(f"the run's summary is not JSON: {error}") from error
