"""Who plays: the user name and the password, which come from the environment or a prompt and are never shown."""

from __future__ import annotations

import getpass
import os
import random
import sys
from dataclasses import dataclass, field

from pokenash.errors import InputError
from pokenash.online.messages import to_id

__all__ = ["PASSWORD_VARIABLE", "USERNAME_VARIABLE", "Account", "find_account"]

USERNAME_VARIABLE = "POKENASH_USERNAME"
PASSWORD_VARIABLE = "POKENASH_PASSWORD"
_MAX_NAME = 18


@dataclass(frozen=True, slots=True)
class Account:
    """A user of a Showdown server.

    Parameters
    ----------
    username : str
        At most 18 characters, of which one at least is a letter or a digit.
    password : str or None
        None for a name that nobody has registered. Left out of ``repr``.

    Raises
    ------
    InputError
        If the name is not one that a server takes.
    """

    username: str
    password: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        wrong = set("|,\n\r") & set(self.username)
        if wrong or not to_id(self.username) or len(self.username) > _MAX_NAME:
            raise InputError(
                f"the user name {self.username!r} cannot be used: expected 1 to {_MAX_NAME} characters with a letter "
                "or a digit among them, no comma and no '|'"
            )

    @property
    def id(self) -> str:
        """The name as Showdown compares names."""
        return to_id(self.username)


def find_account(*, login: bool, prompt: bool | None = None) -> Account:
    """The account of the environment variables `USERNAME_VARIABLE` and `PASSWORD_VARIABLE`.

    Parameters
    ----------
    login : bool
        Whether the server has a login server. Where it has none, no password is read and a missing name is made up.
    prompt : bool, optional
        Whether a person is asked for what is missing. Default: if standard input is a terminal.

    Raises
    ------
    InputError
        If the name is missing and nobody can be asked, or cannot be used.
    """
    ask = sys.stdin is not None and sys.stdin.isatty() if prompt is None else prompt
    username = os.environ.get(USERNAME_VARIABLE, "").strip()
    if not login:
        # Names of this kind bear no meaning: two sessions on one server must only differ.
        return Account(username or f"pokenash {random.SystemRandom().randrange(10**6)}")
    if not username and ask:
        username = input("Showdown user name: ").strip()
    if not username:
        raise InputError(
            f"no user name: set the environment variable {USERNAME_VARIABLE} (and {PASSWORD_VARIABLE} for a registered "
            "name); they are never taken from the command line"
        )
    password = os.environ.get(PASSWORD_VARIABLE)
    if password is None and ask:
        password = getpass.getpass(f"Password of {username} (empty if the name is not registered): ")
    return Account(username, password or None)
