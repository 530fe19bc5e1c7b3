"""The real Showdown server for tests: one for the whole session. A conftest imports `showdown_server`."""

from __future__ import annotations

import functools
import subprocess
import uuid
from collections.abc import Iterator

import pytest

from pokenash.online.server import ShowdownServer
from pokenash.online.server_install import installed_server, npm_command


@functools.cache
def why_no_server() -> str | None:
    """Why no server can be had, or None if one can: it is installed, or npm's registry answers."""
    if installed_server() is not None:
        return None
    asked = subprocess.run([*npm_command(), "ping"], capture_output=True, text=True, timeout=60, check=False)
    if asked.returncode == 0:
        return None
    return f"no Showdown server in the cache, and npm's registry cannot be reached: {asked.stderr.strip()[-300:]}"


def needs_server() -> None:
    """Skip the test where no server can be had."""
    why = why_no_server()
    if why is not None:
        pytest.skip(why)


@pytest.fixture(scope="session")
def showdown_server() -> Iterator[ShowdownServer]:
    """A running server on a free port of 127.0.0.1. Take names of your own (`fresh_name`) and never stop it."""
    needs_server()
    with ShowdownServer(log_battles=True) as server:
        yield server


def fresh_name(prefix: str = "bot") -> str:
    """A user name that nobody has, of at most 18 characters."""
    return f"{prefix[:9]} {uuid.uuid4().hex[:8]}"
