"""The process that follows battles: told what is new, and told everything again when it was replaced."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pokenash.errors import SimulatorError
from pokenash.games.showdown import frames
from pokenash.games.showdown.memory import SharedMemory
from pokenash.games.showdown.told import PLAYERS, Told
from pokenash.games.showdown.worker import Worker, WorkerGoneError

if TYPE_CHECKING:
    from pokenash.games.showdown.game import ShowdownGame

__all__ = ["FollowerProcess"]

_LOG = logging.getLogger(__name__)
_FOLLOW = 16
"""Kind of request, see ``js/follower.js``."""
_MAX_STARTS = 5
"""Consecutive restarts of the worker without an answer, after which it is the machine and not a battle."""
_MAX_DEATHS = 2
"""How often a battle may take the worker with it while it is told again alone."""

News = tuple[int, str | None, list[str | int]]
"""Of a lane: its number, its seat where it begins anew, and the entries that the worker does not have."""


class FollowerProcess:
    """A worker that tracks, and the rows that it writes.

    Parameters
    ----------
    game : ShowdownGame
    num_lanes : int
    timeout : float
        Seconds after which a worker that says nothing counts as hung.

    Raises
    ------
    SimulatorError
        If Node or the simulator is missing or the worker cannot be started.
    """

    def __init__(self, game: ShowdownGame, num_lanes: int, timeout: float) -> None:
        self.told: list[Told | None] = [None] * num_lanes
        """By lane; None where none has begun."""
        self.kinds: frozenset[str] = frozenset()
        """The messages that trackers read."""
        self._format = game.format
        self._timeout = timeout
        self._memory = SharedMemory(frames.RowArrays.size(num_lanes, game.blocks, game.num_actions))
        self.rows = frames.RowArrays(num_lanes, game.blocks, game.num_actions, self._memory.view)
        self._deaths = [0] * num_lanes
        self._starts = 0
        self._worker: Worker | None = None
        try:
            facts = self._start()
        except WorkerGoneError as error:
            self.close()
            raise SimulatorError(f"a process that follows battles could not be started: {error}") from None
        self.kinds = frozenset(facts["kinds"])
        if facts["num_actions"] != game.num_actions:
            self.close()
            raise SimulatorError(
                f"the simulator has {facts['num_actions']} actions for {game.format}, expected {game.num_actions}"
            )

    @property
    def pid(self) -> int | None:
        """Process id of the worker, None when it is closed."""
        return None if self._worker is None else self._worker.pid

    def close(self) -> None:
        """End the worker. May be called more than once."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def begin(self, lane: int, player: int | None) -> None:
        """Begin a battle in a lane."""
        self.told[lane] = Told(self.kinds, player)
        self._deaths[lane] = 0

    def exchange(self, rows: Sequence[int], choices: Sequence[tuple[int, int]]) -> Mapping[str, Any]:
        """Pass on what was told since, have the rows of some lanes written, and ask for choices of (lane, action).

        Returns
        -------
        mapping
            ``"choices"``, one or None for each; ``"illegal"``, legal actions by lane (as text) where an action was not.

        Raises
        ------
        SimulatorError
            If the worker is closed or fails again and again without a battle that is to blame.
        """
        while True:
            try:
                told = [news for lane in range(len(self.told)) if (news := self._news(lane)) is not None]
                extras = self._ask(told, rows, choices)
            except WorkerGoneError as error:
                self._recover(error)
            else:
                self._starts = 0
                return extras

    def _start(self) -> Mapping[str, Any]:
        """A new worker, which knows of no battle."""
        if self._worker is not None:
            self._worker.close()
        self._worker = Worker(self._timeout, self._memory.descriptor, "follower.js")
        options = {"format": self._format, "lanes": len(self.told), "memory": self._memory.descriptor}
        return self._worker.open(options)

    def _news(self, lane: int) -> News | None:
        """What the worker does not know yet of a lane."""
        told = self.told[lane]
        if told is None or told.player is None or told.sent == len(told.entries):
            return None
        return lane, PLAYERS[told.player] if told.sent == 0 else None, told.entries[told.sent :]

    def _ask(self, told: Sequence[News], rows: Sequence[int], choices: Sequence[tuple[int, int]]) -> Mapping[str, Any]:
        if self._worker is None:
            raise SimulatorError("the follower was closed")
        body = json.dumps({"told": told, "rows": rows, "choices": choices}).encode()
        self._worker.send(frames.pack_request(_FOLLOW, 0, body=body))
        _, _, extras = self._worker.receive(0)
        for lane, _, entries in told:
            self._of(lane).sent += len(entries)
        for lane, reason in extras["failed"].items():
            self._of(int(lane)).fail(reason)
        return extras

    def _of(self, lane: int) -> Told:
        told = self.told[lane]
        assert told is not None
        return told

    def _recover(self, reason: WorkerGoneError) -> None:
        """Replace the worker and tell it everything again, battle by battle, so that one which kills it is known."""
        while True:
            self._starts += 1
            if self._starts > _MAX_STARTS:
                raise SimulatorError(f"a process that follows battles failed {self._starts} times in a row: {reason}")
            _LOG.warning("the process that follows battles is replaced: %s", reason)
            try:
                self._start()
                for lane in range(len(self.told)):
                    self._tell_again(lane)
            except WorkerGoneError as error:
                reason = error
            else:
                return

    def _tell_again(self, lane: int) -> None:
        told = self.told[lane]
        if told is None:
            return
        told.sent = 0
        news = self._news(lane)
        if news is None:
            return
        try:
            self._ask([news], [lane] if told.open else [], [])
        except WorkerGoneError as error:
            self._deaths[lane] += 1
            if self._deaths[lane] >= _MAX_DEATHS:
                told.fail(f"it takes the process with it: {error}")
                self._starts = 0
            raise
