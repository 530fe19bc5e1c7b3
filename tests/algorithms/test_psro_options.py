"""Options of PSRO in battles: several best responses, seats apart, stopping, how best responses start."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.experiments.rock_paper_scissors import ExactOracle as RPSOracle
from tests.experiments.rock_paper_scissors import always

from pokenash.algorithms import PSRO
from pokenash.algorithms.oracles import PPOOracle, PPOSettings, TrainingSettings
from pokenash.algorithms.oracles.exact_oracle import ExactOracle
from pokenash.algorithms.psro_store import MemoryStore
from pokenash.errors import InputError, RunDirectoryError
from pokenash.experiments import run_psro
from pokenash.games.aec import AECGame
from pokenash.games.openspiel import OpenSpielGame
from pokenash.policies import PolicySpec

UNIFORM = PolicySpec("uniform", "uniform")
SMALL: dict[str, Any] = {"battles_per_matchup": 10, "evaluation_battles": 20, "seed": 3}


@pytest.fixture(scope="module")
def rps() -> AECGame:
    return AECGame("pettingzoo.classic.rps_v2:env", max_cycles=1)


class NoisyOracle(RPSOracle):
    """A random move, drawn from the seed that it is given."""

    def train(self, *arguments: Any, name: str, seed: int, **settings: Any) -> PolicySpec:
        return always(seed % 3, name)


def test_several_best_responses_join_the_population_each_from_its_own_seed(rps: AECGame) -> None:
    store = MemoryStore()
    result = PSRO(rps, [always(0)], NoisyOracle(), iterations=2, best_responses=4, store=store, **SMALL).run()
    names = [f"br_{iteration}_{index}" for iteration in (0, 1) for index in range(4)]
    assert [spec.name for spec in result.population] == ["rock", *names]
    assert len({spec.parameters["action"] for spec in result.population[1:]}) > 1
    summary = result.iterations[0].summary
    assert summary is not None
    assert [entry["name"] for entry in summary["best_responses"]] == names[:4]
    assert summary["best_response"] == summary["best_responses"][0]
    blocks = Counter(match.block for match in store.log if match.block.startswith("evaluation/"))
    assert set(blocks.values()) == {20}
    assert len(blocks) == 8
    starts = {match.seed for match in store.log if match.block.startswith("evaluation/")}
    assert len(starts) == 8 * 10


class UselessOracle(RPSOracle):
    """What is in the population already."""

    def train(self, *arguments: Any, name: str, **settings: Any) -> PolicySpec:
        return always(0, name)


def test_it_stops_when_no_best_response_improves_significantly(rps: AECGame) -> None:
    stopped = PSRO(rps, [always(0)], UselessOracle(), iterations=5, stop_early=True, **SMALL).run()
    assert [spec.name for spec in stopped.population] == ["rock", "br_0"]
    assert len(stopped.iterations) == 2
    # Paper and scissors win every battle, and nothing beats the uniform mixture of all three.
    going = PSRO(rps, [always(0)], RPSOracle(), iterations=5, stop_early=True, **SMALL).run()
    assert 4 <= len(going.iterations) < 6
    assert [spec.parameters["action"] for spec in going.population[:3]] == [0, 1, 2]


def test_a_run_that_stopped_early_goes_on_when_asked_to(rps: AECGame, tmp_path: Path) -> None:
    def run(**options: Any) -> int:
        result = run_psro(tmp_path, rps, [always(0)], UselessOracle(), iterations=3, **SMALL, **options)
        return len(result.iterations)

    assert run(stop_early=True) == 2
    assert run(stop_early=True) == 2
    assert run() == 4
    with pytest.raises(RunDirectoryError, match="best_responses"):
        run(best_responses=2)


def test_runs_without_the_options_have_the_same_config_as_before(rps: AECGame, tmp_path: Path) -> None:
    import json

    run_psro(tmp_path, rps, [always(0)], UselessOracle(), iterations=1, **SMALL)
    written = json.loads((tmp_path / "config.json").read_text())["settings"]
    assert set(written) == {
        "iterations", "battles_per_matchup", "evaluation_battles", "meta_solver", "num_lanes", "num_workers", "oracle",
    }  # fmt: skip
    summary = json.loads((tmp_path / "iteration_0" / "iteration_summary.json").read_text())
    assert "best_responses" not in summary
    assert "mean_return" not in summary["best_response"]["fresh_evaluation"]


def test_seats_apart_are_measured_and_solved_apart() -> None:
    game, store = OpenSpielGame("kuhn_poker"), MemoryStore()
    settings = {**SMALL, "battles_per_matchup": 400, "evaluation_battles": 400}
    result = PSRO(game, [UNIFORM], ExactOracle(), iterations=2, symmetric=False, store=store, **settings).run()
    first = result.iterations[1]
    assert first.meta_strategy.shape == (2, 2)
    np.testing.assert_allclose(first.meta_strategy.sum(axis=1), 1)
    np.testing.assert_array_equal(np.diag(first.game.tallies.sum(axis=2)), [400, 400])
    assert first.summary is not None
    fresh = first.summary["best_response"]["fresh_evaluation"]
    assert fresh["battles"] == 400
    assert fresh["mean_return"]["games"] == 400
    played = store.log.block("evaluation/iteration_1")
    # Who sat against the best response was drawn from the meta-strategy of that seat.
    for seat in (0, 1):
        drawn = Counter(match.members[seat] for match in played if match.policies[seat] == "mixture_1")
        assert sum(drawn.values()) == 200
        for name, probability in zip(("uniform", "br_0"), first.meta_strategy[seat], strict=True):
            # Five standard errors of a share of 200.
            assert abs(drawn[name] / 200 - probability) < 5 * 0.5 / np.sqrt(200)


@pytest.mark.parametrize("warm_start", ["scratch", "latest"])
def test_best_responses_start_fresh_or_from_the_latest_member(warm_start: str, tmp_path: Path) -> None:
    game = OpenSpielGame("kuhn_poker")
    ppo = PPOSettings(updates=0, battles_per_update=32)
    oracle = PPOOracle(TrainingSettings(ppo, warm_start="scratch", num_lanes=16, num_workers=1, torch_threads=1))
    arguments: dict[str, Any] = {"seed": 1, "iteration": 0}
    before = oracle.train(
        game, UNIFORM, population=[UNIFORM], name="before", directory=tmp_path / "before", **arguments
    )
    settings = TrainingSettings(ppo, warm_start=warm_start, num_lanes=16, num_workers=1, torch_threads=1)
    after = PPOOracle(settings).train(
        game, UNIFORM, population=[UNIFORM, before], name="after", directory=tmp_path / "after", seed=2, iteration=1
    )
    assert (after.sha256 == before.sha256) == (warm_start == "latest")


def test_the_command_line_takes_the_options(tmp_path: Path) -> None:
    import tyro

    from pokenash.experiments.psro_settings import PSROSettings

    assert PSROSettings().training().warm_start == "strongest"
    settings = tyro.cli(PSROSettings, args=["--best-responses", "2", "--stop-early", "--fresh"])
    assert (settings.best_responses, settings.stop_early) == (2, True)
    assert settings.training().warm_start == "scratch"
    checkpoint = tmp_path / "weights.safetensors"
    checkpoint.touch()
    with pytest.raises(InputError, match="give one of the two"):
        PSROSettings(fresh=True, initial_checkpoint=checkpoint).training()


def test_bad_options_are_refused(rps: AECGame) -> None:
    with pytest.raises(InputError, match="0 best responses"):
        PSRO(rps, [always(0)], RPSOracle(), best_responses=0)
    with pytest.raises(InputError, match="br_1_0"):
        PSRO(rps, [always(0), always(1, "br_1_0")], RPSOracle(), best_responses=2)
