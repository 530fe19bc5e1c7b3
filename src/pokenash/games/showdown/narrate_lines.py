"""What the words of Showdown's protocol lines are made of: arguments, attributes, names and effects."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = [
    "Message",
    "effect_id",
    "effect_name",
    "ident_key",
    "nickname",
    "number",
    "percent",
    "read_line",
    "species_name",
]


@dataclass(frozen=True, slots=True)
class Message:
    """One protocol line: its arguments, and its ``[key] value`` attributes."""

    args: list[str]
    attributes: dict[str, str]

    def arg(self, index: int) -> str:
        """An argument, empty where the line has none."""
        return self.args[index] if index < len(self.args) else ""


def read_line(args: list[str]) -> Message:
    """Tell a line's arguments and its ``[key] value`` attributes apart."""
    plain, attributes = [], {}
    for arg in args:
        found = re.match(r"\[(\w+)\]\s*(.*)$", arg)
        if found:
            attributes[found[1]] = found[2]
        else:
            plain.append(arg)
    return Message(plain, attributes)


def number(text: str) -> int:
    """A small number; 0 for what is none, as no line of a server must keep the rest from being told."""
    return int(text) if re.fullmatch(r"-?[0-9]{1,4}", text) else 0


def effect_name(text: str) -> str:
    """``"move: Leech Seed"`` to ``"Leech Seed"``."""
    return re.sub(r"^(move|ability|item|condition): ?", "", text)


def effect_id(text: str) -> str:
    """``"move: Leech Seed"`` to ``"leechseed"``."""
    return re.sub(r"[^a-z0-9]", "", effect_name(text).lower())


def ident_key(ident: str) -> str:
    """``"p1a: Tauros"`` and ``"p1: Tauros"`` alike."""
    return f"{ident[:2]}:{nickname(ident)}"


def nickname(ident: str) -> str:
    """``"p1a: Tauros"`` to ``"Tauros"``."""
    return ident.split(": ", 1)[1] if ": " in ident else ident


def species_name(details: str) -> str:
    """``"Tauros, L50, M"`` to ``"Tauros"``."""
    return details.split(",", 1)[0]


def percent(fraction: float) -> str:
    """A share of a Pokémon's health in words."""
    if 0 < 100 * fraction < 1:
        return "less than 1%"
    return f"{round(100 * fraction)}%"
