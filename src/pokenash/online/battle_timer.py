"""How long players of battles on a server may think."""

from __future__ import annotations

from dataclasses import dataclass

from pokenash.errors import InputError

__all__ = ["BattleTimer"]


@dataclass(frozen=True, kw_only=True)
class BattleTimer:
    """Times of every battle on a server, in seconds; the server counts in steps of 5.

    Parameters
    ----------
    starting : int
        What each player has in all.
    per_turn : int
        The most that a decision may take.
    first_turn : int, optional
        The most that the first decision may take; `per_turn` by default.
    added_per_turn : int
        What a turn gives back.
    grace : int
        What comes on top before the first turn.
    """

    starting: int = 150
    per_turn: int = 150
    first_turn: int | None = None
    added_per_turn: int = 10
    grace: int = 90

    def __post_init__(self) -> None:
        for name in ("starting", "per_turn", "first_turn", "added_per_turn", "grace"):
            value = getattr(self, name)
            least = 0 if name in ("added_per_turn", "grace") else 5
            if value is not None and not least <= value <= 86400:
                raise InputError(f"{name} is {value!r}, expected {least} to 86400 seconds")

    def settings(self) -> dict[str, int]:
        """As the server names them."""
        return {
            "starting": self.starting,
            "maxPerTurn": self.per_turn,
            "maxFirstTurn": self.per_turn if self.first_turn is None else self.first_turn,
            "addPerTurn": self.added_per_turn,
            "grace": self.grace,
        }
