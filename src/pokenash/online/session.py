"""A session: many battles of one policy on a server, at once or one after the other, each of them saved."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import logging
from collections.abc import Callable
from typing import Any

import numpy as np

from pokenash.games.showdown import FORFEIT
from pokenash.games.showdown.following import Follower
from pokenash.online.account import Account
from pokenash.online.batching import Batcher
from pokenash.online.battle import Battle, Desk
from pokenash.online.closing import Closing
from pokenash.online.connection import Connection
from pokenash.online.matchmaking import Accept, Challenge, Ladder, Matchmaking, Ticket
from pokenash.online.messages import Message, battle_room, room_format
from pokenash.online.records import BattleRecord
from pokenash.online.settings import PlaySettings
from pokenash.online.source import Entrant
from pokenash.online.storage import SessionDirectory
from pokenash.online.tracking import ChoiceOf, Row, RowOf, Tracking
from pokenash.policies.core import DecisionRandom
from pokenash.policies.deciding import Decider, Question
from pokenash.terminal import printable

__all__ = ["Session"]

_log = logging.getLogger(__name__)

_TEAM_STREAM = 0x7465616D
"""Keeps the draw of a battle's team apart from the policies' own draws."""
_TICK_SECONDS = 1.0
_REJOIN_SECONDS = 60.0
_POLICY_SECONDS = 1.0
"""How long the end of a session waits for a policy that still thinks."""
_MAX_LEFT_ALONE = 100
"""Battles that nobody asked for are said once each, and no more than these: a server shall not fill the screen."""
_GATHER_SECONDS = 0.002
"""How long a decision waits for others to share its batch: little beside a server's answer."""


class Session:
    """Battles of one policy on a server.

    Parameters
    ----------
    settings : PlaySettings
    entrant : Entrant
        What plays.
    account : Account
    directory : SessionDirectory
    on_battle : callable, optional
        Called with the `BattleRecord` of every battle that is over.

    Attributes
    ----------
    decider : Decider or None
        Once the session runs.
    """

    def __init__(
        self,
        settings: PlaySettings,
        entrant: Entrant,
        account: Account,
        directory: SessionDirectory,
        on_battle: Callable[[BattleRecord], None] | None = None,
    ) -> None:
        self.format = entrant.game.format
        self.account_id = account.id
        address = settings.address()
        self.polite = address.message_seconds > 0
        self.anonymous = settings.anonymous
        self.seed: int = directory.config["seed"]
        self.decider: Decider | None = None
        self._settings = settings
        self._entrant = entrant
        self._directory = directory
        self._connection = Connection(
            address,
            account,
            on_message=self._on_message,
            on_login=self._on_login,
            on_loss=self._on_loss,
            reconnect_seconds=settings.reconnect_seconds,
        )
        self._closing = Closing(settings, entrant, account, directory, self.seed, self.send, on_battle)
        self._matchmaking = self._new_matchmaking()
        self._battles: dict[str, Battle] = {}
        self._watches: set[asyncio.Task[None]] = set()
        self._lanes = list(range(settings.concurrent))
        self._numbers: list[int] = []
        self._next_number = max((record.number for record in directory.records), default=-1) + 1
        self._left_alone: set[str] = set()
        self._problem: Exception | None = None
        self._woken = asyncio.Event()

    async def run(self) -> list[BattleRecord]:
        """Play until all battles that are wanted have been played, or `stop`.

        Returns
        -------
        list of BattleRecord
            Of everything that was ever played in the session's directory.

        Raises
        ------
        ServerError
            If the server cannot be reached or logged in to, not again after a loss, or takes no such battle. Battles
            in play are recorded before.
        """
        follower = await asyncio.to_thread(Follower, self._entrant.game, self._settings.concurrent)
        tracking: Batcher[RowOf | ChoiceOf, Row | str | None] = Batcher(
            Tracking(follower).answer, "tracking", at_end=follower.close
        )
        self.decider = Decider(self._entrant.policy, self._settings.concurrent, self.seed, (FORFEIT,))
        deciding: Batcher[Question, int] = Batcher(self.decider.answer, "deciding", _GATHER_SECONDS)
        self._desk = Desk(
            self.send, tracking, deciding, self.seed, self._settings.decision_seconds, self._settings.anonymous
        )
        try:
            with self._directory.locked():
                await self._play()
        finally:
            await tracking.close()
            await deciding.close(_POLICY_SECONDS)
        return list(self._directory.records)

    def stop(self) -> None:
        """Begin no more battles; `run` returns when those in play are over."""
        self._matchmaking.stop()
        self._woken.set()

    def abort(self) -> None:
        """Forfeit the battles in play, and begin no more."""
        self.stop()
        for battle in self._battles.values():
            battle.give_up("forfeit", None)

    @property
    def in_play(self) -> int:
        """How many battles are in play."""
        return len(self._battles)

    def send(self, text: str, room: str = "") -> bool:
        """Send a message; see `Connection.send`."""
        return self._connection.send(text, room)

    def take_ticket(self) -> Ticket | None:
        """A ticket for another battle, whose team is handed to the server; None where none is wanted or possible."""
        if not self._connection.logged_in or not self._missing() or len(self._lanes) <= self._matchmaking.pending:
            return None
        if self._numbers:
            number = heapq.heappop(self._numbers)
        else:
            number, self._next_number = self._next_number, self._next_number + 1
        team = self._team(number)
        self.send(f"/utm {'null' if team is None else self._packed(team)}")
        return Ticket(number)

    def return_ticket(self, ticket: Ticket) -> None:
        """A battle will not begin; the next one takes its number."""
        heapq.heappush(self._numbers, ticket.number)

    def _new_matchmaking(self) -> Matchmaking:
        if self._settings.accept:
            return Accept(self, self._settings.sender)
        if self._settings.challenge is not None:
            return Challenge(self, self._settings.challenge)
        return Ladder(self)

    def _missing(self) -> bool:
        """Whether more battles are wanted than are over, in play or about to begin."""
        wanted = self._settings.wanted
        if wanted is None:
            return True
        counted = sum(record.counts for record in self._directory.records)
        return counted + len(self._battles) + self._matchmaking.pending < wanted

    def _finished(self) -> bool:
        if self._battles or self._matchmaking.pending:
            return False
        return self._matchmaking.stopped or self._matchmaking.ended is not None or not self._missing()

    def _team(self, number: int) -> int | None:
        zero = np.zeros(1, np.int64)
        uniform = DecisionRandom(self.seed).uniform_at(zero + number, zero, zero, stream=_TEAM_STREAM)
        return self._entrant.game.team_at(0, float(uniform[0, 0]))

    def _packed(self, team: int) -> str:
        teams = self._entrant.game.teams
        assert teams is not None
        return teams[team]

    async def _play(self) -> None:
        """Everything from the login to the last record."""
        if self._finished():
            return
        connection = asyncio.create_task(self._connection.run())
        try:
            while self._problem is None and not connection.done() and not self._finished():
                await self._next_tick(connection)
                if self._connection.logged_in:
                    self._guard(self._matchmaking.update)
        finally:
            await self._leave(connection)
        if self._problem is None and connection.done() and connection.exception() is not None:
            self._problem = connection.exception()  # type: ignore[assignment]
        if self._problem is not None:
            raise self._problem
        if self._matchmaking.ended is not None:
            _log.warning("no more battles: %s", self._matchmaking.ended)

    async def _next_tick(self, connection: asyncio.Task[None]) -> None:
        """Wait until something has changed, for a second at most."""
        woken = asyncio.ensure_future(self._woken.wait())
        await asyncio.wait({connection, woken}, timeout=_TICK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        woken.cancel()
        self._woken.clear()

    async def _leave(self, connection: asyncio.Task[None]) -> None:
        """Record what is left and go."""
        if connection.done() or not self._connection.logged_in:
            for battle in list(self._battles.values()):
                battle.lose_server("the connection was lost for good")
        else:
            self.abort()
        while self._watches:
            await asyncio.wait(set(self._watches))
        if self._connection.logged_in:
            await self._connection.flush()
        await self._connection.close()
        with contextlib.suppress(Exception):
            await connection

    def _guard(self, act: Callable[[], Any]) -> None:
        """What goes wrong outside of battles ends the session, in order."""
        try:
            act()
        except Exception as error:
            self._problem = self._problem or error
            self._woken.set()

    def _on_message(self, message: Message) -> None:
        if not message.room:
            for line in message.lines:
                self._guard(lambda line=line: self._matchmaking.receive(line))  # type: ignore[misc]
                self._closing.hear(line)
            return
        battle = self._battles.get(message.room)
        if battle is None:
            self._guard(lambda: self._on_new_room(message))
        else:
            self._closing.log(battle, battle.receive(message.lines))

    def _on_new_room(self, message: Message) -> None:
        """A battle that was agreed on begins; every other room is left alone."""
        public = battle_room(message.room)
        if public is None or room_format(public) != self.format or not message.lines[0].startswith("|init|battle"):
            _log.debug("the room %s is not ours", printable(message.room, 80))
            return
        title = next((line[7:] for line in message.lines if line.startswith("|title|")), "")
        ticket = self._matchmaking.claim(title)
        if ticket is None:
            if public not in self._left_alone and len(self._left_alone) < _MAX_LEFT_ALONE:
                self._left_alone.add(public)
                _log.warning("the battle %s was not asked for and is left alone", public)
            return
        battle = Battle(message.room, ticket.number, heapq.heappop(self._lanes), self.account_id, self._desk)
        self._battles[message.room] = battle
        self._closing.open(battle, public, self._team(ticket.number))
        self._watch(self._see_through(battle))
        self._closing.log(battle, battle.receive(message.lines))
        if self._settings.timer:
            self.send("/timer on", battle.room_id)
        self._matchmaking.update()

    def _watch(self, coroutine: Any) -> None:
        task = asyncio.create_task(coroutine)
        self._watches.add(task)
        task.add_done_callback(self._watches.discard)

    async def _see_through(self, battle: Battle) -> None:
        """Wait for a battle's end, record it, and free its place."""
        try:
            await battle.over.wait()
            await self._closing.close(battle)
        except Exception as error:
            self._problem = self._problem or error
        self._battles.pop(battle.room_id, None)
        heapq.heappush(self._lanes, battle.lane)
        self._woken.set()
        if self._connection.logged_in and not self._problem:
            self._guard(self._matchmaking.update)

    def _on_login(self) -> None:
        for battle in self._battles.values():
            if not battle.over.is_set():
                battle.come_back()
                self._watch(self._expect(battle))
        self._guard(self._matchmaking.update)

    async def _expect(self, battle: Battle) -> None:
        """A battle that the server does not tell again is lost."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(battle.over.wait(), _REJOIN_SECONDS)
        if battle.away:
            battle.lose_server("the server did not tell the battle again after the connection was lost")

    def _on_loss(self) -> None:
        if self._battles:
            _log.info("%d battles wait for the connection", len(self._battles))
        self._matchmaking.lost()
