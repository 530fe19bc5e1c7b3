"""pokenash: game-theoretic learning for competitive Pokémon, and for any other two-player zero-sum game.

Importing this package is cheap: its parts are loaded when they are first named, so that torch and OpenSpiel are not
imported before something needs them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from pokenash import algorithms, arena, errors, experiments, games, policies

_SUBMODULES = ("algorithms", "arena", "errors", "experiments", "games", "policies")

__all__ = ["__version__", "algorithms", "arena", "errors", "experiments", "games", "policies"]


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
