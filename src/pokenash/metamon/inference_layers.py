"""Linear layers with weights folded and packed once, for `InferenceNetwork`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from pokenash.metamon.networks.layers import MultiHeadAttention

__all__ = ["FoldedLinear", "PlainNorm", "SelfAttentionWeights", "attend", "normal", "split_heads"]


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
    if like.device.type != "cpu" or not torch.backends.mkldnn.is_available():
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
        self.packed = _can_pack(like)
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight) if self.packed else weight
        self._scalars = [0.01] if activation == "leaky_relu" else []

    @classmethod
    def of(
        cls, linear: nn.Linear, like: Tensor, *, after: nn.LayerNorm | None = None, activation: str = "none"
    ) -> FoldedLinear:
        """The same layer as a module of torch."""
        return cls(linear.weight, linear.bias, like, after=after, activation=activation)

    def __call__(self, values: Tensor) -> Tensor:
        if self.packed:
            product = torch.ops.mkldnn._linear_pointwise(
                values, self.weight, self.bias, self.activation, self._scalars, ""
            )
            return cast(Tensor, product)
        product = functional.linear(values, self.weight, self.bias)
        if self.activation == "leaky_relu":
            return functional.leaky_relu_(product, self._scalars[0])
        return functional.silu(product, inplace=True) if self.activation == "swish" else product


class SelfAttentionWeights:
    """Folded projections of a `MultiHeadAttention`; the scale of the scores lies in the queries' weights."""

    def __init__(
        self, attention: MultiHeadAttention, like: Tensor, queries_after: nn.LayerNorm, sources_after: nn.LayerNorm
    ) -> None:
        width = attention.out_proj.in_features
        self.heads = attention.heads
        scale = (width // attention.heads) ** -0.5
        weight, bias = attention.in_proj_weight.detach(), attention.in_proj_bias.detach()
        scaled = torch.cat([weight[:width] * scale, weight[width:]]), torch.cat([bias[:width] * scale, bias[width:]])
        rows = {"query": slice(0, width), "key_value": slice(width, None), "all": slice(None)}
        self._parts = {name: (scaled[0][part], scaled[1][part]) for name, part in rows.items()}
        self._like, self._after = like, {"query": queries_after, "key_value": sources_after, "all": queries_after}
        self.merge = FoldedLinear.of(attention.out_proj, like)

    def projection(self, part: str) -> FoldedLinear:
        """The projection to ``"query"``, ``"key_value"`` or ``"all"`` three."""
        return FoldedLinear(*self._parts[part], self._like, after=self._after[part])


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


def split_heads(values: Tensor, parts: int, heads: int) -> Sequence[Tensor]:
    """``[B, T, parts * width]`` as `parts` tensors ``[B, heads, T, head_dim]``."""
    return values.unflatten(-1, (parts, heads, -1)).permute(2, 0, 3, 1, 4).contiguous().unbind(0)
