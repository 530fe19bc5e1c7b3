"""Linear layers with weights folded and packed once, for `InferenceNetwork`."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from pokenash.metamon.networks.layers import MultiHeadAttention

__all__ = ["FoldedLinear", "PlainNorm", "ReadingAttention", "SelfAttention", "attend", "normal"]

_LEAST_ROWS = 4


def normal(values: Tensor, eps: float) -> Tensor:
    """Layer norm without weight and bias, which are folded into what follows."""
    return functional.layer_norm(values, values.shape[-1:], eps=eps)


class PlainNorm:
    """A layer norm with its own copy of the weights, which stay in float32 if `like` is lower and `full` is set."""

    def __init__(self, norm: nn.LayerNorm, like: Tensor, *, full: bool = False) -> None:
        dtype = torch.float32 if full else like.dtype
        self.weight, self.bias = (p.detach().to(like.device, dtype, copy=True) for p in (norm.weight, norm.bias))
        self.eps = norm.eps

    def __call__(self, values: Tensor) -> Tensor:
        return functional.layer_norm(values, values.shape[-1:], self.weight, self.bias, self.eps)


def _can_pack(like: Tensor) -> bool:
    """Whether oneDNN can hold this weight in the layout of its kernels."""
    if like.device.type != "cpu" or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    if not hasattr(torch.ops.mkldnn, "_linear_pointwise") or not hasattr(torch.ops.mkldnn, "_reorder_linear_weight"):
        return False
    return like.dtype == torch.float32 or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


class FoldedLinear:
    """``activation(weight x + bias)`` with the preceding norm's weight and bias in `weight` and `bias`.

    On a CPU the weight is packed once: products of few rows otherwise spend most of their time packing it anew. That is
    what torch's own compiler does when it freezes a model, by the same operators; without them it is a plain product.

    Parameters
    ----------
    weight : Tensor, ``[outputs, inputs]``
    bias : Tensor, ``[outputs]``, optional
    like : Tensor
        Its dtype and device are taken.
    after : LayerNorm, optional
        The norm whose weight and bias act on the input.
    activation : {"none", "leaky_relu", "swish"}
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        like: Tensor,
        *,
        after: nn.LayerNorm | None = None,
        activation: str = "none",
    ) -> None:
        weight = weight.detach().double()
        bias = weight.new_zeros(len(weight)) if bias is None else bias.detach().double()
        if after is not None:
            bias = bias + weight @ after.bias.detach().double()
            weight = weight * after.weight.detach().double()
        self.activation = activation
        self.bias, weight = bias.to(like), weight.to(like).contiguous()
        self.packed = torch.ops.mkldnn._reorder_linear_weight(weight) if _can_pack(like) else None
        self.weight = weight if self.packed is None else None
        self._scalars = [0.01] if activation == "leaky_relu" else []

    @classmethod
    def of(
        cls, linear: nn.Linear, like: Tensor, *, after: nn.LayerNorm | None = None, activation: str = "none"
    ) -> FoldedLinear:
        """The same layer as a module of torch."""
        return cls(linear.weight, linear.bias, like, after=after, activation=activation)

    def __call__(self, values: Tensor) -> Tensor:
        if self.packed is not None:
            # One to three rows take other kernels: a single one rounds otherwise than the kernel for any other number,
            # and they read the weights at little more than half the speed.
            rows = values.shape[:-1].numel()
            if rows < _LEAST_ROWS:
                flat = values.reshape(rows, -1)
                padded = functional.pad(flat, (0, 0, 0, _LEAST_ROWS - rows))
                return self._packed_product(padded)[:rows].reshape(*values.shape[:-1], -1)
            return self._packed_product(values)
        assert self.weight is not None
        product = functional.linear(values, self.weight, self.bias)
        if self.activation == "leaky_relu":
            return functional.leaky_relu_(product, self._scalars[0])
        return functional.silu(product, inplace=True) if self.activation == "swish" else product

    def _packed_product(self, values: Tensor) -> Tensor:
        arguments = (self.packed, self.bias, self.activation, self._scalars, "")
        return cast(Tensor, torch.ops.mkldnn._linear_pointwise(values, *arguments))


class SelfAttention:
    """A `MultiHeadAttention` among tokens, after a norm; the scale of the scores lies in the queries' weights."""

    def __init__(self, attention: MultiHeadAttention, after: nn.LayerNorm, like: Tensor) -> None:
        width, self.heads = attention.out_proj.in_features, attention.heads
        weight, bias = (p.detach().double().clone() for p in (attention.in_proj_weight, attention.in_proj_bias))
        scale = (width // self.heads) ** -0.5
        weight[:width] *= scale
        bias[:width] *= scale
        self.project = FoldedLinear(weight, bias, like, after=after)
        self.merge = FoldedLinear.of(attention.out_proj, like)

    def __call__(self, tokens: Tensor) -> Tensor:
        """What each of the standardised tokens ``[B, T, width]`` gathers from all."""
        parts = torch.unflatten(self.project(tokens), -1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return self.merge(attend(*parts.contiguous().unbind(0)).transpose(1, 2).flatten(-2))


class ReadingAttention:
    """A `MultiHeadAttention` in which a few tokens read many.

    The keys' projection moves to the queries and the values' behind the sum, so that nothing is projected but the few:
    ``q' (K z) = (K' q)' z`` and ``sum p V z = V sum p z``. What the keys' bias adds is the same for all keys.

    Parameters
    ----------
    attention : MultiHeadAttention
    queries_after, sources_after : LayerNorm
        Norms of those who read and of what is read.
    like : Tensor
    """

    def __init__(
        self, attention: MultiHeadAttention, queries_after: nn.LayerNorm, sources_after: nn.LayerNorm, like: Tensor
    ) -> None:
        heads, width = attention.heads, attention.out_proj.in_features
        weight, bias = attention.in_proj_weight.detach().double(), attention.in_proj_bias.detach().double()
        query, key, value = (torch.unflatten(part, 0, (heads, -1)) for part in weight.chunk(3))
        scaled_bias = torch.unflatten(bias[:width], 0, (heads, -1)) * (width // heads) ** -0.5
        norm_weight, norm_bias = sources_after.weight.detach().double(), sources_after.bias.detach().double()
        # [heads, width of sources, head_dim], with the norm's weight on the sources' side.
        key = key.mT * norm_weight[:, None]
        asked = (key @ query).flatten(0, 1) * (width // heads) ** -0.5
        self.ask = FoldedLinear(asked, (key @ scaled_bias[..., None]).flatten(), like, after=queries_after)
        out = attention.out_proj.weight.detach().double()
        merged = (
            (torch.unflatten(out, 1, (heads, -1)).transpose(0, 1) @ (value * norm_weight)).transpose(0, 1).flatten(1)
        )
        constant = out @ (bias[2 * width :] + weight[2 * width :] @ norm_bias)
        self.merge = FoldedLinear(merged, attention.out_proj.bias.detach().double() + constant, like)
        self.heads = heads

    def __call__(self, readers: Tensor, sources: Tensor) -> Tensor:
        """What standardised readers ``[B, Q, width]`` gather from standardised sources ``[B, T, width]``."""
        batch, num, width = readers.shape
        # Which reader and which head does not matter here: each row asks for itself.
        asking = self.ask(readers).view(batch, num * self.heads, width)
        weights = torch.softmax(torch.bmm(asking, sources.mT), dim=-1)
        return self.merge(torch.bmm(weights, sources).view(batch, num, self.heads * width))


def attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None = None) -> Tensor:
    """What queries gather, ``[B, heads, Q, head_dim]``; their scale is in them already.

    Parameters
    ----------
    query, key, value : float Tensor, ``[B, heads, length, head_dim]``
    bias : float Tensor, optional
        Added to the scores, to which it broadcasts.
    """
    if query.device.type != "cpu":
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=bias, scale=1.0)
    # On CPUs the plain products beat torch's fused kernel at these sizes, in bfloat16 by far.
    scores = torch.matmul(query, key.mT)
    if bias is not None:
        scores += bias
    return torch.matmul(torch.softmax(scores, dim=-1), value)
