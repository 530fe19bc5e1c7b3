"""Neural fictitious self-play on Showdown with a small budget: that it runs, not that it plays well.

    python examples/nfsp_showdown.py --rounds 4 --battles 256

Both seats share one learner, a small transformer with a head for the best response and one for the average policy. At
the end the average policy plays fresh battles against uniform random play. Run it again to go on.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import tyro

from pokenash.algorithms import WinRate
from pokenash.algorithms.nfsp import NFSP, AverageSettings, BestResponseSettings, NFSPSettings
from pokenash.arena import Arena, paired_matches
from pokenash.games import load_game
from pokenash.policies import PolicySpec
from pokenash.policies.network_settings import TransformerSettings


@dataclass
class Settings:
    """What is played, and how."""

    format: str = "gen1ou"
    """battle format"""
    rounds: int = 8
    """rounds of battles"""
    battles: int = 512
    """per round"""
    learn_every: int = 256
    """decisions per step of the networks"""
    evaluation_battles: int = 400
    """fresh battles against random play at the end"""
    lanes: int = 64
    """battles in play at a time"""
    workers: int = 2
    """simulator processes"""
    seed: int = 1
    """of everything"""
    output: Path = Path("runs/nfsp_showdown")
    """directory of the run"""


def main(settings: Settings) -> None:
    """Learn, then measure against random play."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    game = load_game({"game": "showdown", "format": settings.format})
    nfsp = NFSP(
        game,
        NFSPSettings(
            rounds=settings.rounds,
            episodes_per_round=settings.battles,
            shared=True,
            shared_trunk=True,
            learn_every=settings.learn_every,
            max_gradient_norm=1.0,
            best_response=BestResponseSettings(
                replay_capacity=50_000, optimizer="adam", learning_rate=1e-3, batch_size=256, epsilon=0.1
            ),
            average=AverageSettings(reservoir_capacity=50_000, batch_size=256),
            network=TransformerSettings(width=32, layers=1, feedforward=64, embedding=32),
            num_lanes=settings.lanes,
            num_workers=settings.workers,
            checkpoint_every=2,
        ),
        seed=settings.seed,
        directory=settings.output,
    )
    spec = nfsp.run().spec
    assert spec is not None
    with Arena(game, num_lanes=settings.lanes, num_workers=settings.workers) as arena:
        matches = paired_matches(game, [(0, 1)], settings.evaluation_battles, seed=settings.seed + 1)
        results = arena.play([spec, PolicySpec("uniform", "uniform")], matches, seed=settings.seed + 1)
    values = [result.result.returns[result.match.policies.index(0)] for result in results if result.counted]
    counts = Counter("win" if value > 0 else "loss" if value < 0 else "draw" for value in values)
    rate = WinRate.from_counts(counts["win"], counts["draw"], counts["loss"])
    print(f"average policy against random play: {rate.to_json()}")


if __name__ == "__main__":
    main(tyro.cli(Settings))
