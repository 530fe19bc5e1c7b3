"""Runs on disk: run directories that survive a kill, and their reports.

Names are imported when they are first used, so that reading a run needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pokenash.lazy import lazy_names

if TYPE_CHECKING:
    from pokenash.experiments.anchors import load_anchors
    from pokenash.experiments.collection import collect
    from pokenash.experiments.collection_result import CollectionResult
    from pokenash.experiments.collection_settings import CollectionSettings
    from pokenash.experiments.evaluation import StoppingRule, evaluate
    from pokenash.experiments.evaluation_report import write_evaluation_report
    from pokenash.experiments.evaluation_result import EvaluationResult
    from pokenash.experiments.evaluation_settings import EvaluationSettings
    from pokenash.experiments.exploit_run import run_exploit
    from pokenash.experiments.exploit_settings import ExploitSettings
    from pokenash.experiments.filtering import FilterResult, filter_trajectories
    from pokenash.experiments.filtering_rules import FilterRules
    from pokenash.experiments.filtering_settings import FilterSettings
    from pokenash.experiments.nfsp_run import run_nfsp
    from pokenash.experiments.nfsp_settings import NFSPRunSettings
    from pokenash.experiments.psro_run import run_psro
    from pokenash.experiments.ratings_settings import RatingsSettings
    from pokenash.experiments.report import write_report
    from pokenash.experiments.reports import write_any_report
    from pokenash.experiments.run_directory import RunDirectory, read_json
    from pokenash.experiments.self_play_plan import SelfPlayPlan
    from pokenash.experiments.self_play_report import write_self_play_report
    from pokenash.experiments.self_play_result import SelfPlayResult
    from pokenash.experiments.self_play_run import run_self_play
    from pokenash.experiments.self_play_settings import SelfPlayRunSettings
    from pokenash.experiments.tournament_run import TournamentResult, run_tournament
    from pokenash.experiments.tournament_settings import TournamentSettings
    from pokenash.experiments.training import FreshStart, HeadToHead, Trained, fresh_policy, train
    from pokenash.experiments.training_settings import TrainingRunSettings

_MODULES = {
    "CollectionResult": "collection_result",
    "CollectionSettings": "collection_settings",
    "EvaluationResult": "evaluation_result",
    "EvaluationSettings": "evaluation_settings",
    "ExploitSettings": "exploit_settings",
    "FilterResult": "filtering",
    "FilterRules": "filtering_rules",
    "FilterSettings": "filtering_settings",
    "FreshStart": "training",
    "HeadToHead": "training",
    "NFSPRunSettings": "nfsp_settings",
    "RatingsSettings": "ratings_settings",
    "RunDirectory": "run_directory",
    "SelfPlayPlan": "self_play_plan",
    "SelfPlayResult": "self_play_result",
    "SelfPlayRunSettings": "self_play_settings",
    "StoppingRule": "evaluation",
    "TournamentResult": "tournament_run",
    "TournamentSettings": "tournament_settings",
    "Trained": "training",
    "TrainingRunSettings": "training_settings",
    "collect": "collection",
    "evaluate": "evaluation",
    "filter_trajectories": "filtering",
    "fresh_policy": "training",
    "load_anchors": "anchors",
    "read_json": "run_directory",
    "run_exploit": "exploit_run",
    "run_nfsp": "nfsp_run",
    "run_psro": "psro_run",
    "run_self_play": "self_play_run",
    "run_tournament": "tournament_run",
    "train": "training",
    "write_any_report": "reports",
    "write_evaluation_report": "evaluation_report",
    "write_report": "report",
    "write_self_play_report": "self_play_report",
}

__all__ = [
    "CollectionResult",
    "CollectionSettings",
    "EvaluationResult",
    "EvaluationSettings",
    "ExploitSettings",
    "FilterResult",
    "FilterRules",
    "FilterSettings",
    "FreshStart",
    "HeadToHead",
    "NFSPRunSettings",
    "RatingsSettings",
    "RunDirectory",
    "SelfPlayPlan",
    "SelfPlayResult",
    "SelfPlayRunSettings",
    "StoppingRule",
    "TournamentResult",
    "TournamentSettings",
    "Trained",
    "TrainingRunSettings",
    "collect",
    "evaluate",
    "filter_trajectories",
    "fresh_policy",
    "load_anchors",
    "read_json",
    "run_exploit",
    "run_nfsp",
    "run_psro",
    "run_self_play",
    "run_tournament",
    "train",
    "write_any_report",
    "write_evaluation_report",
    "write_report",
    "write_self_play_report",
]


__getattr__, __dir__ = lazy_names(__name__, _MODULES, __all__)
