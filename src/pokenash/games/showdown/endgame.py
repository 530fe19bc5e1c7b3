"""The whole game tree of a small endgame, enumerated by the simulator itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pokenash.errors import InputError
from pokenash.games.showdown.node import run_tool
from pokenash.games.showdown.positions import Position

__all__ = ["DAMAGE_ROLLS", "FIRST_WINS", "SECOND_WINS", "TIE", "GameTree", "enumerate_endgame"]

FIRST_WINS, SECOND_WINS, TIE = -1, -2, -3
"""Numbers of the ends, among the numbers of states in `GameTree.transitions`."""

DAMAGE_ROLLS = 39
"""The factors 217/255 to 255/255, one of which every hit's damage is multiplied by."""

_START_SECONDS = 60.0


@dataclass(frozen=True)
class GameTree:
    """States of a battle, and what becomes of them. State 0 is where it starts.

    Parameters
    ----------
    choices : sequence
        ``choices[state][player]``: the player's choices in words (``"move Body Slam"``, ``"switch Tauros"``), or None
        where it has none.
    transitions : sequence
        ``transitions[state][i][j]``: after the first player's choice i and the second's j (0 for one who has none),
        pairs of (state or end, probability) that sum to 1. Shorter than `choices` where the tree was cut off.
    runs : int
        How many turns the simulator has played.
    """

    choices: Sequence[Sequence[Sequence[str] | None]]
    transitions: Sequence[Sequence[Sequence[Sequence[tuple[int, float]]]]]
    runs: int

    @property
    def complete(self) -> bool:
        """Whether every state was expanded."""
        return len(self.transitions) == len(self.choices)


def enumerate_endgame(
    position: Position,
    *,
    max_states: int = 2000,
    hold_pp: bool = True,
    damage_rolls: int | None = None,
    seconds: float = 300.0,
) -> GameTree:
    """Enumerate what can become of a position of generation 1, with the probability of everything.

    The simulator plays every branch. States that are the same from here on are merged; damage rolls that lead to the
    same are played once. Both players are taken to know all of the battle but how long a Pokémon will sleep, which
    nobody knows: one that has slept k turns wakes in its next with probability 1 / (7 - k).

    Parameters
    ----------
    position : Position
    max_states : int
        How many states are expanded; the rest of the tree is cut off.
    hold_pp : bool
        Whether PP stay what they are at the start. Without that, a battle of recovery has thousands of states.
    damage_rolls : int, optional
        So many of the 39 damage rolls stand for all of them: no longer exact. Default: all.
    seconds : float
        After so long no further state is expanded; the rest of the tree is cut off. What is cut off then depends on the
        machine.

    Raises
    ------
    InputError
        If the position is not of generation 1 or cannot be reached, or a number is out of range.
    SimulatorError
        If a single state takes minutes.
    """
    if max_states < 1 or (damage_rolls is not None and not 1 <= damage_rolls < DAMAGE_ROLLS):
        raise InputError(
            f"got max_states {max_states} and damage_rolls {damage_rolls}, expected at least 1 state, and from 1 to "
            f"{DAMAGE_ROLLS - 1} rolls or None for all"
        )
    options = {"states": max_states, "seconds": seconds, "hold_pp": hold_pp, "rolls": damage_rolls or 0}
    payload = {"command": "endgame", "format": position.format, "source": dict(position.source), "options": options}
    answer = run_tool("tool.js", payload, timeout=2 * seconds + _START_SECONDS)
    if "error" in answer:
        raise InputError(f"position {position.name!r}: {answer['error']}")
    return GameTree(answer["choices"], answer["transitions"], answer["runs"])
