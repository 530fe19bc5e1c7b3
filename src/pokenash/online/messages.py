"""What a Showdown server sends, taken apart with care: a server is not trusted.

Sizes are bounded, names and ids are reduced to the letters that they may have, and nothing is interpreted as HTML.
The protocol: https://github.com/smogon/pokemon-showdown/blob/master/PROTOCOL.md
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pokenash.terminal import printable

__all__ = [
    "MAX_MESSAGE_BYTES",
    "Message",
    "battle_room",
    "read_message",
    "room_format",
    "to_id",
    "user_id",
    "user_name",
]

MAX_MESSAGE_BYTES = 8 * 2**20
"""A longer websocket message ends the connection: the whole log of a battle of 1,000 turns is about 1 MB."""

_MAX_LINES = 100_000
_MAX_LINE = 2**18
_BATTLE_ROOM = re.compile(r"battle-[a-z0-9]{1,60}-[0-9]{1,15}(-[a-z0-9]{1,40})?")


class Message(NamedTuple):
    """A websocket message: its room (``""`` is the lobby of all) and its lines."""

    room: str
    lines: list[str]


def read_message(text: str) -> Message:
    """Split a websocket message into room and lines; lines that are too long are cut, and so is their number."""
    room = ""
    if text.startswith(">"):
        room, _, text = text[1:].partition("\n")
    # Not `splitlines`: a name may hold one of the many characters that it takes for the end of a line.
    lines = text.split("\n", _MAX_LINES)[:_MAX_LINES]
    return Message(room[:200], [line[:_MAX_LINE] for line in lines])


def battle_room(room: str) -> str | None:
    """The public id of a battle's room, safe as a file name; None for what is no battle's room.

    The rooms of hidden battles end in a password, which is left out: ``battle-gen1ou-1-abcpw`` is ``battle-gen1ou-1``.
    """
    if not _BATTLE_ROOM.fullmatch(room):
        return None
    return "-".join(room.split("-")[:3])


def room_format(room: str) -> str:
    """Format of a battle's room."""
    return room.split("-")[1]


def to_id(name: str) -> str:
    """A name as Showdown compares names: lower case letters and digits."""
    return re.sub(r"[^a-z0-9]+", "", name.lower())


def user_name(identity: str) -> str:
    """A user's name out of an identity such as ``"☆Red Trainer@!busy"``: one sign of rank, the name, the status."""
    return printable(identity[1:].partition("@")[0], 40)


def user_id(identity: str) -> str:
    """The id of the user of an identity."""
    return to_id(user_name(identity))
