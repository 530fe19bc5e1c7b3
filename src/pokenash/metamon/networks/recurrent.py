"""The trajectory encoder of the small families: a GRU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from pokenash.metamon.config import MetamonConfig
from pokenash.metamon.networks.layers import NestedNorm

__all__ = ["GRUMemory", "GRUTrajectoryEncoder"]


@dataclass
class GRUMemory:
    """Hidden states, float ``[layers, B, width]``, and the step of the episode that comes next, int64 ``[B]``."""

    hidden: Tensor
    time: Tensor


class GRUTrajectoryEncoder(nn.Module):
    """A GRU over turns; it knows no positions, and only a new episode makes it forget.

    Parameters
    ----------
    config : MetamonConfig
    """

    def __init__(self, config: MetamonConfig) -> None:
        super().__init__()
        self.config = trajectory = config.trajectory_encoder
        self.rnn = nn.GRU(config.turn_encoder.output_dim, trajectory.width, trajectory.layers, batch_first=True)
        self.out = nn.Linear(trajectory.width, trajectory.output_dim)
        self.out_norm = NestedNorm(trajectory.output_dim, trajectory.layer_norm_eps)

    def forward(self, turns: Tensor, time: Tensor) -> Tensor:
        """All steps of sequences that begin with an empty memory, ``[B, L, D1]`` to ``[B, L, output_dim]``."""
        hidden, _ = self.rnn(turns)
        return cast(Tensor, self.out_norm(self.out(hidden)))

    def new_memory(self, lanes: int) -> GRUMemory:
        """Hidden states of zeros."""
        like = self.out.weight
        hidden = like.new_zeros(self.config.layers, lanes, self.config.width)
        return GRUMemory(hidden, torch.zeros(lanes, dtype=torch.int64, device=like.device))

    def step(self, turns: Tensor, reset: Tensor, memory: GRUMemory) -> Tensor:
        """One step of every lane, ``[B, D1]`` to ``[B, output_dim]``; lanes where `reset` begin an episode."""
        memory.hidden[:, reset] = 0.0
        memory.time[reset] = 0
        output, memory.hidden = self.rnn(turns.unsqueeze(1), memory.hidden)
        memory.time += 1
        return cast(Tensor, self.out_norm(self.out(output))).squeeze(1)
