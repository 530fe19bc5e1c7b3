"""The front door: play a policy on a server with one call."""

from __future__ import annotations

import asyncio
import re
import secrets
import signal
import threading
import time
from collections.abc import Callable, Coroutine
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pokenash
from pokenash.games.showdown.node import simulator_version
from pokenash.online.account import Account, find_account
from pokenash.online.records import BattleRecord
from pokenash.online.session import Session
from pokenash.online.settings import PlaySettings
from pokenash.online.source import Entrant, find_entrant
from pokenash.online.storage import SessionDirectory
from pokenash.policies.core import Policy
from pokenash.policies.spec import PolicySpec

__all__ = ["open_session", "play"]


def play(
    settings: PlaySettings | None = None,
    *,
    policy: str | PolicySpec | Policy | None = None,
    account: Account | None = None,
    on_battle: Callable[[BattleRecord], None] | None = None,
    **options: Any,
) -> list[BattleRecord]:
    """Play a policy on a Showdown server.

    Ctrl-C once begins no more battles and finishes those in play; a second time forfeits them.

    Parameters
    ----------
    settings : PlaySettings, optional
    policy : str, PolicySpec or Policy, optional
        What plays. Default: what the settings say.
    account : Account, optional
        Default: from the environment, or asked for; see `find_account`.
    on_battle : callable, optional
        Called with the `BattleRecord` of every battle that is over.
    **options
        Fields of `PlaySettings`, in place of `settings`.

    Returns
    -------
    list of BattleRecord
        Of all battles in the session's directory, those of earlier sessions included.

    Raises
    ------
    InputError
        If a setting, the policy or the user name cannot be used.
    RunDirectoryError
        If the directory belongs to another session or cannot be written.
    ServerError
        If the server cannot be reached or logged in to, is lost for good, or takes no such battle.
    """
    if settings is None:
        if policy is not None:
            options["policy"] = policy if isinstance(policy, str) else getattr(policy, "name", type(policy).__name__)
        settings = PlaySettings(**options)
    elif options:
        raise TypeError("play takes either settings or its fields as keyword arguments")
    session = open_session(settings, policy=policy, account=account, on_battle=on_battle)
    return _run(lambda: _play(session))


def open_session(
    settings: PlaySettings,
    *,
    policy: str | PolicySpec | Policy | None = None,
    account: Account | None = None,
    on_battle: Callable[[BattleRecord], None] | None = None,
) -> Callable[[], Session]:
    """Load everything that a session needs, and check it; errors are those of `play`.

    Returns
    -------
    callable
        Makes the `Session`; to be called in the event loop that runs it.
    """
    settings.check()
    entrant = find_entrant(settings.policy if policy is None else policy, settings.format, settings.teams)
    account = account or find_account(login=settings.address().login_url is not None)
    output = settings.output or Path("play") / f"{_word(entrant.name)}-{time.strftime('%Y%m%d-%H%M%S')}"
    directory = SessionDirectory(output, _config(settings, entrant))
    return lambda: Session(settings, entrant, account, directory, on_battle)


async def _play(make: Callable[[], Session]) -> list[BattleRecord]:
    session = make()
    loop = asyncio.get_running_loop()
    handled = threading.current_thread() is threading.main_thread()
    interrupts = 0

    def interrupt() -> None:
        nonlocal interrupts
        interrupts += 1
        if interrupts == 1:
            session.stop()
        else:
            session.abort()

    if handled:
        try:
            loop.add_signal_handler(signal.SIGINT, interrupt)
        except NotImplementedError:
            # Where loops have no signals, Ctrl-C interrupts at once.
            handled = False
    try:
        return await session.run()
    finally:
        if handled:
            loop.remove_signal_handler(signal.SIGINT)


def _run(make: Callable[[], Coroutine[Any, Any, list[BattleRecord]]]) -> list[BattleRecord]:
    """Run to the end; in a thread of its own where an event loop runs already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(make())
    outcome: list[list[BattleRecord] | BaseException] = []

    def work() -> None:
        try:
            outcome.append(asyncio.run(make()))
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=work, name="pokenash play")
    thread.start()
    thread.join()
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def _config(settings: PlaySettings, entrant: Entrant) -> dict[str, Any]:
    packages = ("numpy", "torch", "poke-env", "websockets")
    return {
        "kind": "play",
        "format": entrant.game.format,
        "server": settings.address().url,
        "policy": entrant.description,
        "mode": settings.mode,
        "teams": entrant.teams_description(),
        "seed": secrets.randbelow(2**53) if settings.seed is None else settings.seed,
        "settings": settings.described(),
        "started": time.time(),
        "versions": {
            "pokenash": pokenash.__version__,
            "simulator": simulator_version(),
            **{package: version(package) for package in packages},
        },
    }


def _word(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", name)[:60]
