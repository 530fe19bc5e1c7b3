"""What the simulator says of a format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pokenash.errors import InputError
from pokenash.games.showdown.node import run_tool

__all__ = ["FormatInfo", "format_info", "remember_format"]

_FORMATS: dict[str, FormatInfo] = {}


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


def format_info(format: str) -> FormatInfo:
    """What kind of format this is, in the simulator's words.

    Raises
    ------
    InputError
        If the simulator has no such format.
    """
    if format not in _FORMATS:
        return remember_format(format, run_tool("tool.js", {"command": "format", "format": format}))
    return _FORMATS[format]


def remember_format(format: str, found: Mapping[str, Any]) -> FormatInfo:
    """Keep what the simulator said of a format, for this process; refuses one that it does not have."""
    if not found["exists"]:
        raise InputError(f'there is no format {format!r} in the simulator; expected one such as "gen1ou"')
    info = FormatInfo(
        found["id"], found["name"], found["gen"], found["game_type"], found["random_teams"], tuple(found["gimmicks"])
    )
    _FORMATS[format] = info
    return info
