"""What tests of trainings share: trajectories of heuristics, and settings that take seconds."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import torch
from tests.metamon import tiny

from pokenash.arena import Arena, paired_matches
from pokenash.experiments.training import FreshStart, HeadToHead, Trained, train
from pokenash.games.showdown import ShowdownGame
from pokenash.metamon.checkpoints import load_checkpoint
from pokenash.metamon.recording import TrajectoryRecorder
from pokenash.metamon.training import FineTuneSettings, TrainingData
from pokenash.policies import PolicySpec, load_policy

SMALL = FineTuneSettings(
    epochs=1, steps_per_epoch=4, batch_size=2, max_length=10, warm_up_steps=1, torch_threads=1, log_every=1,
    checkpoint_every=2,
)  # fmt: skip


def record(root: Path, kind: str, battles: int) -> Path:
    """Battles of a heuristic against itself, of which one side is written."""
    game = tiny.game()
    player = load_policy(PolicySpec(kind, kind), game)
    recorder = TrajectoryRecorder(player, game, root, name=kind, opponent=kind, time=datetime(2026, 1, 1))
    with Arena(game, num_lanes=16) as arena:
        matches = paired_matches(game, [(0, 1)], battles, 3)
        arena.play([recorder, PolicySpec(kind, kind)], matches, seed=1, on_result=recorder.on_result)
    return root


def small(directory: Path, root: Path, settings: FineTuneSettings = SMALL, **changes: Any) -> Trained:
    """A training that takes a second."""
    versus = HeadToHead(ShowdownGame("gen1ou", turn_limit=30), 2, num_lanes=2)
    given = {"seed": 7, "head_to_head": versus, **changes}
    start = given.pop("start", FreshStart(tiny.recurrent_config()))
    return train(directory, start, given.pop("data", TrainingData([root])), settings, **given)


def weights(spec: PolicySpec) -> torch.Tensor:
    """Of a trained policy, as one vector, but for PopArt's statistics."""
    state = load_checkpoint(spec.checkpoint_path()).state_dict()
    return torch.cat([tensor.flatten() for name, tensor in state.items() if not name.startswith("popart")])
