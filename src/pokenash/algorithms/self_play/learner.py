"""One update of self-play: what was played by both seats moves the network, damped.

With the entropy bonus, or with a reference that plays uniformly as a fresh network nearly does, this is the sampled
form of magnetic mirror descent (Sokota et al. 2022, who use PPO's objective with a magnet in their experiments with
networks). With a periodic reference it is near R-NaD (Perolat et al., "Mastering the game of Stratego with model-free
multiagent reinforcement learning", 2022), which puts the same penalty into the rewards.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pokenash.algorithms.damping import Damping, reverse_kl
from pokenash.algorithms.oracles.collection import Rows, advantages
from pokenash.algorithms.oracles.core import derive_seed
from pokenash.algorithms.oracles.learning import (
    clip_gradients,
    legal_log_probabilities,
    minibatches,
    set_learning_rate,
)
from pokenash.algorithms.oracles.training_state import TrainingState
from pokenash.algorithms.self_play.objectives import clipped_loss, logits_loss
from pokenash.algorithms.self_play.settings import CLIPPED, SelfPlaySettings
from pokenash.policies.networks import Network, copy_network, masked_log_probabilities

__all__ = ["REFERENCE", "WEIGHTS_AVERAGE", "SelfPlayLearner"]

REFERENCE, WEIGHTS_AVERAGE = "reference", "weights"

_ADAM_EPSILON = 1e-5
# The divergences that are logged and steered by are measured on so many decisions of a round, exactly for each of them.
_MEASURED_ROWS = 1024
_MEASURES = ("policy_loss", "value_loss", "entropy", "clip_fraction", "gradient_norm")


class SelfPlayLearner:
    """A network, its reference, the average of its weights, and the damping's factors.

    Parameters
    ----------
    network : Network
        Is trained in place; the first reference is a copy of the whole of it.
    settings : SelfPlaySettings
    seed : int
        Of the order of the rows.
    """

    def __init__(self, network: Network, settings: SelfPlaySettings, *, seed: int) -> None:
        self.settings = settings
        self._seed = seed
        rate = settings.damping.learning_rate.at(0)
        optimizer = torch.optim.Adam(network.parameters(), rate, eps=_ADAM_EPSILON)
        others = {REFERENCE: copy_network(network), WEIGHTS_AVERAGE: copy_network(network)}
        factors = {"learning_rate_factor": 1.0, "kl_factor": 1.0}
        self.state = TrainingState(network, optimizer, others=others, numbers=factors)

    @property
    def network(self) -> Network:
        """What is trained."""
        return self.state.network

    @property
    def damping(self) -> Damping:
        """The weights in force."""
        return Damping(self.settings.damping, **self.state.numbers)

    def learn(self, rows: Rows) -> dict[str, Any]:
        """Do one update.

        Parameters
        ----------
        rows : Rows
            Decisions of both seats, played by the network as it is.

        Returns
        -------
        dict
            Means of the parts of the loss over all steps; the weights that were in force; and, on a sample of the rows,
            ``kl_to_old``, the reverse KL divergence from the policy before the update, and ``kl_to_reference``.
        """
        update, damping = self.state.update, self.damping
        weights = {"kl_weight": damping.kl(update), "entropy_weight": damping.entropy(update)}
        rate = damping.learning_rate(update)
        columns, scale, about = self._columns(rows, with_reference=weights["kl_weight"] > 0)
        sample = _sample(rows, derive_seed(self._seed, "sample", update))
        old = legal_log_probabilities(self.network, *sample)
        set_learning_rate(self.state.optimizer, rate)
        measured: list[NDArray[np.float64]] = []
        self.network.train()
        for epoch in range(self.settings.epochs):
            rng = np.random.default_rng(derive_seed(self._seed, "epoch", update, epoch))
            for batch in minibatches(columns, self.settings.batch_size, rng):
                measured.append(self._step(batch, scale, **weights))
                self.state.steps += 1
        self.network.eval()
        new = legal_log_probabilities(self.network, *sample)
        reference = legal_log_probabilities(self.state.others[REFERENCE], *sample)
        kl_to_old = _mean_kl(new, old, sample[1])
        after = damping.after(update, kl_to_old)
        self.state.numbers.update(learning_rate_factor=after.learning_rate_factor, kl_factor=after.kl_factor)
        self.state.update += 1
        self._follow()
        means = dict(zip(_MEASURES, np.mean(measured, axis=0).tolist(), strict=True))
        divergences = {"kl_to_old": kl_to_old, "kl_to_reference": _mean_kl(new, reference, sample[1])}
        return {**means, **divergences, "learning_rate": rate, **weights, **about}

    def _columns(self, rows: Rows, *, with_reference: bool) -> tuple[dict[str, NDArray[Any]], float, dict[str, float]]:
        """What the loss needs per row, what the value's errors are divided by, and what is to be logged."""
        advantage, target = advantages(rows, self.settings.discount, self.settings.gae_lambda)
        # Where nothing could be chosen there is nothing to learn about choosing.
        choice = rows.action_mask.sum(axis=1) > 1
        counted = advantage[choice] if choice.any() else advantage
        deviation = float(counted.std()) + 1e-8
        columns: dict[str, NDArray[Any]] = {
            **rows.inputs,
            "action_mask": rows.action_mask,
            "action": rows.action,
            "old": rows.log_probability,
            "advantage": ((advantage - counted.mean()) / deviation * choice).astype(np.float32),
            "target": target,
        }
        if with_reference:
            reference = self.state.others[REFERENCE]
            columns["reference"] = legal_log_probabilities(reference, rows.inputs, rows.action_mask)
        unexplained = float(np.var(rows.outcome - rows.value)) / max(float(np.var(rows.outcome)), 1e-8)
        # About the deviation, but no less than an error that all rows share.
        scale = float(np.sqrt(np.mean(np.square(counted, dtype=np.float64)))) + 1e-8
        return columns, scale, {"advantage_deviation": deviation, "explained_variance": 1 - unexplained}

    def _step(
        self, batch: Mapping[str, Tensor], scale: float, *, kl_weight: float, entropy_weight: float
    ) -> NDArray[np.float64]:
        """One step of the optimizer; the measures of the batch."""
        settings, mask = self.settings, batch["action_mask"]
        scores, values = self.network(batch)
        log_probabilities = masked_log_probabilities(scores, mask)
        if settings.objective == CLIPPED:
            policy = clipped_loss(log_probabilities, batch, settings.clip, entropy_weight, kl_weight)
        else:
            policy = logits_loss(log_probabilities, batch, settings.inverse_cap, entropy_weight, kl_weight)
        value_loss = ((values - batch["target"]) / scale).square().mean()
        loss = policy.total + settings.value_coefficient * value_loss
        self.state.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = clip_gradients(self.network, settings.max_gradient_norm)
        self.state.optimizer.step()
        parts = (-policy.objective, value_loss, policy.entropy, policy.clip_fraction)
        return np.array([*(part.item() for part in parts), norm])

    def _follow(self) -> None:
        """Let the average of the weights and a moving reference follow the network."""
        update, reference = self.state.update, self.settings.damping.reference
        # Less at first, so that the first weights, which were drawn at random, are soon forgotten.
        _approach(
            self.state.others[WEIGHTS_AVERAGE], self.network, min(self.settings.weights_decay, 1 - 1 / (update + 1))
        )
        if reference.kind == "polyak":
            _approach(self.state.others[REFERENCE], self.network, reference.decay)
        elif reference.kind == "periodic" and update % reference.period == 0:
            self.state.others[REFERENCE].load_state_dict(self.network.state_dict())


def _sample(rows: Rows, seed: int) -> tuple[dict[str, NDArray[Any]], NDArray[np.bool_]]:
    """Inputs and masks of some of the rows."""
    chosen = np.random.default_rng(seed).permutation(len(rows))[:_MEASURED_ROWS]
    return {name: array[chosen] for name, array in rows.inputs.items()}, rows.action_mask[chosen]


def _approach(follower: Network, leader: Network, kept: float) -> None:
    """Move all weights of a network towards another's."""
    with torch.no_grad():
        for own, other in zip(follower.parameters(), leader.parameters(), strict=True):
            own.lerp_(other, 1 - kept)
        for buffer, other_buffer in zip(follower.buffers(), leader.buffers(), strict=True):
            buffer.copy_(other_buffer)


def _mean_kl(new: NDArray[np.float32], old: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """Mean reverse KL divergence over rows; rounding may not take it below 0."""
    rows = reverse_kl(torch.from_numpy(new).double(), torch.from_numpy(old).double(), torch.from_numpy(mask))
    return max(float(rows.mean()), 0.0)
