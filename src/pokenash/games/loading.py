"""A game from its JSON-able description."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from pokenash.errors import InputError
from pokenash.games.core import Game

__all__ = ["load_game"]

# What `config()["game"]` may be, and the class that it names; imported only when asked for.
_GAMES = {
    "aec": "pokenash.games.aec:AECGame",
    "matrix": "pokenash.games.matrix:MatrixGame",
    "openspiel": "pokenash.games.openspiel.game:OpenSpielGame",
    "showdown": "pokenash.games.showdown.game:ShowdownGame",
}


def load_game(config: Mapping[str, Any]) -> Game:
    """Make the game that a `Game.config` describes.

    Parameters
    ----------
    config : mapping
        With ``"game"`` naming the kind (``"aec"``, ``"matrix"``, ``"openspiel"`` or ``"showdown"``) and the rest
        as that kind wrote it.

    Raises
    ------
    InputError
        If there is no such kind of game, or its settings cannot be used.
    """
    kind = config.get("game") if isinstance(config, Mapping) else None
    if kind not in _GAMES:
        raise InputError(f'a game\'s config says "game": {kind!r}; expected one of {sorted(_GAMES)}')
    module_name, _, class_name = _GAMES[kind].partition(":")
    game_class = getattr(importlib.import_module(module_name), class_name)
    try:
        game: Game = game_class.from_config(config)
    except (KeyError, TypeError) as error:
        raise InputError(f"the config of the {kind} game cannot be used: {error}") from error
    return game
