"""A `VectorGame` of episodes that are stepped one after the other in this process."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import InputError
from pokenash.games.core import Decisions, EpisodeResult, EpisodeSetup, VectorGame

__all__ = ["Lane", "LaneVectorGame"]


class Lane(Protocol):
    """The place of one episode, and the decision that is open in it."""

    setup: EpisodeSetup
    player: int
    # How many decisions each player has made.
    decisions: list[int]

    def reset(self, setup: EpisodeSetup) -> EpisodeResult | None:
        """Begin an episode; its result if it ends without a decision."""

    def check(self, action: int) -> None:
        """Raise `IllegalActionError` if the action is illegal."""

    def step(self, action: int) -> EpisodeResult | None:
        """Answer the open decision; the result if the episode ends."""


Integers = NDArray[np.int64]
L = TypeVar("L", bound=Lane)


class LaneVectorGame(VectorGame, Generic[L]):
    """Hands the schedule's episodes to lanes, and actions to the lanes that wait for one.

    Parameters
    ----------
    make_lane : callable
        Makes one lane.
    num_lanes : int
        At least 1.
    """

    def __init__(self, make_lane: Callable[[], L], num_lanes: int) -> None:
        if num_lanes < 1:
            raise InputError(f"num_lanes must be at least 1, not {num_lanes}")
        self.num_lanes = num_lanes
        self._lanes = [make_lane() for _ in range(num_lanes)]
        self._open: list[int] = []
        self._schedule: Iterator[EpisodeSetup] = iter(())

    @abstractmethod
    def _decisions(self, lanes: list[L]) -> Decisions:
        """The open rows, one for each of these lanes; there may be none."""

    def start(self, schedule: Iterable[EpisodeSetup]) -> tuple[Decisions, list[EpisodeResult]]:
        self._schedule = iter(schedule)
        self._open = []
        results: list[EpisodeResult] = []
        self._fill(range(self.num_lanes), results)
        return self._open_decisions(), results

    def step(self, actions: NDArray[np.integer[Any]]) -> tuple[Decisions, list[EpisodeResult]]:
        actions = np.asarray(actions)
        if actions.shape != (len(self._open),):
            raise InputError(f"step needs one action for each of the {len(self._open)} rows, not shape {actions.shape}")
        chosen = actions.tolist()
        for lane, action in zip(self._open, chosen, strict=True):
            self._lanes[lane].check(action)
        results: list[EpisodeResult] = []
        answered, self._open = self._open, []
        ended: list[int] = []
        for lane, action in zip(answered, chosen, strict=True):
            result = self._lanes[lane].step(action)
            if result is None:
                self._open.append(lane)
            else:
                results.append(result)
                ended.append(lane)
        self._fill(ended, results)
        return self._open_decisions(), results

    def _fill(self, lanes: Iterable[int], results: list[EpisodeResult]) -> None:
        """Start scheduled episodes in each lane until one asks for a decision (or none is left)."""
        for lane in lanes:
            for setup in self._schedule:
                result = self._lanes[lane].reset(setup)
                if result is None:
                    self._open.append(lane)
                    break
                results.append(result)
        self._open.sort()

    def _open_decisions(self) -> Decisions:
        return self._decisions([self._lanes[lane] for lane in self._open])

    def _keys(self, lanes: list[L]) -> tuple[Integers, Integers, Integers, Integers]:
        """Lane, episode, player and decision of the open rows, as `Decisions` begins."""
        return (
            np.array(self._open, np.int64),
            np.array([lane.setup.episode for lane in lanes], np.int64),
            np.array([lane.player for lane in lanes], np.int64),
            np.array([lane.decisions[lane.player] for lane in lanes], np.int64),
        )
