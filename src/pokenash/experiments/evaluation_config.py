"""The config of an evaluation's directory: what it says, and what may change when it is continued."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence, Set
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pokenash.errors import InputError, RunDirectoryError
from pokenash.experiments.run_directory import read_json
from pokenash.policies.populations import check_population, load_population, same_policy
from pokenash.policies.spec import PolicySpec

__all__ = ["POPULATION", "continued_config", "opponent_versions", "read_config", "with_recorded"]

POPULATION = "population.json"
"""The policy that is measured, then its opponents."""

_PACKAGES = {"oak": "oak-lab", "poke_env": "poke-env"}

_log = logging.getLogger(__name__)

_PARTS = ("seed", "game", "policy", "opponents", "settings", "interval", "versions")


def read_config(directory: Path) -> dict[str, Any]:
    """The config of an evaluation.

    Raises
    ------
    RunDirectoryError
        If it cannot be read or is of something else.
    """
    path = directory / "config.json"
    config = read_json(path)
    if config.get("kind") != "evaluation":
        raise RunDirectoryError(f"{path} is not the config of an evaluation; name another directory")
    missing = [part for part in _PARTS if part not in config]
    if missing or not isinstance(config["opponents"], list) or not isinstance(config["settings"], dict):
        raise RunDirectoryError(f"{path} is damaged: it lacks {missing or 'opponents or settings'}; restore it")
    return config


def with_recorded(directory: Path, policy: PolicySpec, opponents: Sequence[PolicySpec]) -> list[PolicySpec]:
    """The opponents of a directory's evaluation, then those that are new.

    Raises
    ------
    RunDirectoryError
        If the directory is of something else, its evaluation of another policy, or one of its opponents has the name
        of another policy.
    """
    asked = check_population(opponents, "opponents")
    path = directory / POPULATION
    if not path.exists() or not (directory / "config.json").exists():
        return asked
    if read_json(directory / "config.json").get("kind", "evaluation") != "evaluation":
        raise RunDirectoryError(f"{directory} is not the directory of an evaluation; name another directory")
    try:
        measured, *recorded = load_population(path)
    except InputError as error:
        raise RunDirectoryError(f"{path} is damaged: {error}") from error
    known = {spec.name: spec for spec in [measured, *recorded]}
    for spec in [policy, *asked]:
        if spec.name in known and not same_policy(known[spec.name], spec):
            raise RunDirectoryError(
                f"{path}: {spec.name!r} is another policy there; use another directory or another name"
            )
    if policy.name != measured.name:
        raise RunDirectoryError(
            f"{directory} is an evaluation of {measured.name!r}, not of {policy.name!r}; use another directory"
        )
    return [*recorded, *(spec for spec in asked if spec.name not in known)]


def opponent_versions(opponents: Sequence[PolicySpec]) -> dict[str, str]:
    """Versions of the packages that only these opponents need."""
    found = {}
    for kind, package in _PACKAGES.items():
        if any(spec.kind == kind for spec in opponents):
            try:
                found[package] = version(package)
            except PackageNotFoundError:
                continue
    return found


def continued_config(directory: Path, wanted: Mapping[str, Any], free: Set[str]) -> dict[str, Any]:
    """The config with which a directory goes on.

    Settings and opponents are the new ones. Once results have been there to look at when more battles were asked for,
    only the interval that holds at any time may be quoted; that stays so.

    Raises
    ------
    RunDirectoryError
        If the directory is of another policy, game or seed; the message names what differs.
    """
    recorded = read_config(directory)
    differing = [part for part in ("seed",) if recorded[part] != wanted[part]]
    games = (recorded["game"], wanted["game"])
    differing += [
        f"game.{name}"
        for name in dict.fromkeys([*games[0], *games[1]])
        if name not in free and games[0].get(name) != games[1].get(name)
    ]
    if differing:
        raise RunDirectoryError(
            f"{directory / 'config.json'} is of another evaluation: {', '.join(differing)} differ; use the same "
            "game and seed, or another directory"
        )
    if recorded["versions"] != wanted["versions"]:
        _log.warning("%s was begun with other versions: %s", directory, recorded["versions"])
    seen = recorded["interval"] == "any time"
    if recorded["settings"].get("battles") != wanted["settings"]["battles"] and _has_results(directory):
        seen = True
    interval = "any time" if seen else wanted["interval"]
    return {**recorded, **{part: wanted[part] for part in ("opponents", "settings")}, "interval": interval}


def _has_results(directory: Path) -> bool:
    path = directory / "evaluation.json"
    return path.exists() and read_json(path).get("status") == "finished"
