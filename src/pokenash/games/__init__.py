"""What is played: any two-player zero-sum game, many episodes at a time."""

from __future__ import annotations

from pokenash.games.aec import AECGame, AECVectorGame
from pokenash.games.core import (
    Decisions,
    EpisodeResult,
    EpisodeSetup,
    Game,
    Observation,
    VectorGame,
    no_decisions,
)
from pokenash.games.loading import load_game
from pokenash.games.vector_env import SingleLane, VectorGameEnv, VectorGameParallelEnv

__all__ = [
    "AECGame",
    "AECVectorGame",
    "Decisions",
    "EpisodeResult",
    "EpisodeSetup",
    "Game",
    "Observation",
    "SingleLane",
    "VectorGame",
    "VectorGameEnv",
    "VectorGameParallelEnv",
    "load_game",
    "no_decisions",
]
