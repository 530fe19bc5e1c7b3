"""metamon's trajectory files: one player's battle as states and action indices.

A file lies at ``<root>/<format>/<battle id>_<rating>_<player>_vs_<opponent>_<MM-DD-YYYY-HH:MM:SS>_<WIN|LOSS>.json.lz4``
and holds the LZ4-frame-compressed JSON object ``{"states": [T + 1 states], "actions": [T indices, then -1]}``. An index
of −1 before the end is an action that is not known. metamon reads only files whose name has exactly seven parts
between underscores and silently skips the others, so no part may hold one: here such names are refused.

Needs the package ``lz4`` (``pip install 'pokenash[metamon]'``).
"""

from __future__ import annotations

import importlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import InputError
from pokenash.metamon.state import UniversalState

__all__ = [
    "SUFFIX",
    "UNFINISHED",
    "Trajectory",
    "TrajectoryName",
    "encode_trajectory",
    "file_safe",
    "read_trajectory",
    "write_encoded_trajectory",
    "write_trajectory",
]

SUFFIX = ".json.lz4"

UNFINISHED = ".writing-"
"""How the names of files begin that are not whole yet: left behind by processes that were killed, never read."""

_DATE = "%m-%d-%Y-%H:%M:%S"
_PART = re.compile(r"[^_/\\\0]+")
_MAX_INDEX = 12


@dataclass(frozen=True)
class TrajectoryName:
    """What a trajectory file's name says.

    Parameters
    ----------
    battle_id : str
        E.g. ``"metamon-gen1ou-1174567041"``.
    rating : str
        A number, or ``"Unrated"``.
    player, opponent : str
        Who played, and against whom.
    time : datetime
        To the second.
    won : bool
        Whether the player won; a tie is no win.

    Raises
    ------
    InputError
        If a part is empty or holds an underscore or a slash: `file_safe` makes one that does not.
    """

    battle_id: str
    rating: str
    player: str
    opponent: str
    time: datetime
    won: bool

    def __post_init__(self) -> None:
        for kind in ("battle_id", "rating", "player", "opponent"):
            value = getattr(self, kind)
            if not isinstance(value, str) or not _PART.fullmatch(value):
                raise InputError(
                    f"{kind} {value!r} cannot be part of a trajectory's name: it must not be empty nor hold an "
                    "underscore or a slash, or metamon skips the file"
                )

    def file_name(self) -> str:
        """The file's name."""
        result = "WIN" if self.won else "LOSS"
        players = f"{self.player}_vs_{self.opponent}"
        return f"{self.battle_id}_{self.rating}_{players}_{self.time.strftime(_DATE)}_{result}{SUFFIX}"

    @classmethod
    def parse(cls, file_name: str) -> TrajectoryName:
        """Read a file's name.

        Raises
        ------
        InputError
            If it is not of the form above; the message says what is wrong.
        """
        if not file_name.endswith(SUFFIX):
            raise InputError(f"{file_name!r}: a trajectory's name ends with {SUFFIX}")
        parts = file_name.removesuffix(SUFFIX).split("_")
        if len(parts) != 7:
            raise InputError(
                f"{file_name!r}: a trajectory's name has 7 parts between underscores, this has {len(parts)}"
            )
        battle_id, rating, player, versus, opponent, time, result = parts
        if versus != "vs" or result not in ("WIN", "LOSS"):
            raise InputError(f"{file_name!r}: expected ..._<player>_vs_<opponent>_<time>_<WIN|LOSS>{SUFFIX}")
        try:
            moment = datetime.strptime(time, _DATE)
        except ValueError as error:
            raise InputError(f"{file_name!r}: {time!r} is no time of the form MM-DD-YYYY-HH:MM:SS") from error
        return cls(battle_id, rating, player, opponent, moment, result == "WIN")


@dataclass(frozen=True, eq=False)
class Trajectory:
    """One player's battle.

    Parameters
    ----------
    states : tuple of UniversalState
        T + 1 of them: one per decision and the last.
    actions : int64 array, ``[T]``
        Indices of an action space, 0 to 12; −1 where the action is not known.
    """

    states: tuple[UniversalState, ...]
    actions: NDArray[np.int64]

    def __post_init__(self) -> None:
        if len(self.states) != len(self.actions) + 1 or len(self.actions) == 0:
            raise InputError(
                f"a trajectory needs one state more than actions and at least one action, got {len(self.states)} "
                f"states and {len(self.actions)} actions"
            )
        if self.actions.min() < -1 or self.actions.max() > _MAX_INDEX:
            raise InputError(f"an action index must be -1 to {_MAX_INDEX}, got {self.actions.tolist()}")

    def __len__(self) -> int:
        return len(self.actions)


def file_safe(name: str) -> str:
    """A name without what a trajectory's file name cannot hold: other characters than letters, digits and ``.+-``
    become ``-``; an empty name ``unnamed``.
    """
    return re.sub(r"[^A-Za-z0-9.+-]", "-", name) or "unnamed"


def write_trajectory(
    root: str | Path, name: TrajectoryName, states: Sequence[UniversalState], actions: Sequence[int]
) -> Path:
    """Write a trajectory where metamon looks for it: in the folder of its format, under its name.

    The file appears whole or not at all.

    Parameters
    ----------
    root : path-like
        The folder of the formats; made if it is not there.
    name : TrajectoryName
        What the file's name says.
    states : sequence of UniversalState, ``T + 1``
        The last is that at the battle's end.
    actions : sequence of int, ``T``
        −1 where an action is not known. The −1 at the end of the file is added here.

    Raises
    ------
    InputError
        If there is not one state more than actions, an index is out of range, or the file cannot be written.
    """
    data = encode_trajectory(states, actions)
    return write_encoded_trajectory(root, states[0].format, name, data)


def encode_trajectory(states: Sequence[UniversalState], actions: Sequence[int]) -> bytes:
    """The contents of a trajectory's file, as for `write_trajectory`."""
    trajectory = Trajectory(tuple(states), np.asarray(actions, np.int64))
    content = {
        "states": [state.to_dict() for state in trajectory.states],
        "actions": [*trajectory.actions.tolist(), -1],
    }
    data: bytes = _lz4().compress(json.dumps(content).encode())
    return data


def write_encoded_trajectory(root: str | Path, format: str, name: TrajectoryName, data: bytes) -> Path:
    """Write what `encode_trajectory` gave where metamon looks for it; the file appears whole or not at all.

    Raises
    ------
    InputError
        If it cannot be written, such as on a full disk.
    """
    folder = Path(root) / format
    path = folder / name.file_name()
    temporary = folder / f"{UNFINISHED}{os.getpid()}-{path.name}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(data)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InputError(f"cannot write the trajectory {path}: {error.strerror}") from error
    return path


def read_trajectory(path: str | Path) -> Trajectory:
    """Read a trajectory file of metamon's or ours; its name is not looked at (see `TrajectoryName.parse`).

    Raises
    ------
    InputError
        If it cannot be read or is damaged; the message names the file.
    """
    path = Path(path)
    lz4 = _lz4()
    try:
        content = json.loads(lz4.decompress(path.read_bytes()))
    except OSError as error:
        raise InputError(f"cannot read the trajectory {path}: {error.strerror}") from error
    except (RuntimeError, ValueError) as error:
        raise InputError(f"the trajectory {path} is damaged: {error}") from error
    if not isinstance(content, dict) or not {"states", "actions"} <= content.keys():
        raise InputError(f"{path} is no trajectory: expected an object with 'states' and 'actions'")
    try:
        return _trajectory(content["states"], content["actions"])
    except InputError as error:
        raise InputError(f"the trajectory {path} is damaged: {error}") from error


def _trajectory(states: Any, actions: Any) -> Trajectory:
    if not isinstance(states, list) or not isinstance(actions, list) or len(states) != len(actions):
        raise InputError("'states' and 'actions' must be lists of one length (the last action is -1)")
    if not all(type(action) is int for action in actions):
        raise InputError("an action must be a whole number")
    return Trajectory(tuple(UniversalState.from_dict(state) for state in states), np.array(actions[:-1], np.int64))


def _lz4() -> ModuleType:
    try:
        return importlib.import_module("lz4.frame")
    except ImportError as error:
        raise InputError("metamon's trajectory files need lz4: pip install 'pokenash[metamon]'") from error
