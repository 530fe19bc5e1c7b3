"""`UniversalState`: a battle as metamon's policies and trajectory files know it.

The three classes have the fields of metamon's JSON layout, in its order, so that `to_dict` gives what its trajectory
files hold and `from_dict` reads them. They are plain values: nothing here knows how a battle is followed (that is
`pokenash.metamon.backend`) or what a network reads (`pokenash.metamon.observations`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

from pokenash.errors import InputError

__all__ = ["BOOSTS", "NO_MOVE", "UniversalMove", "UniversalPokemon", "UniversalState"]

BOOSTS = ("atk", "spa", "def", "spd", "spe", "accuracy", "evasion")
"""The boosts of a Pokémon, in the order of `UniversalPokemon`'s fields."""

_TEXT, _NUMBER, _FLAG = (str,), (int, float), (bool,)


@dataclass(frozen=True, slots=True)
class UniversalMove:
    """A move.

    Parameters
    ----------
    name : str
        As a word (`pokenash.metamon.words.move_word`); ``"nomove"`` where there is none.
    move_type, category : str
        Words; the category is ``physical``, ``special`` or ``status``.
    base_power : int
        In the game's units; 0 where it has none or where it varies.
    accuracy : float
        0 to 1; 1 for moves that never miss.
    priority : int
        From −7 to 5.
    current_pp, max_pp : int
        Power points. Which of them are true depends on the battle backend.
    """

    name: str
    move_type: str
    category: str
    base_power: int
    accuracy: float
    priority: int
    current_pp: int
    max_pp: int

    def to_dict(self) -> dict[str, Any]:
        """As metamon's JSON object."""
        return {name: getattr(self, name) for name in _MOVE_FIELDS}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> UniversalMove:
        """The inverse of `to_dict`; `InputError` where a field is missing or of the wrong type."""
        try:
            return _known_move(*[data[name] for name in _MOVE_FIELDS])
        except (LookupError, TypeError):
            return cls(**_checked("move", data, _MOVE_FIELDS, {}))


@lru_cache(65536, typed=True)
def _known_move(*values: Any) -> UniversalMove:
    """A trajectory file holds the same few moves thousands of times."""
    return UniversalMove(**_checked("move", dict(zip(_MOVE_FIELDS, values, strict=True)), _MOVE_FIELDS, {}))


NO_MOVE = UniversalMove("nomove", "nomove", "nomove", 0, 1.0, 0, 0, 0)
"""What stands for "no move yet"."""


@dataclass(frozen=True, slots=True)
class UniversalPokemon:
    """A Pokémon as one player knows it.

    Parameters
    ----------
    name, base_species : str
        Words; the species with its forme and without (``"rotomwash"``, ``"rotom"``).
    hp_pct : float
        Remaining HP as a fraction, 0 to 1.
    types : str
        Two words in alphabetical order, padded with ``notype``: ``"normal notype"``.
    item, ability, status, effect, tera_type : str
        One word each; ``noitem``/``unknownitem``, ``noability``/``unknownability``, ``nostatus``, ``noeffect`` and
        ``notype`` where there is nothing or nothing is known.
    lvl : int
        1 to 100.
    moves : tuple of UniversalMove
        At most 4, in the order in which they became known.
    atk_boost, ... : int
        Stat stages, −6 to 6.
    base_atk, ... : int
        Base stats of the species.
    """

    name: str
    hp_pct: float
    types: str
    item: str
    ability: str
    lvl: int
    status: str
    effect: str
    moves: tuple[UniversalMove, ...]
    atk_boost: int
    spa_boost: int
    def_boost: int
    spd_boost: int
    spe_boost: int
    accuracy_boost: int
    evasion_boost: int
    base_atk: int
    base_spa: int
    base_def: int
    base_spd: int
    base_spe: int
    base_hp: int
    tera_type: str
    base_species: str

    def to_dict(self) -> dict[str, Any]:
        """As metamon's JSON object."""
        out = {name: getattr(self, name) for name in _POKEMON_FIELDS}
        out["moves"] = [move.to_dict() for move in self.moves]
        return out

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> UniversalPokemon:
        """The inverse of `to_dict`.

        Files from before ``tera_type`` and ``base_species`` existed read as ``notype`` and the name.

        Raises
        ------
        InputError
            Where a field is missing or of the wrong type.
        """
        name = data.get("name") if isinstance(data, Mapping) else None
        values = _checked("Pokémon", data, _POKEMON_FIELDS, {"tera_type": "notype", "base_species": name})
        values["moves"] = tuple(UniversalMove.from_dict(move) for move in values["moves"])
        return cls(**values)


@dataclass(frozen=True, slots=True)
class UniversalState:
    """A battle as one player knows it.

    Parameters
    ----------
    format : str
        E.g. ``"gen1ou"``.
    player_active_pokemon, opponent_active_pokemon : UniversalPokemon
        Who is out; fainted where a replacement is asked for.
    available_switches : tuple of UniversalPokemon
        Own Pokémon that could come in, in the team's order (which is not the order of the actions).
    player_prev_move, opponent_prev_move : UniversalMove
        The last move of the Pokémon that is out; `NO_MOVE` if there is none.
    opponents_remaining : int
        6 less the opponent's Pokémon that are known to have fainted.
    player_conditions, opponent_conditions, weather, battle_field : str
        One word each; ``noconditions``, ``noweather``, ``nofield`` where there is none.
    forced_switch : bool
        Whether a replacement is asked for.
    battle_won, battle_lost : bool
        Both False until the end, and after a tie.
    can_tera : bool
        Whether the active Pokémon may terastallize now.
    opponent_teampreview : tuple of str
        Base species shown at team preview, in any order; empty without team preview.
    """

    format: str
    player_active_pokemon: UniversalPokemon
    opponent_active_pokemon: UniversalPokemon
    available_switches: tuple[UniversalPokemon, ...]
    player_prev_move: UniversalMove
    opponent_prev_move: UniversalMove
    opponents_remaining: int
    player_conditions: str
    opponent_conditions: str
    weather: str
    battle_field: str
    forced_switch: bool
    battle_won: bool
    battle_lost: bool
    can_tera: bool
    opponent_teampreview: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """As metamon's JSON object."""
        out = {name: getattr(self, name) for name in _STATE_FIELDS}
        for name in ("player_active_pokemon", "opponent_active_pokemon", "player_prev_move", "opponent_prev_move"):
            out[name] = out[name].to_dict()
        out["available_switches"] = [pokemon.to_dict() for pokemon in self.available_switches]
        out["opponent_teampreview"] = list(self.opponent_teampreview)
        return out

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> UniversalState:
        """The inverse of `to_dict`; files without ``can_tera`` and ``opponent_teampreview`` are read too.

        Raises
        ------
        InputError
            Where a field is missing or of the wrong type.
        """
        values = _checked("state", data, _STATE_FIELDS, {"can_tera": False, "opponent_teampreview": ()})
        for name in ("player_active_pokemon", "opponent_active_pokemon"):
            values[name] = UniversalPokemon.from_dict(values[name])
        for name in ("player_prev_move", "opponent_prev_move"):
            values[name] = UniversalMove.from_dict(values[name])
        values["available_switches"] = tuple(UniversalPokemon.from_dict(p) for p in values["available_switches"])
        values["opponent_teampreview"] = tuple(values["opponent_teampreview"])
        return cls(**values)


def _checked(
    kind: str, data: Mapping[str, Any], known: Mapping[str, tuple[type, ...]], defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """The known fields of a JSON object; further fields (of later versions of metamon) are left aside."""
    if not isinstance(data, Mapping):
        raise InputError(f"a {kind} must be a JSON object, got {type(data).__name__}")
    values = {name: data.get(name, defaults.get(name)) for name in known}
    for name, types in known.items():
        if not isinstance(values[name], types) or (types is _NUMBER and isinstance(values[name], bool)):
            expected = " or ".join(t.__name__ for t in types)
            got = "nothing" if values[name] is None else repr(values[name])[:40]
            raise InputError(f"{kind}: the field {name!r} must be {expected}, got {got}")
    return values


def _field_types(cls: type) -> dict[str, tuple[type, ...]]:
    by_annotation = {"str": _TEXT, "int": _NUMBER, "float": _NUMBER, "bool": _FLAG}
    return {
        f.name: by_annotation.get(str(f.type), (list, tuple) if str(f.type).startswith("tuple") else (Mapping,))
        for f in fields(cls)
    }


_MOVE_FIELDS = _field_types(UniversalMove)
_POKEMON_FIELDS = _field_types(UniversalPokemon)
_STATE_FIELDS = _field_types(UniversalState)
