"""Many episodes of an OpenSpiel game at a time, each a state that OpenSpiel steps."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from pokenash.errors import IllegalActionError
from pokenash.games.core import Decisions, EpisodeResult, EpisodeSetup, no_decisions
from pokenash.games.lanes import LaneVectorGame
from pokenash.games.openspiel.chance import chance_uniform, thresholds
from pokenash.games.openspiel.loading import Perspective, SpielGame, SpielState
from pokenash.games.openspiel.results import first_return, result_of

__all__ = ["StateVectorGame"]

# Chance events are mostly few; their random numbers are drawn by the block.
_BLOCK = 8


class StateVectorGame(LaneVectorGame["_Lane"]):
    """Episodes that are stepped one after the other, for games of any size.

    Parameters
    ----------
    game : pyspiel.Game
        Turn-based.
    perspective : Perspective
    num_lanes : int
        At least 1.
    observation_space : gymnasium.Space
    """

    def __init__(
        self, game: SpielGame, perspective: Perspective, num_lanes: int, observation_space: gymnasium.Space[Any]
    ) -> None:
        super().__init__(lambda: _Lane(game), num_lanes)
        self.num_actions = int(game.num_distinct_actions())
        self.observation_space = observation_space
        self._perspective = perspective

    def _decisions(self, lanes: list[_Lane]) -> Decisions:
        if not lanes:
            return no_decisions(self.num_actions, np.zeros((1, self._perspective.size), np.float32))
        mask = np.zeros((len(lanes), self.num_actions), np.bool_)
        for row, lane in enumerate(lanes):
            mask[row, lane.legal] = True
        text = None
        if any(lane.setup.text[lane.player] for lane in lanes):
            told = (lane.setup.text[lane.player] for lane in lanes)
            text = [self._perspective.string(lane.state) if t else "" for lane, t in zip(lanes, told, strict=True)]
        observation = np.stack([self._perspective.tensor(lane.state) for lane in lanes])
        return Decisions(*self._keys(lanes), observation, mask, text)


class _Lane:
    """One episode."""

    setup: EpisodeSetup
    state: SpielState
    player: int
    legal: list[int]

    def __init__(self, game: SpielGame) -> None:
        self._game = game
        self.decisions = [0, 0]
        self._events = 0
        self._uniform: list[float] = []

    def reset(self, setup: EpisodeSetup) -> EpisodeResult | None:
        self.setup = setup
        self.state = self._game.new_initial_state()
        self.decisions = [0, 0]
        self._events = 0
        self._uniform = []
        return self._settle()

    def check(self, action: int) -> None:
        if action not in self.legal:
            raise IllegalActionError(f"player_{self.player}", action, self.legal)

    def step(self, action: int) -> EpisodeResult | None:
        self.decisions[self.player] += 1
        self.state.apply_action(action)
        return self._settle()

    def _settle(self) -> EpisodeResult | None:
        """Let chance move until it is a player's turn; the result if the episode has ended."""
        state = self.state
        while state.is_chance_node():
            outcomes = state.chance_outcomes()
            past = int((thresholds([p for _, p in outcomes]) <= self._next_uniform()).sum())
            state.apply_action(outcomes[past][0])
        if state.is_terminal():
            first = first_return(state.returns(), str(self._game))
            return result_of(self.setup, first, sum(self.decisions))
        self.player = int(state.current_player())
        self.legal = state.legal_actions()
        return None

    def _next_uniform(self) -> float:
        if self._events == len(self._uniform):
            events = np.arange(self._events, self._events + _BLOCK)
            self._uniform += chance_uniform(np.full(_BLOCK, self.setup.seed, np.uint64), events).tolist()
        self._events += 1
        return self._uniform[self._events - 1]
