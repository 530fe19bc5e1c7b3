"""The match log: an append-only record of every match that was played.

Matches are written in blocks. A block has a key (such as ``"iteration_0/a-b"``), is written and synced at once, and
is either there as a whole or not at all: what a killed process left of its last block is not read, and is cut off by
the next write. So a run that is killed and started again ends with the log that an unbroken run would have written,
provided that it appends the same blocks in the same order.

Blocks are appended to a plain file, one JSON object per line. When that has grown large, its blocks are moved into a
compressed SQLite file beside it (``matches.jsonl.sqlite``), from which a log of ten million matches opens, and its
outcomes are counted, without its lines being read. Who reads a log sees one log.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pokenash.algorithms.match_log_compaction import compact_match_log, store_of, sync_folder
from pokenash.algorithms.match_log_lines import (
    MATCH_LOG_SCHEMA,
    BlockReader,
    LoggedMatch,
    Tallies,
    line_of,
    tally,
)
from pokenash.arena.matches import MatchResult
from pokenash.errors import InputError, RunDirectoryError

__all__ = ["COMPACT_BYTES", "MATCH_LOG_SCHEMA", "LoggedMatch", "MatchLog"]

_log = logging.getLogger(__name__)

COMPACT_BYTES = 16 * 2**20
"""Size of the plain file from which the next block is written after a compaction: about 60,000 matches."""


class MatchLog:
    """A match log on disk.

    Opening reads the plain file and changes nothing; the file is made by the first `append_block`. What was compacted
    is read when it is asked for. One process writes at a time.

    Parameters
    ----------
    path : str or Path
        Of the plain file; the compacted one lies beside it.
    compact_bytes : int
        From which size of the plain file on `append_block` moves its blocks into the compacted one first. Where that
        cannot be written now (another process reads it for long, a disk is full) the plain file grows on, and the next
        try is at twice its size.

    Raises
    ------
    RunDirectoryError
        If a file cannot be read, has another schema, or is damaged anywhere but in a torn last block; the message
        names the file and the line.
    """

    def __init__(self, path: str | Path, *, compact_bytes: int = COMPACT_BYTES) -> None:
        if compact_bytes < 1:
            raise InputError(f"compact_bytes: expected at least 1, got {compact_bytes}")
        self.path = Path(path)
        self._compact_bytes = self._compact_at = compact_bytes
        self._store = store_of(self.path)
        self._load()

    def _load(self) -> None:
        """Read the plain file, then note how much of the compacted one belongs to this view of the log."""
        reader = BlockReader(self.path)
        self._blocks = {block.key: block.matches for block in reader}
        # Where the last whole block ends, and how long the file is known to be.
        self._end, self._size = reader.end, reader.size
        # After the plain file: blocks that another process moves meanwhile are then seen twice, and not never.
        self._stored = self._store.num_blocks()
        for key in self._store.present(self._blocks, self._stored) if self._stored else ():
            if self._store.block(key) != self._blocks.pop(key):
                raise RunDirectoryError(
                    f"match log {self.path} and {self._store.path} have different matches under the key {key!r}; "
                    "restore the files or use another log"
                )

    def has_block(self, key: str) -> bool:
        """Whether the block is there as a whole."""
        return key in self._blocks or (self._stored > 0 and bool(self._store.present([key], self._stored)))

    def block(self, key: str) -> list[LoggedMatch]:
        """The matches of one block, by episode; `InputError` if it is not there."""
        if key in self._blocks:
            return list(self._blocks[key])
        if not self.has_block(key):
            raise InputError(f"match log {self.path} has no block {key!r}")
        return self._store.block(key)

    @property
    def blocks(self) -> list[str]:
        """Keys of the blocks, in the order in which they were written."""
        return self.keys()

    def keys(self, prefix: str = "") -> list[str]:
        """Those of the blocks' keys that begin with a prefix, in the order in which they were written."""
        stored = self._store.keys(prefix, self._stored) if self._stored else []
        return stored + [key for key in self._blocks if key.startswith(prefix)]

    def num_matches(self, prefix: str = "") -> int:
        """How many matches the blocks have whose keys begin with a prefix; no match is read for it."""
        stored = self._store.num_matches(prefix, self._stored) if self._stored else 0
        return stored + sum(len(matches) for key, matches in self._blocks.items() if key.startswith(prefix))

    def matches(self, prefix: str = "") -> Iterator[LoggedMatch]:
        """The matches of those blocks, in order; of the compacted ones, one block is in memory at a time."""
        if self._stored:
            yield from self._store.matches(prefix, self._stored)
        for key, matches in self._blocks.items():
            if key.startswith(prefix):
                yield from matches

    def tallies(self, prefix: str = "") -> Tallies:
        """How often each outcome happened in those blocks: what `tally` counts in `matches`, without reading them.

        Returns
        -------
        dict of (str, str, float) to int
            Policy in seat 0, policy in seat 1 and return of seat 0, in order of first appearance; how many matches.
            Matches that ended with an error are not counted.
        """
        counts = self._store.tallies(prefix, self._stored) if self._stored else {}
        plain = (match for key, matches in self._blocks.items() if key.startswith(prefix) for match in matches)
        for outcome, count in tally(plain).items():
            counts[outcome] = counts.get(outcome, 0) + count
        return counts

    def __len__(self) -> int:
        return self.num_matches()

    def __iter__(self) -> Iterator[LoggedMatch]:
        return self.matches()

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
        if self.has_block(key):
            if self.block(key) != matches:
                raise RunDirectoryError(f"match log {self.path} has other matches under the key {key!r}")
            return list(matches)
        if self._end >= self._compact_at:
            self._try_to_compact()
        text = "".join(line_of(match, i, len(matches)) + "\n" for i, match in enumerate(matches))
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
                self._check_size(size)
                try:
                    file.truncate(self._end)
                    file.seek(self._end)
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                finally:
                    self._size = os.fstat(file.fileno()).st_size
            if is_new:
                sync_folder(self.path.parent)
        except OSError as error:
            raise RunDirectoryError(f"cannot write match log {self.path}: {error.strerror}") from error
        self._end += len(data)

    def compact(self) -> int:
        """Move the blocks of the plain file into the compacted one (`compact_match_log`), and say how many.

        What the log says stays the same. `append_block` does it by itself when the plain file has grown large.
        """
        if self._end == 0:
            return 0
        self._check_size(self.path.stat().st_size if self.path.exists() else 0)
        moved = compact_match_log(self.path)
        self._load()
        return moved

    def _try_to_compact(self) -> None:
        """Compact where that can be done now: matches that were played are not lost for want of it."""
        try:
            self.compact()
            self._compact_at = self._compact_bytes
        except RunDirectoryError as error:
            if not isinstance(error.__cause__, (sqlite3.OperationalError, OSError)):
                raise
            self._compact_at = 2 * self._end
            _log.warning("match log %s is not compacted yet and grows on: %s", self.path, error)

    def _check_size(self, found: int) -> None:
        if found != self._size:
            raise RunDirectoryError(
                f"match log {self.path} was changed by another process ({self._size} bytes known, "
                f"{found} found); let one process write at a time"
            )
