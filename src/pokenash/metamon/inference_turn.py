"""Turn encoders for playing: tables instead of projections, folded norms, only the rows that are read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from pokenash.metamon.config import MetamonConfig
from pokenash.metamon.inference_layers import FoldedLinear, PlainNorm, ReadingAttention, SelfAttention, normal
from pokenash.metamon.networks.layers import sinusoidal_positions, symlog
from pokenash.metamon.networks.perceiver import CrossBlock, SelfBlock
from pokenash.metamon.networks.turn_encoder import (
    PerceiverTurnEmbedding,
    TransformerLayer,
    TransformerTurnEmbedding,
    TurnEncoder,
)

__all__ = ["InferenceTurnEncoder"]

# Tokens that go through a transformer at once on a CPU, so that what lies between two layers stays in the cache.
_TOKENS_AT_ONCE = 1664


class _Words:
    """Word tokens and number tokens, with their positions.

    Embedding, projection and activation of a word depend on the word alone: they are one table.
    """

    def __init__(self, embedding: TransformerTurnEmbedding | PerceiverTurnEmbedding, positions: Tensor, like: Tensor):
        fuse, words = embedding.multimodal_fuse, embedding.token_embedding.text_emb.weight
        self.table = functional.leaky_relu(fuse.text_emb(words)).detach().to(like)
        self.positions = positions.detach().to(like)
        self.numbers = FoldedLinear.of(fuse.num_emb, like, activation="leaky_relu")
        self.number_tokens = fuse.number_tokens

    def write(self, tokens: Tensor, numbers: Tensor, out: Tensor) -> None:
        """Fill the first tokens of `out` ``[B, T, width]``."""
        words, last = tokens.shape[1], tokens.shape[1] + self.number_tokens
        torch.add(functional.embedding(tokens + 1, self.table), self.positions[:words], out=out[:, :words])
        made = torch.unflatten(self.numbers(numbers), -1, (self.number_tokens, -1))
        torch.add(made, self.positions[words:last], out=out[:, words:last])


class _FeedForward:
    """Two layers after a norm; `activation` lies between them."""

    def __init__(self, norm: nn.LayerNorm, layers: tuple[nn.Linear, nn.Linear], activation: str, like: Tensor) -> None:
        self.eps = norm.eps
        self.expand = FoldedLinear.of(layers[0], like, after=norm, activation=activation)
        self.contract = FoldedLinear.of(layers[1], like)

    def __call__(self, tokens: Tensor) -> Tensor:
        return self.contract(self.expand(normal(tokens, self.eps)))


class _TransformerTurns:
    """In the last layer only the scratch tokens are computed, for only they are read."""

    def __init__(self, embedding: TransformerTurnEmbedding, config: MetamonConfig, like: Tensor) -> None:
        turn = config.turn_encoder
        self.length, self.eps = config.tokens_per_turn + turn.output_tokens, turn.layer_norm_eps
        positions = sinusoidal_positions(torch.arange(self.length), turn.width)
        self.words = _Words(embedding, positions, like)
        self.scratch = self.words.positions[config.tokens_per_turn :]
        stack = embedding.tformer_embedding.emb_transformer
        every = cast(Iterable[TransformerLayer], stack.layers)
        *layers, last = every
        self.attentions = [SelfAttention(layer.self_attn, layer.norm1, like) for layer in layers]
        self.read = ReadingAttention(last.self_attn, last.norm1, last.norm1, like)
        self.feedforwards = [
            _FeedForward(layer.norm2, (layer.linear1, layer.linear2), "leaky_relu", like) for layer in every
        ]
        self.norm = PlainNorm(stack.norm, like)

    def __call__(self, tokens: Tensor, numbers: Tensor) -> Tensor:
        sequence = self.scratch.new_empty(len(tokens), self.length, self.scratch.shape[-1])
        self.words.write(tokens, numbers, sequence)
        sequence[:, -len(self.scratch) :] = self.scratch
        for attention, feedforward in zip(self.attentions, self.feedforwards, strict=False):
            sequence += attention(normal(sequence, self.eps))
            sequence += feedforward(sequence)
        standard = normal(sequence, self.eps)
        scratch = sequence[:, -len(self.scratch) :] + self.read(
            standard[:, -len(self.scratch) :].contiguous(), standard
        )
        scratch += self.feedforwards[-1](scratch)
        return self.norm(scratch).flatten(1)


class _PerceiverTurns:
    """All cross attentions read the same tokens, which are standardised once."""

    def __init__(self, embedding: PerceiverTurnEmbedding, config: MetamonConfig, like: Tensor) -> None:
        perceiver = embedding.perceiver
        self.length, self.eps = config.tokens_per_turn, config.turn_encoder.layer_norm_eps
        self.words = _Words(embedding, embedding.learned_pos(self.length), like)
        self.latents = perceiver.latents.detach().to(like, copy=True)
        self.blocks = []
        crosses = cast(Iterable[CrossBlock], perceiver.cross_blocks)
        owns = cast(Iterable[SelfBlock], perceiver.self_blocks)
        for cross, own in zip(crosses, owns, strict=True):
            read = ReadingAttention(cross.attn, cross.norm_q, cross.norm_kv, like)
            first, second = (_FeedForward(b.norm_ff, b.ff.linears, "swish", like) for b in (cross, own))
            self.blocks.append((read, first, SelfAttention(own.attn, own.norm_attn, like), second))

    def __call__(self, tokens: Tensor, numbers: Tensor) -> Tensor:
        sequence = self.latents.new_empty(len(tokens), self.length, self.latents.shape[-1])
        self.words.write(tokens, numbers, sequence)
        sources = normal(sequence, self.eps)
        latents = self.latents.expand(len(tokens), -1, -1).clone()
        for read, first, attention, second in self.blocks:
            latents += read(normal(latents, self.eps), sources)
            latents += first(latents)
            latents += attention(normal(latents, self.eps))
            latents += second(latents)
        return latents.flatten(1)


class InferenceTurnEncoder:
    """Embeddings of turns, as `pokenash.metamon.networks.turn_encoder.TurnEncoder` makes them.

    Parameters
    ----------
    encoder : TurnEncoder
    config : MetamonConfig
    like : Tensor
        Dtype and device to compute in.
    """

    def __init__(self, encoder: TurnEncoder, config: MetamonConfig, like: Tensor) -> None:
        self.extra = FoldedLinear.of(encoder.extra_emb, like, activation="leaky_relu")
        self.dtype = like.dtype
        embedding = encoder.turn_embedding
        self.embed: _TransformerTurns | _PerceiverTurns
        if isinstance(embedding, PerceiverTurnEmbedding):
            self.embed = _PerceiverTurns(embedding, config, like)
        else:
            self.embed = _TransformerTurns(cast(TransformerTurnEmbedding, embedding), config, like)
        # A Perceiver's layers hold a few latents only: there it is the calls that cost, not the memory.
        in_parts = like.device.type == "cpu" and isinstance(self.embed, _TransformerTurns)
        self.rows = max(1, _TOKENS_AT_ONCE // self.embed.length) if in_parts else 2**31

    def __call__(self, tokens: Tensor, numbers: Tensor, rl2: Tensor) -> Tensor:
        """Embeddings ``[B, turn_encoder.output_dim]``; arguments as in `TurnEncoder.forward`."""
        # In float64 whether an element falls to a vector instruction or to the rest of a loop leaves no trace.
        extra = self.extra(symlog(rl2.double()).to(self.dtype))
        inputs = torch.cat([numbers.to(self.dtype), extra], dim=-1)
        if len(tokens) <= self.rows:
            return self.embed(tokens, inputs)
        parts = zip(torch.split(tokens, self.rows), torch.split(inputs, self.rows), strict=True)
        return torch.cat([self.embed(some, of_them) for some, of_them in parts])
