"""Policies that a network plays: kind ``"network"``.

Imports torch; nothing imports this module before a network is used.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pokenash.errors import InputError
from pokenash.games.core import Decisions, Game
from pokenash.policies.core import DecisionRandom, Policy, sample_actions
from pokenash.policies.networks import Network, infer, load_network, masked_log_probabilities, save_network
from pokenash.policies.spec import PolicySpec, file_sha256

__all__ = ["NetworkPolicy", "load", "save_network_policy"]

_PARAMETERS = {"temperature", "greedy"}


class NetworkPolicy(Policy):
    """Draws actions from a network's distribution over the legal ones.

    Parameters
    ----------
    network : Network
        Is put into inference mode.
    temperature : float
        Above 0; scores are divided by it, so below 1 the likeliest actions become likelier.
    greedy : bool
        Always take the likeliest action instead (the first of several).
    """

    def __init__(self, network: Network, *, temperature: float = 1.0, greedy: bool = False) -> None:
        if not temperature > 0:
            raise InputError(f"temperature: expected a number above 0, got {temperature}")
        self.network = network.eval()
        self.temperature = float(temperature)
        self.greedy = bool(greedy)

    def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        probabilities = self.action_probabilities(decisions, memory)
        if self.greedy:
            chosen: NDArray[np.int64] = np.argmax(probabilities, axis=1)
            return chosen
        return sample_actions(probabilities, rng.uniform(decisions)[:, 0])

    def action_probabilities(self, decisions: Decisions, memory: Any) -> NDArray[np.float64]:
        scores, _ = infer(self.network, self.network.prepare(decisions.observation))
        with torch.inference_mode():
            mask = torch.from_numpy(np.ascontiguousarray(decisions.action_mask))
            log_probabilities = masked_log_probabilities(scores / self.temperature, mask)
            probabilities: NDArray[np.float64] = log_probabilities.exp().numpy().astype(np.float64)
        if not self.greedy:
            return probabilities
        chosen = np.zeros_like(probabilities)
        chosen[np.arange(len(chosen)), probabilities.argmax(axis=1)] = 1.0
        return chosen


def save_network_policy(name: str, network: Network, path: Path, **parameters: Any) -> PolicySpec:
    """Write a network and describe the policy that it plays.

    Parameters
    ----------
    name : str
        Of the policy.
    network : Network
    path : Path
        Of the ``.safetensors`` file; a ``.json`` is written beside it.
    **parameters
        Of `NetworkPolicy`.
    """
    save_network(network, path)
    return PolicySpec(name, "network", parameters, str(path), file_sha256(path))


def load(spec: PolicySpec, game: Game) -> NetworkPolicy:
    """Make the policy of a spec of kind ``"network"``.

    Raises
    ------
    InputError
        If a parameter is unknown or wrong, the checkpoint cannot be used, or it was made for another game.
    """
    unknown = set(spec.parameters) - _PARAMETERS
    if unknown:
        raise InputError(f"policy {spec.name!r}: unknown parameters {sorted(unknown)}; known: {sorted(_PARAMETERS)}")
    network = load_network(spec.checkpoint_path())
    try:
        network.check_game(game)
        return NetworkPolicy(network, **spec.parameters)
    except (InputError, TypeError) as error:
        raise InputError(f"policy {spec.name!r}: {error}") from error
