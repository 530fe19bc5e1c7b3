"""A player that knows types and damage, but nothing of status, and never switches of its own accord."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.games.core import Decisions
from pokenash.games.showdown.dex import Dex
from pokenash.policies.core import DecisionRandom, Policy
from pokenash.policies.heuristics.damage import DamageModel, Fighters
from pokenash.policies.heuristics.view import (
    MOVES,
    OWN,
    SWITCHES,
    active_rows,
    blocks,
    choose,
    columns,
    take_rows,
    uniforms,
)

__all__ = ["TypeAware"]

_STATS = ("stat_hp", "stat_atk", "stat_def", "stat_spa", "stat_spd", "stat_spe")
_ATTACKS = ("boost_atk", "boost_spa")
_DEFENSES = ("boost_def", "boost_spd")
_MOVES = ("move_1", "move_2", "move_3", "move_4")
_THREAT_POWER = np.float32(0.02 * 42 * 80 * 1.5 * 0.925)
"""Damage of an unknown attack with STAB and power 80 at level 100, for equal attack and defence."""


class TypeAware(Policy):
    """Uses the move of the highest expected damage, counted up to the HP that the opponent has left.

    When it must switch it takes the Pokémon with the best difference between the damage that it can do and the damage
    that it can expect from the opponent's own types.

    Parameters
    ----------
    dex : Dex
        Tables of the format that is played.
    """

    def __init__(self, dex: Dex) -> None:
        self._damage = DamageModel(dex)
        self._generation = dex.generation
        self._burn = dex.id("statuses", "brn")

    def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        """See `Policy.act`."""
        view = blocks(decisions.observation)
        scores = np.full((len(decisions), SWITCHES.stop), -10, np.float32)
        forced = ~decisions.action_mask[:, MOVES].any(axis=1)
        free = np.flatnonzero(~forced)
        if len(free):
            scores[free, MOVES] = self._move_scores(_rows(view, free))
        if len(free) < len(decisions):
            rows = np.flatnonzero(forced)
            scores[rows, SWITCHES] = self._switch_scores(_rows(view, rows))
        return choose(scores, decisions.action_mask, uniforms(decisions, rng))

    def _move_scores(self, view: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        """Expected share of the opponent's HP that each move of the request takes, ``[B, 4]``."""
        pokemon, ids = view["pokemon"], view["pokemon_ids"]
        slot, _ = active_rows(pokemon, 0)
        own, own_ids = take_rows(pokemon, slot), take_rows(ids, slot)
        user = self._own(own[:, None], own_ids[:, None])
        foe, hp = self._opponent(view)
        moves = view["move_ids"][:, :, 0]
        share = self._damage.fraction(moves, user, foe)
        return np.asarray(np.minimum(share, hp[:, None]) * self._damage.worth(moves), np.float32)

    def _switch_scores(self, view: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        """Best own damage less expected damage for each of the six Pokémon, ``[B, 6]``."""
        pokemon, ids = view["pokemon"][:, OWN], view["pokemon_ids"][:, OWN]
        moves = ids[:, :, list(columns("pokemon_ids", *_MOVES))]
        user = self._own(pokemon[:, :, None], ids[:, :, None])
        foe, hp = self._opponent(view)
        target = Fighters(
            foe.stats[:, None], foe.level[:, None], foe.types[:, None], foe.attack[:, None], foe.defense[:, None]
        )
        share = np.minimum(self._damage.fraction(moves, user, target), hp[:, None, None])
        best = (share * self._damage.worth(moves)).max(axis=2)
        own = self._own(pokemon, ids)
        types = np.maximum(
            self._damage.effectiveness(foe.types[..., 0], own.types),
            self._damage.effectiveness(foe.types[..., 1], own.types) * (foe.types[..., 1] > 0),
        )
        strength = np.maximum(foe.stats[..., 1], foe.stats[..., 3])
        bulk = np.maximum(np.float32(0.5) * (own.stats[..., 2] + own.stats[..., 4]), 1)
        threat = _THREAT_POWER * types * strength / bulk * foe.level / 100 / np.maximum(own.stats[..., 0], 1)
        return np.asarray(best - np.minimum(threat, pokemon[:, :, columns("pokemon", "hp")[0]]), np.float32)

    def _own(self, pokemon: NDArray[np.float32], ids: NDArray[np.int16]) -> Fighters:
        """Own Pokémon: stats as the request gives them."""
        stats = pokemon[..., list(columns("pokemon", *_STATS))] * 100
        return self._fighters(pokemon, ids, stats)

    def _opponent(self, view: Mapping[str, NDArray[Any]]) -> tuple[Fighters, NDArray[np.float32]]:
        """The opponent's active Pokémon, arrays ``[B, 1, ...]``, and its HP, ``[B]`` (full where none is out)."""
        slot, there = active_rows(view["pokemon"], OWN.stop)
        pokemon, ids = take_rows(view["pokemon"], slot), take_rows(view["pokemon_ids"], slot)
        species, level = columns("pokemon_ids", "species")[0], columns("pokemon", "level")[0]
        stats = self._damage.opponent_stats(ids[:, species], pokemon[:, level] * 100)
        fighters = self._fighters(pokemon[:, None], ids[:, None], stats[:, None])
        if self._generation > 1:
            own = view["global"][:, list(columns("global", "opponent_reflect", "opponent_light_screen"))]
            fighters = Fighters(
                fighters.stats,
                fighters.level,
                fighters.types,
                fighters.attack,
                fighters.defense * (1 + (own > 0).astype(np.float32))[:, None],
            )
        hp = np.where(there, pokemon[:, columns("pokemon", "hp")[0]], np.float32(1))
        return fighters, hp

    def _fighters(self, pokemon: NDArray[np.float32], ids: NDArray[np.int16], stats: NDArray[np.float32]) -> Fighters:
        attack = self._damage.stage(pokemon[..., list(columns("pokemon", *_ATTACKS))])
        burnt = ids[..., columns("pokemon_ids", "status")[0]] == self._burn
        attack = attack * np.where(burnt[..., None], np.asarray([0.5, 1], np.float32), np.float32(1))
        defense = self._damage.stage(pokemon[..., list(columns("pokemon", *_DEFENSES))])
        defense = defense * (1 + pokemon[..., list(columns("pokemon", "reflect", "light_screen"))])
        return Fighters(
            stats,
            pokemon[..., columns("pokemon", "level")[0]] * 100,
            ids[..., list(columns("pokemon_ids", "type_1", "type_2"))],
            attack,
            defense,
        )


def _rows(view: Mapping[str, NDArray[Any]], rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    return {name: block[rows] for name, block in view.items()}
