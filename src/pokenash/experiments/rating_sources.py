"""Battles to rate policies by: those of match logs and of the directories of runs, tournaments and evaluations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pokenash.algorithms.match_log import LoggedMatch, MatchLog
from pokenash.errors import InputError, RunDirectoryError
from pokenash.experiments.run_directory import read_json

__all__ = ["RatedBattles", "read_battles"]

# Which blocks of a directory's log are battles of single policies, by the kind that its config names. The evaluations
# of a PSRO run are against mixtures that change from iteration to iteration under one name.
_BLOCKS = {"psro": "tournament/", "tournament": "tournament/", "evaluation": "evaluation/"}


@dataclass(frozen=True)
class RatedBattles:
    """Battles of several sources in their order.

    Parameters
    ----------
    matches : tuple of LoggedMatch
        Policies that have one name in two sources and are not the same bear their source's name besides.
    renamed : tuple of str
        The names that had to be told apart.
    """

    matches: tuple[LoggedMatch, ...]
    renamed: tuple[str, ...]


@dataclass(frozen=True)
class _Source:
    """One log, what of it counts, and who its policies are."""

    label: str
    log: Path
    prefix: str = ""
    policies: Mapping[str, Any] = field(default_factory=dict)

    def matches(self) -> Iterator[LoggedMatch]:
        return (match for match in MatchLog(self.log) if match.block.startswith(self.prefix))


def read_battles(sources: Sequence[str | Path]) -> RatedBattles:
    """The battles of match logs (``.jsonl``) and of the directories of runs, tournaments and evaluations.

    Raises
    ------
    InputError
        If there is no source, one is none of these or is given twice, or holds no battles.
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
    apart = _different(found)
    labels = [source.label for source in found]
    matches: list[LoggedMatch] = []
    for source in found:
        label = source.label if labels.count(source.label) == 1 else str(source.log)
        before = len(matches)
        for match in source.matches():
            first, second = (f"{label}:{name}" if name in apart else name for name in match.policies)
            matches.append(replace(match, policies=(first, second)))
        if len(matches) == before:
            raise InputError(f"ratings: {source.log} holds no battles between policies; play some, or leave it out")
    return RatedBattles(tuple(matches), tuple(sorted(apart)))


def _source(path: Path) -> _Source:
    """A log, or a directory's log and policies."""
    if path.is_file() and path.suffix == ".jsonl":
        return _Source(path.stem, path)
    if not path.is_dir():
        raise InputError(f"ratings: {path} is neither a match log (.jsonl) nor the directory of a run")
    config = read_json(path / "config.json")
    if config.get("kind") not in _BLOCKS:
        raise RunDirectoryError(
            f"{path} is a directory of the kind {config.get('kind')!r}; expected one of {', '.join(_BLOCKS)}, or a "
            "match log"
        )
    log = path / "matches" / "matches.jsonl"
    if not log.exists():
        raise RunDirectoryError(f"{path} has no battles yet: {log} is missing")
    return _Source(path.resolve().name, log, _BLOCKS[config["kind"]], _policies(path))


def _policies(directory: Path) -> dict[str, Any]:
    """The policies of a directory by name, as data that does not depend on where its checkpoints lie."""
    numbered = sorted(
        (int(match[1]), entry / "population.json")
        for entry in directory.iterdir()
        if (match := re.fullmatch(r"iteration_(\d+)", entry.name)) and (entry / "population.json").exists()
    )
    path = numbered[-1][1] if numbered else directory / "population.json"
    specs = read_json(path).get("policies")
    if not isinstance(specs, list) or any(not isinstance(spec, dict) or "name" not in spec for spec in specs):
        raise RunDirectoryError(f"{path} is damaged: it lists no policies; restore it")
    return {str(spec["name"]): _without_paths(spec) for spec in specs}


def _without_paths(value: Any) -> Any:
    """A spec as JSON without checkpoints' paths, whose contents their SHA-256 names."""
    if isinstance(value, dict):
        return {name: _without_paths(inner) for name, inner in value.items() if name != "checkpoint"}
    return [_without_paths(inner) for inner in value] if isinstance(value, list) else value


def _different(sources: Sequence[_Source]) -> set[str]:
    """Names that stand for different policies in different sources; a bare log does not say, and is believed."""
    known: dict[str, Any] = {}
    apart: set[str] = set()
    for source in sources:
        for name, spec in source.policies.items():
            if known.setdefault(name, spec) != spec:
                apart.add(name)
    return apart
