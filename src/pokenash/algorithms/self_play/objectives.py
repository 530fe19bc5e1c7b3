"""What the policy of self-play minimises: PPO's objective, or steps of the logits; both with entropy and a reference.

They have the same fixed points and differ in how fast an action that has become unlikely comes back. The gradient of a
policy's expected advantage holds the factor p(a), and so it hardly comes back at all, which makes cycles wide and slow.
Steps of the logits do not hold it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from pokenash.algorithms.damping import entropy, reverse_kl
from pokenash.algorithms.oracles.learning import clipped_objective

__all__ = ["PolicyLoss", "centred", "clipped_loss", "logits_loss"]


@dataclass(frozen=True)
class PolicyLoss:
    """A policy's part of the loss.

    Parameters
    ----------
    total : Tensor
        With entropy and reference, to be minimised.
    objective : Tensor
        Without them, to be maximised.
    entropy : Tensor
        Mean over the batch, nats.
    clip_fraction : Tensor
        Share of the rows whose step was held back: by PPO's clip, or by the cap on the inverse probability.
    """

    total: Tensor
    objective: Tensor
    entropy: Tensor
    clip_fraction: Tensor


def clipped_loss(
    log_probabilities: Tensor, batch: Mapping[str, Tensor], clip: float, entropy_weight: float, kl_weight: float
) -> PolicyLoss:
    """PPO's clipped objective, an entropy bonus, and the reverse KL divergence from the reference.

    Parameters
    ----------
    log_probabilities : float Tensor, ``[B, A]``
    batch : mapping of str to Tensor
        ``action``, ``old``, ``advantage``, ``[B]``; ``action_mask``; where there is a reference, ``reference``, its
        log-probabilities, ``[B, A]``.
    clip, entropy_weight, kl_weight : float
    """
    mask = batch["action_mask"]
    objective, log_ratio = clipped_objective(log_probabilities, batch, clip)
    mean_entropy = entropy(log_probabilities, mask).mean()
    total = -objective - entropy_weight * mean_entropy
    if "reference" in batch:
        total = total + kl_weight * reverse_kl(log_probabilities, batch["reference"], mask).mean()
    outside = ((log_ratio.detach().exp() - 1).abs() > clip).float().mean()
    return PolicyLoss(total, objective, mean_entropy, outside)


def logits_loss(
    log_probabilities: Tensor, batch: Mapping[str, Tensor], cap: float, entropy_weight: float, kl_weight: float
) -> PolicyLoss:
    """Steps of the logits themselves: magnetic mirror descent in the dual space, as neural replicator dynamics does it.

    With y the log-probabilities centred over the legal actions, the logits are pushed along
    ``A - entropy_weight * y - kl_weight * (y - y_reference)``, which is where magnetic mirror descent with the negative
    entropy as its mirror map goes (Sokota et al. 2022, its closed form, with two magnets, the uniform policy and the
    reference). A is the advantage of every action, of which that of the sampled one divided by its probability is an
    unbiased estimate (Hennes et al., "Neural Replicator Dynamics", 2020). Where only one action is legal nothing is
    pushed.

    Parameters
    ----------
    log_probabilities, batch, entropy_weight, kl_weight
        As in `clipped_loss`.
    cap : float
        The inverse probability counts up to it, which bounds the variance; an action that is less likely comes back
        more slowly.
    """
    mask = batch["action_mask"]
    logits = centred(log_probabilities, mask)
    inverse = (-batch["old"]).exp()
    pushed = logits.gather(1, batch["action"].unsqueeze(1)).squeeze(1)
    objective = (inverse.clamp(max=cap) * batch["advantage"] * pushed).mean()
    total = entropy_weight / 2 * logits.square().sum(1).mean() - objective
    if "reference" in batch:
        away = logits - centred(batch["reference"], mask)
        total = total + kl_weight / 2 * away.square().sum(1).mean()
    mean_entropy = entropy(log_probabilities.detach(), mask).mean()
    return PolicyLoss(total, objective, mean_entropy, (inverse > cap).float().mean())


def centred(log_probabilities: Tensor, action_mask: Tensor) -> Tensor:
    """Log-probabilities less their mean over the legal actions, 0 at the others, ``[B, A]``."""
    legal = log_probabilities.masked_fill(~action_mask, 0.0)
    mean = legal.sum(1, keepdim=True) / action_mask.sum(1, keepdim=True).clamp(min=1)
    return (legal - mean).masked_fill(~action_mask, 0.0)
