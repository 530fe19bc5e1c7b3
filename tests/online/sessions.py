"""Sessions on the real server for tests: opponents that are sessions too, and a proxy that can cut and mangle."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from tests.showdown_server import fresh_name
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from pokenash.games.core import Decisions
from pokenash.games.showdown import ShowdownGame
from pokenash.online import BattleRecord
from pokenash.online.account import Account
from pokenash.online.playing import open_session
from pokenash.online.session import Session
from pokenash.online.settings import PlaySettings
from pokenash.policies import DecisionRandom, Policy, PolicySpec, load_policy

SECONDS = 90
"""What a test's battles may take on a machine with much else to do; they take a few seconds."""

Mangle = Callable[[str], str | None]


def new_session(
    url: str, output: Path, policy: str | PolicySpec | Policy = "type_aware", name: str | None = None, **options: Any
) -> Session:
    """A session of ours or of an opponent; to be called in the event loop."""
    source = policy if isinstance(policy, str) else "given"
    settings = PlaySettings(policy=source, server=url, output=output, **options)
    account = Account(name or fresh_name())
    return open_session(settings, policy=policy, account=account)()


async def finish(*sessions: Session) -> list[list[BattleRecord]]:
    """Run sessions against one another to their end."""
    async with asyncio.timeout(SECONDS):
        return await asyncio.gather(*(session.run() for session in sessions))


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what must happen."""
    async with asyncio.timeout(SECONDS):
        while not holds():
            await asyncio.sleep(0.01)


class Proxy:
    """Stands between a client and a server, sees every message, and cuts connections when told to.

    Parameters
    ----------
    url : str
        Of the server.
    to_client, to_server : callable
        What becomes of a message; None drops it.
    """

    def __init__(
        self, url: str, to_client: Mangle = lambda message: message, to_server: Mangle = lambda message: message
    ) -> None:
        self.to_client, self.to_server = to_client, to_server
        self.connections = 0
        self._url = url
        self._open: set[ServerConnection] = set()

    async def __aenter__(self) -> Self:
        self._server = await serve(self._handle, "127.0.0.1", 0, max_size=None, close_timeout=1)
        self.url = f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/showdown/websocket"
        return self

    async def __aexit__(self, *error: object) -> None:
        self.cut()
        self._server.close()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Drop all connections as a broken network does: no goodbye."""
        for client in self._open:
            client.transport.abort()

    async def tell(self, message: str) -> None:
        """Tell the clients something that the server did not say."""
        for client in self._open:
            await client.send(message)

    async def _handle(self, client: ServerConnection) -> None:
        self.connections += 1
        self._open.add(client)
        try:
            async with connect(self._url, max_size=None) as server:
                tasks = [
                    asyncio.create_task(_pass(client, server.send, lambda message: self.to_server(message))),
                    asyncio.create_task(_pass(server, client.send, lambda message: self.to_client(message))),
                ]
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            self._open.discard(client)


async def _pass(
    source: ServerConnection | ClientConnection, send: Callable[[str], Awaitable[None]], mangle: Mangle
) -> None:
    try:
        async for message in source:
            mangled = mangle(str(message))
            if mangled is not None:
                await send(mangled)
    except ConnectionClosed:
        return


class Watched(Policy):
    """A policy that keeps what it was asked, and may misbehave.

    Parameters
    ----------
    base : Policy
    needs_text : bool
    before : callable, optional
        Called with the decisions before they are answered.
    """

    def __init__(
        self, base: Policy, *, needs_text: bool = False, before: Callable[[Decisions], None] | None = None
    ) -> None:
        self.needs_text = needs_text or base.needs_text
        self.asked: list[tuple[int, int, str]] = []
        """Episode, decision and text of every row, in the order in which they came."""
        self.threads: set[str] = set()
        self._base, self._before = base, before

    def initial_memory(self, num_lanes: int) -> Any:
        return {}

    def act(self, decisions: Decisions, memory: dict[int, list[int]], rng: DecisionRandom) -> NDArray[np.int64]:
        """Remembers in its memory which decisions it has seen of the battle in a lane."""
        self.threads.add(threading.current_thread().name)
        if self._before is not None:
            self._before(decisions)
        for row in range(len(decisions)):
            lane, decision = int(decisions.lane[row]), int(decisions.decision[row])
            if decision == 0:
                memory[lane] = []
            memory[lane].append(decision)
            assert memory[lane] == list(range(decision + 1))
            text = decisions.text[row] if decisions.text is not None else ""
            self.asked.append((int(decisions.episode[row]), decision, text))
        return self._base.act(decisions, None, rng)


def type_aware(game: ShowdownGame | None = None) -> Policy:
    """A heuristic that needs no memory."""
    return load_policy(PolicySpec("type_aware", "type_aware"), game or ShowdownGame())


def texts(policy: Watched, episode: int) -> list[str]:
    """What a policy that reads was told of a battle, by decision."""
    return [text for one, _, text in policy.asked if one == episode]


def lines_of(texts: Sequence[str]) -> list[str]:
    """The protocol lines of texts, without requests."""
    return [line for text in texts for line in text.split("\n") if not line.startswith("|request|")]
