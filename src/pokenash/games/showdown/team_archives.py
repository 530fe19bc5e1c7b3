"""Team files as metamon lays them out: folders, and the archives in which they are published.

An archive is never unpacked to disk: its team files are read from the stream, within bounds, and what else is in it is
passed over. So names in it can lead nowhere, and a small file that swells cannot fill memory.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import IO, cast

from pokenash.errors import TeamError
from pokenash.games.showdown.teams import NamedText, natural_order

__all__ = ["content_sha256", "file_sha256", "read_archive", "read_folder"]

MAX_ARCHIVE_BYTES = 1 << 30
MAX_TEAMS = 1_000_000
MAX_TEAM_BYTES = 64 << 10
"""Team files of six members have about a kilobyte."""

_EXPANSION = 200
"""How much larger an archive may be unpacked, besides the slack: small text files come to 10 to 40."""
_SLACK_BYTES = 64 << 20
_CHUNK = 1 << 20


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hex; `TeamError` if it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise TeamError(f"{path} cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def content_sha256(texts: Iterable[NamedText]) -> str:
    """SHA-256 of names and texts in their order: the same for an archive and the folder that it unpacks to."""
    digest = hashlib.sha256()
    for one in texts:
        digest.update(f"{one.name}\0{hashlib.sha256(one.text.encode()).hexdigest()}\n".encode())
    return digest.hexdigest()


def read_folder(path: Path, format: str) -> list[NamedText]:
    """The team files of a format under a folder, at any depth.

    Parameters
    ----------
    path : Path
        If it has a folder of the format's name, that is read.
    format : str
        Files end in ``.<format>_team``.

    Returns
    -------
    list of NamedText
        By name: the path below the folder, without the ending.
    """
    root = path / format if (path / format).is_dir() else path
    suffix = f".{format}_team"
    texts: list[NamedText] = []
    for folder, _, files in os.walk(root):
        for file in (Path(folder) / name for name in files if name.endswith(suffix)):
            name = file.relative_to(root).as_posix().removesuffix(suffix)
            try:
                if file.stat().st_size > MAX_TEAM_BYTES:
                    raise TeamError(f"{file} is larger than {MAX_TEAM_BYTES} bytes: not a team")
                texts.append(NamedText(name, str(file), file.read_text(encoding="utf-8-sig")))
            except (OSError, UnicodeDecodeError) as error:
                raise TeamError(f"{file} cannot be read as text: {error}") from error
    return _ordered(texts)


def read_archive(path: Path, format: str) -> list[NamedText]:
    """The team files of a format in a ``.tar.gz``.

    Parameters
    ----------
    path : Path
    format : str
        Files end in ``.<format>_team``, at any depth.

    Returns
    -------
    list of NamedText
        By name: the path in the archive, without the ending and without a leading folder of the format's name.

    Raises
    ------
    TeamError
        If it is no archive, is damaged, holds no team of the format, leads out of itself, or is too large.
    """
    try:
        size = path.stat().st_size
        if size > MAX_ARCHIVE_BYTES:
            raise TeamError(f"{path} has {size} bytes; at most {MAX_ARCHIVE_BYTES} are read")
        with gzip.open(path, "rb") as unpacked:
            stream = _Bounded(unpacked, min(MAX_ARCHIVE_BYTES, _SLACK_BYTES + _EXPANSION * size), path)
            # All that a stream of an archive is asked for is `read`.
            with tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r|") as archive:
                texts = _members(archive, path, format)
            # The checksum stands at the end, which lies behind the archive's own.
            while stream.read(_CHUNK):
                continue
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise TeamError(f"{path} cannot be read as a .tar.gz archive: {error}") from error
    if not texts:
        raise TeamError(f"there is no file ending in .{format}_team in {path}")
    return _ordered(texts)


class _Bounded:
    """A stream that ends in an error where it is longer than it may be."""

    def __init__(self, stream: gzip.GzipFile, limit: int, path: Path) -> None:
        self._stream, self._left, self._path = stream, limit, path

    def read(self, size: int) -> bytes:
        data = self._stream.read(min(size, self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            raise TeamError(f"{self._path} unpacks to far more than team files do: it is not read further")
        return data


def _members(archive: tarfile.TarFile, path: Path, format: str) -> list[NamedText]:
    suffix = f".{format}_team"
    texts: list[NamedText] = []
    for member in archive:
        parts = PurePosixPath(member.name).parts
        if member.name.startswith("/") or ".." in parts:
            raise TeamError(f"{path} holds {member.name[:80]!r}, which leads out of the archive: it is not read")
        if not member.isreg() or not member.name.endswith(suffix):
            continue
        if member.size > MAX_TEAM_BYTES or len(texts) == MAX_TEAMS:
            raise TeamError(
                f"{path} holds more than {MAX_TEAMS} teams or, in {member.name[:80]!r}, more than {MAX_TEAM_BYTES} "
                "bytes in one: it is not read"
            )
        file = archive.extractfile(member)
        assert file is not None
        inner = PurePosixPath(*(parts[1:] if parts[0] == format else parts)).as_posix()
        try:
            text = file.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise TeamError(f"{member.name} in {path} is not text: {error}") from error
        texts.append(NamedText(inner.removesuffix(suffix), f"{path}:{member.name}", text))
    return texts


def _ordered(texts: list[NamedText]) -> list[NamedText]:
    """By name, ``team_2`` before ``team_10``."""
    return sorted(texts, key=lambda one: natural_order(one.name))
