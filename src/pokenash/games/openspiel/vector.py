"""Many episodes of a small OpenSpiel game at a time, all of them advanced by array operations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from pokenash.errors import IllegalActionError, InputError
from pokenash.games.core import Decisions, EpisodeResult, EpisodeSetup, VectorGame, no_decisions
from pokenash.games.openspiel.chance import chance_uniform
from pokenash.games.openspiel.results import result_of
from pokenash.games.openspiel.tables import CHANCE, TERMINAL, GameTables

__all__ = ["TableVectorGame"]


class TableVectorGame(VectorGame):
    """Episodes that walk along `GameTables`.

    Parameters
    ----------
    tables : GameTables
    num_lanes : int
        At least 1.
    observation_space : gymnasium.Space
    """

    def __init__(self, tables: GameTables, num_lanes: int, observation_space: gymnasium.Space[Any]) -> None:
        if num_lanes < 1:
            raise InputError(f"num_lanes must be at least 1, not {num_lanes}")
        self.num_lanes = num_lanes
        self.num_actions = tables.rank.shape[1]
        self.observation_space = observation_space
        self._tables = tables
        self._schedule: Iterator[EpisodeSetup] = iter(())
        self._setups: list[EpisodeSetup | None] = [None] * num_lanes
        self._history = np.zeros(num_lanes, np.int64)
        self._seed = np.zeros(num_lanes, np.uint64)
        self._episode = np.zeros(num_lanes, np.int64)
        self._events = np.zeros(num_lanes, np.int64)
        self._decisions = np.zeros((num_lanes, 2), np.int64)
        self._text_wanted = np.zeros((num_lanes, 2), np.bool_)
        self._open = np.zeros(0, np.int64)
        # Outcomes of chance lie side by side: a window of the widest event, cut off at the end of the tree.
        chance = tables.player == CHANCE
        self._window = np.arange(tables.num_children[chance].max() if chance.any() else 1)

    def start(self, schedule: Iterable[EpisodeSetup]) -> tuple[Decisions, list[EpisodeResult]]:
        self._schedule = iter(schedule)
        results: list[EpisodeResult] = []
        self._open = self._fill(np.arange(self.num_lanes), results)
        return self._rows(), results

    def step(self, actions: NDArray[np.integer[Any]]) -> tuple[Decisions, list[EpisodeResult]]:
        tables, lanes = self._tables, self._open
        actions = np.asarray(actions)
        if actions.shape != lanes.shape:
            raise InputError(f"step needs one action for each of the {len(lanes)} rows, not shape {actions.shape}")
        history = self._history[lanes]
        at = tables.information_state[history]
        self._check(at, actions)
        self._history[lanes] = tables.first_child[history] + tables.rank[at, actions]
        self._decisions[lanes, tables.player[history]] += 1
        results: list[EpisodeResult] = []
        going = self._settle(lanes, results)
        if len(going) < len(lanes):
            ended = lanes[tables.player[self._history[lanes]] == TERMINAL]
            going = np.sort(np.concatenate([going, self._fill(ended, results)]))
        self._open = going
        return self._rows(), results

    def _check(self, at: NDArray[np.int32], actions: NDArray[np.integer[Any]]) -> None:
        masks = self._tables.information_states.action_mask[at]
        inside = (actions >= 0) & (actions < self.num_actions)
        legal = inside & masks[np.arange(len(at)), np.where(inside, actions, 0)]
        if not legal.all():
            row = int(np.argmin(legal))
            player = self._tables.information_states.player[at[row]]
            raise IllegalActionError(f"player_{player}", int(actions[row]), np.flatnonzero(masks[row]).tolist())

    def _fill(self, lanes: NDArray[np.int64], results: list[EpisodeResult]) -> NDArray[np.int64]:
        """Start scheduled episodes in these lanes; those lanes in which one asks for a decision."""
        asking: list[NDArray[np.int64]] = []
        while len(lanes):
            taken = []
            for lane, setup in zip(lanes.tolist(), self._schedule, strict=False):
                self._setups[lane] = setup
                self._seed[lane] = setup.seed
                self._episode[lane] = setup.episode
                self._text_wanted[lane] = setup.text
                taken.append(lane)
            lanes = np.array(taken, np.int64)
            self._history[lanes] = 0
            self._events[lanes] = 0
            self._decisions[lanes] = 0
            going = self._settle(lanes, results)
            asking.append(going)
            lanes = np.setdiff1d(lanes, going, assume_unique=True)
        return np.sort(np.concatenate(asking)) if asking else lanes

    def _settle(self, lanes: NDArray[np.int64], results: list[EpisodeResult]) -> NDArray[np.int64]:
        """Let chance move until it is a player's turn or the episode has ended; those lanes that go on."""
        tables = self._tables
        chance = lanes[tables.player[self._history[lanes]] == CHANCE]
        while len(chance):
            history = self._history[chance]
            uniform = chance_uniform(self._seed[chance], self._events[chance])
            first, count = tables.first_child[history], tables.num_children[history]
            outcomes = np.minimum(first[:, None] + self._window, len(tables) - 1)
            past = (tables.threshold[outcomes] <= uniform[:, None]) & (self._window < count[:, None])
            self._history[chance] = first + past.sum(axis=1)
            self._events[chance] += 1
            chance = chance[tables.player[self._history[chance]] == CHANCE]
        history = self._history[lanes]
        ended = tables.player[history] == TERMINAL
        if not ended.any():
            return lanes
        lengths = self._decisions[lanes[ended]].sum(axis=1).tolist()
        returns = tables.returns[history[ended]].tolist()
        for lane, first_return, length in zip(lanes[ended].tolist(), returns, lengths, strict=True):
            setup = self._setups[lane]
            assert setup is not None
            results.append(result_of(setup, first_return, length))
        going: NDArray[np.int64] = lanes[~ended]
        return going

    def _rows(self) -> Decisions:
        lanes, known = self._open, self._tables.information_states
        if not len(lanes):
            return no_decisions(self.num_actions, known.observation)
        at = self._tables.information_state[self._history[lanes]]
        player = known.player[at]
        return Decisions(
            lanes,
            self._episode[lanes],
            player,
            self._decisions[lanes, player],
            known.observation[at],
            known.action_mask[at],
            self._text(lanes, player, at),
        )

    def _text(self, lanes: NDArray[np.int64], player: NDArray[np.int64], at: NDArray[np.int32]) -> list[str] | None:
        """The information state in words where the setup asks for it."""
        if not self._text_wanted[lanes, player].any():
            return None
        strings, wanted = self._tables.information_states.strings, self._text_wanted[lanes, player]
        return [strings[i] if told else "" for i, told in zip(at.tolist(), wanted.tolist(), strict=True)]
