"""metamon's networks in torch, with the parameter names of the published checkpoints."""

from __future__ import annotations

from pokenash.metamon.networks.distributions import action_distribution, mask_illegal
from pokenash.metamon.networks.heads import Actor, ScalarCritics, TwoHotCritics
from pokenash.metamon.networks.network import MetamonNetwork, NetworkMemory, StepOutputs
from pokenash.metamon.networks.popart import PopArt

__all__ = [
    "Actor",
    "MetamonNetwork",
    "NetworkMemory",
    "PopArt",
    "ScalarCritics",
    "StepOutputs",
    "TwoHotCritics",
    "action_distribution",
    "mask_illegal",
]
