"""What a policy does at every information state of a game, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import InputError
from pokenash.games.core import Decisions
from pokenash.policies.core import Policy

if TYPE_CHECKING:
    from pokenash.games.openspiel import InformationStates

__all__ = ["Table", "behaviour", "distributions"]

Table = NDArray[np.float64]
"""Probabilities of actions at every information state of a game, ``[N, A]``, in the order of `information_states`."""

# Rows that a policy is asked at a time, so that a network's activations stay small.
_CHUNK = 8192
# Networks say probabilities in float32.
_SUM_TOLERANCE = 1e-4


def behaviour(states: InformationStates, policy: Policy) -> Table:
    """Probabilities of actions that a policy says at every information state, ``[N, A]``.

    A policy that remembers is led to every information state through the player's own information states before it.

    Raises
    ------
    InputError
        If the policy cannot say its probabilities (a mixture cannot), or what it says is no distribution over legal
        actions.
    """
    answers = np.zeros(states.action_mask.shape)
    for start in range(0, len(states), _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, len(states)))
        memory = policy.initial_memory(len(rows))
        paths = [rows] if _is_nothing(memory) else _paths(states, rows)
        try:
            for path in paths:
                lane = np.flatnonzero(path >= 0)
                answers[rows[lane]] = policy.action_probabilities(_decisions(states, lane, path[lane]), memory)
        except NotImplementedError as error:
            raise InputError(f"exact values need a policy's action probabilities: {error}") from error
    return distributions(answers, states.action_mask, type(policy).__name__)


def _paths(states: InformationStates, rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """For each number of decisions, the information state at which each row's player then was, ``[rows]``.

    -1 once it has come to the row itself, whose last answer so is the one that is asked for.
    """
    paths = np.full((int(states.decision[rows].max()) + 1, len(rows)), -1)
    column, at = np.arange(len(rows)), rows
    while len(at):
        paths[states.decision[at], column] = at
        before = states.previous[at]
        column, at = column[before >= 0], before[before >= 0]
    return list(paths)


def _decisions(states: InformationStates, lane: NDArray[np.int64], at: NDArray[np.int64]) -> Decisions:
    return Decisions(lane, at, states.player[at], states.decision[at], states.observation[at], states.action_mask[at])


def _is_nothing(memory: Any) -> bool:
    return memory is None or (isinstance(memory, list | tuple) and all(_is_nothing(part) for part in memory))


def distributions(table: Table, action_mask: NDArray[np.bool_], name: str) -> Table:
    """The table with rows that sum to 1 but for rounding.

    Raises
    ------
    InputError
        If it is no table of distributions over legal actions.
    """
    table = np.asarray(table, np.float64)
    if table.shape != action_mask.shape:
        raise InputError(f"{name}: expected probabilities of shape {action_mask.shape}, got {table.shape}")
    sums = table.sum(axis=1)
    wrong = (np.abs(sums - 1) > _SUM_TOLERANCE) | ~np.isfinite(sums) | (table < 0).any(axis=1)
    wrong |= (table * ~action_mask).any(axis=1)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(
            f"{name}: expected probabilities of legal actions that sum to 1; in information state {row} they are "
            f"{table[row].tolist()}, legal are {np.flatnonzero(action_mask[row]).tolist()}"
        )
    normalised: Table = table / sums[:, None]
    return normalised
