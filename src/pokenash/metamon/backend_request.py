"""Whether a request has the form that Showdown's have, before anything is read from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["request_defect"]

_IDENT = re.compile(r"p[12]: ", re.DOTALL)
_TEXTS = ("ident", "details", "condition", "item")


def request_defect(request: Any) -> str | None:
    """What is wrong with a request in words that follow "a request that", None if it can be read.

    Parameters
    ----------
    request
        Any JSON value.
    """
    if not isinstance(request, Mapping):
        return "is no JSON object"
    side = request.get("side")
    team = side.get("pokemon") if isinstance(side, Mapping) else None
    if not isinstance(team, list):
        return "has no side with a list of Pokémon"
    for number, entry in enumerate(team, 1):
        if not isinstance(entry, Mapping) or not all(isinstance(entry.get(key), str) for key in _TEXTS):
            return f"has a Pokémon {number} without {', '.join(_TEXTS)}"
        if not _IDENT.match(entry["ident"]) or not entry["details"]:
            return f"has a Pokémon {number} without ident or species: {entry['ident'][:40]!r}"
        if not _texts(entry.get("moves")) or "active" not in entry:
            return f"has a Pokémon {number} without a list of moves, or not known to be active or not"
        if not all(isinstance(entry.get(key, ""), str | None) for key in ("ability", "baseAbility")):
            return f"has a Pokémon {number} whose ability is no text"
    return _choices_defect(request)


def _choices_defect(request: Mapping[str, Any]) -> str | None:
    forced = request.get("forceSwitch")
    if forced is not None and not isinstance(forced, list):
        return "has a forceSwitch that is no list"
    active = request.get("active")
    if active is None:
        return None
    if not isinstance(active, list) or not all(isinstance(one, Mapping) for one in active):
        return "has something else than a list of objects as active"
    for one in active[:1]:
        moves = one.get("moves", [])
        if not isinstance(moves, list) or not all(
            isinstance(m, Mapping) and isinstance(m.get("id"), str) for m in moves
        ):
            return "has moves without ids"
    return None


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)
