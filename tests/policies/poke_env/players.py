"""Players of poke-env for tests, named by import path."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import numpy as np
from poke_env.battle import AbstractBattle
from poke_env.player import (
    BattleOrder,
    DefaultBattleOrder,
    ForfeitBattleOrder,
    PassBattleOrder,
    Player,
    SingleBattleOrder,
)


class Fixed(Player):
    """Orders the same text again and again, and sends out the third Pokémon."""

    def __init__(self, order: str, **settings: Any) -> None:
        super().__init__(**settings)
        self.order = order

    def choose_move(self, battle: AbstractBattle) -> BattleOrder:
        return SingleBattleOrder(self.order)

    def teampreview(self, battle: AbstractBattle) -> str:
        return "/team 312456"


class Defaulting(Player):
    """Leaves it to the server."""

    def choose_move(self, battle: AbstractBattle) -> BattleOrder:
        return DefaultBattleOrder()


class Passing(Player):
    """Does nothing, which nobody may."""

    def choose_move(self, battle: AbstractBattle) -> BattleOrder:
        return PassBattleOrder()


class Forfeiting(Player):
    """Gives up in the third turn."""

    def choose_move(self, battle: AbstractBattle) -> BattleOrder:
        return ForfeitBattleOrder() if battle.turn >= 3 else DefaultBattleOrder()


class Drawing(Player):
    """Draws from NumPy's global generator."""

    def choose_move(self, battle: AbstractBattle) -> BattleOrder:
        moves = battle.available_moves
        if not moves:
            return DefaultBattleOrder()
        return self.create_order(moves[np.random.randint(len(moves))])  # noqa: NPY002


class Slow(Player):
    """Thinks asynchronously."""

    async def choose_move(self, battle: AbstractBattle) -> BattleOrder:  # type: ignore[override]
        return DefaultBattleOrder()


class Promising(Player):
    """Returns something to wait for."""

    def choose_move(self, battle: AbstractBattle) -> Awaitable[BattleOrder]:
        return self._later()

    async def _later(self) -> BattleOrder:
        return DefaultBattleOrder()


class NoPlayer:
    """Not one of poke-env's."""
