"""Pokémon Showdown battles: the simulator in worker processes, teams, observations, records."""

from __future__ import annotations

from pokenash.games.showdown.game import ShowdownGame
from pokenash.games.showdown.positions import Position, PositionSet, load_positions, save_positions
from pokenash.games.showdown.vector import FORFEIT, ShowdownVectorGame

__all__ = [
    "FORFEIT",
    "Position",
    "PositionSet",
    "ShowdownGame",
    "ShowdownVectorGame",
    "load_positions",
    "save_positions",
]
