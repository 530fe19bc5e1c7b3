"""metamon's observation spaces: a state as words and numbers.

| space | words | numbers | says beyond the one before |
| --- | --- | --- | --- |
| `DefaultObservationSpace` | 87 | 48 | |
| `ExpandedObservationSpace` | 100 | 55 | Tera types, PP warnings, opponents seen, sleep and freeze so far, `can_tera` |
| `TeamPreviewObservationSpace` | 106 | 55 | the opponent's species from team preview |
| `OpponentMoveObservationSpace` | 106 | 55 | the active opponent's known moves (own moves lose their category) |

The words, in order: ``<format>``, ``<anychoice>`` or ``<forcedswitch>``; ``<player>`` and the active Pokémon; four
times ``<move>``; five times ``<switch>``; ``<opponent>`` and its active Pokémon; ``<conditions>``; ``<player_prev>``
and ``<opp_prev>``; then what the larger spaces add. Moves and Pokémon stand in the order of their action indices. What
is missing is ``<blank>`` as a word and −2 as a number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import InputError
from pokenash.metamon.actions import sorted_moves, sorted_switches
from pokenash.metamon.state import UniversalMove, UniversalPokemon, UniversalState

__all__ = ["OBSERVATION_SPACES", "ObservationSpace", "ObservationSpec", "get_observation_space"]

BLANK = "<blank>"
MISSING = -2.0
_MOVES, _SWITCHES, _PARTY = 4, 5, 6


@dataclass(frozen=True)
class ObservationSpec:
    """What an observation space says.

    Parameters
    ----------
    name : str
        metamon's name of it.
    num_words, num_numbers : int
        Sizes of the observation.
    history : bool
        Whether it says what was seen earlier in the battle, Tera types and PP warnings.
    preview : bool
        Whether it names the species of team preview.
    opponent_moves : bool
        Whether it names the active opponent's known moves, at the cost of the own moves' categories.
    """

    name: str
    num_words: int
    num_numbers: int
    history: bool = False
    preview: bool = False
    opponent_moves: bool = False


OBSERVATION_SPACES = {
    spec.name: spec
    for spec in (
        ObservationSpec("DefaultObservationSpace", 87, 48),
        ObservationSpec("ExpandedObservationSpace", 100, 55, history=True),
        ObservationSpec("TeamPreviewObservationSpace", 106, 55, history=True, preview=True),
        ObservationSpec("OpponentMoveObservationSpace", 106, 55, history=True, preview=True, opponent_moves=True),
    )
}
"""The observation spaces by name."""


def get_observation_space(name: str) -> ObservationSpace:
    """A new observation space, as at the start of a battle.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in OBSERVATION_SPACES:
        raise InputError(f"unknown observation space {name!r}; known: {', '.join(sorted(OBSERVATION_SPACES))}")
    return ObservationSpace(OBSERVATION_SPACES[name])


class ObservationSpace:
    """Turns the states of one player in one battle into observations.

    All but `DefaultObservationSpace` remember what was seen: call it once per decision, in order, and `reset` it
    where a battle begins. Keep one for each battle and player.

    Parameters
    ----------
    spec : ObservationSpec
        What it says.
    """

    def __init__(self, spec: ObservationSpec) -> None:
        self.spec = spec
        self.reset()

    @property
    def num_words(self) -> int:
        """Words of every observation."""
        return self.spec.num_words

    @property
    def num_numbers(self) -> int:
        """Numbers of every observation."""
        return self.spec.num_numbers

    def reset(self) -> None:
        """Forget what was seen."""
        self._seen: set[str] = set()
        self._any_asleep = False
        self._any_frozen = False

    def __call__(self, state: UniversalState) -> tuple[str, NDArray[np.float32]]:
        """Observe a state.

        Returns
        -------
        text : str
            `num_words` words with single spaces between them.
        numbers : float32 array, ``[num_numbers]``
            About −2 to 3.
        """
        words, numbers = self.observe(state)
        return " ".join(words), numbers

    def observe(self, state: UniversalState) -> tuple[list[str], NDArray[np.float32]]:
        """As a call, with the words as a list (which spares joining and splitting the text)."""
        opponent = state.opponent_active_pokemon
        if self.spec.history:
            self._seen.add(opponent.base_species)
            self._any_asleep |= opponent.status == "slp"
            self._any_frozen |= opponent.status == "frz"
        moves = sorted_moves(state.player_active_pokemon.moves)
        switches = sorted_switches(state.available_switches)
        return self._words(state, moves, switches), self._numbers(state, moves, switches)

    def _words(self, state: UniversalState, moves: list[UniversalMove], switches: list[UniversalPokemon]) -> list[str]:
        words = [f"<{state.format}>", "<forcedswitch>" if state.forced_switch else "<anychoice>", "<player>"]
        words += self._active_words(state.player_active_pokemon)
        categories = not self.spec.opponent_moves
        for move in moves:
            words += ("<move>", move.name, move.move_type)
            if categories:
                words.append(move.category)
        for _ in range(_MOVES - len(moves)):
            words += ("<move>", *[BLANK] * (2 + categories))
        for pokemon in switches:
            words += self._switch_words(pokemon)
        for _ in range(_SWITCHES - len(switches)):
            words += ("<switch>", *[BLANK] * (8 + self.spec.history))
        words.append("<opponent>")
        words += self._active_words(state.opponent_active_pokemon)
        if self.spec.opponent_moves:
            words += _padded([move.name for move in sorted_moves(state.opponent_active_pokemon.moves)], _MOVES)
        words += ("<conditions>", state.weather, state.player_conditions, state.opponent_conditions)
        words += ("<player_prev>", state.player_prev_move.name, "<opp_prev>", state.opponent_prev_move.name)
        if self.spec.history:
            words += _padded(sorted(self._seen), _PARTY)
        if self.spec.preview:
            words += _padded(sorted(state.opponent_teampreview), _PARTY)
        return words

    def _active_words(self, pokemon: UniversalPokemon) -> list[str]:
        words = [pokemon.name, pokemon.item, pokemon.ability, *pokemon.types.split(" "), pokemon.effect, pokemon.status]
        if self.spec.history:
            words.append(pokemon.tera_type)
        return words

    def _switch_words(self, pokemon: UniversalPokemon) -> list[str]:
        words = ["<switch>", pokemon.name, pokemon.item, pokemon.ability, "<moveset>"]
        words += _padded([move.name for move in sorted_moves(pokemon.moves)], _MOVES)
        if self.spec.history:
            words.append(pokemon.tera_type)
        return words

    def _numbers(
        self, state: UniversalState, moves: list[UniversalMove], switches: list[UniversalPokemon]
    ) -> NDArray[np.float32]:
        numbers = [state.opponents_remaining / 6]
        numbers += _active_numbers(state.player_active_pokemon)
        warnings = self.spec.history
        for move in moves:
            numbers += (move.base_power / 200, move.accuracy, move.priority / 5)
            if warnings:
                numbers.append(_pp_warning(move))
        numbers += [MISSING] * ((_MOVES - len(moves)) * (3 + warnings))
        numbers += [pokemon.hp_pct for pokemon in switches]
        numbers += [MISSING] * (_SWITCHES - len(switches))
        numbers += _active_numbers(state.opponent_active_pokemon)
        if self.spec.history:
            numbers += (self._any_asleep, self._any_frozen, state.can_tera)
        return np.array(numbers, np.float32)


def _active_numbers(pokemon: UniversalPokemon) -> list[float]:
    return [
        pokemon.hp_pct, pokemon.lvl / 100,
        pokemon.base_atk / 255, pokemon.base_spa / 255, pokemon.base_def / 255, pokemon.base_spd / 255,
        pokemon.base_spe / 255, pokemon.base_hp / 255,
        pokemon.atk_boost / 6, pokemon.spa_boost / 6, pokemon.def_boost / 6, pokemon.spd_boost / 6,
        pokemon.spe_boost / 6, pokemon.accuracy_boost / 6, pokemon.evasion_boost / 6,
    ]  # fmt: skip


def _pp_warning(move: UniversalMove) -> float:
    """3 with at least half of the PP left, 2 with at least a quarter, 1 with any, 0 with none."""
    left = move.current_pp / move.max_pp if move.max_pp else 0.0
    return float((left > 0) + (left >= 0.25) + (left >= 0.5))


def _padded(words: list[str], length: int) -> list[str]:
    return words[:length] + [BLANK] * (length - len(words))
