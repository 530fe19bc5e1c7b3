"""Weights of metamon's networks on disk: ours in safetensors, and metamon's own state dicts."""

from __future__ import annotations

import io
from pathlib import Path

import torch
from safetensors.torch import save

from pokenash.metamon.networks import MetamonNetwork
from pokenash.metamon.training.files import make_folder, write_bytes, write_json

__all__ = ["export_state_dict", "save_weights"]


def save_weights(network: MetamonNetwork, path: str | Path) -> Path:
    """Write a ``.safetensors`` file with the network's configuration beside it, as ``.json`` of the same stem.

    `pokenash.metamon.checkpoints.load_checkpoint` reads it; both files appear whole or not at all.
    """
    path = Path(path)
    make_folder(path.parent)
    write_json(path.with_suffix(".json"), network.config.to_dict())
    # Safetensors refuses tensors that share memory.
    tensors = {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}
    write_bytes(path, save(tensors, {"format": "pt"}))
    return path


def export_state_dict(network: MetamonNetwork, folder: str | Path, epoch: int) -> Path:
    """Write ``<folder>/policy_weights/policy_epoch_<epoch>.pt`` as metamon reads it, and ``config.json`` beside it."""
    path = make_folder(Path(folder) / "policy_weights") / f"policy_epoch_{epoch}.pt"
    write_json(path.with_name("config.json"), network.config.to_dict())
    buffer = io.BytesIO()
    torch.save({name: tensor.detach().cpu() for name, tensor in network.state_dict().items()}, buffer)
    write_bytes(path, buffer.getvalue())
    return path
