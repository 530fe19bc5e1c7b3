"""Fetching published team sets, and holding them to what they were.

An archive must have the SHA-256 that is asked for or, where none is, the one that it had when it was first fetched:
that is written down in a lock file in the user's cache and checked ever after. Tags of a repository can be moved, and
mirrors can differ; a changed archive is an error that names both hashes.
"""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pokenash.errors import InputError, TeamError
from pokenash.files import replace_file
from pokenash.games.showdown.team_archives import file_sha256
from pokenash.games.showdown.team_validation import team_cache_directory
from pokenash.hub import fetch_hub_file

__all__ = ["FetchedArchive", "check_sha256", "fetch_archive", "locked_archives"]

LOCK_SCHEMA = 1


@dataclass(frozen=True)
class FetchedArchive:
    """An archive on this machine.

    Parameters
    ----------
    path : Path
    sha256 : str
        Of the file, in hex.
    commit : str or None
        The repository's commit that it is from, as far as the hub's cache says.
    first_fetch : bool
        Whether nothing was known of it before: its SHA-256 is taken on trust, and pinned from now on.
    """

    path: Path
    sha256: str
    commit: str | None
    first_fetch: bool


def fetch_archive(
    repository: str,
    file: str,
    *,
    revision: str,
    sha256: str | None = None,
    cache_dir: Path | str | None = None,
    endpoint: str | None = None,
) -> FetchedArchive:
    """Fetch an archive of a data set on the hub, or find it in the hub's cache, and check its SHA-256.

    Parameters
    ----------
    repository, file : str
        Such as ``"jakegrigsby/metamon-teams"`` and ``"competitive/gen1ou.tar.gz"``.
    revision : str
        Tag, branch or commit.
    sha256 : str, optional
        What the file must have. Default: what the lock file says of this revision; where it says nothing, what is
        there is written down.
    cache_dir : path-like, optional
        The hub's cache; by default its own (``HF_HOME``).
    endpoint : str, optional
        Address of a mirror of the hub. No token is ever sent.

    Raises
    ------
    InputError
        If it cannot be had.
    TeamError
        If it has another SHA-256.
    """
    key = f"{repository}@{revision}/{file}"
    known = locked_archives().get(key)
    # A commit cannot be moved: what was fetched once is found without asking the server, unless another is asked for.
    as_before = known is not None and sha256 in (None, known["sha256"])
    at = known["commit"] if known is not None and as_before and known.get("commit") else revision
    options: dict[str, Any] = {"endpoint": endpoint} if endpoint else {}
    path = fetch_hub_file(
        repository,
        file,
        revision=at,
        what="published team sets",
        repo_type="dataset",
        cache_dir=cache_dir,
        token=False,
        **options,
    )
    found = file_sha256(path)
    if sha256 is None and known is not None:
        _hold(found, known["sha256"], f"{key} (in {path})", f"had when it was first fetched, as {_lock()} says")
    elif sha256 is not None:
        check_sha256(found, sha256, f"{key} (in {path})")
    commit = re.search(r"/snapshots/([0-9a-f]{40})/", path.as_posix())
    archive = FetchedArchive(path, found, commit[1] if commit else None, known is None and sha256 is None)
    if known is None or known["sha256"] != found:
        _write_down(key, {"sha256": found, "size": path.stat().st_size, "commit": archive.commit})
    return archive


def check_sha256(found: str, wanted: str, what: str) -> None:
    """Refuse what does not have the SHA-256 that was asked for.

    Raises
    ------
    TeamError
        With both; `InputError` if `wanted` is no SHA-256.
    """
    if not re.fullmatch(r"[0-9a-fA-F]{64}", wanted):
        raise InputError(f"sha256: expected 64 hexadecimal digits, got {wanted!r}")
    _hold(found, wanted.lower(), what, "was asked for")


def _hold(found: str, wanted: str, what: str, because: str) -> None:
    if found != wanted:
        raise TeamError(
            f"{what} has the SHA-256 {found}, not the {wanted} that it {because}; if the change is meant, pass the new "
            "one as sha256"
        )


def locked_archives() -> Mapping[str, Mapping[str, Any]]:
    """What the lock file says: per archive (``repository@revision/file``) its ``sha256``, ``size`` and ``commit``.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    try:
        data = json.loads(_lock().read_bytes())
        archives = data["archives"]
        if data["schema"] != LOCK_SCHEMA or not all(isinstance(one["sha256"], str) for one in archives.values()):
            raise ValueError(f"schema {data['schema']!r}")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{_lock()}, which pins downloaded team sets, cannot be read ({error}); restore it, or remove it to trust "
            "what is downloaded next"
        ) from error
    found: Mapping[str, Mapping[str, Any]] = archives
    return found


def _lock() -> Path:
    return team_cache_directory() / "lock.json"


def _write_down(key: str, facts: Mapping[str, Any]) -> None:
    try:
        with _alone():
            archives = {**locked_archives(), key: facts}
            data = {"schema": LOCK_SCHEMA, "archives": dict(sorted(archives.items()))}
            replace_file(_lock(), (json.dumps(data, indent=1) + "\n").encode())
    except OSError as error:
        raise InputError(f"the SHA-256 of {key} cannot be written to {_lock()}: {error}") from error


@contextmanager
def _alone() -> Iterator[None]:
    """Two processes that fetch at the same time both get their line into the file."""
    folder = team_cache_directory()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock.json.in-use").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
