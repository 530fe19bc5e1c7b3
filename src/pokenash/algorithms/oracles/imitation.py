"""Imitation: a network learns to choose as a teacher does, and to foresee how the teacher's battles end."""

from __future__ import annotations

import logging
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pokenash.algorithms.oracles.collection import Observer, Rows
from pokenash.algorithms.oracles.core import derive_seed
from pokenash.algorithms.oracles.learning import clip_gradients, minibatches, set_learning_rate
from pokenash.algorithms.oracles.settings import ImitationSettings
from pokenash.arena import Arena, paired_matches
from pokenash.policies.core import Policy
from pokenash.policies.networks import Network, masked_log_probabilities
from pokenash.policies.spec import PolicySpec

__all__ = ["collect_lessons", "imitate"]

_log = logging.getLogger(__name__)

_MAX_GRADIENT_NORM = 1.0
_FINAL_LEARNING_RATE = 0.1
_WARM_UP_STEPS = 100


def collect_lessons(
    arena: Arena,
    teacher: Policy,
    opponent: Policy | PolicySpec,
    network: Network,
    settings: ImitationSettings,
    *,
    seed: int,
) -> Rows:
    """Let a teacher play an opponent from both seats, and keep what the teacher was shown and did.

    Parameters
    ----------
    arena : Arena
    teacher : Policy
    opponent : Policy or PolicySpec
    network : Network
        Prepares the observations; it is not asked.
    settings : ImitationSettings
    seed : int
    """
    observer = Observer(teacher, network, settings.teacher_temperature)
    matches = paired_matches(arena.game, [(0, 1)], settings.collection_battles, derive_seed(seed, "matches"))
    arena.play([observer, opponent], matches, seed=derive_seed(seed, "play"), on_result=observer.on_result)
    return observer.take_rows()


def imitate(network: Network, lessons: Rows, settings: ImitationSettings, *, seed: int) -> list[dict[str, Any]]:
    """Train a network on a teacher's decisions; afterwards it is in inference mode.

    The loss is the cross-entropy of the teacher's lesson (its action, or its probabilities), where there was a choice,
    and the squared error of the value against the outcome.

    Returns
    -------
    list of dict
        Per epoch: ``epoch``, ``rows``, ``cross_entropy``, ``agreement`` (how often the likeliest action is the
        teacher's, while training), ``value_error`` and ``seconds``.
    """
    assert lessons.lesson is not None
    columns = {
        **lessons.inputs,
        "action_mask": lessons.action_mask,
        "action": lessons.action,
        "lesson": lessons.lesson,
        "outcome": lessons.outcome,
    }
    optimizer = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
    steps = settings.epochs * max(1, round(len(lessons) / settings.batch_size))
    step, logs = 0, []
    network.train()
    for epoch in range(settings.epochs):
        start, sums = time.perf_counter(), np.zeros(4)
        rng = np.random.default_rng(derive_seed(seed, "epoch", epoch))
        for batch in minibatches(columns, settings.batch_size, rng):
            share = min(1, (step + 1) / _WARM_UP_STEPS) * (1 - (1 - _FINAL_LEARNING_RATE) * step / steps)
            set_learning_rate(optimizer, settings.learning_rate * share)
            sums += _step(network, optimizer, batch, settings)
            step += 1
        entropy, agreed, error, choices = sums
        entry = {
            "epoch": epoch,
            "rows": len(lessons),
            "cross_entropy": entropy / max(choices, 1.0),
            "agreement": agreed / max(choices, 1.0),
            "value_error": error / len(lessons),
            "seconds": time.perf_counter() - start,
        }
        _log.info("imitation, epoch %d: agreement %.1f%%", epoch, 100 * entry["agreement"])
        logs.append(entry)
    network.eval()
    return logs


def _step(
    network: Network, optimizer: torch.optim.Optimizer, batch: dict[str, Tensor], settings: ImitationSettings
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """One step; the sums of cross-entropy, agreements and squared errors, and the number of rows with a choice."""
    mask, action = batch["action_mask"], batch["action"]
    scores, values = network(batch)
    log_probabilities = masked_log_probabilities(scores, mask)
    choice = (mask.sum(1) > 1).float()
    entropy = -((batch["lesson"] * log_probabilities).sum(1) * choice).sum()
    error = (values - batch["outcome"]).square().sum()
    loss = entropy / choice.sum().clamp(min=1.0) + settings.value_coefficient * error / len(action)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    clip_gradients(network, _MAX_GRADIENT_NORM)
    optimizer.step()
    with torch.no_grad():
        agreed = ((log_probabilities.argmax(1) == action) * choice).sum()
    return np.array([entropy.item(), agreed.item(), error.item(), choice.sum().item()])
