"""A run of neural fictitious self-play on disk: one file, replaced as a whole, from which it goes on as if unbroken."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from pokenash.algorithms.nfsp.learner import NFSPLearner
from pokenash.errors import InputError, RunDirectoryError
from pokenash.files import replace_file

__all__ = ["load_state", "save_state"]

_SCHEMA = 1
_COUNTS = ("decisions", "steps", "skipped")


def save_state(path: Path, learners: Sequence[NFSPLearner], about: Mapping[str, Any]) -> None:
    """Write the learners, memories included, and JSON-able facts to one file, moved into place when whole.

    Raises
    ------
    RunDirectoryError
        If it cannot be written.
    """
    facts: dict[str, Any] = {"schema": _SCHEMA, **about, "learners": []}
    tensors: dict[str, Tensor] = {}
    for index, learner in enumerate(learners):
        own, arrays = _state_of(learner)
        facts["learners"].append(own)
        tensors |= {f"{index}.{name}": tensor for name, tensor in arrays.items()}
    data = save(tensors, {"nfsp": json.dumps(facts)})
    try:
        replace_file(path, data)
    except OSError as error:
        raise RunDirectoryError(f"cannot write the state of the run to {path}: {error.strerror or error}") from error


def load_state(path: Path, learners: Sequence[NFSPLearner], config: Mapping[str, Any]) -> dict[str, Any]:
    """Take everything from a file that `save_state` wrote; the facts that were given to it.

    Parameters
    ----------
    path : Path
    learners : sequence of NFSPLearner
        Of the same game and settings.
    config : mapping
        Must be equal to the fact ``"config"``.

    Raises
    ------
    RunDirectoryError
        If the file is damaged or belongs to another run.
    """
    try:
        with safe_open(path, framework="pt") as file:
            facts: dict[str, Any] = json.loads(file.metadata()["nfsp"])
            if facts["schema"] != _SCHEMA:
                raise RunDirectoryError(f"{path} has the schema {facts['schema']}, expected {_SCHEMA}")
            if facts["config"] != json.loads(json.dumps(config)):
                raise RunDirectoryError(
                    f"{path} belongs to a run with other settings: {_difference(facts['config'], config)}; "
                    "use another directory"
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        for index, learner in enumerate(learners):
            _restore(learner, facts["learners"][index], _part(tensors, f"{index}."))
    except RunDirectoryError:
        raise
    except (OSError, KeyError, IndexError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise RunDirectoryError(f"{path} is damaged or belongs to another run: {error}") from error
    return facts


def _difference(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """The settings that differ, with both values."""
    names = sorted(name for name in {*there, *here} if there.get(name) != json.loads(json.dumps(here.get(name))))
    # Shortened: a game's description may hold hundreds of teams.
    pairs = [(name, reprlib.repr(there.get(name)), reprlib.repr(here.get(name))) for name in names]
    return "; ".join(f"{name} is {old} there and {new} here" for name, old, new in pairs)


def _modules(learner: NFSPLearner) -> dict[str, torch.nn.Module]:
    """What has weights. With a shared trunk the average network holds the trunk that the head sits on."""
    own = learner.best_response.head if learner.settings.shared_trunk else learner.best_response
    return {"average": learner.average, "best_response": own, "target": learner.target}


def _state_of(learner: NFSPLearner) -> tuple[dict[str, Any], dict[str, Tensor]]:
    tensors: dict[str, Tensor] = {}
    for name, module in _modules(learner).items():
        tensors |= {f"{name}.{key}": tensor for key, tensor in module.state_dict().items()}
    for name, optimizer in learner.optimizers.items():
        for key, parameter in learner.named_parameters(name):
            state = optimizer.state.get(parameter, {})
            # Plain SGD keeps its momentum as None.
            kept = {short: torch.as_tensor(value) for short, value in state.items() if value is not None}
            tensors |= {f"optimizer.{name}.{short}.{key}": value for short, value in kept.items()}
    about: dict[str, Any] = {name: getattr(learner, name) for name in _COUNTS}
    for name, buffer in (("replay", learner.replay), ("reservoir", learner.reservoir)):
        about[name], arrays = buffer.state()
        tensors |= {f"{name}.{key}": torch.from_numpy(array) for key, array in arrays.items()}
    # Safetensors refuses tensors that share memory.
    return about, {name: tensor.detach().clone() for name, tensor in tensors.items()}


def _restore(learner: NFSPLearner, about: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    for name, module in _modules(learner).items():
        module.load_state_dict(_part(tensors, f"{name}."))
    for name, optimizer in learner.optimizers.items():
        for key, parameter in learner.named_parameters(name):
            kept = {
                short: tensors[f"optimizer.{name}.{short}.{key}"]
                for short in ("step", "exp_avg", "exp_avg_sq")
                if f"optimizer.{name}.{short}.{key}" in tensors
            }
            if kept:
                optimizer.state[parameter] = kept
    for name in _COUNTS:
        setattr(learner, name, int(about[name]))
    for name, buffer in (("replay", learner.replay), ("reservoir", learner.reservoir)):
        arrays = {key: tensor.numpy() for key, tensor in _part(tensors, f"{name}.").items()}
        try:
            buffer.restore(about[name], arrays)
        except InputError as error:
            raise RunDirectoryError(str(error)) from error


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
