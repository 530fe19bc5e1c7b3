"""One battle on a server: what it tells becomes rows, rows become decisions, and decisions become choices."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import BattleFollowError
from pokenash.games.showdown import FORFEIT
from pokenash.online.batching import Batcher
from pokenash.online.messages import battle_room
from pokenash.online.records import Reason
from pokenash.online.room import NotOursError, Room, UnreadableError
from pokenash.online.tracking import ChoiceOf, Row, RowOf
from pokenash.policies.core import DecisionRandom
from pokenash.policies.deciding import Question
from pokenash.terminal import printable

__all__ = ["Battle", "Desk"]

_log = logging.getLogger(__name__)

_FALLBACK_STREAM = 0x66616C6C
"""Keeps the draws that stand in for a late policy apart from the policies' own."""
_MAX_REFUSALS = 2
_MAX_UNAVAILABLE = 12
"""A hidden trap and four disabled moves come one after the other; more in a row is no battle."""
_LOOK_SECONDS = 0.25
_NAMING_SECONDS = 2.0
"""Well within the margin of the server's deadline."""
_FORFEIT_SECONDS = 15.0
_THROTTLE_SECONDS = 3.0


@dataclass(frozen=True)
class Desk:
    """What a battle uses of its session.

    Parameters
    ----------
    send : callable
        ``send(text, room)`` as in `Connection.send`.
    tracking : Batcher of RowOf and ChoiceOf
    deciding : Batcher of Question
    seed : int
    decision_seconds : float
    anonymous : bool
        Whether errors are told without the words that they quote, which may name somebody.
    """

    send: Callable[[str, str], bool]
    tracking: Batcher[RowOf | ChoiceOf, Row | str | None]
    deciding: Batcher[Question, int]
    seed: int
    decision_seconds: float
    anonymous: bool = False


class Battle:
    """A battle that we play.

    Parameters
    ----------
    room_id : str
        As the server calls it, for what is sent.
    number : int
        The battle's number in its session, which keys all randomness.
    lane : int
    account_id : str
    desk : Desk

    Attributes
    ----------
    public : str
        The room's id as it may be shown: without the password that those of hidden battles end in.
    room : Room
        What was told.
    over : asyncio.Event
        Set when nothing more is to be decided.
    reason, error
        As in `BattleRecord`, where it is known that the battle did not just end.
    """

    def __init__(self, room_id: str, number: int, lane: int, account_id: str, desk: Desk) -> None:
        self.room_id = room_id
        self.public = battle_room(room_id) or "battle"
        self.number = number
        self.lane = lane
        self.room = Room(account_id)
        self.over = asyncio.Event()
        self.reason: Reason | None = None
        self.error: str | None = None
        self.decisions = 0
        self.fallbacks = 0
        self.reconnections = 0
        self.started = time.time()
        self.away = False
        self._desk = desk
        self._begun = False
        self._asked = 0
        self._policy_decisions = 0
        self._last_action = 0
        self._unavailable = 0
        self._sent: tuple[int, str] | None = None
        self._refused: set[int] = set()
        self._mask: NDArray[np.bool_] | None = None
        self._answering: asyncio.Task[None] | None = None
        self._giving_up: asyncio.Task[None] | None = None

    def receive(self, lines: Sequence[str]) -> Sequence[str]:
        """Take a message of the battle's room; starts whatever it asks for.

        Returns
        -------
        sequence of str
            What of it was not told before.
        """
        if self.over.is_set():
            return self._after(lines)
        if lines and lines[0].startswith("|noinit|"):
            # What it says names the room, which may end in its password.
            self.lose_server("the server has no such battle")
            return lines
        try:
            news = self.room.receive(lines)
        except NotOursError as error:
            self.lose_server(str(error))
        except UnreadableError as error:
            if self._giving_up is not None:
                return []
            self.give_up("not understood", str(error))
        else:
            self._react()
            return news
        return lines

    def lose_server(self, why: str) -> None:
        """The server knows nothing of the battle any longer."""
        if not self.over.is_set():
            self.reason, self.error = "server lost", why
            self._end()

    def give_up(self, reason: Reason, error: str | None) -> None:
        """Forfeit, and wait for the server to say so, but not for ever."""
        if self.over.is_set() or self._giving_up is not None:
            return
        if error is not None and self._desk.anonymous:
            error = error.partition(": ")[0]
        self.reason, self.error = reason, None if error is None else printable(error)
        if error is not None:
            _log.error("%s is forfeited: %s", self.public, self.error)
        self._stop_answering()
        self._desk.send("/forfeit", self.room_id)
        self._giving_up = asyncio.create_task(self._end_after(_FORFEIT_SECONDS))

    def come_back(self) -> None:
        """The connection was lost and is there again: have the server tell the battle again."""
        self.away = True
        self.reconnections += 1
        self.room.connections += 1
        self._desk.send(f"/join {self.room_id}", "")

    def _after(self, lines: Sequence[str]) -> Sequence[str]:
        """What comes when the battle is over, such as ratings."""
        try:
            return self.room.receive(lines)
        except (NotOursError, UnreadableError) as error:
            _log.debug("%s after its end: %s", self.public, error)
            return []

    def _react(self) -> None:
        room = self.room
        self.away = False
        repeated, room.repeated = room.repeated, False
        if room.winner is not None:
            self._end()
        elif room.closed is not None:
            self.lose_server(room.closed)
        elif self._giving_up is not None:
            # Told again after a lost connection: perhaps the server never heard that we gave up.
            if repeated:
                self._desk.send("/forfeit", self.room_id)
        elif room.request_number > self._asked:
            self._asked = room.request_number
            self._start(self._answer)
        elif room.refused is not None:
            room.refused = None
            self._start(self._answer_again)
        elif repeated and self._sent is not None and self._sent[0] == room.request_number:
            # The choice was lost with the connection.
            self._send_choice(self._sent[1])
        elif room.throttled:
            room.throttled = False
            if self._answering is not None and self._answering.done():
                self._start(self._send_again)

    def _start(self, answer: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._stop_answering()
        self._answering = asyncio.create_task(self._guarded(answer))

    def _stop_answering(self) -> None:
        if self._answering is not None:
            self._answering.cancel()

    def _end(self) -> None:
        self._stop_answering()
        if self._giving_up is not None:
            self._giving_up.cancel()
        self.over.set()

    async def _end_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.over.set()

    async def _guarded(self, answer: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Answer; a battle that cannot be answered is forfeited, and the others go on."""
        try:
            await answer()
        except BattleFollowError as error:
            self.give_up("not understood", error.reason)
        except Exception as error:
            _log.debug("%s failed", self.public, exc_info=not self._desk.anonymous)
            self.give_up("error", f"{type(error).__name__}: {error}")

    async def _answer(self) -> None:
        """Answer the open request."""
        room = self.room
        arrived = time.monotonic()
        self._mask = None
        self._refused = set()
        self._unavailable = self._unavailable + 1 if (room.request or {}).get("update") else 0
        if self._unavailable > _MAX_UNAVAILABLE:
            raise BattleFollowError(self.lane, "choice after choice is said to be unavailable")
        choice: str | None = None
        while choice is None:
            row = await self._row(arrived)
            self.decisions += 1
            if row is None:
                # Not even what is legal is known in time; the server knows.
                self.fallbacks += 1
                choice = "default"
            else:
                # A team preview asks for one pick after the other; a policy that reads is told nothing new then.
                self._mask = row.action_mask
                action = await self._decide(row, room.take_text(), arrived)
                if action == FORFEIT:
                    self.give_up("forfeit", None)
                    return
                choice = await self._called(action)
        self._choose(choice)

    async def _answer_again(self) -> None:
        """Another legal action instead of one that the server refused although it said that it was legal."""
        if len(self._refused) >= _MAX_REFUSALS - 1 or self._mask is None:
            raise BattleFollowError(self.lane, f"the server refused {_MAX_REFUSALS} choices for one request")
        self._refused.add(self._last_action)
        rest = self._mask.copy()
        rest[list(self._refused)] = False
        choice = await self._called(self._draw(rest if rest.any() else self._mask))
        _log.warning("%s: the server refused a choice; another was drawn", self.public)
        self.fallbacks += 1
        self._choose(choice or "default")

    async def _send_again(self) -> None:
        """The server threw a message away, perhaps the choice; one that is there twice does no harm."""
        number = self.room.request_number
        await asyncio.sleep(_THROTTLE_SECONDS)
        if self._sent is not None and self._sent[0] == number == self.room.request_number:
            self._send_choice(self._sent[1])

    async def _row(self, arrived: float) -> Row | None:
        feeds = self.room.take_feeds()
        begin, self._begun = not self._begun, True
        assert self.room.seat is not None
        future = self._desk.tracking.submit(RowOf(self.lane, self.room.seat, begin, feeds))
        if not await self._in_time(future, arrived):
            return None
        row = future.result()
        assert isinstance(row, Row)
        return row

    async def _decide(self, row: Row, text: str, arrived: float) -> int:
        assert self.room.seat is not None
        question = Question(
            self.lane, self.number, self.room.seat, self._policy_decisions, row.observation, row.action_mask, text
        )
        self._policy_decisions += 1
        future = self._desk.deciding.submit(question)
        if await self._in_time(future, arrived):
            return future.result()
        _log.warning("%s: the policy took too long; a legal action was drawn", self.public)
        self.fallbacks += 1
        return self._draw(row.action_mask)

    async def _called(self, action: int) -> str | None:
        """What the server calls an action; None where another pick must follow."""
        self._last_action = action
        future = self._desk.tracking.submit(ChoiceOf(self.lane, action))
        await asyncio.wait({future}, timeout=_NAMING_SECONDS)
        if not future.done():
            return "default"
        choice = future.result()
        assert choice is None or isinstance(choice, str)
        return choice

    def _draw(self, mask: NDArray[np.bool_]) -> int:
        """A legal action, uniformly, keyed as policies' draws are."""
        episode, player, decision = (np.array([n]) for n in (self.number, self.room.seat or 0, self.decisions))
        uniform = DecisionRandom(self._desk.seed).uniform_at(episode, player, decision, stream=_FALLBACK_STREAM)
        legal = np.flatnonzero(mask)
        return int(legal[int(uniform[0, 0] * len(legal))])

    async def _in_time(self, future: asyncio.Future[Any], arrived: float) -> bool:
        """Wait for an answer until the decision must be sent; whether it came."""
        while not future.done():
            deadline = arrived + self._desk.decision_seconds
            if self.room.deadline is not None:
                deadline = min(deadline, self.room.deadline)
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            # The server may tell another deadline in the meantime.
            await asyncio.wait({future}, timeout=min(left, _LOOK_SECONDS))
        return True

    def _choose(self, choice: str) -> None:
        self._sent = (self.room.request_number, choice)
        self._send_choice(choice)

    def _send_choice(self, choice: str) -> None:
        number = (self.room.request or {}).get("rqid")
        suffix = f"|{number}" if isinstance(number, int) else ""
        self._desk.send(f"/choose {choice}{suffix}", self.room_id)
