"""From trajectories and a network to a network that has learned from them."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pokenash.errors import InputError
from pokenash.metamon.config import MetamonConfig
from pokenash.metamon.dataset import TrajectoryDataset
from pokenash.metamon.dataset_arrays import PaddedBatch
from pokenash.metamon.networks import MetamonNetwork
from pokenash.metamon.tokenizer import Tokenizer
from pokenash.metamon.training.batches import as_tensors
from pokenash.metamon.training.devices import Devices, limited_threads
from pokenash.metamon.training.files import StepLog, make_folder, read_json, write_json
from pokenash.metamon.training.learner import Learner, Regularisation
from pokenash.metamon.training.settings import FREE_SETTINGS, FineTuneSettings, TrainingData
from pokenash.metamon.training.weights import export_state_dict, save_weights
from pokenash.tracking import Tracker, track

__all__ = ["FineTuned", "fine_tune"]

_log = logging.getLogger(__name__)

_SCHEMA = 1
_SKIPPED = "skipped_trajectories.json"


@dataclass(frozen=True)
class FineTuned:
    """What came of a fine-tuning.

    Parameters
    ----------
    checkpoint : Path
        The last weights, a ``.safetensors`` file with the configuration beside it.
    reward : str
        What the data was labelled with; the policy must play with it.
    record : dict
        What ``fine_tune.json`` holds, and ``skipped_files``, the number of misnamed and damaged ones.
    """

    checkpoint: Path
    reward: str
    record: dict[str, Any]


def fine_tune(
    network: MetamonNetwork,
    data: TrainingData,
    tokenizer: Tokenizer,
    settings: FineTuneSettings,
    directory: str | Path,
    *,
    seed: int = 0,
    regularisation: Regularisation | None = None,
    regularisation_config: Mapping[str, Any] | None = None,
    reference: MetamonNetwork | None = None,
    tracker: Tracker | None = None,
) -> FineTuned:
    """Train a network on trajectories, or go on with the training that is in the directory.

    Files: ``fine_tune.json`` (settings, seed, the reward, and how many trajectories there were), ``fine_tune.jsonl``
    (the log), ``fine_tune_state.safetensors``, ``skipped_trajectories.json`` where misnamed or damaged files were found
    (their names, and what is wrong), and ``ckpts/last.safetensors`` when all is done. A training that is killed at any
    moment and called again with the same arguments ends with the same weights.

    Parameters
    ----------
    network : MetamonNetwork
        Where it starts; is trained in place.
    data : TrainingData
    tokenizer : Tokenizer
        Of the network.
    settings : FineTuneSettings
    directory : str or Path
        New, or of the same training.
    seed : int
        Of everything that is drawn.
    regularisation : Regularisation, optional
    regularisation_config : mapping, optional
        Its settings for the record, JSON-able; of a reference of its own they should say which.
    reference : MetamonNetwork, optional
        What the regularisation refers to, of the same sizes; by default the network as it is now.
    tracker : Tracker, optional
        Is told the numbers of every line of ``fine_tune.jsonl``, by its step. Where several processes train together
        only the first one speaks to it.

    Raises
    ------
    InputError
        If an argument, a file of the data or of the directory cannot be used, or the directory belongs to a training
        with other settings.
    PokenashError
        If the training diverges.
    """
    directory = Path(directory)
    _check_reference(reference, network, regularisation)
    devices = Devices.of(settings.device, accelerate=settings.accelerate)
    dataset = _dataset(data, network.config, tokenizer, settings, seed)
    record = {
        "schema": _SCHEMA,
        "seed": seed,
        "reward": dataset.reward_name,
        "data": data.to_json(),
        "trajectories": len(dataset),
        "settings": asdict(settings),
        "regularisation": None if regularisation_config is None else dict(regularisation_config),
        "processes": devices.count,
    }
    if devices.is_main:
        _keep_record(make_folder(directory), record)
    devices.wait()
    learner = Learner(network, settings, seed=seed, devices=devices, regularisation=regularisation, reference=reference)
    with limited_threads(settings.torch_threads):
        _train(learner, dataset, directory, tracker)
    checkpoint = directory / "ckpts" / "last.safetensors"
    if devices.is_main:
        _keep_weights(learner, checkpoint)
    _note_skipped(directory, dataset, devices)
    devices.wait()
    record["skipped_files"] = _gather_skipped(directory) if devices.is_main else len(dataset.skipped)
    devices.wait()
    network.eval()
    return FineTuned(checkpoint, dataset.reward_name, record)


def _check_reference(
    reference: MetamonNetwork | None, network: MetamonNetwork, regularisation: Regularisation | None
) -> None:
    if reference is None:
        return
    if regularisation is None:
        raise InputError("reference: nothing refers to it without a regularisation, such as a damping")
    theirs, own = ({k: tuple(v.shape) for k, v in one.state_dict().items()} for one in (reference, network))
    if differing := sorted(name for name in {*theirs, *own} if theirs.get(name) != own.get(name)):
        name = differing[0]
        raise InputError(
            f"reference: expected a network of the same sizes as the one that is trained, but {name} is "
            f"{theirs.get(name, 'not there')} in it and {own.get(name, 'not there')} here"
        )


def _dataset(
    data: TrainingData, config: MetamonConfig, tokenizer: Tokenizer, settings: FineTuneSettings, seed: int
) -> TrajectoryDataset:
    """The data as the network needs it."""
    if len(tokenizer) != config.vocabulary_size:
        raise InputError(
            f"the vocabulary {tokenizer.name} has {len(tokenizer)} words, the network {config.vocabulary_size}"
        )
    return TrajectoryDataset(
        data.sources,
        observation_space=config.observation_space,
        action_space=config.action_space,
        reward=data.reward,
        tokenizer=tokenizer,
        formats=data.formats,
        result=data.result,
        max_length=settings.max_length or config.max_seq_len,
        seed=seed % 2**63,
        max_cached=settings.cached_battles,
    )


def _keep_record(directory: Path, record: dict[str, Any]) -> None:
    """Write what is done here, or compare it with what was begun."""
    path = directory / "fine_tune.json"
    before = read_json(path)
    if before is None:
        write_json(path, record)
        return
    old, new = (_fixed(json.loads(json.dumps(one))) for one in (before, record))
    if differing := sorted(name for name in {*old, *new} if old.get(name) != new.get(name)):
        name = differing[0]
        raise InputError(
            f"{path} is of another training: {name} is {old.get(name)} there and {new.get(name)} here; "
            "use the same settings or another directory"
        )
    for name in ("trajectories", "processes"):
        if before.get(name) != record[name]:
            _log.warning("%s: %s was %s and is %s now; weights will differ", path, name, before.get(name), record[name])


def _fixed(record: Mapping[str, Any]) -> dict[str, Any]:
    """What must be the same for a training to go on."""
    parts = {name: record.get(name) for name in ("schema", "seed", "reward", "regularisation")}
    data = record.get("data", {})
    # Folders may have been moved together with the training's.
    parts |= {"formats": data.get("formats"), "result": data.get("result")}
    parts["weights of the sources"] = [source["weight"] for source in data.get("sources", [])]
    settings = record.get("settings", {})
    return parts | {f"settings.{k}": v for k, v in settings.items() if k not in FREE_SETTINGS}


def _train(learner: Learner, dataset: TrajectoryDataset, directory: Path, tracker: Tracker | None) -> None:
    """All steps that are still to be done."""
    settings, devices = learner.settings, learner.devices
    state, log = directory / "fine_tune_state.safetensors", StepLog(directory / "fine_tune.jsonl")
    if state.exists():
        learner.load(state)
        _log.info("going on after step %d", learner.step)
    devices.wait()
    if devices.is_main:
        log.keep_until(learner.step)
    begin = time.perf_counter()
    for batches in _batches(dataset, settings, learner.step, devices):
        start = time.perf_counter()
        measures = learner.learn([as_tensors(batch, devices.device) for batch in batches])
        now = time.perf_counter()
        keeps_state = learner.step % settings.checkpoint_every == 0 or learner.step == settings.steps
        if keeps_state:
            _note_skipped(directory, dataset, devices)
        if not devices.is_main:
            continue
        if learner.step % settings.log_every == 0 or learner.step == settings.steps:
            transitions = sum(int((~batch.padded[:, 1:]).sum()) for batch in batches)
            speed = {"transitions": transitions, "seconds": now - start, "seconds_waiting": start - begin}
            log.write({"step": learner.step, **measures, **speed})
            track(tracker, learner.step, {**measures, **speed})
            _log.info("step %d of %d: loss %.4f", learner.step, settings.steps, measures["loss"])
        # Before the state, after which it would never be written.
        if settings.keep_epochs and learner.step % settings.steps_per_epoch == 0:
            _keep_weights(
                learner, directory / "ckpts" / f"epoch_{learner.step // settings.steps_per_epoch}.safetensors"
            )
        if keeps_state:
            learner.save(state)
        begin = time.perf_counter()


def _note_skipped(directory: Path, dataset: TrajectoryDataset, devices: Devices) -> None:
    """Name the files that this process could not use, and could not in earlier tries at this training."""
    path = directory / (_SKIPPED if devices.is_main else f"{Path(_SKIPPED).stem}_{devices.index}.json")
    # The reading thread may be adding to it.
    _add_skipped(path, {str(file): reason for file, reason in list(dataset.skipped.items())})


def _add_skipped(path: Path, found: Mapping[str, str]) -> int:
    """Add files to a list of them; how many it has then."""
    known = read_json(path) or {}
    both = {**known, **found}
    if both != known:
        write_json(path, dict(sorted(both.items())))
    return len(both)


def _gather_skipped(directory: Path) -> int:
    """Put what the other processes have named to what the first one has; how many files there are then."""
    path = directory / _SKIPPED
    for other in sorted(directory.glob(f"{path.stem}_*.json")):
        _add_skipped(path, read_json(other) or {})
        other.unlink()
    return _add_skipped(path, {})


def _batches(
    dataset: TrajectoryDataset, settings: FineTuneSettings, first_step: int, devices: Devices
) -> Iterator[list[PaddedBatch]]:
    """What each step learns from; the next is read while one is learned from."""

    def read(step: int) -> list[PaddedBatch]:
        numbers = (
            (step * settings.accumulation + part) * devices.count + devices.index
            for part in range(settings.accumulation)
        )
        return [dataset.batch(number, settings.batch_size) for number in numbers]

    if first_step >= settings.steps:
        return
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(read, first_step)
        for step in range(first_step, settings.steps):
            batches = coming.result()
            if step + 1 < settings.steps:
                coming = reader.submit(read, step + 1)
            yield batches


def _keep_weights(learner: Learner, path: Path) -> None:
    save_weights(learner.network, path)
    if learner.settings.export:
        export_state_dict(learner.network, path.parent, learner.step // learner.settings.steps_per_epoch)
