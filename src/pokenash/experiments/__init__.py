"""Runs on disk: run directories that survive a kill, and their reports.

Names are imported when they are first used, so that reading a run needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pokenash.lazy import lazy_names

if TYPE_CHECKING:
    from pokenash.experiments.anchors import load_anchors
    from pokenash.experiments.evaluation import StoppingRule, evaluate
    from pokenash.experiments.evaluation_report import write_evaluation_report
    from pokenash.experiments.evaluation_result import EvaluationResult
    from pokenash.experiments.evaluation_settings import EvaluationSettings
    from pokenash.experiments.psro_run import run_psro
    from pokenash.experiments.report import write_report
    from pokenash.experiments.run_directory import RunDirectory, read_json

_MODULES = {
    "EvaluationResult": "evaluation_result",
    "EvaluationSettings": "evaluation_settings",
    "RunDirectory": "run_directory",
    "StoppingRule": "evaluation",
    "evaluate": "evaluation",
    "load_anchors": "anchors",
    "read_json": "run_directory",
    "run_psro": "psro_run",
    "write_evaluation_report": "evaluation_report",
    "write_report": "report",
}

__all__ = [
    "EvaluationResult",
    "EvaluationSettings",
    "RunDirectory",
    "StoppingRule",
    "evaluate",
    "load_anchors",
    "read_json",
    "run_psro",
    "write_evaluation_report",
    "write_report",
]


__getattr__, __dir__ = lazy_names(__name__, _MODULES, __all__)
