"""The recorded networks, where they are there, and small random ones of every family."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pokenash.metamon.config import (
    ActorConfig,
    CriticConfig,
    MetamonConfig,
    TrajectoryEncoderConfig,
    TurnEncoderConfig,
)

_PARITY = Path(os.environ.get("POKENASH_PARITY") or Path(__file__).parents[3] / "shared" / "parity")
_MODELS = sorted((_PARITY / "models").glob("*/config.json"))
_SKIP = pytest.param(None, marks=pytest.mark.skip(f"needs recorded networks: POKENASH_PARITY or {_PARITY}"))

RECORDED = [pytest.param(path.parent, id=path.parent.name) for path in _MODELS] or [_SKIP]
TRAINED = [
    pytest.param(path.parent, id=path.parent.name) for path in _MODELS if (path.parent / "train_step.npz").exists()
] or [_SKIP]


def arrays(path: Path) -> dict[str, torch.Tensor]:
    """A recording's arrays as tensors."""
    with np.load(path) as data:
        return {name: torch.from_numpy(data[name]) for name in data.files}


def _config() -> MetamonConfig:
    return MetamonConfig(
        vocabulary_size=20,
        words=7,
        numbers=5,
        actions=4,
        extra_embedding=3,
        max_seq_len=5,
        turn_encoder=TurnEncoderConfig("transformer", 12, 2, 3, 48, 2, 2),
        trajectory_encoder=TrajectoryEncoderConfig("transformer", 16, 2, 16, 4, 24),
        actor=ActorConfig(10),
        critic=CriticConfig("scalar", 3, 8),
        discounts=(0.5, 0.9, 0.99),
    )


def _families() -> dict[str, MetamonConfig]:
    config = _config()
    bins = CriticConfig("two_hot", 3, 8, hidden_layers=3, bins=11, bin_min=-50.0, bin_max=70.0)
    window = replace(config.trajectory_encoder, window=2)
    gru = TrajectoryEncoderConfig("gru", 14, 2, 9)
    perceiver = TurnEncoderConfig("perceiver", 12, 2, 2, 20, 3, 2, position_rows=6)
    return {
        "scalar": config,
        "one_layer": replace(config, turn_encoder=replace(config.turn_encoder, layers=1)),
        "two_hot": replace(config, critic=bins, trajectory_encoder=replace(config.trajectory_encoder, heads=2)),
        "window": replace(config, critic=replace(bins, symlog_bins=True), trajectory_encoder=window),
        "gru": replace(config, trajectory_encoder=gru),
        "perceiver": replace(config, turn_encoder=perceiver, trajectory_encoder=gru),
    }


FAMILIES = _families()
"""A small configuration of each kind."""


def random_inputs(config: MetamonConfig, rows: int, seed: int) -> dict[str, Any]:
    """Inputs of one decision in each of some lanes, among them unknown words and rows without a legal action."""
    rng = np.random.default_rng(seed)
    rl2 = np.zeros((rows, config.actions + 1), np.float32)
    rl2[:, 0] = rng.normal(0, 20, rows)
    rl2[np.arange(rows), 1 + rng.integers(config.actions, size=rows)] = 1.0
    illegal = rng.random((rows, config.actions)) < 0.4
    illegal[:1] = True
    return {
        "tokens": rng.integers(-1, config.vocabulary_size, (rows, config.words)).astype(np.int32),
        "numbers": rng.normal(0, 1.2, (rows, config.numbers)).astype(np.float32),
        "rl2": rl2,
        "illegal": illegal,
    }


def shaken(network: torch.nn.Module, seed: int) -> None:
    """Give every parameter and buffer a value of its own, so that none hides behind a 0 or a 1."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith((".u", ".v")) or name.startswith("popart"):
                continue
            tensor.add_(torch.randn(tensor.shape, generator=generator), alpha=0.3 if tensor.numel() > 1 else 0.1)
