"""Saved battles: the record, the battle played again from it, its log, and Showdown's replay page."""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeGuard

from pokenash.errors import InputError
from pokenash.games.showdown.narrate import narrate
from pokenash.games.showdown.node import run_tool, simulator_version
from pokenash.games.showdown.seeds import seed_strings

__all__ = [
    "BattleLog",
    "View",
    "check_record",
    "load_record",
    "replay_html",
    "save_log",
    "save_record",
    "save_replay",
    "simulate",
    "view_log",
]

RECORD_SCHEMAS = (1, 2)
"""1: from the beginning of a battle; 2: from a position, which the record holds."""

View = Literal["public", "omniscient", 0, 1]
"""Whose eyes a log is seen with: spectators', everybody's at once, or one player's."""

_EMBED = "https://play.pokemonshowdown.com/js/replay-embed.js"
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font-family: Verdana, sans-serif; font-size: 10pt; margin: 12px; }}
.wrapper {{ max-width: 1180px; margin: 0 auto; }}
.battle-log-inline {{ white-space: pre-wrap; }}
</style>
</head>
<body>
<div class="wrapper replay-wrapper">
<input type="hidden" name="replayid" value="{replay_id}">
<div class="battle"></div><div class="battle-log"></div><div class="replay-controls"></div>
<div class="replay-controls-2"></div>
<h1>{title}</h1>
<script type="text/plain" class="battle-log-data">{log}</script>
</div>
<div class="battle-log battle-log-inline"><div class="inner">{words}</div></div>
<script src="{embed}"></script>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class BattleLog:
    """A battle that was played again.

    Parameters
    ----------
    format : str
        The format's name, such as ``"[Gen 1] OU"``.
    lines : tuple of str
        Everything the simulator wrote (without its clock lines); ``|split|`` blocks hold the owner's line, then the
        public one. `view_log` takes a view of it.
    reason : str or None
        Why it ended; None if the record stops before the end.
    winner : int or None
        0 or 1; None for a tie or a battle that has not ended.
    turns : int
    prng : str
        State of the simulator's random numbers at the end.
    """

    format: str
    lines: tuple[str, ...]
    reason: str | None
    winner: int | None
    turns: int
    prng: str


def save_record(record: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Write a record (`EpisodeResult.record`) as JSON.

    Raises
    ------
    InputError
        If it is no record of a Showdown battle, or cannot be written.
    """
    check_record(record, "the record given")
    _write(path, json.dumps(record) + "\n")


def load_record(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read what `save_record` wrote.

    Raises
    ------
    InputError
        If the file cannot be read or is no record of a Showdown battle; with its name and what is wrong.
    """
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{os.fspath(path)} cannot be read as a battle's record: {error}") from error
    check_record(record, os.fspath(path))
    checked: dict[str, Any] = record
    return checked


def simulate(record: Mapping[str, Any]) -> BattleLog:
    """Play a recorded battle again, in the untouched simulator.

    The same record gives the same lines and the same state of the random numbers, bit for bit.

    Parameters
    ----------
    record : mapping
        `EpisodeResult.record`, or the beginning of one (fewer actions).

    Raises
    ------
    InputError
        If it is damaged, was made with another version of the simulator, or its actions do not fit its battle.
    """
    check_record(record, "the record")
    answer = run_tool("tool.js", {"command": "simulate", "record": dict(record)})
    result = answer.get("result") or {}
    if not answer["format"]["exists"]:
        raise InputError(f"the record is of the format {record['format']!r}, which the simulator does not have")
    if result.get("reason") == "error":
        raise InputError(f"the record's actions cannot be played: {result['error'].splitlines()[0]}")
    if answer["answered"] != [len(one) for one in record["actions"]]:
        raise InputError(
            f"the record has {[len(one) for one in record['actions']]} actions of the two players, but its battle "
            f"asked for {answer['answered']}"
        )
    winner = result.get("winner", -1)
    return BattleLog(
        format=answer["format"]["name"],
        lines=tuple(answer["log"]),
        reason=result.get("reason"),
        winner=None if winner < 0 else winner,
        turns=_turns(answer["log"]),
        prng=answer["prng"],
    )


def view_log(lines: Sequence[str], view: View = "public") -> list[str]:
    """One view of a battle's lines.

    Parameters
    ----------
    lines : sequence of str
        As in `BattleLog.lines`.
    view : {"public", "omniscient", 0, 1}
        Of each ``|split|`` block the public line is kept, or the owner's for the owner and the omniscient.
    """
    kept: list[str] = []
    position = 0
    while position < len(lines):
        line = lines[position]
        if line.startswith("|split|p"):
            owner = int(line[8]) - 1
            secret, public = lines[position + 1 : position + 3]
            kept.append(secret if view == "omniscient" or view == owner else public)
            position += 3
        else:
            kept.append(line)
            position += 1
    return [line for line in kept if line]


def save_log(record: Mapping[str, Any], path: str | os.PathLike[str], view: View = "public") -> None:
    """Play a recorded battle again and write its protocol lines as text."""
    _write(path, "\n".join(view_log(simulate(record).lines, view)) + "\n")


def save_replay(
    record: Mapping[str, Any], path: str | os.PathLike[str], *, players: tuple[str, str] | None = None
) -> None:
    """Play a recorded battle again and write Showdown's replay page.

    Parameters
    ----------
    record : mapping
        `EpisodeResult.record`.
    path : path
        Of the HTML file.
    players : tuple of str, optional
        What the players shall be called. Default: ``Player 1`` and ``Player 2``.
    """
    battle = simulate(record)
    _write(path, replay_html(view_log(battle.lines), battle.format, players=players))


def replay_html(lines: Sequence[str], format: str, *, players: tuple[str, str] | None = None) -> str:
    """Showdown's downloadable replay page for a log.

    It animates the battle with the script of play.pokemonshowdown.com; without a network it shows the battle in
    words.

    Parameters
    ----------
    lines : sequence of str
        Protocol lines of the public view.
    format : str
        For the title.
    players : tuple of str, optional
        What the players shall be called instead of ``Player 1`` and ``Player 2``.
    """
    if players is not None:
        lines = _renamed(lines, players)
    names = [line.split("|")[3] for line in lines if re.match(r"\|player\|p[12]\|[^|]", line)][:2]
    title = html.escape(f"{format} replay: {' vs. '.join(names)}")
    words = html.escape("\n".join(narrate(lines)).strip())
    replay_id = html.escape(re.sub(r"[^a-z0-9]+", "", format.lower()) + "-pokenash")
    return _PAGE.format(title=title, replay_id=replay_id, log=_script_data(lines), words=words, embed=_EMBED)


def _script_data(lines: Sequence[str]) -> str:
    """A log as the content of a script element, which it must not be able to end.

    The replay script undoes the escaped slashes, so no ``</script>`` can stand there; and without ``<!--`` an HTML
    parser never begins to look for one in another way.
    """
    return "\n" + "\n".join(lines).replace("<!--", "<! --").replace("/", "\\/") + "\n"


def _renamed(lines: Sequence[str], players: tuple[str, str]) -> list[str]:
    new = [re.sub(r"[|\s]+", " ", name).strip() or f"Player {number}" for number, name in enumerate(players, 1)]
    renamed = []
    for line in lines:
        parts = line.split("|")
        if line.startswith(("|player|p1|", "|player|p2|")) and parts[3]:
            parts[3] = new[int(parts[2][1]) - 1]
        elif line.startswith("|win|Player "):
            parts[2] = new[int(parts[2][-1]) - 1]
        renamed.append("|".join(parts))
    return renamed


def _turns(lines: Sequence[str]) -> int:
    return max((int(line.split("|")[2]) for line in lines if line.startswith("|turn|")), default=0)


def check_record(record: Any, where: str, *, any_version: bool = False) -> None:
    """Refuse what is no record of a Showdown battle of this simulator.

    Parameters
    ----------
    record
        Anything.
    where : str
        Where it was found; begins the message.
    any_version : bool
        Whether it may be one of another version of the simulator.

    Raises
    ------
    InputError
        With what is wrong.
    """
    wrong = _defect(record)
    if wrong:
        raise InputError(f"{where} is not a record of a Showdown battle: {wrong}")
    if not any_version and record["simulator"] != simulator_version():
        raise InputError(
            f"{where} was played with simulator {record['simulator']}, but {simulator_version()} is installed; "
            "the battle would not be the same"
        )


def _defect(record: Any) -> str | None:
    if not isinstance(record, Mapping):
        return "it is no JSON object"
    schema = record.get("schema")
    if schema not in RECORD_SCHEMAS or isinstance(schema, bool) or (schema == 2) != ("position" in record):
        return f"its schema is {schema!r}, expected one of {RECORD_SCHEMAS}, and 2 with a position"
    if schema == 2 and (wrong := _position_defect(record)):
        return wrong
    for key in ("format", "simulator"):
        if not isinstance(record.get(key), str):
            return f"its {key} is {record.get(key)!r}, expected a string"
    seed, limit = record.get("seed"), record.get("turn_limit")
    if not _is_int(seed) or not 0 <= seed < 2**64 or record.get("showdown_seeds") != list(seed_strings(seed)):
        return f"its seed {seed!r} and the simulator's seeds do not belong together"
    if limit is not None and (not _is_int(limit) or limit < 1):
        return f"its turn_limit is {limit!r}, expected a positive number or null"
    teams, actions = record.get("teams"), record.get("actions")
    if not record.get("random_teams") and not _is_pair(teams, lambda one: isinstance(one, str)):
        return "its teams are not two packed teams"
    if not _is_pair(actions, lambda one: isinstance(one, list) and all(map(_is_int, one))):
        return "its actions are not two lists of integers"
    return None


def _position_defect(record: Mapping[str, Any]) -> str | None:
    position = record["position"]
    source = position.get("source") if isinstance(position, Mapping) else None
    if not isinstance(source, Mapping) or set(source) not in ({"record"}, {"composition"}):
        return "the position that it starts from has no source"
    if not isinstance(record.get("continued"), bool):
        return f"continued is {record.get('continued')!r}, expected true or false"
    wrong = _defect(source["record"]) if "record" in source else None
    return f"the position that it starts from is damaged: {wrong}" if wrong else None


def _is_int(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_pair(value: Any, right: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(right, value))


def _write(path: str | os.PathLike[str], text: str) -> None:
    """Write a file whole or not at all."""
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise InputError(f"{target} cannot be written: {error}") from error
