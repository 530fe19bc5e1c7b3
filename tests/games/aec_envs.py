"""Small AEC environments for the tests: each breaks or stretches one assumption."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from pettingzoo import AECEnv


class CountDown(AECEnv):
    """Two agents in turn take 1 or 2 from a heap; every step pays its actor 1 and costs the other 1.

    Whoever takes the last one ends the game. Legal moves are told in ``info``; the heap's size comes from the seed.
    """

    metadata = {"name": "count_down_v0"}  # noqa: RUF012

    def __init__(
        self,
        agents: int = 2,
        skew: float = 0.0,
        actions: Any = None,
        sizes: tuple[int, int] = (2, 2),
        stuck: bool = False,
    ) -> None:
        super().__init__()
        self.possible_agents = [f"player_{i}" for i in range(agents)]
        self.skew, self.stuck = skew, stuck
        self._actions = {
            agent: actions or spaces.Discrete(sizes[min(i, 1)]) for i, agent in enumerate(self.possible_agents)
        }
        self._space = spaces.Dict(
            {"heap": spaces.Box(0, 100, (1,), np.int64), "mine": spaces.MultiBinary(2)},
        )

    def observation_space(self, agent: str) -> Any:
        return self._space

    def action_space(self, agent: str) -> Any:
        return self._actions[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        self.agents = self.possible_agents[:]
        self.heap = int(np.random.default_rng(seed).integers(5, 40))
        if options:
            self.heap = options["heap"]
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.agent_selection = self.agents[0]
        self._tell()

    def _tell(self) -> None:
        mask = np.array([not self.stuck, self.heap > 1 and not self.stuck], np.int8)
        self.infos = {agent: {"action_mask": mask} for agent in self.agents}

    def observe(self, agent: str) -> Any:
        mine = np.array([agent == one for one in self.possible_agents], np.int8)
        return {"heap": np.array([self.heap]), "mine": mine}

    def step(self, action: Any) -> None:
        agent = self.agent_selection
        if self.terminations[agent]:
            self._was_dead_step(action)
            return
        self._cumulative_rewards[agent] = 0.0
        self.heap -= int(action) + 1
        other = self.agents[1 - self.agents.index(agent)]
        self.rewards = {agent: 1.0 + self.skew, other: -1.0}
        if self.heap <= 0:
            self.terminations = dict.fromkeys(self.agents, True)
        self.agent_selection = other
        self._accumulate_rewards()
        self._tell()

    def close(self) -> None:
        self.closed = True


count_down = CountDown


class ImageOfTuples(CountDown):
    """Its observations are no arrays."""

    def observation_space(self, agent: str) -> Any:
        return spaces.Tuple([spaces.Discrete(2)])


class Lopsided(CountDown):
    """The two agents see different things."""

    def observation_space(self, agent: str) -> Any:
        return spaces.Discrete(2 if agent == "player_0" else 3)
