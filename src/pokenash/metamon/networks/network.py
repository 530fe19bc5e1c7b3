"""The whole network in the form that trains and that checkpoints hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from pokenash.metamon.config import MetamonConfig
from pokenash.metamon.networks.distributions import action_distribution
from pokenash.metamon.networks.heads import Actor, ScalarCritics, TwoHotCritics
from pokenash.metamon.networks.layers import SigmaReparam
from pokenash.metamon.networks.popart import PopArt
from pokenash.metamon.networks.recurrent import GRUMemory, GRUTrajectoryEncoder
from pokenash.metamon.networks.trajectory_encoder import TransformerMemory, TransformerTrajectoryEncoder
from pokenash.metamon.networks.turn_encoder import TurnEncoder

__all__ = ["MetamonNetwork", "NetworkMemory", "StepOutputs"]

NetworkMemory = TransformerMemory | GRUMemory
_POWER_ITERATIONS = 8


@dataclass(frozen=True)
class StepOutputs:
    """What a network makes of one decision a lane.

    Parameters
    ----------
    turns : float Tensor, ``[B, turn_encoder.output_dim]``
    states : float Tensor, ``[B, trajectory_encoder.output_dim]``
    logits : float Tensor, ``[B, G, A]``
        Not masked.
    probabilities : float Tensor, ``[B, G, A]``
        The last discount's play.
    """

    turns: Tensor
    states: Tensor
    logits: Tensor
    probabilities: Tensor


class MetamonNetwork(nn.Module):
    """metamon's actor-critic. Names of parameters and buffers are those of the published state dicts.

    For playing at speed make an `pokenash.metamon.inference.InferenceNetwork` of it.

    Parameters
    ----------
    config : MetamonConfig
        Weights are drawn from torch's global generator; see `random`.
    """

    def __init__(self, config: MetamonConfig) -> None:
        super().__init__()
        self.config = config
        self.tstep_encoder = TurnEncoder(config)
        self.traj_encoder: TransformerTrajectoryEncoder | GRUTrajectoryEncoder
        if config.trajectory_encoder.kind == "gru":
            self.traj_encoder = GRUTrajectoryEncoder(config)
        else:
            self.traj_encoder = TransformerTrajectoryEncoder(config)
        self.popart = PopArt(len(config.discounts))
        critics: type[ScalarCritics | TwoHotCritics]
        critics = ScalarCritics if config.critic.kind == "scalar" else TwoHotCritics
        self.critics: ScalarCritics | TwoHotCritics = critics(config)
        self.target_critics: ScalarCritics | TwoHotCritics = critics(config)
        self.maximized_critics: ScalarCritics | TwoHotCritics = critics(config)
        self.actor, self.target_actor = Actor(config), Actor(config)
        for frozen in (self.target_critics, self.maximized_critics, self.target_actor):
            frozen.requires_grad_(False)

    @classmethod
    def random(cls, config: MetamonConfig, seed: int) -> MetamonNetwork:
        """A network with fresh weights, ready for inference; the same seed gives the same weights."""
        # Torch's initialisers draw from its global generator: lend it to them and put it back as it was.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed % 2**63)
            network = cls(config)
        for module in network.modules():
            if isinstance(module, SigmaReparam):
                # From random vectors the estimate of the spectral norm may be anything, even 0.
                for _ in range(_POWER_ITERATIONS):
                    module.iterate()
        network.synchronise_targets()
        return network.eval()

    @torch.no_grad()
    def synchronise_targets(self) -> None:
        """Make the target networks and the maximised critics equal to what they follow."""
        self.target_critics.load_state_dict(self.critics.state_dict())
        self.maximized_critics.load_state_dict(self.critics.state_dict())
        self.target_actor.load_state_dict(self.actor.state_dict())

    @torch.no_grad()
    def update_targets(self) -> None:
        """After an optimiser's step: targets move by ``config.target_rate``, maximised critics become the critics."""
        pairs = ((self.target_critics, self.critics), (self.target_actor, self.actor))
        for target, source in pairs:
            for slow, fast in zip(target.parameters(), source.parameters(), strict=True):
                slow.lerp_(fast, self.config.target_rate)
        self.maximized_critics.load_state_dict(self.critics.state_dict())

    def inference_parameters(self) -> int:
        """Number of parameters that playing needs: of the encoders and the actor."""
        parts = (self.tstep_encoder, self.traj_encoder, self.actor)
        return sum(p.numel() for part in parts for p in part.parameters())

    def encode(self, tokens: Tensor, numbers: Tensor, rl2: Tensor, time: Tensor) -> Tensor:
        """What actor and critics see of whole sequences.

        Parameters
        ----------
        tokens : int Tensor, ``[B, L, W]``
        numbers : float Tensor, ``[B, L, N]``
        rl2 : float Tensor, ``[B, L, A + 1]``
            Previous reward and one-hot previous action.
        time : int Tensor, ``[B, L]``
            Step of the episode.

        Returns
        -------
        float Tensor, ``[B, L, trajectory_encoder.output_dim]``
        """
        shape = tokens.shape[:2]
        turns = self.tstep_encoder(tokens.flatten(0, 1), numbers.flatten(0, 1), rl2.flatten(0, 1))
        return cast(Tensor, self.traj_encoder(torch.unflatten(turns, 0, shape), time))

    def probabilities(self, logits: Tensor, illegal: Tensor, *, remask: bool = False) -> Tensor:
        """The distributions ``[..., G, A]`` that are acted by; `illegal` is ``[..., A]``.

        See `pokenash.metamon.networks.action_distribution`.
        """
        config = self.config
        low, high = config.probability_low, config.probability_high
        return action_distribution(logits, illegal.unsqueeze(-2), low, high, remask=remask)

    def values(self, states: Tensor) -> Tensor:
        """Mean returns of every action for every discount, ``[..., C, G, A]``, in units of multiplied rewards."""
        if isinstance(self.critics, TwoHotCritics):
            return self.critics.values(states)
        return self.popart.denormalise(self.critics(states))

    def new_memory(self, lanes: int) -> NetworkMemory:
        """Memory of `lanes` episodes that have not begun."""
        return self.traj_encoder.new_memory(lanes)

    @torch.no_grad()
    def step(
        self, tokens: Tensor, numbers: Tensor, rl2: Tensor, illegal: Tensor, reset: Tensor, memory: NetworkMemory
    ) -> StepOutputs:
        """One decision of every lane, plainly; the memory is updated in place.

        Parameters
        ----------
        tokens : int Tensor, ``[B, W]``
        numbers : float Tensor, ``[B, N]``
        rl2 : float Tensor, ``[B, A + 1]``
        illegal : bool Tensor, ``[B, A]``
        reset : bool Tensor, ``[B]``
            Lanes where an episode begins.
        memory : NetworkMemory
            Of as many lanes.
        """
        turns = self.tstep_encoder(tokens, numbers, rl2)
        states = self.traj_encoder.step(turns, reset, memory)  # type: ignore[arg-type]
        logits = self.actor(states)
        return StepOutputs(turns, states, logits, self.probabilities(logits, illegal))
