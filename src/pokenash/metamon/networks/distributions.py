"""From the actor's logits to the distribution that metamon's policies act by."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["action_distribution", "mask_illegal"]


def mask_illegal(logits: Tensor, illegal: Tensor) -> Tensor:
    """Minus infinity at illegal actions; rows without a legal action stay as they are.

    Parameters
    ----------
    logits : float Tensor, ``[..., A]``
    illegal : bool Tensor
        Broadcasts to `logits`.
    """
    return logits.masked_fill(illegal & ~illegal.all(-1, keepdim=True), -torch.inf)


def action_distribution(logits: Tensor, illegal: Tensor, low: float, high: float, *, remask: bool = False) -> Tensor:
    """Probabilities: softmax of the masked logits, clipped to ``[low, high]`` and divided by their sum.

    Parameters
    ----------
    logits : float Tensor, ``[..., A]``
        Not masked yet, or masked: that makes no difference.
    illegal : bool Tensor
        Broadcasts to `logits`.
    low, high : float
    remask : bool
        The clipping leaves illegal actions about `low` each, as in the original. With this they get 0 and the others
        are divided by their sum once more. Where no action is legal nothing is masked, as in the original.

    Returns
    -------
    float Tensor, ``[..., A]``
    """
    probabilities = torch.softmax(mask_illegal(logits, illegal), dim=-1).clamp(low, high)
    if remask:
        probabilities = probabilities.masked_fill(illegal & ~illegal.all(-1, keepdim=True), 0.0)
    return probabilities / probabilities.sum(-1, keepdim=True)
