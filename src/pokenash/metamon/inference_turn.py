"""Turn encoders for playing: tables instead of projections, folded norms, only the rows that are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from pokenash.metamon.config import MetamonConfig
from pokenash.metamon.inference_layers import FoldedLinear, PlainNorm, SelfAttentionWeights, attend, normal, split_heads
from pokenash.metamon.networks.layers import MultiHeadAttention, sinusoidal_positions, symlog
from pokenash.metamon.networks.turn_encoder import PerceiverTurnEmbedding, TransformerTurnEmbedding, TurnEncoder

__all__ = ["InferenceTurnEncoder"]

# Tokens that go through the layers at once on a CPU, so that what lies between two layers stays in the cache.
_TOKENS_AT_ONCE = 832


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
        made = self.numbers(numbers).unflatten(-1, (self.number_tokens, -1))
        torch.add(made, self.positions[words:last], out=out[:, words:last])


class _Block:
    """Attention among tokens and feed-forward; `activation` lies between the latter's layers."""

    def __init__(
        self,
        attention: MultiHeadAttention,
        norms: tuple[nn.LayerNorm, nn.LayerNorm],
        feedforward: tuple[nn.Linear, nn.Linear],
        activation: str,
        like: Tensor,
    ) -> None:
        self.eps = norms[0].eps
        self.weights = SelfAttentionWeights(attention, like, norms[0], norms[0])
        self.heads, self.merge = self.weights.heads, self.weights.merge
        self.expand = FoldedLinear.of(feedforward[0], like, after=norms[1], activation=activation)
        self.contract = FoldedLinear.of(feedforward[1], like)

    def finish(self, tokens: Tensor, attended: Tensor) -> Tensor:
        tokens += self.merge(attended.transpose(1, 2).flatten(-2))
        tokens += self.contract(self.expand(normal(tokens, self.eps)))
        return tokens


class _FullBlock(_Block):
    """Every token attends to every token; `tokens` is changed in place."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.project = self.weights.projection("all")

    def __call__(self, tokens: Tensor) -> Tensor:
        query, key, value = split_heads(self.project(normal(tokens, self.eps)), 3, self.heads)
        return self.finish(tokens, attend(query, key, value))


class _LastBlock(_Block):
    """Only the last `outputs` tokens are computed, from all."""

    def __init__(self, outputs: int, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.outputs = outputs
        self.query, self.key_value = self.weights.projection("query"), self.weights.projection("key_value")

    def __call__(self, tokens: Tensor) -> Tensor:
        standard = normal(tokens, self.eps)
        (query,) = split_heads(self.query(standard[:, -self.outputs :].contiguous()), 1, self.heads)
        key, value = split_heads(self.key_value(standard), 2, self.heads)
        return self.finish(tokens[:, -self.outputs :].contiguous(), attend(query, key, value))


class _TransformerTurns:
    def __init__(self, embedding: TransformerTurnEmbedding, config: MetamonConfig, like: Tensor) -> None:
        turn = config.turn_encoder
        self.length = config.tokens_per_turn + turn.output_tokens
        positions = sinusoidal_positions(torch.arange(self.length), turn.width)
        self.words = _Words(embedding, positions, like)
        self.scratch = self.words.positions[config.tokens_per_turn :]
        stack = embedding.tformer_embedding.emb_transformer
        arguments = [
            (layer.self_attn, (layer.norm1, layer.norm2), (layer.linear1, layer.linear2), "leaky_relu", like)
            for layer in stack.layers
        ]
        self.blocks: list[Callable[[Tensor], Tensor]] = [_FullBlock(*each) for each in arguments[:-1]]
        self.blocks.append(_LastBlock(turn.output_tokens, *arguments[-1]))
        self.norm = PlainNorm(stack.norm, like)

    def __call__(self, tokens: Tensor, numbers: Tensor) -> Tensor:
        sequence = self.scratch.new_empty(len(tokens), self.length, self.scratch.shape[-1])
        self.words.write(tokens, numbers, sequence)
        sequence[:, -len(self.scratch) :] = self.scratch
        for block in self.blocks:
            sequence = block(sequence)
        return self.norm(sequence).flatten(1)


class _CrossBlock(_Block):
    """Latents read keys and values that are already there."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.query = self.weights.projection("query")

    def __call__(self, latents: Tensor, key: Tensor, value: Tensor) -> Tensor:
        (query,) = split_heads(self.query(normal(latents, self.eps)), 1, self.heads)
        return self.finish(latents, attend(query, key, value))


class _PerceiverTurns:
    """All cross attentions read the same tokens: their keys and values are one product, their norms one pass."""

    def __init__(self, embedding: PerceiverTurnEmbedding, config: MetamonConfig, like: Tensor) -> None:
        perceiver = embedding.perceiver
        self.length, self.eps = config.tokens_per_turn, config.turn_encoder.layer_norm_eps
        self.words = _Words(embedding, embedding.learned_pos(self.length), like)
        self.latents = perceiver.latents.detach().to(like, copy=True)
        self.cross = [
            _CrossBlock(block.attn, (block.norm_q, block.norm_ff), (block.ff[0], block.ff[2]), "swish", like)
            for block in perceiver.cross_blocks
        ]
        self.own = [
            _FullBlock(block.attn, (block.norm_attn, block.norm_ff), (block.ff[0], block.ff[2]), "swish", like)
            for block in perceiver.self_blocks
        ]
        width, weights, biases = config.turn_encoder.width, [], []
        for block in perceiver.cross_blocks:
            weight, bias = block.attn.in_proj_weight[width:].double(), block.attn.in_proj_bias[width:].double()
            weights.append(weight * block.norm_kv.weight.double())
            biases.append(bias + weight @ block.norm_kv.bias.double())
        self.keys_values = FoldedLinear(torch.cat(weights), torch.cat(biases), like)

    def __call__(self, tokens: Tensor, numbers: Tensor) -> Tensor:
        sequence = self.latents.new_empty(len(tokens), self.length, self.latents.shape[-1])
        self.words.write(tokens, numbers, sequence)
        sources = split_heads(self.keys_values(normal(sequence, self.eps)), 2 * len(self.cross), self.cross[0].heads)
        latents = self.latents.expand(len(tokens), -1, -1).clone()
        for i, (cross, own) in enumerate(zip(self.cross, self.own, strict=True)):
            latents = own(cross(latents, sources[2 * i], sources[2 * i + 1]))
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
        self.rows = max(1, _TOKENS_AT_ONCE // self.embed.length) if like.device.type == "cpu" else 2**31

    def __call__(self, tokens: Tensor, numbers: Tensor, rl2: Tensor) -> Tensor:
        """Embeddings ``[B, turn_encoder.output_dim]``; arguments as in `TurnEncoder.forward`."""
        extra = self.extra(symlog(rl2).to(self.dtype))
        inputs = torch.cat([numbers.to(self.dtype), extra], dim=-1)
        if len(tokens) <= self.rows:
            return self.embed(tokens, inputs)
        parts = zip(tokens.split(self.rows), inputs.split(self.rows), strict=True)
        return torch.cat([self.embed(some, of_them) for some, of_them in parts])
