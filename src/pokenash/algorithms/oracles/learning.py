"""Shared by the ways to train a network: torch made repeatable, and minibatches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pokenash.policies.networks import Network, infer, masked_log_probabilities, to_tensors

__all__ = [
    "clip_gradients",
    "clipped_objective",
    "legal_log_probabilities",
    "minibatches",
    "repeatable_torch",
    "set_learning_rate",
]

_CHUNK = 1024


@contextmanager
def repeatable_torch(threads: int) -> Iterator[None]:
    """Within it, torch uses so many threads and only algorithms whose results repeat; afterwards, what it used before.

    Both are settings of the whole process.
    """
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])


def minibatches(
    columns: Mapping[str, NDArray[Any]], batch_size: int, rng: np.random.Generator
) -> Iterator[dict[str, Tensor]]:
    """All rows once, in random order, in batches of about the given size that differ by at most one row.

    Parameters
    ----------
    columns : mapping of str to array, ``[N, ...]``
    batch_size : int
    rng : numpy.random.Generator
    """
    rows = len(next(iter(columns.values())))
    tensors = to_tensors(columns)
    for index in np.array_split(rng.permutation(rows), max(1, round(rows / batch_size))):
        place = torch.from_numpy(index)
        yield {name: tensor.index_select(0, place) for name, tensor in tensors.items()}


def clipped_objective(log_probabilities: Tensor, batch: Mapping[str, Tensor], clip: float) -> tuple[Tensor, Tensor]:
    """The clipped objective of proximal policy optimisation (Schulman et al. 2017, equation 7), to be maximised.

    Parameters
    ----------
    log_probabilities : float Tensor, ``[B, A]``
        Of all actions under the policy that learns.
    batch : mapping of str to Tensor
        ``action``, ``[B]``; ``old``, its log-probability when it was drawn; ``advantage``.
    clip : float

    Returns
    -------
    objective : Tensor
        Mean over the batch.
    log_ratio : Tensor, ``[B]``
        Of the actions' new to their old probabilities.
    """
    chosen = log_probabilities.gather(1, batch["action"].unsqueeze(1)).squeeze(1)
    log_ratio = chosen - batch["old"]
    ratio = log_ratio.exp()
    clipped = ratio.clamp(1 - clip, 1 + clip)
    advantage = batch["advantage"]
    return torch.minimum(ratio * advantage, clipped * advantage).mean(), log_ratio


def legal_log_probabilities(
    network: Network, inputs: Mapping[str, NDArray[Any]], action_mask: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Log-probabilities of all actions under a network, without gradients, ``[N, A]``.

    Parameters
    ----------
    network : Network
    inputs : mapping of str to array, ``[N, ...]``
        What its `prepare` gave.
    action_mask : bool array, ``[N, A]``
    """
    out = np.empty(action_mask.shape, np.float32)
    for start in range(0, len(action_mask), _CHUNK):
        part = slice(start, start + _CHUNK)
        scores, _ = infer(network, {name: array[part] for name, array in inputs.items()})
        with torch.inference_mode():
            out[part] = masked_log_probabilities(scores, torch.from_numpy(action_mask[part])).numpy()
    return out


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all parameters."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def clip_gradients(network: nn.Module, max_norm: float) -> float:
    """Scale gradients down to a norm; the norm that they had."""
    return float(nn.utils.clip_grad_norm_(network.parameters(), max_norm))
