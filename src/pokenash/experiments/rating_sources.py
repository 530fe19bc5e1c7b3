"""Battles to rate policies by: those of match logs and of the directories of runs, tournaments and evaluations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pokenash.algorithms.match_log import LoggedMatch, MatchLog
from pokenash.algorithms.match_log_lines import Tallies
from pokenash.directory_words import directory_words
from pokenash.errors import InputError, RunDirectoryError
from pokenash.experiments.run_directory import read_json
from pokenash.policies.populations import load_population, without_checkpoint_paths

__all__ = ["RatedBattles", "RatingSource", "rated_battles"]

# Which blocks of a directory's log are battles of single policies, by the kind that its config names. The evaluations
# of a PSRO run are against mixtures that change from iteration to iteration under one name.
_BLOCKS = {"psro": "tournament/", "tournament": "tournament/", "evaluation": "evaluation/"}


@dataclass(frozen=True)
class RatedBattles:
    """Battles of several sources in their order; iterating reads them from the disk, one block at a time.

    Policies that have one name in two sources and are not the same bear their source's name besides.

    Parameters
    ----------
    sources : tuple of RatingSource
    renamed : tuple of str
        The names that had to be told apart.
    """

    sources: tuple[RatingSource, ...]
    renamed: tuple[str, ...]

    def __iter__(self) -> Iterator[LoggedMatch]:
        for source in self.sources:
            for match in source.opened().matches(source.prefix):
                first, second = match.policies
                yield replace(match, policies=(self._named(source, first), self._named(source, second)))

    def tallies(self) -> Tallies:
        """How often each outcome happened, as `MatchLog.tallies`: no match is read for it.

        Raises
        ------
        InputError
            If a source holds no battles between policies.
        """
        counts: Tallies = {}
        for source in self.sources:
            found = source.opened().tallies(source.prefix)
            if all(first == second for first, second, _ in found):
                raise InputError(f"ratings: {source.log} holds no battles between policies; play some, or leave it out")
            for (first, second, value), count in found.items():
                outcome = (self._named(source, first), self._named(source, second), value)
                counts[outcome] = counts.get(outcome, 0) + count
        return counts

    def _named(self, source: RatingSource, name: str) -> str:
        if name not in self.renamed:
            return name
        alone = [one.label for one in self.sources].count(source.label) == 1
        return f"{source.label if alone else source.log}:{name}"


@dataclass(frozen=True)
class RatingSource:
    """One log, what of it counts, and who its policies are.

    Parameters
    ----------
    label : str
        The directory's or the log's name.
    log : Path
    prefix : str
        Of the keys of the blocks that count.
    policies : mapping of str to Any
        Specs by name, where a directory lists them.
    """

    label: str
    log: Path
    prefix: str = ""
    policies: Mapping[str, Any] = field(default_factory=dict)

    def opened(self) -> MatchLog:
        """The log."""
        return MatchLog(self.log)


def rated_battles(sources: Sequence[str | Path]) -> RatedBattles:
    """The battles of match logs (``.jsonl``) and of the directories of runs, tournaments and evaluations.

    Raises
    ------
    InputError
        If there is no source, or one is none of these or is given twice.
    RunDirectoryError
        If one is damaged.
    """
    found = [_source(Path(source)) for source in sources]
    if not found:
        raise InputError("ratings: expected at least one match log or directory, got none")
    logs = [source.log.resolve() for source in found]
    for index, log in enumerate(logs):
        if log in logs[:index]:
            raise InputError(f"ratings: {found[index].log} is given twice; its battles count once")
    return RatedBattles(tuple(found), tuple(sorted(_different(found))))


def _source(path: Path) -> RatingSource:
    """A log, or a directory's log and policies."""
    if path.is_file() and path.suffix == ".jsonl":
        return RatingSource(path.stem, path)
    if not path.is_dir():
        raise InputError(f"ratings: {path} is neither a match log (.jsonl) nor the directory of a run")
    config = read_json(path / "config.json") if (path / "config.json").is_file() else {}
    log = path / "matches" / "matches.jsonl"
    if config.get("kind") not in _BLOCKS:
        inside = [str(one) for one in (path / "tournament", log) if one.exists()]
        raise RunDirectoryError(
            f"ratings: {path} {directory_words(path)}; expected a match log (.jsonl), or the directory of a run of "
            f"PSRO, a tournament or an evaluation{f', such as its own {inside[0]}' if inside else ''}"
        )
    if not log.exists():
        raise RunDirectoryError(f"{path} has no battles yet: {log} is missing")
    return RatingSource(path.resolve().name, log, _BLOCKS[config["kind"]], _policies(path))


def _policies(directory: Path) -> dict[str, Any]:
    """The policies of a directory by name, as data that does not depend on where its checkpoints lie."""
    numbered = sorted(
        (int(match[1]), entry / "population.json")
        for entry in directory.iterdir()
        if (match := re.fullmatch(r"iteration_(\d+)", entry.name)) and (entry / "population.json").exists()
    )
    path = numbered[-1][1] if numbered else directory / "population.json"
    try:
        # From wherever it is told: one vocabulary has other relative paths in other directories.
        specs = load_population(path.absolute())
    except InputError as error:
        raise RunDirectoryError(f"{path} is damaged: {error}; restore it") from error
    return {spec.name: without_checkpoint_paths(spec.to_json()) for spec in specs}


def _different(sources: Sequence[RatingSource]) -> set[str]:
    """Names that stand for different policies in different sources; a bare log does not say, and is believed."""
    known: dict[str, Any] = {}
    apart: set[str] = set()
    for source in sources:
        for name, spec in source.policies.items():
            if known.setdefault(name, spec) != spec:
                apart.add(name)
    return apart
