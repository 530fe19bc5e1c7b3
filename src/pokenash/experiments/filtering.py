"""Choosing among trajectories: which are kept, which are dropped, and why, of every single file.

The new root appears whole or not at all. It holds the formats' folders, ``filter.json`` (the rules, and how many files
were dropped for which reason) and ``dropped.jsonl`` (every dropped file with its reason). Files are hard links where
the file system knows them: the same data, not a copy. Nothing in the roots that are read is changed.

While files are read, what was found of them is kept in ``<output>.filtering``; a filter that was interrupted goes on
from there when it is called again. Memory grows by about 350 bytes with each file.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pokenash.directory_words import directory_words
from pokenash.errors import InputError
from pokenash.experiments.collection import INDEXED_FROM
from pokenash.experiments.collection_directory import TRAJECTORIES
from pokenash.experiments.filtering_reading import ReadFile, count_files, digest_of, listed_files, read_files
from pokenash.experiments.filtering_rules import FilterRules
from pokenash.experiments.run_directory import SCHEMA, write_json
from pokenash.metamon.dataset_index import index_trajectories
from pokenash.metamon.trajectories import SUFFIX

__all__ = ["FilterResult", "filter_trajectories", "trajectory_root"]

_log = logging.getLogger(__name__)

_LIST = "measured.jsonl"


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


def trajectory_root(source: str | Path) -> Path:
    """The root of trajectories that a path means: itself, or that of a collection's directory.

    Raises
    ------
    InputError
        If it is not a directory, or that of something else.
    """
    path = Path(source)
    if (path / TRAJECTORIES).is_dir() and (path / "config.json").is_file():
        return path / TRAJECTORIES
    of_a_run = any((path / name).is_file() for name in ("config.json", "fine_tune.json"))
    # Who published a root may have put a config.json of theirs beside the folders.
    if not path.is_dir() or (of_a_run and not any(path.glob(f"*/*{SUFFIX}"))):
        raise _no_trajectories(path)
    return path


def _no_trajectories(path: Path) -> InputError:
    return InputError(
        f"trajectories: {path} {directory_words(path)}; expected a root of trajectories (a folder that holds a folder "
        "per format) or the directory of a collection"
    )


def filter_trajectories(
    sources: Sequence[str | Path],
    output: str | Path,
    rules: FilterRules,
    *,
    num_workers: int = 1,
    progress: bool = False,
) -> FilterResult:
    """Choose among the trajectories of one root or several.

    Parameters
    ----------
    sources : sequence of path-like
        Roots of trajectories, or directories of collections.
    output : path-like
        The new root: not there yet or empty, unless the same filter has made it of the same files, which is then done
        already.
    rules : FilterRules
    num_workers : int
        Processes that read files; they are started when there are many.
    progress : bool
        Whether to show a bar on standard error.

    Raises
    ------
    InputError
        If a source or the output cannot be used, or no trajectory is left; there is no output then.
    """
    output = Path(output)
    roots = [trajectory_root(source).resolve() for source in sources]
    if not roots or num_workers < 1:
        raise InputError(f"filter: expected at least one root and one worker, got {len(roots)} and {num_workers}")
    twice = sorted({str(root) for root in roots if roots.count(root) > 1})
    if twice:
        raise InputError(f"filter: expected each root once, got {', '.join(twice)} several times")
    # As seen from the new root, so that all of it can be moved together.
    seen = [Path(os.path.relpath(root, output.resolve())).as_posix() for root in roots]
    about = {"sources": seen, "rules": rules.to_json()}
    try:
        if output.exists() and (not output.is_dir() or any(output.iterdir())):
            return _finished(output, about, roots)
        if any(output.resolve().is_relative_to(root) for root in roots):
            raise InputError(f"filter: {output} lies in a root that is read; name a directory outside")
        with _working(output) as working:
            result = _make(roots, output, rules, about, working, num_workers, progress)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        raise InputError(f"filter: cannot make {output}: {error.strerror}{where}") from error
    shutil.rmtree(_beside(output), ignore_errors=True)
    return result


def _make(
    roots: Sequence[Path],
    output: Path,
    rules: FilterRules,
    about: dict[str, Any],
    working: Path,
    num_workers: int,
    progress: bool,
) -> FilterResult:
    """Read, choose, link, and move the new root into place."""
    with _bar(roots) if progress else nullcontext() as bar:
        on_files = (lambda number: None) if bar is None else bar.update
        files = list(read_files(roots, rules, working / _LIST, workers=num_workers, on_files=on_files))
    if not files:
        raise _no_trajectories(roots[0])
    _tell_unknown_species(files, rules)
    _choose(files, rules)
    kept = [file for file in files if file.reason is None]
    dropped = dict(Counter(file.reason for file in files if file.reason is not None).most_common())
    if not kept:
        raise InputError(f"filter: no trajectory is left of {len(files)}; dropped: {_in_words(dropped)}")
    result = FilterResult(output, len(files), len(kept), sum(_won(file) for file in kept), dropped)
    made = working / "root"
    shutil.rmtree(made, ignore_errors=True)
    for folder in {file.folder for file in kept}:
        (made / folder).mkdir(parents=True)
    for file in kept:
        _link(file.path, made / file.folder / file.name)
    lines = (json.dumps({"file": str(f.path), "reason": f.reason}) + "\n" for f in files if f.reason is not None)
    with (made / "dropped.jsonl").open("w", encoding="utf-8") as out:
        out.writelines(lines)
    counts = {"read": result.read, "kept": result.kept, "wins": result.wins, "dropped": dropped}
    files_sha256 = digest_of(roots, ((file.root, file.folder, file.name) for file in files))
    write_json(
        made / "filter.json", {"schema": SCHEMA, "kind": "filter", **about, "files_sha256": files_sha256, **counts}
    )
    if result.kept >= INDEXED_FROM:
        index_trajectories(made)
    os.replace(made, output)
    return result


def _bar(roots: Sequence[Path]) -> Any:
    from tqdm.auto import tqdm

    return closing(tqdm(total=count_files(roots), unit="file", dynamic_ncols=True))


def _beside(output: Path) -> Path:
    return output.absolute().with_name(f"{output.absolute().name}.filtering")


@contextmanager
def _working(output: Path) -> Iterator[Path]:
    """The working directory of a filter, which one process at a time may have."""
    working = _beside(output)
    working.mkdir(parents=True, exist_ok=True)
    handle = os.open(working, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"filter: another process is making {output}") from error
        yield working
    finally:
        os.close(handle)


def _finished(output: Path, about: dict[str, Any], roots: Sequence[Path]) -> FilterResult:
    """The result of a filter that was made before."""
    path = output / "filter.json"
    try:
        data = json.loads(path.read_bytes())
        same = {name: data[name] for name in about} == json.loads(json.dumps(about))
        files_sha256 = data["files_sha256"]
        result = FilterResult(output, data["read"], data["kept"], data["wins"], data["dropped"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"filter: {output} is there and was not made by this filter; name a new directory") from error
    if not same:
        raise InputError(f"filter: {output} was made with other rules or sources; name a new directory")
    if files_sha256 != digest_of(roots, listed_files(roots)):
        raise InputError(f"filter: files came or went since {output} was made; name a new directory, or delete it")
    # A call that was killed after its last step.
    shutil.rmtree(_beside(output), ignore_errors=True)
    return result


def _won(file: ReadFile) -> bool:
    return file.named is not None and file.named.won


def _tell_unknown_species(files: Iterable[ReadFile], rules: FilterRules) -> None:
    if rules.with_species or rules.without_species:
        unknown = rules.unknown_species({name for file in files for name in file.team})
        if unknown:
            _log.warning("no team of the files that were read has %s: is it spelt so?", ", ".join(unknown))


def _choose(files: list[ReadFile], rules: FilterRules) -> None:
    """Apply the rules that look at all files together."""
    if rules.most_per_team is not None:
        groups: dict[Any, list[int]] = defaultdict(list)
        for index, file in enumerate(files):
            if file.reason is None:
                groups[file.folder, file.team].append(index)
        for members in groups.values():
            _drop(files, members, rules.most_per_team, rules.seed, "more of the team than wanted")
    if rules.balance != "none":
        sides: dict[Any, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for index, file in enumerate(files):
            if file.reason is None and file.named is not None:
                by = () if rules.balance == "all" else (file.named.player, file.named.opponent)
                sides[(file.folder, *by)][file.named.won].append(index)
        for losses, wins in sides.values():
            least = min(len(losses), len(wins))
            for members in (losses, wins):
                _drop(files, members, least, rules.seed, "balance of outcomes")


def _drop(files: list[ReadFile], members: Sequence[int], most: int, seed: int, reason: str) -> None:
    """Keep so many, chosen by a hash of seed and name: of more files mostly the same ones."""

    def place(index: int) -> bytes:
        return hashlib.sha256(f"{seed}/{files[index].name}".encode(errors="surrogateescape")).digest()

    for index in sorted(members, key=place)[most:]:
        files[index] = replace(files[index], reason=reason)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        # Another file system, or one without hard links.
        shutil.copyfile(source, target)


def _in_words(dropped: dict[str, int]) -> str:
    return ", ".join(f"{number} {reason}" for reason, number in dropped.items()) or "none"
