"""The follower behind its batcher: what battles were told goes in, observations and masks come out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import BattleFollowError
from pokenash.online.room import Feed

__all__ = ["ChoiceOf", "Row", "RowOf", "Tracking"]


@dataclass(frozen=True, slots=True)
class RowOf:
    """Ask for the row of a lane, after it was told this.

    Parameters
    ----------
    lane : int
    seat : int
    begin : bool
        Whether the lane begins a battle before.
    feeds : list of Feed
    """

    lane: int
    seat: int
    begin: bool
    feeds: list[Feed]


@dataclass(frozen=True, slots=True)
class ChoiceOf:
    """Ask what an action is called on the server."""

    lane: int
    action: int


@dataclass(frozen=True, slots=True)
class Row:
    """Observation (arrays without the axis of rows) and action mask ``[A]`` of one lane."""

    observation: dict[str, NDArray[Any]]
    action_mask: NDArray[np.bool_]


class _Follows(Protocol):
    """What is used of `pokenash.games.showdown.following.Follower`."""

    def begin(self, lane: int, player: int) -> None: ...
    def feed(self, lane: int, lines: Sequence[str], request: dict[str, Any] | None) -> None: ...
    def rows(self, lanes: Sequence[int]) -> tuple[dict[str, NDArray[Any]], NDArray[np.bool_]]: ...
    def choice(self, lane: int, action: int) -> str | None: ...


class Tracking:
    """Answers for a `Batcher`; only its thread touches the follower.

    Parameters
    ----------
    follower : Follower
    """

    def __init__(self, follower: _Follows) -> None:
        self._follower = follower

    def answer(self, items: Sequence[RowOf | ChoiceOf]) -> list[Row | str | Exception | None]:
        """A `Row` for each `RowOf`; for each `ChoiceOf` the choice, or None where another pick must follow."""
        failed: dict[int, Exception] = {}
        answers: list[Row | str | Exception | None] = []
        for item in items:
            if isinstance(item, ChoiceOf):
                answers.append(self._choice(item))
            else:
                answers.append(None)
                self._tell(item, failed)
        lanes = sorted({item.lane for item in items if isinstance(item, RowOf)} - set(failed))
        rows = self._rows(lanes)
        for index, item in enumerate(items):
            if isinstance(item, RowOf):
                answers[index] = failed[item.lane] if item.lane in failed else rows[item.lane]
        return answers

    def _choice(self, item: ChoiceOf) -> str | Exception | None:
        try:
            return self._follower.choice(item.lane, item.action)
        except BattleFollowError as error:
            return error

    def _tell(self, item: RowOf, failed: dict[int, Exception]) -> None:
        try:
            if item.begin:
                self._follower.begin(item.lane, item.seat)
                failed.pop(item.lane, None)
            for feed in item.feeds:
                self._follower.feed(item.lane, feed.lines, feed.request)
        except BattleFollowError as error:
            failed[item.lane] = error

    def _rows(self, lanes: list[int]) -> dict[int, Row | Exception]:
        """All rows at once; lane by lane where one of them cannot be followed."""
        if not lanes:
            return {}
        try:
            return self._split(lanes)
        except BattleFollowError as error:
            if len(lanes) == 1:
                return {lanes[0]: error}
        found: dict[int, Row | Exception] = {}
        for lane in lanes:
            found |= self._rows([lane])
        return found

    def _split(self, lanes: list[int]) -> dict[int, Row | Exception]:
        observation, mask = self._follower.rows(lanes)
        return {
            lane: Row({name: values[i].copy() for name, values in observation.items()}, mask[i].copy())
            for i, lane in enumerate(lanes)
        }
