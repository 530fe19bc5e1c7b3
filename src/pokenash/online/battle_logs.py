"""Saved protocol logs: what of them is the battle, and the same without the people in it.

A log holds whatever a server told: chat, links, HTML. Only messages of the battle itself are kept for a replay, by a
list of what is known, so that nothing else comes through.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from pokenash.errors import InputError

__all__ = ["BATTLE", "anonymous_log", "battle_lines", "read_log"]

_MOST_BYTES = 32 * 2**20
_LONGEST_LINE = 2000

# Messages whose text is free are not among them: chat, HTML, notices, `rated`, `-message`.
BATTLE = frozenset(
    """
    player teamsize gametype gen tier rule clearpoke poke teampreview start upkeep turn win tie move switch drag
    detailschange replace swap cant faint -formechange -fail -block -notarget -miss -damage -heal -sethp -status
    -curestatus -cureteam -boost -unboost -setboost -swapboost -invertboost -clearboost -clearallboost
    -clearpositiveboost -clearnegativeboost -copyboost -weather -fieldstart -fieldend -fieldactivate -sidestart
    -sideend -swapsideconditions -start -end -crit -supereffective -resisted -immune -item -enditem -ability
    -endability -transform -mega -primal -burst -zpower -zbroken -activate -center -combine -waiting -prepare
    -mustrecharge -nothing -hitcount -singlemove -singleturn -terastallize -ohko -candynamax -anim
    """.split()
)
"""Kinds of the messages of the battle itself."""
_SPACER = "|"
_IDENT = re.compile(r"^((?:\[of\] ?)?)(p[1-4])([a-c]?): (.*)$")
_SHOWS_SPECIES = frozenset({"switch", "drag", "replace"})


def read_log(directory: Path, name: str | None) -> list[str]:
    """The lines of a battle's log.

    Parameters
    ----------
    directory : Path
        Of the session.
    name : str or None
        Path of the log inside of it, as the record has it.

    Raises
    ------
    InputError
        If there is none, it lies outside of the directory, cannot be read, or has more than 32 MiB.
    """
    if name is None:
        raise InputError("the battle has no log on record")
    try:
        path = (directory / name).resolve()
        if not path.is_relative_to(directory.resolve()):
            raise InputError(f"the log {name!r} lies outside of the session {directory}")
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"the log {path} has {path.stat().st_size:,} bytes, expected at most {_MOST_BYTES:,}")
        return path.read_text(encoding="utf-8", errors="replace").split("\n")
    except InputError:
        raise
    except (OSError, ValueError) as error:
        raise InputError(f"the log {name!r} in {directory} cannot be read: {error}") from error


def battle_lines(lines: Iterable[str]) -> list[str]:
    """The lines of the battle itself: without chat, notices, HTML and requests.

    Lines that are longer than any of a battle are left out, and control characters in the others.
    """
    kept = []
    for line in lines:
        plain = "".join(char for char in line if char.isprintable())
        kind = plain.split("|", 2)[1] if plain.startswith("|") else None
        if (kind in BATTLE or plain == _SPACER) and len(plain) <= _LONGEST_LINE:
            kept.append(plain)
    return kept


def anonymous_log(lines: Iterable[str], name: Callable[[int], str]) -> list[str]:
    """A battle without what tells who played it: names, nicknames, portraits and ratings.

    Players get the names given, and every Pokémon that of its species. What was said in the battle, and its time of
    day, is left out altogether.

    Parameters
    ----------
    lines : iterable of str
        Of the log.
    name : function of int
        What the player in a seat (0 or 1) shall be called.
    """
    nicknames: dict[tuple[str, str], str] = {}
    winners: dict[str, str] = {}
    told = []
    for line in battle_lines(lines):
        parts = line.split("|")
        kind = parts[1]
        if kind == "player" and len(parts) > 3 and parts[2] in ("p1", "p2"):
            stand_in = name(int(parts[2][1]) - 1) if parts[3] else ""
            winners.setdefault(parts[3], stand_in)
            told.append(f"|player|{parts[2]}|{stand_in}||")
        elif kind == "win":
            told.append(f"|win|{winners.get('|'.join(parts[2:]), 'unknown')}")
        elif kind in ("player", "rule", "tier"):
            # Other seats, and texts that a server may choose freely.
            continue
        else:
            if kind in _SHOWS_SPECIES and len(parts) > 3:
                _learn_species(nicknames, parts[2], parts[3])
            told.append("|".join(parts[:2] + [_without_nickname(nicknames, part) for part in parts[2:]]))
    return told


def _learn_species(nicknames: dict[tuple[str, str], str], ident: str, details: str) -> None:
    found = _IDENT.match(ident)
    if found is None or (found[2], found[4]) in nicknames:
        return
    species = details.split(",", 1)[0]
    taken = {name for (side, _), name in nicknames.items() if side == found[2]}
    number, called = 2, species
    while called in taken:
        number, called = number + 1, f"{species} {number}"
    nicknames[found[2], found[4]] = called


def _without_nickname(nicknames: dict[tuple[str, str], str], part: str) -> str:
    found = _IDENT.match(part)
    if found is None:
        return part
    return f"{found[1]}{found[2]}{found[3]}: {nicknames.get((found[2], found[4]), 'unseen')}"
