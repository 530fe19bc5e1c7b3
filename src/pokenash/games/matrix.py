"""Normal-form games: two players choose at once, and a matrix says what they get."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from pokenash.errors import IllegalActionError, InputError
from pokenash.games.core import Decisions, EpisodeResult, EpisodeSetup, Game, VectorGame, no_decisions

__all__ = ["MATRICES", "MatrixGame", "MatrixVectorGame"]

MATRICES: Mapping[str, tuple[tuple[float, ...], ...]] = MappingProxyType(
    {
        "matching_pennies": ((1.0, -1.0), (-1.0, 1.0)),
        "rock_paper_scissors": ((0.0, -1.0, 1.0), (1.0, 0.0, -1.0), (-1.0, 1.0, 0.0)),
        # OpenSpiel's matrix_brps, divided by its largest payoff; equilibrium (1, 10, 5) / 16.
        "biased_rock_paper_scissors": ((0.0, -0.5, 1.0), (0.5, 0.0, -0.1), (-1.0, 0.1, 0.0)),
    }
)
"""Games by name: payoffs of the row player."""


class MatrixGame(Game):
    """A zero-sum matrix game of one simultaneous move.

    Player 0 chooses the row and player 1 the column; player 0 gets the entry and player 1 its negative. Both are
    asked at once, as two rows of one episode. The observation, float32 ``[B, 2]``, says only who is asked.

    Parameters
    ----------
    payoffs : array_like, ``[n, m]``, or str
        Of the row player, or one of the names in `MATRICES`.

    Attributes
    ----------
    payoffs : float64 array, ``[n, m]``

    Raises
    ------
    InputError
        If there is no such name, or the payoffs are no matrix of at least one finite number.
    """

    def __init__(self, payoffs: ArrayLike | str) -> None:
        self.payoffs = _payoffs(payoffs)
        self.payoffs.setflags(write=False)
        rows, columns = self.payoffs.shape
        self.name = payoffs if isinstance(payoffs, str) else f"matrix_{rows}x{columns}"
        self.num_actions = max(rows, columns)
        self.observation_space = spaces.Box(0.0, 1.0, (2,), np.float32)

    def __repr__(self) -> str:
        return f"MatrixGame({self.payoffs.tolist()})"

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> MatrixGame:
        """Make the game that `config` describes."""
        return cls(config["payoffs"])

    def config(self) -> dict[str, Any]:
        payoffs = self.name if self.name in MATRICES else self.payoffs.tolist()
        return {"game": "matrix", "payoffs": payoffs}

    def vector(self, num_lanes: int, num_workers: int = 1) -> MatrixVectorGame:
        """Make a `VectorGame` in this process (`num_workers` has no effect)."""
        return MatrixVectorGame(self, num_lanes)


class MatrixVectorGame(VectorGame):
    """Many episodes of a matrix game, two rows each.

    Parameters
    ----------
    game : MatrixGame
    num_lanes : int
        At least 1.
    """

    def __init__(self, game: MatrixGame, num_lanes: int) -> None:
        if num_lanes < 1:
            raise InputError(f"num_lanes must be at least 1, not {num_lanes}")
        self.num_lanes = num_lanes
        self.num_actions = game.num_actions
        self.observation_space = game.observation_space
        self._payoffs = game.payoffs
        self._masks = np.arange(game.num_actions) < np.array(game.payoffs.shape)[:, None]
        self._schedule: Iterator[EpisodeSetup] = iter(())
        self._setups: list[EpisodeSetup] = []

    def start(self, schedule: Iterable[EpisodeSetup]) -> tuple[Decisions, list[EpisodeResult]]:
        self._schedule = iter(schedule)
        return self._next(), []

    def step(self, actions: NDArray[np.integer[Any]]) -> tuple[Decisions, list[EpisodeResult]]:
        actions = np.asarray(actions)
        count = 2 * len(self._setups)
        if actions.shape != (count,):
            raise InputError(f"step needs one action for each of the {count} rows, not shape {actions.shape}")
        for player, choices in enumerate((actions[0::2], actions[1::2])):
            illegal = choices[(choices < 0) | (choices >= self._payoffs.shape[player])]
            if len(illegal):
                raise IllegalActionError(f"player_{player}", int(illegal[0]), range(self._payoffs.shape[player]))
        payoffs = self._payoffs[actions[0::2], actions[1::2]].tolist()
        results = [
            # 0.0 - x, so that nobody gets -0.0.
            EpisodeResult(one.episode, one.seed, one.options, (x, 0.0 - x), 2, "win" if x else "tie")
            for one, x in zip(self._setups, payoffs, strict=True)
        ]
        return self._next(), results

    def _next(self) -> Decisions:
        """The next episodes of the schedule, one in every lane as long as there are any."""
        self._setups = list(islice(self._schedule, self.num_lanes))
        if not self._setups:
            return no_decisions(self.num_actions, np.zeros((1, 2), np.float32))
        count = len(self._setups)
        player = np.tile(np.arange(2), count)
        return Decisions(
            np.repeat(np.arange(count), 2),
            np.repeat(np.array([setup.episode for setup in self._setups], np.int64), 2),
            player,
            np.zeros(2 * count, np.int64),
            np.eye(2, dtype=np.float32)[player],
            self._masks[player],
        )


def _payoffs(payoffs: ArrayLike | str) -> NDArray[np.float64]:
    if isinstance(payoffs, str):
        if payoffs not in MATRICES:
            raise InputError(f"there is no matrix game {payoffs!r}; expected one of {sorted(MATRICES)} or payoffs")
        return np.array(MATRICES[payoffs])
    try:
        matrix = np.array(payoffs, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"expected a matrix of payoffs, got {payoffs!r}") from error
    if matrix.ndim != 2 or 0 in matrix.shape or not np.isfinite(matrix).all():
        raise InputError(f"expected a matrix of finite payoffs, at least 1x1; got shape {matrix.shape}: {payoffs!r}")
    # So that no payoff is -0.0.
    positive: NDArray[np.float64] = matrix + 0.0
    return positive
