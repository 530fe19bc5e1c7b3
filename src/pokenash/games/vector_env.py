"""One lane of a `VectorGame` as a PettingZoo environment, in AEC and in parallel form."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from pettingzoo import AECEnv, ParallelEnv

from pokenash.errors import IllegalActionError, InputError
from pokenash.games.core import Decisions, EpisodeResult, EpisodeSetup, Game, VectorGame

__all__ = ["SingleLane", "VectorGameEnv", "VectorGameParallelEnv"]

_TRUNCATIONS = ("truncated", "turn limit")


class SingleLane:
    """One episode at a time of a `Game`, with choices held until everybody who owes one has chosen.

    Parameters
    ----------
    game : Game
    seed : int or None
        Seeds the stream of episodes until `reset` is given a seed; None takes one from the operating system.

    Attributes
    ----------
    owes : list of int
        Players who owe a decision, in the order in which they are asked.
    result : EpisodeResult or None
        How the episode ended, once it has.
    actions : tuple of list of int
        What both players have chosen so far, choices that are still held left out.
    """

    extra_actions: tuple[int, ...] = ()
    """Actions outside the mask which are always legal (a forfeit)."""

    def __init__(self, game: Game, *, seed: int | None = None) -> None:
        self.game = game
        self.owes: list[int] = []
        self.result: EpisodeResult | None = None
        self.actions: tuple[list[int], list[int]] = ([], [])
        self._rng = _generator(seed)
        self._vector: VectorGame | None = None
        self._episode = -1
        self._rows: list[int] = []
        self._held: dict[int, int] = {}
        self._observations: list[Any] = [None, None]
        self._masks = np.zeros((2, game.num_actions), np.int8)

    def reset(self, seed: int | None, options: dict[str, Any] | None) -> None:
        """Begin the next episode; a seed begins a new stream of episodes, its absence goes on with the last."""
        if seed is not None:
            self._rng = _generator(seed)
        if self._vector is None:
            self._vector = self.game.vector(1)
        self._episode += 1
        drawn = self.game.sample_options(self._rng)
        episode_seed = int(self._rng.integers(2**64, dtype=np.uint64))
        zero = _zero(self.game.observation_space)
        self._observations = [zero, zero]
        self.result = None
        self.actions = ([], [])
        self._take(*self._vector.start([self.setup(episode_seed, {**drawn, **(options or {})})]))

    def setup(self, seed: int, options: dict[str, Any]) -> EpisodeSetup:
        """The next episode; a game with settings of its own overrides it."""
        return EpisodeSetup(self._episode, seed, options)

    def observe(self, player: int) -> dict[str, Any]:
        """What `player` last saw when it was asked, and its mask: all zeros while it owes nothing."""
        return {"observation": self._observations[player], "action_mask": self._masks[player].copy()}

    def info(self, player: int) -> dict[str, Any]:
        """The info of `player`; at the end with the reason and the game's own figures."""
        return {} if self.result is None else {"reason": self.result.reason, **self.result.info}

    def check(self, player: int, action: Any) -> int:
        """The action as an int.

        Raises
        ------
        IllegalActionError
            If it is not legal now for this player.
        InputError
            If it is no integer.
        """
        if not isinstance(action, int | np.integer):
            raise InputError(f"an action is an integer, not {action!r}")
        number, mask = int(action), self._masks[player]
        if number not in self.extra_actions and not (0 <= number < len(mask) and mask[number]):
            raise IllegalActionError(f"player_{player}", number, [int(a) for a in np.flatnonzero(mask)])
        return number

    def choose(self, player: int, action: Any) -> None:
        """Hold the choice of a player who owes one; the last choice resolves all of them.

        Raises
        ------
        IllegalActionError
            If the action is not legal now. Nothing has changed.
        """
        self._held[player] = self.check(player, action)
        self.owes.remove(player)
        self._masks[player] = 0
        if not self.owes:
            assert self._vector is not None
            chosen = [self._held[row] for row in self._rows]
            for row, made in zip(self._rows, chosen, strict=True):
                self.actions[row].append(made)
            self._take(*self._vector.step(np.array(chosen, np.int64)))

    @property
    def held(self) -> dict[int, int]:
        """Choices, by player, that are being held until the other player has chosen too."""
        return self._held

    def close(self) -> None:
        """Release the game's processes. `reset` starts them again."""
        if self._vector is not None:
            self._vector.close()
            self._vector = None

    def _take(self, decisions: Decisions, results: list[EpisodeResult]) -> None:
        self._held = {}
        self._masks[:] = 0
        self._rows = [int(player) for player in decisions.player]
        self.owes = sorted(self._rows)
        for row, player in enumerate(self._rows):
            self._observations[player] = _row(decisions.observation, row)
            self._masks[player] = decisions.action_mask[row]
        if results:
            self.result = results[0]
        self.received(decisions)

    def received(self, decisions: Decisions) -> None:
        """Called with every new set of rows, and at the end; for games that read more out of them."""


class VectorGameEnv(AECEnv):  # type: ignore[misc]  # PettingZoo carries no type information
    """One lane of any `VectorGame` as a PettingZoo AEC environment.

    Agents are ``player_0`` and ``player_1``. `agent_selection` visits only players who owe a decision. Where both
    owe one, the first choice is held, the second player's observation is from before it, and rewards are given
    when the last choice resolves. Observations are ``{"observation": ..., "action_mask": int8 [A]}``; for an agent
    who owes nothing, and after the end, it is the latest that it was asked with, and its mask is all zeros.

    An action that the mask forbids raises `IllegalActionError` and leaves the environment as it was.

    Parameters
    ----------
    lane : SingleLane or Game
        What is played.
    render_mode : str or None
        For subclasses that render.
    """

    metadata: ClassVar[dict[str, Any]] = {"name": "vector_game", "render_modes": [], "is_parallelizable": False}

    def __init__(self, lane: SingleLane | Game, *, render_mode: str | None = None) -> None:
        super().__init__()
        self.lane = lane if isinstance(lane, SingleLane) else SingleLane(lane)
        self.render_mode = render_mode
        self.possible_agents = ["player_0", "player_1"]
        self.agents: list[str] = []
        self.observation_spaces: dict[str, gymnasium.Space[Any]] = {
            agent: _space(self.lane.game) for agent in self.possible_agents
        }
        self.action_spaces: dict[str, gymnasium.Space[Any]] = {
            agent: spaces.Discrete(self.lane.game.num_actions) for agent in self.possible_agents
        }

    def observation_space(self, agent: str) -> gymnasium.Space[Any]:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> gymnasium.Space[Any]:
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Begin the next episode; without a seed the stream of episodes goes on from the last one given."""
        self.lane.reset(seed, options)
        self.agents = self.possible_agents[:]
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self._skip_agent_selection = None
        self._after_choice()

    def observe(self, agent: str) -> dict[str, Any]:
        return self.lane.observe(self.possible_agents.index(agent))

    def step(self, action: Any) -> None:
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            return
        self.lane.choose(self.possible_agents.index(agent), action)
        self._clear_rewards()
        self._cumulative_rewards[agent] = 0.0
        self._after_choice()

    def close(self) -> None:
        self.lane.close()

    def render(self) -> Any:
        """Nothing; subclasses that can render override it."""
        return None

    def _after_choice(self) -> None:
        """Bring the agents' dicts up to date with the lane."""
        result = self.lane.result
        self.infos = {agent: self.lane.info(i) for i, agent in enumerate(self.possible_agents)}
        if result is None:
            self.agent_selection = self.possible_agents[self.lane.owes[0]]
            return
        for player, agent in enumerate(self.possible_agents):
            self.rewards[agent] = result.returns[player]
            self.truncations[agent] = result.reason in _TRUNCATIONS
            self.terminations[agent] = not self.truncations[agent]
        self._accumulate_rewards()
        self.agent_selection = self.possible_agents[0]


class VectorGameParallelEnv(ParallelEnv):  # type: ignore[misc]
    """One lane of any `VectorGame` as a PettingZoo parallel environment.

    Both agents are there at every step until the end. One who owes no decision has a mask of all zeros; whatever
    it is given as its action (sampling with that mask gives 0) is ignored, and it may be left out.

    An action that the mask forbids raises `IllegalActionError` and leaves the environment as it was.

    Parameters
    ----------
    lane : SingleLane or Game
        What is played.
    render_mode : str or None
        For subclasses that render.
    """

    metadata: ClassVar[dict[str, Any]] = {"name": "vector_game", "render_modes": []}

    def __init__(self, lane: SingleLane | Game, *, render_mode: str | None = None) -> None:
        self.lane = lane if isinstance(lane, SingleLane) else SingleLane(lane)
        self.render_mode = render_mode
        self.possible_agents = ["player_0", "player_1"]
        self.agents: list[str] = []
        self.observation_spaces: dict[str, gymnasium.Space[Any]] = {
            agent: _space(self.lane.game) for agent in self.possible_agents
        }
        self.action_spaces: dict[str, gymnasium.Space[Any]] = {
            agent: spaces.Discrete(self.lane.game.num_actions) for agent in self.possible_agents
        }

    def observation_space(self, agent: str) -> gymnasium.Space[Any]:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> gymnasium.Space[Any]:
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Begin the next episode; without a seed the stream of episodes goes on from the last one given."""
        self.lane.reset(seed, options)
        self.agents = self.possible_agents[:]
        return self._observations(), self._infos()

    def step(
        self, actions: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        choices: dict[int, int] = {}
        for player in self.lane.owes:
            agent = self.possible_agents[player]
            if agent not in actions:
                raise InputError(f"{agent} owes a decision and was given no action")
            choices[player] = self.lane.check(player, actions[agent])
        for player, action in choices.items():
            self.lane.choose(player, action)
        result = self.lane.result
        returns = (0.0, 0.0) if result is None else result.returns
        truncated = result is not None and result.reason in _TRUNCATIONS
        rewards = dict(zip(self.agents, returns, strict=True))
        terminations = dict.fromkeys(self.agents, result is not None and not truncated)
        truncations = dict.fromkeys(self.agents, truncated)
        observations, infos = self._observations(), self._infos()
        if result is not None:
            self.agents = []
        return observations, rewards, terminations, truncations, infos

    def render(self) -> Any:
        """Nothing; subclasses that can render override it."""
        return None

    def close(self) -> None:
        self.lane.close()

    def _observations(self) -> dict[str, Any]:
        return {agent: self.lane.observe(player) for player, agent in enumerate(self.possible_agents)}

    def _infos(self) -> dict[str, dict[str, Any]]:
        return {agent: self.lane.info(player) for player, agent in enumerate(self.possible_agents)}


def _generator(seed: int | None) -> np.random.Generator:
    if seed is not None and (not isinstance(seed, int | np.integer) or seed < 0):
        raise InputError(f"a seed is a non-negative integer, not {seed!r}")
    return np.random.default_rng(seed)


def _space(game: Game) -> spaces.Dict:
    mask = spaces.Box(0, 1, (game.num_actions,), np.int8)
    return spaces.Dict({"observation": game.observation_space, "action_mask": mask})


def _row(observation: Any, row: int) -> Any:
    """A copy of one row: the vector game may write over its arrays at the next step."""
    if isinstance(observation, dict):
        return {name: value[row].copy() for name, value in observation.items()}
    return np.array(observation[row])


def _zero(space: gymnasium.Space[Any]) -> Any:
    """What a player has seen before it is first asked: nothing."""
    if isinstance(space, spaces.Dict):
        return {name: np.zeros(part.shape or (), part.dtype) for name, part in space.spaces.items()}
    zero: NDArray[Any] = np.zeros(space.shape or (), space.dtype)
    return zero
