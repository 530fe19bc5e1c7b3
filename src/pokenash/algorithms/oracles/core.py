"""What an oracle is: something that finds a policy which does well against a mixture."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from pokenash.games.core import Game
from pokenash.policies.spec import PolicySpec

__all__ = ["Oracle", "derive_seed"]


class Oracle(Protocol):
    """Trains approximate best responses."""

    def config(self) -> dict[str, Any]:
        """JSON-able settings: all that the result of `train` depends on besides its arguments."""
        ...

    def train(
        self,
        game: Game,
        opponent: PolicySpec,
        *,
        population: Sequence[PolicySpec],
        name: str,
        directory: Path,
        seed: int,
        iteration: int,
    ) -> PolicySpec:
        """Find a best response.

        Parameters
        ----------
        game : Game
        opponent : PolicySpec
            A mixture (or any policy), whose member is drawn per episode.
        population : sequence of PolicySpec
            All policies so far; an oracle may start from one of them.
        name : str
            Of the policy to be returned.
        directory : Path
            For checkpoints and logs. A training that was killed and is called again with the same arguments and
            directory ends with the same policy.
        seed : int
            Of everything that is drawn.
        iteration : int
            Which iteration of PSRO asks, from 0.

        Returns
        -------
        PolicySpec
            Its checkpoint, if any, lies under `directory`.
        """
        ...


def derive_seed(seed: int, *keys: int | str) -> int:
    """A 64-bit seed for one purpose, which says nothing of those for others.

    Parameters
    ----------
    seed : int
    *keys : int or str
        What it is for, such as an iteration and the name of a phase.
    """
    text = "/".join([str(int(seed)), *(str(key) for key in keys)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
