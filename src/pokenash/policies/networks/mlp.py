"""A multi-layer perceptron for games whose observation is an array or a flat dict of arrays."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor, nn

from pokenash.errors import InputError
from pokenash.games.core import Game, Observation
from pokenash.policies.network_settings import MLPSettings
from pokenash.policies.networks.core import Network

__all__ = ["MLPNetwork"]

_WHOLE = ""


@dataclass(frozen=True)
class _Part:
    """One array of the observation: its size per row, or the number of values to be one-hot coded, and its scale."""

    name: str
    size: int
    values: int
    scale: float


class MLPNetwork(Network):
    """Hidden layers shared by the action scores and the value.

    Numbers are divided by the bound of their space where it is finite and above 1; a ``Discrete`` observation is coded
    one-hot.

    Parameters
    ----------
    parts : sequence of mappings
        The arrays of the observation, as `parts_of` lists them.
    num_actions : int
    settings : MLPSettings
    """

    architecture = "mlp"

    def __init__(self, parts: list[dict[str, Any]], num_actions: int, settings: MLPSettings) -> None:
        super().__init__()
        self.num_actions = num_actions
        self.settings = settings
        self._parts = [_Part(**part) for part in parts]
        widths = [sum(part.values or part.size for part in self._parts), *settings.hidden]
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [nn.Linear(before, after), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.action_head = nn.Linear(widths[-1], num_actions)
        self.value_head = nn.Linear(widths[-1], 1)
        _start_small(self.action_head)

    @classmethod
    def for_game(cls, game: Game, settings: MLPSettings) -> MLPNetwork:
        """A fresh network for a game's observations and actions."""
        return cls([asdict(part) for part in _parts_of(game)], game.num_actions, settings)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> MLPNetwork:
        settings = MLPSettings(tuple(config["settings"]["hidden"]))
        return cls(list(config["parts"]), int(config["num_actions"]), settings)

    def config(self) -> dict[str, Any]:
        return {
            "parts": [asdict(part) for part in self._parts],
            "num_actions": self.num_actions,
            "settings": {"hidden": list(self.settings.hidden)},
        }

    def check_game(self, game: Game) -> None:
        parts = _parts_of(game)
        if parts != self._parts or game.num_actions != self.num_actions:
            own, others = _in_words(self._parts, self.num_actions), _in_words(parts, game.num_actions)
            bounds = ", with other names or bounds" if own == others else ""
            raise InputError(f"the network is for {own}; the game {game.name} has {others}{bounds}")

    def prepare(self, observation: Observation) -> dict[str, NDArray[Any]]:
        columns = []
        for part in self._parts:
            array = observation[part.name] if isinstance(observation, dict) else observation
            if part.values:
                columns.append(np.eye(part.values, dtype=np.float32)[array.reshape(-1)])
            else:
                columns.append(array.reshape(len(array), part.size).astype(np.float32) / np.float32(part.scale))
        return {"features": np.concatenate(columns, axis=1)}

    def features(self, inputs: Mapping[str, Tensor]) -> Tensor:
        hidden: Tensor = self.body(inputs["features"])
        return hidden

    def heads(self, features: Tensor) -> tuple[Tensor, Tensor]:
        values: Tensor = self.value_head(features)
        return self.action_head(features), torch.squeeze(values, -1)

    def new_action_head(self) -> nn.Linear:
        head = nn.Linear(self.settings.hidden[-1], self.num_actions)
        _start_small(head)
        return head


def _start_small(head: nn.Linear) -> None:
    """Nearly the same score for all actions."""
    nn.init.normal_(head.weight, std=0.01)
    nn.init.zeros_(head.bias)


def _parts_of(game: Game) -> list[_Part]:
    """The arrays of a game's observation, in a fixed order."""
    space = game.observation_space
    if isinstance(space, spaces.Dict):
        return [_part(name, space[name], game) for name in sorted(space.keys())]
    return [_part(_WHOLE, space, game)]


def _in_words(parts: Sequence[_Part], num_actions: int) -> str:
    return f"observations of sizes {[part.values or part.size for part in parts]} and {num_actions} actions"


def _part(name: str, space: spaces.Space[Any], game: Game) -> _Part:
    if isinstance(space, spaces.Discrete):
        if space.start != 0:
            raise InputError(f"{game.name} observes {space}; the mlp network needs a Discrete space counted from 0")
        return _Part(name, 1, int(space.n), 1.0)
    if not isinstance(space, spaces.Box | spaces.MultiBinary | spaces.MultiDiscrete):
        raise InputError(f"{game.name} observes {space}; the mlp network needs arrays or a flat dict of arrays")
    scale = 1.0
    if isinstance(space, spaces.Box):
        bound = float(np.maximum(np.abs(space.low.astype(np.float64)), np.abs(space.high.astype(np.float64))).max())
        scale = bound if 1.0 < bound < 1e6 else 1.0
    elif isinstance(space, spaces.MultiDiscrete):
        scale = float(max(int(np.max(space.nvec)) - 1, 1))
    return _Part(name, int(np.prod(space.shape or (1,))), 0, scale)
