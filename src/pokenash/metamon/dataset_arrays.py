"""Trajectories as the arrays that a metamon network is trained on.

Everything is shaped as metamon's own loader shapes it: an episode of T transitions has T + 1 steps, the previous
reward and action ride along as an input (``rl2``), and batches are padded with 4 (booleans with True), so that a step
is padding exactly where all of ``rl2`` is 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import InputError
from pokenash.metamon.actions import FIRST_TERA, ActionSpace
from pokenash.metamon.observations import ObservationSpace
from pokenash.metamon.rewards import Reward
from pokenash.metamon.tokenizer import Tokenizer
from pokenash.metamon.trajectories import Trajectory

__all__ = ["PADDING", "PaddedBatch", "TrainingArrays", "collate", "encode_trajectory"]

PADDING = 4
"""What padded steps hold in every array of numbers; padded booleans are True."""


@dataclass(frozen=True, eq=False)
class TrainingArrays:
    """One episode or a window of it: ``L = T + 1`` steps, ``T`` transitions, ``A`` actions.

    Parameters
    ----------
    tokens : int32 array, ``[L, W]``
        Token ids, −1 for unknown words.
    numbers : float32 array, ``[L, N]``
        The numbers of the observation.
    rl2 : float32 array, ``[L, A + 1]``
        The reward on arrival and the one-hot action that led there; zeros at the battle's first step.
    illegal : bool array, ``[L, A]``
        The complement of `ActionSpace.maybe_legal`; all True at the battle's last step.
    missing_action : bool array, ``[L, 1]``
        Where the action of the step is not known (its one-hot is that of index 0); True at the battle's last step.
    time_idx : int64 array, ``[L, 1]``
        The step in the battle, from 0.
    actions : float32 array, ``[T, A]``
        One-hot.
    rewards : float32 array, ``[T, 1]``
        Not scaled.
    dones : bool array, ``[T, 1]``
        True where the battle ended.
    """

    tokens: NDArray[np.int32]
    numbers: NDArray[np.float32]
    rl2: NDArray[np.float32]
    illegal: NDArray[np.bool_]
    missing_action: NDArray[np.bool_]
    time_idx: NDArray[np.int64]
    actions: NDArray[np.float32]
    rewards: NDArray[np.float32]
    dones: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.actions)

    def window(self, start: int, length: int) -> TrainingArrays:
        """The transitions from `start` on, at most `length` of them (views, no copies)."""
        stop = min(start + length, len(self))
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return TrainingArrays(
            **{name: value[start : stop + (len(value) > len(self))] for name, value in values.items()}
        )


@dataclass(frozen=True, eq=False)
class PaddedBatch:
    """Several episodes or windows, padded to the longest: the arrays of `TrainingArrays` with ``B`` before them."""

    tokens: NDArray[np.int32]
    numbers: NDArray[np.float32]
    rl2: NDArray[np.float32]
    illegal: NDArray[np.bool_]
    missing_action: NDArray[np.bool_]
    time_idx: NDArray[np.int64]
    actions: NDArray[np.float32]
    rewards: NDArray[np.float32]
    dones: NDArray[np.bool_]

    @property
    def padded(self) -> NDArray[np.bool_]:
        """Which steps are padding, ``[B, L]``."""
        padded: NDArray[np.bool_] = (self.rl2 == PADDING).all(-1)
        return padded

    @property
    def loss_mask(self) -> NDArray[np.bool_]:
        """Which transitions count, ``[B, L - 1, 1]``: no padding, and the action is known."""
        mask: NDArray[np.bool_] = ~(self.padded[:, 1:, None] | self.missing_action[:, :-1])
        return mask


def encode_trajectory(
    trajectory: Trajectory,
    *,
    observation_space: ObservationSpace,
    tokenizer: Tokenizer,
    action_space: ActionSpace,
    reward: Reward,
) -> TrainingArrays:
    """A trajectory as arrays.

    Parameters
    ----------
    trajectory : Trajectory
        Of T transitions.
    observation_space : ObservationSpace
        It is reset first.
    tokenizer, action_space, reward
        Of the network that is to be trained. Indices 9 to 12 (terastallization) count as the plain moves where the
        action space lacks them.
    """
    observation_space.reset()
    states, length = trajectory.states, len(trajectory)
    num_actions = action_space.num_actions
    tokens = np.empty((length + 1, observation_space.num_words), np.int32)
    numbers = np.empty((length + 1, observation_space.num_numbers), np.float32)
    illegal = np.ones((length + 1, num_actions), np.bool_)
    for step, state in enumerate(states):
        words, numbers[step] = observation_space.observe(state)
        tokens[step] = tokenizer.tokenize_words(words)
        if step < length:
            illegal[step, action_space.maybe_legal(state)] = False
    rewards = np.array([reward(states[t], states[t + 1]) for t in range(length)], np.float32)[:, None]
    missing = trajectory.actions < 0
    index = np.where(trajectory.actions < num_actions, trajectory.actions, trajectory.actions - FIRST_TERA)
    actions = np.eye(num_actions, dtype=np.float32)[np.where(missing, 0, index)]
    rl2 = np.zeros((length + 1, num_actions + 1), np.float32)
    rl2[1:] = np.concatenate((rewards, actions), axis=1)
    dones = np.zeros((length, 1), np.bool_)
    dones[-1] = True
    return TrainingArrays(
        tokens=tokens,
        numbers=numbers,
        rl2=rl2,
        illegal=illegal,
        missing_action=np.append(missing, True)[:, None],
        time_idx=np.arange(length + 1, dtype=np.int64)[:, None],
        actions=actions,
        rewards=rewards,
        dones=dones,
    )


def collate(rows: Sequence[TrainingArrays], length: int | None = None) -> PaddedBatch:
    """Episodes side by side, padded with `PADDING`.

    Parameters
    ----------
    rows : sequence of TrainingArrays
        At least one, of the same widths.
    length : int, optional
        Transitions to pad to; those of the longest row by default.

    Raises
    ------
    InputError
        If there is no row, or one is longer than `length`.
    """
    if not rows:
        raise InputError("a batch needs at least one trajectory")
    longest = max(map(len, rows))
    length = longest if length is None else length
    if longest > length:
        raise InputError(f"cannot pad to {length} transitions: a trajectory has {longest}")
    batch: dict[str, Any] = {}
    for field in fields(TrainingArrays):
        arrays = [getattr(row, field.name) for row in rows]
        steps = length + (len(arrays[0]) > len(rows[0]))
        fill = True if arrays[0].dtype == np.bool_ else PADDING
        padded = np.full((len(rows), steps, arrays[0].shape[1]), fill, arrays[0].dtype)
        for row, array in enumerate(arrays):
            padded[row, : len(array)] = array
        batch[field.name] = padded
    return PaddedBatch(**batch)
