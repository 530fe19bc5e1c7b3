"""Who is good against whom: by types alone, and by damage and speed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.games.showdown.dex import PHYSICAL, SPECIAL, Dex
from pokenash.policies.heuristics.attacks import AttackModel
from pokenash.policies.heuristics.combatants import Combatants, Scene, SpeciesFacts, read_team
from pokenash.policies.heuristics.modifiers import find
from pokenash.policies.heuristics.speed import SpeedModel

__all__ = ["Duels", "MatchUps"]

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]

_UNSEEN = np.asarray([0.95, 0.9, 0.8, 0.6, 0.0], np.float32)
"""How much attacks that a Pokémon may well have count after so many of its moves were seen."""

_SPIKES = np.asarray([0, 1 / 8, 1 / 6, 1 / 4], np.float32)
"""Share of the HP that layers of Spikes take."""

_IDLE = np.float32(0.3)
"""What is left of the damage of a Pokémon that is asleep or frozen."""

_TYPICAL_POWER = 80


@dataclass(frozen=True)
class Duels:
    """Each of the own six against the opponent's active one, ``[B, 6]`` each.

    Parameters
    ----------
    given, taken : float32 arrays
        Best expected damage of a turn, at most the HP that the target has left.
    first : bool array
        Whether the own one is faster.
    effective : bool array
        Whether it has an attack that the opponent's does not resist.
    falls : bool array
        Whether hazards would knock it out when it comes in.
    entry : float32 array
        What hazards take from it when it comes in.
    """

    given: Floats
    taken: Floats
    first: Bools
    effective: Bools
    falls: Bools
    entry: Floats

    @property
    def worth(self) -> Floats:
        """How good it is to have each of them out: damage given less damage taken, and a little for speed."""
        found: Floats = self.given - self.taken + np.float32(0.05) * self.first
        return found

    @property
    def rank(self) -> Floats:
        """How good it is to send each of them in."""
        found: Floats = self.worth - 2 * self.falls
        return found


class MatchUps:
    """Match-ups between the own team and the opponent's active Pokémon.

    Parameters
    ----------
    dex : Dex
        Tables of the format that is played.
    attacks : AttackModel
    """

    def __init__(self, dex: Dex, attacks: AttackModel) -> None:
        self.facts = SpeciesFacts.of(dex)
        self._attacks, self._speeds = attacks, SpeedModel(dex)
        self._usual = _usual_attacks(dex)
        self._rock, self._ground = dex.id("types", "Rock"), dex.id("types", "Ground")
        self._idle = np.zeros(len(dex.names["statuses"]), np.bool_)
        self._idle[[dex.id("statuses", "slp"), dex.id("statuses", "frz")]] = True
        self._boots = find(dex, "items", "Heavy-Duty Boots")

    def by_types(self, scene: Scene) -> tuple[Floats, Floats]:
        """Highest multipliers of own attacks on the opponent and of its attacks on one's own, ``[B, 6]`` each.

        Attacks are those of the Pokémon's own types.
        """
        team, _ = read_team(scene.view, self.facts)
        foe = scene.foe.spread(1)
        return self._best_type(team, foe), self._best_type(foe, team)

    def _best_type(self, user: Combatants, target: Combatants) -> Floats:
        first, second = user.types[..., 0], user.types[..., 1]
        best: Floats = np.maximum(
            self._attacks.factor(first, target), self._attacks.factor(second, target) * (second > 0)
        )
        return best

    def threats(self, scene: Scene, foe: Combatants, target: Combatants) -> tuple[Floats, Floats]:
        """What the opponent's attacks do to targets ``[B, N]``: expected damage by kind, ``[B, N]`` twice.

        Its moves are those that were seen, and attacks of its own types and the usual power as long as not all four
        were. The first array is the best physical (or fixed) damage, the second the best special damage.
        """
        seen = scene.foe_moves
        assumed = self._usual[scene.foe.types].reshape(len(seen), -1)
        moves = np.concatenate([seen, assumed], axis=1)
        certain = np.ones(seen.shape, np.float32)
        guessed = np.broadcast_to(_UNSEEN[(seen > 0).sum(axis=1)][:, None], assumed.shape)
        weight = np.concatenate([certain, guessed], axis=1)[:, None]
        weather = scene.weather[:, None, None]
        done = self._attacks.hits(moves[:, None], foe.spread(1).spread(1), target.spread(2), weather).expected * weight
        special = (self._attacks.dex.moves.category[moves] == SPECIAL)[:, None]
        physical: Floats = np.where(special, 0, done).max(axis=2)
        return physical, np.asarray(np.where(special, done, 0).max(axis=2))

    def threat(self, scene: Scene) -> tuple[Floats, Floats]:
        """`threats` to the own active one, ``[B]`` twice."""
        physical, special = self.threats(scene, scene.foe, scene.own.spread(1))
        return physical[:, 0], special[:, 0]

    def duels(self, scene: Scene) -> Duels:
        """Each of the own six against the opponent's active one; those on the bench without stages."""
        team, moves = read_team(scene.view, self.facts)
        weather, hp = scene.weather[:, None, None], scene.foe.hp[:, None, None]
        hits = self._attacks.hits(moves, team.spread(2), scene.foe.spread(1).spread(1), weather)
        given = (hits.useful(hp) * ~self._attacks.dex.moves.self_destruct[moves]).max(axis=2)
        given = given * np.where(self._idle[team.status], _IDLE, np.float32(1))
        physical, special = self.threats(scene, scene.foe, team)
        own = self._speeds.speed(team, scene.weather[:, None], scene.field("own_tailwind")[:, None])
        other = self._speeds.speed(scene.foe, scene.weather, scene.field("opponent_tailwind"))[:, None]
        entry = self._entry(scene, team)
        return Duels(
            given=given,
            taken=np.minimum(np.maximum(physical, special), team.hp),
            first=np.where((scene.field("trick_room") > 0)[:, None], own < other, own > other),
            effective=np.asarray(((hits.factor >= 1) & (hits.expected > 0)).any(axis=2)),
            falls=np.asarray((entry > 0) & (entry >= team.hp)),
            entry=entry,
        )

    def _entry(self, scene: Scene, team: Combatants) -> Floats:
        """What hazards take from each of the own six when it comes in, as a share of its HP, ``[B, 6]``."""
        bare = replace(team, ability=np.zeros_like(team.ability), floating=np.zeros_like(team.floating))
        rock = self._attacks.factor(np.full(team.species.shape, self._rock), bare)
        stones = np.float32(0.125) * rock * (scene.field("own_stealth_rock") > 0)[:, None]
        layers = np.rint(scene.field("own_spikes") * 3).astype(np.int64)
        grounded = self._attacks.factor(np.full(team.species.shape, self._ground), team) > 0
        spikes = _SPIKES[layers][:, None] * grounded
        found: Floats = (stones + spikes) * (team.item != self._boots)
        return found


def _usual_attacks(dex: Dex) -> NDArray[np.int64]:
    """For each type a plain physical and a plain special attack of about the usual power, ``[T, 2]``; 0 where none."""
    moves = dex.moves
    plain = (moves.accuracy >= 0.9) & ~(moves.charge | moves.recharge | moves.self_destruct) & (moves.hits == 1)
    plain &= (moves.priority == 0) & (moves.base_power >= 40) & (moves.recoil == 0) & (moves.critical_ratio == 1)
    found = np.zeros((len(dex.names["types"]), 2), np.int64)
    for kind in range(2, len(found)):
        for category in (PHYSICAL, SPECIAL):
            rows = np.flatnonzero(plain & (moves.type == kind) & (moves.category == category))
            if len(rows):
                found[kind, category] = rows[np.abs(moves.base_power[rows] - _TYPICAL_POWER).argmin()]
    return found
