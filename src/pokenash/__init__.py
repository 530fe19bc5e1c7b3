"""pokenash: game-theoretic learning for competitive Pokémon, and for any other two-player zero-sum game.

Importing this package is cheap: its parts are loaded when they are first named, so that torch and OpenSpiel are not
imported before something needs them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = [
    "PSRO",
    "Arena",
    "EpisodeSetup",
    "Game",
    "Policy",
    "PolicySpec",
    "ShowdownGame",
    "VectorGame",
    "__version__",
    "algorithms",
    "arena",
    "errors",
    "experiments",
    "games",
    "load_policy",
    "policies",
]

if TYPE_CHECKING:
    from pokenash import algorithms, arena, errors, experiments, games, policies
    from pokenash.algorithms import PSRO
    from pokenash.arena import Arena
    from pokenash.games import EpisodeSetup, Game, VectorGame
    from pokenash.games.showdown import ShowdownGame
    from pokenash.policies import Policy, PolicySpec, load_policy

_HOMES = {
    "PSRO": "algorithms",
    "Arena": "arena",
    "EpisodeSetup": "games",
    "Game": "games",
    "Policy": "policies",
    "PolicySpec": "policies",
    "ShowdownGame": "games.showdown",
    "VectorGame": "games",
    "load_policy": "policies",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
