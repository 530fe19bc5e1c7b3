"""Actor and critics: multilayer perceptrons on the trajectory encoder's output."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from pokenash.metamon.config import MetamonConfig
from pokenash.metamon.networks.layers import symlog

__all__ = ["Actor", "ScalarCritics", "TwoHotCritics"]


class _Perceptron(nn.Module):
    def __init__(self, inputs: int, width: int, hidden_layers: int, outputs: int) -> None:
        super().__init__()
        self.in_layer = nn.Linear(inputs, width)
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(hidden_layers - 1))
        self.out_layer = nn.Linear(width, outputs)

    def forward(self, values: Tensor) -> Tensor:
        values = functional.leaky_relu(self.in_layer(values))
        for layer in self.layers:
            values = functional.leaky_relu(layer(values))
        return cast(Tensor, self.out_layer(values))


class Actor(nn.Module):
    """Logits of all actions for every discount.

    Parameters
    ----------
    config : MetamonConfig
    """

    def __init__(self, config: MetamonConfig) -> None:
        super().__init__()
        self.actions, inputs = config.actions, config.trajectory_encoder.output_dim
        outputs = len(config.discounts) * config.actions
        self.base = _Perceptron(inputs, config.actor.width, config.actor.hidden_layers, outputs)

    def forward(self, states: Tensor) -> Tensor:
        """Logits ``[..., G, A]`` of states ``[..., D]``."""
        return torch.unflatten(self.base(states), -1, (-1, self.actions))


class _EnsembleLinear(nn.Module):
    """One linear layer for each critic, ``[..., C, inputs]`` to ``[..., C, outputs]``."""

    def __init__(self, critics: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = 1.0 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(critics, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(1, 1, critics, outputs))

    def forward(self, values: Tensor) -> Tensor:
        return torch.einsum("...ci,cio->...co", values, self.weight) + self.bias[0, 0]


class _EnsemblePerceptron(nn.Module):
    def __init__(self, critics: int, inputs: int, width: int, hidden_layers: int, outputs: int) -> None:
        super().__init__()
        self.critics = critics
        self.inp_layer = _EnsembleLinear(critics, inputs, width)
        self.core_layers = nn.ModuleList(_EnsembleLinear(critics, width, width) for _ in range(hidden_layers - 1))
        self.output_layer = _EnsembleLinear(critics, width, outputs)

    def forward(self, values: Tensor) -> Tensor:
        """What every critic makes of the same inputs, ``[..., inputs]`` to ``[..., C, outputs]``."""
        values = values.unsqueeze(-2).expand(*values.shape[:-1], self.critics, values.shape[-1])
        values = functional.leaky_relu(self.inp_layer(values))
        for layer in self.core_layers:
            values = functional.leaky_relu(layer(values))
        return cast(Tensor, self.output_layer(values))


class ScalarCritics(nn.Module):
    """Values of all actions for every discount, in the critics' own units: `PopArt` makes returns of them.

    Parameters
    ----------
    config : MetamonConfig
    """

    def __init__(self, config: MetamonConfig) -> None:
        super().__init__()
        self.actions, critic = config.actions, config.critic
        inputs, outputs = config.trajectory_encoder.output_dim, len(config.discounts) * config.actions
        self.net = _EnsemblePerceptron(critic.critics, inputs, critic.width, critic.hidden_layers, outputs)

    def forward(self, states: Tensor) -> Tensor:
        """Values ``[..., C, G, A]`` of states ``[..., D]``."""
        return torch.unflatten(self.net(states), -1, (-1, self.actions))


class TwoHotCritics(nn.Module):
    """Distributions of the return of an action, given the discount.

    Parameters
    ----------
    config : MetamonConfig
    """

    def __init__(self, config: MetamonConfig) -> None:
        super().__init__()
        self.config, self.actions, self.discounts = config.critic, config.actions, config.discounts
        inputs, critic = config.trajectory_encoder.output_dim + 1 + config.actions, config.critic
        self.net = _EnsemblePerceptron(critic.critics, inputs, critic.width, critic.hidden_layers, critic.bins)

    def bin_values(self, device: torch.device | None = None) -> Tensor:
        """Returns that the bins stand for, float32 ``[bins]``."""
        config = self.config
        ends = torch.tensor([config.bin_min, config.bin_max])
        low, high = (symlog(ends) if config.symlog_bins else ends).tolist()
        values = torch.linspace(low, high, config.bins, device=device)
        return torch.sign(values) * torch.expm1(torch.abs(values)) if config.symlog_bins else values

    def forward(self, states: Tensor, actions: Tensor) -> Tensor:
        """Probabilities of the bins.

        Parameters
        ----------
        states : float Tensor, ``[..., D]``
        actions : float Tensor, ``[..., G, A]``
            One-hot, an action for every discount.

        Returns
        -------
        float Tensor, ``[..., C, G, bins]``
        """
        config, discounts = self.config, len(self.discounts)
        horizon = symlog(1.0 / (1.0 - torch.tensor(self.discounts, device=states.device)))[:, None]
        leading = states.shape[:-1]
        parts = [
            states.unsqueeze(-2).expand(*leading, discounts, -1),
            horizon.to(states.dtype).expand(*leading, -1, -1),
            actions.to(states.dtype).clamp(-0.999, 0.999),
        ]
        logits = cast(Tensor, self.net(torch.cat(parts, dim=-1))).transpose(-2, -3)
        bins = torch.softmax(logits, dim=-1).clamp(config.bin_probability_low, config.bin_probability_high)
        return bins / bins.sum(-1, keepdim=True)

    def expectation(self, bins: Tensor) -> Tensor:
        """Mean returns ``[..., C, G]`` of distributions ``[..., C, G, bins]``."""
        return (bins * self.bin_values(bins.device).to(bins.dtype)).sum(-1)

    def values(self, states: Tensor) -> Tensor:
        """Mean returns of every action for every discount, ``[..., C, G, A]``."""
        one_hot = torch.eye(self.actions, device=states.device, dtype=states.dtype)
        chosen = one_hot[:, None].expand(-1, len(self.discounts), -1)
        states = states.unsqueeze(-2).expand(*states.shape[:-1], self.actions, -1)
        chosen = chosen.expand(*states.shape[:-1], -1, -1)
        return self.expectation(self(states, chosen)).movedim(-3, -1)

    def two_hot(self, returns: Tensor) -> Tensor:
        """Labels: weight on the two bins next to each return, ``[...]`` to ``[..., bins]``."""
        config = self.config
        positions = symlog(returns) if config.symlog_bins else returns
        ends = torch.tensor([config.bin_min, config.bin_max])
        low, high = (symlog(ends) if config.symlog_bins else ends).tolist()
        places = ((positions.clamp(low, high) - low) / (high - low) * (config.bins - 1)).clamp(0, config.bins - 1)
        lower = places.floor().clamp(max=config.bins - 2)
        weight = (places - lower).unsqueeze(-1)
        index = lower.long().unsqueeze(-1)
        labels = torch.zeros(*returns.shape, config.bins, device=returns.device, dtype=returns.dtype)
        return labels.scatter(-1, index, 1.0 - weight).scatter_add(-1, index + 1, weight)
