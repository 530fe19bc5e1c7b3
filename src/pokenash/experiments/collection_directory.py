"""A collection's directory: what it holds, and how one that was interrupted is brought to where its log ends.

It holds ``config.json``, ``population.json`` (the policy, then the others), ``matches/matches.jsonl``, ``log.jsonl``
(what every call took), ``collection.json`` (what there is so far) and ``trajectories/<format>/*.json.lz4``.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pokenash.algorithms.match_log import MatchLog
from pokenash.algorithms.oracles.core import derive_seed
from pokenash.directory_words import directory_words
from pokenash.errors import InputError, RunDirectoryError
from pokenash.experiments.environment import machine, versions
from pokenash.experiments.run_directory import SCHEMA, RunDirectory, read_json, write_json
from pokenash.metamon.trajectories import UNFINISHED
from pokenash.policies.populations import load_population, population_json, same_policy
from pokenash.policies.spec import PolicySpec

__all__ = [
    "MOST_BATTLES",
    "TRAJECTORIES",
    "BattleNumbers",
    "LoggedBattles",
    "forget_unlogged",
    "open_collection",
    "played_battles",
    "trajectory_files",
]

MOST_BATTLES = 10**7
"""Against one opponent."""

TRAJECTORIES = "trajectories"
"""The root of the files of trajectories, in a collection's directory."""

_log = logging.getLogger(__name__)

# Settings of the game on which results do not depend.
_FREE = frozenset({"batch_lanes", "timeout"})


@dataclass(frozen=True)
class BattleNumbers:
    """Which numbers the battles of a collection have, in its log and in the names of its files.

    Parameters
    ----------
    format : str
        Id of the format.
    seed : int
        Of the collection: files of different seeds have different names.
    """

    format: str
    seed: int

    @property
    def battle_id(self) -> str:
        """What the numbers in files' names begin with: six digits."""
        return f"{derive_seed(self.seed, 'collection', 'battles') % 10**6:06d}"

    @staticmethod
    def first_episode(opponent: str) -> int:
        """Episode number of the first battle against an opponent: each has a range of its own, whoever else plays."""
        word = hashlib.sha256(f"collection/{opponent}".encode()).digest()
        return int.from_bytes(word[:4], "little") * MOST_BATTLES

    def episode(self, file_name: str) -> int | None:
        """Episode of a file; None if the file is not one of this collection's."""
        found = re.match(rf"metamon-{re.escape(self.format)}-{self.battle_id}(\d+)(-p[12])?_", file_name)
        return int(found[1]) if found else None


def played_battles(log: MatchLog, opponent: str) -> int:
    """How many battles against an opponent are in the log: always the first ones."""
    return log.num_matches(f"collection/{opponent}/")


class LoggedBattles:
    """Which battles are in the log, without a list of them.

    Parameters
    ----------
    log : MatchLog
    opponents : iterable of str
        Names.

    Raises
    ------
    InputError
        If the numbers of two opponents' battles are the same ones (one in four thousand million pairs of names).
    """

    def __init__(self, log: MatchLog, opponents: Iterable[str]) -> None:
        self._played: dict[int, tuple[str, int]] = {}
        for name in opponents:
            there = self._played.setdefault(BattleNumbers.first_episode(name), (name, played_battles(log, name)))
            if there[0] != name:
                raise InputError(f"collect: battles against {there[0]} and {name} have the same numbers; rename one")

    def opponent(self, episode: int) -> str | None:
        """Against whom a battle was; None if it is not in the log."""
        number = episode % MOST_BATTLES
        name, played = self._played.get(episode - number, (None, 0))
        return name if number < played else None


def open_collection(
    run: RunDirectory,
    game: Mapping[str, Any],
    policy: PolicySpec,
    opponents: Sequence[PolicySpec],
    about: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> tuple[dict[str, Any], list[PolicySpec]]:
    """Write the config of a new directory, or check that of one that is to go on.

    Parameters
    ----------
    run : RunDirectory
        Locked.
    game : mapping
        The game's config.
    policy : PolicySpec
    opponents : sequence of PolicySpec
        The policy itself stands for self-play.
    about : mapping
        What must stay the same, with ``"seed"`` among it.
    settings : mapping
        What may change.

    Returns
    -------
    config : dict
    opponents : list of PolicySpec
        Those that are there, then those that are new.

    Raises
    ------
    RunDirectoryError
        If the directory is of something else, or of another policy, game or seed; nothing has been changed then.
    """
    path = run.path / "config.json"
    wanted = {
        "schema": SCHEMA,
        "kind": "collection",
        "game": dict(game),
        "policy": policy.name,
        **about,
        "time": datetime.now(UTC).replace(microsecond=0, tzinfo=None).isoformat(),
        "opponents": [spec.name for spec in opponents],
        "settings": dict(settings),
        "versions": versions(),
        "machine": machine(),
    }
    if run.is_new():
        # It makes the directory a collection's; what is missing of the population is written when it goes on.
        write_json(path, wanted)
        config, everyone = wanted, list(opponents)
    elif not path.exists():
        raise RunDirectoryError(
            f"{run.path} {directory_words(run.path)}, not a collection; name a new or empty directory"
        )
    else:
        config = _continued(path, wanted, [*about, "policy"])
        everyone = _with_recorded(run.path, policy, opponents)
        config |= {"opponents": [spec.name for spec in everyone], "settings": dict(settings)}
    players = [policy, *(spec for spec in everyone if spec != policy)]
    write_json(run.path / "population.json", population_json(players, run.path))
    # Whom the config names is in the population, whenever the process is killed.
    write_json(path, config)
    return config, everyone


def _continued(path: Path, wanted: Mapping[str, Any], same: Sequence[str]) -> dict[str, Any]:
    """The config that is there, if it is of the same collection."""
    recorded = read_json(path)
    if recorded.get("kind") != "collection":
        raise RunDirectoryError(
            f"{path.parent} {directory_words(path.parent)}, not a collection; name a new or empty directory"
        )
    missing = sorted(set(wanted) - set(recorded))
    if missing or not isinstance(recorded["game"], dict):
        raise RunDirectoryError(f"{path} is damaged: it lacks {', '.join(missing) or 'a game'}; restore it")
    differing = [part for part in same if recorded[part] != wanted[part]]
    games = recorded["game"], wanted["game"]
    differing += [
        f"game.{name}"
        for name in dict.fromkeys([*games[0], *games[1]])
        if name not in _FREE and games[0].get(name) != games[1].get(name)
    ]
    if differing:
        raise RunDirectoryError(
            f"{path} is of another collection: {', '.join(differing)} differ; use the same, or another directory"
        )
    if recorded["versions"] != wanted["versions"]:
        _log.warning("%s was begun with other versions: %s", path.parent, recorded["versions"])
    return recorded


def _with_recorded(directory: Path, policy: PolicySpec, opponents: Sequence[PolicySpec]) -> list[PolicySpec]:
    """The opponents of the directory's collection, then those that are new."""
    path = directory / "population.json"
    names = read_json(directory / "config.json")["opponents"]
    if not path.exists():
        return list(opponents)
    try:
        known = {spec.name: spec for spec in load_population(path)}
    except InputError as error:
        raise RunDirectoryError(f"{path} is damaged: {error}") from error
    given = {spec.name: spec for spec in [policy, *opponents]}
    for name, spec in given.items():
        if name in known and not same_policy(known[name], spec):
            raise RunDirectoryError(f"{path}: {name!r} is another policy there; use another directory or another name")
    missing = [name for name in names if name not in known]
    if missing:
        raise RunDirectoryError(f"{path} is damaged: it lacks {', '.join(missing)}; restore it")
    there = [given.get(name, known[name]) for name in names]
    return [*there, *(spec for spec in opponents if spec.name not in names)]


def trajectory_files(root: Path) -> Iterator[os.DirEntry[str]]:
    """All files of the formats' folders of a root, in no fixed order."""
    for folder in os.scandir(root) if root.is_dir() else ():
        if folder.is_dir():
            yield from (entry for entry in os.scandir(folder.path) if entry.is_file())


def forget_unlogged(root: Path, numbers: BattleNumbers, logged: LoggedBattles) -> int:
    """Delete what a killed collection left behind the end of its log; returns how many files that were.

    Those battles are played again. Policies whose choices no seed decides may then win what they lost before, under
    another name: without this a battle could be there twice.

    Raises
    ------
    RunDirectoryError
        If a file cannot be deleted.
    """

    def is_unlogged(name: str) -> bool:
        episode = numbers.episode(name)
        return name.startswith(UNFINISHED) or (episode is not None and logged.opponent(episode) is None)

    gone = [entry.path for entry in trajectory_files(root) if is_unlogged(entry.name)]
    for path in gone:
        try:
            Path(path).unlink()
        except OSError as error:
            raise RunDirectoryError(f"cannot delete {path}: {error.strerror}") from error
    return len(gone)
