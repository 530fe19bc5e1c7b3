"""Oracles: what finds a policy that does well against a mixture. Torch loads with the first oracle that needs it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pokenash.algorithms.oracles.core import Oracle, derive_seed
from pokenash.algorithms.oracles.settings import ImitationSettings, PPOSettings, TrainingSettings

if TYPE_CHECKING:
    from pokenash.algorithms.oracles.amago_environment import AmagoEnvironment
    from pokenash.algorithms.oracles.amago_oracle import AmagoOracle
    from pokenash.algorithms.oracles.amago_process import AmagoError
    from pokenash.algorithms.oracles.amago_settings import AmagoSettings
    from pokenash.algorithms.oracles.exact_oracle import ExactOracle
    from pokenash.algorithms.oracles.metamon_oracle import MetamonOracle
    from pokenash.algorithms.oracles.metamon_ppo_oracle import MetamonPPOOracle
    from pokenash.algorithms.oracles.metamon_ppo_settings import MetamonPPOSettings
    from pokenash.algorithms.oracles.metamon_settings import MetamonOracleSettings, metamon_oracle_preset
    from pokenash.algorithms.oracles.ppo import PPO
    from pokenash.algorithms.oracles.ppo_oracle import PPOOracle
    from pokenash.algorithms.oracles.scaled_returns import ScaledOracle
    from pokenash.algorithms.oracles.tabular_oracle import TabularOracle, TabularOracleSettings

_MODULES = {
    "PPO": "ppo",
    "AmagoEnvironment": "amago_environment",
    "AmagoError": "amago_process",
    "AmagoOracle": "amago_oracle",
    "AmagoSettings": "amago_settings",
    "ExactOracle": "exact_oracle",
    "MetamonOracle": "metamon_oracle",
    "MetamonOracleSettings": "metamon_settings",
    "MetamonPPOOracle": "metamon_ppo_oracle",
    "MetamonPPOSettings": "metamon_ppo_settings",
    "PPOOracle": "ppo_oracle",
    "ScaledOracle": "scaled_returns",
    "TabularOracle": "tabular_oracle",
    "TabularOracleSettings": "tabular_oracle",
    "metamon_oracle_preset": "metamon_settings",
}

__all__ = [
    "PPO",
    "AmagoEnvironment",
    "AmagoError",
    "AmagoOracle",
    "AmagoSettings",
    "ExactOracle",
    "ImitationSettings",
    "MetamonOracle",
    "MetamonOracleSettings",
    "MetamonPPOOracle",
    "MetamonPPOSettings",
    "Oracle",
    "PPOOracle",
    "PPOSettings",
    "ScaledOracle",
    "TabularOracle",
    "TabularOracleSettings",
    "TrainingSettings",
    "derive_seed",
    "metamon_oracle_preset",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
