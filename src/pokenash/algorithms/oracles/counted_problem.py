"""One player's decision problem against an opponent that stays as it is, as far as it has been counted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.games.core import Decisions
from pokenash.policies.tabular import TabularPolicy

__all__ = ["CountedProblem"]

_FIRST_CAPACITY = 1024
# Where an observation can come again in one game, values need not settle.
_MAX_SWEEPS = 1000


class CountedProblem:
    """States that were met, how often each action was taken in them, and what followed.

    Attributes
    ----------
    size : int
        Number of states.
    best : int64 array, ``[capacity]``
        The best known action of each state; -1 before the problem has been solved with it.
    """

    def __init__(self) -> None:
        self.size = 0
        self.best: NDArray[np.int64] = np.full(0, -1, np.int64)
        self._known = np.zeros(0, np.uint64), np.zeros(0, np.int64)
        self._tables: dict[str, NDArray[Any]] = {}
        # What followed what: (state, action, next state), and how often.
        self._moves, self._times = np.zeros((0, 3), np.int64), np.zeros(0, np.int64)
        self._num_ends, self._squares = 0, 0.0

    def find(self, keys: NDArray[np.uint64], decisions: Decisions) -> NDArray[np.int64]:
        """Numbers of the states with these keys, ``[B]``; new ones are added."""
        known, number = self._known
        place = np.minimum(np.searchsorted(known, keys), max(len(known) - 1, 0))
        found = known[place] == keys if len(known) else np.zeros(len(keys), np.bool_)
        states = np.full(len(keys), -1, np.int64)
        states[found] = number[place[found]]
        if not found.all():
            self._add(keys, decisions, np.flatnonzero(~found))
            known, number = self._known
            states = number[np.searchsorted(known, keys)]
        return states

    def _add(self, keys: NDArray[np.uint64], decisions: Decisions, rows: NDArray[np.int64]) -> None:
        new, first = np.unique(keys[rows], return_index=True)
        rows = rows[first]
        assert not isinstance(decisions.observation, dict)
        numbers = np.arange(self.size, self.size + len(new))
        self._reserve(self.size + len(new), decisions)
        flat = decisions.observation.reshape(len(decisions), -1)
        self._tables["player"][numbers] = decisions.player[rows]
        self._tables["observation"][numbers] = flat[rows]
        self._tables["action_mask"][numbers] = decisions.action_mask[rows]
        self.size += len(new)
        merged = np.concatenate([self._known[0], new])
        order = np.argsort(merged)
        self._known = merged[order], np.concatenate([self._known[1], numbers])[order]

    def _reserve(self, size: int, decisions: Decisions) -> None:
        """Room for so many states, by doubling."""
        capacity = len(self.best)
        if size <= capacity:
            return
        assert not isinstance(decisions.observation, dict)
        width = int(np.prod(decisions.observation.shape[1:]))
        actions = decisions.action_mask.shape[1]
        fresh = max(_FIRST_CAPACITY, 2 * size)
        tables: dict[str, NDArray[Any]] = {
            "player": np.zeros(fresh, np.int64),
            "observation": np.zeros((fresh, width), np.float32),
            "action_mask": np.zeros((fresh, actions), np.bool_),
            "visits": np.zeros((fresh, actions), np.int64),
            "ended": np.zeros((fresh, actions)),
        }
        for name, table in self._tables.items():
            tables[name][:capacity] = table
        best = np.full(fresh, -1, np.int64)
        best[:capacity] = self.best
        self.best, self._tables = best, tables

    def count(
        self,
        state: NDArray[np.int64],
        action: NDArray[np.int64],
        last: NDArray[np.bool_],
        outcome: NDArray[np.float64],
    ) -> None:
        """Count decisions, ordered so that those of one player in one game follow one another.

        Parameters
        ----------
        state, action : int64 arrays, ``[N]``
        last : bool array, ``[N]``
            Whether it was the player's last decision of the game.
        outcome : float64 array, ``[N]``
            The player's return at the end.
        """
        np.add.at(self._tables["visits"], (state, action), 1)
        np.add.at(self._tables["ended"], (state[last], action[last]), outcome[last])
        going = np.flatnonzero(~last)
        moves = np.column_stack([state[going], action[going], state[going + 1]])
        found, times = np.unique(moves, axis=0, return_counts=True)
        self._moves, inverse = np.unique(np.concatenate([self._moves, found]), axis=0, return_inverse=True)
        self._times = np.bincount(inverse.reshape(-1), np.concatenate([self._times, times])).astype(np.int64)
        self._num_ends += int(last.sum())
        self._squares += float((outcome[last] ** 2).sum())

    def solve(self, caution: float) -> None:
        """Set `best` by value iteration: sweeps until nothing changes, which is after as many as a game has decisions.

        Parameters
        ----------
        caution : float
            An action is judged by its mean less so many standard errors; it is worth its mean to those that lead there.
        """
        size = self.size
        visits = self._tables["visits"][:size]
        mask = self._tables["action_mask"][:size]
        tried = mask & (visits > 0)
        deviation = np.sqrt(self._squares / max(self._num_ends, 1))
        values = np.zeros(size)
        reach = caution * deviation / np.sqrt(np.maximum(visits, 1))
        rows = np.arange(size)
        best = np.full(size, -1, np.int64)
        for _ in range(_MAX_SWEEPS):
            total = self._tables["ended"][:size].copy()
            np.add.at(total, (self._moves[:, 0], self._moves[:, 1]), self._times * values[self._moves[:, 2]])
            mean = total / np.maximum(visits, 1)
            chosen = np.where(tried, mean - reach, -np.inf).argmax(axis=1)
            after = np.where(tried.any(axis=1), mean[rows, chosen], 0.0)
            done = np.array_equal(chosen, best) and np.array_equal(after, values)
            values, best = after, chosen
            if done:
                break
        self.best[:size] = np.where(tried.any(axis=1), best, -1)

    def policy(self) -> TabularPolicy:
        """The best known action of every state that was met; uniform elsewhere."""
        size, mask = self.size, self._tables["action_mask"][: self.size]
        probabilities = mask / mask.sum(axis=1, keepdims=True)
        known = np.flatnonzero(self.best[:size] >= 0)
        probabilities[known] = 0.0
        probabilities[known, self.best[known]] = 1.0
        return TabularPolicy(
            self._tables["player"][:size].copy(),
            self._tables["observation"][:size].copy(),
            mask.copy(),
            probabilities,
            complete=False,
        )
