"""Algorithms with a tracker: what they log, and that their results do not depend on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.algorithms.self_play_runs import SMALL
from tests.experiments.rock_paper_scissors import ExactOracle, always

from pokenash.algorithms.nfsp import NFSP, AverageSettings, BestResponseSettings, NFSPSettings
from pokenash.algorithms.self_play import SelfPlay
from pokenash.errors import RunDirectoryError
from pokenash.experiments import run_psro
from pokenash.experiments.nfsp_settings import NFSPRunSettings
from pokenash.experiments.tracking import JSONTracker, open_tracker, read_metrics
from pokenash.games.aec import AECGame
from pokenash.games.openspiel import OpenSpielGame
from pokenash.policies.network_settings import MLPSettings
from pokenash.policies.networks import load_network


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def tracked_nfsp(directory: Path, tracker: Any) -> dict[str, torch.Tensor]:
    adam: dict[str, Any] = {"optimizer": "adam", "learning_rate": 3e-3, "batch_size": 64}
    settings = NFSPSettings(
        rounds=3,
        episodes_per_round=40,
        learn_every=16,
        warm_up=40,
        anticipatory=0.5,
        best_response=BestResponseSettings(replay_capacity=300, **adam),
        average=AverageSettings(reservoir_capacity=100, **{**adam, "batch_size": 8}),
        network=MLPSettings((16,)),
        num_lanes=8,
    )
    nfsp = NFSP(OpenSpielGame("kuhn_poker"), settings, seed=1, directory=directory, tracker=tracker)
    nfsp.run()
    return nfsp.learners[0].average.state_dict()


def test_nfsp_logs_its_rounds_and_learns_the_same(tmp_path: Path) -> None:
    with open_tracker(tmp_path / "tracked") as tracker:
        tracked = tracked_nfsp(tmp_path / "tracked", tracker)
    plain = tracked_nfsp(tmp_path / "plain", None)
    assert all(torch.equal(tracked[name], plain[name]) for name in plain)
    metrics = read_metrics(tmp_path / "tracked" / "tracking" / "metrics.jsonl")
    rounds = [json.loads(line) for line in (tmp_path / "tracked" / "training.jsonl").read_text().splitlines()]
    for name in ("mean_return", "episodes", "average_loss", "seconds"):
        assert metrics[name] == {entry["round"]: entry[name] for entry in rounds if entry[name] is not None}
    assert list(metrics["episodes"]) == [0, 1, 2]


def test_a_command_tracks_what_its_settings_name_and_goes_on(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    settings = NFSPRunSettings(
        tmp_path / "run", "kuhn_poker", rounds=2, episodes_per_round=40, learn_every=16, warm_up=40, batch_size=8,
        width=8, layers=1, nash_conv_every=1, checkpoint_every=1, workers=1, lanes=8, track=("tensorboard",),
    )  # fmt: skip
    settings.run()
    replace(settings, rounds=4, track=("tensorboard",)).run()
    metrics = read_metrics(tmp_path / "run" / "tracking" / "metrics.jsonl")
    assert list(metrics["mean_return"]) == [0, 1, 2, 3]
    exact = [json.loads(line) for line in (tmp_path / "run" / "nash_conv.jsonl").read_text().splitlines()]
    assert metrics["exact_nash_conv"] == {line["round"]: line["exact_nash_conv"] for line in exact}
    events = EventAccumulator(str(tmp_path / "run" / "tracking" / "tensorboard"))
    events.Reload()
    shown = {event.step: event.value for event in events.Scalars("exact_nash_conv")}
    assert shown == {step: np.float32(value) for step, value in metrics["exact_nash_conv"].items()}


def test_a_directory_that_is_refused_gets_no_tracker(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"schema": 1, "kind": "tournament"}')
    settings = NFSPRunSettings(tmp_path, "kuhn_poker", rounds=1, track=("tensorboard",))
    with pytest.raises(RunDirectoryError, match="of the kind 'tournament'"):
        settings.run()
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_the_metrics_of_a_killed_self_play_are_those_of_an_unbroken_one(tmp_path: Path) -> None:
    game = AECGame("pettingzoo.classic.tictactoe_v3:env")
    settings = replace(SMALL, updates=5, checkpoint_every=2)

    def play(directory: Path, killed_at: int | None = None, tracked: bool = True) -> None:
        def end(entry: Mapping[str, Any]) -> None:
            if entry["update"] == killed_at:
                raise KeyboardInterrupt

        with open_tracker(directory) as tracker:
            run = SelfPlay(game, settings, directory, seed=1, tracker=tracker if tracked else None)
            run.run(on_update=end)

    play(tmp_path / "plain", tracked=False)
    play(tmp_path / "unbroken")
    with pytest.raises(KeyboardInterrupt):
        play(tmp_path / "killed", killed_at=2)
    play(tmp_path / "killed")
    killed, unbroken = (read_metrics(tmp_path / run / "tracking" / "metrics.jsonl") for run in ("killed", "unbroken"))
    assert list(killed["entropy"]) == [0, 1, 2, 3, 4]
    assert len((tmp_path / "killed" / "tracking" / "metrics.jsonl").read_text().splitlines()) == 5
    timed = {name for name in unbroken if "second" in name}
    assert {k: v for k, v in killed.items() if k not in timed} == {k: v for k, v in unbroken.items() if k not in timed}
    plain, tracked = (load_network(tmp_path / run / "ckpts" / "last.safetensors") for run in ("plain", "unbroken"))
    for one, other in zip(plain.parameters(), tracked.parameters(), strict=True):
        assert torch.equal(one, other)


def test_psro_logs_its_iterations_into_a_new_directory_and_again_when_it_goes_on(tmp_path: Path) -> None:
    game = AECGame("pettingzoo.classic.rps_v2:env", max_cycles=1)

    def run(directory: Path, iterations: int, tracker: Any) -> Any:
        return run_psro(
            directory, game, [always(0)], ExactOracle(), iterations=iterations, battles_per_matchup=10,
            evaluation_battles=20, seed=3, tracker=tracker,
        )  # fmt: skip

    directory = tmp_path / "run"
    for iterations in (1, 3):
        with open_tracker(directory) as tracker:
            # As W&B does before the run has begun.
            (directory / "tracking").mkdir(parents=True, exist_ok=True)
            result = run(directory, iterations, tracker)
    metrics = read_metrics(directory / "tracking" / "metrics.jsonl")
    assert metrics["policies"] == {0: 1.0, 1: 2.0, 2: 3.0, 3: 4.0}
    for iteration in range(3):
        summary = json.loads((directory / f"iteration_{iteration}" / "iteration_summary.json").read_text())
        fresh = summary["best_response"]["fresh_evaluation"]
        for name in ("win_rate", "lower", "upper", "battles"):
            assert metrics[f"best_response/fresh_evaluation/{name}"][iteration] == fresh[name]
        assert metrics["seconds/training"][iteration] == summary["seconds"]["training"]
    assert not any("by_member" in name for name in metrics)
    assert [metrics[f"meta_strategy/{spec.name}"][3] for spec in result.population] == result.meta_strategy.tolist()
    plain = run(tmp_path / "plain", 3, None)
    assert np.array_equal(plain.meta_strategy, result.meta_strategy)
    assert plain.iterations[-1].analysis == result.iterations[-1].analysis


def test_fine_tuning_logs_its_steps_and_learns_the_same(tmp_path: Path) -> None:
    pytest.importorskip("lz4.frame", reason="trajectory files need lz4")
    from tests.metamon import tiny

    from pokenash.arena import Arena, paired_matches
    from pokenash.metamon.dataset import TrajectorySource
    from pokenash.metamon.networks import MetamonNetwork
    from pokenash.metamon.recording import TrajectoryRecorder
    from pokenash.metamon.training import FineTuneSettings, TrainingData, fine_tune
    from pokenash.policies import PolicySpec, load_policy

    game, uniform = tiny.game(), PolicySpec("uniform", "uniform")
    recorder = TrajectoryRecorder(
        load_policy(uniform, game), game, tmp_path / "data", name="a", opponent="b", time=datetime(2026, 1, 1)
    )
    with Arena(game, num_lanes=4) as arena:
        matches = paired_matches(game, [(0, 1)], 4, 3)
        arena.play([recorder, uniform], matches, seed=1, on_result=recorder.on_result)
    data = TrainingData((TrajectorySource(tmp_path / "data"),))
    settings = FineTuneSettings(epochs=1, steps_per_epoch=4, batch_size=2, max_length=12, torch_threads=1, log_every=2)
    networks = []
    for name, tracker in (("tracked", JSONTracker(tmp_path / "metrics.jsonl")), ("plain", None)):
        network = MetamonNetwork.random(tiny.config(), seed=1)
        fine_tune(network, data, tiny.tokenizer(), settings, tmp_path / name, seed=5, tracker=tracker)
        networks.append(network)
    for one, other in zip(*(network.parameters() for network in networks), strict=True):
        assert torch.equal(one, other)
    metrics = read_metrics(tmp_path / "metrics.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "tracked" / "fine_tune.jsonl").read_text().splitlines()]
    assert metrics["loss"] == {line["step"]: line["loss"] for line in lines}
    assert list(metrics["loss"]) == [2, 4]
