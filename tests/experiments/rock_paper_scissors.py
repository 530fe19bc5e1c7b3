"""A PSRO run that takes a second: rock-paper-scissors, constant policies, and the exact best response."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pokenash.algorithms.psro_result import PSROResult
from pokenash.experiments import run_psro
from pokenash.games.aec import AECGame
from pokenash.games.core import Decisions, Game
from pokenash.policies import DecisionRandom, Policy, PolicySpec

MOVES = ("rock", "paper", "scissors")


class Always(Policy):
    """Plays one action."""

    def __init__(self, action: int) -> None:
        self.action = action

    def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> np.ndarray:
        return np.full(len(decisions), self.action, np.int64)


def make_always(game: Game, action: int) -> Policy:
    return Always(action)


def always(action: int, name: str | None = None) -> PolicySpec:
    factory = f"{__name__}:make_always"
    return PolicySpec(name or MOVES[action], "python", {"factory": factory, "action": action})


class ExactOracle:
    """The action that does best against a mixture of the policies above."""

    def config(self) -> dict[str, Any]:
        return {"oracle": "exact"}

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
        weights = np.zeros(3)
        members: Sequence[Mapping[str, Any]] = opponent.parameters["members"]
        for member, probability in zip(members, opponent.parameters["probabilities"], strict=True):
            weights[member["parameters"]["action"]] += probability
        # Paper (1) beats rock (0), scissors (2) beat paper, rock beats scissors.
        values = [weights[(action + 2) % 3] - weights[(action + 1) % 3] for action in range(3)]
        return always(int(np.argmax(values)), name)


def play_run(directory: Path, iterations: int = 2) -> PSROResult:
    game = AECGame("pettingzoo.classic.rps_v2:env", max_cycles=1)
    return run_psro(
        directory,
        game,
        [always(0)],
        ExactOracle(),
        iterations=iterations,
        battles_per_matchup=20,
        evaluation_battles=40,
        seed=3,
    )
