"""The report of whatever a command wrote: which one it is follows from the directory's own files."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

from pokenash.errors import RunDirectoryError
from pokenash.experiments.run_directory import read_json

__all__ = ["REPORTS", "write_any_report"]

REPORTS = MappingProxyType(
    {
        "psro": ("report", "write_report"),
        "evaluation": ("evaluation_report", "write_evaluation_report"),
        "tournament": ("tournament_report", "write_tournament_report"),
        "nfsp": ("nfsp_report", "write_nfsp_report"),
        "exploit": ("exploit_report", "write_exploit_report"),
        "training": ("training_report", "write_training_report"),
        "self-play": ("self_play_report", "write_self_play_report"),
    }
)
"""Module and function by the kind of a directory, as its ``config.json`` names it."""

_FINE_TUNING = "fine_tune.json"

# What is written when all battles have been played, by kind; a search for best responses sees to it itself.
_RESULTS = MappingProxyType({"evaluation": "evaluation.json", "tournament": "tournament.json"})


def write_any_report(directory: str | Path, title: str | None = None) -> Path:
    """Make the report of a directory: of PSRO, an evaluation, a tournament, NFSP, a search, a training, self-play.

    Parameters
    ----------
    directory : str or Path
    title : str, optional
        Heading of the page; each report has its own by default.

    Returns
    -------
    Path
        Of ``report.html``.

    Raises
    ------
    RunDirectoryError
        If it is no such directory, a file is missing or damaged, or there is nothing to report yet.
    """
    folder = Path(directory)
    kind = _kind(folder)
    if kind in _RESULTS and not (folder / _RESULTS[kind]).exists():
        raise RunDirectoryError(f"{folder}: the {kind} has not finished; give its command again, it goes on")
    module, name = REPORTS[kind]
    write: Callable[..., Path] = getattr(importlib.import_module(f"pokenash.experiments.{module}"), name)
    return write(folder) if title is None else write(folder, title)


def _kind(folder: Path) -> str:
    """What kind of a directory it is."""
    if not folder.is_dir():
        raise RunDirectoryError(f"{folder} is not a directory; name one that a command of pokenash wrote")
    config = folder / "config.json"
    if not config.exists():
        if (folder / _FINE_TUNING).exists():
            return "training"
        raise RunDirectoryError(
            f"{folder} has no config.json, so it is not a directory that pokenash can report on; there are reports of "
            f"{', '.join(REPORTS)}"
        )
    kind = read_json(config).get("kind")
    if kind not in REPORTS:
        raise RunDirectoryError(
            f"{config} is of the kind {kind!r}, of which there is no report; there are reports of {', '.join(REPORTS)}"
        )
    return str(kind)
