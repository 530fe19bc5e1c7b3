"""The sequence form of a game that can be enumerated: exact values and exact best responses by sparse products.

Koller, Megiddo & von Stengel, "Fast Algorithms for Finding Randomized Strategies in Game Trees", STOC 1994. A policy
becomes the probability of each sequence of its own actions (its realisation plan), a mixture drawn once per episode
becomes the weighted sum of its members' plans, and the value of two plans is bilinear.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pokenash.algorithms.behaviour import behaviour
from pokenash.errors import InputError
from pokenash.games.core import Game
from pokenash.policies.core import Policy
from pokenash.policies.mixture import Mixture
from pokenash.policies.seats import Seats
from pokenash.policies.spec import PolicySpec, load_policy
from pokenash.policies.tabular import TabularPolicy

if TYPE_CHECKING:
    from pokenash.games.openspiel import GameTables, InformationStates

__all__ = ["SequenceForm", "sequence_form", "spec_plans"]

Vector = NDArray[np.float64]

# Values of actions that differ by less are ties: they are sums of some thousand terms of the size of the returns.
_TIE = 1e-12
_made: WeakKeyDictionary[GameTables, SequenceForm] = WeakKeyDictionary()


@dataclass(frozen=True)
class _Seat:
    """The information states of one player; a parent comes before its children.

    Parameters
    ----------
    rows : int64 array, ``[n]``
        Of the table of all information states.
    parent : int64 array, ``[n]``
        The sequence that leads there; 0 is the empty one.
    sequence : int64 array, ``[n, A]``
        The sequence that each action extends it to; -1 where it is illegal.
    levels : tuple of int64 arrays
        Indices of information states by the number of own decisions before them.
    """

    rows: NDArray[np.int64]
    parent: NDArray[np.int64]
    sequence: NDArray[np.int64]
    levels: tuple[NDArray[np.int64], ...]

    @property
    def num_sequences(self) -> int:
        return int(self.sequence.max(initial=0)) + 1


class SequenceForm:
    """A two-player zero-sum game of perfect recall, enumerated.

    Make it by `sequence_form`.

    Parameters
    ----------
    states : InformationStates
        All information states, ``N`` of them.
    seats : tuple of _Seat
        Of players 0 and 1.
    payoffs : sparse array, ``[sequences of player 0, sequences of player 1]``
        Return of player 0 times the probability of chance.
    """

    def __init__(self, states: InformationStates, seats: tuple[_Seat, _Seat], payoffs: Any) -> None:
        self.states = states
        self._seats = seats
        self._payoffs = (payoffs.tocsr(), payoffs.T.tocsr())
        self._plans: dict[tuple[str, str], tuple[Vector, Vector]] = {}

    def __len__(self) -> int:
        return len(self.states)

    def behaviour(self, policy: Policy) -> Vector:
        """Probabilities of actions at every information state, ``[N, A]``; a mixture has none and is refused.

        Raises
        ------
        InputError
            If the policy cannot say its probabilities, or what it says is not a distribution over legal actions.
        """
        states = self.states
        if isinstance(policy, TabularPolicy):
            return policy.lookup(states.player, states.observation, states.action_mask)
        return behaviour(states, policy)

    def plan(self, policy: Policy, player: int) -> Vector:
        """Realisation plan of a policy in a seat, ``[sequences]``; of a mixture, the weighted sum of its members'."""
        if isinstance(policy, Seats):
            return self.plan(policy.seats[player], player)
        if isinstance(policy, Mixture):
            weighted = zip(policy.members, policy.probabilities.tolist(), strict=True)
            total: Vector = sum(
                (weight * self.plan(member, player) for member, weight in weighted if weight > 0),
                np.zeros(self._seats[player].num_sequences),
            )
            return total
        return self.plan_of(self.behaviour(policy), player)

    def plan_of(self, probabilities: Vector, player: int) -> Vector:
        """Realisation plan of probabilities at all information states, ``[N, A]``."""
        seat = self._seats[player]
        # One place more, so that the -1 of illegal actions writes where nobody reads.
        plan = np.zeros(seat.num_sequences + 1)
        plan[0] = 1.0
        for level in seat.levels:
            plan[seat.sequence[level]] = plan[seat.parent[level], None] * probabilities[seat.rows[level]]
        return plan[:-1]

    def value(self, first: Vector, second: Vector) -> float:
        """Expected return of player 0 under two realisation plans."""
        return float(first @ (self._payoffs[0] @ second))

    def values(self, firsts: Sequence[Vector], seconds: Sequence[Vector]) -> Vector:
        """Expected return of player 0 for every pair of plans, ``[firsts, seconds]``."""
        matrix: Vector = np.stack(firsts) @ (self._payoffs[0] @ np.stack(seconds).T)
        return matrix

    def best_response(self, plan: Vector, player: int) -> tuple[float, Vector]:
        """The exact best response of a player to the other's realisation plan.

        Tied actions share the probability, also where the other player never lets the state be reached: so the
        response commits itself to nothing that it has no reason for.

        Returns
        -------
        value : float
            Its expected return.
        probabilities : float64 array, ``[N, A]``
            At the player's own information states; 0 at the other's.
        """
        seat = self._seats[player]
        gain = np.append(self._payoffs[player] @ plan * (1.0 if player == 0 else -1.0), -np.inf)
        probabilities = np.zeros(self.states.action_mask.shape)
        for level in reversed(seat.levels):
            worth = gain[seat.sequence[level]]
            best = worth.max(axis=1, keepdims=True)
            tied = worth >= best - _TIE
            probabilities[seat.rows[level]] = tied / tied.sum(axis=1, keepdims=True)
            np.add.at(gain, seat.parent[level], best[:, 0])
        return float(gain[0]), probabilities

    def nash_conv(self, first: Vector, second: Vector) -> float:
        """What both players together gain by best responses to two realisation plans."""
        return self.best_response(second, 0)[0] + self.best_response(first, 1)[0]


def sequence_form(game: Game) -> SequenceForm:
    """The sequence form of a game, made once per process.

    Parameters
    ----------
    game : Game
        One of OpenSpiel's (`pokenash.games.openspiel.OpenSpielGame`) that is small enough to be enumerated.

    Raises
    ------
    InputError
        If it is another game, too large, or without perfect recall.
    """
    from pokenash.games.openspiel import OpenSpielGame

    if not isinstance(game, OpenSpielGame):
        raise InputError(f"exact computation needs a game of OpenSpiel (OpenSpielGame), got {type(game).__name__}")
    tables = game.tables()
    if tables not in _made:
        states = tables.information_states
        if not states.perfect_recall:
            raise InputError(f"{game.name}: players forget what they did, so the game has no sequence form")
        sequence = _number_sequences(states)
        seats = (_seat(states, sequence, 0), _seat(states, sequence, 1))
        first, second, value = _leaves(tables, sequence)
        shape = (seats[0].num_sequences, seats[1].num_sequences)
        _made[tables] = SequenceForm(states, seats, sparse.coo_array((value, (first, second)), shape=shape))
    return _made[tables]


def spec_plans(game: Game, spec: PolicySpec) -> tuple[Vector, Vector]:
    """Realisation plans of a policy in seats 0 and 1; those of a checkpoint of known SHA-256 are computed once.

    Raises
    ------
    InputError
        As `sequence_form` and `SequenceForm.behaviour`, or if the policy cannot be loaded.
    """
    form = sequence_form(game)
    if spec.kind == "mixture":
        members = [spec_plans(game, PolicySpec.from_json(member)) for member in spec.parameters["members"]]
        weights = np.array(spec.parameters["probabilities"], np.float64)
        weights = weights / weights.sum()
        first, second = (np.tensordot(weights, np.stack([plan[seat] for plan in members]), 1) for seat in (0, 1))
        return first, second
    if spec.kind == "seats":
        one, other = (spec_plans(game, PolicySpec.from_json(seat)) for seat in spec.parameters["seats"])
        return one[0], other[1]
    key = (spec.sha256 or "", json.dumps([spec.kind, dict(spec.parameters)], sort_keys=True))
    if key in form._plans:
        return form._plans[key]
    policy = load_policy(spec, game)
    plans = form.plan(policy, 0), form.plan(policy, 1)
    if spec.sha256 is not None:
        form._plans[key] = plans
    return plans


def _number_sequences(states: InformationStates) -> NDArray[np.int64]:
    """The sequence that ends with each action, ``[N, A]``, numbered from 1 for each player; -1 where illegal."""
    sequence = np.full(states.action_mask.shape, -1, np.int64)
    for player in (0, 1):
        legal = states.action_mask & (states.player == player)[:, None]
        sequence[legal] = np.arange(1, int(legal.sum()) + 1)
    return sequence


def _seat(states: InformationStates, sequence: NDArray[np.int64], player: int) -> _Seat:
    rows = np.flatnonzero(states.player == player)
    decision, previous = states.decision[rows], states.previous[rows]
    parent = np.where(previous < 0, 0, sequence[previous, states.previous_action[rows]])
    levels = tuple(np.flatnonzero(decision == d) for d in range(int(decision.max(initial=-1)) + 1))
    return _Seat(rows, parent, sequence[rows], levels)


def _leaves(tables: GameTables, sequence: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], Vector]:
    """Both players' sequences at every end of the game, and the return there times the probability of chance."""
    from pokenash.games.openspiel.tables import CHANCE, TERMINAL

    # Legal actions are numbered side by side, in the order of the children.
    first_sequence = np.where(tables.information_states.action_mask, sequence, np.iinfo(np.int64).max).min(axis=1)
    history, pair, chance = np.zeros(1, np.int64), np.zeros((1, 2), np.int64), np.ones(1)
    found: list[tuple[NDArray[np.int64], Vector]] = []
    while len(history):
        ended = tables.player[history] == TERMINAL
        found.append((pair[ended], chance[ended] * tables.returns[history[ended]]))
        history, pair, chance = history[~ended], pair[~ended], chance[~ended]
        mover, count = tables.player[history].astype(np.int64), tables.num_children[history]
        parent = np.repeat(np.arange(len(history)), count)
        rank = np.arange(len(parent)) - np.repeat(np.cumsum(count) - count, count)
        child = tables.first_child[history][parent] + rank
        pair, chance, mover = pair[parent], chance[parent], mover[parent]
        drawn = np.flatnonzero(mover == CHANCE)
        below = np.where(rank[drawn] > 0, tables.threshold[child[drawn] - 1], 0.0)
        chance[drawn] *= tables.threshold[child[drawn]] - below
        chosen = np.flatnonzero(mover >= 0)
        at = tables.information_state[history[parent[chosen]]]
        pair[chosen, mover[chosen]] = first_sequence[at] + rank[chosen]
        history = child
    pairs = np.concatenate([pair for pair, _ in found])
    return pairs[:, 0], pairs[:, 1], np.concatenate([value for _, value in found])
