"""Layers that several of metamon's encoders share."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["FeedForward", "MultiHeadAttention", "NestedNorm", "SigmaReparam", "sinusoidal_positions", "symlog"]


def symlog(values: Tensor) -> Tensor:
    """``sign(x) log(1 + |x|)``, elementwise (Hafner et al. 2023, DreamerV3, equation 9)."""
    return torch.sign(values) * torch.log(torch.abs(values) + 1.0)


def sinusoidal_positions(positions: Tensor, width: int) -> Tensor:
    """Fixed positions: sines in even columns, cosines in odd ones (Vaswani et al. 2017, section 3.5).

    Parameters
    ----------
    positions : Tensor, ``[...]``
        Any whole numbers; they need not be smaller than anything.
    width : int

    Returns
    -------
    float32 Tensor, ``[..., width]``
    """
    even = torch.arange(0, width, 2, device=positions.device, dtype=torch.float32)
    angles = positions.to(torch.float32).unsqueeze(-1) * torch.exp(even * (-math.log(10000.0) / width))
    encoded = torch.stack([torch.sin(angles), torch.cos(angles)], dim=-1).flatten(-2)
    return encoded[..., :width]


class NestedNorm(nn.Module):
    """A layer norm whose parameters are called ``norm.weight`` and ``norm.bias``."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, eps=eps)

    def forward(self, values: Tensor) -> Tensor:
        return cast(Tensor, self.norm(values))


class SigmaReparam(nn.Module):
    """A linear layer whose weight is ``gamma W / (u' W v)`` (Zhai et al. 2023, equation 4).

    The estimate ``u' W v`` of the spectral norm uses the stored `u` and `v`. In training every pass first does one step
    of power iteration on them, without gradients; otherwise they stay as they are. The bias is not scaled.
    """

    weight: nn.Parameter
    gamma: nn.Parameter
    u: Tensor
    v: Tensor

    def __init__(self, inputs: int, outputs: int, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.trunc_normal_(torch.empty(outputs, inputs), std=0.02))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.gamma = nn.Parameter(torch.ones(1))
        self.register_buffer("u", functional.normalize(torch.randn(outputs), dim=0))
        self.register_buffer("v", functional.normalize(torch.randn(inputs), dim=0))

    @torch.no_grad()
    def iterate(self) -> None:
        """One step of power iteration on `u` and `v`."""
        # Kept out of autocast: an error of the norm would scale the whole layer.
        with torch.autocast(self.weight.device.type, enabled=False):
            self.u.copy_(functional.normalize(self.weight @ self.v, dim=0))
            self.v.copy_(functional.normalize(self.weight.mT @ self.u, dim=0))

    def effective_weight(self) -> Tensor:
        """The weight that multiplies the input, ``[outputs, inputs]``."""
        # Copies, because the next pass changes the buffers in place while this pass's gradients may still be needed.
        with torch.autocast(self.weight.device.type, enabled=False):
            spectral_norm = self.u.clone() @ (self.weight @ self.v.clone())
            return (self.gamma / spectral_norm) * self.weight

    def forward(self, values: Tensor) -> Tensor:
        if self.training:
            self.iterate()
        return functional.linear(values, self.effective_weight(), self.bias)


class MultiHeadAttention(nn.Module):
    """Attention with torch's parameter names; queries and keys may be of different sequences."""

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.in_proj_weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(3 * width, width)))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)

    def forward(self, queries: Tensor, sources: Tensor) -> Tensor:
        """What queries ``[B, Q, width]`` gather from sources ``[B, S, width]``: ``[B, Q, width]``."""
        width = queries.shape[-1]
        weight, bias = self.in_proj_weight, self.in_proj_bias
        query = functional.linear(queries, weight[:width], bias[:width])
        key, value = functional.linear(sources, weight[width:], bias[width:]).chunk(2, dim=-1)
        query, key, value = (
            torch.unflatten(part, -1, (self.heads, -1)).transpose(1, 2) for part in (query, key, value)
        )
        dropout = self.dropout if self.training else 0.0
        attended = functional.scaled_dot_product_attention(query, key, value, dropout_p=dropout)
        return cast(Tensor, self.out_proj(attended.transpose(1, 2).flatten(-2)))


class FeedForward(nn.Sequential):
    """Two linear layers with a SiLU between, as the Perceiver's blocks have them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__(nn.Linear(width, hidden), nn.SiLU(), nn.Linear(hidden, width))

    @property
    def linears(self) -> tuple[nn.Linear, nn.Linear]:
        """The two layers."""
        return cast(nn.Linear, self[0]), cast(nn.Linear, self[2])
