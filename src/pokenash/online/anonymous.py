"""Protocol lines without people's names and words, for sessions that keep neither."""

from __future__ import annotations

import json

from pokenash.online.battle_logs import BATTLE
from pokenash.online.messages import to_id

__all__ = ["anonymous_line"]

_OF_A_SIDE = frozenset({"-sidestart", "-sideend"})
"""Begin with a player's name, not a Pokémon's."""


def anonymous_line(line: str, account_id: str) -> str | None:
    """What may be kept of a line.

    Parameters
    ----------
    line : str
    account_id : str
        Our id; we become ``us``, and everybody else ``opponent``.

    Returns
    -------
    str or None
        None for what is neither a request nor a message of the battle itself (see `pokenash.online.battle_logs`). Lines
        of players are without names, portraits and ratings; lines that name Pokémon are as they were.
    """
    kind, _, rest = line[1:].partition("|")
    if not line.startswith("|"):
        return None
    if kind == "request":
        return f"|request|{_request(rest, account_id)}"
    if kind not in BATTLE and line != "|":
        return None
    parts = rest.split("|")
    if kind == "player":
        return None if parts[0] not in ("p1", "p2") else f"|player|{parts[0]}|{_label(parts[1:2], account_id)}||"
    if kind == "win":
        return f"|win|{_label([rest], account_id)}"
    if kind in _OF_A_SIDE:
        side, _, name = parts[0].partition(": ")
        return "|".join(["", kind, f"{side[:2]}: {_label([name], account_id)}", *parts[1:]])
    return line


def _label(names: list[str], account_id: str) -> str:
    """What stands for a name; nothing for none."""
    if not names or not names[0]:
        return ""
    return "us" if to_id(names[0]) == account_id else "opponent"


def _request(text: str, account_id: str) -> str:
    try:
        request = json.loads(text)
        side = request["side"]
        side["name"] = _label([str(side["name"])], account_id)
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
    return json.dumps(request, separators=(",", ":"))
