"""Names that stand for people: stable, and not to be undone without a key that is kept apart from what is shared."""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from pokenash.errors import InputError
from pokenash.online.messages import to_id
from pokenash.online.records import BattleRecord

__all__ = ["Pseudonyms", "default_salt_path"]

_SALT_BYTES = 32
_DIGITS = 10


def default_salt_path() -> Path:
    """Where the salt lies: ``$POKENASH_SALT``, else ``~/.local/share/pokenash/pseudonyms.salt``."""
    if chosen := os.environ.get("POKENASH_SALT"):
        return Path(chosen)
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "pokenash" / "pseudonyms.salt"


class Pseudonyms:
    """Pseudonyms of people, accounts and battles.

    A pseudonym is the beginning of the HMAC-SHA256 of the name under a random salt, so that nobody without the salt
    can try out a list of names. One name has one pseudonym as long as the salt is the same; without the salt nobody,
    you included, can tell whose it is, so deleting the salt makes what was shared anonymous for good.

    Parameters
    ----------
    salt : bytes
        At least 16 bytes.
    """

    def __init__(self, salt: bytes) -> None:
        if len(salt) < 16:
            raise InputError(f"the salt of pseudonyms has {len(salt)} bytes, expected at least 16 random ones")
        self._salt = salt

    @classmethod
    def from_file(cls, path: Path | None = None, *, shared: Iterable[Path] = ()) -> Pseudonyms:
        """Read the salt, or make one that only its owner can read.

        Parameters
        ----------
        path : Path, optional
            By default `default_salt_path`.
        shared : iterable of Path
            Folders that will be given away; the salt must not lie in any of them.

        Raises
        ------
        InputError
            If the salt lies in a shared folder, or cannot be read or made.
        """
        file = (path or default_salt_path()).expanduser().resolve()
        for folder in shared:
            if file.is_relative_to(folder.resolve()):
                raise InputError(
                    f"the salt {file} would lie in {folder}, which is shared; whoever has it can undo the pseudonyms: "
                    "keep it elsewhere"
                )
        try:
            if not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "wb") as out:
                    out.write(secrets.token_bytes(_SALT_BYTES))
            return cls(file.read_bytes())
        except OSError as error:
            raise InputError(f"the salt of pseudonyms {file} cannot be read or made: {error.strerror}") from error

    def name(self, kind: str, name: str) -> str:
        """The pseudonym of a name, such as ``"opponent-3f0a9c1b22"``.

        Parameters
        ----------
        kind : str
            What it names; pseudonyms of different kinds cannot be matched.
        name : str
        """
        digest = hmac.new(self._salt, f"{kind}\0{name}".encode(), sha256).hexdigest()
        return f"{kind}-{digest[:_DIGITS]}"

    def record(self, record: BattleRecord) -> BattleRecord:
        """A battle's record with pseudonyms, and without what leads to the battle on the server.

        The address of the replay, the path of the log and the text of an error are left out, for they can name
        people.
        """

        def stand_in(kind: str, name: str | None) -> str | None:
            return None if name is None else self.name(kind, to_id(name) or name)

        return replace(
            record,
            account=stand_in("player", record.account),
            opponent=stand_in("opponent", record.opponent),
            battle=self.name("battle", f"{record.server}\0{record.battle}"),
            replay=None,
            log=None,
            error=None,
        )
