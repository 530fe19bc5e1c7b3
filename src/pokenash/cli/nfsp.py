"""``pokenash nfsp``: neural fictitious self-play."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pokenash.cli.settings import command_settings, save_settings

if TYPE_CHECKING:
    from pokenash.algorithms.nfsp import NFSPRound

__all__ = ["run"]

_DESCRIPTION = (
    "Neural fictitious self-play on Showdown or on a game of OpenSpiel: best responses and their average, which is the "
    "policy that comes out. A run that was interrupted goes on when the same command is given again; more rounds "
    "extend it."
)


def run(arguments: Sequence[str]) -> None:
    """Learn or go on, and say where the average policy is."""
    from pokenash.experiments.named_game import SHOWDOWN
    from pokenash.experiments.nfsp_settings import PRESETS, NFSPRunSettings

    settings = command_settings(NFSPRunSettings, arguments, command="nfsp", description=_DESCRIPTION, presets=PRESETS)
    summary = settings.run(on_begin=lambda directory: save_settings(directory, settings), on_round=_tell)
    text = f"average policy after {summary['rounds']} rounds and {summary['episodes']} games"
    if summary["exact_nash_conv"] is not None:
        text += f": exact nash_conv {summary['exact_nash_conv']:.3f}"
    path = settings.output / "population.json"
    # Others to play against are Showdown's.
    showdown = f"pokenash evaluate {path} and pokenash exploit {path} say"
    how = showdown if settings.game == SHOWDOWN else f"pokenash exploit {path} --game {settings.game} says"
    print(f"{text}\npolicy: {path} ({how} how good it is)")
    print(f"results: {settings.output} (pokenash report {settings.output} makes a page of them)")


def _tell(entry: NFSPRound, value: float | None) -> None:
    """One line for people where something is known exactly; the library logs the rounds."""
    if value is not None:
        logging.getLogger("pokenash").info("after %d games: exact nash_conv %.3f", entry.episodes, value)
