"""Text of others where people read it: in a terminal, a log, a report."""

from __future__ import annotations

import unicodedata

__all__ = ["printable"]

_MAX_SHOWN = 300


def printable(text: str, limit: int = _MAX_SHOWN) -> str:
    """Text without control characters and marks of direction, and not too long.

    Parameters
    ----------
    text : str
        From a server or a file, which may hold what a terminal would take for a command.
    limit : int
        Characters at most; what is cut off shows as an ellipsis.
    """
    kept = "".join(char for char in text[: 4 * limit] if unicodedata.category(char)[0] != "C").strip()
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"
