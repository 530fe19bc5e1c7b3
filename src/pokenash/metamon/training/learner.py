"""One metamon network and its optimizer: steps, each a pure function of the state before it, its number and its batch.

The losses are those of `pokenash.metamon.losses`. What the original's multitask agents do beside them (they run their
encoders twice a step, which moves the power iterations of the SigmaReparam layers twice) is not repeated.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from pokenash.errors import PokenashError
from pokenash.metamon.losses import Losses, LossSettings, TrainingBatch, masked_mean, training_losses
from pokenash.metamon.networks import MetamonNetwork, mask_illegal
from pokenash.metamon.training.devices import Devices
from pokenash.metamon.training.settings import FineTuneSettings
from pokenash.metamon.training.state import load_state, save_state

__all__ = ["Learner", "Regularisation", "loss_settings"]

_PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_UNKNOWN_WORD = -1


class Regularisation(Protocol):
    """What keeps a network near a reference, which is a whole network of its own.

    Log-probabilities are those of the masked logits, ``[N, G, A]`` (all discounts), not clipped; `legal` is
    ``[N, 1, A]``. Steps are counted from 0. See `pokenash.algorithms.oracles.metamon.damping`.
    """

    def learning_rate(self, step: int) -> float:
        """Of a step, in place of the settings' one; warm-up is applied to it."""
        ...

    def loss(
        self, step: int, log_probabilities: Tensor, reference: Tensor, legal: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What is added to the loss, and numbers for the log: ``divergence``, the mean one from the reference."""
        ...

    def weights(self, step: int) -> dict[str, float]:
        """What is in force in a step, for the log."""
        ...

    def after(self, step: int, divergence: float, network: nn.Module, reference: nn.Module) -> None:
        """Take note of a step that was done, and move the reference if it is to move."""
        ...

    def state(self) -> dict[str, float]:
        """All that has changed since it was made."""
        ...

    def restore(self, state: Mapping[str, float]) -> None:
        """The inverse of `state`."""
        ...


def loss_settings(settings: FineTuneSettings) -> LossSettings:
    """The part of the settings that says what is minimised."""
    return LossSettings(
        offline_coefficient=settings.offline_coefficient,
        online_coefficient=settings.online_coefficient,
        advantage_filter=settings.advantage_filter,
        beta=settings.beta,
        filter_range=(settings.filter_range[0], settings.filter_range[1]),
        critic_weight=settings.critic_weight,
        action_samples=settings.action_samples,
    )


class Learner:
    """A network in training.

    Parameters
    ----------
    network : MetamonNetwork
        Is trained in place, on the device of `devices`.
    settings : FineTuneSettings
    seed : int
        Of dropout, masked words, and what the losses draw.
    devices : Devices, optional
        By default the settings' device.
    regularisation : Regularisation, optional
    reference : MetamonNetwork, optional
        What it refers to, which stays as it is here; by default the network as it is now.

    Attributes
    ----------
    step : int
        Steps done.
    """

    def __init__(
        self,
        network: MetamonNetwork,
        settings: FineTuneSettings,
        *,
        seed: int,
        devices: Devices | None = None,
        regularisation: Regularisation | None = None,
        reference: MetamonNetwork | None = None,
    ) -> None:
        self.settings = settings
        self.devices = devices or Devices.of(settings.device, accelerate=settings.accelerate)
        self.network = network.to(self.devices.device).train()
        self.regularisation = regularisation
        self.reference: MetamonNetwork | None = None
        if regularisation is not None:
            magnet = copy.deepcopy(network if reference is None else reference)
            self.reference = magnet.to(self.devices.device).eval().requires_grad_(False)
        self.step = 0
        self._seed = seed
        self._losses = loss_settings(settings)
        self._parameters = {name: p for name, p in network.named_parameters() if p.requires_grad}
        self.optimizer = torch.optim.AdamW(
            self._parameters.values(), settings.learning_rate, weight_decay=settings.weight_decay
        )

    def learn(self, batches: Sequence[TrainingBatch]) -> dict[str, float]:
        """One step of the optimizer on the mean gradient of some batches.

        Parameters
        ----------
        batches : sequence of TrainingBatch
            This process's, on its device.

        Returns
        -------
        dict of str to float
            Means over the batches: losses, targets, advantages, the filter's mean weight, the norm of the gradient
            before it was clipped, and with a regularisation the divergence from its reference and what it was
            weighted with.

        Raises
        ------
        PokenashError
            If the loss or the gradient is no longer finite; the weights are then those before the step, PopArt's
            statistics aside.
        """
        self.optimizer.zero_grad(set_to_none=True)
        total: dict[str, float] = {}
        for part, batch in enumerate(batches):
            loss, measures = self._forward(batch, part)
            (loss / len(batches)).backward()  # type: ignore[no-untyped-call]
            for name, value in measures.items():
                total[name] = total.get(name, 0.0) + value.item() / len(batches)
        gradients = [p.grad for p in self._parameters.values() if p.grad is not None]
        self.devices.average(gradients)
        # What the next step depends on must be the same everywhere, the controller's divergence too.
        means = torch.tensor(list(total.values()), device=self.devices.device)
        self.devices.average([means])
        total = dict(zip(total, means.tolist(), strict=True))
        norm = float(nn.utils.clip_grad_norm_(self._parameters.values(), self.settings.max_gradient_norm))
        if not math.isfinite(norm) or not math.isfinite(total["loss"]):
            raise PokenashError(
                f"training diverged at step {self.step}: loss {total['loss']}, norm of the gradient {norm}; go on from "
                "an earlier checkpoint with a lower learning rate or a longer warm-up"
            )
        rate = self._learning_rate()
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.network.update_targets()
        # Each process has seen other returns: PopArt's statistics would drift apart.
        self.devices.follow_main(self.network.popart.buffers())
        if self.regularisation is not None:
            assert self.reference is not None
            in_force = self.regularisation.weights(self.step)
            self.regularisation.after(self.step, total["divergence"], self.network, self.reference)
            total |= in_force
        self.step += 1
        return {**total, "gradient_norm": norm, "learning_rate": rate}

    def _learning_rate(self) -> float:
        settings = self.settings
        rate = settings.learning_rate
        if self.regularisation is not None:
            rate = self.regularisation.learning_rate(self.step)
        return rate * min(1.0, (self.step + 1) / max(settings.warm_up_steps, 1))

    def _generator(self, part: int, purpose: int) -> torch.Generator:
        """For one purpose of one of this step's batches: the same if several processes share them or one has all."""
        batch = part * self.devices.count + self.devices.index
        mixed = 0x9E3779B97F4A7C15
        for key in (self._seed, self.step, 0, batch, purpose):
            mixed = ((mixed ^ (key % 2**64)) * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB) % 2**64
            mixed ^= mixed >> 31
        return torch.Generator(self.devices.device).manual_seed(mixed % 2**63)

    def _forward(self, batch: TrainingBatch, part: int) -> tuple[Tensor, dict[str, Tensor]]:
        settings, network = self.settings, self.network
        tokens = batch.tokens
        if settings.token_masking:
            masked = torch.rand(tokens.shape, generator=self._generator(part, 0), device=tokens.device)
            tokens = tokens.masked_fill(masked < settings.token_masking, _UNKNOWN_WORD)
        states = self._encode(network, tokens, batch, part)
        losses = training_losses(network, states, batch, self._losses, self._generator(part, 1))
        loss, measures = losses.total, _measures(losses, batch)
        if self.regularisation is not None:
            assert self.reference is not None
            with torch.no_grad():
                before = self.reference.actor(self._encode(self.reference, tokens, batch, part))
            illegal = batch.illegal[:, :-1][batch.valid].unsqueeze(1)
            new, old = (
                torch.log_softmax(mask_illegal(logits[:, :-1][batch.valid], illegal), dim=-1)
                for logits in (network.actor(states), before)
            )
            more, found = self.regularisation.loss(self.step, new, old, ~illegal)
            loss = loss + more
            measures |= {name: value.detach() for name, value in found.items()}
        return loss, {"loss": loss.detach(), **measures}

    def _encode(self, network: MetamonNetwork, tokens: Tensor, batch: TrainingBatch, part: int) -> Tensor:
        """What the heads see, in float32."""
        device, dtype = self.devices.device, _PRECISIONS[self.settings.precision]
        # Dropout draws from torch's global generators: lend them to it and put them back as they were.
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(self._generator(part, 2).initial_seed())
            with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
                states = network.encode(tokens, batch.numbers, batch.rl2, batch.time)
        return states.float()

    def save(self, path: Path) -> None:
        """Write everything that the next step depends on to one file, moved into place when whole."""
        about: dict[str, Any] = {"step": self.step}
        if self.regularisation is not None:
            about["regularisation"] = self.regularisation.state()
        save_state(path, self._networks(), self.optimizer, self._parameters, about)

    def load(self, path: Path) -> None:
        """Take everything from a file that `save` wrote for a learner of this kind.

        Raises
        ------
        InputError
            If the file is damaged or belongs to another training.
        """
        about = load_state(path, self._networks(), self.optimizer, self._parameters)
        if self.regularisation is not None:
            self.regularisation.restore(about["regularisation"])
        self.step = int(about["step"])

    def _networks(self) -> dict[str, MetamonNetwork]:
        networks = {"network": self.network}
        return networks if self.reference is None else {**networks, "reference": self.reference}


def _measures(losses: Losses, batch: TrainingBatch) -> dict[str, Tensor]:
    """Numbers for the log, of the discount that plays where there is one for each."""
    with torch.no_grad():
        measures = {
            "actor_loss": losses.actor.detach(),
            "critic_loss": losses.critic.detach(),
            "filter": masked_mean(losses.filter_weights[..., -1], batch.known),
        }
        if losses.targets is not None and losses.advantages is not None:
            measures["target"] = masked_mean(losses.targets[..., -1], batch.valid)
            measures["advantage"] = masked_mean(losses.advantages[..., -1], batch.known)
    return measures
