"""What a session on a server is: the settings of `pokenash.online.play` and of ``pokenash play``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, arg

from pokenash.errors import InputError
from pokenash.online.address import ServerAddress, server_address
from pokenash.online.messages import to_id

__all__ = ["PlaySettings"]


@dataclass(frozen=True, kw_only=True)
class PlaySettings:
    """Play a policy or a run's mixture on a Showdown server.

    One of accept, challenge and ladder says how battles are found. The user name and the password come from the
    environment variables POKENASH_USERNAME and POKENASH_PASSWORD, or are asked for; never from the command line.

    Parameters
    ----------
    policy : str
        The directory of a run, for its Nash mixture, format and teams; or a policy as `pokenash.policies.sources`
        knows it: a kind such as type_aware, poke_env:PLAYER, metamon:MODEL, a .safetensors checkpoint, a population's
        .json file of one member.
    server : str
        localhost:8000, a ws:// or wss:// address, or the word showdown for the official server.
    accept : bool
        Accept challenges in the format that is played; others are refused with a message.
    challenge : str, optional
        Challenge this user, again and again.
    ladder : int, optional
        Play so many battles on the server's ladder.
    battles : int, optional
        How many battles: 1 by default with challenge, no end with accept.
    sender : str, optional
        Accept challenges of this user alone.
    format : str, optional
        Default: the run's, else gen1ou.
    teams : str, optional
        A file, a directory, or a set that comes with pokenash. Default: the run's teams.
    concurrent : int
        Battles at a time.
    timer : bool
        Ask for the battle timer. Without it an opponent who leaves keeps a battle open for ever.
    decision_seconds : float
        A decision that takes longer is made uniformly at random, and that is recorded. Where the server's timer is on,
        its deadline holds as well.
    reconnect_seconds : float
        How long a lost connection is tried again before the session ends.
    seed : int, optional
        Of teams, members and all decisions. Default: drawn, and written to config.json; who knows it can foresee what
        will be played.
    output : Path, optional
        Directory of the session. One that is there is gone on with: only what is missing is played. Default: a new one
        below play/.
    replays : bool
        Have the server keep a replay of each battle, where it offers that.
    anonymous : bool
        Keep no names of users and no chat.
    login_url : str, optional
        Of the login server of a server that has one; the official server's is known.
    """

    policy: Annotated[Positional[str], arg(metavar="POLICY")]
    server: str = "localhost:8000"
    accept: bool = False
    challenge: str | None = None
    ladder: int | None = None
    battles: int | None = None
    sender: Annotated[str | None, arg(name="from")] = None
    format: str | None = None
    teams: str | None = None
    concurrent: int = 1
    timer: bool = False
    decision_seconds: float = 30.0
    reconnect_seconds: float = 120.0
    seed: int | None = None
    output: Path | None = None
    replays: bool = False
    anonymous: bool = False
    login_url: str | None = None

    def check(self) -> None:
        """Refuse settings that cannot be played; not done when they are made, where a command line would reword it.

        Raises
        ------
        InputError
            If one is out of range, or they do not go together.
        """
        chosen = [self.accept, self.challenge is not None, self.ladder is not None]
        if sum(chosen) != 1:
            raise InputError("expected exactly one of accept, challenge and ladder, to say how battles are found")
        if self.ladder is not None and self.battles is not None:
            raise InputError("ladder says how many battles already: leave out battles")
        for name, number in (("ladder", self.ladder), ("battles", self.battles), ("concurrent", self.concurrent)):
            if number is not None and number < 1:
                raise InputError(f"{name} is {number}, expected a positive number of battles")
        for name, seconds in (
            ("decision_seconds", self.decision_seconds),
            ("reconnect_seconds", self.reconnect_seconds),
        ):
            if not seconds > 0:
                raise InputError(f"{name} is {seconds}, expected a positive number of seconds")
        if self.replays and self.anonymous:
            raise InputError("replays on the server show names to everybody: leave out replays or anonymous")
        if self.sender is not None and not self.accept:
            raise InputError("from says whose challenges are accepted: give accept with it")
        for name, user in (("challenge", self.challenge), ("from", self.sender)):
            if user is not None and not to_id(user):
                raise InputError(f"{name} is {user!r}, expected the name of a user")
        if self.seed is not None and not 0 <= self.seed < 2**63:
            raise InputError(f"seed is {self.seed}, expected one in [0, 2**63)")
        self.address()

    def address(self) -> ServerAddress:
        """The server."""
        return server_address(self.server, self.login_url)

    @property
    def mode(self) -> str:
        """``"accept"``, ``"challenge"`` or ``"ladder"``."""
        return "accept" if self.accept else "ladder" if self.ladder is not None else "challenge"

    @property
    def wanted(self) -> int | None:
        """How many battles in all; None for no end."""
        if self.accept:
            return self.battles
        return self.ladder if self.ladder is not None else self.battles or 1

    def described(self) -> dict[str, Any]:
        """For the config of a session, without names of users."""
        kept = ("concurrent", "timer", "decision_seconds", "replays", "anonymous")
        return {"battles": self.wanted} | {name: getattr(self, name) for name in kept}
