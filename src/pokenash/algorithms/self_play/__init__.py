"""Self-play: one network in both seats, damped, and what is averaged from it. Torch loads with `SelfPlay`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pokenash.algorithms.self_play.settings import AVERAGE, CLIPPED, LAST, LOGITS, WEIGHTS, SelfPlaySettings
from pokenash.lazy import lazy_names

if TYPE_CHECKING:
    from pokenash.algorithms.self_play.learner import SelfPlayLearner
    from pokenash.algorithms.self_play.training import SelfPlay

_MODULES = {"SelfPlay": "training", "SelfPlayLearner": "learner"}

__all__ = ["AVERAGE", "CLIPPED", "LAST", "LOGITS", "WEIGHTS", "SelfPlay", "SelfPlayLearner", "SelfPlaySettings"]


__getattr__, __dir__ = lazy_names(__name__, _MODULES, __all__)
