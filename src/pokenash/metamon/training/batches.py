"""From the arrays that a data set gives to the tensors that losses are computed of."""

from __future__ import annotations

import torch

from pokenash.metamon.dataset_arrays import PaddedBatch
from pokenash.metamon.losses import TrainingBatch

__all__ = ["as_tensors"]

_UNKNOWN_WORD = -1


def as_tensors(batch: PaddedBatch, device: torch.device | str = "cpu") -> TrainingBatch:
    """A batch of the data set as tensors.

    Parameters
    ----------
    batch : pokenash.metamon.dataset_arrays.PaddedBatch
        Padded, ``L`` steps.
    device : torch.device or str

    Returns
    -------
    pokenash.metamon.losses.TrainingBatch
        What padding holds is harmless: unknown words, zeros, no transition that counts.
    """
    padded = torch.from_numpy(batch.padded)
    tokens, numbers, rl2 = (torch.from_numpy(array) for array in (batch.tokens, batch.numbers, batch.rl2))
    return TrainingBatch(
        # A vocabulary may be smaller than the number that pads.
        tokens=tokens.masked_fill(padded[..., None], _UNKNOWN_WORD),
        numbers=numbers.masked_fill(padded[..., None], 0.0),
        rl2=rl2.masked_fill(padded[..., None], 0.0),
        illegal=torch.from_numpy(batch.illegal),
        time=torch.from_numpy(batch.time_idx[..., 0]),
        actions=torch.from_numpy(batch.actions.argmax(-1)),
        rewards=torch.from_numpy(batch.rewards[..., 0]).masked_fill(padded[:, 1:], 0.0),
        dones=torch.from_numpy(batch.dones[..., 0]),
        valid=~padded[:, 1:],
        known=torch.from_numpy(batch.loss_mask[..., 0]),
    ).to(device)
