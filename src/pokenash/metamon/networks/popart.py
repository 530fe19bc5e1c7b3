"""Values at a common scale while returns grow: PopArt (van Hasselt et al. 2016, algorithm 1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["PopArt"]

_VARIANCE_RANGE = (1e-4, 1e8)
_SIGMA_RANGE = (1e-4, 1e6)


class PopArt(nn.Module):
    """Statistics of the returns of every discount, and an affine layer that keeps its outputs when they change.

    Parameters
    ----------
    discounts : int
    beta : float
        Rate of the moving averages once many batches are seen.
    """

    mu: Tensor
    nu: Tensor
    w: Tensor
    b: Tensor
    _t: Tensor

    def __init__(self, discounts: int, beta: float = 5e-4) -> None:
        super().__init__()
        self.beta = beta
        initial = {"mu": 0.0, "nu": 1.0, "w": 1.0, "b": 0.0, "_t": 1.0}
        for name, value in initial.items():
            self.register_buffer(name, torch.full((discounts, 1), value))

    @property
    def sigma(self) -> Tensor:
        """Standard deviation of the returns, ``[G, 1]``."""
        return (self.nu - self.mu.square()).clamp(*_VARIANCE_RANGE).sqrt().clamp(*_SIGMA_RANGE)

    def scale(self, raw: Tensor) -> Tensor:
        """The critics' numbers ``[..., G, A]`` as normalised values."""
        return self.w * raw + self.b

    def denormalise(self, raw: Tensor) -> Tensor:
        """The critics' numbers ``[..., G, A]`` as returns, in units of multiplied rewards."""
        return self.sigma * self.scale(raw) + self.mu

    def normalise(self, returns: Tensor) -> Tensor:
        """Returns ``[..., G, 1]`` as normalised values."""
        return (returns - self.mu) / self.sigma

    @torch.no_grad()
    def update(self, returns: Tensor, mask: Tensor) -> None:
        """Move the statistics towards those of a batch and rescale so that `denormalise` gives what it gave.

        Parameters
        ----------
        returns : float Tensor, ``[B, L, G, 1]``
        mask : bool Tensor, ``[B, L]``
            Which steps count; nothing changes where none does.
        """
        if not mask.any():
            return
        chosen = returns[mask]
        sigma, mu = self.sigma, self.mu.clone()
        self._t += 1
        rate = self.beta / (1.0 - (1.0 - self.beta) ** self._t)
        self.mu.lerp_(chosen.mean(0), rate)
        self.nu.lerp_(chosen.square().mean(0), rate)
        new_sigma = self.sigma
        self.w *= sigma / new_sigma
        self.b.copy_((sigma * self.b + mu - self.mu) / new_sigma)
