"""What a directory is, in words: for messages to whoever named another one than is expected."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

__all__ = ["directory_words"]

_KINDS = MappingProxyType(
    {
        "psro": "a run of PSRO",
        "nfsp": "a run of NFSP",
        "self-play": "a loop of self-play",
        "exploit": "a search for best responses",
        "collection": "a collection of trajectories",
        "training": "a training",
        "tournament": "a tournament",
        "evaluation": "an evaluation",
    }
)
# What the names of metamon's trajectory files end with.
_TRAJECTORIES = (".json.lz4", ".json")
_LOOKED_AT = 100


def directory_words(path: Path) -> str:
    """What goes behind a directory's name in a message, such as ``"is the directory of a tournament"``.

    Its own files say what it is; few of them are looked at, and nothing is raised for what is damaged.

    Parameters
    ----------
    path : Path
        Whatever somebody named.
    """
    if not path.is_dir():
        return "is not a directory"
    try:
        if (path / "config.json").is_file():
            return _by_config(path / "config.json")
        if (path / "filter.json").is_file():
            return "is a root of trajectories that pokenash filter made"
        if (path / "fine_tune.json").is_file():
            return "is the directory of a training"
        if not any(path.iterdir()):
            return "is empty"
        if any(name.endswith(_TRAJECTORIES) for name in _names_below(path)):
            return "is a root of trajectories"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return "is no directory that pokenash wrote"


def _by_config(path: Path) -> str:
    try:
        config: Any = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return "has a config.json that is damaged"
    kind = config.get("kind") if isinstance(config, dict) else None
    if isinstance(kind, str) and kind in _KINDS:
        return f"is the directory of {_KINDS[kind]}"
    return "has a config.json of something else"


def _names_below(path: Path) -> Iterator[str]:
    """Names of some files of some folders."""
    for folder in islice((entry for entry in path.iterdir() if entry.is_dir()), _LOOKED_AT):
        yield from (entry.name for entry in islice(folder.iterdir(), _LOOKED_AT))
