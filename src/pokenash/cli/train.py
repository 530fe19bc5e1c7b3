"""``pokenash train``: metamon's networks, from random weights or from trained ones, on trajectories."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pokenash.cli.settings import command_settings, save_settings

if TYPE_CHECKING:
    from pokenash.experiments.training_progress import TrainingProgress

__all__ = ["run"]

_DESCRIPTION = (
    "Train one of metamon's networks on trajectories: fresh or from a checkpoint, damped or not, on a mix of several "
    "roots, in one process or in several. A training that was interrupted goes on when the same command is given again."
)


def run(arguments: Sequence[str]) -> None:
    """Train or go on, then say whether it helped, and how fast it went."""
    from pokenash.experiments.training_settings import PRESETS, TrainingRunSettings

    settings = command_settings(
        TrainingRunSettings, arguments, command="train", description=_DESCRIPTION, presets=PRESETS
    )
    speeds: list[str] = []
    trained = settings.run(
        progress=sys.stderr.isatty(),
        on_begin=lambda directory: save_settings(directory, settings),
        on_end=lambda progress: speeds.append(_speed(progress)),
    )
    print(trained.record["summary"])
    print(f"{trained.record['steps']} steps on {trained.record['trajectories']} trajectories; {speeds[0]}")
    print(
        f"policy: {settings.output} (pokenash evaluate {settings.output} says how good it is); report: "
        f"{settings.output / 'report.txt'}"
    )


def _speed(progress: TrainingProgress) -> str:
    """How fast the steps of this call were."""
    if not progress.steps:
        return "all of them were done already"
    return (
        f"{progress.steps} now in {progress.seconds:.1f} s: {progress.steps_per_second:.2f} steps/s, "
        f"{progress.transitions_per_second:.0f} transitions/s"
    )
