"""One player's battle in a pokenash game: metamon's view of it, and whose actions are whose."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pokenash.errors import InputError
from pokenash.metamon.backend import DEFAULT_BACKEND, BattleView, Choice

__all__ = ["MISSING_ACTION", "Seat", "check_format"]

MISSING_ACTION = -1
"""Index of an action that the action space cannot say."""

# The actions of a Showdown game: moves as the request lists them, the own team's slots, then moves with each gimmick.
_FIRST_SWITCH, _FIRST_GIMMICK = 4, 10
_FORMAT = re.compile(r"gen([1-9])[a-z]")
_GENERATIONS = (1, 2, 3, 4, 9)


def check_format(format_id: str) -> None:
    """Refuse formats whose battles metamon's policies do not know.

    Raises
    ------
    InputError
        If the generation is none of 1 to 4 and 9.
    """
    found = _FORMAT.match(format_id)
    # National Dex has more gimmicks than metamon's actions can say.
    if found is None or int(found[1]) not in _GENERATIONS or "nationaldex" in format_id:
        raise InputError(f"metamon's policies play singles formats of generations 1 to 4 and 9, not {format_id!r}")


class Seat:
    """A battle that is followed for one player.

    Parameters
    ----------
    player : int
        0 or 1.
    format_id : str
    backend : str
        As in `BattleView`.
    """

    def __init__(self, player: int, format_id: str, backend: str = DEFAULT_BACKEND) -> None:
        self.view = BattleView(player, format_id, backend)

    def feed(self, lines: Iterable[str]) -> None:
        """What the player was told since its last decision."""
        self.view.feed(lines)

    def action(self, index: int) -> int | None:
        """The game's action for an index of metamon's; None where the index maps to nothing."""
        choice = self.view.choices().get(index)
        return None if choice is None else self._action(choice)

    def index(self, action: int, num_actions: int) -> int:
        """The index below `num_actions` that means an action of the game; `MISSING_ACTION` if none does."""
        for index, choice in sorted(self.view.choices().items()):
            if index < num_actions and self._action(choice) == action:
                return index
        return MISSING_ACTION

    def _action(self, choice: Choice) -> int:
        if choice.team_slot is not None:
            return _FIRST_SWITCH + choice.team_slot
        # Of the formats that are played only those of generation 9 have a gimmick.
        return choice.slot + _FIRST_GIMMICK * choice.terastallize
