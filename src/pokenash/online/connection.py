"""The connection to a Showdown server: it logs in, passes messages on, and comes back when it is lost.

poke-env's ``PSClient`` was looked at first. It handles every message in a task of its own, sends the password from
within the event loop, logs what it sends (the signed assertion included), keeps an unbounded queue and ends with the
connection; every one of its methods would have had to be replaced. So this one stands on ``websockets`` directly, the
library below poke-env's.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from pokenash.errors import ServerError
from pokenash.online.account import Account
from pokenash.online.address import ServerAddress, is_local
from pokenash.online.login import request_assertion
from pokenash.online.messages import MAX_MESSAGE_BYTES, Message, read_message, user_id
from pokenash.terminal import printable

__all__ = ["Connection"]

_log = logging.getLogger(__name__)
# What is sent holds the signed assertion of the login: whatever a program sets for all loggers, frames are not logged.
_frames_log = logging.getLogger("pokenash.online.frames")
_frames_log.setLevel(logging.WARNING)

_FIRST_DELAY, _MAX_DELAY = 0.25, 30.0
_LOGIN_SECONDS = 30.0
_STEADY_SECONDS = 10.0
"""A connection that lasted so long was one; a server that ends them sooner is tried again ever more slowly."""
_MAX_CHALLENGE = 4096
"""Characters of a challenge; the official server's have about 260."""
_MAX_WAITING = 1000


class _Connect(connect):
    """Goes where it was told to and nowhere else: no redirect is followed."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class Connection:
    """One user's connection to a server.

    Parameters
    ----------
    address : ServerAddress
    account : Account
    on_message : callable
        Called with every `Message`, in order.
    on_login, on_loss : callable
        Called when the user is logged in, at first and after every loss, and when the connection is lost.
    reconnect_seconds : float
        How long a lost connection is tried again, with growing pauses, before `run` gives up. Connections that end
        within ten seconds after the login are no end of the loss.
    """

    def __init__(
        self,
        address: ServerAddress,
        account: Account,
        *,
        on_message: Callable[[Message], None],
        on_login: Callable[[], None],
        on_loss: Callable[[], None],
        reconnect_seconds: float = 120.0,
    ) -> None:
        self.address = address
        self.account = account
        self.logged_in = False
        self._on_message, self._on_login, self._on_loss = on_message, on_login, on_loss
        self._reconnect_seconds = reconnect_seconds
        self._socket: ClientConnection | None = None
        self._waiting: asyncio.Queue[str] = asyncio.Queue(_MAX_WAITING)
        self._closed = False
        self._logins = 0
        self._logged_in_at = 0.0

    def send(self, text: str, room: str = "") -> bool:
        """Queue a message; False (and nothing is sent) while the connection is lost.

        Parameters
        ----------
        text : str
            One line.
        room : str
            ``""`` for what belongs to no room.
        """
        if not self.logged_in or self._waiting.full():
            return False
        self._waiting.put_nowait(f"{room}|{text}".replace("\n", " "))
        return True

    async def flush(self, seconds: float = 5.0) -> None:
        """Wait until what is queued has been handed to the socket, for so long at most."""
        try:
            await asyncio.wait_for(self._waiting.join(), seconds)
        except TimeoutError:
            _log.debug("messages were still waiting after %.0f s", seconds)

    async def close(self) -> None:
        """End the connection; `run` returns."""
        self._closed = True
        if self._socket is not None:
            await self._socket.close()

    async def run(self) -> None:
        """Connect and stay connected until `close`.

        Raises
        ------
        ServerError
            If the server cannot be reached at first, not again within `reconnect_seconds`, or refuses the name.
        """
        delay, lost_at = _FIRST_DELAY, None
        while not self._closed:
            before = self._logins
            problem = await self._connect_once()
            if self._closed:
                return
            if not self._logins:
                hint = "" if self.address.message_seconds else "; `pokenash server` starts one on this machine"
                raise ServerError(f"no Showdown server can be used at {self.address.url}: {problem}{hint}")
            if self._logins != before:
                now = time.monotonic()
                if lost_at is None or now - self._logged_in_at >= _STEADY_SECONDS:
                    delay, lost_at = _FIRST_DELAY, now
                _log.warning("the connection to %s was lost: %s", self.address.url, problem)
            assert lost_at is not None
            remaining = lost_at + self._reconnect_seconds - time.monotonic()
            if remaining <= 0:
                raise ServerError(
                    f"the connection to {self.address.url} was lost, and the server could not be reached again within "
                    f"{self._reconnect_seconds:g} seconds: {problem}"
                )
            # Many clients that lost the same server shall not come back at the same moment.
            await asyncio.sleep(min(delay * random.SystemRandom().uniform(0.75, 1.25), remaining))
            delay = min(2 * delay, _MAX_DELAY)

    async def _connect_once(self) -> str:
        """One connection from beginning to end; returns why it ended."""
        try:
            async with _Connect(
                self.address.url,
                # Nothing of a server on this machine goes through a proxy, whatever the environment says.
                proxy=None if is_local(urlsplit(self.address.url).hostname or "") else True,
                max_size=MAX_MESSAGE_BYTES,
                max_queue=16,
                open_timeout=15,
                close_timeout=3,
                logger=_frames_log,
            ) as socket:
                self._socket = socket
                async with asyncio.timeout(_LOGIN_SECONDS):
                    await self._log_in(socket)
                await self._serve(socket)
            return "the server closed it"
        except ServerError as error:
            if not self._logins:
                raise
            # The old connection may linger, or the login server be out of reach for a while.
            return str(error)
        except TimeoutError:
            return "no answer"
        except (OSError, WebSocketException) as error:
            return printable(str(error)) or type(error).__name__
        finally:
            self._socket = None
            if self.logged_in:
                self.logged_in = False
                self._on_loss()

    async def _log_in(self, socket: ClientConnection) -> None:
        """Answer the server's challenge and wait until it calls us by our name."""
        answered = False
        async for data in socket:
            for line in _text(data).lines:
                kind, _, rest = line.removeprefix("|").partition("|")
                if kind == "challstr" and not answered:
                    # Once a connection: nobody shall have us send the password as often as they like.
                    answered = True
                    if len(rest) > _MAX_CHALLENGE:
                        raise OSError(f"its challenge has {len(rest)} characters, expected at most {_MAX_CHALLENGE}")
                    assertion = await self._assertion(rest)
                    await socket.send(f"|/trn {self.account.username},0,{assertion}")
                elif kind == "updateuser" and user_id(rest.split("|")[0]) == self.account.id:
                    return
                elif kind == "nametaken":
                    reason = printable(rest.rpartition("|")[2])
                    raise ServerError(f"the server refused the user name {self.account.username!r}: {reason}")
        raise OSError("it was closed before the login")

    async def _assertion(self, challstr: str) -> str:
        if self.address.login_url is None:
            return ""
        return await asyncio.to_thread(request_assertion, self.address.login_url, self.account, challstr)

    async def _serve(self, socket: ClientConnection) -> None:
        """Pass messages on both ways until the connection ends."""
        self._waiting = asyncio.Queue(_MAX_WAITING)
        self._logins += 1
        self._logged_in_at = time.monotonic()
        self.logged_in = True
        self._on_login()
        sender = asyncio.create_task(self._send_waiting(socket))
        try:
            async for data in socket:
                self._on_message(_text(data))
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    async def _send_waiting(self, socket: ClientConnection) -> None:
        waiting = self._waiting
        while True:
            text = await waiting.get()
            await socket.send(text)
            waiting.task_done()
            if self.address.message_seconds:
                await asyncio.sleep(self.address.message_seconds)


def _text(data: str | bytes) -> Message:
    """A message; what is not text is none."""
    return read_message(data if isinstance(data, str) else "")
