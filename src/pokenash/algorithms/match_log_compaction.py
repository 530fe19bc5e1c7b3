"""Moving the blocks of a plain match log into its compacted form."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

from pokenash.algorithms.match_log_lines import BlockReader
from pokenash.algorithms.match_log_store import STORE_SUFFIX, MatchStore
from pokenash.errors import RunDirectoryError
from pokenash.files import replace_file

__all__ = ["compact_match_log", "store_of", "sync_folder"]


def store_of(path: Path) -> MatchStore:
    """The compacted form of the plain log at a path: ``matches.jsonl.sqlite`` beside ``matches.jsonl``."""
    return MatchStore(path.with_name(path.name + STORE_SUFFIX))


def compact_match_log(path: str | Path) -> int:
    """Move all whole blocks of a plain match log into the SQLite file beside it, and leave the plain file empty.

    `MatchLog` reads both as one log, and gives the same as before. Memory grows with the keys of the blocks alone,
    so that a plain log of any size can be moved. A process that is killed at any moment loses nothing: until the plain
    file is emptied, which is the last step, the blocks are in both, count once, and the next call ends the move.

    Parameters
    ----------
    path : str or Path
        The plain log; no other process may be writing to it.

    Returns
    -------
    int
        How many blocks were moved; 0 if there were none, and nothing is changed then.

    Raises
    ------
    RunDirectoryError
        If the log is damaged, either file cannot be written, or the log was written to meanwhile.
    """
    path = Path(path)
    reader = BlockReader(path)
    blocks = iter(reader)
    first = next(blocks, None)
    if first is None:
        return 0
    moved = store_of(path).add(itertools.chain([first], blocks))
    try:
        if path.stat().st_size != reader.size:
            raise RunDirectoryError(
                f"match log {path} was changed by another process while it was compacted; nothing is lost: "
                "compact it again when nobody writes"
            )
        replace_file(path, b"")
        sync_folder(path.parent)
    except OSError as error:
        raise RunDirectoryError(f"cannot write match log {path}: {error.strerror}") from error
    return moved


def sync_folder(folder: Path) -> None:
    """Make a new file's name as durable as its contents."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
