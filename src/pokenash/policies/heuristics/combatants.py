"""Who stands in a position: the Pokémon of both sides as arrays, for the players of every generation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.games.showdown.dex import Dex
from pokenash.policies.heuristics.view import OWN, active_rows, columns, take_rows

__all__ = ["STAT_NAMES", "Combatants", "Scene", "SpeciesFacts", "number", "read_scene", "read_team", "typical_stats"]

View = Mapping[str, NDArray[Any]]

STAT_NAMES = ("stat_hp", "stat_atk", "stat_def", "stat_spa", "stat_spd", "stat_spe")
_BOOSTS = ("boost_atk", "boost_def", "boost_spa", "boost_spd", "boost_spe", "boost_accuracy", "boost_evasion")
_MOVES = ("move_1", "move_2", "move_3", "move_4")


@dataclass(frozen=True)
class Combatants:
    """Pokémon, one an entry; arrays are ``[...]`` unless said otherwise and fit each other.

    Parameters
    ----------
    species, status, ability, item : int64 arrays
        Ids. The ability is the one that is known, or the only one that the species can have.
    types : int64 array, ``[..., 2]``
        What they are now.
    born : int64 array, ``[..., 2]``
        The species' own types, which keep their STAB after terastallizing.
    tera : bool array
        Terastallized.
    level, hp : float32 arrays
        Level 1 to 100; HP as a share of the maximum.
    stats : float32 array, ``[..., 6]``
        HP and the five stats without stages: one's own from the request, the opponent's as the species has them.
    stages : int64 array, ``[..., 7]``
        -6 to 6 in the order of `pokenash.games.showdown.dex.BOOSTS`.
    screens : float32 array, ``[..., 2]``
        1 where physical and special damage to them is halved, else 0.
    floating : bool array
        By Magnet Rise or an Air Balloon out of reach of Ground attacks.
    """

    species: NDArray[np.int64]
    status: NDArray[np.int64]
    ability: NDArray[np.int64]
    item: NDArray[np.int64]
    types: NDArray[np.int64]
    born: NDArray[np.int64]
    tera: NDArray[np.bool_]
    level: NDArray[np.floating[Any]]
    hp: NDArray[np.floating[Any]]
    stats: NDArray[np.floating[Any]]
    stages: NDArray[np.int64]
    screens: NDArray[np.floating[Any]]
    floating: NDArray[np.bool_]

    def spread(self, axis: int) -> Combatants:
        """The same with an axis of length 1 put in at `axis`, counted among the ``[...]`` from the front."""
        at = (*(slice(None),) * axis, None)
        return Combatants(*[getattr(self, name)[at] for name in _COMBATANT_FIELDS])

    def select(self, rows: NDArray[Any]) -> Combatants:
        """Some of them, by the first axis."""
        return Combatants(*[getattr(self, name)[rows] for name in _COMBATANT_FIELDS])


_COMBATANT_FIELDS = tuple(field.name for field in fields(Combatants))


@dataclass(frozen=True)
class Scene:
    """A batch of positions, as the player of the row sees them.

    Parameters
    ----------
    view : mapping of str to array
        The blocks of the observation.
    own, foe : Combatants
        The active ones, ``[B]``. Where the opponent has none out, `foe` is a typical unknown with full HP.
    own_row, foe_row : float32 arrays, ``[B, P]``
        Their rows of the block ``pokemon``.
    foe_there : bool array, ``[B]``
    slot : int64 array, ``[B]``
        The own active one's place in the team.
    moves : int64 array, ``[B, 4]``
        Move ids of the request.
    foe_moves : int64 array, ``[B, 4]``
        The opponent's moves that were seen.
    weather : int64 array, ``[B]``
    """

    view: View
    own: Combatants
    foe: Combatants
    own_row: NDArray[np.floating[Any]]
    foe_row: NDArray[np.floating[Any]]
    foe_there: NDArray[np.bool_]
    slot: NDArray[np.int64]
    moves: NDArray[np.int64]
    foe_moves: NDArray[np.int64]
    weather: NDArray[np.int64]

    def select(self, rows: NDArray[Any]) -> Scene:
        """Some rows of the batch."""
        parts: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        view = {name: block[rows] for name, block in parts.pop("view").items()}
        chosen: dict[str, Any] = {
            name: part.select(rows) if isinstance(part, Combatants) else part[rows] for name, part in parts.items()
        }
        return Scene(view=view, **chosen)

    def own_flag(self, name: str) -> NDArray[np.floating[Any]]:
        """A column of the own active one's row, ``[B]``."""
        return self.own_row[:, columns("pokemon", name)[0]]

    def foe_flag(self, name: str) -> NDArray[np.floating[Any]]:
        """A column of the opponent's active one's row, ``[B]``."""
        return self.foe_row[:, columns("pokemon", name)[0]]

    def field(self, name: str) -> NDArray[np.floating[Any]]:
        """A column of the block ``global``, ``[B]``."""
        return number(self.view, name)

    @property
    def first_turn(self) -> NDArray[np.bool_]:
        """Whether the own active one has just come in, ``[B]``."""
        return np.asarray(self.own_flag("turns_active") < 0.15)

    @property
    def last_own(self) -> NDArray[np.bool_]:
        """Whether it is the last one standing, ``[B]``."""
        return np.asarray(self.field("own_remaining") * 6 < 1.5)


def number(view: View, name: str) -> NDArray[np.floating[Any]]:
    """A column of the block ``global``, ``[B]``."""
    found: NDArray[np.floating[Any]] = view["global"][:, columns("global", name)[0]]
    return found


def typical_stats(dex: Dex) -> NDArray[np.float32]:
    """Stats at level 100 by species id, ``[S, 6]``: the best there are in generations 1 and 2, later 84 EVs in each."""
    base = dex.species.base_stats.copy()
    base[:2] = 80.0
    from_training = 93 if dex.generation <= 2 else 31 + 21
    return np.asarray(base * 2 + from_training + np.asarray([110, 5, 5, 5, 5, 5], np.float32), np.float32)


@dataclass(frozen=True, eq=False)
class SpeciesFacts:
    """What `read_scene` needs to know of species, by id.

    Parameters
    ----------
    dex : Dex
    stats : float32 array, ``[S, 6]``
        `typical_stats`.
    ability : int64 array, ``[S]``
        The only ability that it can have; 0 where there are several or none.
    balloon : int
        Id of the Air Balloon, -1 before there was one.
    """

    dex: Dex
    stats: NDArray[np.float32]
    ability: NDArray[np.int64]
    balloon: int

    @classmethod
    def of(cls, dex: Dex) -> SpeciesFacts:
        """Collect them from the tables of a format."""
        abilities = dex.species.abilities.astype(np.int64)
        only = np.where((abilities[:, 1:] == 0).all(axis=1), abilities[:, 0], 0)
        names = dex.names["items"]
        return cls(dex, typical_stats(dex), only, names.index("Air Balloon") if "Air Balloon" in names else -1)


def read_scene(view: View, facts: SpeciesFacts) -> Scene:
    """Read a `Scene` from the blocks of the tensor observation."""
    pokemon, ids = view["pokemon"], view["pokemon_ids"]
    slot, _ = active_rows(pokemon, 0)
    foe_slot, there = active_rows(pokemon, OWN.stop)
    own_row, own_ids = take_rows(pokemon, slot), take_rows(ids, slot)
    foe_row, foe_ids = take_rows(pokemon, foe_slot), take_rows(ids, foe_slot)
    there &= foe_row[:, columns("pokemon", "hp")[0]] > 0
    # What stands in the first row while nobody is out says nothing about who will be.
    foe_row, foe_ids = foe_row * there[:, None], foe_ids * there[:, None]
    foe = _combatants(foe_row, foe_ids, facts, _screens(view, "opponent", foe_row), own=False)
    foe = replace(foe, hp=np.where(there, foe.hp, np.float32(1)), level=np.where(there, foe.level, np.float32(100)))
    return Scene(
        view=view,
        own=_combatants(own_row, own_ids, facts, _screens(view, "own", own_row), own=True),
        foe=foe,
        own_row=own_row,
        foe_row=foe_row,
        foe_there=there,
        slot=slot,
        moves=view["move_ids"][:, :, 0].astype(np.int64),
        foe_moves=foe_ids[:, list(columns("pokemon_ids", *_MOVES))].astype(np.int64),
        weather=view["global_ids"][:, columns("global_ids", "weather")[0]].astype(np.int64),
    )


def read_team(view: View, facts: SpeciesFacts) -> tuple[Combatants, NDArray[np.int64]]:
    """The own six, ``[B, 6]``, and their moves, ``[B, 6, 4]``."""
    pokemon, ids = view["pokemon"][:, OWN], view["pokemon_ids"][:, OWN]
    screens = np.repeat(_screens(view, "own", None)[:, None], 6, axis=1)
    team = _combatants(pokemon, ids, facts, screens, own=True)
    return team, ids[:, :, list(columns("pokemon_ids", *_MOVES))].astype(np.int64)


def _screens(view: View, side: str, row: NDArray[np.floating[Any]] | None) -> NDArray[np.floating[Any]]:
    """1 where a screen is up, ``[B, 2]``: of the side, or in generation 1 of the Pokémon itself."""
    fields_ = view["global"][:, list(columns("global", f"{side}_reflect", f"{side}_light_screen"))]
    up = fields_ + number(view, f"{side}_aurora_veil")[:, None]
    if row is not None:
        up = up + row[:, list(columns("pokemon", "reflect", "light_screen"))]
    return np.asarray(up > 0, np.float32)


def _combatants(
    rows: NDArray[np.floating[Any]], ids: NDArray[Any], facts: SpeciesFacts, screens: Any, own: bool
) -> Combatants:
    names = ("species", "transform_species", "status", "ability", "item")
    species, shape, status, ability, item = (ids[..., c].astype(np.int64) for c in columns("pokemon_ids", *names))
    shape = np.where(shape > 0, shape, species)
    level = rows[..., columns("pokemon", "level")[0]] * np.float32(100)
    if own:
        stats = rows[..., list(columns("pokemon", *STAT_NAMES))] * np.float32(100)
    else:
        stats = facts.stats[shape] * (level / np.float32(100))[..., None]
    floating = rows[..., columns("pokemon", "magnet_rise")[0]] > 0
    return Combatants(
        species=shape,
        status=status,
        ability=np.where(ability > 1, ability, facts.ability[shape]),
        item=item,
        types=ids[..., list(columns("pokemon_ids", "type_1", "type_2"))].astype(np.int64),
        born=facts.dex.species.types[shape].astype(np.int64),
        tera=rows[..., columns("pokemon", "terastallized")[0]] > 0,
        level=level,
        hp=rows[..., columns("pokemon", "hp")[0]],
        stats=stats,
        stages=np.rint(rows[..., list(columns("pokemon", *_BOOSTS))] * 6).astype(np.int64),
        screens=screens,
        floating=floating | (item == facts.balloon),
    )
