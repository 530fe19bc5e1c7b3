"""From words to token ids by a vocabulary file.

A vocabulary is a JSON object ``{word: id}`` with the ids 0, 1, ..., n−1. A word that it does not hold has id −1; a
network's embedding row is the id plus 1. metamon's vocabularies are not part of this package: see
`pokenash.metamon.vocabularies`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import InputError

__all__ = ["UNKNOWN", "Tokenizer"]

UNKNOWN = -1
"""The id of a word that the vocabulary does not hold."""


class Tokenizer:
    """A vocabulary and what it does to text.

    Parameters
    ----------
    words : mapping of str to int
        Every word's id.
    name : str
        What to call it in messages.

    Raises
    ------
    InputError
        If the ids are not 0, 1, ..., n−1, or a word is empty or holds a space.
    """

    def __init__(self, words: Mapping[str, int], name: str = "vocabulary") -> None:
        self.name = name
        self._ids = dict(words)
        if not self._ids or sorted(self._ids.values()) != list(range(len(self._ids))):
            raise InputError(f"{name}: the ids of its {len(self._ids)} words must be 0, 1, 2, ... without gaps")
        bad = [word for word in self._ids if not word or " " in word]
        if bad:
            raise InputError(f"{name}: {bad[0]!r} is no word; words are not empty and hold no spaces")

    @classmethod
    def from_file(cls, path: str | Path, sha256: str | None = None) -> Tokenizer:
        """Read a vocabulary file.

        Parameters
        ----------
        path : path-like
            A JSON file, UTF-8.
        sha256 : str, optional
            What the file's bytes must hash to, in hex.

        Raises
        ------
        InputError
            If it cannot be read, has another hash, or is no vocabulary.
        """
        path = Path(path)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InputError(f"cannot read the vocabulary {path}: {error.strerror}") from error
        digest = hashlib.sha256(data).hexdigest()
        if sha256 is not None and digest != sha256.lower():
            raise InputError(f"the vocabulary {path} has SHA-256 {digest}, expected {sha256}: it is another or damaged")
        try:
            words = json.loads(data)
        except ValueError as error:
            raise InputError(f"the vocabulary {path} is no JSON file: {error}") from error
        if not isinstance(words, dict) or not all(type(value) is int for value in words.values()):
            raise InputError(f"the vocabulary {path} must be a JSON object of words and whole numbers")
        return cls(words, path.stem)

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, word: object) -> bool:
        return word in self._ids

    def has_words_of(self, other: Tokenizer) -> bool:
        """Whether both give every word the same id."""
        return self._ids == other._ids

    def tokenize(self, text: str) -> NDArray[np.int32]:
        """The ids of a text's words, split at single spaces, ``int32 [W]``; `UNKNOWN` (−1) for words it lacks."""
        return self.tokenize_words(text.split(" "))

    def tokenize_words(self, words: Iterable[str]) -> NDArray[np.int32]:
        """As `tokenize`, of words that are split already."""
        ids = self._ids
        return np.array([ids.get(word, UNKNOWN) for word in words], np.int32)
