"""An index of trajectory files, so that a data set of millions opens without listing them.

The names of a format's folder are an array of fixed-width bytes, which is read from the disk where it is looked at: a
data set of any size then takes no memory for names but what the system keeps of the file. An index lies beside the
folder as ``.<format>-<time>.index.npy`` and ``.json`` (the misnamed files, with the reasons). The time is that at which
the folder was last changed: files that come, go or are renamed make an index that nobody reads any more.
"""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import InputError
from pokenash.files import TEMPORARY, replace_file
from pokenash.metamon.trajectories import TrajectoryName

__all__ = ["INDEX_SCHEMA", "FolderNames", "folder_names", "index_trajectories", "trajectory_folders"]

INDEX_SCHEMA = 1

_LOG = logging.getLogger(__name__)
_ROWS = 65536
# Clocks of file systems tick slowly: what changes just after it was listed may leave the folder's time as it was.
_SETTLED_SECONDS = 2.0
_WON = b"_WIN.json.lz4"


@dataclass(frozen=True, slots=True, eq=False)
class FolderNames:
    """The trajectory files of one folder.

    Parameters
    ----------
    names : bytes array, ``[n]``
        Sorted.
    misnamed : dict of str to str
        Files that are no trajectories by their names, and why not.
    """

    names: NDArray[np.bytes_]
    misnamed: dict[str, str]

    def name(self, number: int) -> str:
        """One file's name."""
        return os.fsdecode(bytes(self.names[number]))

    def of_result(self, won: bool) -> NDArray[np.int64]:
        """Numbers of the files whose player won, or did not win, ``[k]``."""
        found = [
            start + np.flatnonzero(np.char.endswith(self.names[start : start + _ROWS], _WON) == won)
            for start in range(0, len(self.names), _ROWS)
        ]
        return np.concatenate(found or [np.zeros(0, np.int64)]).astype(np.int64)


def trajectory_folders(root: str | Path, formats: Sequence[str] | None = None) -> list[str]:
    """Names of the formats' folders under a root, in the order in which their files' paths sort.

    Raises
    ------
    InputError
        If the root cannot be read.
    """
    try:
        folders = [entry.name for entry in os.scandir(root) if entry.is_dir()]
    except OSError as error:
        raise InputError(f"cannot read the folder of trajectories {root}: {error.strerror}") from error
    return sorted((name for name in folders if formats is None or name in formats), key=lambda name: f"{name}/")


def folder_names(root: str | Path, folder: str) -> FolderNames:
    """The files of a folder: from its index if there is one that is up to date, else by listing it."""
    try:
        found = _read_index(Path(root), folder)
        return _list(Path(root) / folder) if found is None else found
    except OSError as error:
        raise InputError(f"cannot read the trajectories in {Path(root) / folder}: {error.strerror}") from error


def index_trajectories(root: str | Path, formats: Sequence[str] | None = None) -> dict[str, int]:
    """Index folders of trajectories, so that `TrajectoryDataset` opens them without listing.

    Worth it from about 100,000 files on. It has to be done again when files were added or removed; until then they are
    listed as if there were no index. Folders whose index is up to date are left as they are.

    Parameters
    ----------
    root : path-like
        It holds a folder per format. The indices are written there.
    formats : sequence of str, optional
        Only these folders; all by default.

    Returns
    -------
    dict of str to int
        Files of each folder.

    Raises
    ------
    InputError
        If a folder cannot be read, an index cannot be written, or files keep coming while a folder is listed.
    """
    root = Path(root)
    return {folder: _index(root, folder) for folder in trajectory_folders(root, formats)}


def _index(root: Path, folder: str) -> int:
    try:
        found = _read_index(root, folder)
        if found is not None:
            return len(found.names)
        _wait_until_settled(root / folder)
        changed = _changed(root, folder)
        listed = _list(root / folder)
        if _changed(root, folder) != changed:
            raise InputError(f"{root / folder} changed while it was listed; index it when nothing is written there")
        names, notes = _paths(root, folder, changed)
        _write_array(names, listed.names)
        # Written last: an index counts once both are there.
        data = {"schema": INDEX_SCHEMA, "folder": folder, "files": len(listed.names), "misnamed": listed.misnamed}
        replace_file(notes, (json.dumps(data) + "\n").encode())
        _remove_others(root, folder, (names, notes))
    except OSError as error:
        raise InputError(f"cannot index the trajectories in {root / folder}: {error.strerror}") from error
    _LOG.info("%s: %d trajectories indexed", root / folder, len(listed.names))
    return len(listed.names)


def _wait_until_settled(folder: Path) -> None:
    age = time.time() - folder.stat().st_mtime
    if 0 <= age < _SETTLED_SECONDS:
        time.sleep(_SETTLED_SECONDS - age)


def _changed(root: Path, folder: str) -> int:
    return (root / folder).stat().st_mtime_ns


def _paths(root: Path, folder: str, changed: int) -> tuple[Path, Path]:
    start = f".{folder}-{changed}.index"
    return root / f"{start}.npy", root / f"{start}.json"


def _write_array(path: Path, names: NDArray[np.bytes_]) -> None:
    temporary = path.with_name(path.name + TEMPORARY)
    with temporary.open("wb") as file:
        np.save(file, names, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _remove_others(root: Path, folder: str, kept: Sequence[Path]) -> None:
    """Remove indices of earlier states of a folder; who has one open keeps what it has."""
    is_index = re.compile(rf"\.{re.escape(folder)}-\d+\.index\.(npy|json)({re.escape(TEMPORARY)})?")
    for entry in os.scandir(root):
        if is_index.fullmatch(entry.name) and Path(entry.path) not in kept:
            Path(entry.path).unlink(missing_ok=True)


def _read_index(root: Path, folder: str) -> FolderNames | None:
    """The index of a folder as it is now; None if there is none, or one that cannot be read."""
    names_path, notes_path = _paths(root, folder, _changed(root, folder))
    try:
        notes: Any = json.loads(notes_path.read_bytes())
        names: Any = np.load(names_path, mmap_mode="r", allow_pickle=False) if notes["files"] else _array([])
        is_right = notes["schema"] == INDEX_SCHEMA and names.dtype.kind == "S" and names.shape == (notes["files"],)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        _LOG.warning("the index %s cannot be read (%s): the folder is listed", names_path, error)
        return None
    if not is_right:
        _LOG.warning("the index %s is not one of this version's: the folder is listed", names_path)
        return None
    return FolderNames(names, dict(notes["misnamed"]))


def _array(names: Sequence[bytes]) -> NDArray[np.bytes_]:
    return np.array(names, np.bytes_) if names else np.zeros(0, "S1")


def _list(folder: Path) -> FolderNames:
    """The files of a folder; hidden ones and folders aside."""
    names: list[bytes] = []
    misnamed: dict[str, str] = {}
    for entry in os.scandir(folder):
        if entry.name.startswith(".") or not entry.is_file():
            continue
        try:
            TrajectoryName.parse(entry.name)
        except InputError as error:
            misnamed[entry.name] = str(error)
            continue
        names.append(os.fsencode(entry.name))
    return FolderNames(_array(sorted(names)), misnamed)
