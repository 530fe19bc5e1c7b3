"""Static facts of species and moves for the battle backends, by generation, from poke-env's data files."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pokenash.errors import InputError
from pokenash.metamon.state import UniversalMove
from pokenash.metamon.words import move_word, species_word

__all__ = ["KnownMove", "Species", "known_move", "move_key", "name_id", "species"]

_SPECIAL_TYPES = frozenset(("dark", "dragon", "electric", "fire", "grass", "ice", "psychic", "water"))
_PSEUDO_MOVES = frozenset(("struggle", "recharge", "fight"))


@dataclass(frozen=True, slots=True)
class Species:
    """What is known of a species or forme.

    Parameters
    ----------
    name, base_species : str
        Words.
    types : tuple of str
        One or two words.
    base_stats : dict
        By Showdown's names: ``hp``, ``atk``, ``def``, ``spa``, ``spd``, ``spe``.
    only_ability : str or None
        Where the species has but one; ``noability`` in generations 1 and 2.
    """

    name: str
    base_species: str
    types: tuple[str, ...]
    base_stats: dict[str, int]
    only_ability: str | None


@dataclass(frozen=True, slots=True)
class KnownMove:
    """A move that a Pokémon is known to have.

    Parameters
    ----------
    id : str
        Showdown's id; Hidden Power carries its type where it is known: ``"hiddenpowerice"``.
    record : UniversalMove
        The move as a state holds it, with full PP.
    """

    id: str
    record: UniversalMove


@lru_cache(8192)
def name_id(name: str) -> str:
    """Showdown's id of a name: lower-case letters and digits, accents dropped."""
    return species_word(unicodedata.normalize("NFKD", name))


@lru_cache(8192)
def move_key(name: str) -> str:
    """The id under which a Pokémon's move is kept: Return, Frustration and Hidden Power without their parameters."""
    key = name_id(name)
    for parametrised in ("return", "frustration", "hiddenpower"):
        if key.startswith(parametrised):
            return parametrised
    return key


@lru_cache(8192)
def species(generation: int, name: str) -> Species:
    """The facts of a species.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    key = name_id(name)
    entry = _data(generation).pokedex.get(key)
    if entry is None:
        raise InputError(f"generation {generation} has no species {name!r}")
    abilities = [name_id(ability) for ability in entry["abilities"].values()]
    only = "noability" if generation <= 2 else abilities[0] if len(abilities) == 1 else None
    return Species(
        species_word(key), species_word(entry["baseSpecies"]), tuple(map(_type_word, entry["types"])),
        entry["baseStats"], only,
    )  # fmt: skip


@lru_cache(8192)
def known_move(generation: int, name: str) -> KnownMove | None:
    """A move by its name or id, or None for what no Pokémon can have: pseudo-moves, Z-moves, Max Moves, unknown ids.

    A Hidden Power as requests write it (``"hiddenpowerice70"``) has its type and power.
    """
    key = move_key(name)
    moves = _data(generation).moves
    entry = moves.get(key)
    if key in _PSEUDO_MOVES or entry is None or _is_gimmick(key, entry, moves):
        return None
    move_id, power = key, None
    if key == "hiddenpower":
        digits = "".join(c for c in name if c.isdigit())
        move_id = "".join(c for c in name_id(name) if not c.isdigit())
        power = int(digits) if digits else None
        entry = moves.get(move_id, entry)
    return KnownMove(move_id, _record(generation, key, entry, power))


def _record(generation: int, key: str, entry: dict[str, Any], power: int | None) -> UniversalMove:
    move_type, category = _type_word(entry["type"]), entry["category"].lower()
    if generation <= 3 and category != "status":
        category = "special" if move_type in _SPECIAL_TYPES else "physical"
    accuracy = 1.0 if entry["accuracy"] is True else entry["accuracy"] / 100
    points = entry["pp"] * 8 // 5
    base_power = entry.get("basePower", 0) if power is None else power
    return UniversalMove(move_word(key), move_type, category, base_power, accuracy, entry["priority"], points, points)


def _is_gimmick(key: str, entry: dict[str, Any], moves: dict[str, Any]) -> bool:
    is_z = "isZ" in entry or (key.startswith("z") and key[1:] in moves)
    return is_z or key.startswith("max") or entry.get("isMax") is not None


def _type_word(name: str) -> str:
    return "threequestionmarks" if name == "???" else species_word(name)


def _data(generation: int) -> Any:
    """poke-env's data of a generation; imported here because it takes a third of a second."""
    from poke_env.data import GenData

    return GenData.from_gen(generation)
