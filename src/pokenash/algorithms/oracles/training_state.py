"""The state of a training on disk: one file, replaced as a whole, from which the training goes on as if unbroken."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from pokenash.errors import InputError
from pokenash.files import replace_file
from pokenash.policies.networks import Network

__all__ = ["JSONLines", "TrainingState"]

# What Adam and AdamW keep of every parameter.
_ADAM = ("step", "exp_avg", "exp_avg_sq")


@dataclass
class TrainingState:
    """A network in training and its optimizer.

    Parameters
    ----------
    network : Network
    optimizer : torch.optim.Optimizer
        Adam or AdamW over the network's parameters, in their order.
    update : int
        Rounds done.
    steps : int
        Steps of the optimizer.
    scores : list of float
        Mean result of every round, from 0 (all lost) to 1.
    best : dict of str to Tensor
        Weights of the best checkpoint so far.
    best_update : int
        The round after which they were taken.
    others : dict of str to Network
        Networks that belong to the training besides the one that learns, such as a moving reference.
    numbers : dict of str to float
        Whatever else the next round depends on.
    """

    network: Network
    optimizer: torch.optim.Optimizer
    update: int = 0
    steps: int = 0
    scores: list[float] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)
    best_update: int = 0
    others: dict[str, Network] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write everything to one file, moved into place when whole."""
        tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.best.items()}
        for other, network in self.others.items():
            tensors |= {f"other.{other}.{name}": tensor for name, tensor in network.state_dict().items()}
        for name, parameter in self.network.named_parameters():
            # Empty for parameters that have never been stepped.
            state = self.optimizer.state.get(parameter, {})
            tensors |= {f"optimizer.{key}.{name}": torch.as_tensor(value) for key, value in state.items()}
        about = {"update": self.update, "steps": self.steps, "scores": self.scores, "best_update": self.best_update}
        about |= {"numbers": self.numbers}
        # Safetensors refuses tensors that share memory.
        data = save({name: t.detach().clone() for name, t in tensors.items()}, {"training": json.dumps(about)})
        replace_file(path, data)

    def load(self, path: Path) -> None:
        """Take everything from a file that `save` wrote for a network and an optimizer of this kind.

        Raises
        ------
        InputError
            If the file is damaged or belongs to another training.
        """
        try:
            with safe_open(path, framework="pt") as file:
                about = json.loads(file.metadata()["training"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            self.network.load_state_dict(_with_prefix(tensors, "network."))
            self.best = _with_prefix(tensors, "best.")
            for other, network in self.others.items():
                network.load_state_dict(_with_prefix(tensors, f"other.{other}."))
            for name, parameter in self.network.named_parameters():
                keys = {key: f"optimizer.{key}.{name}" for key in _ADAM}
                if all(key in tensors for key in keys.values()):
                    self.optimizer.state[parameter] = {short: tensors[key] for short, key in keys.items()}
            self.update, self.steps = int(about["update"]), int(about["steps"])
            self.best_update = int(about["best_update"])
            self.scores = [float(score) for score in about["scores"]]
            # States from before there were any have none.
            self.numbers |= {name: float(value) for name, value in about.get("numbers", {}).items()}
        except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
            raise InputError(f"{path} is damaged or belongs to another training: {error}") from error


def _with_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


class JSONLines:
    """A log of one JSON object per line, which a training that goes on from an earlier state takes back to there.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def keep(self, first: int) -> None:
        """Cut off all but the first lines."""
        if not self.path.exists():
            return
        lines = self.path.read_bytes().split(b"\n")[:-1]
        replace_file(self.path, b"".join(line + b"\n" for line in lines[:first]))

    def write(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """Append lines."""
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(entry) + "\n" for entry in entries)
