"""Training on returns of the size that networks' settings are made for: those of a game divided by a number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.algorithms.oracles.core import Oracle
from pokenash.errors import InputError
from pokenash.games.core import Decisions, EpisodeResult, EpisodeSetup, Game, VectorGame
from pokenash.policies.spec import PolicySpec

__all__ = ["ScaledOracle", "ScaledReturns"]


class ScaledReturns(Game):
    """A game whose returns are divided by a number.

    Parameters
    ----------
    game : Game
    scale : float
        Above 0.
    """

    def __init__(self, game: Game, scale: float) -> None:
        if not scale > 0:
            raise InputError(f"scale of returns: expected a number above 0, got {scale}")
        self.game = game
        self.scale = float(scale)
        self.name = game.name
        self.num_actions = game.num_actions
        self.observation_space = game.observation_space

    def vector(self, num_lanes: int, num_workers: int = 1) -> VectorGame:
        return _ScaledVector(self.game.vector(num_lanes, num_workers), self.scale)

    def config(self) -> dict[str, Any]:
        """That of the game itself: a policy that was trained here plays there."""
        return self.game.config()

    def sample_options(self, rng: np.random.Generator) -> dict[str, Any]:
        return self.game.sample_options(rng)


class _ScaledVector(VectorGame):
    """Passes everything on and divides returns."""

    def __init__(self, vector: VectorGame, scale: float) -> None:
        self._vector = vector
        self._scale = scale
        self.num_lanes = vector.num_lanes
        self.num_actions = vector.num_actions
        self.observation_space = vector.observation_space

    def start(self, schedule: Iterable[EpisodeSetup]) -> tuple[Decisions, list[EpisodeResult]]:
        decisions, results = self._vector.start(schedule)
        return decisions, self._divide(results)

    def step(self, actions: NDArray[np.integer[Any]]) -> tuple[Decisions, list[EpisodeResult]]:
        decisions, results = self._vector.step(actions)
        return decisions, self._divide(results)

    def _divide(self, results: list[EpisodeResult]) -> list[EpisodeResult]:
        scale = self._scale
        return [replace(r, returns=(r.returns[0] / scale, r.returns[1] / scale)) for r in results]

    def close(self) -> None:
        self._vector.close()


class ScaledOracle:
    """An oracle that is shown the game with its returns divided by a number.

    Parameters
    ----------
    oracle : Oracle
        Such as `PPOOracle`, whose settings are for returns from -1 to 1.
    scale : float
        About the size of the game's large returns; Leduc poker pays up to 13.
    """

    def __init__(self, oracle: Oracle, scale: float) -> None:
        if not scale > 0:
            raise InputError(f"scale of returns: expected a number above 0, got {scale}")
        self._oracle = oracle
        self._scale = float(scale)

    def config(self) -> dict[str, Any]:
        return {**self._oracle.config(), "return_scale": self._scale}

    def train(
        self,
        game: Game,
        opponent: PolicySpec,
        *,
        population: Sequence[PolicySpec],
        name: str,
        directory: Path,
        seed: int,
        iteration: int,
    ) -> PolicySpec:
        return self._oracle.train(
            # Showdown's policies want Showdown's own game, whose returns are of the right size as they are.
            game if self._scale == 1 else ScaledReturns(game, self._scale),
            opponent,
            population=population,
            name=name,
            directory=directory,
            seed=seed,
            iteration=iteration,
        )
