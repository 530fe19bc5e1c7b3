"""PSRO on gen1ou from Python: heuristics, three best responses, and the mixture that comes out.

The run directory holds everything; start it again after a kill and it goes on. The same from the command line:
``pokenash psro --preset demo``.

    OMP_WAIT_POLICY=PASSIVE python examples/psro_gen1ou.py --output runs/psro_gen1ou

The variable keeps torch's threads from spinning while they wait, when the simulators want the cores; the command line
sets it by itself.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import tyro

from pokenash.algorithms import PSROIteration
from pokenash.algorithms.oracles import ImitationSettings, PPOOracle, PPOSettings, TrainingSettings
from pokenash.experiments import run_psro, write_report
from pokenash.games import load_game
from pokenash.policies import PolicySpec


@dataclass
class Settings:
    """What is played, and how."""

    output: Path = Path("runs/psro_gen1ou")
    """run directory"""
    format: str = "gen1ou"
    """battle format"""
    population: tuple[str, ...] = ("uniform", "max_power")
    """kinds of policies to start from"""
    iterations: int = 3
    """best responses to train"""
    meta_solver: str = "nash"
    """how the mixture is computed from the payoffs"""
    battles_per_matchup: int = 200
    """battles of every pair"""
    evaluation_battles: int = 1000
    """fresh battles of each best response against the mixture that it was trained on"""
    collection_battles: int = 600
    """battles of the strongest member that the imitation learns from"""
    updates: int = 18
    """rounds of PPO"""
    battles_per_update: int = 512
    """battles of each round"""
    workers: int = 2
    """simulator processes"""
    seed: int = 0
    """of everything"""


def tell(state: PSROIteration) -> None:
    """Say what an iteration found."""
    mixture = ", ".join(
        f"{spec.name} {probability:.2f}"
        for spec, probability in zip(state.population, state.meta_strategy, strict=True)
        if probability > 0
    )
    print(f"iteration {state.iteration}: mixture {mixture}")
    if state.best_response is not None and state.summary is not None:
        name, fresh = state.best_response.name, state.summary["best_response"]["fresh_evaluation"]
        interval = f"[{fresh['lower']:.1%}, {fresh['upper']:.1%}]"
        print(f"  {name} wins {fresh['win_rate']:.1%} {interval} of {fresh['battles']} fresh battles against it")


def main(settings: Settings) -> None:
    """Run PSRO and write its report."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    oracle = PPOOracle(
        TrainingSettings(
            ppo=PPOSettings(updates=settings.updates, battles_per_update=settings.battles_per_update),
            imitation=ImitationSettings(collection_battles=settings.collection_battles),
            num_workers=settings.workers,
        ),
        progress=True,
    )
    run_psro(
        settings.output,
        load_game({"game": "showdown", "format": settings.format}),
        [PolicySpec(kind, kind) for kind in settings.population],
        oracle,
        settings.meta_solver,
        iterations=settings.iterations,
        battles_per_matchup=settings.battles_per_matchup,
        evaluation_battles=settings.evaluation_battles,
        seed=settings.seed,
        num_workers=settings.workers,
        progress=True,
        on_iteration=tell,
    )
    print(f"report: {write_report(settings.output)}")


if __name__ == "__main__":
    main(tyro.cli(Settings))
