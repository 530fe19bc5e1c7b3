"""Any two-player zero-sum PettingZoo AEC environment as a `Game`.

The other direction, one lane of a `VectorGame` as an AEC environment, is in `pokenash.games.vector_env`.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from pettingzoo import AECEnv

from pokenash.errors import IllegalActionError, InputError
from pokenash.games.core import Decisions, EpisodeResult, EpisodeSetup, Game, Observation, no_decisions
from pokenash.games.lanes import LaneVectorGame

__all__ = ["AECGame", "AECVectorGame"]

# PettingZoo carries no type information.
Env = Any

# Environments seed NumPy's legacy generators and C libraries too; all of them take a non-negative 31-bit seed.
_SEED_RANGE = 2**31
# Rewards are summed in double precision over at most some thousand steps; real defects are of the order of 1.
_ZERO_SUM_TOLERANCE = 1e-6
_ARRAY_SPACES = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)


class AECGame(Game):
    """A two-player zero-sum PettingZoo AEC environment as a `Game`.

    Parameters
    ----------
    env : str or callable
        What makes the environment: ``"module:callable"``, such as ``"pettingzoo.classic.tictactoe_v3:env"``, or
        the callable itself. Only a callable that can be named so has a `config`.
    **kwargs
        Passed to the callable.

    Raises
    ------
    InputError
        If there are not exactly two agents, their spaces differ, actions are not ``Discrete`` from 0, or
        observations are not arrays (or flat dicts of arrays).

    Notes
    -----
    Legal actions come from ``observation["action_mask"]`` or ``info["action_mask"]``; without either all are legal.
    Rows come in the order in which the environment asks its agents; a simultaneous-move game in AEC form (such as
    ``rps_v2``) asks the second player before the first choice shows, and so do the rows.
    ``reset`` is given the episode's seed modulo 2**31, and the episode's options if there are any.
    """

    def __init__(self, env: str | Callable[..., Env], /, **kwargs: Any) -> None:
        self._factory = _resolve(env) if isinstance(env, str) else env
        self._env_name = env if isinstance(env, str) else _importable_name(env)
        self._kwargs = kwargs
        probe = self.make_env()
        try:
            self.agents = _two_agents(probe)
            self.num_actions = _num_actions(probe, self.agents)
            self.observation_space = _observation_space(probe, self.agents)
            self.name = str(getattr(probe, "metadata", {}).get("name", self._env_name or "aec"))
        finally:
            probe.close()

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> AECGame:
        """Make the game that `config` describes."""
        return cls(config["env"], **config.get("kwargs", {}))

    def config(self) -> dict[str, Any]:
        """JSON-able description.

        Raises
        ------
        InputError
            If the environment's callable cannot be imported by a name, or its arguments are not JSON.
        """
        if self._env_name is None:
            raise InputError(
                f"{self._factory!r} cannot be imported by name, so this game cannot be written down: "
                'define it at the top of a module and pass "module:callable"'
            )
        try:
            kwargs = json.loads(json.dumps(self._kwargs))
        except (TypeError, ValueError) as error:
            raise InputError(f"the arguments of {self._env_name} are not JSON: {error}") from error
        return {"game": "aec", "env": self._env_name, "kwargs": kwargs}

    def make_env(self) -> Env:
        """A new environment, not yet reset."""
        return self._factory(**self._kwargs)

    def vector(self, num_lanes: int, num_workers: int = 1) -> AECVectorGame:
        """Make a `VectorGame` whose lanes are stepped in turn in this process (`num_workers` has no effect)."""
        return AECVectorGame(self, num_lanes)


class AECVectorGame(LaneVectorGame["_Lane"]):
    """Many episodes of an AEC environment, one environment per lane, stepped in turn.

    Parameters
    ----------
    game : AECGame
    num_lanes : int
        At least 1.
    """

    def __init__(self, game: AECGame, num_lanes: int) -> None:
        super().__init__(lambda: _Lane(game.make_env(), game), num_lanes)
        self.num_actions = game.num_actions
        self.observation_space = game.observation_space

    def close(self) -> None:
        for lane in self._lanes:
            lane.env.close()

    def _decisions(self, lanes: list[_Lane]) -> Decisions:
        if not lanes:
            return no_decisions(self.num_actions, _batched_zero(self.observation_space))
        observation = _stack([lane.observation for lane in lanes], self.observation_space)
        return Decisions(*self._keys(lanes), observation, np.stack([lane.mask for lane in lanes]))


class _Lane:
    """One environment with the episode that it is playing and the decision that is open in it."""

    setup: EpisodeSetup
    player: int
    observation: Any
    mask: NDArray[np.bool_]

    def __init__(self, env: Env, game: AECGame) -> None:
        self.env = env
        self._game = game
        self.returns = [0.0, 0.0]
        self.decisions = [0, 0]
        self._truncated = False

    def reset(self, setup: EpisodeSetup) -> EpisodeResult | None:
        self.setup = setup
        self.returns = [0.0, 0.0]
        self.decisions = [0, 0]
        self._truncated = False
        self.env.reset(seed=setup.seed % _SEED_RANGE, options=dict(setup.options) or None)
        return self._to_next_decision()

    def check(self, action: int) -> None:
        if not (0 <= action < len(self.mask) and self.mask[action]):
            raise IllegalActionError(
                str(self._game.agents[self.player]), action, [int(a) for a in np.flatnonzero(self.mask)]
            )

    def step(self, action: int) -> EpisodeResult | None:
        self.decisions[self.player] += 1
        self.env.step(action)
        return self._to_next_decision()

    def _to_next_decision(self) -> EpisodeResult | None:
        """Step agents that are done, gathering rewards as `last` reports them; the result if all are done.

        `last` gives an agent's rewards since it acted before, and every agent is selected once more after the end,
        so its sum is the return whatever the environment leaves in ``rewards`` between steps.
        """
        env = self.env
        while env.agents:
            agent = env.agent_selection
            player = self._game.agents.index(agent)
            _, reward, terminated, truncated, info = env.last(observe=False)
            self.returns[player] += float(reward)
            self._truncated |= bool(truncated) and not terminated
            if not (terminated or truncated):
                self.player = player
                self._observe(agent, info)
                return None
            env.step(None)
        return self._result()

    def _observe(self, agent: Any, info: Mapping[str, Any]) -> None:
        observation = self.env.observe(agent)
        mask = info.get("action_mask")
        if isinstance(observation, dict) and "action_mask" in observation:
            mask = observation["action_mask"]
            observation = {name: value for name, value in observation.items() if name != "action_mask"}
            if set(observation) == {"observation"}:
                observation = observation["observation"]
        self.observation = observation
        self.mask = np.zeros(self._game.num_actions, np.bool_)
        own = int(self.env.action_space(agent).n)
        self.mask[:own] = True if mask is None else np.asarray(mask).astype(np.bool_)
        if not self.mask.any():
            raise InputError(f"{self._game.name} asks {agent} for an action and allows none")

    def _result(self) -> EpisodeResult:
        first, second = self.returns
        if abs(first + second) > _ZERO_SUM_TOLERANCE * max(1.0, abs(first)):
            raise InputError(
                f"{self._game.name} is not zero-sum: the returns of episode {self.setup.episode} "
                f"(seed {self.setup.seed}) are {first} and {second}; pokenash plays zero-sum games only"
            )
        reason = "truncated" if self._truncated else "tie" if first == second else "win"
        setup = self.setup
        return EpisodeResult(setup.episode, setup.seed, setup.options, (first, second), sum(self.decisions), reason)


def _resolve(name: str) -> Callable[..., Env]:
    module_name, _, attribute = name.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f'the environment {name!r} cannot be imported as "module:callable": {error}') from error
    if not callable(found):
        raise InputError(f"{name!r} is not callable; expected what makes a PettingZoo AEC environment")
    factory: Callable[..., Env] = found
    return factory


def _importable_name(factory: Callable[..., Env]) -> str | None:
    """`"module:callable"` of a callable, or None if that name does not lead back to it."""
    name = f"{getattr(factory, '__module__', '')}:{getattr(factory, '__qualname__', '')}"
    try:
        return name if _resolve(name) is factory else None
    except InputError:
        return None


def _two_agents(env: Env) -> list[Any]:
    if not isinstance(env, AECEnv):
        raise InputError(f"expected a PettingZoo AEC environment, got {type(env).__name__}")
    agents = list(env.possible_agents)
    if len(agents) != 2:
        raise InputError(f"{env} has {len(agents)} agents; pokenash plays games of exactly two")
    return agents


def _num_actions(env: Env, agents: list[Any]) -> int:
    for agent in agents:
        space = env.action_space(agent)
        if not isinstance(space, spaces.Discrete) or space.start != 0:
            raise InputError(f"the actions of {agent} in {env} are {space}; expected Discrete, counted from 0")
    return max(int(env.action_space(agent).n) for agent in agents)


def _observation_space(env: Env, agents: list[Any]) -> gymnasium.Space[Any]:
    first, second = (_without_mask(env.observation_space(agent)) for agent in agents)
    if first != second:
        raise InputError(f"the two agents of {env} have different observation spaces: {first} and {second}")
    parts = first.values() if isinstance(first, spaces.Dict) else [first]
    if not all(isinstance(part, _ARRAY_SPACES) for part in parts):
        raise InputError(f"the observations of {env} are {first}; expected an array or a flat dict of arrays")
    return first


def _without_mask(space: gymnasium.Space[Any]) -> gymnasium.Space[Any]:
    if not (isinstance(space, spaces.Dict) and "action_mask" in space.spaces):
        return space
    parts = {name: part for name, part in space.spaces.items() if name != "action_mask"}
    return parts["observation"] if set(parts) == {"observation"} else spaces.Dict(parts)


def _stack(observations: list[Any], space: gymnasium.Space[Any]) -> Observation:
    if isinstance(space, spaces.Dict):
        return {
            name: np.stack([np.asarray(one[name], part.dtype) for one in observations])
            for name, part in space.spaces.items()
        }
    return np.stack([np.asarray(one, space.dtype) for one in observations])


def _batched_zero(space: gymnasium.Space[Any]) -> Observation:
    """One row of zeros in the shapes of a space."""
    if isinstance(space, spaces.Dict):
        return {name: np.zeros((1, *(part.shape or ())), part.dtype) for name, part in space.spaces.items()}
    return np.zeros((1, *(space.shape or ())), space.dtype)
