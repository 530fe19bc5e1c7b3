"""metamon's policies, natively.

Names are imported when they are first used, so that torch does not load before a network is needed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pokenash.metamon.actions import DefaultActionSpace, MinimalActionSpace, get_action_space
    from pokenash.metamon.backend import BACKENDS, BattleView
    from pokenash.metamon.dataset import TrajectoryDataset
    from pokenash.metamon.observations import get_observation_space
    from pokenash.metamon.rewards import get_reward
    from pokenash.metamon.state import UniversalMove, UniversalPokemon, UniversalState
    from pokenash.metamon.tokenizer import Tokenizer
    from pokenash.metamon.trajectories import Trajectory, read_trajectory, write_trajectory
    from pokenash.metamon.vocabularies import fetch_vocabulary, load_vocabulary

_MODULES = {
    "BACKENDS": "backend",
    "BattleView": "backend",
    "DefaultActionSpace": "actions",
    "MinimalActionSpace": "actions",
    "Tokenizer": "tokenizer",
    "Trajectory": "trajectories",
    "TrajectoryDataset": "dataset",
    "UniversalMove": "state",
    "UniversalPokemon": "state",
    "UniversalState": "state",
    "fetch_vocabulary": "vocabularies",
    "get_action_space": "actions",
    "get_observation_space": "observations",
    "get_reward": "rewards",
    "load_vocabulary": "vocabularies",
    "read_trajectory": "trajectories",
    "write_trajectory": "trajectories",
}

__all__ = [
    "BACKENDS",
    "BattleView",
    "DefaultActionSpace",
    "MinimalActionSpace",
    "Tokenizer",
    "Trajectory",
    "TrajectoryDataset",
    "UniversalMove",
    "UniversalPokemon",
    "UniversalState",
    "fetch_vocabulary",
    "get_action_space",
    "get_observation_space",
    "get_reward",
    "load_vocabulary",
    "read_trajectory",
    "write_trajectory",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
