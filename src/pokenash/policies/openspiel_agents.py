"""OpenSpiel's own agents on any of our games: an environment that they can play, and a policy made of them.

OpenSpiel's agents (``open_spiel.python.pytorch.dqn.DQN``, ``nfsp.NFSP``, ...) take the time steps of its
``rl_environment``. `RLEnvironment` gives them those of any `Game`, Showdown included; `AgentPolicy` lets agents that
have learned be measured like every other policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from open_spiel.python.rl_environment import StepType, TimeStep

from pokenash.errors import InputError, SimulatorError
from pokenash.games.core import Decisions, Game, Observation
from pokenash.games.vector_env import SingleLane
from pokenash.policies.core import DecisionRandom, Policy, sample_actions

__all__ = ["AgentPolicy", "RLEnvironment"]


class RLEnvironment:
    """A game with the interface of OpenSpiel's ``rl_environment.Environment``, in turn-based form.

    Where both players owe a decision, player 0 is asked first, its choice is held, and player 1 is shown what it
    knew before it. What agents call ``info_state`` is the observation as one list of numbers; of a player who owes
    nothing, the one it was asked with last.

    Parameters
    ----------
    game : Game
    seed : int, optional
        Of the stream of episodes; None takes one from the operating system.
    arrays : sequence of str, optional
        Which arrays of an observation that is a dict are shown, in this order; by default all of them. Showdown's
        ids are numbers without an order, so that for a plain network ``("pokemon", "moves", "global")`` is the choice.

    Raises
    ------
    InputError
        If the observation has no such array.
    """

    num_players = 2
    num_actions_per_step = 1
    is_turn_based = True

    def __init__(self, game: Game, *, seed: int | None = None, arrays: Sequence[str] | None = None) -> None:
        self.name = game.name
        self._num_actions = game.num_actions
        self._lane = SingleLane(game, seed=seed)
        self._seed: int | None = None
        self._arrays = _check_arrays(game, arrays)
        self._size = sum(int(np.prod(part.shape or ())) for part in _parts(game, self._arrays))
        self._should_reset = True

    def observation_spec(self) -> dict[str, tuple[int, ...]]:
        """Shapes, as OpenSpiel's agents ask for them."""
        return {
            "info_state": (self._size,),
            "legal_actions": (self._num_actions,),
            "current_player": (),
            "serialized_state": (),
        }

    def action_spec(self) -> dict[str, Any]:
        """Numbers of actions, as OpenSpiel's agents ask for them."""
        return {"num_actions": self._num_actions, "min": 0, "max": self._num_actions - 1, "dtype": int}

    def seed(self, seed: int | None = None) -> None:
        """Begin a new stream of episodes with the next reset."""
        self._seed = seed

    def reset(self) -> Any:
        """Begin the next episode; its first ``TimeStep``."""
        self._lane.reset(self._seed, None)
        self._seed = None
        self._should_reset = False
        if self._lane.result is not None:
            return self.get_time_step()
        return TimeStep(observations=self._observations(), rewards=None, discounts=None, step_type=StepType.FIRST)

    def step(self, actions: Sequence[int]) -> Any:
        """Play the action of the current player; after the end, begin the next episode instead.

        Parameters
        ----------
        actions : sequence of int
            One action, ``[1]``.

        Returns
        -------
        open_spiel.python.rl_environment.TimeStep

        Raises
        ------
        IllegalActionError
            If the action is not legal. Nothing has changed.
        InputError
            If there is not exactly one.
        """
        if len(actions) != 1:
            raise InputError(f"expected one action, that of the current player, got {len(actions)}")
        if self._should_reset:
            return self.reset()
        self._lane.choose(self._lane.owes[0], actions[0])
        return self.get_time_step()

    def get_time_step(self) -> Any:
        """The current ``TimeStep``; rewards are 0 until the end."""
        result = self._lane.result
        if result is not None and result.reason == "error":
            raise SimulatorError(f"an episode of {self.name} failed: {dict(result.info)}")
        self._should_reset = result is not None
        rewards = [0.0, 0.0] if result is None else list(result.returns)
        discount, kind = (1.0, StepType.MID) if result is None else (0.0, StepType.LAST)
        return TimeStep(self._observations(), rewards, [discount, discount], kind)

    def close(self) -> None:
        """Release the game's processes. `reset` starts them again."""
        self._lane.close()

    def _observations(self) -> dict[str, Any]:
        seen = [self._lane.observe(player) for player in (0, 1)]
        current = self._lane.owes[0] if self._lane.owes else _TERMINAL
        return {
            "info_state": [_flat(one["observation"], self._arrays, batched=False).tolist() for one in seen],
            # Whoever has chosen already, or waits, owes nothing.
            "legal_actions": [np.flatnonzero(one["action_mask"]).tolist() for one in seen],
            "current_player": current,
            "serialized_state": [],
        }


# pyspiel.PlayerId.TERMINAL, which OpenSpiel's environments give as the current player after the end.
_TERMINAL = -4


class AgentPolicy(Policy):
    """Agents of OpenSpiel, one for each seat, as one policy that can play in the arena and be measured.

    They are asked with ``is_evaluation=True``, row by row, and do not learn. An NFSP agent answers in the mode in
    which it is: ask within ``agent.temp_mode_as(MODE.AVERAGE_POLICY)``.

    Parameters
    ----------
    agents : sequence of two agents
        For player 0 and player 1; one that is None cannot be asked.
    arrays : sequence of str, optional
        As the agents' `RLEnvironment` had it.
    """

    def __init__(self, agents: Sequence[Any], *, arrays: Sequence[str] | None = None) -> None:
        if len(agents) != 2:
            raise InputError(f"expected one agent for each of the two seats, got {len(agents)}")
        self.agents = tuple(agents)
        self._arrays = None if arrays is None else tuple(arrays)

    def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        return sample_actions(self.action_probabilities(decisions, memory), rng.uniform(decisions)[:, 0])

    def action_probabilities(self, decisions: Decisions, memory: Any) -> NDArray[np.float64]:
        """What the agents say they would do, ``[B, A]``."""
        states = _flat(decisions.observation, self._arrays, batched=True)
        probabilities = np.zeros(decisions.action_mask.shape)
        for row, (player, mask) in enumerate(zip(decisions.player.tolist(), decisions.action_mask, strict=True)):
            agent = self.agents[player]
            if agent is None:
                raise InputError(f"there is no agent for player {player}")
            legal: list[list[int]] = [[], []]
            legal[player] = np.flatnonzero(mask).tolist()
            shown = {
                "info_state": [states[row].tolist()] * 2,
                "legal_actions": legal,
                "current_player": player,
                "serialized_state": [],
            }
            answer = agent.step(TimeStep(shown, [0.0, 0.0], [1.0, 1.0], StepType.MID), is_evaluation=True)
            probabilities[row] = np.asarray(answer.probs, np.float64) * mask
        normalised: NDArray[np.float64] = probabilities / probabilities.sum(axis=1, keepdims=True)
        return normalised


def _check_arrays(game: Game, arrays: Sequence[str] | None) -> tuple[str, ...] | None:
    space = game.observation_space
    known = list(space.spaces) if isinstance(space, spaces.Dict) else []
    unknown = [name for name in arrays or () if name not in known]
    if unknown:
        raise InputError(f"the observation of {game.name} has no arrays {unknown}; it has {known or 'one, unnamed'}")
    return None if arrays is None else tuple(arrays)


def _parts(game: Game, arrays: tuple[str, ...] | None) -> list[Any]:
    space = game.observation_space
    return [space[name] for name in arrays or space.spaces] if isinstance(space, spaces.Dict) else [space]


def _flat(observation: Observation, arrays: tuple[str, ...] | None, *, batched: bool) -> NDArray[np.float32]:
    """The observation as one row of numbers, ``[D]``, or one for each row, ``[B, D]``."""
    parts = [observation[name] for name in arrays or observation] if isinstance(observation, dict) else [observation]
    if not batched:
        return np.concatenate([np.asarray(part, np.float32).reshape(-1) for part in parts])
    return np.concatenate([np.asarray(part, np.float32).reshape(len(part), -1) for part in parts], axis=1)
