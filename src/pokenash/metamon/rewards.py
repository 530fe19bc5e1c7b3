"""metamon's rewards: functions of two successive states, inputs of its networks as well as labels.

All are given on arrival: the reward of a decision is that of the state to which it led. Training multiplies them by
10; here they are as recorded. The parts, with Pokémon matched between the two states by their base species:

- *damage*: HP that the opponent's active Pokémon lost, as a fraction; 0 where another is out. Healing is negative.
- *healing*: HP that the own active Pokémon gained since it was last in the state (active or on the bench), as a
  fraction. Damage is negative.
- *status given* and *status taken*: 1 where the same Pokémon had no status and has one, fainting included.
- *knock-outs*: opponents fewer than before; *losses*: own Pokémon fewer that can be switched to.
- the *end*: 1 for a win, −1 for a loss, 0 for a tie and before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pokenash.errors import InputError
from pokenash.metamon.state import UniversalPokemon, UniversalState

__all__ = [
    "REWARDS",
    "Reward",
    "aggressive_shaped_reward",
    "binary_reward",
    "default_shaped_reward",
    "get_reward",
]

Reward = Callable[[UniversalState, UniversalState], float]
"""``reward(previous_state, state) -> float``."""


def default_shaped_reward(previous_state: UniversalState, state: UniversalState) -> float:
    """Damage + healing + 0.5 × (status given − taken) + (knock-outs − losses) ± 100 at the end.

    The first state of a battle has no reward: it counts as 0.
    """
    parts = _parts(previous_state, state)
    return (
        1.0 * (parts.damage + parts.healing)
        + 0.5 * (parts.status_given - parts.status_taken)
        + 1.0 * (parts.knock_outs - parts.losses)
        + 100.0 * _end(state)
    )


def aggressive_shaped_reward(previous_state: UniversalState, state: UniversalState) -> float:
    """Damage + healing + 2 × (knock-outs − losses) + 200 for a win; a defeat costs nothing."""
    parts = _parts(previous_state, state)
    return 1.0 * (parts.damage + parts.healing) + 2.0 * (parts.knock_outs - parts.losses) + 200.0 * max(_end(state), 0)


def binary_reward(previous_state: UniversalState, state: UniversalState) -> float:
    """100 for a win, −100 for a defeat, 0 else."""
    return 100.0 * _end(state)


REWARDS: dict[str, Reward] = {
    "AggressiveShapedReward": aggressive_shaped_reward,
    "BinaryReward": binary_reward,
    "DefaultShapedReward": default_shaped_reward,
}
"""The rewards by metamon's names."""


def get_reward(name: str) -> Reward:
    """A reward by name.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in REWARDS:
        raise InputError(f"unknown reward {name!r}; known: {', '.join(sorted(REWARDS))}")
    return REWARDS[name]


@dataclass(frozen=True, slots=True)
class _Parts:
    damage: float
    healing: float
    status_given: int
    status_taken: int
    knock_outs: int
    losses: int


def _parts(before: UniversalState, after: UniversalState) -> _Parts:
    damage = healing = 0.0
    status_given = status_taken = 0
    opponent, player = after.opponent_active_pokemon, after.player_active_pokemon
    if before.opponent_active_pokemon.base_species == opponent.base_species:
        damage = before.opponent_active_pokemon.hp_pct - opponent.hp_pct
        status_given = _gained_status(before.opponent_active_pokemon, opponent)
    earlier = _own(before, player.base_species)
    if earlier is not None:
        healing = player.hp_pct - earlier.hp_pct
        status_taken = _gained_status(earlier, player)
    return _Parts(
        damage,
        healing,
        status_given,
        status_taken,
        before.opponents_remaining - after.opponents_remaining,
        max(0, len(before.available_switches) - len(after.available_switches)),
    )


def _own(state: UniversalState, base_species: str) -> UniversalPokemon | None:
    if state.player_active_pokemon.base_species == base_species:
        return state.player_active_pokemon
    return next((pokemon for pokemon in state.available_switches if pokemon.base_species == base_species), None)


def _gained_status(before: UniversalPokemon, after: UniversalPokemon) -> int:
    return int(before.status == "nostatus" and after.status != "nostatus")


def _end(state: UniversalState) -> int:
    return int(state.battle_won) - int(state.battle_lost)
