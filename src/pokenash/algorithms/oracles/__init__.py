"""Oracles: what finds a policy that does well against a mixture. Torch loads with the first oracle that needs it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pokenash.algorithms.oracles.core import Oracle, derive_seed
from pokenash.algorithms.oracles.settings import ImitationSettings, PPOSettings, TrainingSettings

if TYPE_CHECKING:
    from pokenash.algorithms.oracles.ppo import PPO
    from pokenash.algorithms.oracles.ppo_oracle import PPOOracle

_MODULES = {"PPO": "ppo", "PPOOracle": "ppo_oracle"}

__all__ = ["PPO", "ImitationSettings", "Oracle", "PPOOracle", "PPOSettings", "TrainingSettings", "derive_seed"]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
