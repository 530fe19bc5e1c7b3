"""metamon's models in a PSRO population, and as the oracle that is trained further to find best responses.

    python examples/metamon_population.py

is a rehearsal that downloads nothing: a small network of random weights, whose vocabulary is made of the words in some
battles, goes through everything that a published model would. It learns nothing in so few steps. With published models

    pip install 'pokenash[metamon]'
    pokenash metamon fetch-vocabulary allreplays-v3
    python examples/metamon_population.py --models SyntheticRLV2 LargeRL --device cuda --precision bfloat16
        --iterations 3 --battles-per-matchup 1000 --evaluation-battles 1000 --battles 2000 --steps 5000

(the last two lines are one command). The run's directory goes on after a kill.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

import tyro

from pokenash.algorithms.oracles import MetamonOracle, metamon_oracle_preset
from pokenash.arena import Arena, paired_matches
from pokenash.experiments import run_psro, write_report
from pokenash.experiments.fresh_network import fresh_policy
from pokenash.games.showdown import ShowdownGame
from pokenash.metamon import MetamonConfig, TrajectoryRecorder, metamon_spec
from pokenash.metamon.config import ActorConfig, CriticConfig, TrajectoryEncoderConfig, TurnEncoderConfig
from pokenash.metamon.registry import get_family
from pokenash.metamon.vocabulary_building import build_vocabulary
from pokenash.policies import PolicySpec, load_policy, policy_specs

TIME = datetime(2026, 1, 1)
"""That the files of the rehearsal's battles are named after, so that they are the same when it is started again."""


@dataclass
class Settings:
    """Who is in the population, and how much is played and learned."""

    models: tuple[str, ...] = ()
    """published models, such as SyntheticRLV2; without any it is a rehearsal"""
    others: tuple[str, ...] = ("max_power", "type_aware")
    """further members: kinds of policies, checkpoints, a run's population.json"""
    format: str = "gen1ou"
    """battle format"""
    preset: Literal["oracle", "damped"] = "oracle"
    """whether the training is held near its start"""
    iterations: int = 1
    """best responses to train"""
    battles_per_matchup: int = 20
    """battles of every pair"""
    evaluation_battles: int = 20
    """fresh battles of each best response against the mixture that it was trained on"""
    battles: int = 20
    """of the oracle's start against the mixture, from which it learns"""
    head_to_head_battles: int = 20
    """of the new policy against its start"""
    steps: int = 20
    """of the optimizer, for each best response"""
    batch_size: int = 8
    """battles per step"""
    device: str = "cpu"
    """of networks"""
    precision: Literal["float32", "bfloat16"] = "float32"
    """of networks"""
    lanes: int = 32
    """battles in play at a time"""
    workers: int = 2
    """simulator processes"""
    seed: int = 1
    """of everything"""
    output: Path = Path("runs/metamon_population")
    """run directory; a rehearsal's network lies beside it"""


def small_config() -> MetamonConfig:
    """The smallest family with some ten thousand weights in place of its four million."""
    return replace(
        get_family("small_rnn"),
        extra_embedding=4,
        max_seq_len=32,
        turn_encoder=TurnEncoderConfig("transformer", 12, 1, 2, 48, 2, 2),
        trajectory_encoder=TrajectoryEncoderConfig("transformer", 24, 2, 24, 2, 48),
        actor=ActorConfig(24),
        critic=CriticConfig("scalar", 2, 24),
    )


def random_model(settings: Settings, game: ShowdownGame) -> PolicySpec:
    """A network of random weights that reads the words of a few battles between heuristics."""
    folder = settings.output.with_name(settings.output.name + "_random")
    heuristic = load_policy(PolicySpec("max_power", "max_power"), game)
    recorder = TrajectoryRecorder(
        heuristic, game, folder / "trajectories", name="max_power", opponent="type_aware", time=TIME
    )
    with Arena(game, num_lanes=settings.lanes) as arena:
        matches = paired_matches(game, [(0, 1)], battles=20, seed=settings.seed)
        arena.play(
            [recorder, PolicySpec("type_aware", "type_aware")],
            matches,
            seed=settings.seed,
            on_result=recorder.on_result,
        )
    words = build_vocabulary([folder / "trajectories"], folder / "words.json")
    print(f"a network of random weights that knows {len(words)} words")
    return fresh_policy(
        folder / "network", small_config(), folder / "words.json", seed=settings.seed, name="random_model"
    )


def members(settings: Settings, game: ShowdownGame) -> list[PolicySpec]:
    """The population to start from."""
    player = {"device": settings.device, "precision": settings.precision}
    models = [metamon_spec(name, pretrained=name, **player) for name in settings.models]
    return [*(models or [random_model(settings, game)]), *policy_specs(settings.others)]


def main(settings: Settings) -> None:
    """Run PSRO, and say what its best responses are worth."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    game = ShowdownGame(settings.format)
    steps = {"epochs": 1, "steps_per_epoch": settings.steps, "warm_up_steps": min(500, settings.steps // 2)}
    training = {**steps, "batch_size": settings.batch_size, "device": settings.device, "precision": settings.precision}
    oracle = MetamonOracle(
        metamon_oracle_preset(
            settings.preset,
            training=training,
            battles=settings.battles,
            head_to_head_battles=settings.head_to_head_battles,
            num_lanes=settings.lanes,
            num_workers=settings.workers,
        ),
        progress=True,
    )
    result = run_psro(
        settings.output,
        game,
        members(settings, game),
        oracle,
        iterations=settings.iterations,
        battles_per_matchup=settings.battles_per_matchup,
        evaluation_battles=settings.evaluation_battles,
        seed=settings.seed,
        num_lanes=settings.lanes,
        num_workers=settings.workers,
        progress=True,
    )
    for report in sorted(settings.output.glob("iteration_*/br_training/*/report.txt")):
        print(report.read_text("utf-8").splitlines()[0])
    mixture = zip(result.population, result.meta_strategy, strict=True)
    print("mixture: " + ", ".join(f"{spec.name} {share:.2f}" for spec, share in mixture))
    print(f"report: {write_report(settings.output)}")


if __name__ == "__main__":
    main(tyro.cli(Settings))
