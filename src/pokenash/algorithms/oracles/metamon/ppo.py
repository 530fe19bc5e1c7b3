"""Proximal policy optimisation of a metamon network against an opponent that stays as it is.

Schulman et al., "Proximal Policy Optimization Algorithms", 2017, the clipped objective (equation 7), on the discount
that plays; its advantages are generalised ones of metamon's rewards (Schulman et al. 2016) with the critics' values.
The critics of all discounts learn the same estimates' returns by their own loss. Battles are learned from whole.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pokenash.algorithms.damping import entropy, reverse_kl
from pokenash.algorithms.oracles.core import derive_seed
from pokenash.algorithms.oracles.learning import set_learning_rate
from pokenash.algorithms.oracles.metamon.ppo_rows import (
    CollectedBattle,
    CollectingPolicy,
    columns,
    generalised_advantages,
)
from pokenash.algorithms.oracles.metamon.ppo_settings import MetamonPPOSettings
from pokenash.arena import Arena, paired_matches
from pokenash.errors import PokenashError
from pokenash.metamon.losses import critic_losses
from pokenash.metamon.networks import MetamonNetwork, mask_illegal
from pokenash.metamon.networks.layers import SigmaReparam
from pokenash.metamon.networks.trajectory_encoder import TransformerTrajectoryEncoder
from pokenash.metamon.training.start import StartingPoint
from pokenash.policies.core import Policy

__all__ = ["MetamonPPO", "cache_window"]

_MEASURES = ("policy_loss", "critic_loss", "entropy", "kl_to_old", "divergence", "clip_fraction", "gradient_norm")


class MetamonPPO:
    """One training: rounds of battles against an opponent, each followed by a few passes over them.

    A round depends on the seed, its number, and the state before it only. Dropout and the training passes' power
    iterations are off while it learns, so that the policy that learns is the one that played; the power iterations
    follow every step of the optimizer instead.

    Parameters
    ----------
    arena : Arena
    start : StartingPoint
        Its network is trained in place; a copy is the reference of the KL penalty.
    opponent : Policy
    settings : MetamonPPOSettings
    reward : str
    seed : int
    """

    def __init__(
        self,
        arena: Arena,
        start: StartingPoint,
        opponent: Policy,
        settings: MetamonPPOSettings,
        *,
        reward: str,
        seed: int,
    ) -> None:
        self.settings, self.reward = settings, reward
        self.network = start.network.to(settings.device).eval()
        self.reference = copy.deepcopy(self.network).requires_grad_(False)
        self.parameters = {name: p for name, p in self.network.named_parameters() if p.requires_grad}
        self.optimizer = torch.optim.AdamW(
            self.parameters.values(), settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.round_number, self.steps = 0, 0
        self._arena, self._opponent, self._start, self._seed = arena, opponent, start, seed
        self._discounts = np.array(self.network.config.discounts, np.float32)

    def round(self) -> dict[str, Any]:
        """Play and learn once; results of the battles and means over the steps."""
        start = time.perf_counter()
        battles, results = self.collect()
        played = time.perf_counter()
        learned = self.learn(battles)
        self.round_number += 1
        decisions = {"decisions": sum(map(len, battles))}
        seconds = {"seconds_playing": played - start, "seconds_learning": time.perf_counter() - played}
        return {"step": self.round_number, **results, **decisions, **learned, **seconds}

    def collect(self) -> tuple[list[CollectedBattle], dict[str, Any]]:
        """Battles of the network as it is, from both seats, and how they ended."""
        settings, number, given = self.settings, self.round_number, self._start.spec.parameters
        views = {"battle_backend": given["battle_backend"]} if "battle_backend" in given else {}
        learner = CollectingPolicy(
            self.network, self._arena.game, self._start.tokenizer, reward=self.reward, device=settings.device, **views
        )
        matches = paired_matches(
            self._arena.game, [(0, 1)], settings.battles_per_round, derive_seed(self._seed, "matches", number)
        )
        finished = self._arena.play(
            [learner, self._opponent], matches, seed=derive_seed(self._seed, "play", number),
            on_result=learner.on_result,
        )  # fmt: skip
        returns = np.array([m.result.returns[m.match.policies.index(0)] for m in finished if m.counted])
        battles = learner.take_battles()
        if not battles:
            raise PokenashError("no battle of the round counted: there is nothing to learn from")
        return battles, {
            "battles": len(returns),
            "win_rate": float(((returns > 0) + (returns == 0) / 2).mean()),
            "mean_reward": float(np.mean([battle.reward.sum() for battle in battles])),
        }

    def learn(self, battles: list[CollectedBattle]) -> dict[str, Any]:
        """Some passes over battles that the network as it is has played."""
        settings = self.settings
        targets, advantages = self._targets(battles)
        total, steps, epoch = np.zeros(len(_MEASURES)), 0, 0
        only_critics = self.round_number < settings.critic_only_rounds
        with cache_window(self.network), cache_window(self.reference):
            for epoch in range(settings.epochs):
                rng = np.random.default_rng(derive_seed(self._seed, "epoch", self.round_number, epoch))
                divergence, in_epoch = 0.0, 0
                for rows in _batches(battles, settings.decisions_per_step, rng):
                    extra = {"target": [targets[row] for row in rows], "advantage": [advantages[row] for row in rows]}
                    batch = columns([battles[row] for row in rows], extra)
                    measures = self._step({k: v.to(settings.device) for k, v in batch.items()}, only_critics)
                    total += measures
                    divergence += float(measures[_MEASURES.index("kl_to_old")])
                    steps, in_epoch = steps + 1, in_epoch + 1
                if divergence / in_epoch > settings.target_kl:
                    break
        return {**dict(zip(_MEASURES, (total / steps).tolist(), strict=True)), "epochs": epoch + 1}

    def _targets(self, battles: list[CollectedBattle]) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
        """What the values should have been ``[T, G]``, and the playing discount's advantages ``[T]``, scaled."""
        raw = [generalised_advantages(b.reward, b.value, self._discounts, self.settings.gae_lambda) for b in battles]
        chosen = np.concatenate([one[battle.chosen, -1] for one, battle in zip(raw, battles, strict=True)])
        mean, deviation = (chosen.mean(), chosen.std()) if len(chosen) else (0.0, 1.0)
        scaled = [((one[:, -1] - mean) / (deviation + 1e-8)).astype(np.float32) for one in raw]
        return [one + battle.value for one, battle in zip(raw, battles, strict=True)], scaled

    def log_probabilities(self, network: MetamonNetwork, states: Tensor, illegal: Tensor) -> Tensor:
        """Of the discount that plays, over legal actions, ``[B, T, A]``."""
        return torch.log_softmax(mask_illegal(network.actor(states)[..., -1, :], illegal), dim=-1)

    def encode(self, network: MetamonNetwork, batch: dict[str, Tensor]) -> Tensor:
        """What the heads see of whole battles, ``[B, T, D]``."""
        time = torch.arange(batch["action"].shape[1], device=batch["action"].device).expand_as(batch["action"])
        return network.encode(batch["tokens"], batch["numbers"], batch["rl2"], time)

    def _step(self, batch: dict[str, Tensor], only_critics: bool) -> NDArray[np.float64]:
        """One step of the optimizer; the measures of the batch."""
        settings, network = self.settings, self.network
        states = self.encode(network, batch)
        if only_critics:
            states = states.detach()
        network.popart.update(batch["target"].unsqueeze(-1), batch["there"])
        critic = critic_losses(network, states, batch["action"], batch["target"])[batch["there"]].mean()
        chosen, legal = batch["chosen"], ~batch["illegal"][batch["chosen"]]
        new = self.log_probabilities(network, states, batch["illegal"])[chosen]
        with torch.no_grad():
            old = self.log_probabilities(self.reference, self.encode(self.reference, batch), batch["illegal"])[chosen]
        taken = new.gather(1, batch["action"][chosen].unsqueeze(1)).squeeze(1)
        log_ratio = taken - batch["log_probability"][chosen]
        ratio, advantage = log_ratio.exp(), batch["advantage"][chosen]
        clipped = ratio.clamp(1 - settings.clip, 1 + settings.clip)
        policy = -torch.minimum(ratio * advantage, clipped * advantage).sum() / max(len(ratio), 1)
        spread = entropy(new, legal).sum() / max(len(ratio), 1)
        divergence = reverse_kl(new, old, legal).sum() / max(len(ratio), 1)
        loss = settings.critic_coefficient * critic
        if not only_critics:
            loss = loss + policy - settings.entropy_coefficient * spread
            loss = loss + settings.reference_kl_coefficient * divergence
        norm = self._optimise(loss)
        with torch.no_grad():
            count = max(len(ratio), 1)
            kl_to_old = (ratio - 1 - log_ratio).sum() / count
            outside = ((ratio - 1).abs() > settings.clip).sum() / count
        parts = (policy, critic, spread, kl_to_old, divergence, outside)
        return np.array([*(part.item() for part in parts), norm])

    def _optimise(self, loss: Tensor) -> float:
        """Step down the loss; the norm of the gradient before it was clipped."""
        settings = self.settings
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = float(nn.utils.clip_grad_norm_(self.parameters.values(), settings.max_gradient_norm))
        if not np.isfinite(norm):
            raise PokenashError(
                f"training diverged in round {self.round_number}: norm of the gradient {norm}; lower the learning rate"
            )
        warm_up = min(1.0, (self.steps + 1) / max(settings.warm_up_steps, 1))
        set_learning_rate(self.optimizer, settings.learning_rate * warm_up)
        self.optimizer.step()
        self.steps += 1
        for module in self.network.modules():
            if isinstance(module, SigmaReparam):
                module.iterate()
        self.network.update_targets()
        return norm


@contextmanager
def cache_window(network: MetamonNetwork) -> Iterator[None]:
    """Within it whole sequences are seen as the cache shows them in play: no step sees what it would have dropped."""
    encoder = network.traj_encoder
    if not isinstance(encoder, TransformerTrajectoryEncoder):
        yield
        return
    before = encoder.config
    window = network.config.max_seq_len - 1
    encoder.config = replace(before, window=window if before.window is None else min(before.window, window))
    try:
        yield
    finally:
        encoder.config = before


def _batches(battles: list[CollectedBattle], decisions: int, rng: np.random.Generator) -> Iterator[list[int]]:
    """All battles once, in random order, in groups of at most so many decisions with padding, or of one battle."""
    group: list[int] = []
    for row in rng.permutation(len(battles)).tolist():
        longest = max(len(battles[other]) for other in [*group, row])
        if group and longest * (len(group) + 1) > decisions:
            yield group
            group = []
        group.append(row)
    yield group
