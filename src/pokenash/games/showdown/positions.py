"""Positions: battles in mid-play as small values, from which any number of battles can start.

A position is not a dump of the simulator's memory. It holds what made it: the record of a battle up to a decision, or a
description of two teams and what has become of them. The worker makes the battle from that, and with it everything
that both players were told on the way, which is all that their observations depend on.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from pokenash.errors import InputError
from pokenash.files import replace_file
from pokenash.games.showdown.node import run_tool, simulator_version
from pokenash.games.showdown.replay import check_record

__all__ = ["Position", "PositionSet", "load_positions", "save_positions"]

POSITION_SCHEMA = 1
_FIELDS = {"schema", "name", "format", "simulator", "source", "description"}
_COMPOSITION = {"teams", "seed", "turn", "sides"}
_LATEST = 1000


@dataclass(frozen=True)
class Position:
    """A battle in mid-play.

    Parameters
    ----------
    name : str
        Unique in its set.
    format : str
        Id of the format.
    simulator : str
        Version of the simulator that it was made for; another one may make another battle of it.
    source : mapping
        ``{"record": ...}``, a battle's record with the actions up to the position, or ``{"composition": ...}``, what
        `Position.compose` was told. JSON-able; not to be changed.
    description : str
        In words, for people.
    """

    name: str
    format: str
    simulator: str
    source: Mapping[str, Any] = field(repr=False)
    description: str = ""

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of format, simulator and source: two positions of one hash are the same battle."""
        told = {"format": self.format, "simulator": self.simulator, "source": self.source}
        return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def __hash__(self) -> int:
        return hash((self.name, self.sha256))

    def to_json(self) -> dict[str, Any]:
        """As a JSON-able dict, one to three KB."""
        data = {
            "schema": POSITION_SCHEMA,
            "name": self.name,
            "format": self.format,
            "simulator": self.simulator,
            "source": dict(self.source),
        }
        return data | ({"description": self.description} if self.description else {})

    @classmethod
    def from_json(cls, data: Any) -> Position:
        """The inverse of `to_json`.

        Raises
        ------
        InputError
            If it is not a position, or one of another schema.
        """
        if not isinstance(data, Mapping) or not _FIELDS - {"description"} <= data.keys() <= _FIELDS:
            raise InputError(f"not a position: {str(data)[:200]}; expected the fields {sorted(_FIELDS)}")
        if data["schema"] != POSITION_SCHEMA:
            raise InputError(f"the position has schema {data['schema']!r}, expected {POSITION_SCHEMA}")
        source = data["source"]
        if not isinstance(source, Mapping) or set(source) not in ({"record"}, {"composition"}):
            raise InputError(f"position {data['name']!r}: its source is neither a record nor a composition")
        if "record" in source:
            check_record(source["record"], f"the record of position {data['name']!r}", any_version=True)
        elif not isinstance(source["composition"], Mapping) or set(source["composition"]) != _COMPOSITION:
            raise InputError(
                f"position {data['name']!r}: expected the fields {sorted(_COMPOSITION)} in its composition"
            )
        texts = [data["name"], data["format"], data["simulator"], data.get("description", "")]
        if not all(isinstance(text, str) for text in texts):
            raise InputError(f"position {data['name']!r}: name, format, simulator and description are texts")
        return cls(data["name"], data["format"], data["simulator"], source, data.get("description", ""))

    @classmethod
    def from_record(
        cls,
        record: Mapping[str, Any],
        *,
        decision: int | None = None,
        turn: int | None = None,
        name: str | None = None,
        description: str = "",
    ) -> Position:
        """The position at a decision of a recorded battle.

        Parameters
        ----------
        record : mapping
            `EpisodeResult.record`, ``env.record``, or a saved one.
        decision : int, optional
            Decision points count from 0; one at which both players choose is one point.
        turn : int, optional
            The first decision of this turn, instead. Default: where the record ends.
        name : str, optional
            Default: the format, and the beginning of the position's hash.
        description : str

        Raises
        ------
        InputError
            If the record is damaged or of another simulator, or has no such decision.
        """
        check_record(record, "the record")
        if decision is not None and turn is not None:
            raise InputError("a position in a record is named by its decision or its turn, not by both")
        cut = dict(record)
        if decision is not None or turn is not None:
            first, second = _counts(record, decision, turn)
            cut["actions"] = [list(record["actions"][0][:first]), list(record["actions"][1][:second])]
        return _named(cls(name or "", record["format"], record["simulator"], {"record": cut}, description))

    @classmethod
    def compose(
        cls,
        teams: tuple[Any, Any],
        active: tuple[str, str],
        states: tuple[Mapping[str, Mapping[str, Any]], Mapping[str, Mapping[str, Any]]] = ({}, {}),
        *,
        format: str = "gen1ou",
        turn: int = 20,
        seed: int = 0,
        name: str | None = None,
        description: str = "",
    ) -> Position:
        """A position made by hand, at the beginning of a turn in which both players choose.

        Parameters
        ----------
        teams : tuple
            One team for each player, in any notation that `load_teams` reads. Its first Pokémon is the lead. What
            neither leads, nor is active, nor has a state has not been seen.
        active : tuple of str
            Which Pokémon are on the field, by their names in the teams (the species, where there is no nickname).
        states : tuple of mapping
            For each player, by name: ``hp`` (points; 0 = fainted), ``status`` (``"slp"``, ``"par"``, ...), ``slept``
            (turns asleep so far), ``rested`` (asleep by Rest), ``seen`` (moves that the opponent has seen, used once),
            ``pp`` (move to what is left of it; every use was seen), ``boosts`` (stat to stages; of the active one), and
            ``recharge`` (the move after which the active one must recharge). ``{}`` is one that was seen and is unhurt.
        format : str
            Without team preview.
        turn : int
        seed : int
            Of the random numbers that follow where a battle goes on with the position's own.
        name, description : str

        Raises
        ------
        InputError
            If the simulator cannot be brought there.
        TeamError
            If a team is not legal.
        """
        from pokenash.games.showdown.seeds import seed_strings
        from pokenash.games.showdown.teams import load_teams

        if not 2 <= turn < _LATEST:
            raise InputError(f"turn is {turn}, expected one from 2 to {_LATEST - 1}")
        if seed < 0:
            raise InputError(f"seed is {seed}, expected a number from 0 on")
        if not len(teams) == len(active) == len(states) == 2:
            raise InputError(
                f"got {len(teams)} teams, {len(active)} active Pokémon and states of {len(states)} players, "
                "expected two each"
            )
        packed = [load_teams(team, format) for team in teams]
        if any(len(one) != 1 for one in packed):
            raise InputError(f"got {[len(one) for one in packed]} teams for the two players, expected one for each")
        sides = [{"active": who, "states": _jsonable(own)} for who, own in zip(active, states, strict=True)]
        composition = {
            "teams": [one[0] for one in packed],
            "seed": seed_strings(seed)[0],
            "turn": turn,
            "sides": sides,
        }
        position = _named(cls(name or "", format, simulator_version(), {"composition": composition}, description))
        position.told()
        return position

    def told(self) -> tuple[list[str], list[str]]:
        """What both players were told up to here: protocol lines, and their requests in between.

        Raises
        ------
        InputError
            If the position cannot be reached.
        """
        answer = run_tool("tool.js", {"command": "reach", "format": self.format, "source": dict(self.source)})
        if "error" in answer:
            raise InputError(f"position {self.name!r} cannot be made: {answer['error']}")
        first, second = (text.split("\n") for text in answer["told"])
        return first, second


def _jsonable(states: Any) -> Any:
    """States as a file would hold them."""
    try:
        return json.loads(json.dumps(dict(states)))
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"states are mappings of names to mappings of numbers and texts: {error}") from error


def _named(position: Position) -> Position:
    """A position that has a name."""
    if position.name:
        return position
    name = f"{position.format}-{position.sha256[:12]}"
    return Position(name, position.format, position.simulator, position.source, position.description)


def _counts(record: Mapping[str, Any], decision: int | None, turn: int | None) -> list[int]:
    """How many actions both players had taken before a decision point of a record."""
    answer = run_tool("tool.js", {"command": "points", "record": dict(record)})
    if answer.get("error"):
        raise InputError(f"the record's actions cannot be played: {answer['error']}")
    points = answer["points"]
    found = points if turn is None else [point for point in points if point["turn"] == turn]
    place = 0 if decision is None else decision
    if not 0 <= place < len(found):
        wanted = f"decision {decision}" if turn is None else f"decision in turn {turn}"
        raise InputError(f"the record has no {wanted}: it has {len(points)} decision points, in {_turns(points)} turns")
    counts: list[int] = found[place]["counts"]
    return counts


def _turns(points: Sequence[Mapping[str, Any]]) -> int:
    return max((point["turn"] for point in points), default=0)


@dataclass(frozen=True)
class PositionSet(Sequence[Position]):
    """Positions that options refer to by name or index.

    Parameters
    ----------
    positions : tuple of Position
        Their names differ.
    """

    positions: tuple[Position, ...]

    def __post_init__(self) -> None:
        names = [one.name for one in self.positions]
        if len(set(names)) != len(names):
            raise InputError(f"positions must have different names, got {names}")

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: Any) -> Any:
        """A position by index or by name; a slice gives a `PositionSet`."""
        if isinstance(index, slice):
            return PositionSet(self.positions[index])
        if isinstance(index, str):
            for one in self.positions:
                if one.name == index:
                    return one
            raise InputError(f"there is no position {index!r}; the set has {', '.join(self.names) or 'none'}")
        return self.positions[index]

    def __iter__(self) -> Iterator[Position]:
        return iter(self.positions)

    @property
    def names(self) -> tuple[str, ...]:
        """Their names, in order."""
        return tuple(one.name for one in self.positions)

    @classmethod
    def of(cls, source: Any) -> Self:
        """From a set, one position, a list of positions or of their JSON, or a file."""
        if isinstance(source, cls):
            return source
        if isinstance(source, Position):
            return cls((source,))
        if isinstance(source, str | os.PathLike):
            return cls(load_positions(source).positions)
        if not isinstance(source, Iterable) or isinstance(source, Mapping):
            raise InputError(f"positions are a file, a Position or a list of them, not {type(source).__name__}")
        return cls(tuple(one if isinstance(one, Position) else Position.from_json(one) for one in source))


def save_positions(positions: Iterable[Position], path: str | os.PathLike[str]) -> None:
    """Write positions as JSON, whole or not at all.

    Raises
    ------
    InputError
        If the file cannot be written, or two have one name.
    """
    data = {"schema": POSITION_SCHEMA, "positions": [one.to_json() for one in PositionSet.of(positions)]}
    try:
        replace_file(Path(path), (json.dumps(data, indent=1) + "\n").encode())
    except OSError as error:
        raise InputError(f"{os.fspath(path)} cannot be written: {error}") from error


def load_positions(path: str | os.PathLike[str]) -> PositionSet:
    """Read what `save_positions` wrote.

    Raises
    ------
    InputError
        If it cannot be read or is something else.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{os.fspath(path)} cannot be read as a file of positions: {error}") from error
    if (
        not isinstance(data, Mapping)
        or data.get("schema") != POSITION_SCHEMA
        or not isinstance(data.get("positions"), list)
    ):
        raise InputError(f"{os.fspath(path)} is no file of positions of schema {POSITION_SCHEMA}")
    return PositionSet(tuple(Position.from_json(one) for one in data["positions"]))
