"""What poke-env's players order, as actions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pokenash.games.showdown import FORFEIT

if TYPE_CHECKING:
    from poke_env.battle.battle import Battle
    from poke_env.player.battle_order import BattleOrder

__all__ = ["FIRST_GIMMICK", "FIRST_SWITCH", "Offer", "order_action", "preview_places"]

FIRST_SWITCH, FIRST_GIMMICK, _MOVES = 4, 10, 4
_FLAGS = {"mega": "mega", "zmove": "z_move", "dynamax": "dynamax", "terastallize": "terastallize"}
_TARGET = re.compile(r"[+-]?\d")


@dataclass(frozen=True)
class Offer:
    """What a decision offers, and how it is numbered.

    Parameters
    ----------
    battle : Battle
        poke-env's view.
    request : mapping
        The server's request.
    slots : mapping of str to int
        Own team slot by ident.
    gimmicks : sequence of str
        The format's, in the order of their actions.
    action_mask : bool array, ``[A]``
    """

    battle: Battle
    request: Mapping[str, Any]
    slots: Mapping[str, int]
    gimmicks: Sequence[str]
    action_mask: NDArray[np.bool_]

    def switch(self, place: int) -> int | None:
        """The Pokémon in a place of the request, from 1 on."""
        team = self.request["side"]["pokemon"]
        if not 1 <= place <= len(team):
            return None
        return self._switch_to(team[place - 1]["ident"])

    def named_switch(self, name: str) -> int | None:
        """The Pokémon with a nickname or of a species."""
        for pokemon in self.request["side"]["pokemon"]:
            species = pokemon["details"].split(",")[0]
            if _id(name) in (_id(pokemon["ident"].partition(": ")[2]), _id(species)):
                return self._switch_to(pokemon["ident"])
        return None

    def _switch_to(self, ident: str) -> int | None:
        return FIRST_SWITCH + self.slots[ident] if ident in self.slots else None

    def move(self, name: str, gimmick: str | None) -> int | None:
        """A move by its name, with a gimmick perhaps."""
        if not self.request.get("active"):
            return None
        offered = [move["id"] for move in self.request["active"][0]["moves"]]
        # Hidden Power's type is part of poke-env's name of it, but not of the request's.
        found = [i for i, own in enumerate(offered) if own == name or name.startswith(own)]
        return self.numbered_move(found[0] + 1, gimmick) if found else None

    def numbered_move(self, number: int, gimmick: str | None) -> int | None:
        """A move by its place in the request, from 1 on."""
        if not 1 <= number <= _MOVES or (gimmick is not None and gimmick not in self.gimmicks):
            return None
        if gimmick is None:
            return number - 1
        return FIRST_GIMMICK + _MOVES * self.gimmicks.index(gimmick) + number - 1

    def default(self) -> int | None:
        """What the server does on ``/choose default``: the first legal move, else the first legal switch."""
        moves = np.flatnonzero(self.action_mask[:FIRST_SWITCH])
        if len(moves):
            return int(moves[0])
        places = (self.switch(place) for place in range(1, len(self.request["side"]["pokemon"]) + 1))
        return next((action for action in places if action is not None and self.action_mask[action]), None)


def order_action(order: BattleOrder, offer: Offer) -> int | None:
    """The action that an order means; None where it means none of ours, such as a pass."""
    from poke_env.battle.move import Move
    from poke_env.battle.pokemon import Pokemon

    chosen = getattr(order, "order", None)
    if isinstance(chosen, Pokemon):
        idents = [ident for ident, pokemon in offer.battle.team.items() if pokemon is chosen]
        return FIRST_SWITCH + offer.slots[idents[0]] if idents and idents[0] in offer.slots else None
    if isinstance(chosen, Move):
        flags = [gimmick for gimmick, flag in _FLAGS.items() if getattr(order, flag, False)]
        return offer.move(chosen.id, flags[0] if flags else None)
    return _message_action(order.message, offer)


def _message_action(message: str, offer: Offer) -> int | None:
    """The action that a message to the server means, such as ``"/choose move 2 mega"``."""
    words = message.removeprefix("/choose").removeprefix("/").split()
    if not words:
        return None
    kind, rest = words[0], words[1:]
    if kind == "forfeit":
        return FORFEIT
    if kind in ("default", "auto"):
        return offer.default()
    if kind == "switch" and rest:
        return offer.switch(int(rest[0])) if rest[0].isdecimal() else offer.named_switch(" ".join(rest))
    if kind == "move" and rest:
        if len(rest) > 1 and _TARGET.fullmatch(rest[-1]):
            rest = rest[:-1]
        gimmick = rest.pop() if len(rest) > 1 and rest[-1] in _FLAGS else None
        return offer.numbered_move(int(rest[0]), gimmick) if rest[0].isdecimal() else offer.move(_id(rest), gimmick)
    return None


def preview_places(message: str) -> list[int]:
    """The places, from 1 on, that an order such as ``"/team 312"`` or ``"/team 3, 1"`` names; perhaps none."""
    text = message.removeprefix("/choose").strip().removeprefix("/").removeprefix("team").strip()
    parts = text.split(",") if "," in text else list(text)
    return [int(part) for part in parts if part.strip().isdecimal()]


def _id(text: str | Sequence[str]) -> str:
    """A name as Showdown compares names."""
    return re.sub(r"[^a-z0-9]+", "", "".join(text).lower())
