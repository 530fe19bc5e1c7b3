"""OpenSpiel's two-player zero-sum games: many episodes at a time, and every information state of the small ones."""

from pokenash.games.openspiel.game import MAX_HISTORIES, OpenSpielGame, information_states
from pokenash.games.openspiel.tables import GameTables, InformationStates

__all__ = ["MAX_HISTORIES", "GameTables", "InformationStates", "OpenSpielGame", "information_states"]
