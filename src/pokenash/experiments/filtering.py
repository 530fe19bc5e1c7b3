"""Choosing among trajectories: which are kept, which are dropped, and why, of every single file.

The new root appears whole or not at all. It holds the formats' folders, ``filter.json`` (the rules, and how many files
were dropped for which reason) and ``dropped.jsonl`` (every dropped file with its reason). Files are hard links where
the file system knows them: the same data, not a copy. Nothing in the roots that are read is changed.

While files are read, what was found of them is kept in ``<output>.filtering``; a filter that was interrupted goes on
from there when it is called again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pokenash.errors import InputError
from pokenash.experiments.collection_directory import TRAJECTORIES, trajectory_files
from pokenash.experiments.filtering_rules import FilterRules, Measured, measure
from pokenash.experiments.run_directory import SCHEMA, write_bytes, write_json

__all__ = ["FilterResult", "filter_trajectories", "trajectory_root"]

_LIST = "measured.jsonl"
_FLUSH = 256


@dataclass(frozen=True)
class FilterResult:
    """What a filter did.

    Parameters
    ----------
    root : Path
        Of the trajectories that were kept.
    read : int
        Files that were looked at.
    kept : int
    wins : int
        Of those that were kept.
    dropped : dict of str to int
        Files by the reason, the commonest first. A file that several rules would drop counts for the first of them.
    """

    root: Path
    read: int
    kept: int
    wins: int
    dropped: dict[str, int]


@dataclass(frozen=True, slots=True)
class _File:
    """One file, and what was found of it or why it is dropped."""

    path: Path
    measured: Measured | None
    reason: str | None


def trajectory_root(source: str | Path) -> Path:
    """The root of trajectories that a path means: itself, or that of a collection's directory.

    Raises
    ------
    InputError
        If it is not a directory.
    """
    path = Path(source)
    if (path / TRAJECTORIES).is_dir() and (path / "config.json").is_file():
        return path / TRAJECTORIES
    if not path.is_dir():
        raise InputError(f"filter: {path} is not a directory of trajectories, nor that of a collection")
    return path


def filter_trajectories(
    sources: Sequence[str | Path], output: str | Path, rules: FilterRules, *, progress: bool = False
) -> FilterResult:
    """Choose among the trajectories of one root or several.

    Parameters
    ----------
    sources : sequence of path-like
        Roots of trajectories, or directories of collections.
    output : path-like
        The new root; must not be there yet, unless the same filter has made it, which is then done already.
    rules : FilterRules
    progress : bool
        Whether to show a bar on standard error.

    Raises
    ------
    InputError
        If a source or the output cannot be used, or no trajectory is left; there is no output then.
    """
    output = Path(output)
    roots = [trajectory_root(source) for source in sources]
    if not roots:
        raise InputError("filter: expected at least one root of trajectories")
    about = {"sources": [str(root.resolve()) for root in roots], "rules": rules.to_json()}
    if output.exists():
        return _finished(output, about)
    if any(output.resolve().is_relative_to(root.resolve()) for root in roots):
        raise InputError(f"filter: {output} lies in a root that is read; name a directory outside")
    with _working(output) as working:
        files = list(_looked_at(roots, rules, working, progress))
        files = _choose(files, rules)
        kept = [file for file in files if file.reason is None]
        dropped = dict(Counter(file.reason for file in files if file.reason is not None).most_common())
        if not kept:
            raise InputError(f"filter: no trajectory is left of {len(files)}; dropped: {_in_words(dropped)}")
        wins = sum(file.measured is not None and file.measured.won for file in kept)
        counts = {"read": len(files), "kept": len(kept), "wins": wins, "dropped": dropped}
        made = working / "root"
        shutil.rmtree(made, ignore_errors=True)
        for file in kept:
            _link(file.path, made / file.path.parent.name / file.path.name)
        lines = [json.dumps({"file": str(f.path), "reason": f.reason}) + "\n" for f in files if f.reason is not None]
        write_bytes(made / "dropped.jsonl", "".join(lines).encode())
        write_json(made / "filter.json", {"schema": SCHEMA, "kind": "filter", **about, **counts})
        os.replace(made, output)
    shutil.rmtree(_beside(output))
    return FilterResult(output, len(files), len(kept), wins, dropped)


def _beside(output: Path) -> Path:
    return output.with_name(f"{output.name}.filtering")


@contextmanager
def _working(output: Path) -> Iterator[Path]:
    """The working directory of a filter, which one process at a time may have."""
    working = _beside(output)
    try:
        working.mkdir(parents=True, exist_ok=True)
        handle = os.open(working, os.O_RDONLY)
    except OSError as error:
        raise InputError(f"filter: cannot make {working}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(f"filter: another process is making {output}") from error
        yield working
    finally:
        os.close(handle)


def _finished(output: Path, about: dict[str, Any]) -> FilterResult:
    """The result of a filter that was made before."""
    path = output / "filter.json"
    try:
        data = json.loads(path.read_bytes())
        same = {name: data[name] for name in about} == json.loads(json.dumps(about))
        result = FilterResult(output, data["read"], data["kept"], data["wins"], data["dropped"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"filter: {output} is there and was not made by this filter; name a new directory") from error
    if not same:
        raise InputError(f"filter: {output} was made with other rules or sources; name a new directory")
    # A call that was killed after its last step.
    shutil.rmtree(_beside(output), ignore_errors=True)
    return result


def _looked_at(roots: Sequence[Path], rules: FilterRules, working: Path, progress: bool) -> Iterator[_File]:
    """Every file of the roots, in the order of roots and names, measured now or in a call that was interrupted."""
    known = _read_list(working / _LIST)
    seen: set[tuple[str, str]] = set()
    paths = [path for root in roots for path in sorted(Path(entry.path) for entry in trajectory_files(root))]
    if progress:
        from tqdm.auto import tqdm

        paths = tqdm(paths, unit="file", dynamic_ncols=True)
    with (working / _LIST).open("a", encoding="utf-8") as file:
        for number, path in enumerate(paths, start=1):
            if path.name.startswith("."):
                continue
            place = path.parent.name, path.name
            if place in seen:
                yield _File(path, None, "another file of the name is among those that came before")
                continue
            seen.add(place)
            stat = path.stat()
            key = json.dumps([str(path), stat.st_size, stat.st_mtime_ns, rules.action_space])
            if key not in known:
                measured = measure(path, rules.action_space)
                row = measured if isinstance(measured, str) else measured.to_json()
                file.write(json.dumps([key, row]) + "\n")
                if number % _FLUSH == 0:
                    file.flush()
            else:
                row = known[key]
                measured = row if isinstance(row, str) else Measured.from_json(row)
            if isinstance(measured, str):
                yield _File(path, None, measured)
            else:
                yield _File(path, measured, rules.reason(measured))


def _read_list(path: Path) -> dict[str, Any]:
    """What was found before, by file; a line that was cut short is not read."""
    found: dict[str, Any] = {}
    data = path.read_bytes() if path.exists() else b""
    end = data.rfind(b"\n") + 1
    for line in data[:end].splitlines():
        key, row = json.loads(line)
        found[key] = row
    if end < len(data):
        os.truncate(path, end)
    return found


def _choose(files: Sequence[_File], rules: FilterRules) -> list[_File]:
    """Apply the rules that look at all files together."""
    chosen = list(files)
    if rules.most_per_team is not None:
        groups: dict[Any, list[int]] = defaultdict(list)
        for index, file in enumerate(chosen):
            if file.reason is None and file.measured is not None:
                groups[file.measured.format, file.measured.team].append(index)
        for members in groups.values():
            _drop(chosen, members, rules.most_per_team, rules.seed, "more of the team than wanted")
    if rules.balance != "none":
        sides: dict[Any, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for index, file in enumerate(chosen):
            one = file.measured
            if file.reason is None and one is not None:
                by = () if rules.balance == "all" else (one.player, one.opponent)
                sides[(one.format, *by)][one.won].append(index)
        for losses, wins in sides.values():
            least = min(len(losses), len(wins))
            for members in (losses, wins):
                _drop(chosen, members, least, rules.seed, "balance of outcomes")
    return chosen


def _drop(files: list[_File], members: Sequence[int], most: int, seed: int, reason: str) -> None:
    """Keep so many, chosen by a hash of seed and name: of more files mostly the same ones."""

    def place(index: int) -> bytes:
        return hashlib.sha256(f"{seed}/{files[index].path.name}".encode()).digest()

    for index in sorted(members, key=place)[most:]:
        files[index] = _File(files[index].path, files[index].measured, reason)


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        # Another file system, or one without hard links.
        shutil.copyfile(source, target)


def _in_words(dropped: dict[str, int]) -> str:
    return ", ".join(f"{number} {reason}" for reason, number in dropped.items()) or "none"
