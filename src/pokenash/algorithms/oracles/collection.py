"""What a learner keeps of the battles that it plays: rows, and the returns that they led to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from pokenash.arena import MatchResult
from pokenash.games.core import Decisions, Observation
from pokenash.policies.core import DecisionRandom, Policy, sample_actions
from pokenash.policies.networks import Network, infer, masked_log_probabilities

__all__ = ["Learner", "Observer", "Rows", "ValuesActions", "advantages"]

_FIRST_CAPACITY = 4096


@dataclass(frozen=True)
class Rows:
    """Decisions of finished episodes, ordered by (episode, player, decision).

    Parameters
    ----------
    inputs : mapping of str to array, ``[N, ...]``
        The network's prepared observations.
    action_mask : bool array, ``[N, A]``
    action : int64 array, ``[N]``
    log_probability : float32 array, ``[N]``
        Of the action when it was drawn; 0 where a teacher chose.
    value : float32 array, ``[N]``
        Of the network when it was asked; 0 where a teacher chose.
    outcome : float32 array, ``[N]``
        Return of the row's player at the end of the episode.
    last : bool array, ``[N]``
        Whether it is the player's last decision of the episode.
    lesson : float32 array, ``[N, A]``, or None
        Probabilities of actions that a teacher would have taught; None where none was there.
    """

    inputs: Mapping[str, NDArray[Any]]
    action_mask: NDArray[np.bool_]
    action: NDArray[np.int64]
    log_probability: NDArray[np.float32]
    value: NDArray[np.float32]
    outcome: NDArray[np.float32]
    last: NDArray[np.bool_]
    lesson: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.action)


class _Table:
    """Named columns that grow by doubling, so that appending a batch is one copy."""

    def __init__(self) -> None:
        self.size = 0
        self._columns: dict[str, NDArray[Any]] = {}

    def append(self, batch: Mapping[str, NDArray[Any]]) -> None:
        rows = len(next(iter(batch.values())))
        if not self._columns:
            self._columns = {k: np.empty((_FIRST_CAPACITY, *v.shape[1:]), v.dtype) for k, v in batch.items()}
        capacity = len(next(iter(self._columns.values())))
        while capacity < self.size + rows:
            capacity *= 2
        for name, column in self._columns.items():
            if len(column) < capacity:
                grown = np.empty((capacity, *column.shape[1:]), column.dtype)
                grown[: self.size] = column[: self.size]
                self._columns[name] = column = grown
            column[self.size : self.size + rows] = batch[name]
        self.size += rows

    def take(self) -> dict[str, NDArray[Any]]:
        """The filled part of every column (views); the table is then empty and reuses its memory."""
        size, self.size = self.size, 0
        return {name: column[:size] for name, column in self._columns.items()}


_KEYS = ("episode", "player", "decision", "action", "log_probability", "value", "action_mask")


class _Recorder(Policy):
    """Base of the policies that keep what they do."""

    def __init__(self, prepare: Callable[[Observation], dict[str, NDArray[Any]]]) -> None:
        self._prepare = prepare
        self._table = _Table()
        self._returns: dict[int, tuple[float, float]] = {}

    def _keep(
        self,
        decisions: Decisions,
        inputs: Mapping[str, NDArray[Any]],
        action: NDArray[np.int64],
        log_probability: NDArray[np.float32],
        value: NDArray[np.float32],
        **more: NDArray[Any],
    ) -> None:
        own = (decisions.episode, decisions.player, decisions.decision, action, log_probability, value)
        batch: dict[str, NDArray[Any]] = dict(zip(_KEYS, (*own, decisions.action_mask), strict=True))
        self._table.append({**{f"input.{name}": array for name, array in inputs.items()}, **batch, **more})

    def on_result(self, result: MatchResult) -> None:
        """Take the returns of an episode; battles that ended with an error teach nothing."""
        if result.counted:
            self._returns[result.result.episode] = result.result.returns

    def take_rows(self) -> Rows:
        """All rows of finished episodes since the last call; they are forgotten here."""
        table = self._table.take()
        returns, self._returns = self._returns, {}
        episodes = np.array(sorted(returns), np.int64)
        outcomes = np.array([returns[int(episode)] for episode in episodes], np.float32).reshape(-1, 2)
        if not table or not len(episodes):
            raise RuntimeError("no finished episode to learn from")
        place = np.minimum(np.searchsorted(episodes, table["episode"]), len(episodes) - 1)
        finished = np.flatnonzero(episodes[place] == table["episode"])
        keys = [table[name][finished] for name in ("decision", "player", "episode")]
        order = finished[np.lexsort(keys)]
        episode, player = table["episode"][order], table["player"][order]
        last = np.ones(len(order), np.bool_)
        last[:-1] = (episode[1:] != episode[:-1]) | (player[1:] != player[:-1])
        return Rows(
            {name.removeprefix("input."): a[order] for name, a in table.items() if name.startswith("input.")},
            table["action_mask"][order],
            table["action"][order],
            table["log_probability"][order],
            table["value"][order],
            outcomes[place[order], player],
            last,
            table["lesson"][order] if "lesson" in table else None,
        )


class Learner(_Recorder):
    """Plays a network's distribution and keeps every row.

    Parameters
    ----------
    network : Network
        Asked as it is at the time; put it into inference mode before playing.
    """

    def __init__(self, network: Network) -> None:
        super().__init__(network.prepare)
        self.network = network

    def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        inputs = self._prepare(decisions.observation)
        scores, values = infer(self.network, inputs)
        with torch.inference_mode():
            mask = torch.from_numpy(np.ascontiguousarray(decisions.action_mask))
            log_probabilities = masked_log_probabilities(scores, mask).numpy()
        action = sample_actions(np.exp(log_probabilities), rng.uniform(decisions)[:, 0])
        chosen = log_probabilities[np.arange(len(action)), action]
        self._keep(decisions, inputs, action, chosen, values.numpy())
        return action


class ValuesActions(Protocol):
    """Policies that can say what every action is worth, and choose the best."""

    def values(self, decisions: Decisions) -> NDArray[np.floating[Any]]:
        """Worth of the first ``k`` actions, ``[B, k]``; of actions that are not legal, nothing sensible."""
        ...


class Observer(_Recorder):
    """Lets a teacher play and keeps what it did, as inputs of a network.

    Parameters
    ----------
    teacher : Policy
        One that has a method ``values`` (`ValuesActions`) teaches the softmax of its values, which says how much better
        one action is than another; any other teaches the action that it took.
    network : Network
        Prepares the observations.
    temperature : float
        Of that softmax, in units of the values; with 0 the action alone is taught.
    """

    def __init__(self, teacher: Policy, network: Network, temperature: float = 0.0) -> None:
        super().__init__(network.prepare)
        self._teacher = teacher
        self._temperature = temperature
        self.needs_text = teacher.needs_text

    def initial_memory(self, num_lanes: int) -> Any:
        return self._teacher.initial_memory(num_lanes)

    def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        action = self._teacher.act(decisions, memory, rng)
        nothing = np.zeros(len(action), np.float32)
        inputs = self._prepare(decisions.observation)
        self._keep(decisions, inputs, action, nothing, nothing, lesson=self._lesson(decisions, action))
        return action

    def _lesson(self, decisions: Decisions, action: NDArray[np.int64]) -> NDArray[np.float32]:
        """Probabilities to be taught, ``[B, A]``."""
        mask = decisions.action_mask
        values = getattr(self._teacher, "values", None)
        lesson = np.zeros(mask.shape, np.float32)
        if values is None or self._temperature == 0:
            lesson[np.arange(len(action)), action] = 1
            return lesson
        known = np.asarray(values(decisions), np.float32)
        legal = mask[:, : known.shape[1]]
        scores = np.where(legal, known, -np.inf) / np.float32(self._temperature)
        best = scores.max(axis=1, keepdims=True)
        weights = np.exp(np.where(legal, scores - np.where(np.isfinite(best), best, 0), -np.inf))
        lesson[:, : known.shape[1]] = weights
        # Where it values no legal action, what it did is all that it has to teach.
        lesson[np.arange(len(action)), action] += ~legal.any(axis=1)
        normalised: NDArray[np.float32] = lesson / lesson.sum(axis=1, keepdims=True)
        return normalised


def advantages(rows: Rows, discount: float, gae_lambda: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Generalised advantage estimates (Schulman et al. 2016, equation 16), the only reward being the outcome.

    Parameters
    ----------
    rows : Rows
    discount, gae_lambda : float

    Returns
    -------
    advantage, target : float32 arrays, ``[N]``
        The target is what the value should have been: value + advantage.
    """
    ends = np.flatnonzero(rows.last)
    lengths = np.diff(ends, prepend=-1)
    following = np.append(rows.value[1:], np.float32(0))
    following[ends] = 0
    error = discount * following - rows.value
    error[ends] += rows.outcome[ends]
    advantage = error.astype(np.float32)
    # All trajectories at once, from their ends backwards; the longest gives the number of steps.
    for step in range(1, int(lengths.max(initial=0))):
        place = ends[lengths > step] - step
        advantage[place] += np.float32(discount * gae_lambda) * advantage[place + 1]
    return advantage, advantage + rows.value
