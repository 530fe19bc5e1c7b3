"""Where metamon's vocabularies come from.

They belong to metamon (MIT licence) and are not part of this package: give the path of a file, or fetch one by name
(`fetch_vocabulary`, or ``pokenash metamon fetch-vocabulary NAME``). Whatever its origin, a file that is loaded by
name must have the SHA-256 of the original.
"""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from pathlib import Path

from pokenash.errors import InputError
from pokenash.metamon.tokenizer import Tokenizer

__all__ = ["VOCABULARIES", "Vocabulary", "fetch_vocabulary", "load_vocabulary", "vocabulary_directory"]

_RAW = "https://raw.githubusercontent.com"
_UPSTREAM = f"{_RAW}/UT-Austin-RPL/metamon/c80f1f15c1aad60ab98cd65bf0fd2c5af3ae7fb1/metamon/tokenizer"
# The first two files are the same in both repositories; the third was pinned where its bytes were taken from.
_FORK = f"{_RAW}/CostaCostaCosta/metamon-mewtwo/be0944d0a971762e9004d819ba5da6f93ee99a38/metamon/tokenizer"


@dataclass(frozen=True)
class Vocabulary:
    """A published vocabulary.

    Parameters
    ----------
    name : str
        As metamon's models name it.
    num_words : int
        How many words it holds; embedding tables have a row more.
    url : str
        Where its file is, at a pinned commit.
    sha256 : str
        Of the file's bytes, in hex.
    """

    name: str
    num_words: int
    url: str
    sha256: str

    @property
    def file_name(self) -> str:
        """The file's name, here and there."""
        return self.url.rsplit("/", 1)[1]


VOCABULARIES = {
    vocabulary.name: vocabulary
    for vocabulary in (
        Vocabulary(
            "allreplays-v3",
            1407,
            f"{_UPSTREAM}/allreplaysv3.json",
            "f692c1d5375cd2ba8526547423400e79ee3fc7c429689c8d49c3ab15a9a22ea1",
        ),
        Vocabulary(
            "DefaultObservationSpace-v0",
            1454,
            f"{_UPSTREAM}/DefaultObservationSpace-v0.json",
            "eab483a2212b00a08f6e75fb5ed648b3f4be00bd871c231715512f389ef20ade",
        ),
        Vocabulary(
            "DefaultObservationSpace-v1",
            2541,
            f"{_FORK}/DefaultObservationSpace-v1.json",
            "d33f1d7721d5f2255eb732b13ababf2751ac28e098e6a5e9d9fd92248013f17e",
        ),
    )
}
"""The published vocabularies by name."""


def vocabulary_directory() -> Path:
    """Where fetched vocabularies lie: ``$POKENASH_VOCABULARIES``, else ``~/.cache/pokenash/vocabularies``."""
    chosen = os.environ.get("POKENASH_VOCABULARIES")
    if chosen:
        return Path(chosen)
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "pokenash" / "vocabularies"


def fetch_vocabulary(name: str, directory: str | Path | None = None, url: str | None = None) -> Path:
    """Download a vocabulary, unless the right file is there already.

    Parameters
    ----------
    name : str
        One of `VOCABULARIES`.
    directory : path-like, optional
        Where to put it; `vocabulary_directory` by default.
    url : str, optional
        A mirror's address of the file instead of metamon's repository.

    Returns
    -------
    Path
        Of the file. It has the pinned SHA-256.

    Raises
    ------
    InputError
        If there is no such vocabulary, ``pooch`` is not installed, the file cannot be had, or it is not the one that
        is pinned.
    """
    vocabulary = _known(name)
    folder = Path(directory) if directory is not None else vocabulary_directory()
    try:
        pooch = importlib.import_module("pooch")
    except ImportError as error:
        raise InputError(
            f"fetching {name} needs pooch: pip install 'pokenash[metamon]'; or {_by_hand(name)}"
        ) from error
    address = url or vocabulary.url
    try:
        path = pooch.retrieve(address, f"sha256:{vocabulary.sha256}", vocabulary.file_name, folder)
    except ValueError as error:
        raise InputError(
            f"{address} is not the vocabulary {name}: its SHA-256 is not the pinned {vocabulary.sha256}"
        ) from error
    except OSError as error:
        raise InputError(f"cannot fetch {address} ({error}); without a network {_by_hand(name)}") from error
    return Path(path)


def load_vocabulary(name_or_path: str | Path, directory: str | Path | None = None) -> Tokenizer:
    """The tokenizer of a vocabulary that is on this machine; nothing is downloaded.

    Parameters
    ----------
    name_or_path : str or path-like
        A name of `VOCABULARIES`, looked up in the directory, or the path of a file.
    directory : path-like, optional
        Where fetched vocabularies lie; `vocabulary_directory` by default.

    Raises
    ------
    InputError
        If it is not there, is damaged, or is not what its name says.
    """
    if str(name_or_path) not in VOCABULARIES:
        path = Path(name_or_path)
        if path.suffix == ".json" or path.exists():
            return Tokenizer.from_file(path)
    vocabulary = _known(str(name_or_path))
    folder = Path(directory) if directory is not None else vocabulary_directory()
    path = folder / vocabulary.file_name
    if not path.exists():
        raise InputError(
            f"the vocabulary {vocabulary.name} is not at {path}: run `pokenash metamon fetch-vocabulary "
            f"{vocabulary.name}`, or {_by_hand(vocabulary.name)}"
        )
    return Tokenizer.from_file(path, vocabulary.sha256)


def _known(name: str) -> Vocabulary:
    if name not in VOCABULARIES:
        raise InputError(f"no vocabulary {name!r}: neither a file nor one of {', '.join(sorted(VOCABULARIES))}")
    return VOCABULARIES[name]


def _by_hand(name: str) -> str:
    return f"take {VOCABULARIES[name].url} on another machine and give the file's path"
