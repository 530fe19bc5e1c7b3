"""Proximal policy optimisation against an opponent that stays as it is.

Schulman et al., "Proximal Policy Optimization Algorithms", 2017, the clipped objective (equation 7), without clipping
of the value; the advantages are those of Schulman et al. 2016. A reverse KL penalty keeps the policy near the one that
it starts from.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pokenash.algorithms.oracles.collection import Learner, Rows, advantages
from pokenash.algorithms.oracles.core import derive_seed
from pokenash.algorithms.oracles.learning import (
    clip_gradients,
    clipped_objective,
    legal_log_probabilities,
    minibatches,
    set_learning_rate,
)
from pokenash.algorithms.oracles.settings import PPOSettings
from pokenash.algorithms.oracles.training_state import TrainingState
from pokenash.arena import Arena, MatchResult, paired_matches
from pokenash.policies.core import Policy
from pokenash.policies.networks import Network, masked_log_probabilities

__all__ = ["PPO"]

_ADAM_EPSILON = 1e-5
_MEASURES = ("policy_loss", "value_loss", "entropy", "kl_to_old", "kl_to_reference", "clip_fraction")


class PPO:
    """One training: rounds of battles against an opponent, each followed by a few passes over its decisions.

    Round `u` depends on the seed, `u`, and the state before it only.

    Parameters
    ----------
    arena : Arena
    network : Network
        Is trained in place.
    reference : Network or None
        What the KL penalty refers to; needed where its coefficient is not 0.
    opponent : Policy
        Such as a mixture, whose member is drawn per battle.
    settings : PPOSettings
    seed : int
    """

    def __init__(
        self,
        arena: Arena,
        network: Network,
        reference: Network | None,
        opponent: Policy,
        settings: PPOSettings,
        *,
        seed: int,
    ) -> None:
        self.settings = settings
        self._arena = arena
        self._reference = reference if settings.reference_kl_coefficient > 0 else None
        self._opponent = opponent
        self._seed = seed
        self._learner = Learner(network)
        optimizer = torch.optim.Adam(network.parameters(), settings.learning_rate, eps=_ADAM_EPSILON)
        self.state = TrainingState(network, optimizer)

    @property
    def network(self) -> Network:
        """What is trained."""
        return self.state.network

    def round(self) -> dict[str, Any]:
        """Play and learn once.

        Returns
        -------
        dict
            Results of the battles, means of the parts of the loss over all steps, and times.
        """
        update = self.state.update
        start = time.perf_counter()
        self.network.eval()
        rows, results = self._play(update)
        played = time.perf_counter()
        learned = self._learn(rows, update)
        self.network.requires_grad_(True).eval()
        self.state.update += 1
        self.state.scores.append(results["win_rate"])
        seconds = {"seconds_playing": played - start, "seconds_learning": time.perf_counter() - played}
        speed = {"rows_per_second": len(rows) / (time.perf_counter() - start)}
        return {"update": update, **results, "rows": len(rows), **learned, **seconds, **speed}

    def _play(self, update: int) -> tuple[Rows, dict[str, Any]]:
        """Battles from both seats, and what they brought the learner."""
        battles = self.settings.battles_per_update
        matches = paired_matches(self._arena.game, [(0, 1)], battles, derive_seed(self._seed, "matches", update))
        policies: list[Policy] = [self._learner, self._opponent]
        finished = self._arena.play(
            policies, matches, seed=derive_seed(self._seed, "play", update), on_result=self._learner.on_result
        )
        return self._learner.take_rows(), _results(finished)

    def _learn(self, rows: Rows, update: int) -> dict[str, Any]:
        settings = self.settings
        columns, advantage_spread, explained = self._columns(rows)
        progress = update / max(settings.updates - 1, 1)
        rate = settings.learning_rate * (1 - (1 - settings.final_learning_rate) * min(progress, 1.0))
        only_value = update < settings.value_only_updates
        total, norm, steps, epoch = np.zeros(len(_MEASURES)), 0.0, 0, 0
        self.network.train()
        for name, parameter in self.network.named_parameters():
            parameter.requires_grad_(not only_value or name.startswith("value_head"))
        for epoch in range(settings.epochs):
            rng = np.random.default_rng(derive_seed(self._seed, "epoch", update, epoch))
            kl, in_epoch = 0.0, 0
            for batch in minibatches(columns, settings.batch_size, rng):
                warm_up = min(1.0, (self.state.steps + 1) / max(settings.warm_up_steps, 1))
                set_learning_rate(self.state.optimizer, rate * warm_up)
                measures, gradient_norm = self._step(batch, only_value=only_value)
                self.state.steps += 1
                total += measures
                norm += gradient_norm
                kl += float(measures[_MEASURES.index("kl_to_old")])
                steps, in_epoch = steps + 1, in_epoch + 1
            if kl / in_epoch > settings.target_kl:
                break
        means: dict[str, float | None] = dict(zip(_MEASURES, (total / steps).tolist(), strict=True))
        if self._reference is None:
            # Not measured, which is not 0.
            means["kl_to_reference"] = None
        return {
            **means,
            "gradient_norm": norm / steps,
            "epochs": epoch + 1,
            "learning_rate": rate,
            "advantage_deviation": advantage_spread,
            "explained_variance": explained,
        }

    def _columns(self, rows: Rows) -> tuple[dict[str, NDArray[Any]], float, float]:
        """What the loss needs per row, the advantages' deviation, and how much of the returns the value explains."""
        advantage, target = advantages(rows, self.settings.discount, self.settings.gae_lambda)
        # Where nothing could be chosen there is nothing to learn about choosing.
        choice = rows.action_mask.sum(axis=1) > 1
        counted = advantage[choice] if choice.any() else advantage
        deviation = float(counted.std())
        columns: dict[str, NDArray[Any]] = {
            **rows.inputs,
            "action_mask": rows.action_mask,
            "action": rows.action,
            "old": rows.log_probability,
            "advantage": ((advantage - counted.mean()) / (deviation + 1e-8) * choice).astype(np.float32),
            "target": target.astype(np.float32),
        }
        if self._reference is not None:
            columns["reference"] = legal_log_probabilities(self._reference, rows.inputs, rows.action_mask)
        unexplained = float(np.var(rows.outcome - rows.value)) / max(float(np.var(rows.outcome)), 1e-8)
        return columns, deviation, 1 - unexplained

    def _step(self, batch: Mapping[str, Tensor], *, only_value: bool) -> tuple[NDArray[np.float64], float]:
        """One step of the optimizer; the measures of the batch and the norm of its gradient."""
        settings = self.settings
        scores, values = self.network(batch)
        log_probabilities = masked_log_probabilities(scores, batch["action_mask"])
        probabilities = log_probabilities.exp()
        objective, log_ratio = clipped_objective(log_probabilities, batch, settings.clip)
        ratio = log_ratio.exp()
        policy_loss = -objective
        value_loss = (values - batch["target"]).square().mean()
        entropy = -(probabilities * log_probabilities).sum(1).mean()
        loss = policy_loss + settings.value_coefficient * value_loss - settings.entropy_coefficient * entropy
        if only_value:
            loss = value_loss
        reference_kl = torch.zeros(())
        if "reference" in batch:
            reference_kl = (probabilities * (log_probabilities - batch["reference"])).sum(1).mean()
            loss = loss if only_value else loss + settings.reference_kl_coefficient * reference_kl
        self.state.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = clip_gradients(self.network, settings.max_gradient_norm)
        self.state.optimizer.step()
        with torch.no_grad():
            old_kl = (ratio - 1 - log_ratio).mean()
            outside = ((ratio - 1).abs() > settings.clip).float().mean()
        parts = (policy_loss, value_loss, entropy, old_kl, reference_kl, outside)
        return np.array([part.item() for part in parts]), norm


def _results(finished: list[MatchResult]) -> dict[str, Any]:
    """Wins, draws and losses of policy 0."""
    returns = np.array([m.result.returns[m.match.policies.index(0)] for m in finished if m.counted])
    wins, losses = int((returns > 0).sum()), int((returns < 0).sum())
    draws = len(returns) - wins - losses
    lengths = [m.result.length for m in finished if m.counted]
    return {
        "battles": len(returns),
        "wins": wins,
        "draws": draws,
        "losses": losses,
        "win_rate": (wins + draws / 2) / max(len(returns), 1),
        "mean_return": float(returns.mean()) if len(returns) else 0.0,
        "mean_length": float(np.mean(lengths)) if lengths else 0.0,
    }
