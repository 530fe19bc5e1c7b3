"""Imitation of a teacher."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.policies.decisions import batch

from pokenash.algorithms.oracles import ImitationSettings
from pokenash.algorithms.oracles.collection import Observer
from pokenash.algorithms.oracles.imitation import collect_lessons, imitate
from pokenash.algorithms.oracles.learning import repeatable_torch
from pokenash.arena import Arena, paired_matches
from pokenash.games.aec import AECGame
from pokenash.games.core import Decisions
from pokenash.policies import DecisionRandom, Policy, Uniform
from pokenash.policies.network import NetworkPolicy
from pokenash.policies.network_settings import MLPSettings
from pokenash.policies.networks import build_network, infer


class Lowest(Policy):
    """Takes the first free square."""

    def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> np.ndarray:
        return decisions.action_mask.argmax(axis=1)


class Valuing(Lowest):
    """Values action `i` at ``-i``; knows the first three actions only."""

    def values(self, decisions: Decisions) -> np.ndarray:
        return -np.tile(np.arange(3.0), (len(decisions), 1))


@pytest.fixture(scope="module")
def tictactoe() -> AECGame:
    return AECGame("pettingzoo.classic.tictactoe_v3:env")


def test_a_network_learns_to_play_like_its_teacher_and_to_foresee_the_outcome(tictactoe: AECGame) -> None:
    settings = ImitationSettings(300, epochs=8, batch_size=64, learning_rate=1e-2, value_coefficient=0.5)
    network = build_network(tictactoe, MLPSettings((64,)), seed=1)
    with Arena(tictactoe, num_lanes=32) as arena, repeatable_torch(1):
        lessons = collect_lessons(arena, Lowest(), Uniform(), network, settings, seed=1)
        log = imitate(network, lessons, settings, seed=2)
        assert [entry["epoch"] for entry in log] == list(range(8))
        assert log[-1]["cross_entropy"] < log[0]["cross_entropy"] / 3
        # Decisions that it has not seen: those of another seed.
        fresh = Observer(Lowest(), network)
        matches = paired_matches(tictactoe, [(0, 1)], 200, seed=99)
        arena.play([fresh, Uniform()], matches, seed=99, on_result=fresh.on_result)
    rows = fresh.take_rows()
    keys = [np.zeros(len(rows), np.int64)] * 4
    policy = NetworkPolicy(network, greedy=True)
    policy.network.prepare = lambda observation: observation  # type: ignore[assignment, method-assign]
    chosen = policy.act(Decisions(*keys, dict(rows.inputs), rows.action_mask), None, DecisionRandom(0))
    choice = rows.action_mask.sum(axis=1) > 1
    assert (chosen == rows.action)[choice].mean() > 0.95
    _, values = infer(network, rows.inputs)
    spread = float(np.var(rows.outcome))
    assert float(np.mean((values.numpy() - rows.outcome) ** 2)) < 0.8 * spread


def test_a_teacher_that_values_actions_teaches_their_softmax() -> None:
    network = build_network(AECGame("pettingzoo.classic.tictactoe_v3:env"), seed=1)
    observer = Observer(Valuing(), network, temperature=0.5)
    decisions = batch([[1, 0, 1, 1], [0, 1, 0, 1], [0, 0, 0, 1]])
    action = observer._teacher.act(decisions, None, DecisionRandom(0))
    lesson = observer._lesson(decisions, action)
    weights = np.exp(-np.array([0, 2]) / 0.5)
    np.testing.assert_allclose(lesson[0], [weights[0] / weights.sum(), 0, weights[1] / weights.sum(), 0], rtol=1e-6)
    np.testing.assert_array_equal(lesson[1], [0, 1, 0, 0])
    # None of the actions that it values is legal: what it did is all it can teach.
    np.testing.assert_array_equal(lesson[2], [0, 0, 0, 1])
    plain = Observer(Valuing(), network, temperature=0.0)._lesson(decisions, action)
    np.testing.assert_array_equal(plain[0], [1, 0, 0, 0])
