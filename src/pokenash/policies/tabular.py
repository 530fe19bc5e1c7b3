"""Policies that are tables: kind ``"tabular"``, probabilities of actions for every observation of a player.

For games whose observations can be listed, such as the information states of small games. On disk a table is one
safetensors file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from pokenash.errors import InputError
from pokenash.files import replace_file
from pokenash.games.core import Decisions, Game
from pokenash.policies.core import DecisionRandom, Policy, sample_actions
from pokenash.policies.spec import PolicySpec, file_sha256

__all__ = ["RowIndex", "TabularPolicy", "load", "row_keys", "save_tabular_policy"]

_NAMES = ("action_mask", "observation", "player", "probabilities")
_MULTIPLIER_SEED = 0x7461626C


def row_keys(player: NDArray[np.int64], observation: NDArray[Any]) -> NDArray[np.uint64]:
    """A 64-bit key of every (player, row), the same for the same bits in any batch, ``[B]``.

    A multilinear hash (Lemire & Kaser, "Strongly universal string hashing is fast", 2014) of the row's 32-bit words.
    """
    flat = np.ascontiguousarray(observation.reshape(len(observation), -1), np.float32)
    # So that 0.0 and -0.0, which are equal, have one key.
    words = (flat + np.float32(0)).view(np.uint32).astype(np.uint64)
    multipliers = np.random.default_rng(_MULTIPLIER_SEED).integers(0, 2**64, words.shape[1] + 2, np.uint64)
    keys = words @ multipliers[2:] + multipliers[0] * player.astype(np.uint64) + multipliers[1]
    mixed: NDArray[np.uint64] = keys ^ (keys >> np.uint64(32))
    return mixed


class RowIndex:
    """Where a (player, observation) stands in a table.

    Parameters
    ----------
    player : int64 array, ``[N]``
    observation : float32 array, ``[N, ...]``
        All pairs of player and row are different.
    """

    def __init__(self, player: NDArray[np.int64], observation: NDArray[np.float32]) -> None:
        keys = row_keys(player, observation)
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        self._player = player
        self._observation = observation.reshape(len(observation), -1)
        if (self._keys[1:] == self._keys[:-1]).any():
            raise InputError("a table of observations has the same player and observation twice")

    def find(self, player: NDArray[np.int64], observation: NDArray[Any]) -> NDArray[np.int64]:
        """Index of every row, -1 where it is not in the table, ``[B]``."""
        if not len(self._keys):
            return np.full(len(player), -1, np.int64)
        keys = row_keys(player, observation)
        place = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        index = self._order[place]
        flat = observation.reshape(len(observation), -1)
        if flat.shape[1] != self._observation.shape[1]:
            raise InputError(f"a table of rows of {self._observation.shape[1]} numbers was asked for {flat.shape[1]}")
        same = (self._keys[place] == keys) & (self._player[index] == player)
        same[same] = (self._observation[index[same]] == flat[same]).all(axis=1)
        found: NDArray[np.int64] = np.where(same, index, -1)
        return found


class TabularPolicy(Policy):
    """Draws actions with the probabilities that stand in a table; uniformly where it has no row.

    Parameters
    ----------
    player : int64 array, ``[N]``
    observation : float32 array, ``[N, D]``
    action_mask : bool array, ``[N, A]``
    probabilities : float64 array, ``[N, A]``
        Each row sums to 1, 0 where masked.
    complete : bool
        Whether every decision must be in the table: then one that is not is refused instead of being played uniformly.

    Raises
    ------
    InputError
        If shapes do not agree, a row is there twice, or a row's probabilities are none.
    """

    def __init__(
        self,
        player: NDArray[np.int64],
        observation: NDArray[np.float32],
        action_mask: NDArray[np.bool_],
        probabilities: NDArray[np.float64],
        *,
        complete: bool = True,
    ) -> None:
        rows = len(player)
        if not len(observation) == len(action_mask) == rows or probabilities.shape != action_mask.shape:
            raise InputError(
                f"tabular policy: got {rows} players, {len(observation)} observations, masks {action_mask.shape} and "
                f"probabilities {probabilities.shape}; expected one row of each"
            )
        sums = probabilities.sum(axis=1)
        if (probabilities < 0).any() or (probabilities[~action_mask] != 0).any() or (abs(sums - 1) > 1e-6).any():
            raise InputError("tabular policy: expected probabilities >= 0 of legal actions that sum to 1 in every row")
        self.player = player
        self.observation = np.ascontiguousarray(observation.reshape(rows, -1), np.float32)
        self.action_mask = action_mask
        self.probabilities = probabilities
        self.complete = complete
        self._index = RowIndex(player, self.observation)

    def lookup(
        self, player: NDArray[np.int64], observation: NDArray[Any], action_mask: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float64]:
        """Probabilities of actions, ``[B, A]``; rows that are not in the table need their mask."""
        index = self._index.find(player, observation)
        probabilities: NDArray[np.float64] = self.probabilities[index]
        missing = index < 0
        if missing.any():
            if self.complete or action_mask is None:
                raise InputError(f"tabular policy: {int(missing.sum())} of {len(index)} decisions are not in its table")
            uniform = action_mask[missing]
            probabilities[missing] = uniform / uniform.sum(axis=1, keepdims=True)
        return probabilities

    def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        return sample_actions(self.action_probabilities(decisions, memory), rng.uniform(decisions)[:, 0])

    def action_probabilities(self, decisions: Decisions, memory: Any) -> NDArray[np.float64]:
        if isinstance(decisions.observation, dict):
            raise InputError("tabular policy: expected an observation that is one array, got a dict of arrays")
        return self.lookup(decisions.player, decisions.observation, decisions.action_mask)


def save_tabular_policy(name: str, policy: TabularPolicy, path: Path) -> PolicySpec:
    """Write the table, moved into place when whole, and describe the policy.

    Parameters
    ----------
    name : str
    policy : TabularPolicy
    path : Path
        Of the ``.safetensors`` file.
    """
    data = save({part: np.ascontiguousarray(getattr(policy, part)) for part in _NAMES})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, data)
    except OSError as error:
        raise InputError(f"cannot write the table to {path}: {error.strerror or error}") from error
    parameters = {} if policy.complete else {"complete": False}
    return PolicySpec(name, "tabular", parameters, str(path), file_sha256(path))


def load(spec: PolicySpec, game: Game) -> TabularPolicy:
    """Make the policy of a spec of kind ``"tabular"``; its one parameter is ``complete``.

    Raises
    ------
    InputError
        If the file cannot be used or is for a game of other observations or actions.
    """
    unknown = set(spec.parameters) - {"complete"}
    if unknown:
        raise InputError(f"policy {spec.name!r}: unknown parameters {sorted(unknown)}; known: ['complete']")
    path = spec.checkpoint_path()
    try:
        parts = load_file(path)
        policy = TabularPolicy(
            parts["player"], parts["observation"], parts["action_mask"], parts["probabilities"],
            complete=bool(spec.parameters.get("complete", True)),
        )  # fmt: skip
    except (OSError, KeyError, SafetensorError) as error:
        raise InputError(f"policy {spec.name!r}: {path} is not the table of a policy: {error}") from error
    except InputError as error:
        raise InputError(f"policy {spec.name!r}: {path}: {error}") from error
    # Observations that are one number have the shape (); those of several parts have none.
    shape = game.observation_space.shape
    size = 0 if shape is None else int(np.prod(shape))
    if policy.observation.shape[1] != size or policy.probabilities.shape[1] != game.num_actions:
        raise InputError(
            f"policy {spec.name!r}: the table is for observations of {policy.observation.shape[1]} numbers and "
            f"{policy.probabilities.shape[1]} actions; {game.name} has {size} and {game.num_actions}"
        )
    return policy
