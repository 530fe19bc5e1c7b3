"""A server that is not what it says: it logs a client in, begins the battles that it asks for, and then misbehaves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Self

from tests.security.mangling import Recording
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

__all__ = ["HostileServer", "retold"]

Attack = Callable[["HostileServer", ServerConnection], Coroutine[Any, Any, None]]
_PATIENCE_SECONDS = 0.5
_OPEN_CHALLENGES = 40
"""At a time; a client keeps a hundred at most."""


def retold(recording: Recording, updates: Sequence[Sequence[str]], ours: str, theirs: str) -> list[list[str]]:
    """A recorded battle, or what was made of it, with other names."""
    names = (ours, theirs) if recording.player == 0 else (theirs, ours)
    return [[line.replace("Player 1", names[0]).replace("Player 2", names[1]) for line in update] for update in updates]


class HostileServer:
    """Plays recorded battles, whatever the client chooses.

    Parameters
    ----------
    battles : sequence of (str, list of list of str)
        Opponent's name, and what is told: each update when the client has answered the one before.
    attack : callable, optional
        Awaited once, when the first battle has begun.
    answers_forfeits : bool
        Whether a forfeit ends a battle.
    """

    def __init__(
        self,
        battles: Sequence[tuple[str, list[list[str]]]],
        attack: Attack | None = None,
        *,
        answers_forfeits: bool = True,
    ) -> None:
        self.sent: list[tuple[str, str]] = []
        """Room and text of everything that the client sent."""
        self.user = ""
        self.logins = 0
        self._battles = list(battles)
        self._attack = attack
        self._answers_forfeits = answers_forfeits
        self._next = 0
        self._rooms: dict[str, int] = {}
        self._told: dict[int, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await serve(self._handle, "127.0.0.1", 0, max_size=2**22, close_timeout=1)
        self.url = f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/showdown/websocket"
        return self

    async def __aexit__(self, *error: object) -> None:
        for task in list(self._tasks):
            task.cancel()
        self._server.close()
        await self._server.wait_closed()

    async def _handle(self, client: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            await client.send("|challstr|4|0123456789abcdef")
            async for data in client:
                room, _, text = str(data).partition("|")
                self.sent.append((room, text))
                await self._answer(client, room, text)

    async def _answer(self, client: ServerConnection, room: str, text: str) -> None:
        command, _, rest = text.partition(" ")
        if command == "/trn":
            self.user = rest.split(",")[0]
            self.logins += 1
            await client.send(f"|updateuser| {self.user}|1|1|{{}}")
            for number in range(self._next, self._next + _OPEN_CHALLENGES):
                await self._challenge(client, number)
        elif command == "/accept":
            await self._begin(client, rest.strip())
        elif command == "/choose":
            await self._tell(client, room)
        elif command == "/forfeit" and self._answers_forfeits and room in self._rooms:
            await client.send(f">{room}\n|win|{self._battles[self._rooms[room]][0]}")
        elif command == "/join" and rest.strip() in self._rooms:
            await self._tell_again(client, rest.strip())

    async def _challenge(self, client: ServerConnection, number: int) -> None:
        if number < len(self._battles):
            await client.send(f"|pm| foe{number}| {self.user}|/challenge gen1ou|gen1ou|||")

    async def _begin(self, client: ServerConnection, foe: str) -> None:
        number = int(foe.removeprefix("foe"))
        await self._challenge(client, number + _OPEN_CHALLENGES)
        room = f"battle-gen1ou-{100 + number}"
        self._rooms[room] = number
        self._next = max(self._next, number + 1)
        await client.send(f">{room}\n|init|battle\n|title|{self.user} vs. foe{number}\n|t:|1800000000")
        await self._tell(client, room)
        if self._attack is not None:
            attack, self._attack = self._attack, None
            self._later(attack(self, client))

    def _lines(self, number: int) -> list[list[str]]:
        return self._battles[number][1]

    async def _tell(self, client: ServerConnection, room: str) -> None:
        number = self._rooms.get(room)
        if number is None:
            return
        told = self._told.get(number, 0)
        if told < len(self._lines(number)):
            self._told[number] = told + 1
            await client.send("\n".join([f">{room}", *self._lines(number)[told]]))
            # A client that sees nothing to choose in what was made of an update waits for the next one.
            self._later(self._tell_on(client, room, told + 1))

    async def _tell_on(self, client: ServerConnection, room: str, told: int) -> None:
        await asyncio.sleep(_PATIENCE_SECONDS)
        if self._told[self._rooms[room]] == told:
            await self._tell(client, room)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        async def run() -> None:
            with contextlib.suppress(ConnectionClosed):
                await work

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell_again(self, client: ServerConnection, room: str) -> None:
        number = self._rooms[room]
        lines: list[Any] = [line for update in self._lines(number)[: self._told[number]] for line in update]
        requests = [line for line in lines if line.startswith("|request|")]
        lines = [line for line in lines if not line.startswith("|request|")]
        head = [f">{room}", "|init|battle", f"|title|{self.user} vs. foe{number}", "|t:|1800000000"]
        await client.send("\n".join([*head, *lines, *requests[-1:]]))
