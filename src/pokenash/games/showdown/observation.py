"""The observation ``tensor`` in words: which column is what, the space it lives in, and back from numbers to names.

The columns are those of ``js/layout.json``, by which the worker encodes; nothing here needs Node.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from pokenash.errors import InputError

__all__ = ["VOCABULARY_OF", "Layout", "decode", "describe"]

TEAM_SIZE = 6

VOCABULARY_OF: Mapping[str, str] = MappingProxyType(
    {
        "species": "species",
        "transform_species": "species",
        "ability": "abilities",
        "item": "items",
        "last_item": "items",
        "status": "statuses",
        "type_1": "types",
        "type_2": "types",
        "type_3": "types",
        "tera_type": "types",
        "move_1": "moves",
        "move_2": "moves",
        "move_3": "moves",
        "move_4": "moves",
        "last_move": "moves",
        "disabled_move": "moves",
        "paradox_stat": "stats",
        "move": "moves",
        "request": "requests",
        "weather": "weathers",
        "terrain": "terrains",
        "own_last_move": "moves",
        "opponent_last_move": "moves",
    }
)
"""Which of the vocabulary's lists the ids of a column refer to."""

_ROWS = {"pokemon": (2 * TEAM_SIZE,), "move": (4,), "moves": (4,), "global": ()}

_BOOSTS = ("boost_atk", "boost_def", "boost_spa", "boost_spd", "boost_spe", "boost_accuracy", "boost_evasion")
_STATS = ("stat_hp", "stat_atk", "stat_def", "stat_spa", "stat_spd", "stat_spe")
_LASTING = (
    "reflect light_screen aurora_veil tailwind safeguard mist lucky_chant residual_damage swamp rainbow"
).split()
_SIDES = ("own", "opponent")
_SCALE = {
    "pokemon": {"level": 100, "status_turns": 10, "turns_active": 10, "protect_count": 3, "stockpile": 3, "dynamax": 3}
    | dict.fromkeys(_BOOSTS, 6)
    | dict.fromkeys(_STATS, 100),
    "moves": {},
    "global": {"turn": 100, "weather_turns": 8, "terrain_turns": 8}
    | dict.fromkeys(("trick_room", "gravity", "magic_room", "wonder_room", "mud_sport", "water_sport"), 8)
    | {f"{side}_{name}": 8 for side in _SIDES for name in _LASTING}
    | {f"{side}_{name}": 6 for side in _SIDES for name in ("remaining", "team_size")}
    | {f"{side}_spikes": 3 for side in _SIDES}
    | {f"{side}_toxic_spikes": 2 for side in _SIDES},
}
"""What the numbers were divided by, for columns that count something."""

_FRACTIONS = frozenset({"hp", "pp", "pp_1", "pp_2", "pp_3", "pp_4", "perish", "gender"})


@dataclass(frozen=True)
class Layout:
    """Names of the observation's columns, block by block.

    Parameters
    ----------
    blocks : mapping of str to tuple of str
        ``pokemon_ids``, ``pokemon``, ``move_ids``, ``moves``, ``global_ids``, ``global``: the columns of each.
    descriptions : mapping of str to mapping of str to str
        By block and column, what the column holds.
    """

    blocks: Mapping[str, tuple[str, ...]]
    descriptions: Mapping[str, Mapping[str, str]]

    @classmethod
    def load(cls) -> Layout:
        """The layout by which this version of pokenash encodes."""
        return _load()

    def column(self, block: str, name: str) -> int:
        """Place of a column in the last axis of its block.

        Raises
        ------
        InputError
            If there is no such block or column.
        """
        if block not in self.blocks:
            raise InputError(f"no block {block!r} in the observation; it has {', '.join(self.blocks)}")
        try:
            return self.blocks[block].index(name)
        except ValueError:
            raise InputError(
                f"no column {name!r} in the observation's block {block!r}; it has {', '.join(self.blocks[block])}"
            ) from None

    def shape(self, block: str) -> tuple[int, ...]:
        """Shape of a block for one row of the batch: ``(12, columns)``, ``(4, columns)`` or ``(columns,)``."""
        return (*_ROWS[block.removesuffix("_ids")], len(self.blocks[block]))

    def dtype(self, block: str) -> np.dtype[Any]:
        """``int16`` for ids, ``float32`` for the rest."""
        return np.dtype(np.int16 if block.endswith("_ids") else np.float32)

    def observation_space(self, vocab_sizes: Mapping[str, int] | None = None) -> spaces.Dict:
        """The space of one observation.

        Parameters
        ----------
        vocab_sizes : mapping of str to int, optional
            Length of each of the vocabulary's lists: ids lie below. Default: any int16 that is not negative.

        Returns
        -------
        gymnasium.spaces.Dict
            One Box per block; numbers lie within [-1, 1], except stats, levels and turns, which are unbounded above.
        """
        return spaces.Dict({block: self._box(block, vocab_sizes) for block in self.blocks})

    def _box(self, block: str, vocab_sizes: Mapping[str, int] | None) -> spaces.Box:
        shape, columns = self.shape(block), self.blocks[block]
        high: NDArray[Any]
        if block.endswith("_ids"):
            top = np.iinfo(np.int16).max
            high = np.array([vocab_sizes[VOCABULARY_OF[name]] - 1 if vocab_sizes else top for name in columns])
            return spaces.Box(np.zeros(shape, np.int16), np.broadcast_to(high, shape).astype(np.int16), dtype=np.int16)
        high = np.array([np.inf if name in ("turn", "level", *_STATS) else 1.0 for name in columns])
        low = np.array([-1.0 if name == "gender" or name in _BOOSTS else 0.0 for name in columns])
        return spaces.Box(
            np.broadcast_to(low, shape).astype(np.float32),
            np.broadcast_to(high, shape).astype(np.float32),
            dtype=np.float32,
        )


@cache
def _load() -> Layout:
    folder = files("pokenash.games.showdown").joinpath("js")
    layout = json.loads(folder.joinpath("layout.json").read_text(encoding="utf-8"))
    descriptions = json.loads(folder.joinpath("layout_descriptions.json").read_text(encoding="utf-8"))
    blocks = {name: tuple(columns) for name, columns in layout.items() if name != "schema"}
    return Layout(MappingProxyType(blocks), MappingProxyType(descriptions))


def decode(observation: Mapping[str, NDArray[Any]], vocab: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """One row of the observation in words.

    Parameters
    ----------
    observation : mapping of str to array
        One row: blocks without the batch axis.
    vocab : mapping of str to sequence of str
        The vocabulary of the format (`Dex.names`).

    Returns
    -------
    dict
        ``"pokemon"``: twelve dicts, six own and six of the opponent, None where the row is empty; ``"moves"``: the
        request's move slots, those that there are; ``"global"``: a dict. Keys are the layout's column names; ids are
        names, None for none or unknown, ``"unknown"`` for what is outside the vocabulary; flags are bool, counts are
        integers in their own unit (stages, turns, layers, PP stay fractions).

    Raises
    ------
    InputError
        If the blocks have other shapes than the layout says, such as a batch axis.
    """
    layout = _load()
    for block in layout.blocks:
        shape = observation[block].shape if block in observation else None
        if shape != layout.shape(block):
            raise InputError(
                f"block {block!r} has shape {shape}, expected {layout.shape(block)}: one row of the observation, "
                "without the batch axis"
            )

    def words(ids: str, numbers: str, row: int | None = None) -> dict[str, Any]:
        at = (Ellipsis,) if row is None else (row,)
        found = {
            name: vocab[VOCABULARY_OF[name]][int(value)] or None
            for name, value in zip(layout.blocks[ids], observation[ids][at], strict=True)
        }
        values = zip(layout.blocks[numbers], observation[numbers][at], strict=True)
        return found | {name: _number(numbers, name, float(value)) for name, value in values}

    pokemon = [words("pokemon_ids", "pokemon", row) for row in range(2 * TEAM_SIZE)]
    moves = [words("move_ids", "moves", row) for row in range(4)]
    return {
        "pokemon": [one if one["known"] else None for one in pokemon],
        "moves": [one for one in moves if one["present"]],
        "global": words("global_ids", "global"),
    }


def _number(block: str, name: str, value: float) -> bool | int | float:
    if name in _FRACTIONS:
        return value
    scale = _SCALE[block].get(name)
    return bool(value) if scale is None else round(value * scale)


def describe(observation: Mapping[str, NDArray[Any]], vocab: Mapping[str, Sequence[str]]) -> str:
    """One row of the observation as text, for reading.

    Parameters
    ----------
    observation, vocab
        As for `decode`.

    Returns
    -------
    str
        The field, both teams and what is asked, one line each; what is 0 is left out.
    """
    decoded = decode(observation, vocab)
    field = decoded["global"]
    lines = [f"turn {field['turn']}: {field['request'] or 'nothing'} is asked"]
    lines += [f"  {text}" for text in _facts(field, skip=("turn", "request"))]
    for first, title in ((0, "own team"), (TEAM_SIZE, "opponent's team")):
        lines.append(title)
        team = decoded["pokemon"][first : first + TEAM_SIZE]
        lines += [f"  {slot}: {_pokemon_line(one)}" for slot, one in enumerate(team) if one]
    for slot, move in enumerate(decoded["moves"]):
        lines.append(f"move {slot}: {move['move']}" + ("" if move["enabled"] else " (not allowed)"))
    return "\n".join(lines)


def _pokemon_line(one: Mapping[str, Any]) -> str:
    species = one["species"] or "unknown"
    shown = ("species", "known", "hp", "fainted", "revealed", "item_known")
    head = f"{species}, fainted" if one["fainted"] else f"{species}, {one['hp']:.0%}"
    return "; ".join([head, *_facts(one, skip=shown)])


def _facts(values: Mapping[str, Any], skip: Sequence[str]) -> Iterator[str]:
    for name, value in values.items():
        if name in skip or value is None or value is False or value == 0:
            continue
        words = name.replace("_", " ")
        if value is True:
            yield words
        else:
            yield f"{words} {value:.2f}" if isinstance(value, float) else f"{words} {value}"
