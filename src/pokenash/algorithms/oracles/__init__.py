"""Oracles: what finds a policy that does well against a mixture. Torch loads with the first oracle that needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pokenash.algorithms.oracles.core import Oracle, derive_seed
from pokenash.algorithms.oracles.settings import ImitationSettings, PPOSettings, TrainingSettings
from pokenash.lazy import lazy_names

if TYPE_CHECKING:
    from pokenash.algorithms.oracles.amago.environment import AmagoEnvironment
    from pokenash.algorithms.oracles.amago.oracle import AmagoOracle
    from pokenash.algorithms.oracles.amago.process import AmagoError
    from pokenash.algorithms.oracles.amago.settings import AmagoSettings
    from pokenash.algorithms.oracles.exact_oracle import ExactOracle
    from pokenash.algorithms.oracles.metamon.damping import NetworkDamping
    from pokenash.algorithms.oracles.metamon.oracle import MetamonOracle
    from pokenash.algorithms.oracles.metamon.ppo_oracle import MetamonPPOOracle
    from pokenash.algorithms.oracles.metamon.ppo_settings import MetamonPPOSettings
    from pokenash.algorithms.oracles.metamon.settings import MetamonOracleSettings, metamon_oracle_preset
    from pokenash.algorithms.oracles.ppo import PPO
    from pokenash.algorithms.oracles.ppo_oracle import PPOOracle
    from pokenash.algorithms.oracles.scaled_returns import ScaledOracle
    from pokenash.algorithms.oracles.tabular_oracle import TabularOracle, TabularOracleSettings

_MODULES = {
    "PPO": "ppo",
    "AmagoEnvironment": "amago.environment",
    "AmagoError": "amago.process",
    "AmagoOracle": "amago.oracle",
    "AmagoSettings": "amago.settings",
    "ExactOracle": "exact_oracle",
    "MetamonOracle": "metamon.oracle",
    "MetamonOracleSettings": "metamon.settings",
    "MetamonPPOOracle": "metamon.ppo_oracle",
    "MetamonPPOSettings": "metamon.ppo_settings",
    "NetworkDamping": "metamon.damping",
    "PPOOracle": "ppo_oracle",
    "ScaledOracle": "scaled_returns",
    "TabularOracle": "tabular_oracle",
    "TabularOracleSettings": "tabular_oracle",
    "metamon_oracle_preset": "metamon.settings",
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
    "NetworkDamping",
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


__getattr__, __dir__ = lazy_names(__name__, _MODULES, __all__)
