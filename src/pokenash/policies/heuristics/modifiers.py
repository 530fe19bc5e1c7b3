"""What abilities, items and weather do to attacks, as tables by the observation's ids.

Only what decides a choice often: immunities, halved types, doubled attacks, choice items, Life Orb, items that boost a
type, sun, rain and sandstorm. Names that a generation lacks are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.games.showdown.dex import Dex

__all__ = ["Modifiers", "find", "modifiers"]

_ABSORBING = {
    "Ground": "Levitate, Earth Eater",
    "Water": "Water Absorb, Dry Skin",
    "Electric": "Volt Absorb, Motor Drive",
    "Fire": "Flash Fire, Well-Baked Body",
    "Grass": "Sap Sipper",
}
"""Abilities by the type that they are immune to."""

_DRAWING = {"Electric": "Lightning Rod", "Water": "Storm Drain"}
"""These make immune from generation 5 on; before they only drew attacks in doubles."""

_SOFTENING = {
    ("Thick Fat", "Fire"): 0.5, ("Thick Fat", "Ice"): 0.5, ("Heatproof", "Fire"): 0.5, ("Water Bubble", "Fire"): 0.5,
    ("Purifying Salt", "Ghost"): 0.5, ("Dry Skin", "Fire"): 1.25, ("Fluffy", "Fire"): 2.0,
}  # fmt: skip

_ATTACK = {
    "Huge Power": (2, 1), "Pure Power": (2, 1), "Hustle": (1.5, 1), "Gorilla Tactics": (1.5, 1),
    "Choice Band": (1.5, 1), "Choice Specs": (1, 1.5), "Life Orb": (1.3, 1.3),
    "Muscle Band": (1.1, 1), "Wise Glasses": (1, 1.1),
}  # fmt: skip
"""Multipliers of physical and special attacks, of abilities and items."""

_DEFENSE = {
    "Fur Coat": (2, 1), "Ice Scales": (1, 2), "Assault Vest": (1, 1.5), "Eviolite": (1.5, 1.5),
}  # fmt: skip

_SPECIES_ITEMS = {
    ("Light Ball", "Pikachu"): (2, 2),
    ("Thick Club", "Marowak"): (2, 1),
    ("Thick Club", "Cubone"): (2, 1),
}

_TYPE_ITEMS = {
    "Silver Powder": "Bug", "Black Glasses": "Dark", "Dragon Fang": "Dragon", "Magnet": "Electric",
    "Pink Bow": "Normal",
    "Black Belt": "Fighting", "Charcoal": "Fire", "Sharp Beak": "Flying", "Spell Tag": "Ghost",
    "Polkadot Bow": "Normal",
    "Miracle Seed": "Grass", "Soft Sand": "Ground", "Never-Melt Ice": "Ice", "Silk Scarf": "Normal",
    "Poison Barb": "Poison", "Twisted Spoon": "Psychic", "Hard Stone": "Rock", "Metal Coat": "Steel",
    "Mystic Water": "Water", "Fairy Feather": "Fairy",
}  # fmt: skip

_WEATHER = {
    ("RainDance", "Water"): 1.5, ("RainDance", "Fire"): 0.5, ("PrimordialSea", "Water"): 1.5,
    ("PrimordialSea", "Fire"): 0.0, ("SunnyDay", "Fire"): 1.5, ("SunnyDay", "Water"): 0.5,
    ("DesolateLand", "Fire"): 1.5, ("DesolateLand", "Water"): 0.0,
}  # fmt: skip

_SPEED = {
    "Choice Scarf": 1.5, "Macho Brace": 0.5, "Iron Ball": 0.5,
}  # fmt: skip

_WEATHER_SPEED = {
    ("Swift Swim", "RainDance"), ("Swift Swim", "PrimordialSea"), ("Chlorophyll", "SunnyDay"),
    ("Chlorophyll", "DesolateLand"), ("Sand Rush", "Sandstorm"), ("Slush Rush", "Hail"), ("Slush Rush", "Snowscape"),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Modifiers:
    """Multipliers by ids: abilities ``A``, items ``I``, types ``T``, weathers ``W``, species ``S``.

    Parameters
    ----------
    guarded : float32 array, ``[A, T]``
        Of attacks of a type on a Pokémon with the ability.
    wonder_guard, technician, adaptability : int
        Ids of abilities, -1 where there are none.
    ability_attack, ability_defense : float32 arrays, ``[A, 2]``
    item_attack, item_defense : float32 arrays, ``[I, 2]``
        Of the attacking and the defending stat, physical and special.
    item_type : float32 array, ``[I, T]``
        Of attacks of a type by the item's holder.
    species_item : tuple of (int, int, tuple of float)
        Item, species, and what it does to physical and special attacks.
    weather_type : float32 array, ``[W, T]``
        Of attacks of a type.
    weather_defense : float32 array, ``[W, T, 2]``
        Of the defending stats of Pokémon of a type.
    item_speed : float32 array, ``[I]``
    weather_speed : float32 array, ``[A, W]``
    """

    guarded: NDArray[np.float32]
    wonder_guard: int
    technician: int
    adaptability: int
    ability_attack: NDArray[np.float32]
    ability_defense: NDArray[np.float32]
    item_attack: NDArray[np.float32]
    item_defense: NDArray[np.float32]
    item_type: NDArray[np.float32]
    species_item: tuple[tuple[int, int, tuple[float, float]], ...]
    weather_type: NDArray[np.float32]
    weather_defense: NDArray[np.float32]
    item_speed: NDArray[np.float32]
    weather_speed: NDArray[np.float32]


def find(dex: Dex, kind: str, name: str) -> int:
    """The id of a name, -1 where the generation has no such thing."""
    names = dex.names[kind]
    return names.index(name) if name in names else -1


def modifiers(dex: Dex) -> Modifiers:
    """Collect the tables of a generation."""
    sizes = {kind: len(dex.names[kind]) for kind in ("abilities", "items", "types", "weathers")}
    defense = np.ones((sizes["weathers"], sizes["types"], 2), np.float32)
    if dex.generation >= 4:
        defense[find(dex, "weathers", "Sandstorm"), find(dex, "types", "Rock"), 1] = 1.5
    if dex.generation >= 9:
        defense[find(dex, "weathers", "Snowscape"), find(dex, "types", "Ice"), 0] = 1.5
    boost = 1.1 if dex.generation <= 3 else 1.2
    return Modifiers(
        guarded=_guarded(dex),
        wonder_guard=find(dex, "abilities", "Wonder Guard"),
        technician=find(dex, "abilities", "Technician"),
        adaptability=find(dex, "abilities", "Adaptability"),
        ability_attack=_pairs(dex, "abilities", _ATTACK),
        ability_defense=_pairs(dex, "abilities", _DEFENSE),
        item_attack=_pairs(dex, "items", _ATTACK),
        item_defense=_pairs(dex, "items", _DEFENSE),
        item_type=_grid(dex, "items", "types", dict.fromkeys(_TYPE_ITEMS.items(), boost)),
        species_item=tuple(
            (find(dex, "items", item), find(dex, "species", species), factors)
            for (item, species), factors in _SPECIES_ITEMS.items()
            if find(dex, "items", item) > 0
        ),
        weather_type=_grid(dex, "weathers", "types", _WEATHER),
        weather_defense=defense,
        item_speed=_grid(dex, "items", "weathers", {(item, ""): v for item, v in _SPEED.items()})[:, 0],
        weather_speed=_grid(dex, "abilities", "weathers", dict.fromkeys(_WEATHER_SPEED, 2.0)),
    )


def _guarded(dex: Dex) -> NDArray[np.float32]:
    immune = {(name, kind): 0.0 for kind, names in _ABSORBING.items() for name in names.split(", ")}
    if dex.generation >= 5:
        immune |= {(name, kind): 0.0 for kind, name in _DRAWING.items()}
    return _grid(dex, "abilities", "types", immune | _SOFTENING)


def _grid(dex: Dex, rows: str, kinds: str, values: Mapping[tuple[str, str], float]) -> NDArray[np.float32]:
    """A table of ones but for the given (row, column) names."""
    table = np.ones((len(dex.names[rows]), len(dex.names[kinds])), np.float32)
    for (row, column), value in values.items():
        at = find(dex, rows, row), find(dex, kinds, column)
        if min(at) >= 0:
            table[at] = value
    return table


def _pairs(dex: Dex, kind: str, values: Mapping[str, Any]) -> NDArray[np.float32]:
    table = np.ones((len(dex.names[kind]), 2), np.float32)
    for name, pair in values.items():
        at = find(dex, kind, name)
        if at > 0:
            table[at] = pair
    return table
