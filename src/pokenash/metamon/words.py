"""How metamon writes names as words.

Its vocabularies hold words of two forms: species and types keep letters and digits, everything else (items, abilities,
effects, moves, conditions) keeps letters only. Moves whose name carries a parameter are one word each.
"""

from __future__ import annotations

from functools import lru_cache

__all__ = ["letters_word", "move_word", "species_word"]

_PARAMETRISED_MOVES = ("hiddenpower", "return", "frustration")
_RENAMED_MOVES = {"vicegrip": "visegrip"}


@lru_cache(8192)
def species_word(name: str) -> str:
    """A species or a type as a word: lower-case ASCII letters and digits, ``"Mr. Mime"`` → ``"mrmime"``."""
    return "".join(c for c in name.lower() if "a" <= c <= "z" or "0" <= c <= "9")


@lru_cache(8192)
def letters_word(name: str) -> str:
    """An item, ability, effect or condition as a word: lower-case ASCII letters only, ``"perish3"`` → ``"perish"``."""
    return "".join(c for c in name.lower() if "a" <= c <= "z")


@lru_cache(8192)
def move_word(name: str) -> str:
    """A move as a word: letters only; every Hidden Power is ``hiddenpower``, likewise Return and Frustration."""
    word = letters_word(name)
    for parametrised in _PARAMETRISED_MOVES:
        if word.startswith(parametrised):
            return parametrised
    return _RENAMED_MOVES.get(word, word)
