"""What is computed from matches: empirical games, meta-strategies, and the algorithms that find new policies.

Names are imported when they are first used, so that neither torch nor OpenSpiel loads before it is needed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pokenash.algorithms.empirical_game import EmpiricalGame
    from pokenash.algorithms.intervals import WinRate, wilson_interval
    from pokenash.algorithms.match_log import LoggedMatch, MatchLog
    from pokenash.algorithms.meta_game_analysis import MetaGameAnalysis, analyse_meta_game
    from pokenash.algorithms.meta_solvers import META_SOLVERS, MetaSolver, get_meta_solver
    from pokenash.algorithms.nash import nash_conv
    from pokenash.algorithms.psro import PSRO, PSROIteration, PSROResult
    from pokenash.algorithms.tournament import play_tournament

_MODULES = {
    "EmpiricalGame": "empirical_game",
    "LoggedMatch": "match_log",
    "META_SOLVERS": "meta_solvers",
    "MatchLog": "match_log",
    "MetaGameAnalysis": "meta_game_analysis",
    "MetaSolver": "meta_solvers",
    "PSRO": "psro",
    "PSROIteration": "psro",
    "PSROResult": "psro",
    "WinRate": "intervals",
    "analyse_meta_game": "meta_game_analysis",
    "get_meta_solver": "meta_solvers",
    "nash_conv": "nash",
    "play_tournament": "tournament",
    "wilson_interval": "intervals",
}

__all__ = [
    "META_SOLVERS",
    "PSRO",
    "EmpiricalGame",
    "LoggedMatch",
    "MatchLog",
    "MetaGameAnalysis",
    "MetaSolver",
    "PSROIteration",
    "PSROResult",
    "WinRate",
    "analyse_meta_game",
    "get_meta_solver",
    "nash_conv",
    "play_tournament",
    "wilson_interval",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
