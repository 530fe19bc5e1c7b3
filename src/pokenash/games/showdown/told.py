"""What a lane of a follower was told: checked, bounded, and kept so that it can be told again."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

__all__ = ["MAX_LINE", "MAX_LINES", "MAX_REQUEST", "MAX_TOLD", "PLAYERS", "Refused", "Told", "room_line"]

PLAYERS = ("p1", "p2")
MAX_LINE = 1024
"""Characters of a protocol line that a tracker reads; the longest of the simulator have about 300."""
MAX_REQUEST = 1 << 16
"""Characters of a request; those of six Pokémon have about 3,000."""
MAX_LINES = 100_000
"""Lines of a battle that a tracker reads; one of a thousand turns has about 15,000."""
MAX_TOLD = 1 << 24
"""Characters of everything that is kept of a battle; a thousand turns come to about 4,000,000."""

_ROOM_LINES = frozenset(
    "init title deinit noinit j J join l L leave n N name c c: chat : raw html uhtml uhtmlchange fieldhtml "
    "controlshtml inactive inactiveoff t: pm popup askreg usercount users userlist expire tempnotify tempnotifyoff "
    "hidelines unlink queryresponse sentchoice b battle B".split()
)
"""Messages of the room itself, which the simulator does not send."""

_REQUEST = "|request|"


def room_line(line: str) -> bool:
    """Whether the room says it and not the simulator: chat, timers, pages, who comes and goes."""
    return not line.startswith("|") or line.startswith("||") or line[1:].split("|", 1)[0] in _ROOM_LINES


class Refused(Exception):
    """Something told that cannot be understood. Internal: the follower names the lane."""


class Told:
    """One player's battle as it was told.

    Parameters
    ----------
    kinds : collection of str
        The messages that trackers read. Chat, timers, pages and the like are neither kept nor bounded.
    player : int or None
        The seat, 0 or 1; None to take it from the first request.
    """

    def __init__(self, kinds: Collection[str], player: int | None) -> None:
        self.player = player
        self.entries: list[str | int] = []
        """Lines, requests as ``|request|...`` lines, and picks of a team preview, in their order."""
        self.sent = 0
        """How many of the entries the worker has."""
        self.open = False
        """Whether the last request asks for a choice."""
        self.failure: str | None = None
        self._kinds = kinds
        self._lines = 0
        self._characters = 0

    def fail(self, reason: str) -> None:
        """Give the battle up; what was told is forgotten."""
        self.failure = reason
        self.open = False
        self.entries = []
        self.sent = 0

    def take(self, lines: Sequence[str], request: Mapping[str, Any] | None) -> None:
        """Add the lines, then the request.

        Raises
        ------
        Refused
            If one of them is malformed or there is too much of it.
        """
        for line in lines:
            if line.startswith(_REQUEST):
                self._ask(_parsed(line[len(_REQUEST) :]))
            elif self.reads(line):
                self._hear(line)
        if request is not None:
            self._ask(request)

    def reads(self, line: str) -> bool:
        """Whether a tracker reads such a line."""
        return line.startswith("|") and line[1:].split("|", 1)[0] in self._kinds

    def heard(self) -> list[str]:
        """The lines without the requests."""
        return [entry for entry in self.entries if isinstance(entry, str) and not entry.startswith(_REQUEST)]

    def picked(self, action: int) -> None:
        """A team preview pick after which another one must follow."""
        self.entries.append(action)
        self.sent += 1

    def _hear(self, line: str) -> None:
        if len(line) > MAX_LINE:
            raise Refused(f"a line of {len(line)} characters, expected at most {MAX_LINE}: {line[:80]!r}...")
        self._lines += 1
        if self._lines > MAX_LINES:
            raise Refused(f"more than {MAX_LINES} lines in one battle")
        self._keep(line)

    def _keep(self, entry: str) -> None:
        self._characters += len(entry)
        if self._characters > MAX_TOLD:
            raise Refused(f"more than {MAX_TOLD} characters in one battle")
        self.entries.append(entry)

    def _ask(self, request: Any) -> None:
        if request is None:
            self.open = False
            return
        text = _text(request)
        wait = bool(request.get("wait"))
        side = request.get("side")
        seat = side.get("id") if isinstance(side, Mapping) else None
        if seat in PLAYERS:
            self._sit(PLAYERS.index(seat))
        elif not wait:
            raise Refused(f"a request of the side {seat!r}, expected one of {', '.join(PLAYERS)}: {text[:80]!r}...")
        self._keep(_REQUEST + text)
        self.open = not wait

    def _sit(self, player: int) -> None:
        if self.player is None:
            self.player = player
        elif player != self.player:
            raise Refused(f"a request of {PLAYERS[player]} in a battle that is followed as {PLAYERS[self.player]}")


def _parsed(text: str) -> Any:
    """A request from its text; none where it is empty."""
    if not text:
        return None
    if len(text) > MAX_REQUEST:
        raise Refused(f"a request of {len(text)} characters, expected at most {MAX_REQUEST}")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused(f"a request that is not JSON ({error}): {text[:80]!r}") from None


def _text(request: Any) -> str:
    """A request as JSON."""
    if not isinstance(request, Mapping):
        raise Refused(f"a request that is a {type(request).__name__}, expected an object")
    try:
        text = json.dumps(request, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise Refused(f"a request that cannot be written as JSON: {error}") from None
    if len(text) > MAX_REQUEST:
        raise Refused(f"a request of {len(text)} characters, expected at most {MAX_REQUEST}")
    return text
