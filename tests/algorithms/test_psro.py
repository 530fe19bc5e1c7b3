"""The loop of PSRO, with an oracle that is exact, so that every step's outcome is known."""

from __future__ import annotations

import gc
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.experiments.rock_paper_scissors import ExactOracle, always

from pokenash.algorithms import PSRO
from pokenash.algorithms.oracles.tabular_oracle import TabularOracle, TabularOracleSettings
from pokenash.algorithms.psro_store import MemoryStore
from pokenash.errors import InputError
from pokenash.games.aec import AECGame
from pokenash.policies import PolicySpec, load_policy


@pytest.fixture(scope="module")
def game() -> AECGame:
    return AECGame("pettingzoo.classic.rps_v2:env", max_cycles=1)


def make(game: AECGame, **changes: Any) -> PSRO:
    settings: dict[str, Any] = {"iterations": 2, "battles_per_matchup": 10, "evaluation_battles": 20, "seed": 3}
    population = changes.pop("population", [always(0)])
    return PSRO(game, population, changes.pop("oracle", ExactOracle()), **{**settings, **changes})


def test_best_responses_to_rock_lead_to_the_equilibrium(game: AECGame) -> None:
    result = make(game).run()
    assert [spec.name for spec in result.population] == ["rock", "br_0", "br_1"]
    assert [spec.parameters["action"] for spec in result.population] == [0, 1, 2]
    np.testing.assert_allclose(result.iterations[0].meta_strategy, [1])
    np.testing.assert_allclose(result.iterations[1].meta_strategy, [0, 1], atol=1e-9)
    np.testing.assert_allclose(result.meta_strategy, [1 / 3] * 3, atol=1e-6)
    assert result.iterations[-1].best_response is None
    assert abs(result.iterations[-1].analysis["restricted_nash_conv"]["plug_in"]) < 1e-6


def test_each_best_response_is_measured_on_fresh_battles_against_its_mixture(game: AECGame) -> None:
    store = MemoryStore()
    result = make(game, store=store, iterations=3).run()
    for state in result.iterations[:-1]:
        assert state.summary is not None
        fresh = state.summary["best_response"]["fresh_evaluation"]
        assert fresh["battles"] == 20
        played = store.log.block(f"evaluation/iteration_{state.iteration}")
        assert {name for match in played for name in match.policies} == {
            f"br_{state.iteration}",
            f"mixture_{state.iteration}",
        }
        against = state.summary["best_response"]["trained_against"]
        np.testing.assert_allclose(sum(against.values()), 1)
        assert sum(rate["battles"] for rate in fresh["by_member"].values()) == 20
    rates = [i.summary["best_response"]["fresh_evaluation"]["win_rate"] for i in result.iterations[:-1] if i.summary]
    assert rates[:2] == [1.0, 1.0]
    # Nothing beats the uniform mixture of all three; 20 battles of it have a standard error of 9%.
    assert 0.2 < rates[2] < 0.8
    seeds = [match.seed for match in store.log]
    of = Counter(match.block.split("/")[0] for match in store.log)
    assert len(set(seeds)) == len(seeds) / 2
    # Six pairs of four policies, and three evaluations.
    assert of == {"tournament": 60, "evaluation": 60}


def test_only_new_pairs_are_played(game: AECGame) -> None:
    store = MemoryStore()
    psro = make(game, store=store)
    sizes = []
    for iteration in range(3):
        psro.iterate(iteration, is_last=iteration == 2)
        sizes.append(sum(match.block.startswith("tournament") for match in store.log))
    assert sizes == [0, 10, 30]


class NeverOracle(ExactOracle):
    def train(self, *arguments: Any, **settings: Any) -> PolicySpec:
        raise AssertionError("what is in the store must not be trained again")


def test_what_is_stored_is_not_done_again(game: AECGame) -> None:
    store = MemoryStore()
    first = make(game, store=store).run()
    matches = len(store.log)
    again = make(game, store=store, oracle=NeverOracle()).run()
    assert again.population == first.population
    assert [i.summary for i in again.iterations] == [i.summary for i in first.iterations]
    assert len(store.log) == matches
    with pytest.raises(AssertionError, match="trained again"):
        make(game, store=store, iterations=3, oracle=NeverOracle()).run()


def test_the_result_is_a_policy(game: AECGame) -> None:
    mixture = make(game).run().mixture()
    assert mixture.kind == "mixture"
    policy = load_policy(mixture, game)
    assert len(policy.members) == 3  # type: ignore[attr-defined]


def test_any_function_is_a_meta_solver(game: AECGame) -> None:
    def first(payoffs: np.ndarray) -> np.ndarray:
        return np.eye(len(payoffs))[0]

    result = make(game, meta_solver=first).run()
    assert [spec.parameters["action"] for spec in result.population] == [0, 1, 1]


class MisnamingOracle(ExactOracle):
    def train(self, *arguments: Any, **settings: Any) -> PolicySpec:
        return always(1, "paper")


def test_bad_input_is_refused(game: AECGame, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one policy"):
        make(game, population=[])
    with pytest.raises(InputError, match="br_1"):
        make(game, population=[always(0), always(1, "br_1")])
    with pytest.raises(InputError, match="-1 iterations"):
        make(game, iterations=-1)
    with pytest.raises(InputError, match="0 and 20 battles"):
        make(game, battles_per_matchup=0)
    with pytest.raises(InputError, match="unknown meta-solver 'nsah'"):
        make(game, meta_solver="nsah")
    with pytest.raises(InputError, match=r"'br_0'.*'paper'"):
        make(game, oracle=MisnamingOracle()).run()


def test_weights_live_as_long_as_the_result(game: AECGame) -> None:
    oracle = TabularOracle(TabularOracleSettings(games=40, games_per_round=20, num_lanes=8))
    result = make(game, oracle=oracle, iterations=1).run()
    gc.collect()
    load_policy(result.mixture(), game)
    folder = result.store.folder(0) if result.store is not None else Path()
    assert list(folder.rglob("*.npz")) or list(folder.rglob("*.safetensors"))
    del result
    gc.collect()
    assert not folder.exists()
