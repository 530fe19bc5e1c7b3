"""Trajectory encoders for playing: one step at a time, of any lanes, without touching the memory of others."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pokenash.metamon.config import MetamonConfig
from pokenash.metamon.inference_layers import FoldedLinear, PlainNorm, attend, normal
from pokenash.metamon.networks.layers import SigmaReparam, sinusoidal_positions
from pokenash.metamon.networks.recurrent import GRUTrajectoryEncoder
from pokenash.metamon.networks.trajectory_encoder import TrajectoryLayer, TransformerTrajectoryEncoder

__all__ = ["InferenceMemory", "RecurrentSteps", "TransformerSteps"]

_VECTOR = 16


@dataclass
class InferenceMemory:
    """What is remembered of every lane. Steps write the slots of their own lanes and no others.

    Parameters
    ----------
    time : int64 Tensor, ``[lanes]``, on the CPU
        Step of the episode that comes next.
    keys, values : list of float Tensor, ``[lanes, heads, slots, head_dim]``, one a layer
        A ring for each lane: step t lies in slot ``t % slots``. Empty for the GRU.
    hidden : list of float Tensor, ``[lanes, width]``, one a layer
        Of the GRU; empty for the transformer.
    """

    time: Tensor
    keys: list[Tensor]
    values: list[Tensor]
    hidden: list[Tensor]

    @property
    def num_lanes(self) -> int:
        return len(self.time)


class _Rings:
    """How one step reads and writes the rings of its lanes.

    Lanes near one another are read in place, together with those between them; only scattered ones are gathered.

    Parameters
    ----------
    lanes, time : int64 Tensor, ``[B]``, on the CPU
    slots : int
    like : Tensor
        Dtype and device of the caches.
    """

    def __init__(self, lanes: Tensor, time: Tensor, slots: int, like: Tensor) -> None:
        first, num = int(lanes.min()), len(lanes)
        span, places = int(lanes.max()) + 1 - first, lanes - first
        filled = (time + 1).clamp(max=slots)
        # Whole vectors of scores: then what other lanes remember does not change how this one's sums are rounded.
        self.used = min(-(-int(filled.max()) // _VECTOR) * _VECTOR, slots)
        self.lanes, self.slot = lanes.to(like.device), (time % slots).to(like.device)
        self.places: Tensor | None = None
        self.part: slice | Tensor = slice(first, first + span)
        counts = filled
        if span > 2 * num:
            self.part = self.lanes
        elif span > num or not torch.equal(places, torch.arange(num)):
            self.places = places.to(like.device)
            counts = torch.full((span,), self.used).index_copy_(0, places, filled)
        self.bias: Tensor | None = None
        if bool((counts < self.used).any()):
            empty = torch.arange(self.used) >= counts[:, None]
            bias = torch.zeros(empty.shape).masked_fill_(empty, -torch.inf)
            self.bias = bias[:, None, None].to(like)

    def write(self, cache: Tensor, values: Tensor) -> None:
        """Put this step's ``[B, heads, head_dim]`` into the rings ``[lanes, heads, slots, head_dim]``."""
        cache[self.lanes, :, self.slot] = values

    def attend(self, query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """What queries ``[B, heads, head_dim]`` gather from their own lanes' rings."""
        if self.places is not None:
            assert isinstance(self.part, slice)
            spread = query.new_zeros(self.part.stop - self.part.start, *query.shape[1:])
            query = spread.index_copy_(0, self.places, query)
        key, value = keys[:, :, : self.used][self.part], values[:, :, : self.used][self.part]
        attended = attend(query.unsqueeze(2), key, value, self.bias).squeeze(2)
        return attended if self.places is None else attended[self.places]


class _Layer:
    """One layer: head scalers, SigmaReparam and the norms before linear layers are in the weights."""

    def __init__(self, layer: TrajectoryLayer, like: Tensor) -> None:
        attention, norms = layer.attention_layer, [n.norm for n in (layer.norm1, layer.norm2, layer.norm3, layer.norm4)]
        self.heads, self.eps = int(attention.heads), norms[0].eps
        merged = attention.out_projection
        scaler = attention.head_scaler.detach().double().flatten()
        weight = self._effective(merged)
        scaled = (torch.unflatten(weight, 1, (self.heads, -1)) * scaler[:, None]).flatten(1)
        projection = torch.unflatten(self._effective(attention.qkv_projection), 0, (3, -1, self.heads))
        # Rows from (3, head_dim, heads) to (3, heads, head_dim), the scale of the scores into the queries' rows.
        projection = projection.transpose(1, 2).clone()
        projection[0] *= projection.shape[2] ** -0.5
        self.project = FoldedLinear(projection.flatten(0, 2), None, like, after=norms[0])
        self.merge = FoldedLinear(scaled, merged.bias, like)
        self.merge_norm = PlainNorm(norms[1], like, full=True)
        self.expand = FoldedLinear(
            self._effective(layer.ff1), layer.ff1.bias, like, after=norms[2], activation="leaky_relu"
        )
        self.contract = FoldedLinear(self._effective(layer.ff2), layer.ff2.bias, like, after=norms[3])
        self.dtype = like.dtype

    @staticmethod
    def _effective(reparametrised: SigmaReparam) -> Tensor:
        weight, gamma, u, v = (
            p.detach().double()
            for p in (reparametrised.weight, reparametrised.gamma, reparametrised.u, reparametrised.v)
        )
        return weight * (gamma / (u @ weight @ v))

    def __call__(self, steps: Tensor, rings: _Rings, keys: Tensor, values: Tensor) -> Tensor:
        projected = torch.unflatten(self.project(normal(steps, self.eps).to(self.dtype)), -1, (3, self.heads, -1))
        query, key, value = projected.unbind(1)
        rings.write(keys, key)
        rings.write(values, value)
        attended = self.merge(rings.attend(query, keys, values).flatten(1)).float()
        steps = steps + self.merge_norm(attended)
        hidden = self.expand(normal(steps, self.eps).to(self.dtype))
        return steps + self.contract(normal(hidden, self.eps)).float()


class TransformerSteps:
    """One step of a `TransformerTrajectoryEncoder` for any lanes; what is added up stays in float32.

    Parameters
    ----------
    encoder : TransformerTrajectoryEncoder
    config : MetamonConfig
    like : Tensor
        Dtype and device of weights and caches.
    """

    def __init__(self, encoder: TransformerTrajectoryEncoder, config: MetamonConfig, like: Tensor) -> None:
        trajectory = config.trajectory_encoder
        window = trajectory.window
        # Older steps are never seen again: a window needs no more slots than it is long.
        self.slots = config.max_seq_len if window is None else min(window + 1, config.max_seq_len)
        self.width, self.like = trajectory.width, like
        self.shape = (trajectory.heads, self.slots, trajectory.width // trajectory.heads)
        self.enter = FoldedLinear.of(encoder.tformer.inp, like)
        self.layers = [_Layer(layer, like) for layer in encoder.tformer.every_layer]
        self.norm = PlainNorm(encoder.tformer.norm.norm, like, full=True)

    def new_memory(self, lanes: int) -> InferenceMemory:
        """Empty rings."""
        keys, values = ([self.like.new_zeros(lanes, *self.shape) for _ in self.layers] for _ in range(2))
        return InferenceMemory(torch.zeros(lanes, dtype=torch.int64), keys, values, [])

    def __call__(self, turns: Tensor, lanes: Tensor, memory: InferenceMemory) -> Tensor:
        """States ``[B, width]``, float32, of turns ``[B, D1]``; `lanes` on the CPU, their `time` as it is."""
        time = memory.time[lanes]
        rings = _Rings(lanes, time, self.slots, self.like)
        steps = self.enter(turns).float() + sinusoidal_positions(time.to(turns.device), self.width)
        for layer, keys, values in zip(self.layers, memory.keys, memory.values, strict=True):
            steps = layer(steps, rings, keys, values)
        return self.norm(steps)


class RecurrentSteps:
    """One step of a `GRUTrajectoryEncoder` for any lanes (Cho et al. 2014, with torch's order of gates).

    Parameters
    ----------
    encoder : GRUTrajectoryEncoder
    config : MetamonConfig
    like : Tensor
        Dtype and device of the weights; hidden states are float32.
    """

    def __init__(self, encoder: GRUTrajectoryEncoder, config: MetamonConfig, like: Tensor) -> None:
        self.like, self.width = like, config.trajectory_encoder.width
        self.layers = []
        for i in range(config.trajectory_encoder.layers):
            weights = dict(encoder.rnn.named_parameters())
            both = (
                FoldedLinear(weights[f"weight_{kind}_l{i}"], weights[f"bias_{kind}_l{i}"], like)
                for kind in ("ih", "hh")
            )
            self.layers.append(tuple(both))
        self.out = FoldedLinear.of(encoder.out, like)
        self.norm = PlainNorm(encoder.out_norm.norm, like, full=True)

    def new_memory(self, lanes: int) -> InferenceMemory:
        """Hidden states of zeros."""
        hidden = [torch.zeros(lanes, self.width, device=self.like.device) for _ in self.layers]
        return InferenceMemory(torch.zeros(lanes, dtype=torch.int64), [], [], hidden)

    def __call__(self, turns: Tensor, lanes: Tensor, memory: InferenceMemory) -> Tensor:
        """States ``[B, output_dim]``, float32, of turns ``[B, D1]``; `lanes` on the CPU."""
        rows = lanes.to(self.like.device)
        begins = (memory.time[lanes] == 0).to(self.like.device)
        for (from_input, from_hidden), hidden in zip(self.layers, memory.hidden, strict=True):
            before = hidden[rows].masked_fill(begins[:, None], 0.0)
            # In float64 whether an element falls to a vector instruction or to the rest of a loop leaves no trace.
            entering = from_input(turns).double().chunk(3, dim=-1)
            kept = from_hidden(before.to(self.like.dtype)).double().chunk(3, dim=-1)
            reset, update = (torch.sigmoid(entering[i] + kept[i]) for i in range(2))
            proposed = torch.tanh(entering[2] + reset * kept[2])
            after = (proposed + update * (before - proposed)).float()
            hidden[rows] = after
            turns = after.to(self.like.dtype)
        return self.norm(self.out(turns).float())
