"""The simulator's own seeds, derived from an episode's seed."""

from __future__ import annotations

import hashlib

__all__ = ["seed_bytes", "seed_strings"]

_DOMAIN = b"pokenash showdown seed 1"


def seed_bytes(seed: int) -> bytes:
    """Three independent seeds of 32 bytes: of the battle, of the first and of the second player's random team.

    Parameters
    ----------
    seed : int
        The episode's seed, in ``[0, 2**64)``.
    """
    word = seed.to_bytes(8, "little")
    return b"".join(hashlib.sha256(_DOMAIN + word + bytes([use])).digest() for use in range(3))


def seed_strings(seed: int) -> tuple[str, str, str]:
    """The same three seeds as the simulator writes them (``"sodium,<64 hex digits>"``)."""
    words = seed_bytes(seed)
    battle, first, second = (f"sodium,{words[i : i + 32].hex()}" for i in (0, 32, 64))
    return battle, first, second
