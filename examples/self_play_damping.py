"""Self-play with dynamic damping: on a small game of OpenSpiel to see it converge, or on Showdown.

    python examples/self_play_damping.py --game kuhn_poker --updates 100
    python examples/self_play_damping.py --game gen1ou --updates 20 --episodes 256

Start it again with the same settings and it goes on where it was; with more updates it trains on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro

from pokenash.algorithms.damping import AdaptiveControl, DampingSettings, PowerLaw, Reference
from pokenash.algorithms.exact import nash_conv
from pokenash.algorithms.self_play import SelfPlay, SelfPlaySettings
from pokenash.games import Game, load_game
from pokenash.policies import load_policy


@dataclass
class Settings:
    """What is trained, and how."""

    game: str = "kuhn_poker"
    """a battle format, such as gen1ou, or one of OpenSpiel's games"""
    updates: int = 100
    """rounds of playing and learning"""
    episodes: int = 1024
    """episodes per round"""
    objective: Literal["clipped", "logits"] = "logits"
    """PPO's, or steps of the logits"""
    learning_rate: float = 3e-3
    """at first; falls with the square root of time"""
    entropy: float = 0.1
    """weight of the entropy bonus at first"""
    kl: float = 0.05
    """weight of the KL divergence from the reference at first"""
    target_kl: float = 0.01
    """KL divergence of an update that the controller aims at"""
    reference: Literal["fixed", "periodic", "polyak"] = "polyak"
    """what the KL divergence refers to"""
    lanes: int = 128
    """episodes in play at a time"""
    workers: int = 2
    """simulator processes"""
    seed: int = 1
    """of everything"""
    output: Path = Path("runs/self_play")
    """folder of the training"""


def make_game(name: str) -> Game:
    """Showdown for names of formats, OpenSpiel for others."""
    if name.startswith("gen"):
        return load_game({"game": "showdown", "format": name})
    return load_game({"game": "openspiel", "name": name})


def tell(entry: Mapping[str, Any]) -> None:
    """Print an update in one line."""
    print(
        f"update {entry['update'] + 1}: entropy {entry['entropy']:.3f}, KL to old {entry['kl_to_old']:.5f}, "
        f"to reference {entry['kl_to_reference']:.4f}; learning rate {entry['learning_rate']:.2g}, "
        f"KL weight {entry['kl_weight']:.2g}; {entry['rows_per_second']:.0f} decisions/s"
    )


def main(settings: Settings) -> None:
    """Train and print."""
    damping = DampingSettings(
        learning_rate=PowerLaw(settings.learning_rate, 50, 0.5),
        kl=PowerLaw(settings.kl, 50, 0.5),
        entropy=PowerLaw(settings.entropy, 50, 0.5),
        control=AdaptiveControl(settings.target_kl, learning_rate_range=(1e-6, 1e-2)),
        reference=Reference(settings.reference, decay=0.98),
    )
    training_settings = SelfPlaySettings(
        updates=settings.updates,
        episodes_per_update=settings.episodes,
        objective=settings.objective,
        damping=damping,
        num_lanes=settings.lanes,
        num_workers=settings.workers,
    )
    game = make_game(settings.game)
    training = SelfPlay(game, training_settings, settings.output / settings.game, seed=settings.seed)
    for kind, spec in training.run(on_update=tell).items():
        exact = "" if settings.game.startswith("gen") else f": nash_conv {nash_conv(game, load_policy(spec, game)):.4f}"
        print(f"{kind} ({spec.name}){exact}")


if __name__ == "__main__":
    main(tyro.cli(Settings))
