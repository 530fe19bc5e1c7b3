"""Which columns of Showdown's tensor observation a network reads, and what the ids in them refer to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any

from pokenash.games.showdown.dex import Dex

__all__ = ["BLOCKS", "Columns", "columns_of", "vocabulary_of"]

BLOCKS = ("pokemon_ids", "pokemon", "move_ids", "moves", "global_ids", "global")

# What generation 1 can tell of a Pokémon and of the field. Its items, abilities, genders, weather, hazards and later
# volatiles do not exist, and columns that are always 0 cost time in every layer that reads them.
_FIRST_GENERATION: dict[str, frozenset[str]] = {
    "pokemon": frozenset(
        "known revealed active fainted hp level stat_hp stat_atk stat_def stat_spa stat_spe boost_atk boost_def "
        "boost_spa boost_spd boost_spe boost_accuracy boost_evasion pp_1 pp_2 pp_3 pp_4 status_turns turns_active "
        "confusion substitute leech_seed reflect light_screen mist focus_energy partially_trapped must_recharge bide "
        "rage two_turn locked_move disable transform type_change".split()
    ),
    "global": frozenset(
        "turn trapped maybe_trapped can_switch own_remaining own_team_size opponent_remaining "
        "opponent_team_size".split()
    ),
}

# The first generation that knows the thing which a column of ids refers to.
_SINCE = {
    "item": 2, "last_item": 2, "weather": 2, "ability": 3, "terrain": 6, "type_3": 6, "tera_type": 9, "paradox_stat": 9,
}  # fmt: skip

_VOCABULARY = {
    "species": "species", "transform_species": "species", "ability": "abilities", "item": "items",
    "last_item": "items", "status": "statuses", "type_1": "types", "type_2": "types", "type_3": "types",
    "tera_type": "types", "move_1": "moves", "move_2": "moves", "move_3": "moves", "move_4": "moves",
    "last_move": "moves", "disabled_move": "moves", "paradox_stat": "stats", "move": "moves", "request": "requests",
    "weather": "weathers", "terrain": "terrains", "own_last_move": "moves", "opponent_last_move": "moves",
}  # fmt: skip


@dataclass(frozen=True)
class Columns:
    """Names of the columns that a network reads, in its order, and their places in the observation.

    Parameters
    ----------
    names : mapping of str to tuple of str
        By block (`BLOCKS`).
    places : mapping of str to tuple of int
        By block: where in the observation's last axis they lie.
    """

    names: Mapping[str, tuple[str, ...]]
    places: Mapping[str, tuple[int, ...]]

    def index(self, block: str, name: str) -> int:
        """Place of a column among those that are read."""
        return self.names[block].index(name)

    def to_json(self) -> dict[str, Any]:
        """As a JSON-able dict."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Columns:
        """The inverse of `to_json`."""
        return cls(
            {block: tuple(names) for block, names in data["names"].items()},
            {block: tuple(places) for block, places in data["places"].items()},
        )


def columns_of(dex: Dex) -> Columns:
    """The columns that can be other than 0 in a generation."""
    layout = json.loads(files("pokenash.games.showdown").joinpath("js", "layout.json").read_text())
    names = {block: _used(block, layout[block], dex.generation) for block in BLOCKS}
    places = {block: tuple(layout[block].index(name) for name in kept) for block, kept in names.items()}
    return Columns(names, places)


def vocabulary_of(column: str) -> str:
    """Which of the `Dex`'s lists of names the ids of a column refer to."""
    return _VOCABULARY[column]


def _used(block: str, columns: Sequence[str], generation: int) -> tuple[str, ...]:
    first = _FIRST_GENERATION.get(block)
    if generation == 1 and first is not None:
        return tuple(name for name in columns if name in first)
    return tuple(name for name in columns if _SINCE.get(name, 1) <= generation)
