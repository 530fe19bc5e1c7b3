"""Training of metamon's networks in a directory of its own: begun, gone on with, judged, and used as a policy.

Besides the files of `pokenash.metamon.training.fine_tune` the directory holds ``config.json``, ``population.json`` (the
trained policy), ``vocabulary.json`` where the vocabulary is no published one, ``report.txt`` and ``report.json``, and
where the policy played its start ``head_to_head.json`` and ``matches.jsonl``. What a fresh network started from is in
``start/``.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pokenash.algorithms.damping import DampingSettings
from pokenash.algorithms.match_log import MatchLog
from pokenash.algorithms.oracles.core import derive_seed
from pokenash.algorithms.oracles.metamon.collection import head_to_head as play_head_to_head
from pokenash.algorithms.oracles.metamon.processes import fine_tune_job, fine_tune_processes, training_job
from pokenash.algorithms.oracles.metamon.report import fine_tune_report
from pokenash.algorithms.oracles.metamon.starts import not_named
from pokenash.arena import Arena
from pokenash.errors import InputError
from pokenash.experiments.fresh_network import FreshStart, fresh_policy, start_config, with_own_vocabulary
from pokenash.experiments.run_config import opened_run
from pokenash.experiments.run_directory import read_json, write_bytes, write_json
from pokenash.games.showdown import ShowdownGame
from pokenash.metamon.dataset import TrajectorySource
from pokenash.metamon.training.fine_tuning import FineTuned
from pokenash.metamon.training.settings import FREE_SETTINGS, FineTuneSettings, TrainingData
from pokenash.metamon.training.start import trained_spec
from pokenash.policies.populations import population_json
from pokenash.policies.spec import PolicySpec
from pokenash.tracking import Tracker

__all__ = ["FreshStart", "HeadToHead", "Trained", "fresh_policy", "train"]

_log = logging.getLogger(__name__)

# Where files lie, and on what is computed: a training goes on though these differ.
_FREE = FREE_SETTINGS | {"checkpoint", "vocabulary", "processes", "head_to_head"}


@dataclass(frozen=True)
class Trained:
    """What came of a training.

    Parameters
    ----------
    spec : PolicySpec
        The trained policy, as ``population.json`` holds it.
    directory : Path
    record : dict
        What ``report.json`` holds: ``verdict``, ``summary``, ``head_to_head``, ``steps``, ``measures``, ``reward``,
        ``trajectories``.
    """

    spec: PolicySpec
    directory: Path
    record: dict[str, Any]


@dataclass(frozen=True)
class HeadToHead:
    """Fresh battles of the trained policy against its start.

    Parameters
    ----------
    game : ShowdownGame
    battles : int
        Even: each drawn start is played from both seats.
    num_lanes, num_workers : int
        Of the arena; results do not depend on them.
    device : str
        Where both networks play.
    """

    game: ShowdownGame
    battles: int = 400
    num_lanes: int = 64
    num_workers: int = 1
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.battles < 2 or self.battles % 2:
            raise InputError(f"head_to_head: expected an even number of battles of at least 2, got {self.battles}")


def train(
    directory: str | Path,
    start: PolicySpec | FreshStart,
    data: TrainingData,
    settings: FineTuneSettings,
    *,
    name: str | None = None,
    damping: DampingSettings | None = None,
    damping_check_every: int = 100,
    reference: PolicySpec | None = None,
    processes: int = 1,
    seed: int = 0,
    head_to_head: HeadToHead | None = None,
    tracker: Tracker | None = None,
    on_begin: Callable[[Path], object] | None = None,
) -> Trained:
    """Train a network on trajectories, or go on with the training that is in the directory.

    A training that was killed and is called again with the same arguments ends with the same weights (on hardware whose
    sums repeat).

    Parameters
    ----------
    directory : str or Path
        New, empty, or that of the same training.
    start : PolicySpec or FreshStart
        Of kind ``"metamon"``: whose weights are trained; or random weights.
    data : TrainingData
        Trajectories and the reward that they are labelled with, which the policy that comes out plays with.
    settings : FineTuneSettings
        Without `accelerate`: `processes` says it.
    name : str, optional
        Of the trained policy. Default: the start's with ``-trained``.
    damping : DampingSettings, optional
        Reverse KL divergence from a reference, entropy and their control; its learning rate takes the place of the
        settings' one.
    damping_check_every : int
        Steps between the looks of its controller.
    reference : PolicySpec, optional
        What the damping refers to, of the start's sizes and vocabulary; only with damping. Default: the start.
    processes : int
        Each of them learns from `FineTuneSettings.batch_size` sequences at a time; needs accelerate for more than one.
    seed : int
        Of everything.
    head_to_head : HeadToHead, optional
        Play the trained policy against its start at the end. Default: it is not played.
    tracker : Tracker, optional
        Is told the numbers of every line of ``fine_tune.jsonl``, by its step.
    on_begin : callable, optional
        Called with the directory once it is known to be this training's, before anything is done.

    Raises
    ------
    InputError
        If an argument or a file cannot be used.
    RunDirectoryError
        If the directory is damaged, is of something else, or is in use; nothing in it has been changed then.
    PokenashError
        If the training diverges, or a process of it fails.
    """
    directory = Path(directory)
    _check(start, settings, processes)
    if reference is not None and damping is None:
        raise InputError("reference: nothing refers to it without damping; give damping, or leave it out")
    name = name or f"{start.name}-trained"
    about = {
        "name": name,
        "seed": seed,
        "start": start_config(start),
        "data": _data_config(data, directory),
        "training": asdict(settings),
        "damping": None if damping is None else {**asdict(damping), "check_every": damping_check_every},
        "reference": None if reference is None else start_config(reference),
        "processes": processes,
        "head_to_head": None if head_to_head is None else head_to_head.battles,
    }
    with opened_run(directory, "training", about, _FREE):
        if on_begin is not None:
            on_begin(directory)
        base = start if isinstance(start, PolicySpec) else _fresh(directory, start, data, seed)
        job = training_job(
            base, data, settings, damping=damping, damping_check_every=damping_check_every, reference=reference,
            seed=derive_seed(seed, "training"),
        )  # fmt: skip
        tuned = _tuned(job, directory, processes, tracker)
        spec = with_own_vocabulary(trained_spec(name, base, tuned.checkpoint, tuned.reward), directory)
        versus = None if head_to_head is None else _played(directory, spec, base, head_to_head, seed)
        report = _report(directory, name, tuned, versus)
        # The last file: what it names is whole.
        write_json(directory / "population.json", population_json([spec], directory))
    return Trained(spec, directory, report)


def _check(start: PolicySpec | FreshStart, settings: FineTuneSettings, processes: int) -> None:
    if processes < 1:
        raise InputError(f"processes: expected a number of at least 1, got {processes}")
    if settings.accelerate:
        raise InputError("training.accelerate: set processes instead, they are started here")
    if isinstance(start, PolicySpec) and start.kind != "metamon":
        raise InputError(f"start: expected a policy of kind 'metamon', got {start.name!r} of kind {start.kind!r}")


def _data_config(data: TrainingData, directory: Path) -> dict[str, Any]:
    """What is learned from; roots as seen from the directory, so that both can be moved together."""
    sources = [one if isinstance(one, TrajectorySource) else TrajectorySource(one) for one in data.sources]
    seen = [
        {"root": os.path.relpath(Path(one.root).resolve(), directory.resolve()), "weight": one.weight}
        for one in sources
    ]
    return {**data.to_json(), "sources": seen}


def _fresh(directory: Path, start: FreshStart, data: TrainingData, seed: int) -> PolicySpec:
    roots = [one.root if isinstance(one, TrajectorySource) else one for one in data.sources]
    return start.make(
        directory / "start", reward=data.reward, seed=derive_seed(seed, "fresh"), roots=roots, formats=data.formats
    )


def _tuned(job: Mapping[str, Any], directory: Path, processes: int, tracker: Tracker | None) -> FineTuned:
    if processes > 1:
        return fine_tune_processes(job, directory, processes, tracker)
    return fine_tune_job(job, directory, tracker)


def _played(directory: Path, spec: PolicySpec, base: PolicySpec, asked: HeadToHead, seed: int) -> dict[str, Any]:
    """The trained policy's result against its start, which is played once."""
    path, log = directory / "head_to_head.json", MatchLog(directory / "matches.jsonl")
    game = {"format": asked.game.format, "game_sha256": _digest(asked.game)}
    before = read_json(path) if path.exists() else game
    if log.has_block("head_to_head") and any(before.get(name) != value for name, value in game.items()):
        raise InputError(
            f"head_to_head: {directory} has battles of {before.get('format')} against the start already, with these "
            "teams or with others; ask for the same game"
        )
    there = len(log.block("head_to_head")) if log.has_block("head_to_head") else asked.battles
    if there != asked.battles:
        raise InputError(f"head_to_head: {directory} has {there} battles against the start already; ask for as many")
    policy, other = (_on(one, asked.device) for one in (spec, not_named(base, spec.name)))
    with Arena(asked.game, num_lanes=asked.num_lanes, num_workers=asked.num_workers) as arena:
        versus = play_head_to_head(
            arena, policy, other, log, battles=asked.battles, seed=derive_seed(seed, "head_to_head")
        )  # fmt: skip
    write_json(path, {**versus, **game})
    return versus


def _digest(game: ShowdownGame) -> str:
    """SHA-256 of all that a game's battles depend on."""
    config = {name: value for name, value in game.config().items() if name not in ("batch_lanes", "timeout")}
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()


def _on(spec: PolicySpec, device: str) -> PolicySpec:
    """The policy, played on a device."""
    return replace(spec, parameters={**spec.parameters, "device": device})


def _report(directory: Path, name: str, tuned: FineTuned, versus: Mapping[str, Any] | None) -> dict[str, Any]:
    report, text = fine_tune_report(directory / "fine_tune.jsonl", tuned.record, versus, name=name)
    write_json(directory / "report.json", report)
    write_bytes(directory / "report.txt", text.encode())
    if report["verdict"] == "worse":
        _log.warning("%s", report["summary"])
    return report
