"""The match log: an append-only file of every match that was played, one JSON object per line.

Matches are written in blocks. A block has a key (such as ``"iteration_0/a-b"``), is written and synced at once, and
is either there as a whole or not at all: what a killed process left of its last block is not read, and is cut off by
the next write. So a run that is killed and started again ends with the file that an unbroken run would have written,
provided that it appends the same blocks in the same order.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pokenash.arena.matches import MatchResult
from pokenash.errors import InputError, RunDirectoryError

__all__ = ["MATCH_LOG_SCHEMA", "LoggedMatch", "MatchLog"]

MATCH_LOG_SCHEMA = 1

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


class MatchLog:
    """A match log on disk.

    Opening reads the file and changes nothing; the file is made by the first `append_block`. One process writes at a
    time.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    RunDirectoryError
        If the file cannot be read, has another schema, or is damaged anywhere but in a torn last block; the message
        names the file and the line.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._blocks: dict[str, list[LoggedMatch]] = {}
        # Where the last whole block ends, and how long the file is known to be.
        self._end = 0
        self._size = 0
        try:
            data = self.path.read_bytes() if self.path.exists() else b""
        except OSError as error:
            raise RunDirectoryError(f"cannot read match log {self.path}: {error.strerror}") from error
        self._size = len(data)
        self._read(data)

    def _read(self, data: bytes) -> None:
        """Take in all whole blocks; `_end` is where the last of them ends."""
        lines = data.split(b"\n")[:-1]
        block: list[LoggedMatch] = []
        size = position = 0
        for number, line in enumerate(lines, start=1):
            match, index, of = self._parse(line, number)
            position += len(line) + 1
            size = size if block else of
            if block and match.block != block[0].block:
                self._damaged(number, f"block {match.block!r} begins inside block {block[0].block!r}")
            if match.block in self._blocks:
                self._damaged(number, f"block {match.block!r} is there a second time")
            if index != len(block) or of != size or index >= of:
                self._damaged(number, f"match {index} of {of} stands where match {len(block)} of {size} is expected")
            if block and match.episode <= block[-1].episode:
                self._damaged(number, f"episode {match.episode} after episode {block[-1].episode}")
            block.append(match)
            if index == size - 1:
                self._blocks[match.block] = block
                self._end = position
                block = []
        if len(data) > self._end:
            _log.warning(
                "%s: the last block was not finished; its %d bytes do not count", self.path, len(data) - self._end
            )

    def _damaged(self, number: int, what: str) -> None:
        raise RunDirectoryError(f"match log {self.path}, line {number}: {what}; restore the file or use another one")

    def _parse(self, line: bytes, number: int) -> tuple[LoggedMatch, int, int]:
        """One line as (match, index in its block, size of the block)."""
        try:
            data = json.loads(line)
        except ValueError:
            data = None
        if not isinstance(data, dict):
            self._damaged(number, f"not a JSON object: {line[:60]!r}")
        if data.get("schema") != MATCH_LOG_SCHEMA:
            self._damaged(number, f"schema {data.get('schema')!r}, expected {MATCH_LOG_SCHEMA}")
        if set(data) != _FIELDS:
            self._damaged(number, f"fields missing or unknown: {sorted(set(data) ^ _FIELDS)}")
        problem = _wrong_field(data)
        if problem:
            self._damaged(number, f"field {problem!r} cannot be {data[problem]!r}")
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

    def has_block(self, key: str) -> bool:
        """Whether the block is there as a whole."""
        return key in self._blocks

    def block(self, key: str) -> list[LoggedMatch]:
        """The matches of one block, by episode; `InputError` if it is not there."""
        if key not in self._blocks:
            raise InputError(f"match log {self.path} has no block {key!r}")
        return list(self._blocks[key])

    @property
    def blocks(self) -> list[str]:
        """Keys of the blocks, in the order in which they were written."""
        return list(self._blocks)

    def __len__(self) -> int:
        return sum(len(block) for block in self._blocks.values())

    def __iter__(self) -> Iterator[LoggedMatch]:
        for block in self._blocks.values():
            yield from block

    def append_block(self, key: str, results: Iterable[MatchResult], names: Sequence[str]) -> list[LoggedMatch]:
        """Write one block, whole and synced to the disk, and give it back.

        Parameters
        ----------
        key : str
            If a block of that key is there already and says the same, nothing is written.
        results : iterable of MatchResult
            In any order; at least one. They are written by episode.
        names : sequence of str
            Names of the policies that the matches' indices refer to.

        Raises
        ------
        InputError
            If there is no result, or two have the same episode.
        RunDirectoryError
            If a block of that key is there and says something else, or the file cannot be written (a full disk).
        """
        matches = [LoggedMatch.from_result(key, result, names) for result in results]
        matches.sort(key=lambda match: match.episode)
        episodes = [match.episode for match in matches]
        if not matches or len(set(episodes)) != len(episodes):
            raise InputError(f"block {key!r}: expected at least one match and different episodes, got {episodes}")
        if key in self._blocks:
            if self._blocks[key] != matches:
                raise RunDirectoryError(f"match log {self.path} has other matches under the key {key!r}")
            return list(matches)
        text = "".join(_line(match, i, len(matches)) + "\n" for i, match in enumerate(matches))
        self._write(text.encode())
        self._blocks[key] = matches
        return list(matches)

    def _write(self, data: bytes) -> None:
        """Append after the last whole block; a failed write is cut off by the next one."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            is_new = not self.path.exists()
            with self.path.open("w+b" if is_new else "r+b") as file:
                size = file.seek(0, os.SEEK_END)
                if size != self._size:
                    raise RunDirectoryError(
                        f"match log {self.path} was changed by another process ({self._size} bytes known, "
                        f"{size} found); let one process write at a time"
                    )
                try:
                    file.truncate(self._end)
                    file.seek(self._end)
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                finally:
                    self._size = os.fstat(file.fileno()).st_size
            if is_new:
                _sync_folder(self.path.parent)
        except OSError as error:
            raise RunDirectoryError(f"cannot write match log {self.path}: {error.strerror}") from error
        self._end += len(data)


def _sync_folder(folder: Path) -> None:
    """Make a new file's name as durable as its contents."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _line(match: LoggedMatch, index: int, size: int) -> str:
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
