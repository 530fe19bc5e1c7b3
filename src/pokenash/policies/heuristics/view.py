"""Reading the tensor observation, and the choice among equals that all heuristics share."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import InputError
from pokenash.games.core import Decisions, Observation
from pokenash.games.showdown.observation import Layout
from pokenash.policies.core import DecisionRandom

__all__ = [
    "BASE_ACTIONS",
    "MOVES",
    "OWN",
    "SWITCHES",
    "active_rows",
    "blocks",
    "choose",
    "columns",
    "take_rows",
    "uniforms",
    "with_gimmick",
]

MOVES = slice(0, 4)
SWITCHES = slice(4, 10)
BASE_ACTIONS = slice(0, 10)
"""Actions that are not gimmicks; some of them is legal whenever a choice is asked."""

OWN = slice(0, 6)
"""Rows of the player's own Pokémon; the opponent's are the other six."""


@cache
def columns(block: str, *names: str) -> tuple[int, ...]:
    """Positions of named columns in a block of the observation."""
    layout = Layout.load()
    return tuple(layout.column(block, name) for name in names)


def blocks(observation: Observation) -> Mapping[str, NDArray[Any]]:
    """The observation's blocks by name.

    Raises
    ------
    InputError
        If it is not Showdown's ``tensor`` observation.
    """
    if not isinstance(observation, dict) or "pokemon_ids" not in observation:
        raise InputError("the heuristics need Showdown's observation 'tensor'; make the game with observation='tensor'")
    return observation


def active_rows(pokemon: NDArray[np.float32], first: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Which of six rows from `first` on is on the field, ``[B]`` (`first` if none), and whether there is one."""
    flags = pokemon[:, first : first + 6, columns("pokemon", "active")[0]]
    slot = flags.argmax(axis=1)
    return slot + first, flags.max(axis=1) > 0


def take_rows(block: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[Any]:
    """One row of each batch entry: ``block[b, rows[b]]``, ``[B, columns]``."""
    found: NDArray[Any] = block[np.arange(len(rows)), rows]
    return found


def choose(
    scores: NDArray[np.floating[Any]], mask: NDArray[np.bool_], uniform: NDArray[np.float64]
) -> NDArray[np.int64]:
    """The legal action with the highest score; among equals each with equal probability.

    Parameters
    ----------
    scores : float array, ``[B, 10]``
        Finite scores of the base actions.
    mask : bool array, ``[B, A]``
    uniform : float64 array, ``[B, 10]``
        Numbers in [0, 1), one per base action.
    """
    base = mask[:, BASE_ACTIONS]
    masked = np.where(base, scores, -np.inf)
    best = base & (masked == masked.max(axis=1, keepdims=True))
    action = np.where(best, uniform, -1.0).argmax(axis=1)
    # Without a legal base action (no format has that today) the first legal one keeps the promise of legality.
    found: NDArray[np.int64] = np.where(best.any(axis=1), action, mask.argmax(axis=1))
    return found


def uniforms(decisions: Decisions, rng: DecisionRandom) -> NDArray[np.float64]:
    """One uniform number per base action, ``[B, 10]``."""
    return rng.uniform(decisions, BASE_ACTIONS.stop)


def with_gimmick(actions: NDArray[np.int64], mask: NDArray[np.bool_], wanted: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The chosen moves with the format's first gimmick that is legal for them, where it is wanted.

    Parameters
    ----------
    actions : int64 array, ``[B]``
        Base actions.
    mask : bool array, ``[B, A]``
    wanted : bool array, ``[B]``
    """
    found = actions.copy()
    batch = np.arange(len(actions))
    is_move = wanted & (actions < MOVES.stop)
    for first in range(mask.shape[1] - MOVES.stop, BASE_ACTIONS.stop - 1, -MOVES.stop):
        combined = np.where(is_move, actions + first, 0)
        found = np.where(is_move & mask[batch, combined], combined, found)
    return found
