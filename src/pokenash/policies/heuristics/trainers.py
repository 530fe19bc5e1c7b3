"""The lower rungs of the ladder: weak on purpose, random, by the cartridge's logic, by types, by damage rolls."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.games.showdown.dex import STATUS, Dex
from pokenash.policies.heuristics.combatants import Scene
from pokenash.policies.heuristics.ruled_player import NEVER, RuledPlayer, moves_only
from pokenash.policies.heuristics.view import MOVES, SWITCHES

__all__ = ["BasicSwitcher", "BossAI", "BugCatcher", "Grunt", "Trainer"]

Floats = NDArray[np.floating[Any]]


class BugCatcher(RuledPlayer):
    """Weak on purpose: the move of the least expected damage, and when it must switch the worst match-up by types."""

    def free_choice(self, scene: Scene, mask: NDArray[np.bool_], draws: NDArray[np.float64]) -> Floats:
        """See `RuledPlayer`."""
        return moves_only(-self.tactician.hits(scene).expected)

    def forced_switch(self, scene: Scene, draws: NDArray[np.float64]) -> Floats:
        """See `RuledPlayer`."""
        given, taken = self.tactician.match_ups.by_types(scene)
        return taken - given


class Trainer(RuledPlayer):
    """A random move, never a switch of its own accord.

    Parameters
    ----------
    dex : Dex
    good_switching : bool
        Whether it sends in the best match-up by types when it must switch; else the first in the team's order.
    """

    def __init__(self, dex: Dex, good_switching: bool = False) -> None:
        super().__init__(dex)
        self.good_switching = good_switching

    def free_choice(self, scene: Scene, mask: NDArray[np.bool_], draws: NDArray[np.float64]) -> Floats:
        """See `RuledPlayer`."""
        return moves_only(np.zeros((len(draws), MOVES.stop), np.float32))

    def forced_switch(self, scene: Scene, draws: NDArray[np.float64]) -> Floats:
        """See `RuledPlayer`."""
        if not self.good_switching:
            return np.broadcast_to(-np.arange(6, dtype=np.float32), (len(draws), 6))
        given, taken = self.tactician.match_ups.by_types(scene)
        return given - taken


class BossAI(Trainer):
    """The trainer logic of the first games: every move starts at 10, the lowest is used, any among equals.

    Status moves on a Pokémon that has a status: +5. Set-up, healing and screens on the first turn out: -1. A type that
    the opponent's types do not resist: -1, one that they resist or are immune to: +1; as on the cartridge, status
    moves have a type too.

    Parameters
    ----------
    dex : Dex
    good_switching : bool
        As for `Trainer`, but True by default.
    """

    def __init__(self, dex: Dex, good_switching: bool = True) -> None:
        super().__init__(dex, good_switching)
        moves, groups = dex.moves, self.tactician.groups
        index = np.arange(len(moves.pp))
        self._afflicts = (moves.category == STATUS) & (moves.status > 0)
        first = ("set_up", "heal", "rest", "reflect", "light_screen", "personal_reflect", "personal_light_screen")
        self._opening = np.asarray(np.stack([groups.of(name, index) for name in first]).any(axis=0))
        self._type = moves.type.astype(np.int64)

    def free_choice(self, scene: Scene, mask: NDArray[np.bool_], draws: NDArray[np.float64]) -> Floats:
        """See `RuledPlayer`."""
        moves = scene.moves
        ill: NDArray[np.bool_] = scene.foe.status[:, None] > 0
        factor = self.tactician.attacks.factor(self._type[moves], scene.foe.spread(1))
        points = 10 + 5 * (self._afflicts[moves] & ill) - 1 * (self._opening[moves] & scene.first_turn[:, None])
        return moves_only(-(points + np.where(factor >= 1, -1, 1)).astype(np.float32))


class BasicSwitcher(RuledPlayer):
    """Sends in whoever has the better match-up by types; else power times type.

    It does not switch in the turn after it came in, so that two of them do not switch for ever.
    """

    def free_choice(self, scene: Scene, mask: NDArray[np.bool_], draws: NDArray[np.float64]) -> Floats:
        """See `RuledPlayer`."""
        given, taken = self.tactician.match_ups.by_types(scene)
        match_up = given - taken
        mine = match_up[np.arange(len(draws)), scene.slot]
        better = (match_up > mine[:, None]) & mask[:, SWITCHES] & ~scene.first_turn[:, None]
        own, foe, weather = scene.own.spread(1), scene.foe.spread(1), scene.weather[:, None]
        power = self.tactician.attacks.powers.power(scene.moves, own, foe, weather)
        scores = moves_only(power * self.tactician.hits(scene).factor)
        scores[:, SWITCHES] = np.where(better, 1000 + match_up, NEVER)
        return scores

    def forced_switch(self, scene: Scene, draws: NDArray[np.float64]) -> Floats:
        """See `RuledPlayer`."""
        given, taken = self.tactician.match_ups.by_types(scene)
        return given - taken


class Grunt(RuledPlayer):
    """The attack that does most by a damage roll that it draws, without a thought for accuracy.

    When it must switch, the Pokémon whose types take least from the opponent's and give most. Its last Pokémon uses
    the format's gimmick.
    """

    last_with_gimmick = True

    def free_choice(self, scene: Scene, mask: NDArray[np.bool_], draws: NDArray[np.float64]) -> Floats:
        """See `RuledPlayer`."""
        hits = self.tactician.hits(scene)
        return moves_only(hits.low + (hits.high - hits.low) * draws[:, MOVES].astype(np.float32))

    def forced_switch(self, scene: Scene, draws: NDArray[np.float64]) -> Floats:
        """See `RuledPlayer`."""
        given, taken = self.tactician.match_ups.by_types(scene)
        return given - taken
