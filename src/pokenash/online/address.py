"""Where to play: addresses of Showdown servers."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from pokenash.errors import InputError

__all__ = ["OFFICIAL", "ServerAddress", "is_local", "server_address"]

OFFICIAL = "showdown"
"""The word for the official server."""

_OFFICIAL_URL = "wss://sim3.psim.us/showdown/websocket"
_OFFICIAL_LOGIN = "https://play.pokemonshowdown.com/action.php"
_PATH = "/showdown/websocket"
# A user may send a message every 0.6 seconds; a few more wait in the server's queue, the rest is thrown away.
_POLITE_SECONDS = 0.65


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """A Showdown server.

    Parameters
    ----------
    url : str
        Of its websocket, ``ws://`` or ``wss://``.
    login_url : str or None
        Of the login server that checks passwords; None where names are taken as they are.
    message_seconds : float
        Least time between two messages to it.
    """

    url: str
    login_url: str | None
    message_seconds: float


def server_address(server: str, login_url: str | None = None) -> ServerAddress:
    """Read what a person calls a server.

    Parameters
    ----------
    server : str
        ``"localhost:8000"``, a ``ws://`` or ``wss://`` address, or ``"showdown"`` for the official server.
    login_url : str, optional
        Address of a login server (``action.php``); the official server has its own.

    Raises
    ------
    InputError
        If it is none of these, names a user, or the login server is not reached over https (or on this machine).
    """
    if server == OFFICIAL:
        return ServerAddress(_OFFICIAL_URL, login_url or _OFFICIAL_LOGIN, _POLITE_SECONDS)
    text = server if "://" in server else f"ws://{server}"
    parts = urlsplit(text)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if parts.scheme not in ("ws", "wss") or not host or parts.username or parts.password or parts.query:
        # What was given may hold a password and is not shown.
        raise InputError(
            "--server: expected HOST:PORT such as localhost:8000, a ws:// or wss:// address without a user name, or "
            f"{OFFICIAL!r} for the official server"
        )
    local = is_local(host)
    if login_url is not None:
        _check_login(login_url)
    named = f"[{host}]" if ":" in host else host
    path = parts.path if parts.path not in ("", "/") else _PATH
    where = named if port is None else f"{named}:{port}"
    return ServerAddress(f"{parts.scheme}://{where}{path}", login_url, 0.0 if local else _POLITE_SECONDS)


def _check_login(url: str) -> None:
    parts = urlsplit(url)
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_local(parts.hostname or ""))
    if not safe or not parts.hostname or parts.username or parts.password:
        raise InputError("--login-url: expected an https:// address (or http:// on this machine) without a user name")


def is_local(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
