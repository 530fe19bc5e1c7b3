"""Looking at every file of some roots of trajectories: in order, by several processes, and never twice."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from pokenash.errors import InputError
from pokenash.experiments.filtering_rules import FilterRules, Measured, Named, measure

__all__ = ["ReadFile", "count_files", "digest_of", "listed_files", "read_files"]

# Files of a batch for each process; of fewer than these in all, no process is started for them.
_BATCH, _FEW = 256, 64
# Another file of the name may stand for one of these.
_UNREADABLE = ("misnamed", "damaged")


@dataclass(frozen=True, slots=True)
class ReadFile:
    """One file of the roots.

    Parameters
    ----------
    root, folder, name : str
        Where it lies.
    named : Named or None
        None if it is misnamed.
    team : tuple of str
        Own team; empty where the file was not read.
    reason : str or None
        Why it is dropped; None if it is kept.
    """

    root: str
    folder: str
    name: str
    named: Named | None
    team: tuple[str, ...]
    reason: str | None

    @property
    def path(self) -> Path:
        """Where it lies."""
        return Path(self.root, self.folder, self.name)


def listed_files(roots: Sequence[Path]) -> Iterator[tuple[str, str, str]]:
    """Root, folder and name of every file, in the order of roots, folders and names; what is hidden aside."""
    for root in roots:
        for folder in sorted(entry.name for entry in os.scandir(root) if entry.is_dir()):
            if folder.startswith("."):
                continue
            names = (entry.name for entry in os.scandir(root / folder) if entry.is_file())
            for name in sorted(name for name in names if not name.startswith(".")):
                yield str(root), sys.intern(folder), name


def count_files(roots: Sequence[Path]) -> int:
    """How many there are."""
    return sum(1 for _ in listed_files(roots))


def digest_of(roots: Sequence[Path], files: Iterable[tuple[str, str, str]]) -> str:
    """SHA-256 of which root has which files, in hexadecimal digits: whether files came or went."""
    digest, numbers = hashlib.sha256(), {str(root): str(number) for number, root in enumerate(roots)}
    for root, folder, name in files:
        digest.update("\0".join([numbers[root], folder, name, ""]).encode(errors="surrogateescape"))
    return digest.hexdigest()


def read_files(
    roots: Sequence[Path], rules: FilterRules, known: Path, *, workers: int, on_files: Callable[[int], object]
) -> Iterator[ReadFile]:
    """Every file, with the first rule that drops it.

    Parameters
    ----------
    roots : sequence of Path
    rules : FilterRules
        Those that look at one file at a time.
    known : Path
        Holds what was found of files that were read, and is added to; they are not read again while they stay as they
        are.
    workers : int
        Processes that read.
    on_files : callable
        Called with how many more files were looked at.

    Raises
    ------
    InputError
        If `known` is damaged, or a process that reads was killed.
    OSError
        If something cannot be read or written.
    """
    found = _read_known(known)
    # Names within a root differ.
    seen: set[tuple[str, str]] | None = set() if len(roots) > 1 else None
    teams: dict[tuple[str, ...], tuple[str, ...]] = {}
    with _measuring(workers, rules.action_space) as measured_of, known.open("a", encoding="utf-8") as out:
        for batch in _batches(roots, _BATCH * workers):
            files = [_named(*place, rules, seen) for place in batch]
            keys = [_key(file, rules) if file.reason is None else "" for file in files]
            unread = [index for index, key in enumerate(keys) if key and key not in found]
            paths = [str(files[index].path) for index in unread]
            for index, one in zip(unread, measured_of(paths), strict=True):
                row = found[keys[index]] = None if one is None else one.to_json()
                out.write(json.dumps([keys[index], row]) + "\n")
            out.flush()
            for file, key in zip(files, keys, strict=True):
                # What stays in memory is what is given.
                judged = _judged(file, found.pop(key), rules, teams) if key else file
                if seen is not None and judged.reason not in _UNREADABLE:
                    seen.add((file.folder, file.name))
                yield judged
            on_files(len(files))


def _batches(roots: Sequence[Path], size: int) -> Iterator[list[tuple[str, str, str]]]:
    """The files, so many at a time and never of two roots at once: which of two is the first is known then."""
    for root in roots:
        files = listed_files([root])
        while batch := list(islice(files, size)):
            yield batch


def _named(root: str, folder: str, name: str, rules: FilterRules, seen: Set[tuple[str, str]] | None) -> ReadFile:
    """A file as its name shows it."""
    named = Named.of(folder, name)
    if named is None:
        return ReadFile(root, folder, name, None, (), "misnamed")
    if seen is not None and (folder, name) in seen:
        return ReadFile(root, folder, name, named, (), "another file of the name came before")
    return ReadFile(root, folder, name, named, (), rules.reason_by_name(named))


def _judged(
    file: ReadFile, row: list[Any] | None, rules: FilterRules, teams: dict[tuple[str, ...], tuple[str, ...]]
) -> ReadFile:
    """A file as its contents show it; of equal teams one is kept."""
    if row is None:
        return replace(file, reason="damaged")
    measured = Measured.from_json(row)
    return replace(file, team=teams.setdefault(measured.team, measured.team), reason=rules.reason(measured))


def _key(file: ReadFile, rules: FilterRules) -> str:
    """Says which file it is, as it is now."""
    stat = file.path.stat()
    return json.dumps([str(file.path), stat.st_size, stat.st_mtime_ns, rules.action_space])


def _read_known(path: Path) -> dict[str, list[Any] | None]:
    """What was found before, by key; a line that was cut short is cut off."""
    data = path.read_bytes() if path.exists() else b""
    end = data.rfind(b"\n") + 1
    try:
        found = {str(key): row for key, row in map(json.loads, data[:end].splitlines())}
    except (ValueError, TypeError) as error:
        raise InputError(f"filter: {path} is damaged; delete it, and the files are read again") from error
    if end < len(data):
        os.truncate(path, end)
    return found


@contextmanager
def _measuring(workers: int, action_space: str) -> Iterator[Callable[[Sequence[str]], Iterator[Measured | None]]]:
    """What measures files, in order: here, or in processes that are started when there are many."""
    one = partial(measure, action_space=action_space)
    # They are stopped by this process, not by the Ctrl-C that all of them are told of.
    pool = ProcessPoolExecutor(
        workers, get_context("spawn"), initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)
    )

    def measured(paths: Sequence[str]) -> Iterator[Measured | None]:
        if workers == 1 or len(paths) < _FEW:
            return map(one, paths)
        return pool.map(one, paths, chunksize=-(-len(paths) // (4 * workers)))

    try:
        yield measured
    except BrokenExecutor as error:
        raise InputError(
            "filter: a process that reads was killed, maybe for want of memory; the same command goes on, with "
            "fewer workers"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)
