"""Runs on disk: run directories that survive a kill, and their reports.

Names are imported when they are first used, so that reading a run needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pokenash.lazy import lazy_names

if TYPE_CHECKING:
    from pokenash.experiments.psro_run import run_psro
    from pokenash.experiments.report import write_report
    from pokenash.experiments.run_directory import RunDirectory, read_json

_MODULES = {
    "RunDirectory": "run_directory",
    "read_json": "run_directory",
    "run_psro": "psro_run",
    "write_report": "report",
}

__all__ = ["RunDirectory", "read_json", "run_psro", "write_report"]


__getattr__, __dir__ = lazy_names(__name__, _MODULES, __all__)
