"""From the words and numbers of one turn, and what happened before it, to an embedding."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from pokenash.metamon.config import MetamonConfig, TurnEncoderConfig
from pokenash.metamon.networks.layers import MultiHeadAttention, sinusoidal_positions, symlog
from pokenash.metamon.networks.perceiver import LearnedPositions, Perceiver

__all__ = ["PerceiverTurnEmbedding", "TransformerLayer", "TransformerTurnEmbedding", "TurnEncoder"]


class _TokenEmbedding(nn.Module):
    """Rows of the vocabulary; the first is for unknown words, whose token is -1."""

    def __init__(self, vocabulary_size: int, width: int) -> None:
        super().__init__()
        self.text_emb = nn.Embedding(vocabulary_size + 1, width)

    def forward(self, tokens: Tensor) -> Tensor:
        return cast(Tensor, self.text_emb(tokens.long() + 1))


class _MultimodalFuse(nn.Module):
    """Word embeddings and numbers as one sequence of tokens."""

    def __init__(self, numbers: int, width: int, number_tokens: int) -> None:
        super().__init__()
        self.number_tokens = number_tokens
        self.text_emb = nn.Linear(width, width)
        self.num_emb = nn.Linear(numbers, number_tokens * width)

    def forward(self, words: Tensor, numbers: Tensor) -> Tensor:
        """Tokens ``[B, W + number_tokens, width]`` of words ``[B, W, width]`` and numbers ``[B, N]``."""
        text = functional.leaky_relu(self.text_emb(words))
        tokens = torch.unflatten(functional.leaky_relu(self.num_emb(numbers)), -1, (self.number_tokens, -1))
        return torch.cat([text, tokens], dim=1)


class TransformerLayer(nn.Module):
    """A pre-norm layer (Xiong et al. 2020, figure 1b) with torch's parameter names."""

    def __init__(self, config: TurnEncoderConfig, dropout: float) -> None:
        super().__init__()
        self.self_attn = MultiHeadAttention(config.width, config.heads, dropout)
        self.linear1 = nn.Linear(config.width, config.feedforward)
        self.linear2 = nn.Linear(config.feedforward, config.width)
        self.norm1 = nn.LayerNorm(config.width, eps=config.layer_norm_eps)
        self.norm2 = nn.LayerNorm(config.width, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        normal = self.norm1(tokens)
        tokens = tokens + self.dropout(self.self_attn(normal, normal))
        hidden = self.dropout(functional.leaky_relu(self.linear1(self.norm2(tokens))))
        return tokens + cast(Tensor, self.dropout(self.linear2(hidden)))


class _TransformerStack(nn.Module):
    def __init__(self, config: TurnEncoderConfig, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(TransformerLayer(config, dropout) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width, eps=config.layer_norm_eps)

    def forward(self, tokens: Tensor) -> Tensor:
        for layer in self.layers:
            tokens = layer(tokens)
        return cast(Tensor, self.norm(tokens))


class _EmbeddingTransformer(nn.Module):
    def __init__(self, config: TurnEncoderConfig, dropout: float) -> None:
        super().__init__()
        self.emb_transformer = _TransformerStack(config, dropout)


class TransformerTurnEmbedding(nn.Module):
    """Scratch tokens, zero but for their positions, read a transformer over the turn's tokens."""

    def __init__(self, config: MetamonConfig) -> None:
        super().__init__()
        turn = config.turn_encoder
        self.output_tokens = turn.output_tokens
        self.token_embedding = _TokenEmbedding(config.vocabulary_size, turn.width)
        self.tformer_embedding = _EmbeddingTransformer(turn, config.dropout)
        numbers = config.numbers + config.extra_embedding
        self.multimodal_fuse = _MultimodalFuse(numbers, turn.width, turn.number_tokens)

    def forward(self, tokens: Tensor, numbers: Tensor) -> Tensor:
        fused = self.multimodal_fuse(self.token_embedding(tokens), numbers)
        fused = functional.pad(fused, (0, 0, 0, self.output_tokens))
        positions = torch.arange(fused.shape[1], device=fused.device)
        fused = fused + sinusoidal_positions(positions, fused.shape[-1]).to(fused.dtype)
        encoded = self.tformer_embedding.emb_transformer(fused)
        return cast(Tensor, encoded[:, -self.output_tokens :].flatten(1))


class PerceiverTurnEmbedding(nn.Module):
    """Learned latents read the turn's tokens."""

    def __init__(self, config: MetamonConfig) -> None:
        super().__init__()
        turn = config.turn_encoder
        self.token_embedding = _TokenEmbedding(config.vocabulary_size, turn.width)
        self.learned_pos = LearnedPositions(turn.position_rows, turn.width)
        self.perceiver = Perceiver(turn, config.dropout)
        numbers = config.numbers + config.extra_embedding
        self.multimodal_fuse = _MultimodalFuse(numbers, turn.width, turn.number_tokens)

    def forward(self, tokens: Tensor, numbers: Tensor) -> Tensor:
        fused = self.multimodal_fuse(self.token_embedding(tokens), numbers)
        return cast(Tensor, self.perceiver(fused + self.learned_pos(fused.shape[1])).flatten(1))


class TurnEncoder(nn.Module):
    """Embeddings of turns, ``[B, turn_encoder.output_dim]``.

    Parameters
    ----------
    config : MetamonConfig
    """

    def __init__(self, config: MetamonConfig) -> None:
        super().__init__()
        self.extra_emb = nn.Linear(1 + config.actions, config.extra_embedding)
        kinds = {"transformer": TransformerTurnEmbedding, "perceiver": PerceiverTurnEmbedding}
        self.turn_embedding = kinds[config.turn_encoder.kind](config)

    def forward(self, tokens: Tensor, numbers: Tensor, rl2: Tensor) -> Tensor:
        """Encode turns, each on its own.

        Parameters
        ----------
        tokens : int Tensor, ``[B, W]``
            -1 for unknown words.
        numbers : float Tensor, ``[B, N]``
        rl2 : float Tensor, ``[B, A + 1]``
            Previous reward and one-hot previous action, zero where an episode begins (Duan et al. 2016, RL²).
        """
        extra = functional.leaky_relu(self.extra_emb(symlog(rl2)))
        return cast(Tensor, self.turn_embedding(tokens, torch.cat([numbers, extra], dim=-1)))
