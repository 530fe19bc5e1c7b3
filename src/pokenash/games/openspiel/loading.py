"""OpenSpiel's games by name, checked before OpenSpiel sees them, and what of them a player is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyspiel
from numpy.typing import NDArray

from pokenash.errors import InputError

__all__ = ["Perspective", "is_perfect_information", "load_turn_based"]

# OpenSpiel carries no type information.
SpielGame = Any
SpielState = Any


def load_turn_based(name: str, parameters: Mapping[str, Any]) -> tuple[SpielGame, SpielGame]:
    """The game as OpenSpiel has it, and as it is played: moves that are made at once come one after the other.

    Parameters
    ----------
    name : str
        OpenSpiel's short name.
    parameters : mapping
        The game's own.

    Returns
    -------
    original, turn_based : pyspiel.Game
        The same object where the game is sequential.

    Raises
    ------
    InputError
        If there is no such game, a parameter is wrong, or the game is not a two-player zero-sum game whose chance
        can be seeded.
    """
    _check_parameters(name, parameters)
    try:
        original = pyspiel.load_game(name, dict(parameters))
        _check_kind(original)
        if original.get_type().dynamics == pyspiel.GameType.Dynamics.SIMULTANEOUS:
            return original, pyspiel.convert_to_turn_based(original)
    except pyspiel.SpielError as error:
        raise InputError(f"OpenSpiel cannot make {_words(name, parameters)}: {str(error).splitlines()[0]}") from error
    return original, original


def _words(name: str, parameters: Mapping[str, Any]) -> str:
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in parameters.items())})"


def _check_parameters(name: str, parameters: Mapping[str, Any]) -> None:
    """Refuse what OpenSpiel would refuse; it would also write its complaint to standard error."""
    if isinstance(name, str) and name.startswith("python_"):
        # Games that are written in Python are known once they have been imported.
        import open_spiel.python.games  # noqa: F401
    known = {kind.short_name: kind for kind in pyspiel.registered_games()}
    if name not in known:
        raise InputError(f"OpenSpiel has no game {name!r}; its games are {', '.join(sorted(known))}")
    defaults = known[name].parameter_specification
    unknown = sorted(set(parameters) - set(defaults))
    if unknown:
        raise InputError(f"{name} has no parameters {unknown}; its parameters are {sorted(defaults) or 'none'}")
    for key, value in parameters.items():
        expected = type(defaults[key])
        if type(value) is not expected and not (expected is float and type(value) is int):
            raise InputError(f"{name}: the parameter {key} is {value!r}; expected {expected.__name__}")


def _check_kind(game: SpielGame) -> None:
    kind = game.get_type()
    if game.num_players() != 2:
        raise InputError(f"{game} is for {game.num_players()} players; pokenash plays games of exactly two")
    if kind.utility != pyspiel.GameType.Utility.ZERO_SUM:
        raise InputError(f"{game} is {kind.utility.name.lower()}; pokenash plays zero-sum games only")
    if kind.dynamics == pyspiel.GameType.Dynamics.MEAN_FIELD:
        raise InputError(f"{game} is a mean-field game; expected a sequential or simultaneous one")
    if kind.chance_mode == pyspiel.GameType.ChanceMode.SAMPLED_STOCHASTIC:
        raise InputError(f"{game} draws its chance itself, so a seed cannot fix it; expected explicit chance")


def is_perfect_information(game: SpielGame) -> bool:
    """Whether players know everything but each other's choices of the moment; of the game as OpenSpiel has it."""
    return bool(game.get_type().information == pyspiel.GameType.Information.PERFECT_INFORMATION)


class Perspective:
    """What the player to move is shown in a state.

    The array is the information-state tensor (perfect recall). A game of perfect information that has none is shown
    by its observation tensor, which leaves nothing out there.

    Parameters
    ----------
    original, turn_based : pyspiel.Game
        As `load_turn_based` gives them.

    Raises
    ------
    InputError
        If the game has neither.
    """

    def __init__(self, original: SpielGame, turn_based: SpielGame) -> None:
        kind = turn_based.get_type()
        # The turn-based form of a game claims words that the game itself may not have.
        self.has_strings = bool(original.get_type().provides_information_state_string)
        self._information_state = bool(kind.provides_information_state_tensor)
        self._observation_string = bool(kind.provides_observation_string)
        if self._information_state:
            self.size = int(turn_based.information_state_tensor_size())
        elif is_perfect_information(original) and kind.provides_observation_tensor:
            self.size = int(turn_based.observation_tensor_size())
        else:
            raise InputError(f"OpenSpiel gives no information-state tensor for {original}, so it cannot be observed")

    def values(self, state: SpielState) -> list[float]:
        """The observation of the player to move, ``D`` numbers."""
        tensor = state.information_state_tensor if self._information_state else state.observation_tensor
        values: list[float] = tensor()
        return values

    def tensor(self, state: SpielState) -> NDArray[np.float32]:
        """The observation of the player to move, ``[D]``."""
        return np.array(self.values(state), np.float32)

    def string(self, state: SpielState) -> str:
        """The information state of the player to move in OpenSpiel's words."""
        if self.has_strings:
            return str(state.information_state_string())
        return str(state.observation_string() if self._observation_string else state)
