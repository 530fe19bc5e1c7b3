"""What the stronger players of every generation share: a scene, its attacks, who is faster, and what is useless."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.games.showdown.dex import Dex
from pokenash.policies.heuristics.attacks import AttackModel, Hits
from pokenash.policies.heuristics.combatants import Scene, read_scene
from pokenash.policies.heuristics.duds import DudFinder
from pokenash.policies.heuristics.match_ups import MatchUps
from pokenash.policies.heuristics.move_groups import move_groups
from pokenash.policies.heuristics.speed import SpeedModel

__all__ = ["Prospects", "Tactician"]

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Prospects:
    """A batch of positions with what the four moves would do, ``[B, 4]`` unless said otherwise.

    Parameters
    ----------
    scene : Scene
    hits : Hits
    dud : bool array
        Moves that would do nothing.
    sure : bool array
        Attacks that cannot fail to knock out; those that cost the user's life do not count.
    chance : float32 array
        Chance of a knock-out, 0 for those.
    value : float32 array
        Expected damage up to the HP that are left, less what the move costs its user.
    own_first : bool array, ``[B]``
    first : bool array
        Moves that act before a move without priority.
    """

    scene: Scene
    hits: Hits
    dud: Bools
    sure: Bools
    chance: Floats
    value: Floats
    own_first: Bools
    first: Bools


class Tactician:
    """Works out `Prospects`.

    Parameters
    ----------
    dex : Dex
        Tables of the format that is played.
    """

    def __init__(self, dex: Dex) -> None:
        moves = dex.moves
        self.dex, self.groups = dex, move_groups(dex)
        self.attacks, self.speeds = AttackModel(dex), SpeedModel(dex)
        self.match_ups = MatchUps(dex, self.attacks)
        self.duds = DudFinder(dex, self.groups)
        slow = np.where(moves.recharge | moves.charge, 0.5, 1.0) * np.where(moves.self_destruct, 0.4, 1.0)
        self._worth = (slow * np.where(moves.recoil > 0, 0.9, 1.0) * np.where(moves.drain > 0, 1.1, 1.0)).astype(
            np.float32
        )
        self._late, self._life = moves.charge, moves.self_destruct

    def scene(self, view: Mapping[str, NDArray[Any]]) -> Scene:
        """Read the observation's blocks."""
        return read_scene(view, self.match_ups.facts)

    def hits(self, scene: Scene) -> Hits:
        """What the four moves of the request do to the opponent's active Pokémon, ``[B, 4]``."""
        return self.attacks.hits(scene.moves, scene.own.spread(1), scene.foe.spread(1), scene.weather[:, None])

    def prospects(self, scene: Scene) -> Prospects:
        """What the four moves of the request would do."""
        hits = self.hits(scene)
        own_first = self.speeds.own_first(scene)
        dud = self.duds.find(scene, hits, own_first)
        hp = scene.foe.hp[:, None]
        # A substitute takes the blow; and one's own life for another is an exchange, no knock-out.
        scores = ((scene.foe_flag("substitute") == 0)[:, None]) & ~dud & ~self._life[scene.moves]
        late = self._late[scene.moves]
        return Prospects(
            scene=scene,
            hits=hits,
            dud=dud,
            sure=hits.sure(hp) & scores & ~late,
            chance=np.asarray(hits.chance(hp) * scores),
            value=np.asarray(hits.useful(hp) * self._worth[scene.moves] * ~dud, np.float32),
            own_first=own_first,
            first=self.speeds.moves_first(scene, own_first) & ~late,
        )
