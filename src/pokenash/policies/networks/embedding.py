"""Embedded ids: learned vectors combined with the static facts of a dex, one table for all columns of a block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["NameEmbedding", "RoleTables"]

_STD = 0.1
# Keeps roles such as "type" apart from the attributes of a `ModuleDict`.
_KEY = "of_"


class NameEmbedding(nn.Module):
    """Vectors for a list of names: learned, plus a projection of static features that travel with the weights.

    Parameters
    ----------
    count : int
        Number of names.
    width : int
    num_features : int
        Width of the static features; 0 for none.
    """

    features: Tensor

    def __init__(self, count: int, width: int, num_features: int = 0) -> None:
        super().__init__()
        self.learned = nn.Parameter(torch.randn(count, width) * _STD)
        self.register_buffer("features", torch.zeros(count, num_features))
        self.project = nn.Linear(num_features, width, bias=False) if num_features else None

    def forward(self) -> Tensor:
        """All vectors, ``[count, width]``."""
        if self.project is None:
            return self.learned
        projected: Tensor = self.project(self.features)
        return self.learned + projected


class RoleTables(nn.Module):
    """Sums, per token, what the ids of its columns stand for, each in its role.

    The same move means one thing among the known moves and another as the last move used: each role projects the shared
    `NameEmbedding` with its own matrix. All tables are laid end to end, so that one lookup sums all columns of a token.

    Parameters
    ----------
    roles : sequence of (str, str)
        For every column its role and the list of names it refers to; columns of one role share a projection.
    counts : mapping of str to int
        Number of names of every list.
    embedding, width : int
        Widths of the shared embeddings and of the tokens.
    """

    offsets: Tensor

    def __init__(self, roles: Sequence[tuple[str, str]], counts: Mapping[str, int], embedding: int, width: int) -> None:
        super().__init__()
        self._lists = dict(roles)
        self.projections = nn.ModuleDict({_KEY + role: nn.Linear(embedding, width, bias=False) for role in self._lists})
        starts, total = {}, 0
        for role, names in self._lists.items():
            starts[role] = total
            total += counts[names]
        offsets = torch.tensor([starts[role] for role, _ in roles], dtype=torch.int32)
        self.register_buffer("offsets", offsets, persistent=False)

    def table(self, embeddings: Mapping[str, Tensor]) -> Tensor:
        """All roles' vectors laid end to end, ``[V, width]``; `embeddings` are the shared ones by list of names."""
        return torch.cat([self.projections[_KEY + role](embeddings[names]) for role, names in self._lists.items()])

    def forward(self, ids: Tensor, table: Tensor, weights: Tensor | None = None) -> Tensor:
        """Sum of the columns' vectors.

        Parameters
        ----------
        ids : integer Tensor, ``[N, C]``
        table : Tensor
            From `table`.
        weights : float32 Tensor, ``[N, C]``, optional

        Returns
        -------
        float32 Tensor, ``[N, width]``
        """
        summed: Tensor = functional.embedding_bag(ids + self.offsets, table, mode="sum", per_sample_weights=weights)
        return summed
