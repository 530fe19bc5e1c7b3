"""The plain form of a match log: one JSON object per line, in blocks that are whole or do not count."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from pokenash.arena.matches import MatchResult
from pokenash.errors import InputError, RunDirectoryError

__all__ = ["MATCH_LOG_SCHEMA", "Block", "BlockReader", "LoggedMatch", "Tallies", "line_of", "parse_lines", "tally"]

MATCH_LOG_SCHEMA = 1

Tallies = dict[tuple[str, str, float], int]
"""Policy in seat 0, policy in seat 1, return of seat 0: how many counted matches, in order of first appearance."""

_log = logging.getLogger(__name__)

_FIELDS = {
    "schema", "block", "index", "of", "episode", "seed", "options", "policies", "members", "returns", "length",
    "reason", "info",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class LoggedMatch:
    """One line of the log.

    Parameters
    ----------
    block : str
        Key of the block.
    episode, seed, options
        As in the match's `EpisodeSetup`.
    policies : tuple of str
        Name of each seat's policy.
    members : tuple of str or None
        Name of the member that was drawn, where a seat's policy is a mixture.
    returns : tuple of float
        Return of each seat.
    length : int
        Decisions made.
    reason : str
        Why the match ended. Those with the reason ``"error"`` do not count.
    info : mapping
        The game's own figures.
    """

    block: str
    episode: int
    seed: int
    options: Mapping[str, Any]
    policies: tuple[str, str]
    members: tuple[str | None, str | None]
    returns: tuple[float, float]
    length: int
    reason: str
    info: Mapping[str, Any]

    @property
    def counted(self) -> bool:
        """Whether the match says something about the policies."""
        return self.reason != "error"

    @classmethod
    def from_result(cls, block: str, result: MatchResult, names: Sequence[str]) -> LoggedMatch:
        """What is kept of a match; `names` are those of the policies that the match's indices refer to."""
        ended = result.result
        first, second = result.match.policies
        return cls(
            block,
            ended.episode,
            ended.seed,
            _plain(dict(ended.options)),
            (names[first], names[second]),
            result.members,
            (float(ended.returns[0]), float(ended.returns[1])),
            int(ended.length),
            ended.reason,
            _plain(dict(ended.info)),
        )


def _plain(value: Any) -> Any:
    """The value as JSON gives it back, so that what is written equals what is read."""

    def default(item: Any) -> Any:
        if isinstance(item, np.generic | np.ndarray):
            return item.tolist()
        raise TypeError(f"{type(item).__name__} is not JSON-able")

    try:
        return json.loads(json.dumps(value, default=default))
    except (TypeError, ValueError) as error:
        raise InputError(f"match options and info must be JSON-able: {error}; got {value!r}") from error


@dataclass(frozen=True, slots=True)
class Block:
    """A whole block.

    Parameters
    ----------
    key : str
    matches : list of LoggedMatch
        By episode; at least one.
    lines : bytes
        The block as it stands in the file, the last line's end included.
    """

    key: str
    matches: list[LoggedMatch]
    lines: bytes


class BlockReader:
    """Reads the whole blocks of a plain log one after another, so that memory grows with their keys alone.

    Parameters
    ----------
    path : Path
        A file that is not there has no blocks.

    Attributes
    ----------
    end : int
        Where the last whole block ends that was read, bytes.
    size : int
        Bytes that were read.

    Raises
    ------
    RunDirectoryError
        When it is iterated over: if the file cannot be read, has another schema, or is damaged anywhere but in a torn
        last block; the message names the file and the line.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.end = 0
        self.size = 0

    def __iter__(self) -> Iterator[Block]:
        try:
            if self.path.exists():
                yield from self._blocks()
        except OSError as error:
            raise RunDirectoryError(f"cannot read match log {self.path}: {error.strerror}") from error
        if self.size > self.end:
            torn = self.size - self.end
            _log.warning("%s: the last block was not finished; its %d bytes do not count", self.path, torn)

    def _blocks(self) -> Iterator[Block]:
        seen: set[str] = set()
        matches: list[LoggedMatch] = []
        lines: list[bytes] = []
        size = 0
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                self.size += len(line)
                if not line.endswith(b"\n"):
                    return
                place = f"{self.path}, line {number}"
                match, index, of = _parse(line[:-1], place)
                size = size if matches else of
                if match.block in seen:
                    _damaged(place, f"block {match.block!r} is there a second time")
                _check_place(matches, match, index, of, size, place)
                matches.append(match)
                lines.append(line)
                if index == size - 1:
                    seen.add(match.block)
                    self.end = self.size
                    yield Block(match.block, matches, b"".join(lines))
                    matches, lines = [], []


def parse_lines(lines: bytes, place: str) -> list[LoggedMatch]:
    """The matches of a block that was read before; `place` is what an error names."""
    return [_parse(line, place)[0] for line in lines.splitlines()]


def tally(matches: Iterable[LoggedMatch]) -> Tallies:
    """Count the outcomes of the matches that count."""
    counts: Tallies = {}
    for match in matches:
        if match.counted:
            outcome = (*match.policies, match.returns[0])
            counts[outcome] = counts.get(outcome, 0) + 1
    return counts


def _damaged(place: str, what: str) -> NoReturn:
    raise RunDirectoryError(f"match log {place}: {what}; restore the file or use another one")


def _check_place(block: Sequence[LoggedMatch], match: LoggedMatch, index: int, of: int, size: int, place: str) -> None:
    """Refuse a line that cannot follow what was read of its block."""
    if block and match.block != block[0].block:
        _damaged(place, f"block {match.block!r} begins inside block {block[0].block!r}")
    if index != len(block) or of != size or index >= of:
        _damaged(place, f"match {index} of {of} stands where match {len(block)} of {size} is expected")
    if block and match.episode <= block[-1].episode:
        _damaged(place, f"episode {match.episode} after episode {block[-1].episode}")


def _parse(line: bytes, place: str) -> tuple[LoggedMatch, int, int]:
    """One line as (match, index in its block, size of the block)."""
    try:
        data = json.loads(line)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        _damaged(place, f"not a JSON object: {line[:60]!r}")
    if data.get("schema") != MATCH_LOG_SCHEMA:
        _damaged(place, f"schema {data.get('schema')!r}, expected {MATCH_LOG_SCHEMA}")
    if set(data) != _FIELDS:
        _damaged(place, f"fields missing or unknown: {sorted(set(data) ^ _FIELDS)}")
    problem = _wrong_field(data)
    if problem:
        _damaged(place, f"field {problem!r} cannot be {data[problem]!r}")
    match = LoggedMatch(
        data["block"],
        data["episode"],
        data["seed"],
        data["options"],
        (data["policies"][0], data["policies"][1]),
        (data["members"][0], data["members"][1]),
        (float(data["returns"][0]), float(data["returns"][1])),
        data["length"],
        data["reason"],
        data["info"],
    )
    return match, data["index"], data["of"]


def line_of(match: LoggedMatch, index: int, size: int) -> str:
    """A match as one line of JSON, without the line's end."""
    data = {
        "schema": MATCH_LOG_SCHEMA,
        "block": match.block,
        "index": index,
        "of": size,
        "episode": match.episode,
        "seed": match.seed,
        "options": match.options,
        "policies": match.policies,
        "members": match.members,
        "returns": match.returns,
        "length": match.length,
        "reason": match.reason,
        "info": match.info,
    }
    return json.dumps(data, separators=(",", ":"))


def _wrong_field(data: Mapping[str, Any]) -> str | None:
    """The first field whose value is not of its kind, or None."""

    def pair(name: str, kinds: tuple[type, ...]) -> bool:
        value = data[name]
        return isinstance(value, list) and len(value) == 2 and all(type(item) in kinds for item in value)

    right = {
        **{name: type(data[name]) is int for name in ("index", "of", "episode", "seed", "length")},
        **{name: isinstance(data[name], str) for name in ("block", "reason")},
        **{name: isinstance(data[name], dict) for name in ("options", "info")},
        "policies": pair("policies", (str,)),
        "members": pair("members", (str, type(None))),
        "returns": pair("returns", (int, float)) and bool(np.isfinite(data["returns"]).all()),
    }
    return next((name for name, is_right in right.items() if not is_right), None)
