"""What the room of one battle has told us, line by line, and again from the start after a lost connection."""

from __future__ import annotations

import html
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pokenash.games.showdown.told import room_line
from pokenash.online.messages import to_id
from pokenash.terminal import printable

__all__ = ["Feed", "NotOursError", "Room", "UnreadableError"]

_MAX_CHARACTERS = 32 * 2**20
"""Of everything that is told of a battle once, however often."""
_MAX_TELLINGS = 4
"""How often a room may begin to tell its battle for each of our connections; a server does so once or twice."""
_MAX_REQUESTS = 5000
"""Choices in a battle; one of 1,000 turns, the most that there are, asks for about 1,500."""
_RATING = re.compile(r"(.{1,200})'s rating: (\d{1,5}(?:\.\d+)?) &rarr; <strong>(\d{1,5}(?:\.\d+)?)</strong>")
_TIME_LEFT = re.compile(r"Time left: (\d{1,6}) sec this turn")
_STALE = ("nothing to choose", "too late", "Can't do anything", "Can't undo", "nothing to cancel")
_THROTTLED, _CRASHED = "message-throttle-notice", "The simulator process crashed"
_FORFEITED, _INACTIVE = " forfeited.", " lost due to inactivity."
_MARGIN_SECONDS = 5.0
"""The server's clock ticks every 5 seconds."""


class UnreadableError(Exception):
    """A battle whose messages make no sense."""


class NotOursError(Exception):
    """A room that is another battle than the one that we play."""


@dataclass(frozen=True, slots=True)
class Feed:
    """Lines in order, and the request that came after them, if it asks for a choice."""

    lines: list[str]
    request: dict[str, Any] | None


@dataclass
class Room:
    """The battle as far as it was told.

    Parameters
    ----------
    account_id : str
        Our id.

    Attributes
    ----------
    seat : int or None
        0 where we are the server's player 1; None until it was told.
    names : dict of int to str
        By seat.
    rating_before, rating_after : dict of int to float
        By seat.
    request : dict or None
        The last one that asked for a choice.
    request_number : int
        Counts the requests of which each asks for a choice of its own.
    repeated : bool
        Whether the last request was told again, and the server does not hold our choice.
    throttled : bool
        Whether the server says that it threw a message of ours away, until that is taken note of.
    closed : str or None
        Why the battle will not be told to its end.
    refused : str or None
        Why the choice for the open request was refused, until it is taken note of.
    deadline : float or None
        When the server would end the turn, by `time.monotonic`, with a margin; None without a timer.
    winner : str or None
        Id of the winner; ``""`` for a tie; None while the battle goes on.
    connections : int
        How often we came to the room, for a room is told from the start whenever we do.
    """

    account_id: str
    seat: int | None = None
    names: dict[int, str] = field(default_factory=dict)
    rating_before: dict[int, float] = field(default_factory=dict)
    rating_after: dict[int, float] = field(default_factory=dict)
    rated: bool = False
    turns: int = 0
    request: dict[str, Any] | None = None
    request_text: str = ""
    request_number: int = 0
    repeated: bool = False
    throttled: bool = False
    closed: str | None = None
    refused: str | None = None
    deadline: float | None = None
    winner: str | None = None
    forfeited: str | None = None
    inactive: str | None = None
    connections: int = 1
    feeds: list[Feed] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    _lines: list[str] = field(default_factory=list)
    _before: list[str] = field(default_factory=list)
    _news: list[str] = field(default_factory=list)
    _named: set[str] = field(default_factory=set)
    _first_time: str | None = None
    _characters: int = 0
    _tellings: int = 0

    def receive(self, lines: Sequence[str]) -> list[str]:
        """Take a message of the room.

        Returns
        -------
        list of str
            Those lines that are not part of what was told before.

        Raises
        ------
        UnreadableError
            If it makes no sense.
        NotOursError
            If it tells another battle than before, or one in which we do not play.
        """
        retold = bool(lines) and lines[0].startswith("|init|")
        if retold:
            self._tell_again()
        news = []
        for line in lines:
            position = len(self._lines)
            before = position < len(self._before)
            self._receive_line(line)
            if not (before and len(self._lines) > position):
                # Of a battle that is told again its own lines alone are free.
                self._count(line)
            if not before:
                news.append(line)
        if retold and len(self._lines) < len(self._before):
            raise NotOursError("the room tells less than before")
        return news

    def take_feeds(self) -> list[Feed]:
        """What a follower has not been told yet."""
        feeds, self.feeds = self.feeds, []
        return feeds

    def take_text(self) -> str:
        """What a policy that reads was not told yet, the open request last."""
        lines = [*self.text, f"|request|{self.request_text}"]
        self.text = []
        return "\n".join(lines)

    @property
    def opponent(self) -> str | None:
        """Name of the opponent."""
        return None if self.seat is None else self.names.get(1 - self.seat)

    def _tell_again(self) -> None:
        """The room begins to tell everything from the start."""
        self._tellings += 1
        if self._tellings > _MAX_TELLINGS * self.connections:
            raise UnreadableError(f"it was told from the start {self._tellings} times")
        self._before, self._lines = self._lines, []
        self._named = set()

    def _count(self, line: str) -> None:
        self._characters += len(line)
        if self._characters > _MAX_CHARACTERS:
            raise UnreadableError(f"it told more than {_MAX_CHARACTERS} characters")

    def _receive_line(self, line: str) -> None:
        if not line.startswith("|"):
            # A chat line without a kind.
            return
        kind, _, rest = line[1:].partition("|")
        handler = _HANDLERS.get(kind)
        if handler is not None:
            handler(self, rest)
        if kind == "error":
            self._error(line, rest)
        elif kind == "player":
            self._player_line(line, rest)
        elif kind != "request" and not room_line(line):
            self._game_line(line)

    def _game_line(self, line: str) -> None:
        """A line of the simulator's; one that is told again must be the same as before."""
        position = len(self._lines)
        if position >= len(self._before):
            self.text.append(line)
            self._news.append(line)
        elif self._before[position] != line:
            raise NotOursError("the room tells something else than before")
        self._lines.append(line)

    def _player_line(self, line: str, rest: str) -> None:
        """Who plays. The room says so again whenever somebody comes or goes, which the simulator does not."""
        who, _, name = rest.partition("|")
        if name.partition("|")[0] and who not in self._named:
            self._named.add(who)
            self._game_line(line)

    def _error(self, line: str, rest: str) -> None:
        if rest.startswith("[Unavailable choice]"):
            # As the simulator tells it; a request with what is left to choose follows.
            self.text.append(line)
            self._news.append(line)
        elif rest.startswith("[Invalid choice]") and not any(words in rest for words in _STALE):
            self.refused = printable(rest)

    def _on_request(self, rest: str) -> None:
        if rest in ("", "null"):
            return
        try:
            request = json.loads(rest)
        except (ValueError, RecursionError):
            raise UnreadableError("a request is not JSON") from None
        if not isinstance(request, dict) or not isinstance(request.get("side"), dict):
            raise UnreadableError("a request is not an object with a side")
        side = request["side"]
        if side.get("id") not in ("p1", "p2") or to_id(str(side.get("name"))) != self.account_id:
            raise NotOursError("a request is not for us")
        seat = int(side["id"] == "p2")
        if self.seat not in (None, seat):
            raise UnreadableError("a request is for the other seat")
        self.seat = seat
        if request.get("wait"):
            self.deadline = None
            return
        rqid = request.get("rqid")
        self.repeated = self.request is not None and rqid is not None and rqid == self.request.get("rqid")
        if not self.repeated:
            self.feeds.append(Feed(self._news, request))
            self._news = []
            self.request, self.request_text = request, rest
            self.request_number += 1
            if self.request_number > _MAX_REQUESTS:
                raise UnreadableError(f"it asked for more than {_MAX_REQUESTS} choices")
            self.refused, self.deadline = None, None

    def _on_sent_choice(self, rest: str) -> None:
        self.repeated = False

    def _on_player(self, rest: str) -> None:
        parts = rest.split("|")
        if parts[0] not in ("p1", "p2") or len(parts) < 2 or not to_id(parts[1]):
            return
        seat = int(parts[0] == "p2")
        if seat not in self.names:
            self.names[seat] = printable(parts[1], 40)
            if len(parts) > 3 and re.fullmatch(r"\d{1,5}", parts[3]) and int(parts[3]) > 1:
                # The server says 1 for "not known".
                self.rating_before[seat] = float(parts[3])
        if to_id(parts[1]) == self.account_id:
            self.seat = seat

    def _on_rated(self, rest: str) -> None:
        self.rated = True

    def _on_turn(self, rest: str) -> None:
        if re.fullmatch(r"\d{1,5}", rest):
            self.turns = int(rest)

    def _on_time(self, rest: str) -> None:
        if self._first_time is None:
            self._first_time = rest
        elif not self._lines and self._before and rest != self._first_time:
            raise NotOursError("the room tells a battle that began at another time")

    def _on_inactive(self, rest: str) -> None:
        found = _TIME_LEFT.match(rest)
        if found is not None:
            seconds = float(found[1])
            self.deadline = time.monotonic() + max(seconds - _MARGIN_SECONDS, seconds / 2)

    def _on_message(self, rest: str) -> None:
        if rest.endswith(_FORFEITED):
            self.forfeited = to_id(rest.removesuffix(_FORFEITED))
        elif rest.endswith(_INACTIVE):
            self.inactive = to_id(rest.removesuffix(_INACTIVE))

    def _on_raw(self, rest: str) -> None:
        """The ladder's line, and that we talk too fast; nothing else is read, and nothing is ever shown."""
        self.throttled = self.throttled or _THROTTLED in rest
        found = _RATING.match(rest)
        if found is None:
            return
        user = to_id(html.unescape(found[1]))
        for seat, name in self.names.items():
            if to_id(name) == user:
                self.rating_before[seat], self.rating_after[seat] = float(found[2]), float(found[3])

    def _on_deinit(self, rest: str) -> None:
        self.closed = "the server closed the room"

    def _on_big_error(self, rest: str) -> None:
        if rest.startswith(_CRASHED):
            self.closed = "the server's simulator crashed"

    def _on_win(self, rest: str) -> None:
        self.winner = to_id(rest)

    def _on_tie(self, rest: str) -> None:
        self.winner = ""


_HANDLERS = {
    "request": Room._on_request,
    "sentchoice": Room._on_sent_choice,
    "player": Room._on_player,
    "rated": Room._on_rated,
    "turn": Room._on_turn,
    "t:": Room._on_time,
    "inactive": Room._on_inactive,
    "-message": Room._on_message,
    "raw": Room._on_raw,
    "deinit": Room._on_deinit,
    "bigerror": Room._on_big_error,
    "win": Room._on_win,
    "tie": Room._on_tie,
}
