"""Making poke-env's players without a server."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pokenash.errors import InputError

if TYPE_CHECKING:
    from poke_env.player.player import Player

__all__ = ["PLAYERS", "make_player"]

PLAYERS = ("SimpleHeuristicsPlayer", "MaxBasePowerPlayer")
"""poke-env's own players that are known by their name alone."""

_OURS = ("battle_format", "start_listening", "loop", "log_level")
_ERRORS_ONLY = 40


def make_player(player: str, format: str, arguments: Mapping[str, Any]) -> Player:
    """A player that is connected to nothing.

    Parameters
    ----------
    player : str
        One of `PLAYERS`, or ``"module:Class"``. The module is imported: name only code that you trust.
    format : str
        The battles' format.
    arguments : mapping
        Keyword arguments of the class.

    Raises
    ------
    InputError
        If there is no such class, it is no player of poke-env or an asynchronous one, or it refuses the arguments.
    """
    wrong = [name for name in _OURS if name in arguments]
    if wrong:
        raise InputError(
            f"poke-env player {player!r}: the parameters {', '.join(wrong)} are set by pokenash; leave them out"
        )
    found = _player_class(player)
    if inspect.iscoroutinefunction(found.choose_move):
        raise InputError(asynchronous(player))
    made: list[Player | Exception] = []

    async def make() -> None:
        # With a loop that runs already, poke-env's own is not needed: it would not outlive a fork.
        loop = asyncio.get_running_loop()
        settings: dict[str, Any] = {"battle_format": format, "start_listening": False, "loop": loop}
        made.append(found(log_level=_ERRORS_ONLY, **settings, **arguments))

    def run() -> None:
        try:
            asyncio.run(make())
        except Exception as error:
            made.append(error)

    # In a thread of its own: the caller may be in a loop.
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(made[0], TypeError):
        raise InputError(
            f"poke-env player {player!r} cannot be made with {dict(arguments)!r}: {made[0]} (its constructor must pass "
            "keyword arguments on to poke_env.player.Player)"
        ) from made[0]
    if isinstance(made[0], Exception):
        raise made[0]
    return made[0]


def asynchronous(player: str) -> str:
    """What is said of a player whose choices have to be waited for."""
    return (
        f"poke-env player {player!r} chooses asynchronously (async def, or an awaitable is returned), but a member of "
        "a population is asked for its choice at once; expected a plain choose_move and teampreview"
    )


def _player_class(player: str) -> type[Player]:
    from poke_env.player import Player, baselines

    if player in PLAYERS:
        own: type[Player] = getattr(baselines, player)
        return own
    module_name, colon, name = player.partition(":")
    if not (module_name and colon and name):
        raise InputError(
            f"unknown poke-env player {player!r}; known: {', '.join(PLAYERS)}, or a class of your own as 'module:Class'"
        )
    try:
        found = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError) as error:
        raise InputError(f"poke-env player {player!r} cannot be imported: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Player)):
        raise InputError(f"poke-env player {player!r} is no subclass of poke_env.player.Player")
    return found
