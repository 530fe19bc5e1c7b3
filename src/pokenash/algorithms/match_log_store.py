"""The compacted form of a match log: old blocks, compressed, in a SQLite file beside the plain one.

A block is kept as the very lines that it was in the plain file, and what is asked for most is kept beside it: its key,
its number of matches, and how often each outcome happened. So opening and counting read none of the lines. SQLite's
transactions make a block whole or absent, whatever is killed.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from pokenash.algorithms.match_log_lines import Block, LoggedMatch, Tallies, parse_lines, tally
from pokenash.errors import RunDirectoryError

__all__ = ["STORE_SCHEMA", "STORE_SUFFIX", "MatchStore"]

STORE_SCHEMA = 1
"""Number in the file's ``user_version``; 0 is a file in which nothing was written yet."""

STORE_SUFFIX = ".sqlite"
"""Follows the plain log's whole name."""

# Keys and names are bytes (UTF-8), so that SQLite compares and cuts them as Python does, whatever they hold.
_TABLES = """
CREATE TABLE blocks (number INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, matches INTEGER NOT NULL);
CREATE TABLE lines (number INTEGER PRIMARY KEY, compressed BLOB NOT NULL);
CREATE TABLE policies (number INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE);
CREATE TABLE tallies (
    number INTEGER PRIMARY KEY, block INTEGER NOT NULL, first INTEGER NOT NULL, second INTEGER NOT NULL,
    first_return REAL NOT NULL, matches INTEGER NOT NULL
);
CREATE INDEX tallies_by_block ON tallies (block)
"""
_LEVEL = 6
_PATIENCE = 60.0
_CACHE_KIB = 65536


class MatchStore:
    """Blocks that were moved out of a plain log, numbered from 1 in the order in which they were written.

    Blocks are only ever added: who knows how many there were when it looked, and asks for no more than those, sees
    the same for good. Nothing is held open between two calls.

    Parameters
    ----------
    path : Path
        A file that is not there has no blocks.

    Raises
    ------
    RunDirectoryError
        By every method: if the file cannot be read or written, is damaged, or has another schema.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def num_blocks(self) -> int:
        """How many blocks there are."""
        with self._reading() as connection:
            return 0 if connection is None else _scalar(connection, "SELECT coalesce(max(number), 0) FROM blocks")

    def present(self, keys: Iterable[str], first: int) -> set[str]:
        """Those of the keys that the first so many blocks have."""
        with self._reading() as connection:
            if connection is None:
                return set()
            query = "SELECT 1 FROM blocks WHERE key = ? AND number <= ?"
            return {key for key in keys if connection.execute(query, (_bytes(key), first)).fetchone()}

    def block(self, key: str) -> list[LoggedMatch]:
        """The matches of a block that is there."""
        with self._reading() as connection:
            assert connection is not None
            query = "SELECT compressed FROM blocks JOIN lines USING (number) WHERE key = ?"
            return self._matches(connection.execute(query, (_bytes(key),)).fetchone()[0], key)

    def keys(self, prefix: str, first: int) -> list[str]:
        """Keys that begin with a prefix among the first so many blocks, in order."""
        where, values = _range(prefix, first)
        with self._reading() as connection:
            if connection is None:
                return []
            rows = connection.execute(f"SELECT key FROM blocks WHERE {where} ORDER BY number", values)
            return [_text(key) for (key,) in rows]

    def num_matches(self, prefix: str, first: int) -> int:
        """How many matches those blocks have."""
        where, values = _range(prefix, first)
        with self._reading() as connection:
            if connection is None:
                return 0
            return _scalar(connection, f"SELECT coalesce(sum(matches), 0) FROM blocks WHERE {where}", values)

    def matches(self, prefix: str, first: int) -> Iterator[LoggedMatch]:
        """Their matches, in order; one block is in memory at a time."""
        where, values = _range(prefix, first)
        with self._reading() as connection:
            if connection is None:
                return
            rows = connection.execute(f"SELECT number, key FROM blocks WHERE {where} ORDER BY number", values)
            for number, key in rows.fetchall():
                # Fetched to the end at once: no statement may be open, and so lock the file, while the caller works.
                query = "SELECT compressed FROM lines WHERE number = ?"
                [(compressed,)] = connection.execute(query, (number,)).fetchall()
                yield from self._matches(compressed, _text(key))

    def tallies(self, prefix: str, first: int) -> Tallies:
        """How often each outcome happened in them, in order of first appearance."""
        where, values = _range(prefix, first)
        chosen = "block <= ?" if not prefix else f"block IN (SELECT number FROM blocks WHERE {where})"
        with self._reading() as connection:
            if connection is None:
                return {}
            names = {number: _text(name) for number, name in connection.execute("SELECT number, name FROM policies")}
            rows = connection.execute(
                f"SELECT first, second, first_return, sum(matches) FROM tallies WHERE {chosen} "
                "GROUP BY first, second, first_return ORDER BY min(number)",
                values,
            )
            return {(names[one], names[other], value): count for one, other, value, count in rows}

    def add(self, blocks: Iterable[Block]) -> int:
        """Add blocks in one transaction, and say how many; those that are there already are left out.

        Raises
        ------
        RunDirectoryError
            Also if a block is there and says something else.
        """
        with self._writing() as connection:
            numbers = {_text(name): number for number, name in connection.execute("SELECT number, name FROM policies")}
            last = _scalar(connection, "SELECT coalesce(max(number), 0) FROM blocks")
            start = last
            for block in blocks:
                query = "SELECT compressed FROM blocks JOIN lines USING (number) WHERE key = ?"
                found = connection.execute(query, (_bytes(block.key),)).fetchone()
                if found is None:
                    last += 1
                    _insert(connection, last, block, numbers)
                elif self._lines(found[0], block.key) != block.lines:
                    raise RunDirectoryError(f"{self.path} has other matches under the key {block.key!r}")
            return last - start

    def _matches(self, compressed: bytes, key: str) -> list[LoggedMatch]:
        return parse_lines(self._lines(compressed, key), f"{self.path}, block {key!r}")

    def _lines(self, compressed: bytes, key: str) -> bytes:
        try:
            return zlib.decompress(compressed)
        except zlib.error as error:
            raise RunDirectoryError(
                f"match log {self.path}, block {key!r}: {error}; restore the file or use another one"
            ) from error

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        """A connection that does not write; None where nothing was written yet."""
        with self._errors():
            if not self.path.exists():
                yield None
                return
            with closing(self._connect("ro")) as connection:
                try:
                    version = _scalar(connection, "PRAGMA user_version")
                except sqlite3.OperationalError:
                    # A killed writer's transaction has to be rolled back first, which a reader may not do.
                    with closing(self._connect("rw")) as mending:
                        version = _scalar(mending, "PRAGMA user_version")
                self._check(version)
                yield connection if version else None

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction, which an error rolls back."""
        with self._errors(), closing(self._connect("rwc")) as connection:
            # EXTRA syncs the folder too when the journal goes, so that a power cut cannot bring it back.
            connection.execute("PRAGMA synchronous = EXTRA")
            # Pages that do not fit are written before the commit, and readers wait from then on.
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                version = _scalar(connection, "PRAGMA user_version")
                self._check(version)
                if not version:
                    for statement in _TABLES.split(";\n"):
                        connection.execute(statement)
                    connection.execute(f"PRAGMA user_version = {STORE_SCHEMA}")
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _connect(self, mode: str) -> sqlite3.Connection:
        return sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, timeout=_PATIENCE
        )

    def _check(self, version: int) -> None:
        if version not in (0, STORE_SCHEMA):
            raise RunDirectoryError(
                f"match log {self.path}: schema {version}, expected {STORE_SCHEMA}; use the version that wrote it"
            )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise RunDirectoryError(
                f"cannot use match log {self.path}: {error}; see that the disk has room and the file is whole"
            ) from error


def _insert(connection: sqlite3.Connection, number: int, block: Block, policies: dict[str, int]) -> None:
    """Write a block under a number; names of new policies are added to `policies`."""
    for match in block.matches:
        for name in match.policies:
            if name not in policies:
                policies[name] = len(policies) + 1
                connection.execute("INSERT INTO policies VALUES (?, ?)", (policies[name], _bytes(name)))
    connection.execute("INSERT INTO blocks VALUES (?, ?, ?)", (number, _bytes(block.key), len(block.matches)))
    connection.execute("INSERT INTO lines VALUES (?, ?)", (number, zlib.compress(block.lines, _LEVEL)))
    connection.executemany(
        "INSERT INTO tallies (block, first, second, first_return, matches) VALUES (?, ?, ?, ?, ?)",
        [
            (number, policies[one], policies[other], value, count)
            for (one, other, value), count in tally(block.matches).items()
        ],
    )


def _range(prefix: str, first: int) -> tuple[str, list[object]]:
    """Condition of ``blocks`` for the keys with a prefix among the first so many, and its values."""
    if not prefix:
        return "number <= ?", [first]
    start = _bytes(prefix)
    # No byte of UTF-8 is 255, so what begins with the prefix lies below the prefix and that byte.
    return "number <= ? AND key >= ? AND key < ?", [first, start, start + b"\xff"]


def _scalar(connection: sqlite3.Connection, query: str, values: Sequence[object] = ()) -> int:
    return int(connection.execute(query, values).fetchone()[0])


def _bytes(text: str) -> bytes:
    # JSON can name lone surrogates, which plain UTF-8 cannot.
    return text.encode("utf-8", "surrogatepass")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")
