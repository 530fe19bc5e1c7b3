"""What every game looks like to the rest of the package: many episodes advanced together.

Algorithms never step one environment at a time. They ask a `Game` for a `VectorGame`, hand it a schedule of
`EpisodeSetup`, and answer batches of `Decisions` until the schedule is played out.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import gymnasium
import numpy as np
from numpy.typing import NDArray

__all__ = ["Decisions", "EpisodeResult", "EpisodeSetup", "Game", "Observation", "VectorGame", "no_decisions"]

Observation = NDArray[Any] | dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class EpisodeSetup:
    """What is fixed about an episode before it starts.

    Parameters
    ----------
    episode : int
        Index of the episode, unique in its schedule. Policies' randomness is keyed by it.
    seed : int
        Seed of the game itself, in ``[0, 2**64)``. The same seed, options and actions give the same episode.
    options : mapping
        The game's own settings, JSON-able; for Showdown ``{"teams": [i, j]}``, indices into the game's team set.
    text : tuple of bool
        For which of the two players `Decisions.text` is wanted. Costs time; off by default.
    record : bool
        Whether `EpisodeResult.record` shall hold what is needed to play the episode again.
    """

    episode: int
    seed: int
    options: Mapping[str, Any] = field(default_factory=dict)
    text: tuple[bool, bool] = (False, False)
    record: bool = False


@dataclass(frozen=True, slots=True)
class EpisodeResult:
    """How an episode ended.

    Parameters
    ----------
    episode, seed, options
        As in the `EpisodeSetup`.
    returns : tuple of float
        Return of each player; they sum to 0. A win is ``(1, -1)``, a tie ``(0, 0)``.
    length : int
        Number of decisions that were made in the episode, both players together.
    reason : str
        Why it ended: ``"win"``, ``"tie"``, ``"turn limit"``, ``"forfeit"``, ``"truncated"`` or ``"error"``.
    info : mapping
        The game's own figures, such as ``"turns"``; with the reason ``"error"`` whatever reproduces it.
    record : mapping or None
        What is needed to play the episode again, if the setup asked for it.
    """

    episode: int
    seed: int
    options: Mapping[str, Any]
    returns: tuple[float, float]
    length: int
    reason: str
    info: Mapping[str, Any] = field(default_factory=dict)
    record: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Decisions:
    """The decision points that are now open, one row each.

    A simultaneous move shows as two rows of one episode; where only one player is asked, as one row.

    Parameters
    ----------
    lane : int64 array, ``[B]``
        The place that the episode occupies, in ``[0, num_lanes)``; a policy's memory is indexed by it.
    episode : int64 array, ``[B]``
    player : int64 array, ``[B]``
        0 or 1.
    decision : int64 array, ``[B]``
        How many decisions this player has been asked for before in this episode; 0 tells a policy to forget.
    observation : array or dict of arrays, ``[B, ...]``
        May be a view that is valid only until the next `VectorGame.step`: copy what is kept.
    action_mask : bool array, ``[B, A]``
        Legal actions; every row has at least one.
    text : sequence of str or None
        For rows whose setup asked for it, what the player was told since its last decision (for Showdown:
        protocol lines, the last of them ``|request|...``); ``""`` for other rows. None if no row asked.
    """

    lane: NDArray[np.int64]
    episode: NDArray[np.int64]
    player: NDArray[np.int64]
    decision: NDArray[np.int64]
    observation: Observation
    action_mask: NDArray[np.bool_]
    text: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.lane)

    def select(self, rows: NDArray[Any]) -> Decisions:
        """The given rows (indices or a bool mask, ``[B]``) as a `Decisions` of their own; arrays are copied."""
        observation = (
            {name: value[rows] for name, value in self.observation.items()}
            if isinstance(self.observation, dict)
            else self.observation[rows]
        )
        text = None
        if self.text is not None:
            index = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
            text = [self.text[int(i)] for i in index]
        return Decisions(
            self.lane[rows],
            self.episode[rows],
            self.player[rows],
            self.decision[rows],
            observation,
            self.action_mask[rows],
            text,
        )


def no_decisions(num_actions: int, observation: Observation) -> Decisions:
    """A `Decisions` of no rows; `observation` gives the shapes (its first axis is cut to length 0)."""
    empty = np.zeros(0, np.int64)
    cut = {k: v[:0] for k, v in observation.items()} if isinstance(observation, dict) else observation[:0]
    return Decisions(empty, empty, empty, empty, cut, np.zeros((0, num_actions), np.bool_))


class VectorGame(ABC):
    """Many episodes of one two-player zero-sum game, advanced together.

    `start` takes the schedule and returns the first open decisions; `step` answers *exactly the rows that were
    last returned* and gives the next ones. The next rows need not belong to the same lanes: an implementation may
    keep several groups of lanes going and hand them out in turn. A finished lane takes the next episode of the
    schedule at once. No rows are returned only when the whole schedule has been played.

    Use it as a context manager, or call `close`.
    """

    num_lanes: int
    num_actions: int
    observation_space: gymnasium.Space[Any]

    @abstractmethod
    def start(self, schedule: Iterable[EpisodeSetup]) -> tuple[Decisions, list[EpisodeResult]]:
        """Begin a schedule, giving up whatever was in play. The schedule is drawn from lazily."""

    @abstractmethod
    def step(self, actions: NDArray[np.integer[Any]]) -> tuple[Decisions, list[EpisodeResult]]:
        """Answer the rows returned last.

        Parameters
        ----------
        actions : int array, ``[B]``
            One action per row.

        Returns
        -------
        decisions : Decisions
            The rows to be answered next; empty when everything is played.
        results : list of EpisodeResult
            Episodes that ended.

        Raises
        ------
        IllegalActionError
            If a row's action is masked out. Nothing has been changed; `step` may be called again.
        """

    def close(self) -> None:
        """Release processes and memory. May be called more than once."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Game(ABC):
    """A two-player zero-sum game, described well enough to be played anywhere.

    A game is a small value: it can be written to JSON (`config`), and makes `VectorGame`s (`vector`).
    """

    name: str
    num_actions: int
    observation_space: gymnasium.Space[Any]

    @abstractmethod
    def vector(self, num_lanes: int, num_workers: int = 1) -> VectorGame:
        """Make a `VectorGame` with this many lanes, spread over this many worker processes where it has any."""

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """JSON-able description from which `pokenash.games.load_game` makes an equal game."""

    def sample_options(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw the `EpisodeSetup.options` of one match-up, such as the two teams. Default: none."""
        return {}
