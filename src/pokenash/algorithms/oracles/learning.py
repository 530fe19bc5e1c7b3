"""Shared by the ways to train a network: torch made repeatable, and minibatches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pokenash.policies.networks import to_tensors

__all__ = ["clip_gradients", "minibatches", "repeatable_torch", "set_learning_rate"]


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


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all parameters."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def clip_gradients(network: nn.Module, max_norm: float) -> float:
    """Scale gradients down to a norm; the norm that they had."""
    return float(nn.utils.clip_grad_norm_(network.parameters(), max_norm))
