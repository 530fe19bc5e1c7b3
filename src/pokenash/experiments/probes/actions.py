"""Actions in words, as probes and endgames name them: ``"move Body Slam"``, ``"switch Tauros"``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.games.showdown.dex import Dex
from pokenash.games.showdown.observation import Layout

__all__ = ["action_words"]

_MOVES, _TEAM = 4, 6


def action_words(observation: Mapping[str, NDArray[Any]], action_mask: NDArray[np.bool_], dex: Dex) -> dict[int, str]:
    """The legal actions of one row in words, by action.

    Parameters
    ----------
    observation : mapping of str to array
        One row of the observation ``tensor``, without the batch axis.
    action_mask : bool array, ``[A]``
        Gimmicks are left out.
    dex : Dex
        Of the format.
    """
    layout = Layout.load()
    moves = observation["move_ids"][:, layout.column("move_ids", "move")]
    species = observation["pokemon_ids"][:, layout.column("pokemon_ids", "species")]
    names = dex.names
    words = {slot: f"move {names['moves'][int(moves[slot])]}" for slot in range(_MOVES)}
    words |= {_MOVES + slot: f"switch {names['species'][int(species[slot])]}" for slot in range(_TEAM)}
    return {action: word for action, word in words.items() if action_mask[action]}
