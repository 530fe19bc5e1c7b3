"""Neural fictitious self-play (Heinrich & Silver 2016). Torch loads when a run is made, not with the settings."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pokenash.algorithms.nfsp.settings import AverageSettings, BestResponseSettings, NFSPSettings

if TYPE_CHECKING:
    from pokenash.algorithms.nfsp.buffers import ReplayBuffer, ReservoirBuffer
    from pokenash.algorithms.nfsp.learner import NFSPLearner
    from pokenash.algorithms.nfsp.nfsp import NFSP, NFSPResult, NFSPRound

_MODULES = {
    "NFSPLearner": "learner",
    "NFSP": "nfsp",
    "NFSPResult": "nfsp",
    "NFSPRound": "nfsp",
    "ReplayBuffer": "buffers",
    "ReservoirBuffer": "buffers",
}

__all__ = [
    "NFSP",
    "AverageSettings",
    "BestResponseSettings",
    "NFSPLearner",
    "NFSPResult",
    "NFSPRound",
    "NFSPSettings",
    "ReplayBuffer",
    "ReservoirBuffer",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
