"""Oracles: what finds a policy that does well against a mixture. Torch loads with the first oracle that needs it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pokenash.algorithms.oracles.core import Oracle, derive_seed
from pokenash.algorithms.oracles.settings import ImitationSettings, PPOSettings, TrainingSettings

if TYPE_CHECKING:
    from pokenash.algorithms.oracles.exact_oracle import ExactOracle
    from pokenash.algorithms.oracles.ppo import PPO
    from pokenash.algorithms.oracles.ppo_oracle import PPOOracle
    from pokenash.algorithms.oracles.scaled_returns import ScaledOracle
    from pokenash.algorithms.oracles.tabular_oracle import TabularOracle, TabularOracleSettings

_MODULES = {
    "ExactOracle": "exact_oracle",
    "PPO": "ppo",
    "PPOOracle": "ppo_oracle",
    "ScaledOracle": "scaled_returns",
    "TabularOracle": "tabular_oracle",
    "TabularOracleSettings": "tabular_oracle",
}

__all__ = [
    "PPO",
    "ExactOracle",
    "ImitationSettings",
    "Oracle",
    "PPOOracle",
    "PPOSettings",
    "ScaledOracle",
    "TabularOracle",
    "TabularOracleSettings",
    "TrainingSettings",
    "derive_seed",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
