"""``pokenash server``: starts the real Pokémon Showdown server on this machine, for local play."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pokenash.cli.options import parsed_options
from pokenash.cli.output import follow_logging
from pokenash.errors import SimulatorError

if TYPE_CHECKING:
    from pokenash.online import BattleTimer, ShowdownServer

__all__ = ["run"]

_log = logging.getLogger("pokenash.cli.server")
_LOOK_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class _Server:
    """Start the real Pokémon Showdown server on this machine and keep it up until Ctrl-C or SIGTERM.

    It is installed from the npm registry the first time. Any name is taken without a password.

    Parameters
    ----------
    port : int
        Where it listens; 0 takes a free port.
    address : str
        IP address that it listens on. Others than loopback (0.0.0.0 for all) let everybody who reaches this machine
        play on it under any name.
    cache : Path, optional
        Where it is installed; by default $POKENASH_SERVER or the user's cache.
    folder : Path, optional
        Where it keeps its local ladders and logs; by default a temporary folder that goes when it ends.
    install_only : bool
        Install it, say where, and end.
    timer_starting : int, optional
        Seconds that each player has in all, in every battle, whatever its format says.
    timer_per_turn : int, optional
        The most seconds that a decision may take.
    timer_added : int, optional
        Seconds that a turn gives back.
    timer_grace : int, optional
        Seconds on top before the first turn.
    force_timer : bool
        The timer runs in every battle, not only where a player turns it on.
    log_battles : bool
        Write every battle below logs/ of the folder when it ends.
    simulators : int
        Processes that simulate battles.
    log_level : str
        How much is told.
    """

    port: int = 8000
    address: str = "127.0.0.1"
    cache: Path | None = None
    folder: Path | None = None
    install_only: bool = False
    timer_starting: int | None = None
    timer_per_turn: int | None = None
    timer_added: int | None = None
    timer_grace: int | None = None
    force_timer: bool = False
    log_battles: bool = False
    simulators: int = 1
    log_level: Literal["debug", "info", "warning", "error"] = "info"


def run(arguments: Sequence[str]) -> None:
    """Serve until told to stop.

    Raises
    ------
    SimulatorError
        If it cannot be installed, does not start, or ends by itself.
    """
    from pokenash.online import ShowdownServer, install_server

    settings = parsed_options(_Server, arguments, command="server")
    follow_logging(settings.log_level)
    # Before signals are held back: an installation may be interrupted.
    modules = install_server(settings.cache)
    if settings.install_only:
        print(modules)
        return
    server = ShowdownServer(
        settings.port,
        settings.address,
        cache=settings.cache,
        folder=settings.folder,
        timer=_timer(settings),
        force_timer=settings.force_timer,
        log_battles=settings.log_battles,
        simulators=settings.simulators,
    )
    with _asked_to_stop() as asked, server:
        print(_how_to_connect(server), flush=True)
        while not asked.wait(_LOOK_SECONDS):
            if not server.running:
                raise SimulatorError(f"the Showdown server ended by itself; it printed: {server.output()}")
        _log.info("stopping the server")


def _timer(settings: _Server) -> BattleTimer | None:
    """The timer that was asked for; None leaves it to the formats."""
    from pokenash.online import BattleTimer

    asked = {
        "starting": settings.timer_starting,
        "per_turn": settings.timer_per_turn,
        "added_per_turn": settings.timer_added,
        "grace": settings.timer_grace,
    }
    given = {name: seconds for name, seconds in asked.items() if seconds is not None}
    return BattleTimer(**given) if given else None


@contextlib.contextmanager
def _asked_to_stop() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set instead of ending the process in the middle of things."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    earlier = {
        number: signal.signal(number, lambda *_: asked.set())
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield asked
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _how_to_connect(server: ShowdownServer) -> str:
    """What people and programs need to play on it."""
    place = server.url.removeprefix("ws://").partition("/")[0]
    return "\n".join(
        [
            f"Showdown server: {server.url}",
            f"  browser:        http://{place.replace('127.0.0.1', 'localhost')}/ (opens Showdown's own client page)",
            f"  pokenash:       pokenash play RUN --server {place} --accept",
            f'  poke-env:       ServerConfiguration("{server.url}",',
            '                                      "https://play.pokemonshowdown.com/action.php?")',
            f"  ladders, logs:  {server.folder}",
            "Any name works without a password. Ctrl-C stops it.",
        ]
    )
