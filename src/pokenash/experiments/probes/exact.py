"""The value of a small endgame: a matrix game in every state, solved backwards from the ends.

Where states come back (recovery), the values are limits of value iteration (Shapley, "Stochastic Games", PNAS 1953),
once from below, with everything that is not decided counted as lost, and once from above: the value lies between.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pokenash.algorithms.nash import equilibrium_vertex
from pokenash.games.showdown.endgame import FIRST_WINS, SECOND_WINS, TIE, GameTree, enumerate_endgame
from pokenash.games.showdown.positions import Position

__all__ = ["EndgameValue", "solve_endgame", "tree_value"]

_ENDS = {FIRST_WINS: 1.0, SECOND_WINS: -1.0, TIE: 0.0}
_PRECISION = 1e-6
_MAX_SWEEPS = 2000
_AGREEMENT = 1e-4

Array = NDArray[np.float64]


@dataclass(frozen=True)
class EndgameValue:
    """What a position is worth to the first player when both play on optimally.

    Parameters
    ----------
    low, high : float
        Bounds on the value, the expected return in [-1, 1].
    actions : tuple of str
        The first player's choices at the start.
    action_low, action_high : tuple of float
        Bounds on what each choice guarantees: the value if the opponent knew of this one choice.
    strategy : tuple of float
        A strategy of the first player at the start that guarantees `low`.
    exact : bool
        Whether every damage roll was enumerated and the bounds agree to 1e-4. PP may have been held.
    num_states, num_runs : int
        States that were expanded, and turns that the simulator has played for that.
    """

    low: float
    high: float
    actions: tuple[str, ...]
    action_low: tuple[float, ...]
    action_high: tuple[float, ...]
    strategy: tuple[float, ...]
    exact: bool
    num_states: int
    num_runs: int


def solve_endgame(
    position: Position,
    *,
    max_states: int = 2000,
    hold_pp: bool = True,
    damage_rolls: int | None = None,
    seconds: float = 300.0,
) -> EndgameValue:
    """Enumerate a position (see `enumerate_endgame`, whose settings these are) and solve it."""
    tree = enumerate_endgame(
        position, max_states=max_states, hold_pp=hold_pp, damage_rolls=damage_rolls, seconds=seconds
    )
    return tree_value(tree, all_rolls=damage_rolls is None)


def tree_value(tree: GameTree, *, all_rolls: bool = True) -> EndgameValue:
    """The value of an enumerated endgame.

    Parameters
    ----------
    tree : GameTree
    all_rolls : bool
        Whether every damage roll was enumerated.
    """
    games = [[[_pairs(cell) for cell in row] for row in state] for state in tree.transitions]
    low, high = (_iterate(games, len(tree.choices), start) for start in (-1.0, 1.0))
    matrices = [_matrix(games[0], values) for values in (low, high)]
    bounds = [matrix.min(axis=1) for matrix in matrices]
    return EndgameValue(
        low=float(low[0]),
        high=float(high[0]),
        actions=tuple(tree.choices[0][0] or ("wait",)),
        action_low=tuple(bounds[0].tolist()),
        action_high=tuple(bounds[1].tolist()),
        strategy=tuple(_equilibrium(matrices[0]).tolist()),
        exact=bool(all_rolls and high[0] - low[0] < _AGREEMENT),
        num_states=len(tree.transitions),
        num_runs=tree.runs,
    )


def _pairs(cell: object) -> tuple[NDArray[np.int64], Array]:
    pairs = np.asarray(cell, np.float64)
    return pairs[:, 0].astype(np.int64), pairs[:, 1]


def _iterate(games: list[list[list[tuple[NDArray[np.int64], Array]]]], count: int, start: float) -> Array:
    """Values of all states; the ends are the last entries, which negative numbers reach."""
    values = np.full(count + len(_ENDS), start)
    for end, value in _ENDS.items():
        values[end] = value
    for _ in range(_MAX_SWEEPS):
        change = 0.0
        # What was found last lies nearest to the end.
        for state in range(len(games) - 1, -1, -1):
            new = _value(_matrix(games[state], values))
            change = max(change, abs(new - values[state]))
            values[state] = new
        if change < _PRECISION:
            break
    return values


def _matrix(game: list[list[tuple[NDArray[np.int64], Array]]], values: Array) -> Array:
    return np.array([[float(values[ids] @ weights) for ids, weights in row] for row in game])


def _value(matrix: Array) -> float:
    floor, ceiling = float(matrix.min(axis=1).max()), float(matrix.max(axis=0).min())
    if ceiling - floor < 1e-9:
        return floor
    return float((equilibrium_vertex(matrix) @ matrix).min())


def _equilibrium(matrix: Array) -> Array:
    floors = matrix.min(axis=1)
    if matrix.max(axis=0).min() - floors.max() < 1e-9:
        pure: Array = np.eye(len(matrix))[int(floors.argmax())]
        return pure
    return equilibrium_vertex(matrix)
