"""One generation of self-play: collect, filter, train, evaluate; every step goes on with what is there.

A generation's folder holds ``collection/`` (`pokenash.experiments.collection`), ``filtered/``
(`pokenash.experiments.filtering`), ``training/`` (`pokenash.experiments.training`) and
``generation_summary.json``, which is written last: a generation that has it is not touched again.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pokenash.algorithms.damping import Damping, DampingSettings
from pokenash.algorithms.match_log import MatchLog
from pokenash.algorithms.oracles.core import derive_seed
from pokenash.algorithms.oracles.metamon.damping import damping_from_json
from pokenash.arena import Arena
from pokenash.arena.executors import MatchExecutor
from pokenash.experiments.collection import collect
from pokenash.experiments.device_arena import DeviceArena
from pokenash.experiments.filtering import filter_trajectories
from pokenash.experiments.run_directory import SCHEMA, RunDirectory, read_json, write_json
from pokenash.experiments.self_play_history import SUMMARY, generation_folder
from pokenash.experiments.self_play_measures import pairings, refused_choices, self_play_battles
from pokenash.experiments.self_play_plan import SelfPlayPlan, damping_json
from pokenash.experiments.tournament_run import run_tournament
from pokenash.experiments.training import train
from pokenash.experiments.training_progress import TrainingProgress
from pokenash.games.showdown import ShowdownGame
from pokenash.metamon.training.settings import TrainingData
from pokenash.metamon.training.state import saved_step, state_facts
from pokenash.policies.populations import load_population
from pokenash.policies.spec import PolicySpec
from pokenash.tracking import Tracker

__all__ = ["Generation", "Loop", "play_generation"]

_log = logging.getLogger(__name__)

_STATE = "fine_tune_state.safetensors"
# Numbers in a training's log that are not about what was learned.
_NOT_MEASURED = ("step", "seconds", "seconds_waiting", "transitions")


@dataclass(frozen=True)
class Generation:
    """A generation that is done.

    Parameters
    ----------
    number : int
        From 0.
    policy : PolicySpec
        That its training has made.
    summary : dict
        What ``generation_summary.json`` holds.
    """

    number: int
    policy: PolicySpec
    summary: dict[str, Any]


@dataclass(frozen=True)
class Loop:
    """What all generations of a loop have in common.

    Parameters
    ----------
    run : RunDirectory
        Locked.
    game : ShowdownGame
    start : PolicySpec
        Of kind ``"metamon"``.
    reward, action_space : str
        What the start plays with, and metamon's name of its actions.
    plan : SelfPlayPlan
    opponents : tuple of PolicySpec
        Whom every generation meets in the tournament, besides the start and the other generations.
    name : str
        What the generations' names begin with.
    seed : int
    num_lanes, num_workers : int
    arena : MatchExecutor or None
        Plays the battles in place of a local arena.
    device : str or None
        Where metamon's networks play that do not say it themselves.
    tracker : Tracker or None
        Is told the numbers of the trainings, their steps counted over all generations.
    progress : bool
    """

    run: RunDirectory
    game: ShowdownGame
    start: PolicySpec
    reward: str
    action_space: str
    plan: SelfPlayPlan
    opponents: tuple[PolicySpec, ...]
    name: str
    seed: int
    num_lanes: int
    num_workers: int
    arena: MatchExecutor | None = None
    tracker: Tracker | None = None
    progress: bool = False
    device: str | None = None

    @contextmanager
    def playing(self, *, progress: bool = False) -> Iterator[MatchExecutor]:
        """What plays the battles of a step; a bar of its own has only a local arena."""
        with ExitStack() as stack:
            arena = self.arena or stack.enter_context(
                Arena(self.game, num_lanes=self.num_lanes, num_workers=self.num_workers, progress=progress)
            )
            yield arena if self.device is None else DeviceArena(arena, self.device)

    @contextmanager
    def timed(self, event: str, generation: int) -> Iterator[dict[str, Any]]:
        """A step that is told people when it begins, and whose seconds are noted in the run's log when it ends."""
        _log.info("generation %d: %s", generation, event)
        begin, more = time.perf_counter(), dict[str, Any]()
        yield more
        self.run.event(event, generation=generation, seconds=round(time.perf_counter() - begin, 3), **more)


def play_generation(loop: Loop, number: int, earlier: Sequence[Generation]) -> Generation:
    """Make a generation, or go on with it.

    Parameters
    ----------
    loop : Loop
    number : int
    earlier : sequence of Generation
        All before it.
    """
    folder = generation_folder(loop.run.path, number)
    player = earlier[-1].policy if earlier else loop.start
    damping = _damping(loop, earlier)
    done = folder / SUMMARY
    if done.exists():
        summary = read_json(done)
        return Generation(number, _policy(folder), summary)
    collected = _collect(loop, number, folder, player)
    filtered = _filter(loop, number, folder)
    roots = [generation_folder(loop.run.path, one.number) / "filtered" for one in earlier]
    sources = loop.plan.sources(folder / "filtered", roots)
    data = TrainingData(sources, loop.reward, (loop.game.format,))
    record = _train(loop, number, folder, player, data, damping)
    policy = _policy(folder)
    _evaluate(loop, number, [*(one.policy for one in earlier), policy])
    summary = {
        "schema": SCHEMA,
        "kind": "self-play generation",
        "generation": number,
        "policy": policy.name,
        "player": player.name,
        "collection": collected,
        "filter": filtered,
        "sources": [
            {"root": Path(os.path.relpath(source.root, loop.run.path)).as_posix(), "weight": source.weight}
            for source in sources
        ],
        "training": _training_summary(folder / "training", record),
        "damping": damping_json(damping),
        "damping_after": damping_json(_damping_after(folder / "training", damping, loop.plan)),
        "against": pairings(loop.run.path / "tournament", policy.name, loop.plan.level),
    }
    write_json(done, summary)
    return Generation(number, policy, summary)


def _policy(folder: Path) -> PolicySpec:
    """What the generation's training has made."""
    return load_population(folder / "training" / "population.json")[0]


def _damping(loop: Loop, earlier: Sequence[Generation]) -> DampingSettings:
    """What a generation's training is damped by."""
    if not earlier or not loop.plan.carry_damping:
        return loop.plan.damping
    return damping_from_json(earlier[-1].summary["damping_after"])


def _damping_after(training: Path, damping: DampingSettings, plan: SelfPlayPlan) -> DampingSettings:
    """What the next generation goes on with."""
    state = state_facts(training / _STATE)["regularisation"]
    last = Damping(damping, state["learning_rate_factor"], state["kl_factor"])
    return last.settings_from(plan.training.steps)


def _collect(loop: Loop, number: int, folder: Path, player: PolicySpec) -> dict[str, Any]:
    """Battles of the generation's player with itself."""
    with loop.timed("collect", number) as noted, loop.playing() as arena:
        result = collect(
            folder / "collection",
            loop.game,
            player,
            battles=loop.plan.battles,
            action_space=loop.action_space,
            seed=derive_seed(loop.seed, "self-play", "collection", number),
            arena=arena,
            progress=loop.progress,
        )
        noted |= {"battles": result.new_battles, "battles_per_second": round(result.battles_per_second, 3)}
    log = MatchLog(folder / "collection" / "matches" / "matches.jsonl")
    return {"trajectories": result.trajectories, **self_play_battles(log)}


def _filter(loop: Loop, number: int, folder: Path) -> dict[str, Any]:
    """The trajectories that are learned from, and how many choices of all were refused."""
    rules = replace(loop.plan.rules, action_space=loop.action_space)
    with loop.timed("filter", number):
        result = filter_trajectories([folder / "collection"], folder / "filtered", rules, progress=loop.progress)
        refused = refused_choices(folder / "collection" / "trajectories", loop.action_space)
    return {
        "read": result.read, "kept": result.kept, "wins": result.wins, "dropped": result.dropped, "refused": refused,
    }  # fmt: skip


def _train(
    loop: Loop, number: int, folder: Path, player: PolicySpec, data: TrainingData, damping: DampingSettings
) -> dict[str, Any]:
    """The player's network, trained on; what the training's report says."""
    plan = loop.plan
    others = [] if loop.tracker is None else [_Later(loop.tracker, number * plan.training.steps)]
    speed = TrainingProgress(plan.training.steps, processes=plan.processes, shown=loop.progress, others=others)
    with loop.timed("train", number) as noted:
        try:
            trained = train(
                folder / "training",
                player,
                data,
                plan.training,
                name=f"{loop.name}_{number}",
                damping=damping,
                damping_check_every=plan.damping_check_every,
                reference=loop.start if plan.damping_reference == "start" else None,
                processes=plan.processes,
                seed=derive_seed(loop.seed, "self-play", "training", number),
                tracker=speed,
                on_begin=lambda directory: speed.begin(saved_step(directory / _STATE)),
            )
        finally:
            speed.close()
        noted |= {"steps": speed.steps, "transitions_per_second": round(speed.transitions_per_second, 3)}
    return trained.record


@dataclass(frozen=True)
class _Later:
    """Tells a tracker the steps of one of several trainings as if it were one."""

    tracker: Tracker
    first_step: int

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self.tracker.log(self.first_step + step, values)

    def close(self) -> None:
        """The tracker is another's to close."""


def _evaluate(loop: Loop, number: int, policies: Sequence[PolicySpec]) -> None:
    """Every policy against every other, on battles that nobody has learned from."""
    with loop.timed("evaluate", number), loop.playing(progress=loop.progress) as arena:
        run_tournament(
            loop.run.path / "tournament",
            loop.game,
            [loop.start, *loop.opponents, *policies],
            battles=loop.plan.evaluation_battles,
            level=loop.plan.level,
            seed=derive_seed(loop.seed, "self-play", "evaluation"),
            arena=arena,
        )


def _training_summary(directory: Path, record: Mapping[str, Any]) -> dict[str, Any]:
    """What was learned from, and means of the log's measures over the training's last tenth."""
    lines = [json.loads(line) for line in (directory / "fine_tune.jsonl").read_text(encoding="utf-8").splitlines()]
    last = lines[-max(len(lines) // 10, 1) :]
    names = [name for name in lines[-1] if name not in _NOT_MEASURED]
    return {
        "steps": lines[-1]["step"],
        "trajectories": record["trajectories"],
        "last_tenth": {name: sum(line[name] for line in last) / len(last) for name in names},
    }
