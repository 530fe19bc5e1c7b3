"""Protocol lines without people's names and words, for sessions that keep neither."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping

__all__ = ["anonymous_line"]

_DROPPED = frozenset(
    "title c c: chat : j J join l L leave n N name pm uhtml uhtmlchange html userlist users askreg popup".split()
)
"""What people say, who comes and goes, and the title, which is made of names."""

_NAMING = frozenset("player win raw inactive inactiveoff -message message error bigerror".split())


def anonymous_line(line: str, labels: Mapping[str, str]) -> str | None:
    """What may be kept of a line.

    Parameters
    ----------
    line : str
    labels : mapping of str to str
        The players' names, and what stands for them.

    Returns
    -------
    str or None
        None for chat and for who comes and goes. Elsewhere names are replaced where a line speaks of players; lines of
        the battle itself, which name Pokémon, are as they were.
    """
    if not line.startswith("|"):
        return None if line else line
    kind, _, rest = line[1:].partition("|")
    if kind in _DROPPED:
        return None
    if kind == "request":
        return f"|request|{_request(rest, labels)}"
    if kind in _NAMING:
        for name, label in sorted(labels.items(), key=lambda entry: -len(entry[0])):
            rest = rest.replace(html.escape(name), label).replace(name, label)
        return f"|{kind}|{rest}" if rest else line
    return line


def _request(text: str, labels: Mapping[str, str]) -> str:
    try:
        request = json.loads(text)
        side = request["side"]
        side["name"] = labels.get(side["name"], "")
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
    return json.dumps(request, separators=(",", ":"))
