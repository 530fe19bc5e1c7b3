"""How battles are found: by challenges that are accepted, by challenges that are sent, or on the ladder."""

from __future__ import annotations

import logging
import re
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Protocol

from pokenash.errors import ServerError
from pokenash.online.messages import to_id, user_id, user_name
from pokenash.terminal import printable

__all__ = ["Accept", "Challenge", "Front", "Ladder", "Matchmaking", "Ticket"]

_log = logging.getLogger(__name__)

_ROOM_SECONDS = 60.0
"""How long after an acceptance its battle may begin."""
_CANCEL_SECONDS = 3.0
"""A battle may have begun in the moment when its search was cancelled."""
_CHALLENGE_SECONDS = 10.5
"""The official server takes one challenge in ten seconds."""
_RETRY_SECONDS = 1.0
_MAX_WAITING, _MAX_REFUSED = 100, 1000
_NOT_CHALLENGING = re.compile(r"\|popup\|([a-z0-9]{1,18}) is not challenging you")
_NOT_NOW = ("was not found", "not accepting challenges", "after your last challenge", "pending challenges")
_REJECTED = " rejected the challenge."
_HOPELESS = ("Your team was rejected", "Your selected format is invalid", "is not ladderable")


@dataclass
class Ticket:
    """A battle that is to begin.

    Parameters
    ----------
    number : int
        Of the battle in the session.
    opponent : str or None
        Id of the opponent, where it is known.
    expires : float or None
        By `time.monotonic`.
    """

    number: int
    opponent: str | None = None
    expires: float | None = None
    began: float = field(default_factory=time.monotonic)


class Front(Protocol):
    """What matchmaking uses of its session."""

    format: str
    account_id: str
    polite: bool
    anonymous: bool

    def take_ticket(self) -> Ticket | None:
        """A ticket, if another battle is wanted and there is a place for it; its team is the user's from now on."""

    def return_ticket(self, ticket: Ticket) -> None:
        """The battle of the ticket will not begin."""

    def send(self, text: str, room: str = "") -> bool: ...


class Matchmaking(ABC):
    """Finds battles for a session.

    Parameters
    ----------
    front : Front
    """

    def __init__(self, front: Front) -> None:
        self._front = front
        self._tickets: list[Ticket] = []
        self.stopped = False
        self.ended: str | None = None
        """Why no further battle can be found, such as that the opponent does not want one."""

    @property
    def pending(self) -> int:
        """How many battles are about to begin."""
        return len(self._tickets)

    @abstractmethod
    def update(self) -> None:
        """Look for battles, where some are wanted; called after whatever happens, and every second."""

    def receive(self, line: str) -> None:
        """Take a line that belongs to no room."""
        if line.startswith("|popup|"):
            text = printable(line[7:].replace("||", " "))
            if any(words in text for words in _HOPELESS):
                raise ServerError(f"the server takes no battle in {self._front.format}: {text}")
            # A popup may name people.
            _log.info("the server says: %s", "(not shown in an anonymous session)" if self._front.anonymous else text)

    def claim(self, title: str) -> Ticket | None:
        """The ticket of a battle that has begun, by the title of its room; None where none is meant."""
        title_id, account_id = to_id(title), self._front.account_id
        for ticket in self._tickets:
            if ticket.opponent is None:
                ours = title_id.startswith(f"{account_id}vs") or title_id.endswith(f"vs{account_id}")
            else:
                ours = title_id in (f"{account_id}vs{ticket.opponent}", f"{ticket.opponent}vs{account_id}")
            if ours:
                self._tickets.remove(ticket)
                return ticket
        return None

    def lost(self) -> None:
        """The connection was lost, and all that was under way with it."""
        for ticket in list(self._tickets):
            self._give_back(ticket)

    def stop(self) -> None:
        """Find no more battles; what may have begun already is waited for a moment."""
        self.stopped = True
        for ticket in self._tickets:
            ticket.expires = time.monotonic() + _CANCEL_SECONDS

    def _shown(self, name: str) -> str:
        """A user's name as it may be logged."""
        return "the opponent" if self._front.anonymous else name

    def _expire(self) -> None:
        now = time.monotonic()
        for ticket in list(self._tickets):
            if ticket.expires is not None and now > ticket.expires:
                self._give_back(ticket)

    def _take(self, opponent: str | None, seconds: float | None) -> Ticket | None:
        ticket = None if self.stopped or self.ended is not None else self._front.take_ticket()
        if ticket is not None:
            ticket.opponent = opponent
            ticket.expires = None if seconds is None else time.monotonic() + seconds
            self._tickets.append(ticket)
        return ticket

    def _give_back_to(self, opponent: str) -> None:
        for ticket in [ticket for ticket in self._tickets if ticket.opponent == opponent]:
            self._give_back(ticket)

    def _give_back(self, ticket: Ticket) -> None:
        self._tickets.remove(ticket)
        self._front.return_ticket(ticket)


def _challenge(line: str) -> tuple[str, str, str] | None:
    """Sender, receiver and format of a message about a challenge; the format is ``""`` where it is no longer open."""
    parts = line.split("|", 5)
    if len(parts) < 5 or parts[1] != "pm" or not re.match(r"/challenge\b", parts[4]):
        return None
    return parts[2], parts[3], parts[4].removeprefix("/challenge").strip()


class Accept(Matchmaking):
    """Accepts challenges in the session's format.

    Parameters
    ----------
    front : Front
    sender : str, optional
        The only user whose challenges are accepted.
    """

    def __init__(self, front: Front, sender: str | None = None) -> None:
        super().__init__(front)
        self._sender = None if sender is None else to_id(sender)
        self._waiting: dict[str, None] = {}
        self._refused: set[str] = set()

    def receive(self, line: str) -> None:
        super().receive(line)
        missed = _NOT_CHALLENGING.match(line)
        if missed is not None:
            self._give_back_to(missed[1])
        challenge = _challenge(line)
        if challenge is None:
            return
        sender, receiver, format = challenge
        if not format:
            # Withdrawn, or accepted.
            self._waiting.pop(user_id(sender), None)
            self._waiting.pop(user_id(receiver), None)
        elif user_id(receiver) == self._front.account_id:
            self._consider(user_id(sender), user_name(sender), format)

    def _consider(self, challenger: str, name: str, format: str) -> None:
        if format != self._front.format:
            self._refuse(challenger, name, f"Sorry, I only play {self._front.format}.")
        elif self.stopped or self._sender not in (None, challenger):
            self._refuse(challenger, name, "Sorry, I take no challenges now.")
        elif len(self._waiting) < _MAX_WAITING:
            self._waiting[challenger] = None
            self.update()

    def update(self) -> None:
        self._expire()
        under_way = {ticket.opponent for ticket in self._tickets}
        for challenger in list(self._waiting):
            if challenger in under_way:
                continue
            if self._take(challenger, _ROOM_SECONDS) is None:
                return
            del self._waiting[challenger]
            self._front.send(f"/accept {challenger}")

    def stop(self) -> None:
        super().stop()
        for challenger in self._waiting:
            self._refuse(challenger, challenger, "Sorry, I take no challenges now.")
        self._waiting.clear()

    def lost(self) -> None:
        # The server tells at login which challenges are open.
        self._waiting.clear()
        super().lost()

    def _refuse(self, challenger: str, name: str, why: str) -> None:
        _log.info("refused a challenge of %s: %s", self._shown(name), why)
        # Once a user: nobody shall have us talk without end.
        if challenger not in self._refused and len(self._refused) < _MAX_REFUSED:
            self._refused.add(challenger)
            self._front.send(f"/pm {challenger}, {why}")
        self._front.send(f"/reject {challenger}")


class Challenge(Matchmaking):
    """Challenges one user, one challenge at a time.

    Parameters
    ----------
    front : Front
    opponent : str
    """

    def __init__(self, front: Front, opponent: str) -> None:
        super().__init__(front)
        self._opponent = to_id(opponent)
        self._name = printable(opponent, 40)
        self._next = 0.0
        self._told = False

    def receive(self, line: str) -> None:
        super().receive(line)
        if not self._tickets:
            return
        parts = line.split("|", 5)
        if parts[1:2] == ["popup"] and any(words in line for words in _NOT_NOW):
            self._retry()
        elif parts[1:2] == ["pm"] and len(parts) > 4 and user_id(parts[2]) == self._opponent:
            if parts[4].startswith("/nonotify ") and parts[4].endswith(_REJECTED):
                self.ended = f"{self._shown(self._name)} rejected the challenge"
                self.lost()
            elif _challenge(line) is not None:
                # No longer open: it was accepted, or the user has gone.
                self._tickets[0].expires = time.monotonic() + _ROOM_SECONDS

    def update(self) -> None:
        self._expire()
        if self._tickets or time.monotonic() < self._next:
            return
        if self._take(self._opponent, None) is None:
            return
        self._next = time.monotonic() + (_CHALLENGE_SECONDS if self._front.polite else 0.0)
        self._front.send(f"/challenge {self._opponent}, {self._front.format}")

    def stop(self) -> None:
        super().stop()
        if self._tickets:
            self._front.send(f"/cancelchallenge {self._opponent}")

    def _retry(self) -> None:
        if not self._told:
            _log.info("%s cannot be challenged now; trying again", self._shown(self._name))
            self._told = True
        self.lost()
        self._next = time.monotonic() + (_CHALLENGE_SECONDS if self._front.polite else _RETRY_SECONDS)


class Ladder(Matchmaking):
    """Searches on the ladder, one search at a time."""

    def update(self) -> None:
        self._expire()
        if not self._tickets and self._take(None, None) is not None:
            self._front.send(f"/search {self._front.format}")

    def stop(self) -> None:
        super().stop()
        if self._tickets:
            self._front.send("/cancelsearch")
