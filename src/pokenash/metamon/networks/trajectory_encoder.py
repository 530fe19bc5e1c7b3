"""From the embeddings of the turns so far to what actor and critics see: a causal transformer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from pokenash.metamon.config import MetamonConfig, TrajectoryEncoderConfig
from pokenash.metamon.networks.layers import NestedNorm, SigmaReparam, sinusoidal_positions

__all__ = ["TrajectoryLayer", "TransformerMemory", "TransformerTrajectoryEncoder", "causal_mask"]


def causal_mask(length: int, window: int | None, device: torch.device | None = None) -> Tensor:
    """Which steps (rows) see which (columns), bool ``[length, length]``: themselves and `window` or all before."""
    steps = torch.arange(length, device=device)
    age = steps[:, None] - steps[None, :]
    return (age >= 0) & (age <= (length if window is None else window))


@dataclass
class TransformerMemory:
    """Keys and values of the newest steps of every lane.

    Parameters
    ----------
    keys, values : float Tensor, ``[layers, B, max_seq_len, heads, head_dim]``
        In order of time; when a lane is full its oldest step is dropped.
    time : int64 Tensor, ``[B]``
        Step of the episode that comes next, from 0, not bounded by `max_seq_len`.
    """

    keys: Tensor
    values: Tensor
    time: Tensor


class _Attention(nn.Module):
    def __init__(self, config: TrajectoryEncoderConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.head_scaler = nn.Parameter(torch.ones(1, 1, config.heads, 1))
        self.qkv_projection = SigmaReparam(config.width, 3 * config.width, bias=False)
        self.out_projection = SigmaReparam(config.width, config.width)

    def project(self, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values ``[B, L, heads, head_dim]``."""
        # The published weights keep the head index fastest among the rows of this projection.
        parts = torch.unflatten(self.qkv_projection(values), -1, (3, -1, self.heads))
        query, key, value = parts.transpose(-1, -2).unbind(-3)
        return query, key, value

    def merge(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """What the queries gather, ``[B, L, width]``; `mask` broadcasts to ``[B, heads, L, S]``."""
        query, key, value = (part.transpose(1, 2) for part in (query, key, value))
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask).transpose(1, 2)
        return cast(Tensor, self.out_projection((self.head_scaler * attended).flatten(-2)))


class TrajectoryLayer(nn.Module):
    """Pre-norm attention and feed-forward with further norms on what they add (Shleifer et al. 2021, NormFormer)."""

    def __init__(self, config: TrajectoryEncoderConfig, dropout: float) -> None:
        super().__init__()
        width, eps = config.width, config.layer_norm_eps
        self.attention_layer = _Attention(config)
        self.ff1 = SigmaReparam(width, config.feedforward)
        self.ff2 = SigmaReparam(config.feedforward, width)
        self.norm1, self.norm2, self.norm3 = (NestedNorm(width, eps) for _ in range(3))
        self.norm4 = NestedNorm(config.feedforward, eps)
        self.dropout = nn.Dropout(dropout)

    def finish(self, steps: Tensor, attended: Tensor) -> Tensor:
        """The layer's output from its input and what its attention gathered."""
        steps = steps + self.dropout(self.norm2(attended))
        hidden = self.norm4(functional.leaky_relu(self.ff1(self.norm3(steps))))
        return steps + cast(Tensor, self.dropout(self.ff2(hidden)))


class _Transformer(nn.Module):
    def __init__(self, inputs: int, config: TrajectoryEncoderConfig, dropout: float) -> None:
        super().__init__()
        self.inp = nn.Linear(inputs, config.width)
        self.layers = nn.ModuleList(TrajectoryLayer(config, dropout) for _ in range(config.layers))
        self.norm = NestedNorm(config.width, config.layer_norm_eps)

    @property
    def every_layer(self) -> Iterator[TrajectoryLayer]:
        """The layers in their order."""
        return cast(Iterator[TrajectoryLayer], iter(self.layers))


class TransformerTrajectoryEncoder(nn.Module):
    """A causal transformer over turns, with a cache for playing.

    Parameters
    ----------
    config : MetamonConfig
    """

    def __init__(self, config: MetamonConfig) -> None:
        super().__init__()
        self.config, self.max_seq_len = config.trajectory_encoder, config.max_seq_len
        self.tformer = _Transformer(config.turn_encoder.output_dim, self.config, config.dropout)

    def _enter(self, turns: Tensor, time: Tensor) -> Tensor:
        entered = self.tformer.inp(turns)
        return cast(Tensor, entered + sinusoidal_positions(time, self.config.width).to(entered.dtype))

    def forward(self, turns: Tensor, time: Tensor) -> Tensor:
        """All steps of sequences at once; what the cache would have dropped by then is seen too.

        Parameters
        ----------
        turns : float Tensor, ``[B, L, D1]``
        time : int Tensor, ``[B, L]``
            Step of the episode of each, which need not begin at 0.

        Returns
        -------
        float Tensor, ``[B, L, output_dim]``
        """
        steps = self._enter(turns, time)
        mask = causal_mask(turns.shape[1], self.config.window, turns.device)
        for layer in self.tformer.every_layer:
            attention = layer.attention_layer
            steps = layer.finish(steps, attention.merge(*attention.project(layer.norm1(steps)), mask))
        return cast(Tensor, self.tformer.norm(steps))

    def new_memory(self, lanes: int) -> TransformerMemory:
        """An empty cache."""
        config, like = self.config, self.tformer.inp.weight
        shape = (config.layers, lanes, self.max_seq_len, config.heads, config.width // config.heads)
        keys, values = like.new_zeros(shape), like.new_zeros(shape)
        return TransformerMemory(keys, values, torch.zeros(lanes, dtype=torch.int64, device=like.device))

    def step(self, turns: Tensor, reset: Tensor, memory: TransformerMemory) -> Tensor:
        """One step of every lane, ``[B, D1]`` to ``[B, output_dim]``; lanes where `reset` begin an episode."""
        memory.time[reset] = 0
        full = memory.time >= self.max_seq_len
        for cache in (memory.keys, memory.values):
            cache[:, full] = cache[:, full].roll(-1, dims=2)
        slot = memory.time.clamp(max=self.max_seq_len - 1)
        age = slot[:, None] - torch.arange(self.max_seq_len, device=turns.device)
        oldest = self.max_seq_len if self.config.window is None else self.config.window
        mask = ((age >= 0) & (age <= oldest))[:, None, None]
        steps, lanes = self._enter(turns, memory.time).unsqueeze(1), torch.arange(len(turns), device=turns.device)
        for layer, keys, values in zip(self.tformer.every_layer, memory.keys, memory.values, strict=True):
            attention = layer.attention_layer
            query, key, value = attention.project(layer.norm1(steps))
            keys[lanes, slot], values[lanes, slot] = key[:, 0], value[:, 0]
            steps = layer.finish(steps, attention.merge(query, keys, values, mask))
        memory.time += 1
        return cast(Tensor, self.tformer.norm(steps)).squeeze(1)
