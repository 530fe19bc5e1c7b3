"""Self-play: one network in both seats, damped, and what is averaged from it. Torch loads with `SelfPlay`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pokenash.algorithms.self_play.settings import AVERAGE, CLIPPED, LAST, LOGITS, WEIGHTS, SelfPlaySettings

if TYPE_CHECKING:
    from pokenash.algorithms.self_play.learner import SelfPlayLearner
    from pokenash.algorithms.self_play.training import SelfPlay

_MODULES = {"SelfPlay": "training", "SelfPlayLearner": "learner"}

__all__ = ["AVERAGE", "CLIPPED", "LAST", "LOGITS", "WEIGHTS", "SelfPlay", "SelfPlayLearner", "SelfPlaySettings"]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
