"""The config of a run's directory: written when the run begins, and compared when it is gone on with."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pokenash.errors import RunDirectoryError
from pokenash.experiments.environment import machine, versions
from pokenash.experiments.run_directory import SCHEMA, RunDirectory, read_json, write_json

__all__ = ["opened_run"]

_log = logging.getLogger(__name__)


@contextmanager
def opened_run(directory: Path, kind: str, about: Mapping[str, Any], free: Set[str] = frozenset()) -> Iterator[Path]:
    """A directory, locked, in which a run of these settings begins or goes on.

    Parameters
    ----------
    directory : Path
        New, empty, or that of a run of the same kind and settings.
    kind : str
        Such as ``"tournament"``: in ``config.json``.
    about : mapping
        JSON-able; what results depend on, such as game, policies and seed.
    free : set of str
        Names in it that may differ, at the top or in any mapping below; what is recorded becomes what is asked for.

    Raises
    ------
    RunDirectoryError
        If it belongs to something else or to a run of other settings, is damaged, or is in use; nothing in it has been
        changed then.
    """
    run = RunDirectory(directory)
    if directory.exists() and not directory.is_dir():
        raise RunDirectoryError(f"{directory} is not a directory; name a new or empty directory for the run")
    with run.locked():
        path = directory / "config.json"
        # As JSON gives it back, tuples inside lists too.
        wanted: dict[str, Any] = json.loads(json.dumps({"schema": SCHEMA, "kind": kind, **about}))
        if not path.exists():
            if not run.is_new():
                raise RunDirectoryError(
                    f"{directory} is not empty and has no config.json, so it is not a run of pokenash; "
                    "name a new or empty directory"
                )
            write_json(path, {**wanted, "versions": versions(), "machine": machine()})
        else:
            recorded = read_json(path)
            _check_same(path, recorded, wanted, free)
            if recorded.get("versions") != versions():
                _log.warning("%s was begun with other versions: %s", directory, recorded.get("versions"))
            if any(recorded.get(name) != value for name, value in wanted.items()):
                write_json(path, {**recorded, **wanted})
        yield directory


def _check_same(path: Path, recorded: Mapping[str, Any], wanted: Mapping[str, Any], free: Set[str]) -> None:
    """Refuse the config of another run."""
    if recorded.get("kind") != wanted["kind"]:
        raise RunDirectoryError(
            f"{path} is of a run of the kind {recorded.get('kind')!r}, not {wanted['kind']!r}; name another directory"
        )
    old, new = _flat({name: recorded.get(name) for name in wanted}, free), _flat(wanted, free)
    differing = [name for name in dict.fromkeys([*old, *new]) if old.get(name) != new.get(name)]
    if differing:
        raise RunDirectoryError(
            f"{path} is of a run with other settings: {_difference(differing, old, new)}; use the same ones, or "
            "another directory"
        )


def _difference(names: Sequence[str], old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """What differs, with both values where it is one thing and short."""
    if len(names) > 1:
        return f"{', '.join(names)} differ"
    values = [json.dumps(side.get(names[0])) for side in (old, new)]
    shown = f" ({values[0]} there, {values[1]} asked for)" if max(map(len, values)) < 40 else ""
    return f"{names[0]} differs{shown}"


def _flat(value: Any, free: Set[str], prefix: str = "") -> dict[str, Any]:
    """Nested settings as dotted names and their values, without the free ones."""
    if isinstance(value, Mapping) and value:
        return {
            name: inner
            for key, part in value.items()
            if key not in free
            for name, inner in _flat(part, free, f"{prefix}{key}.").items()
        }
    return {prefix.removesuffix("."): value}
