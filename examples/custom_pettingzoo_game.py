"""A game of one's own, written for PettingZoo and solved by PSRO: Dresher's inspection game, whose value is known.

    python examples/custom_pettingzoo_game.py
    python examples/custom_pettingzoo_game.py --periods 3 --inspections 1 --iterations 8

A treaty lasts some periods, and the inspector may inspect in a few of them. In each period the violator decides whether
to break the treaty and the inspector whether to look, neither knowing the other's choice. A violation that is seen is
worth +1 to the inspector and one that is not seen -1; either ends the game. A treaty that is kept is worth 0. With n
periods and m inspections the value to the inspector is -C(n - 1, m) / (C(n, 0) + ... + C(n, m)) (M. Dresher, *A
Sampling Inspection Problem in Arms Control Agreements*, RAND RM-2972, 1962).

Nothing is written for pokenash but the environment: best responses are learned by playing it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import Any, ClassVar

import numpy as np
import tyro
from gymnasium import spaces
from numpy.typing import NDArray
from pettingzoo import AECEnv

from pokenash import PSRO, PolicySpec
from pokenash.algorithms import PSROIteration, approximate_exploitability, tabular_attempts
from pokenash.algorithms.oracles import TabularOracle, TabularOracleSettings
from pokenash.games import AECGame

INSPECTOR, VIOLATOR = "player_0", "player_1"
ACT = 1
"""Inspect, or violate; the other action is to wait."""


@dataclass
class Settings:
    """Which game, and how long."""

    periods: int = 4
    """of the treaty"""
    inspections: int = 2
    """that the inspector may make"""
    iterations: int = 14
    """best responses to train"""
    games: int = 4000
    """that each of them learns from; also played against the mixture at the end"""
    seed: int = 1
    """of everything"""


class InspectionGame(AECEnv[str, dict[str, NDArray[Any]], int]):
    """Both choose in every period; the first choice is held until the second is made, so that it shows to nobody.

    Observations are the periods and the inspections that are left.
    """

    metadata: ClassVar[dict[str, Any]] = {"name": "inspection_game", "render_modes": []}

    def __init__(self, periods: int = 4, inspections: int = 2) -> None:
        if not 0 <= inspections < periods:
            raise ValueError(f"expected 0 <= inspections < periods, got {inspections} and {periods}")
        super().__init__()
        self.possible_agents = [INSPECTOR, VIOLATOR]
        self._length = (periods, inspections)
        observation = spaces.Box(0, periods, (2,), np.float32)
        legal = spaces.Box(0, 1, (2,), np.int8)
        parts: dict[str, spaces.Space[Any]] = {"observation": observation, "action_mask": legal}
        self.observation_spaces = {agent: spaces.Dict(parts) for agent in self.possible_agents}
        self.action_spaces = {agent: spaces.Discrete(2) for agent in self.possible_agents}

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """The same for both."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Discrete:
        """To wait (0) or to act (1)."""
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Begin. Nothing is drawn by lot."""
        self.agents = list(self.possible_agents)
        self.agent_selection = INSPECTOR
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos: dict[str, dict[str, Any]] = {agent: {} for agent in self.agents}
        self._periods, self._inspections = self._length
        self._inspects = False

    def observe(self, agent: str) -> dict[str, NDArray[Any]]:
        """What both know, and what the agent may do."""
        may_act = agent == VIOLATOR or self._inspections > 0
        return {
            "observation": np.array([self._periods, self._inspections], np.float32),
            "action_mask": np.array([1, may_act], np.int8),
        }

    def step(self, action: int | None) -> None:
        """One player's choice; the period is over with the violator's."""
        agent = self.agent_selection
        if self.terminations[agent]:
            self._was_dead_step(action)
            return
        self._cumulative_rewards[agent] = 0.0
        self._clear_rewards()
        if agent == INSPECTOR:
            self._inspects = action == ACT
            self.agent_selection = VIOLATOR
        else:
            self._end_period(violates=action == ACT)
            self.agent_selection = INSPECTOR
        self._accumulate_rewards()

    def _end_period(self, *, violates: bool) -> None:
        self._periods -= 1
        self._inspections -= self._inspects
        if violates:
            self.rewards[INSPECTOR] = 1.0 if self._inspects else -1.0
            self.rewards[VIOLATOR] = -self.rewards[INSPECTOR]
        if violates or self._periods == 0:
            self.terminations = dict.fromkeys(self.agents, True)


def value(periods: int, inspections: int) -> float:
    """What the inspector expects if both play as well as can be."""
    return -comb(periods - 1, inspections) / sum(comb(periods, k) for k in range(inspections + 1))


def restricted_value(state: PSROIteration) -> float:
    """The same where both are held to the population."""
    inspector, violator = state.meta_strategy
    tallies = state.game.tallies
    return float(inspector @ (tallies @ state.game.outcomes / tallies.sum(axis=2)) @ violator)


def main(settings: Settings) -> None:
    """Solve the game, and compare."""
    game = AECGame(InspectionGame, periods=settings.periods, inspections=settings.inspections)
    oracle = TabularOracle(TabularOracleSettings(games=settings.games, games_per_round=settings.games // 4))
    uniform = PolicySpec("uniform", "uniform")
    # The seats differ, so each has a meta-strategy of its own.
    numbers = {"iterations": settings.iterations, "battles_per_matchup": 50, "evaluation_battles": 100}
    psro = PSRO(game, [uniform], oracle, symmetric=False, seed=settings.seed, **numbers)
    exact = value(settings.periods, settings.inspections)
    with psro:
        for state in psro.states():
            print(f"{len(state.population):2d} policies: value {restricted_value(state):+.3f}, exact {exact:+.3f}")
        found = approximate_exploitability(
            game, state.mixture(), tabular_attempts([settings.games]), report_games=settings.games, seed=settings.seed
        )
    worst, best = -found.best_response_return.by_seat[1], found.best_response_return.by_seat[0]
    print(f"on {settings.games} fresh games against best responses that were learned to the final mixtures:")
    print(
        f"  its inspector keeps {worst:+.3f} and its violator leaves {best:+.3f}; at the equilibrium both {exact:+.3f}"
    )


if __name__ == "__main__":
    main(tyro.cli(Settings))
