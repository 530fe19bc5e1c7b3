"""metamon's policies, natively.

Names are imported when they are first used, so that torch does not load before a network is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pokenash.lazy import lazy_names

if TYPE_CHECKING:
    from pokenash.metamon.actions import DefaultActionSpace, MinimalActionSpace, get_action_space
    from pokenash.metamon.backend import BACKENDS, BattleView
    from pokenash.metamon.checkpoints import from_pretrained, load_checkpoint
    from pokenash.metamon.config import MetamonConfig
    from pokenash.metamon.dataset import TrajectoryDataset
    from pokenash.metamon.dataset_index import index_trajectories
    from pokenash.metamon.inference import InferenceNetwork
    from pokenash.metamon.networks import MetamonNetwork
    from pokenash.metamon.observations import get_observation_space
    from pokenash.metamon.policy import MetamonPolicy, metamon_spec
    from pokenash.metamon.recording import TrajectoryRecorder, TrajectoryRecording
    from pokenash.metamon.registry import PUBLISHED
    from pokenash.metamon.rewards import get_reward
    from pokenash.metamon.state import UniversalMove, UniversalPokemon, UniversalState
    from pokenash.metamon.tokenizer import Tokenizer
    from pokenash.metamon.trajectories import Trajectory, read_trajectory, write_trajectory
    from pokenash.metamon.vocabularies import fetch_vocabulary, load_vocabulary
    from pokenash.metamon.vocabulary_building import build_vocabulary

_MODULES = {
    "BACKENDS": "backend",
    "BattleView": "backend",
    "DefaultActionSpace": "actions",
    "InferenceNetwork": "inference",
    "MetamonConfig": "config",
    "MetamonNetwork": "networks",
    "MetamonPolicy": "policy",
    "MinimalActionSpace": "actions",
    "PUBLISHED": "registry",
    "Tokenizer": "tokenizer",
    "Trajectory": "trajectories",
    "TrajectoryDataset": "dataset",
    "TrajectoryRecorder": "recording",
    "TrajectoryRecording": "recording",
    "UniversalMove": "state",
    "UniversalPokemon": "state",
    "UniversalState": "state",
    "build_vocabulary": "vocabulary_building",
    "fetch_vocabulary": "vocabularies",
    "from_pretrained": "checkpoints",
    "get_action_space": "actions",
    "get_observation_space": "observations",
    "get_reward": "rewards",
    "index_trajectories": "dataset_index",
    "load_checkpoint": "checkpoints",
    "load_vocabulary": "vocabularies",
    "metamon_spec": "policy",
    "read_trajectory": "trajectories",
    "write_trajectory": "trajectories",
}

__all__ = [
    "BACKENDS",
    "PUBLISHED",
    "BattleView",
    "DefaultActionSpace",
    "InferenceNetwork",
    "MetamonConfig",
    "MetamonNetwork",
    "MetamonPolicy",
    "MinimalActionSpace",
    "Tokenizer",
    "Trajectory",
    "TrajectoryDataset",
    "TrajectoryRecorder",
    "TrajectoryRecording",
    "UniversalMove",
    "UniversalPokemon",
    "UniversalState",
    "build_vocabulary",
    "fetch_vocabulary",
    "from_pretrained",
    "get_action_space",
    "get_observation_space",
    "get_reward",
    "index_trajectories",
    "load_checkpoint",
    "load_vocabulary",
    "metamon_spec",
    "read_trajectory",
    "write_trajectory",
]


__getattr__, __dir__ = lazy_names(__name__, _MODULES, __all__)
