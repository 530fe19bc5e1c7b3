"""What the tests of self-play train, in processes of their own where they are to be killed."""

from __future__ import annotations

from pathlib import Path

from pokenash.algorithms.damping import AdaptiveControl, DampingSettings, PowerLaw, Reference
from pokenash.algorithms.self_play import SelfPlay, SelfPlaySettings
from pokenash.games.aec import AECGame
from pokenash.policies.network_settings import MLPSettings

PRELOAD = ["pokenash.algorithms.self_play.training", "pettingzoo.classic.tictactoe_v3"]

SMALL = SelfPlaySettings(
    updates=7,
    episodes_per_update=20,
    epochs=2,
    batch_size=32,
    damping=DampingSettings(
        PowerLaw(3e-3, 5, 0.5),
        PowerLaw(0.1, 5, 0.5),
        PowerLaw(0.05, 5, 0.5),
        AdaptiveControl(0.003, learning_rate_range=(1e-5, 1e-2)),
        Reference("polyak", decay=0.9),
    ),
    network=MLPSettings((16,)),
    snapshot_every=2,
    checkpoint_every=3,
    torch_threads=1,
    num_lanes=8,
    num_workers=1,
)


def play_tictactoe(directory: Path) -> None:
    SelfPlay(AECGame("pettingzoo.classic.tictactoe_v3:env"), SMALL, directory, seed=1).run()
