"""Damping of a metamon fine-tuning: a reverse KL penalty towards a reference network, entropy, and their control.

See `pokenash.algorithms.damping`; here time is counted in steps of the optimizer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from pokenash.algorithms.damping import (
    AdaptiveControl,
    Damping,
    DampingSettings,
    PowerLaw,
    Reference,
    entropy,
    reverse_kl,
)
from pokenash.errors import InputError

__all__ = ["NetworkDamping", "damping_from_json"]


def damping_from_json(data: Mapping[str, Any]) -> DampingSettings:
    """The settings whose ``dataclasses.asdict`` went through JSON."""
    control = None
    if data["control"] is not None:
        given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data["control"].items()}
        control = AdaptiveControl(**given)
    return DampingSettings(
        PowerLaw(**data["learning_rate"]),
        PowerLaw(**data["kl"]),
        PowerLaw(**data["entropy"]),
        control=control,
        reference=Reference(**data["reference"]),
    )


class NetworkDamping:
    """The `pokenash.metamon.training.Regularisation` of damping settings.

    Divergence and entropy are over legal actions, averaged over decisions and discounts. The controller sees the mean
    divergence from the reference since it last looked.

    Parameters
    ----------
    settings : DampingSettings
        `learning_rate` takes the place of the training's own.
    check_every : int
        Steps between the controller's looks.
    """

    def __init__(self, settings: DampingSettings, check_every: int = 100) -> None:
        if check_every < 1:
            raise InputError(f"check_every: expected a number of steps of at least 1, got {check_every}")
        self.settings = settings
        self._check_every = check_every
        self._damping = Damping(settings)
        self._sum, self._count = 0.0, 0

    def learning_rate(self, step: int) -> float:
        """Schedule times the controller's factor."""
        return self._damping.learning_rate(step)

    def loss(
        self, step: int, log_probabilities: Tensor, reference: Tensor, legal: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The weighted penalty less the weighted entropy, and the mean ``divergence`` and ``entropy``, nats.

        Arrays are ``[N, G, A]``.
        """
        mask = legal.expand_as(log_probabilities)
        divergence = reverse_kl(log_probabilities, reference, mask).mean()
        spread = entropy(log_probabilities, mask).mean()
        loss = self._damping.kl(step) * divergence - self._damping.entropy(step) * spread
        return loss, {"divergence": divergence, "entropy": spread}

    def weights(self, step: int) -> dict[str, float]:
        """Weights of the divergence and of the entropy."""
        return {"kl_weight": self._damping.kl(step), "entropy_weight": self._damping.entropy(step)}

    def after(self, step: int, divergence: float, network: nn.Module, reference: nn.Module) -> None:
        """Let the controller look where it is time, and move the reference as its settings say."""
        self._sum, self._count = self._sum + divergence, self._count + 1
        if (step + 1) % self._check_every == 0:
            # Rounding may leave a divergence of nothing a little below 0.
            self._damping = self._damping.after(step, max(self._sum / self._count, 0.0))
            self._sum, self._count = 0.0, 0
        settings = self.settings.reference
        if settings.kind == "periodic" and (step + 1) % settings.period == 0:
            reference.load_state_dict(network.state_dict())
        elif settings.kind == "polyak":
            with torch.no_grad():
                for slow, fast in zip(reference.parameters(), network.parameters(), strict=True):
                    slow.lerp_(fast, 1 - settings.decay)
                for kept, new in zip(reference.buffers(), network.buffers(), strict=True):
                    kept.copy_(new)

    def state(self) -> dict[str, float]:
        """Factors of the controller, and what it has seen since it looked."""
        return {
            "learning_rate_factor": self._damping.learning_rate_factor,
            "kl_factor": self._damping.kl_factor,
            "sum": self._sum,
            "count": self._count,
        }

    def restore(self, state: Mapping[str, float]) -> None:
        """The inverse of `state`."""
        self._damping = replace(
            self._damping, learning_rate_factor=state["learning_rate_factor"], kl_factor=state["kl_factor"]
        )
        self._sum, self._count = float(state["sum"]), int(state["count"])
