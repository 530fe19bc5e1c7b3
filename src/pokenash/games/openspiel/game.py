"""OpenSpiel's games as pokenash plays them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from pokenash.errors import InputError
from pokenash.games.core import Game, VectorGame
from pokenash.games.openspiel.loading import Perspective, is_perfect_information, load_turn_based
from pokenash.games.openspiel.states import StateVectorGame
from pokenash.games.openspiel.tables import GameTables, InformationStates, enumerate_game, estimate_num_histories
from pokenash.games.openspiel.vector import TableVectorGame

__all__ = ["MAX_HISTORIES", "OpenSpielGame", "information_states"]

MAX_HISTORIES = 600_000
"""Up to how many histories a game is played on tables and has exact values: tic-tac-toe's 549,946 are the most that
are wanted; they take some seconds to enumerate."""

# How far the estimate must be above the limit for a game to be called too large without walking its tree: the
# estimate is unbiased, so that by Markov's inequality it errs so far in less than 1 of 20 games.
_ESTIMATE_FACTOR = 20


class OpenSpielGame(Game):
    """A two-player zero-sum game of OpenSpiel.

    The observation is the information-state tensor of the player to move, float32 ``[B, D]``; a game of perfect
    information that has none (tic-tac-toe) is shown by its observation tensor. Moves that are made at once
    (goofspiel) are asked one after the other, the second player not being told the first one's. Returns sum to 0
    and may exceed 1: in Leduc poker they go up to 13.

    Parameters
    ----------
    name : str
        OpenSpiel's short name, such as ``"leduc_poker"``.
    **parameters
        The game's own, such as ``num_cards=4`` of ``"goofspiel"``.

    Attributes
    ----------
    game : pyspiel.Game
        The game as it is played, turn-based.
    perspective : Perspective
        What players are shown.
    perfect_information : bool
        Whether players know everything but each other's choices of the moment.

    Raises
    ------
    InputError
        If there is no such game, a parameter is wrong, it is not a two-player zero-sum game, its chance cannot be
        seeded, or it has no information-state tensor where information is imperfect.

    Notes
    -----
    Chance is drawn from the episode's seed alone, keyed by how many chance events came before.
    """

    def __init__(self, name: str, /, **parameters: Any) -> None:
        original, self.game = load_turn_based(name, parameters)
        self.name = name
        self.parameters = parameters
        self.perspective = Perspective(original, self.game)
        self.perfect_information = is_perfect_information(original)
        self.num_actions = int(self.game.num_distinct_actions())
        self.observation_space = spaces.Box(-np.inf, np.inf, (self.perspective.size,), np.float32)

    def __repr__(self) -> str:
        settings = "".join(f", {key}={value!r}" for key, value in self.parameters.items())
        return f"OpenSpielGame({self.name!r}{settings})"

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> OpenSpielGame:
        """Make the game that `config` describes."""
        return cls(config["name"], **config.get("parameters", {}))

    def config(self) -> dict[str, Any]:
        return {"game": "openspiel", "name": self.name, "parameters": dict(self.parameters)}

    def vector(self, num_lanes: int, num_workers: int = 1) -> VectorGame:
        """Make a `VectorGame` in this process (`num_workers` has no effect).

        A game of up to `MAX_HISTORIES` histories is played on tables; a larger one, or a single lane whose tables
        nobody has asked for yet, by stepping OpenSpiel's states. Episodes are the same in both.
        """
        many_or_made = num_lanes > 1 or self._key in _tables_made
        if many_or_made and self.perspective.has_strings and (tables := self._find_tables()) is not None:
            return TableVectorGame(tables, num_lanes, self.observation_space)
        return StateVectorGame(self.game, self.perspective, num_lanes, self.observation_space)

    def tables(self) -> GameTables:
        """The whole game tree as arrays; enumerated once per process and kept.

        Raises
        ------
        InputError
            If the game has more than `MAX_HISTORIES` histories, or OpenSpiel has no words for its information states.
        """
        if not self.perspective.has_strings:
            raise InputError(
                f"OpenSpiel gives no information states for {self.game}, so it cannot be written as tables"
            )
        tables = self._find_tables()
        if tables is None:
            raise InputError(f"{self.game} has more than {MAX_HISTORIES} histories: too many to enumerate")
        return tables

    @property
    def _key(self) -> str:
        return repr((self.name, sorted(self.parameters.items())))

    def _find_tables(self) -> GameTables | None:
        """The tables, None if the game is too large for them; whatever is found is remembered."""
        if self._key not in _tables_made:
            small = estimate_num_histories(self.game) <= _ESTIMATE_FACTOR * MAX_HISTORIES
            tables = enumerate_game(self.game, self.perspective, MAX_HISTORIES) if small else None
            while len(_tables_made) >= _MAX_TABLES:
                del _tables_made[next(iter(_tables_made))]
            _tables_made[self._key] = tables
        return _tables_made[self._key]


_MAX_TABLES = 8
_tables_made: dict[str, GameTables | None] = {}


def information_states(game: OpenSpielGame) -> InformationStates:
    """All decision points of both players.

    Raises
    ------
    InputError
        If the game is too large to enumerate (`OpenSpielGame.tables`).
    """
    return game.tables().information_states
