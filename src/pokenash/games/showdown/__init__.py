"""Pokémon Showdown battles: the simulator in worker processes, teams, observations, records."""

from __future__ import annotations

from pokenash.games.showdown.game import ShowdownGame
from pokenash.games.showdown.vector import FORFEIT, ShowdownVectorGame

__all__ = ["FORFEIT", "ShowdownGame", "ShowdownVectorGame"]
