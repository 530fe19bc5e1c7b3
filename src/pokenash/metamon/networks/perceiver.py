"""The Perceiver (Jaegle et al. 2021) that encodes the turns of the smallest family."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from pokenash.metamon.config import TurnEncoderConfig
from pokenash.metamon.networks.layers import FeedForward, MultiHeadAttention

__all__ = ["CrossBlock", "LearnedPositions", "Perceiver", "SelfBlock"]


class LearnedPositions(nn.Module):
    """A table of positions; all positions beyond it share its last row, as they did when the weights were trained."""

    def __init__(self, rows: int, width: int) -> None:
        super().__init__()
        self.pos_emb = nn.Embedding(rows, width)

    def forward(self, length: int) -> Tensor:
        """Positions of a sequence, ``[length, width]``."""
        table = self.pos_emb.weight
        rows = torch.arange(length, device=table.device).clamp(max=len(table) - 1)
        return cast(Tensor, self.pos_emb(rows))


class CrossBlock(nn.Module):
    """Latents read tokens."""

    def __init__(self, config: TurnEncoderConfig, dropout: float) -> None:
        super().__init__()
        width, eps = config.width, config.layer_norm_eps
        self.attn = MultiHeadAttention(width, config.heads, dropout)
        self.norm_q = nn.LayerNorm(width, eps=eps)
        self.norm_kv = nn.LayerNorm(width, eps=eps)
        self.ff = FeedForward(width, config.feedforward)
        self.norm_ff = nn.LayerNorm(width, eps=eps)

    def forward(self, latents: Tensor, tokens: Tensor) -> Tensor:
        latents = latents + self.attn(self.norm_q(latents), self.norm_kv(tokens))
        return latents + cast(Tensor, self.ff(self.norm_ff(latents)))


class SelfBlock(nn.Module):
    """Latents read one another."""

    def __init__(self, config: TurnEncoderConfig, dropout: float) -> None:
        super().__init__()
        width, eps = config.width, config.layer_norm_eps
        self.attn = MultiHeadAttention(width, config.heads, dropout)
        self.norm_attn = nn.LayerNorm(width, eps=eps)
        self.norm_ff = nn.LayerNorm(width, eps=eps)
        self.ff = FeedForward(width, config.feedforward)

    def forward(self, latents: Tensor) -> Tensor:
        normal = self.norm_attn(latents)
        latents = latents + self.attn(normal, normal)
        return latents + cast(Tensor, self.ff(self.norm_ff(latents)))


class Perceiver(nn.Module):
    """Learned latents that in each layer read all tokens and then one another.

    Parameters
    ----------
    config : TurnEncoderConfig
    dropout : float
        Of the attention, in training.
    """

    def __init__(self, config: TurnEncoderConfig, dropout: float) -> None:
        super().__init__()
        self.latents = nn.Parameter(0.02 * torch.randn(config.output_tokens, config.width))
        self.cross_blocks = nn.ModuleList(CrossBlock(config, dropout) for _ in range(config.layers))
        self.self_blocks = nn.ModuleList(SelfBlock(config, dropout) for _ in range(config.layers))

    def forward(self, tokens: Tensor) -> Tensor:
        """Latents ``[B, output_tokens, width]`` that have read tokens ``[B, T, width]``."""
        latents = self.latents.expand(len(tokens), -1, -1)
        for cross, own in zip(self.cross_blocks, self.self_blocks, strict=True):
            latents = own(cross(latents, tokens))
        return latents
