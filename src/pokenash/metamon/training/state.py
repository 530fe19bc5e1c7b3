"""The state of a training on disk: one file, replaced as a whole, from which it goes on as if unbroken."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from pokenash.errors import InputError
from pokenash.metamon.training.files import write_bytes

__all__ = ["load_state", "save_state", "saved_step", "state_facts"]

# What Adam and AdamW keep of every parameter.
_ADAM = ("step", "exp_avg", "exp_avg_sq")


def save_state(
    path: Path,
    networks: Mapping[str, nn.Module],
    optimizer: torch.optim.Optimizer,
    parameters: Mapping[str, nn.Parameter],
    about: Mapping[str, Any],
) -> None:
    """Write networks, what the optimizer keeps of the parameters, and JSON-able facts."""
    tensors = {f"{kind}.{name}": tensor for kind, one in networks.items() for name, tensor in one.state_dict().items()}
    for name, parameter in parameters.items():
        # Empty for parameters that have never been stepped.
        state = optimizer.state.get(parameter, {})
        tensors |= {f"optimizer.{key}.{name}": torch.as_tensor(value) for key, value in state.items()}
    # Safetensors refuses tensors that share memory.
    data = {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
    write_bytes(path, save(data, {"training": json.dumps(dict(about))}))


def state_facts(path: Path) -> dict[str, Any]:
    """The facts of a file that `save_state` wrote, without its tensors.

    Raises
    ------
    InputError
        If it is missing or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            about: dict[str, Any] = json.loads(file.metadata()["training"])
    except (OSError, KeyError, TypeError, ValueError, SafetensorError) as error:
        raise InputError(f"{path} is damaged or no state of a training: {error}") from error
    return about


def load_state(
    path: Path,
    networks: Mapping[str, nn.Module],
    optimizer: torch.optim.Optimizer,
    parameters: Mapping[str, nn.Parameter],
) -> dict[str, Any]:
    """Take everything from a file that `save_state` wrote for the same networks; the facts are returned.

    Raises
    ------
    InputError
        If the file is damaged or belongs to another training.
    """
    try:
        with safe_open(path, framework="pt") as file:
            about: dict[str, Any] = json.loads(file.metadata()["training"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        for kind, network in networks.items():
            network.load_state_dict(_with_prefix(tensors, f"{kind}."))
        for name, parameter in parameters.items():
            found = {key: tensors[f"optimizer.{key}.{name}"] for key in _ADAM if f"optimizer.{key}.{name}" in tensors}
            if len(found) == len(_ADAM):
                # The count of steps stays on the CPU, as the optimizer keeps it.
                optimizer.state[parameter] = {
                    key: tensor if key == "step" else tensor.to(parameter.device) for key, tensor in found.items()
                }
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise InputError(f"{path} is damaged or belongs to another training: {error}") from error
    return about


def saved_step(path: Path) -> int:
    """The step after which a state was written; 0 where there is none. Its tensors are not read.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    if not path.exists():
        return 0
    try:
        with safe_open(path, framework="pt") as file:
            return int(json.loads(file.metadata()["training"])["step"])
    except (OSError, KeyError, TypeError, ValueError, SafetensorError) as error:
        raise InputError(f"{path} is damaged: {error}") from error


def _with_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
