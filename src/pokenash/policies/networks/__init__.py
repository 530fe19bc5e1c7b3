"""Torch networks for policies: a transformer for Showdown's tensor observation, an MLP for anything else."""

from pokenash.policies.networks.checkpoint import build_network, copy_network, load_network, save_network
from pokenash.policies.networks.core import Network, infer, masked_log_probabilities, to_tensors
from pokenash.policies.networks.mlp import MLPNetwork
from pokenash.policies.networks.transformer import TransformerNetwork

__all__ = [
    "MLPNetwork",
    "Network",
    "TransformerNetwork",
    "build_network",
    "copy_network",
    "infer",
    "load_network",
    "masked_log_probabilities",
    "save_network",
    "to_tensors",
]
