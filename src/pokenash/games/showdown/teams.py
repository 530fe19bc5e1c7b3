"""Teams: reading them in every notation that people keep them in, and having the simulator's validator judge each."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, overload

from pokenash.errors import InputError, TeamError
from pokenash.games.showdown.node import run_tool

__all__ = ["FormatInfo", "TeamSet", "default_teams", "format_info", "load_teams", "shipped_team_sets"]

MAX_MEMBERS = 6
MAX_MOVES = 4

_DATA = Path(__file__).parent / "data" / "teams"
_HEADING = re.compile(r"^===.*===\s*$", re.MULTILINE)
_SUFFIXES = (".txt", ".team", ".paste", ".packed", ".json")
# What a text was judged to be, by (format, SHA-256 of the text): a team is validated once in a process.
_FORMATS: dict[str, FormatInfo] = {}
_JUDGED: dict[tuple[str, str], dict[str, Any]] = {}


class _Text(NamedTuple):
    """The text of one team: its name, where it was found (for messages), and the text."""

    name: str
    where: str
    text: str


@dataclass(frozen=True, slots=True)
class FormatInfo:
    """What kind of format a Showdown format is.

    Parameters
    ----------
    id : str
        Such as ``"gen1ou"``.
    name : str
        Such as ``"[Gen 1] OU"``.
    generation : int
    game_type : str
        ``"singles"``, ``"doubles"`` and so on.
    random_teams : bool
        Whether the simulator draws the teams itself.
    gimmicks : tuple of str
        What a move can be combined with, in the order of the actions: ``"mega"``, ``"zmove"`` and so on.
    """

    id: str
    name: str
    generation: int
    game_type: str
    random_teams: bool
    gimmicks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TeamSet(Sequence[str]):
    """Validated teams of one format, as packed strings.

    Parameters
    ----------
    format : str
        Id of the format that they are legal in.
    names : tuple of str
        One name per team: the file's, or ``"team 1"`` and so on.
    packed : tuple of str
        The teams in Showdown's packed notation, stats written out.
    """

    format: str
    names: tuple[str, ...]
    packed: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.packed)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> TeamSet: ...
    def __getitem__(self, index: int | slice) -> str | TeamSet:
        if isinstance(index, slice):
            return TeamSet(self.format, self.names[index], self.packed[index])
        return self.packed[index]

    def members(self, index: int) -> tuple[str, ...]:
        """Names of a team's six, in order: nicknames where they have one."""
        return tuple(one.split("|", 1)[0] for one in self.packed[index].split("]"))

    def export(self, index: int) -> str:
        """A team as export text, which Showdown's teambuilder reads."""
        text: str = run_tool("tool.js", {"command": "export", "teams": [self.packed[index]]})[0]
        return text


def format_info(format: str) -> FormatInfo:
    """What kind of format this is, in the simulator's words.

    Raises
    ------
    InputError
        If the simulator has no such format.
    """
    if format not in _FORMATS:
        _FORMATS[format] = _format_info(format, run_tool("tool.js", {"command": "format", "format": format}))
    return _FORMATS[format]


def _format_info(format: str, found: Mapping[str, Any]) -> FormatInfo:
    if not found["exists"]:
        raise InputError(f'there is no format {format!r} in the simulator; expected one such as "gen1ou"')
    return FormatInfo(
        found["id"], found["name"], found["gen"], found["game_type"], found["random_teams"], tuple(found["gimmicks"])
    )


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


def load_teams(source: Any, format: str) -> TeamSet:
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
        - a list of sets (dicts), which is one team, or a list of any of the above;
        - a `TeamSet`.
    format : str
        The format that they must be legal in.

    Returns
    -------
    TeamSet
        In the order of the source, files by name (``team_2`` before ``team_10``). Stats that a team does not mention
        are written out as the format has them (in generations 1 and 2 full stat experience and DVs). Where two
        members of a team have the same name, later ones are renamed.

    Raises
    ------
    TeamError
        If there is no team in the source, one cannot be read, or the validator refuses it; with the
        validator's words and the file's name.
    InputError
        If there is no such format, or its teams are drawn by the simulator.
    """
    texts = list(_texts(source, format))
    if not texts:
        raise TeamError(f"there is no team in {_shown(source)}")
    info, judged = _judge([one.text for one in texts], format)
    if info.random_teams:
        raise InputError(f"{info.id} draws its own teams: it takes no teams=")
    refused = [
        f"{one.where}: {' '.join(problems)}"
        for one, verdict in zip(texts, judged, strict=True)
        if (problems := _problems(verdict))
    ]
    if refused:
        more = f" (and {len(refused) - 5} more teams refused)" if len(refused) > 5 else ""
        raise TeamError(f"not legal in {info.id}: " + "; ".join(refused[:5]) + more)
    return TeamSet(info.id, tuple(one.name for one in texts), tuple(verdict["packed"] for verdict in judged))


def _problems(judged: Mapping[str, Any]) -> list[str]:
    """Why a team cannot be played: the validator's words, or that it is larger than what pokenash's arrays hold."""
    if "problems" in judged:
        return list(judged["problems"])
    members, moves = len(judged["members"]), judged["most_moves"]
    if members > MAX_MEMBERS:
        return [f"The team has {members} members; pokenash plays at most {MAX_MEMBERS}."]
    if moves > MAX_MOVES:
        return [f"A member has {moves} moves; pokenash plays at most {MAX_MOVES}."]
    return []


def _judge(texts: list[str], format: str) -> tuple[FormatInfo, list[dict[str, Any]]]:
    """What the validator says of each text; one call of Node for all that are new."""
    keys = [(format, hashlib.sha256(text.encode()).hexdigest()) for text in texts]
    new = {key: text for key, text in zip(keys, texts, strict=True) if key not in _JUDGED}
    if new:
        payload = {"command": "validate", "format": format, "teams": list(new.values())}
        answer = run_tool("tool.js", payload)
        _FORMATS[format] = _format_info(format, answer["format"])
        if _FORMATS[format].random_teams:
            return _FORMATS[format], []
        _JUDGED.update(zip(new, answer["teams"], strict=True))
    return format_info(format), [_JUDGED[key] for key in keys]


def _texts(source: Any, format: str) -> Iterable[_Text]:
    """Everything in a source that is a team."""
    if isinstance(source, TeamSet):
        yield from (_Text(name, name, packed) for name, packed in zip(source.names, source.packed, strict=True))
    elif isinstance(source, Path):
        yield from _path_texts(source, format)
    elif isinstance(source, str):
        yield from _string_texts(source, format)
    elif isinstance(source, Sequence) and source and all(isinstance(one, Mapping) for one in source):
        yield _Text("team 1", "team 1", _dumps(list(source)))
    elif isinstance(source, Sequence):
        several = [list(_texts(one, format)) for one in source]
        for number, one in enumerate(several, 1):
            if len(one) == 1 and one[0].name == "team 1":
                yield _Text(f"team {number}", f"team {number}", one[0].text)
            else:
                yield from one
    else:
        raise TeamError(f"teams are text, files or lists of sets, not {type(source).__name__}")


def _dumps(sets: list[Any]) -> str:
    try:
        return json.dumps(sets)
    except (TypeError, ValueError) as error:
        raise TeamError(f"a team given as a list of sets is not JSON: {error}") from error


def _string_texts(source: str, format: str) -> Iterable[_Text]:
    if "\n" in source or "|" in source or source.lstrip().startswith("["):
        teams = _split(source, "the teams given")
        yield from (_Text(f"team {n}", f"team {n}", team) for n, team in enumerate(teams, 1))
    elif source in shipped_team_sets():
        yield from _path_texts(_DATA / source, format)
    elif source.strip() and Path(source).expanduser().exists():
        yield from _path_texts(Path(source).expanduser(), format)
    else:
        raise TeamError(
            f"{source!r} is neither a file, nor a directory, nor a set that comes with pokenash "
            f"({', '.join(shipped_team_sets())}), nor the text of a team"
        )


def _path_texts(path: Path, format: str) -> Iterable[_Text]:
    if path.is_dir():
        files = sorted((one for one in path.iterdir() if _is_team_file(one, format)), key=_natural)
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
            yield _Text(file.stem + suffix, str(file) + suffix, team)


def _is_team_file(path: Path, format: str) -> bool:
    if path.name.startswith(".") or not path.is_file():
        return False
    return path.name.endswith(f"{format}_team") or path.suffix.lower() in _SUFFIXES


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sorts ``team_2`` before ``team_10``."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", path.name)]


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
    except json.JSONDecodeError as error:
        raise TeamError(f"{where}: not valid JSON: {error}") from error
    if all(isinstance(one, Mapping) for one in parsed):
        return [text] if parsed else []
    return [one if isinstance(one, str) else json.dumps(one) for one in parsed]


def _shown(source: Any) -> str:
    return repr(str(source)[:80]) if isinstance(source, str | Path) else f"the {type(source).__name__} given"
