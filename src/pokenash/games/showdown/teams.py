"""Teams: reading them in every notation that people keep them in, and having the simulator's validator judge each."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pokenash.errors import InputError, TeamError
from pokenash.games.showdown.formats import FormatInfo, format_info
from pokenash.games.showdown.team_set import RefusedTeam
from pokenash.games.showdown.team_set import TeamSet as TeamSet
from pokenash.games.showdown.team_validation import Verdict, judge_teams

__all__ = [
    "FormatInfo",
    "NamedText",
    "OnIllegal",
    "default_teams",
    "format_info",
    "has_team_files",
    "is_team_text",
    "is_there",
    "load_teams",
    "natural_order",
    "shipped_team_sets",
]

OnIllegal = Literal["error", "skip"]
"""What becomes of a set with teams that the validator refuses: an error, or the set without them."""

_log = logging.getLogger(__name__)

_DATA = Path(__file__).parent / "data" / "teams"
_HEADING = re.compile(r"^===.*===\s*$", re.MULTILINE)
_SUFFIXES = (".txt", ".team", ".paste", ".packed", ".json")


class NamedText(NamedTuple):
    """The text of one team: its name, where it was found (for messages), and the text."""

    name: str
    where: str
    text: str


def shipped_team_sets() -> tuple[str, ...]:
    """Names of the team sets that come with pokenash; each is the id of the format that it is for."""
    return tuple(sorted(path.name for path in _DATA.iterdir() if path.is_dir()))


def default_teams(format: str) -> TeamSet | None:
    """The teams that are played where none are named.

    Parameters
    ----------
    format : str
        A Showdown format.

    Returns
    -------
    TeamSet or None
        None for a format whose teams the simulator draws.

    Raises
    ------
    InputError
        If the format needs teams and no set for it comes with pokenash.
    """
    info = format_info(format)
    if info.random_teams:
        return None
    if info.id not in shipped_team_sets():
        raise InputError(
            f"no teams for {info.id} come with pokenash: pass teams= (export text, packed teams, JSON, a file or a "
            f"directory of team files); sets are there for {', '.join(shipped_team_sets())}"
        )
    return load_teams(info.id, info.id)


def load_teams(source: Any, format: str, *, on_illegal: OnIllegal = "error") -> TeamSet:
    """Read teams and have the simulator's validator judge each of them for a format.

    Parameters
    ----------
    source : str, Path, TeamSet, or a list
        - Showdown's export text, a packed team, or JSON (a list of sets, or a list of such lists or strings);
          export text may hold several teams under ``=== [format] name ===`` headings, packed teams may stand
          one on a line;
        - a file with any of these, or a directory of such files (names ending in .txt, .team, .paste, .packed,
          .json, or in ``<format>_team`` as metamon's do);
        - the name of a set that comes with pokenash (`shipped_team_sets`);
        - a list of sets (dicts), which is one team, or a list of any of the above, `NamedText` among them;
        - a `TeamSet`.
    format : str
        The format that they must be legal in.
    on_illegal : {"error", "skip"}
        Whether a refused team is an error or is left out: counted in a warning and named in `TeamSet.refused`.

    Returns
    -------
    TeamSet
        In the order of the source, files by name (``team_2`` before ``team_10``). Stats that a team does not mention
        are written out as the format has them (in generations 1 and 2 full stat experience and DVs). Where two
        members of a team have the same name, later ones are renamed.

    Raises
    ------
    TeamError
        If there is no team in the source, one cannot be read, or the validator refuses it (with `on_illegal`
        ``"skip"``: refuses all); with the validator's words and the file's name.
    InputError
        If there is no such format, or its teams are drawn by the simulator.
    """
    if on_illegal not in ("error", "skip"):
        raise InputError(f"on_illegal: expected 'error' or 'skip', got {on_illegal!r}")
    texts = list(_texts(source, format))
    if not texts:
        raise TeamError(f"there is no team in {_shown(source)}")
    for one in texts:
        _check_text(one)
    info, verdicts = judge_teams([one.text for one in texts], format)
    if info.random_teams:
        raise InputError(f"{info.id} draws its own teams: it takes no teams=")
    refused = [(one, verdict) for one, verdict in zip(texts, verdicts, strict=True) if verdict.problems]
    if refused and (on_illegal == "error" or len(refused) == len(texts)):
        words = "; ".join(f"{one.where}: {' '.join(verdict.problems)}" for one, verdict in refused[:5])
        more = f" (and {len(refused) - 5} more teams refused)" if len(refused) > 5 else ""
        raise TeamError(f"not legal in {info.id}: {words}{more}")
    return _legal(source, texts, verdicts, info.id)


def _check_text(one: NamedText) -> None:
    try:
        one.text.encode()
    except UnicodeEncodeError as error:
        raise TeamError(f"{one.where} is not a text: {error}") from error


def _legal(source: Any, texts: Sequence[NamedText], verdicts: Sequence[Verdict], format: str) -> TeamSet:
    """The teams that were not refused, with all that is known of the set that they come from."""
    kept = [i for i, verdict in enumerate(verdicts) if not verdict.problems]
    names, packed = tuple(texts[i].name for i in kept), tuple(verdicts[i].packed for i in kept)
    if len(kept) == len(texts):
        if isinstance(source, TeamSet):
            return replace(source, format=format, packed=packed)
        return TeamSet(format, names, packed)
    refused = tuple(
        RefusedTeam(texts[i].name, verdict.problems) for i, verdict in enumerate(verdicts) if verdict.problems
    )
    first = ", ".join(one.name for one in refused[:5]) + (", …" if len(refused) > 5 else "")
    _log.warning("%d of %d teams are not legal in %s and are left out: %s", len(refused), len(texts), format, first)
    if isinstance(source, TeamSet):
        return replace(source.take(kept), format=format, packed=packed, refused=source.refused + refused)
    return TeamSet(format, names, packed, refused=refused)


def _texts(source: Any, format: str) -> Iterable[NamedText]:
    """Everything in a source that is a team."""
    if isinstance(source, NamedText):
        yield source
    elif isinstance(source, TeamSet):
        yield from (NamedText(name, name, packed) for name, packed in zip(source.names, source.packed, strict=True))
    elif isinstance(source, Path):
        yield from _path_texts(source, format)
    elif isinstance(source, str):
        yield from _string_texts(source, format)
    elif isinstance(source, Sequence) and source and all(isinstance(one, Mapping) for one in source):
        yield NamedText("team 1", "team 1", _dumps(list(source)))
    elif isinstance(source, Sequence) and all(isinstance(one, NamedText) for one in source):
        yield from source
    elif isinstance(source, Sequence):
        several = [list(_texts(one, format)) for one in source]
        for number, one in enumerate(several, 1):
            if len(one) == 1 and one[0].name == "team 1":
                yield NamedText(f"team {number}", f"team {number}", one[0].text)
            else:
                yield from one
    else:
        raise TeamError(f"teams are text, files or lists of sets, not {type(source).__name__}")


def _dumps(sets: list[Any]) -> str:
    try:
        return json.dumps(sets)
    except (TypeError, ValueError) as error:
        raise TeamError(f"a team given as a list of sets is not JSON: {error}") from error


def is_team_text(source: str) -> bool:
    """Whether a string is the text of teams, and not the name of something."""
    return "\n" in source or "|" in source or source.lstrip().startswith("[")


def is_there(path: Path) -> bool:
    """Whether there is such a file or folder; there is none of a name that is too long for one."""
    try:
        return path.exists()
    except OSError:
        return False


def has_team_files(folder: Path, format: str) -> bool:
    """Whether `load_teams` finds team files of the format in a folder."""
    return any(_is_team_file(path, format) for path in folder.iterdir())


def _string_texts(source: str, format: str) -> Iterable[NamedText]:
    if is_team_text(source):
        teams = _split(source, "the teams given")
        yield from (NamedText(f"team {n}", f"team {n}", team) for n, team in enumerate(teams, 1))
    elif source in shipped_team_sets():
        yield from _path_texts(_DATA / source, format)
    elif source.strip() and is_there(path := Path(source).expanduser()):
        yield from _path_texts(path, format)
    else:
        raise TeamError(
            f"{source[:200]!r} is neither a file, nor a directory, nor a set that comes with pokenash "
            f"({', '.join(shipped_team_sets())}), nor the text of a team"
        )


def _path_texts(path: Path, format: str) -> Iterable[NamedText]:
    if path.is_dir():
        files = sorted(
            (one for one in path.iterdir() if _is_team_file(one, format)), key=lambda one: natural_order(one.name)
        )
        if not files:
            wanted = ", ".join("*" + suffix for suffix in (*_SUFFIXES, f"{format}_team"))
            raise TeamError(f"there are no team files in {path}: expected {wanted}")
    else:
        files = [path]
    for file in files:
        try:
            text = file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise TeamError(f"{file} cannot be read as text: {error}") from error
        teams = _split(text, str(file))
        if not teams:
            raise TeamError(f"{file} is empty")
        for number, team in enumerate(teams, 1):
            suffix = f" team {number}" if len(teams) > 1 else ""
            yield NamedText(file.stem + suffix, str(file) + suffix, team)


def _is_team_file(path: Path, format: str) -> bool:
    if path.name.startswith(".") or not path.is_file():
        return False
    return path.name.endswith(f"{format}_team") or path.suffix.lower() in _SUFFIXES


def natural_order(name: str) -> list[tuple[int, str]]:
    """A key that sorts ``team_2`` before ``team_10``."""
    # Not by `int`, which refuses thousands of digits: a longer number is the larger one.
    parts = ((part.lstrip("0"), part) for part in re.split(r"([0-9]+)", name))
    return [(len(digits), digits) if part[:1].isdecimal() else (-1, part) for digits, part in parts]


def _split(text: str, where: str) -> list[str]:
    """The teams in a text, each a text of its own."""
    # Not `splitlines`: a name may hold one of the many characters that it takes for the end of a line.
    stripped = text.strip()
    lines = [line for line in stripped.split("\n") if line.strip()]
    if re.match(r'\[\s*(["{\[]|\]$)', stripped):
        teams = _split_json(stripped, where)
    elif _HEADING.search(stripped):
        teams = _HEADING.split(stripped)
    elif lines and all("|" in line for line in lines):
        teams = lines
    else:
        teams = [stripped]
    return [team.strip() for team in teams if team.strip()]


def _split_json(text: str, where: str) -> list[str]:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TeamError(f"{where}: not valid JSON: {error}") from error
    if all(isinstance(one, Mapping) for one in parsed):
        return [text] if parsed else []
    return [one if isinstance(one, str) else json.dumps(one) for one in parsed]


def _shown(source: Any) -> str:
    return repr(str(source)[:80]) if isinstance(source, str | Path) else f"the {type(source).__name__} given"
