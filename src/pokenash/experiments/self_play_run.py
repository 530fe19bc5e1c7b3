"""Self-play on disk: a policy plays itself, learns from it, is measured, and again.

The directory holds ``config.json``, ``generation_<n>/`` (see `pokenash.experiments.self_play_generation`),
``tournament/`` (all policies against each other), ``population.json`` (the start, then the generations),
``selfplay_summary.json`` and ``log.jsonl``. It may be killed at any moment and is gone on with; more generations
extend it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from pokenash.arena.executors import MatchExecutor
from pokenash.errors import InputError
from pokenash.experiments.fresh_network import start_config
from pokenash.experiments.run_config import opened_run
from pokenash.experiments.run_directory import RunDirectory, write_json
from pokenash.experiments.self_play_generation import Generation, Loop, play_generation
from pokenash.experiments.self_play_history import finished_generations
from pokenash.experiments.self_play_plan import SelfPlayPlan
from pokenash.experiments.self_play_result import SelfPlayResult, summarise_self_play
from pokenash.games.showdown import ShowdownGame
from pokenash.metamon.training.start import load_start
from pokenash.policies.populations import check_population, population_json
from pokenash.policies.spec import PolicySpec
from pokenash.tracking import Tracker

__all__ = ["SELF_PLAY", "START", "run_self_play"]

SELF_PLAY = "self-play"
"""The kind of the run in its ``config.json``."""

START = "start"
"""What the policy is called from which a loop starts, in its files and tables."""

_SUMMARY = "selfplay_summary.json"
# On which what is there does not depend; checkpoints and vocabularies are known by their hashes.
_FREE = frozenset({"batch_lanes", "timeout", "generations", "processes", "checkpoint", "vocabulary"})


def run_self_play(
    directory: str | Path,
    game: ShowdownGame,
    start: PolicySpec,
    plan: SelfPlayPlan,
    *,
    generations: int = 3,
    opponents: Sequence[PolicySpec] = (),
    name: str = "generation",
    seed: int = 0,
    num_lanes: int = 64,
    num_workers: int = 1,
    arena: MatchExecutor | None = None,
    tracker: Tracker | None = None,
    progress: bool = False,
    device: str | None = None,
    on_begin: Callable[[Path], object] | None = None,
    on_generation: Callable[[Generation], object] | None = None,
) -> SelfPlayResult:
    """Run a loop of self-play, or go on with the one that is there.

    Generation 0 is trained on battles of the start with itself, generation 1 on battles of generation 0, and so on.
    All of them, the start and the opponents meet in a tournament on battles of their own.

    Parameters
    ----------
    directory : str or Path
        New, empty, or that of a loop of the same start, game, plan, opponents and seed. More generations extend it.
    game : ShowdownGame
        Of a singles format of generations 1 to 4 or 9.
    start : PolicySpec
        Of kind ``"metamon"``. It is called ``"start"`` here.
    plan : SelfPlayPlan
    generations : int
        Those that are there already are not taken away.
    opponents : sequence of PolicySpec
        Who take part in the tournament besides, such as heuristics.
    name : str
        What the generations' names begin with: ``<name>_0``, ``<name>_1``, ...
    seed : int
        Of everything.
    num_lanes, num_workers
        As for `Arena`.
    arena : MatchExecutor, optional
        Plays the battles in place of a local arena; it is not closed here.
    tracker : Tracker, optional
        Is told the numbers of the trainings; steps are counted over all generations.
    progress : bool
        Whether to show bars on standard error.
    device : str, optional
        Where metamon's networks play whose specs do not say it, such as ``"cuda"``; by default the CPU. Where they are
        trained the plan says.
    on_begin : callable, optional
        Called with the directory once it is known to be this loop's, before anything is played.
    on_generation : callable, optional
        Called after every generation, those too that were there.

    Raises
    ------
    InputError
        If an argument cannot be used.
    RunDirectoryError
        If the directory cannot be gone on with; nothing in it has been changed then.
    """
    directory = Path(directory)
    if not isinstance(game, ShowdownGame):
        raise InputError(f"self-play: metamon's networks play Showdown's formats, got {type(game).__name__}")
    if generations < 1:
        raise InputError(f"self-play: expected at least one generation, got {generations}")
    first = replace(start, name=START)
    names = [PolicySpec(f"{name}_{number}", "metamon") for number in range(generations)]
    check_population([first, *opponents, *names], "self-play")
    loaded = load_start(first)
    reward, action_space = loaded.reward, loaded.network.config.action_space
    # The weights are read again where they are trained.
    del loaded
    about = {
        "seed": seed,
        "game": game.config(),
        "start": start_config(first),
        "opponents": population_json(opponents, directory)["policies"] if opponents else [],
        "name": name,
        "reward": reward,
        "plan": plan.to_json(),
        "generations": generations,
    }
    with opened_run(directory, SELF_PLAY, about, _FREE):
        if on_begin is not None:
            on_begin(directory)
        loop = Loop(
            RunDirectory(directory), game, first, reward, action_space, plan, tuple(opponents), name, seed, num_lanes,
            num_workers, arena, tracker, progress, device,
        )  # fmt: skip
        return _generations(loop, generations, on_generation)


def _generations(loop: Loop, generations: int, on_generation: Callable[[Generation], object] | None) -> SelfPlayResult:
    """All generations, one after the other; what is found so far is written after each."""
    directory, done = loop.run.path, list[Generation]()
    there = finished_generations(directory)
    generations = max(generations, there)
    for number in range(generations):
        done.append(play_generation(loop, number, done))
        if on_generation is not None:
            on_generation(done[-1])
        if number + 1 < there:
            # What the files say of later generations stays in them.
            continue
        policies = [loop.start, *(one.policy for one in done)]
        write_json(directory / "population.json", population_json(policies, directory))
        result = summarise_self_play(
            directory / "tournament",
            loop.start,
            [(one.policy, one.summary) for one in done],
            level=loop.plan.level,
            finished=number + 1 == generations,
        )
        write_json(directory / _SUMMARY, result.to_json())
    return result
