"""Neural fictitious self-play (Heinrich & Silver 2016). Torch loads when a run is made, not with the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pokenash.algorithms.nfsp.settings import AverageSettings, BestResponseSettings, NFSPSettings
from pokenash.lazy import lazy_names

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


__getattr__, __dir__ = lazy_names(__name__, _MODULES, __all__)
