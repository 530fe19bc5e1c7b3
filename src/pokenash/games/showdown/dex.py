"""The generation's static facts as arrays: what species, moves and types are, by the observation's ids.

Everything comes from the simulator's own data (``js/tables.js``), so that it is right for the pinned version. Row 0 of
every table is "none" and row 1 "known, but outside the vocabulary"; both are neutral: no power, no effect.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import InputError
from pokenash.games.showdown.node import run_tool

__all__ = ["BOOSTS", "PHYSICAL", "SPECIAL", "STATS", "STATUS", "Dex", "MoveTable", "SpeciesTable", "load_dex"]

PHYSICAL, SPECIAL, STATUS = 0, 1, 2
"""Values of `MoveTable.category`. In generations 1 to 3 the category follows from the type."""

STATS = ("hp", "atk", "def", "spa", "spd", "spe")
BOOSTS = ("atk", "def", "spa", "spd", "spe", "accuracy", "evasion")

_FLOAT = {
    "base_stats", "weight", "accuracy", "hits", "drain", "recoil", "heal", "damage_value", "status_chance",
    "volatile_chance", "flinch_chance", "self_boost_chance", "target_boost_chance",
}  # fmt: skip
_BOOL = {
    "never_misses", "ohko", "self_destruct", "recharge", "charge", "crash", "contact", "sound", "force_switch",
    "self_switch", "stalling", "bypasses_substitute",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class SpeciesTable:
    """One row per species id, ``S`` rows.

    Parameters
    ----------
    base_stats : float32 array, ``[S, 6]``
        In the order of `STATS`; in generation 1 both special stats are Special.
    types : int16 array, ``[S, 2]``
        Type ids; the second is 0 for species of one type.
    weight : float32 array, ``[S]``
        In kilograms.
    abilities : int16 array, ``[S, 3]``
        Ability ids: the first, the second and the hidden one, 0 where there is none; all 0 before generation 3.
    """

    base_stats: NDArray[np.float32]
    types: NDArray[np.int16]
    weight: NDArray[np.float32]
    abilities: NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class MoveTable:
    """One row per move id, ``M`` rows; arrays are ``[M]`` unless said otherwise.

    Parameters
    ----------
    base_power : int16 array
        As the simulator has it: 0 for status moves, 0 or 1 where a callback computes the damage.
    accuracy : float32 array
        0 to 1; 1 where `never_misses`.
    category, type, target, damage_kind, status, volatile, self_volatile : int16 arrays
        Indices into the `Dex`'s lists of names (`category`: `PHYSICAL`, `SPECIAL`, `STATUS`).
        `status` and `volatile` are inflicted on the target, `self_volatile` on the user.
    side_condition, weather, terrain, pseudo_weather : int16 arrays
        Indices too.
    damage_value : float32 array
        With `damage_kind` "constant" the damage, "level" the multiple of the user's level, "half" the share of the
        target's HP, "random" the mean multiple of the level.
    priority, pp, max_pp, critical_ratio, min_hits : int16 arrays
        `critical_ratio` is 1 as a rule, 2 and more for high ratios, 5 for certain critical hits; `min_hits` is the
        fewest times that it hits.
    hits : float32 array
        Mean number of hits.
    drain, recoil, heal : float32 arrays
        Shares: of the damage, of the damage, of the user's maximal HP.
    status_chance, volatile_chance, flinch_chance, self_boost_chance, target_boost_chance : float32 arrays
        0 where there is no such effect.
    self_boosts, target_boosts : int16 arrays, ``[M, 7]``
        Stages in the order of `BOOSTS`.
    never_misses, ohko, self_destruct, recharge, charge, crash, contact, sound : bool arrays
    force_switch, self_switch, stalling, bypasses_substitute : bool arrays
    """

    base_power: NDArray[np.int16]
    accuracy: NDArray[np.float32]
    category: NDArray[np.int16]
    type: NDArray[np.int16]
    target: NDArray[np.int16]
    damage_kind: NDArray[np.int16]
    damage_value: NDArray[np.float32]
    priority: NDArray[np.int16]
    pp: NDArray[np.int16]
    max_pp: NDArray[np.int16]
    critical_ratio: NDArray[np.int16]
    hits: NDArray[np.float32]
    min_hits: NDArray[np.int16]
    drain: NDArray[np.float32]
    recoil: NDArray[np.float32]
    heal: NDArray[np.float32]
    status: NDArray[np.int16]
    status_chance: NDArray[np.float32]
    volatile: NDArray[np.int16]
    volatile_chance: NDArray[np.float32]
    self_volatile: NDArray[np.int16]
    flinch_chance: NDArray[np.float32]
    self_boosts: NDArray[np.int16]
    self_boost_chance: NDArray[np.float32]
    target_boosts: NDArray[np.int16]
    target_boost_chance: NDArray[np.float32]
    side_condition: NDArray[np.int16]
    weather: NDArray[np.int16]
    terrain: NDArray[np.int16]
    pseudo_weather: NDArray[np.int16]
    never_misses: NDArray[np.bool_]
    ohko: NDArray[np.bool_]
    self_destruct: NDArray[np.bool_]
    recharge: NDArray[np.bool_]
    charge: NDArray[np.bool_]
    crash: NDArray[np.bool_]
    contact: NDArray[np.bool_]
    sound: NDArray[np.bool_]
    force_switch: NDArray[np.bool_]
    self_switch: NDArray[np.bool_]
    stalling: NDArray[np.bool_]
    bypasses_substitute: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Dex:
    """A generation's facts. All arrays are read-only.

    Parameters
    ----------
    format : str
        Id of the format that it was made for.
    generation : int
    names : mapping of str to tuple of str
        Every list of names by kind: ``species``, ``moves``, ``items``, ``abilities``, ``types``, ``statuses``,
        ``weathers``, ``terrains`` (the observation's vocabulary), and the lists that only these tables use:
        ``volatiles``, ``side_conditions``, ``pseudo_weathers``, ``targets``, ``damage_kinds``.
    species : SpeciesTable
    moves : MoveTable
    type_chart : float32 array, ``[T, T]``
        Multiplier of an attack of the row's type on a defender of the column's type.
    """

    format: str
    generation: int
    names: Mapping[str, tuple[str, ...]]
    species: SpeciesTable
    moves: MoveTable
    type_chart: NDArray[np.float32]

    def id(self, kind: str, name: str) -> int:
        """The id of a name (``dex.id("moves", "Thunder Wave")``); spelling counts letters and digits only.

        Raises
        ------
        InputError
            If the generation has no such thing.
        """
        found = _index(self.names[kind]).get(_simple(name))
        if found is None:
            raise InputError(f"no {name!r} among the {kind} of generation {self.generation}")
        return found

    def effectiveness(self) -> NDArray[np.float32]:
        """Multiplier of an attacking type on a species, ``[T, S]``."""
        types = self.species.types
        second = np.where(types[:, 1] > 0, self.type_chart[:, types[:, 1]], np.float32(1))
        product: NDArray[np.float32] = self.type_chart[:, types[:, 0]] * second
        return product

    def species_features(self) -> NDArray[np.float32]:
        """Static features of species, ``[S, 7 + T]``, about 0 to 1.

        Columns: the six base stats / 200 in the order of `STATS`; log(1 + weight) / 8; one per type id, 1 where the
        species has it.
        """
        table = self.species
        types = np.zeros((len(table.weight), len(self.names["types"])), np.float32)
        np.put_along_axis(types, table.types.astype(np.int64), 1.0, axis=1)
        types[:, 0] = 0
        return np.concatenate([table.base_stats / 200, np.log1p(table.weight)[:, None] / 8, types], 1, dtype=np.float32)

    def move_features(self) -> NDArray[np.float32]:
        """Static features of moves, ``[M, F]``, about -1 to 1; the columns are `move_feature_names`."""
        table, count = self.moves, len(self.moves.base_power)
        scaled = [getattr(table, name).astype(np.float32)[:, None] / scale for name, scale in _MOVE_SCALES.items()]
        boosts = [table.self_boosts / 6, table.target_boosts / 6]
        kinds = [_one_hot(getattr(table, name), len(names)) for name, names in self._one_hots().items()]
        features = np.concatenate([*scaled, *boosts, *kinds], axis=1, dtype=np.float32)
        assert features.shape == (count, len(self.move_feature_names()))
        return features

    def move_feature_names(self) -> list[str]:
        """Names of the columns of `move_features`: scaled values, boosts, and one-hot ``kind=value`` columns."""
        boosts = [f"{side}_{stat}" for side in ("self_boost", "target_boost") for stat in BOOSTS]
        hots = [f"{kind}={name}" for kind, names in self._one_hots().items() for name in names]
        return [*_MOVE_SCALES, *boosts, *hots]

    def _one_hots(self) -> dict[str, tuple[str, ...]]:
        """The columns of `moves` that are one-hot features, with the names of their values."""
        names = self.names
        return {
            "type": names["types"], "category": ("physical", "special", "status"), "status": names["statuses"],
            "volatile": names["volatiles"], "self_volatile": names["volatiles"],
            "side_condition": names["side_conditions"], "weather": names["weathers"],
        }  # fmt: skip


_MOVE_SCALES: dict[str, float] = {
    "base_power": 150, "accuracy": 1, "never_misses": 1, "priority": 5, "max_pp": 64, "critical_ratio": 5, "hits": 5,
    "drain": 1, "recoil": 1, "heal": 1, "status_chance": 1, "volatile_chance": 1, "flinch_chance": 1,
    "self_boost_chance": 1, "target_boost_chance": 1, "ohko": 1, "self_destruct": 1, "recharge": 1, "charge": 1,
    "crash": 1, "contact": 1, "sound": 1, "force_switch": 1, "self_switch": 1, "stalling": 1, "bypasses_substitute": 1,
    "damage_kind": 4,
}  # fmt: skip


def _one_hot(ids: NDArray[np.int16], count: int) -> NDArray[np.float32]:
    return np.eye(count, dtype=np.float32)[ids]


def _simple(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", name.lower())


@lru_cache(maxsize=64)
def _index(names: tuple[str, ...]) -> dict[str, int]:
    return {_simple(name): i for i, name in enumerate(names)}


def _array(name: str, values: Any) -> NDArray[Any]:
    kind: type[np.generic] = np.float32 if name in _FLOAT else np.bool_ if name in _BOOL else np.int16
    array = np.asarray(values, kind)
    array.flags.writeable = False
    return array


def _columns(kind: type[SpeciesTable] | type[MoveTable], data: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    return {field.name: _array(field.name, data[field.name]) for field in fields(kind)}


@lru_cache(maxsize=16)
def load_dex(format: str) -> Dex:
    """The tables of a format's generation, from the simulator; kept for the life of the process.

    Raises
    ------
    InputError
        If the simulator knows no such format.
    SimulatorError
        If Node or the simulator cannot be run.
    """
    data = run_tool("tables.js", {"format": format}, timeout=60)
    if "error" in data:
        raise InputError(data["error"])
    lists = {**data["vocab"], **{k: data[k] for k in ("volatiles", "side_conditions", "pseudo_weathers", "targets")}}
    lists["damage_kinds"] = data["damage_kinds"]
    chart = np.asarray(data["type_chart"], np.float32)
    chart.flags.writeable = False
    return Dex(
        format=data["format"],
        generation=data["generation"],
        names={kind: tuple(names) for kind, names in lists.items() if isinstance(names, list)},
        species=SpeciesTable(**_columns(SpeciesTable, data["species"])),
        moves=MoveTable(**_columns(MoveTable, data["moves"])),
        type_chart=chart,
    )
