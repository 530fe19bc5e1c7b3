"""The oracle that computes: the exact best response of each seat, joined to one policy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pokenash.algorithms.sequence_form import sequence_form, spec_plans
from pokenash.games.core import Game
from pokenash.policies.spec import PolicySpec
from pokenash.policies.tabular import TabularPolicy, save_tabular_policy

__all__ = ["ExactOracle"]


class ExactOracle:
    """Exact best responses in games that can be enumerated (`sequence_form`), as tables.

    Both players' best responses are found, and the policy plays each in its seat. Tied actions share the probability.
    The opponent must be able to say its action probabilities.
    """

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
        form, (first, second) = sequence_form(game), spec_plans(game, opponent)
        probabilities = form.best_response(second, 0)[1] + form.best_response(first, 1)[1]
        states = form.states
        policy = TabularPolicy(states.player, states.observation, states.action_mask, probabilities)
        return save_tabular_policy(name, policy, directory / "policy.safetensors")
