"""poke-env's players as policies of a population, and policies as players of poke-env.

Names are imported when they are first used: poke-env starts an event loop of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pokenash.lazy import lazy_names

if TYPE_CHECKING:
    from pokenash.policies.poke_env.making import PLAYERS
    from pokenash.policies.poke_env.members import PokeEnvPlayer
    from pokenash.policies.poke_env.player import PokenashPlayer

_MODULES = {"PLAYERS": "making", "PokeEnvPlayer": "members", "PokenashPlayer": "player"}

__all__ = ["PLAYERS", "PokeEnvPlayer", "PokenashPlayer"]


__getattr__, __dir__ = lazy_names(__name__, _MODULES, __all__)
