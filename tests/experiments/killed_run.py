"""What the tests of killed runs play, in a process of its own."""

from __future__ import annotations

from pathlib import Path

from pokenash.algorithms.oracles import ImitationSettings, PPOOracle, PPOSettings, TrainingSettings
from pokenash.experiments import run_psro
from pokenash.games.aec import AECGame
from pokenash.games.core import Game
from pokenash.games.showdown.game import ShowdownGame
from pokenash.policies import PolicySpec
from pokenash.policies.network_settings import MLPSettings, TransformerSettings

PRELOAD = ["pokenash.experiments.psro_run", "pokenash.algorithms.oracles.ppo_oracle", "pettingzoo.classic.tictactoe_v3"]


def play_tictactoe(directory: Path) -> None:
    ppo = PPOSettings(updates=4, battles_per_update=32, epochs=2, batch_size=64, learning_rate=3e-3)
    settings = TrainingSettings(
        ppo=ppo,
        imitation=ImitationSettings(collection_battles=30, epochs=1, batch_size=64),
        network=MLPSettings((32,)),
        warm_start="uniform",
        checkpoint_every=2,
        torch_threads=1,
        num_lanes=16,
        num_workers=1,
    )
    game = AECGame("pettingzoo.classic.tictactoe_v3:env")
    _play(directory, game, settings, [PolicySpec("uniform", "uniform")], battles=100)


def play_gen1ou(directory: Path) -> None:
    settings = TrainingSettings(
        ppo=PPOSettings(updates=2, battles_per_update=16, epochs=1, batch_size=256),
        imitation=ImitationSettings(collection_battles=10, epochs=1, batch_size=256),
        network=TransformerSettings(width=16, heads=2, layers=1, feedforward=16, embedding=8),
        warm_start="max_power",
        checkpoint_every=1,
        torch_threads=1,
        num_lanes=16,
        num_workers=2,
    )
    population = [PolicySpec(kind, kind) for kind in ("max_power", "type_aware")]
    _play(directory, ShowdownGame("gen1ou"), settings, population, battles=20)


def _play(directory: Path, game: Game, settings: TrainingSettings, population: list[PolicySpec], battles: int) -> None:
    run_psro(
        directory,
        game,
        population,
        PPOOracle(settings),
        iterations=2,
        battles_per_matchup=battles,
        evaluation_battles=battles,
        seed=11,
        num_lanes=16,
        num_workers=settings.num_workers,
    )
