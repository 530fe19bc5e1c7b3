"""The connection: login, loss and return, what is sent and when, and what a server may do to it."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.online.login_server import LoginServer
from tests.online.sessions import SECONDS, Proxy, until
from tests.showdown_server import fresh_name
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from pokenash.errors import InputError, ServerError
from pokenash.online import ShowdownServer
from pokenash.online.account import Account, find_account
from pokenash.online.address import ServerAddress, server_address
from pokenash.online.connection import Connection
from pokenash.online.login import request_assertion
from pokenash.online.messages import MAX_MESSAGE_BYTES, Message, battle_room, read_message
from pokenash.terminal import printable

_PASSWORD = "correct horse battery staple"


class _Client:
    """A connection and what it told."""

    def __init__(self, address: ServerAddress, account: Account | None = None, **options: Any) -> None:
        self.messages: list[Message] = []
        self.logins = self.losses = 0
        self.connection = Connection(
            address,
            account or Account(fresh_name()),
            on_message=self.messages.append,
            on_login=self._login,
            on_loss=self._loss,
            **options,
        )

    def _login(self) -> None:
        self.logins += 1

    def _loss(self) -> None:
        self.losses += 1

    def heard(self, words: str) -> bool:
        return any(words in line for message in self.messages for line in message.lines)


def _run(client: _Client, script: Callable[[asyncio.Task[None]], Any]) -> None:
    """Run a connection beside a script, then close it."""

    async def both() -> None:
        async with asyncio.timeout(SECONDS):
            running = asyncio.create_task(client.connection.run())
            await script(running)
            await client.connection.close()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(both())


def test_it_logs_in_and_passes_messages_both_ways(showdown_server: ShowdownServer) -> None:
    client = _Client(server_address(showdown_server.url))

    async def script(running: asyncio.Task[None]) -> None:
        await until(lambda: client.logins == 1)
        assert client.connection.send("/cmd rooms")
        await until(lambda: client.heard("|queryresponse|rooms|"))

    _run(client, script)
    assert client.losses == 1
    assert not client.connection.send("/cmd rooms")


def test_a_lost_connection_comes_back_under_the_same_name(showdown_server: ShowdownServer) -> None:
    async def script(running: asyncio.Task[None]) -> None:
        async with Proxy(showdown_server.url) as proxy:
            client = _Client(server_address(proxy.url))
            running = asyncio.create_task(client.connection.run())
            for times in (1, 2, 3):
                await until(lambda times=times: client.logins == times)
                proxy.cut()
                await until(lambda times=times: client.losses == times)
            await until(lambda: client.logins == 4)
            assert client.connection.send("/cmd rooms")
            await until(lambda: client.heard("|queryresponse|rooms|"))
            await client.connection.close()
            await running

    async def limited() -> None:
        async with asyncio.timeout(SECONDS):
            await script(asyncio.create_task(asyncio.sleep(0)))

    asyncio.run(limited())


def test_a_server_that_is_not_there_is_said_so_with_what_to_do() -> None:
    client = _Client(server_address("localhost:1"))
    with pytest.raises(ServerError, match=r"no Showdown server can be used at ws://localhost:1.*`pokenash server`"):
        asyncio.run(client.connection.run())


async def _greet(client: ServerConnection) -> str:
    """What every server says first; returns what it is answered."""
    await client.send("|challstr|4|abc")
    text = str(await client.recv())
    name = text.removeprefix("|/trn ").split(",")[0]
    await client.send(f"|updateuser| {name}|1|1|{{}}")
    return text


def test_a_password_goes_to_the_login_server_and_its_assertion_to_the_server(caplog: pytest.LogCaptureFixture) -> None:
    # The real server refuses assertions that the real login server has not signed, so both are stand-ins here.
    caplog.set_level(logging.DEBUG)
    name, sent = fresh_name(), []

    async def handle(client: ServerConnection) -> None:
        sent.append(await _greet(client))
        await client.wait_closed()

    async def run(url: str) -> None:
        async with serve(handle, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            client = _Client(server_address(f"127.0.0.1:{port}", url), Account(name, _PASSWORD))
            running = asyncio.create_task(client.connection.run())
            await until(lambda: client.logins == 1)
            await client.connection.close()
            await running

    with LoginServer(name, _PASSWORD, "signed,by,nobody") as login:
        asyncio.run(run(login.url))
    (asked,) = login.asked
    assert asked == {"act": "login", "name": name, "pass": _PASSWORD, "challstr": "4|abc"}
    assert sent == [f"|/trn {name},0,signed,by,nobody"]
    ours = [record for record in caplog.records if not record.name.startswith("websockets.server")]
    assert not any("signed,by,nobody" in record.getMessage() or _PASSWORD in record.getMessage() for record in ours)


def test_a_server_that_refuses_the_assertion_says_why(showdown_server: ShowdownServer) -> None:
    name = fresh_name()
    with LoginServer(name, _PASSWORD) as login:
        client = _Client(server_address(showdown_server.url, login.url), Account(name, _PASSWORD))
        with pytest.raises(ServerError, match=r"the server refused the user name .* assertion you sent us is corrupt"):
            asyncio.run(client.connection.run())


@pytest.mark.parametrize("password", ["wrong " + _PASSWORD, None])
def test_a_refused_login_is_an_error_without_the_password(
    showdown_server: ShowdownServer, caplog: pytest.LogCaptureFixture, password: str | None
) -> None:
    caplog.set_level(logging.DEBUG)
    name = fresh_name()
    with LoginServer(name, _PASSWORD) as login:
        client = _Client(server_address(showdown_server.url, login.url), Account(name, password))
        with pytest.raises(ServerError, match="the login server refused the user name") as caught:
            asyncio.run(client.connection.run())
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
    ours = [str(frame.locals) for frame in frames if "pokenash" in Path(frame.filename).parts]
    assert ours
    assert _PASSWORD not in "".join([str(caught.value), caplog.text, repr(client.connection.account), *ours])
    assert login.asked


def test_a_login_server_that_gives_nonsense_is_an_error(showdown_server: ShowdownServer) -> None:
    account = Account(fresh_name(), _PASSWORD)
    # Showdown's own HTTP server knows no such page.
    url = showdown_server.url.replace("ws://", "http://").replace("/showdown/websocket", "/action.php")
    with pytest.raises(ServerError, match="gave no answer: "):
        asyncio.run(_Client(server_address(showdown_server.url, url), account).connection.run())


def test_names_and_passwords_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POKENASH_USERNAME", "Red Trainer")
    monkeypatch.setenv("POKENASH_PASSWORD", _PASSWORD)
    account = find_account(login=True, prompt=False)
    assert (account.username, account.password, account.id) == ("Red Trainer", _PASSWORD, "redtrainer")
    assert _PASSWORD not in repr(account) + str(account)
    assert find_account(login=False, prompt=False).password is None
    monkeypatch.delenv("POKENASH_USERNAME")
    with pytest.raises(InputError, match="set the environment variable POKENASH_USERNAME"):
        find_account(login=True, prompt=False)
    assert find_account(login=False, prompt=False).username.startswith("pokenash ")


def test_what_is_missing_is_asked_for_without_echo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POKENASH_USERNAME", raising=False)
    monkeypatch.delenv("POKENASH_PASSWORD", raising=False)
    monkeypatch.setattr("builtins.input", lambda question: "Red")
    monkeypatch.setattr("getpass.getpass", lambda question: _PASSWORD)
    assert find_account(login=True, prompt=True) == Account("Red", _PASSWORD)


@pytest.mark.parametrize("name", ["", "   ", "|", "a,b", "a\nb", "x" * 19, "!!!"])
def test_names_that_no_server_takes_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="cannot be used"):
        Account(name)


@pytest.mark.parametrize(
    ("server", "url"),
    [
        ("localhost:8000", "ws://localhost:8000/showdown/websocket"),
        ("127.0.0.1:1", "ws://127.0.0.1:1/showdown/websocket"),
        ("[::1]:8000", "ws://[::1]:8000/showdown/websocket"),
        ("wss://example.org", "wss://example.org/showdown/websocket"),
        ("ws://example.org:81/other/websocket", "ws://example.org:81/other/websocket"),
        ("showdown", "wss://sim3.psim.us/showdown/websocket"),
    ],
)
def test_addresses(server: str, url: str) -> None:
    address = server_address(server)
    assert address.url == url
    local = any(host in url for host in ("localhost", "127.0.0.1", "[::1]"))
    assert (address.message_seconds == 0) == local
    assert (address.login_url is not None) == (server == "showdown")


@pytest.mark.parametrize(
    "server",
    ["", "http://example.org", "ws://red:secret@example.org", "host:port", "ws://", "a b://c", "x?pass=secret"],
)
def test_addresses_that_are_none_are_refused_without_being_shown(server: str) -> None:
    with pytest.raises(InputError, match="expected HOST:PORT") as caught:
        server_address(server)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://example.org/action.php", "ftp://localhost/x", "https://a:b@example.org/", "x"])
def test_passwords_go_over_https_alone(url: str) -> None:
    with pytest.raises(InputError, match="expected an https:// address"):
        server_address("wss://example.org", url)


def test_a_message_that_is_too_large_ends_the_connection_and_not_the_session() -> None:
    connections = 0

    async def handle(client: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        await _greet(client)
        await client.send("|raw|" + "x" * (MAX_MESSAGE_BYTES if connections == 1 else 10))
        await client.wait_closed()

    async def play() -> _Client:
        async with serve(handle, "127.0.0.1", 0) as server:
            client = _Client(server_address(f"127.0.0.1:{server.sockets[0].getsockname()[1]}"))
            running = asyncio.create_task(client.connection.run())
            await until(lambda: client.heard("|raw|"))
            await client.connection.close()
            await running
            return client

    client = asyncio.run(play())
    assert connections == 2
    assert [message.lines for message in client.messages] == [["|raw|" + "x" * 10]]


async def _against(
    handle: Callable[[ServerConnection], Any], script: Callable[[_Client], Any], **options: Any
) -> _Client:
    """A client beside a server of our own, until a script is over."""
    login = options.pop("login_url", None)
    async with asyncio.timeout(SECONDS), serve(handle, "127.0.0.1", 0) as server:
        address = server_address(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", login)
        client = _Client(address, **options)
        running = asyncio.create_task(client.connection.run())
        await script(client)
        await client.connection.close()
        await asyncio.gather(running, return_exceptions=True)
        return client


def test_the_password_is_sent_once_a_connection_however_often_it_is_asked_for() -> None:
    name = fresh_name()

    async def handle(client: ServerConnection) -> None:
        for _ in range(50):
            await client.send("\n".join(["|challstr|4|abc"] * 20))
        await client.recv()
        await client.send(f"|updateuser| {name}|1|1|{{}}")
        await client.wait_closed()

    async def script(client: _Client) -> None:
        await until(lambda: client.logins == 1)

    with LoginServer(name, _PASSWORD, "signed") as login:
        asyncio.run(_against(handle, script, account=Account(name, _PASSWORD), login_url=login.url))
    assert len(login.asked) == 1


def test_a_challenge_of_any_length_is_not_passed_on() -> None:
    name = fresh_name()

    async def handle(client: ServerConnection) -> None:
        await client.send("|challstr|4|" + "a" * 5000)
        await client.wait_closed()

    async def play(url: str) -> None:
        async with serve(handle, "127.0.0.1", 0) as server:
            address = server_address(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", url)
            await _Client(address, Account(name, _PASSWORD)).connection.run()

    with LoginServer(name, _PASSWORD, "signed") as login, pytest.raises(ServerError, match="expected at most 4096"):
        asyncio.run(play(login.url))
    assert not login.asked


def test_a_server_that_closes_after_every_login_is_given_up() -> None:
    came: list[float] = []

    async def handle(client: ServerConnection) -> None:
        came.append(time.monotonic())
        await _greet(client)

    async def play() -> None:
        async with asyncio.timeout(SECONDS), serve(handle, "127.0.0.1", 0) as server:
            address = server_address(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
            await _Client(address, reconnect_seconds=2.0).connection.run()

    with pytest.raises(ServerError, match=r"could not be reached again within 2 seconds"):
        asyncio.run(play())
    # Pauses of 1/4, 1/2 and 1 second, each a quarter shorter at most, and the rest.
    assert 3 <= len(came) <= 6


def test_a_connection_that_lasted_is_no_part_of_the_next_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pokenash.online.connection._STEADY_SECONDS", 0.4)
    connections = 0

    async def handle(client: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        await _greet(client)
        await asyncio.sleep(0.6)

    async def script(client: _Client) -> None:
        await until(lambda: connections == 5)

    # Five connections take longer than may be spent on one loss.
    asyncio.run(_against(handle, script, reconnect_seconds=1.0))


def test_nothing_for_this_machine_goes_through_a_proxy(
    showdown_server: ShowdownServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = fresh_name()
    for variable in ("http_proxy", "https_proxy", "ws_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    for variable in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    client = _Client(server_address(showdown_server.url), Account(name))

    async def script(running: asyncio.Task[None]) -> None:
        await until(lambda: client.logins == 1 or running.done())

    _run(client, script)
    assert client.logins == 1
    with LoginServer(name, _PASSWORD, "signed") as login:
        assert request_assertion(login.url, Account(name, _PASSWORD), "4|abc") == "signed"


def test_no_server_sends_us_to_another() -> None:
    visits = 0

    async def elsewhere(client: ServerConnection) -> None:
        nonlocal visits
        visits += 1
        await _greet(client)

    async def play() -> None:
        async with serve(elsewhere, "127.0.0.1", 0) as other:
            to = f"ws://127.0.0.1:{other.sockets[0].getsockname()[1]}/"

            def redirect(connection: ServerConnection, request: Request) -> Response:
                response = connection.respond(302, "")
                response.headers["Location"] = to
                return response

            async with serve(elsewhere, "127.0.0.1", 0, process_request=redirect) as server:
                address = server_address(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
                await _Client(address).connection.run()

    with pytest.raises(ServerError, match="HTTP 302"):
        asyncio.run(play())
    assert visits == 0


def test_messages_to_other_machines_keep_a_distance() -> None:
    came: list[float] = []

    async def handle(client: ServerConnection) -> None:
        await _greet(client)
        async for _ in client:
            came.append(time.monotonic())

    async def play() -> None:
        async with serve(handle, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            client = _Client(ServerAddress(f"ws://127.0.0.1:{port}", None, 0.2))
            running = asyncio.create_task(client.connection.run())
            await until(lambda: client.logins == 1)
            for number in range(4):
                assert client.connection.send(f"/choose move {number}", "battle-gen1ou-1")
            await until(lambda: len(came) == 4)
            await client.connection.close()
            await running

    asyncio.run(play())
    # Four messages have three pauses between them, which can be longer than asked for and never shorter.
    assert came[-1] - came[0] >= 3 * 0.2 * 0.9


def test_one_line_stays_one_line() -> None:
    received: list[str] = []

    async def handle(client: ServerConnection) -> None:
        await _greet(client)
        received.append(str(await client.recv()))

    async def play() -> None:
        async with serve(handle, "127.0.0.1", 0) as server:
            client = _Client(server_address(f"127.0.0.1:{server.sockets[0].getsockname()[1]}"))
            running = asyncio.create_task(client.connection.run())
            await until(lambda: client.logins == 1)
            client.connection.send("/pm x, hello\n/forfeit", "room")
            await until(lambda: bool(received))
            await client.connection.close()
            await running

    asyncio.run(play())
    assert received == ["room|/pm x, hello /forfeit"]


@given(st.text())
def test_any_text_is_a_message_or_none(text: str) -> None:
    message = read_message(text)
    assert "\n" not in message.room
    assert all("\n" not in line for line in message.lines)


@given(st.text() | st.from_regex(r"battle-[a-z0-9./\\-]*", fullmatch=True))
def test_ids_of_battles_are_safe_as_file_names(room: str) -> None:
    public = battle_room(room)
    if public is not None:
        assert Path(f"{public}.log").name == f"{public}.log"
        assert re.fullmatch(r"battle-[a-z0-9]+-[0-9]+", public)


def test_the_password_of_a_hidden_battle_is_not_part_of_its_id() -> None:
    assert battle_room("battle-gen1ou-12-abcdefpw") == "battle-gen1ou-12"


@given(st.text())
def test_what_is_shown_moves_no_cursor(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable() or all(char.isspace() for char in shown if not char.isprintable())
    assert not set("\x1b\n\r\x07\x9b\u202e") & set(shown)
    assert len(shown) <= 300
