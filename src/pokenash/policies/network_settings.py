"""Sizes of networks. Apart from the networks, so that settings can be read and checked without torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from pokenash.errors import InputError

__all__ = ["MLPSettings", "TransformerSettings"]


@dataclass(frozen=True)
class TransformerSettings:
    """Size of a `TransformerNetwork`.

    Parameters
    ----------
    width : int
        Of a token.
    heads, layers : int
    feedforward : int
        Width between the two matrices of a layer's feed-forward part.
    embedding : int
        Width of the embeddings of species, moves, ....
    """

    width: int = 64
    heads: int = 4
    layers: int = 2
    feedforward: int = 256
    embedding: int = 64

    def __post_init__(self) -> None:
        sizes = asdict(self)
        if any(not isinstance(size, int) or size < 1 for size in sizes.values()) or self.width % self.heads:
            raise InputError(f"transformer: expected positive sizes and a width divisible by the heads, got {sizes}")


@dataclass(frozen=True)
class MLPSettings:
    """Size of an `MLPNetwork`.

    Parameters
    ----------
    hidden : tuple of int
        Widths of the hidden layers.
    """

    hidden: tuple[int, ...] = (128, 128)

    def __post_init__(self) -> None:
        if not self.hidden or any(not isinstance(width, int) or width < 1 for width in self.hidden):
            raise InputError(f"hidden layers: expected at least one width, all of them positive, got {self.hidden}")
