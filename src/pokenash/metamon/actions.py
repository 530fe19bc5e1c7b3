"""metamon's action spaces: small index sets that mean the same thing in every generation.

| index | meaning |
| --- | --- |
| 0–3 | the active Pokémon's moves, in alphabetical order of their names |
| 4–8 | the Pokémon that could come in, in alphabetical order of their species |
| 9–12 | the moves again, with terastallization (`DefaultActionSpace` only) |

So an index means another thing when a Pokémon faints or a move is replaced. Team preview is no action of either space.

Which indices are legal is told in two ways: from the state alone (`ActionSpace.maybe_legal`, what the masks of
metamon's data sets hold: it knows nothing of disabled moves and of trapping) and from the simulator's request
(`pokenash.metamon.backend.BattleView.legal`, what online play uses).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pokenash.errors import InputError
from pokenash.metamon.state import UniversalMove, UniversalPokemon, UniversalState

__all__ = [
    "ACTION_SPACES",
    "FIRST_SWITCH",
    "FIRST_TERA",
    "ActionSpace",
    "DefaultActionSpace",
    "MinimalActionSpace",
    "get_action_space",
    "sorted_moves",
    "sorted_switches",
]

FIRST_SWITCH, FIRST_TERA = 4, 9
_NUM_MOVES, _NUM_SWITCHES = 4, 5


def sorted_moves(moves: Sequence[UniversalMove]) -> list[UniversalMove]:
    """Moves in the order of their indices."""
    return sorted(moves, key=lambda move: move.name)[:_NUM_MOVES]


def sorted_switches(pokemon: Sequence[UniversalPokemon]) -> list[UniversalPokemon]:
    """Pokémon in the order of their indices."""
    return sorted(pokemon, key=lambda one: one.name)[:_NUM_SWITCHES]


@dataclass(frozen=True)
class ActionSpace:
    """A set of action indices.

    Parameters
    ----------
    name : str
        metamon's name of it.
    num_actions : int
        9, or 13 with terastallization.
    """

    name: str
    num_actions: int

    def maybe_legal(self, state: UniversalState) -> list[int]:
        """The indices that look legal by the state alone, in ascending order; never trapping, never disabled moves."""
        legal: list[int] = []
        num_moves = 0 if state.forced_switch else min(len(state.player_active_pokemon.moves), _NUM_MOVES)
        legal.extend(range(num_moves))
        num_switches = min(len(state.available_switches), _NUM_SWITCHES)
        legal.extend(range(FIRST_SWITCH, FIRST_SWITCH + num_switches))
        if state.can_tera and self.num_actions > FIRST_TERA:
            legal.extend(range(FIRST_TERA, FIRST_TERA + num_moves))
        return legal


MinimalActionSpace = ActionSpace("MinimalActionSpace", 9)
"""Moves and switches."""

DefaultActionSpace = ActionSpace("DefaultActionSpace", 13)
"""Moves, switches, and moves with terastallization."""

ACTION_SPACES = {space.name: space for space in (MinimalActionSpace, DefaultActionSpace)}
"""The action spaces by name."""


def get_action_space(name: str) -> ActionSpace:
    """An action space by name.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in ACTION_SPACES:
        raise InputError(f"unknown action space {name!r}; known: {', '.join(sorted(ACTION_SPACES))}")
    return ACTION_SPACES[name]
