"""Neural fictitious self-play on Leduc poker, with the exact nash_conv of the average policy as it learns.

    python examples/nfsp_leduc.py --rounds 120

The uniform policy's nash_conv is 4.7472; 120 rounds bring it to about 1.4. A run that was stopped goes on when it is
started again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import tyro

from pokenash.algorithms.exact import nash_conv
from pokenash.algorithms.nfsp import NFSP, AverageSettings, BestResponseSettings, NFSPRound, NFSPSettings
from pokenash.games.openspiel import OpenSpielGame
from pokenash.policies.network_settings import MLPSettings


@dataclass
class Settings:
    """How long, and where."""

    rounds: int = 120
    """of playing and learning, over which learning rates and exploration fall"""
    episodes: int = 10_000
    """per round"""
    best_response_learning_rate: float = 3e-3
    """at the start"""
    average_learning_rate: float = 2e-3
    """at the start"""
    batch_size: int = 512
    """decisions per step"""
    hidden: int = 128
    """units of the networks' hidden layer"""
    seed: int = 1
    """of everything"""
    output: Path = Path("runs/nfsp_leduc")
    """directory of the run"""


def main(settings: Settings) -> None:
    """Learn, and print how exploitable the average policy is."""
    game = OpenSpielGame("leduc_poker")
    nfsp = NFSP(
        game,
        NFSPSettings(
            rounds=settings.rounds,
            episodes_per_round=settings.episodes,
            shared=True,
            learn_every=settings.batch_size // 2,
            best_response=BestResponseSettings(
                optimizer="adam",
                learning_rate=settings.best_response_learning_rate,
                final_learning_rate=0.05,
                batch_size=settings.batch_size,
                target_update_every=300,
            ),
            average=AverageSettings(
                optimizer="adam",
                learning_rate=settings.average_learning_rate,
                final_learning_rate=0.05,
                batch_size=settings.batch_size,
            ),
            network=MLPSettings((settings.hidden,)),
            num_lanes=512,
        ),
        seed=settings.seed,
        directory=settings.output,
    )
    start = time.perf_counter()

    def tell(nfsp: NFSP, entry: NFSPRound) -> None:
        seconds = time.perf_counter() - start
        if nfsp.round % 5 == 0:
            value = nash_conv(game, nfsp.average_policy())
            print(f"{seconds:5.0f} s  {entry.episodes:9d} episodes  nash_conv {value:.3f}", flush=True)

    result = nfsp.run(tell)
    print(f"average policy, nash_conv {nash_conv(game, result.policy):.3f}: {result.spec}")


if __name__ == "__main__":
    main(tyro.cli(Settings))
