"""A whole game tree as arrays, enumerated once."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pokenash.games.core import Decisions
from pokenash.games.openspiel.chance import thresholds
from pokenash.games.openspiel.loading import Perspective, SpielGame, SpielState
from pokenash.games.openspiel.results import first_return

__all__ = ["CHANCE", "TERMINAL", "GameTables", "InformationStates", "enumerate_game", "estimate_num_histories"]

CHANCE = -1
"""Who moves where chance does."""

TERMINAL = -2
"""Who moves where the game has ended."""


@dataclass(frozen=True, eq=False)
class InformationStates:
    """All information states of a game, of both players: ``N`` of them, each after those that lead to it.

    Parameters
    ----------
    strings : tuple of str
        In OpenSpiel's words; what both players are told may read the same.
    player : int64 array, ``[N]``
    decision : int64 array, ``[N]``
        How many decisions the player has made before.
    previous : int64 array, ``[N]``
        The player's information state before this one, -1 at its first.
    previous_action : int64 array, ``[N]``
        What it chose there, -1 at its first.
    observation : float32 array, ``[N, D]``
    action_mask : bool array, ``[N, A]``
    perfect_recall : bool
        Whether every information state is reached by one sequence of the player's own information states and actions.
    """

    strings: tuple[str, ...]
    player: NDArray[np.int64]
    decision: NDArray[np.int64]
    previous: NDArray[np.int64]
    previous_action: NDArray[np.int64]
    observation: NDArray[np.float32]
    action_mask: NDArray[np.bool_]
    perfect_recall: bool

    def __len__(self) -> int:
        return len(self.strings)

    @property
    def decisions(self) -> Decisions:
        """All of them as rows that a policy can answer; lane and episode are the index, ``decision`` is 0."""
        index = np.arange(len(self))
        first = np.zeros(len(self), np.int64)
        return Decisions(index, index, self.player, first, self.observation, self.action_mask)


@dataclass(frozen=True, eq=False)
class GameTables:
    """A game tree of ``H`` histories as arrays; history 0 is the root, children have higher numbers than parents.

    Parameters
    ----------
    player : int8 array, ``[H]``
        0 or 1, `CHANCE` or `TERMINAL`.
    information_state : int32 array, ``[H]``
        Index into `information_states`, -1 where no player moves.
    first_child : int32 array, ``[H]``
        The children of a history follow one another, in the order of actions; -1 where there are none.
    num_children : int32 array, ``[H]``
    threshold : float64 array, ``[H]``
        For outcomes of chance, the probability of this one and those before it among its siblings; else 1.
    returns : float64 array, ``[H]``
        Of player 0 where the game has ended, else 0; player 1 gets the negative.
    rank : int32 array, ``[N, A]``
        Which child a legal action leads to.
    information_states : InformationStates
    """

    player: NDArray[np.int8]
    information_state: NDArray[np.int32]
    first_child: NDArray[np.int32]
    num_children: NDArray[np.int32]
    threshold: NDArray[np.float64]
    returns: NDArray[np.float64]
    rank: NDArray[np.int32]
    information_states: InformationStates

    def __len__(self) -> int:
        return len(self.player)


def estimate_num_histories(game: SpielGame, num_probes: int = 256) -> float:
    """About how many histories a game has, from random play.

    The mean over random paths of the sum of the products of branching factors is unbiased (Knuth, "Estimating the
    efficiency of backtrack programs", Mathematics of Computation 29, 1975).
    """
    rng = np.random.default_rng(0)
    total = 0.0
    for _ in range(num_probes):
        state, weight = game.new_initial_state(), 1.0
        total += 1.0
        while not state.is_terminal():
            actions = state.legal_actions()
            weight *= len(actions)
            total += weight
            state.apply_action(actions[int(rng.integers(len(actions)))])
    return total / num_probes


def enumerate_game(game: SpielGame, perspective: Perspective, max_histories: int) -> GameTables | None:
    """Walk the whole tree of a turn-based game; None if there are more than `max_histories`.

    Raises
    ------
    InputError
        If returns do not sum to 0.
    """
    walk = _Walk(game, perspective)
    return walk.tables() if walk.run(max_histories) else None


# A player's last information state and what it chose there.
_Sequence = tuple[int, int]
_NOTHING: _Sequence = (-1, -1)


@dataclass
class _Walk:
    """The walk itself: depth first, numbering all children of a history when it is visited."""

    game: SpielGame
    perspective: Perspective
    player: array[int] = field(default_factory=lambda: array("b"))
    information_state: array[int] = field(default_factory=lambda: array("i"))
    first_child: array[int] = field(default_factory=lambda: array("i"))
    num_children: array[int] = field(default_factory=lambda: array("i"))
    threshold: array[float] = field(default_factory=lambda: array("d"))
    returns: array[float] = field(default_factory=lambda: array("d"))
    index: dict[tuple[int, str], int] = field(default_factory=dict)
    sequences: list[_Sequence] = field(default_factory=list)
    observation: array[float] = field(default_factory=lambda: array("f"))
    action_mask: array[int] = field(default_factory=lambda: array("b"))
    perfect_recall: bool = True

    def run(self, max_histories: int) -> bool:
        """Whether the walk came to its end before there were more histories than that."""
        self._allot([1.0])
        open_states: list[tuple[SpielState, int, _Sequence, _Sequence]] = [
            (self.game.new_initial_state(), 0, _NOTHING, _NOTHING)
        ]
        while open_states:
            if len(self.player) > max_histories:
                return False
            state, history, first, second = open_states.pop()
            if state.is_terminal():
                self._end(state, history)
            elif state.is_chance_node():
                outcomes = state.chance_outcomes()
                child = self._open(history, CHANCE, thresholds([p for _, p in outcomes]).tolist())
                for i, (outcome, _) in enumerate(outcomes):
                    open_states.append((state.child(outcome), child + i, first, second))
            else:
                player = int(state.current_player())
                legal = state.legal_actions()
                child = self._open(history, player, [1.0] * len(legal))
                at = self._find(state, player, (first, second)[player])
                self.information_state[history] = at
                for i, action in enumerate(legal):
                    sequences = ((at, action), second) if player == 0 else (first, (at, action))
                    open_states.append((state.child(action), child + i, *sequences))
        return True

    def _allot(self, thresholds: list[float]) -> int:
        """Number new histories, one per threshold; the first number."""
        first = len(self.player)
        count = len(thresholds)
        self.player.extend([TERMINAL] * count)
        self.information_state.extend([-1] * count)
        self.first_child.extend([-1] * count)
        self.num_children.extend([0] * count)
        self.threshold.extend(thresholds)
        self.returns.extend([0.0] * count)
        return first

    def _open(self, history: int, player: int, thresholds: list[float]) -> int:
        first = self._allot(thresholds)
        self.player[history] = player
        self.first_child[history] = first
        self.num_children[history] = len(thresholds)
        return first

    def _end(self, state: SpielState, history: int) -> None:
        self.returns[history] = first_return(state.returns(), f"{self.game} after {state.history_str()}")

    def _find(self, state: SpielState, player: int, sequence: _Sequence) -> int:
        """The number of the information state; what a player is shown is kept when it is seen first."""
        at = self.index.setdefault((player, self.perspective.string(state)), len(self.sequences))
        if at == len(self.sequences):
            self.sequences.append(sequence)
            self.observation.extend(self.perspective.values(state))
            self.action_mask.extend(state.legal_actions_mask())
        elif self.sequences[at] != sequence:
            self.perfect_recall = False
        return at

    def tables(self) -> GameTables:
        """What was found."""
        states = self._information_states()
        return GameTables(
            np.array(self.player, np.int8),
            np.array(self.information_state, np.int32),
            np.array(self.first_child, np.int32),
            np.array(self.num_children, np.int32),
            np.array(self.threshold),
            np.array(self.returns),
            np.cumsum(states.action_mask, axis=1, dtype=np.int32) - 1,
            states,
        )

    def _information_states(self) -> InformationStates:
        count = len(self.sequences)
        sequences = np.array(self.sequences, np.int64)
        decision = np.zeros(count, np.int64)
        for i, (before, _) in enumerate(self.sequences):
            # What comes before has a lower number: it was found on the way.
            decision[i] = decision[before] + 1 if before >= 0 else 0
        return InformationStates(
            tuple(string for _, string in self.index),
            np.array([player for player, _ in self.index], np.int64),
            decision,
            sequences[:, 0],
            sequences[:, 1],
            np.array(self.observation, np.float32).reshape(count, -1),
            np.array(self.action_mask, np.bool_).reshape(count, -1),
            self.perfect_recall,
        )
