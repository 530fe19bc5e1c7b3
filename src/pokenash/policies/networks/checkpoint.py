"""Networks on disk: weights as safetensors, and beside them a JSON file that says what they are the weights of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from pokenash.errors import InputError
from pokenash.files import replace_file
from pokenash.games.core import Game
from pokenash.policies.network_settings import MLPSettings, TransformerSettings
from pokenash.policies.networks.core import Network
from pokenash.policies.networks.mlp import MLPNetwork
from pokenash.policies.networks.transformer import TransformerNetwork

__all__ = ["build_network", "copy_network", "load_network", "save_network"]

_SCHEMA = 1
_ARCHITECTURES: dict[str, type[Network]] = {n.architecture: n for n in (MLPNetwork, TransformerNetwork)}


def build_network(game: Game, settings: TransformerSettings | MLPSettings | None = None, *, seed: int) -> Network:
    """A fresh network for a game.

    Parameters
    ----------
    game : Game
    settings : TransformerSettings or MLPSettings, optional
        By default a transformer where the observation is Showdown's, otherwise an MLP.
    seed : int
        Of the initial weights.
    """
    if settings is None:
        settings = TransformerSettings() if hasattr(game, "dex") else MLPSettings()
    if isinstance(settings, TransformerSettings) and not hasattr(game, "dex"):
        raise InputError(f"the transformer is for Showdown's tensor observation, which {game.name} does not have")
    # Torch's initialisers draw from its global generator: lend it to them and put it back as it was.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed % 2**63)
        if isinstance(settings, TransformerSettings):
            return TransformerNetwork.for_game(game, settings).eval()
        return MLPNetwork.for_game(game, settings).eval()


def copy_network(network: Network) -> Network:
    """An independent copy, ready for inference."""
    with torch.random.fork_rng(devices=[]):
        copy = type(network).from_config(network.config())
    copy.load_state_dict(network.state_dict())
    return copy.eval()


def save_network(network: Network, path: Path) -> None:
    """Write the weights to `path` and what they belong to beside it, as ``.json``.

    Each file is written whole to a temporary one and moved into place, the weights last: whoever sees the weights can
    read them.

    Raises
    ------
    InputError
        If the files cannot be written.
    """
    weights = {name: tensor.detach().contiguous() for name, tensor in network.state_dict().items()}
    config = {"schema": _SCHEMA, "architecture": network.architecture, **network.config()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path.with_suffix(".json"), (json.dumps(config, indent=1, sort_keys=True) + "\n").encode())
        replace_file(path, save(weights))
    except OSError as error:
        raise InputError(f"cannot write the network to {path}: {error.strerror or error}") from error


def load_network(path: Path) -> Network:
    """The inverse of `save_network`, with exactly the same weights, ready for inference.

    Raises
    ------
    InputError
        If a file is missing or damaged, or holds something else.
    """
    config = _read_config(path.with_suffix(".json"))
    architecture = _ARCHITECTURES.get(str(config.get("architecture")))
    if architecture is None:
        known = ", ".join(_ARCHITECTURES)
        raise InputError(f"{path}: unknown network architecture {config.get('architecture')!r}; known: {known}")
    try:
        with torch.random.fork_rng(devices=[]):
            network = architecture.from_config(config)
        network.load_state_dict(load_file(path))
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"cannot read the network's weights {path}: {error.strerror or error}") from error
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0] if str(error) else repr(error)
        raise InputError(f"{path} does not hold the weights that its .json describes: {reason}") from error
    return network.eval()


def _read_config(path: Path) -> Mapping[str, Any]:
    try:
        config = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read the network's description {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise InputError(f"{path} is damaged: {error}") from error
    if not isinstance(config, dict) or config.get("schema") != _SCHEMA:
        raise InputError(f"{path} is not the description of a pokenash network (schema {_SCHEMA})")
    return config
