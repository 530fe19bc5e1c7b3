"""Settings of the oracle that trains a metamon network online. Imports without torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pokenash.algorithms.oracles.settings import STRONGEST
from pokenash.errors import InputError
from pokenash.policies.spec import PolicySpec

__all__ = ["MetamonPPOSettings"]

_FREE = frozenset({"device", "checkpoint_every"})


@dataclass(frozen=True)
class MetamonPPOSettings:
    """Proximal policy optimisation (Schulman et al. 2017) of a metamon network against a mixture.

    Parameters
    ----------
    start : str or PolicySpec
        As in `MetamonOracleSettings`.
    reward : str, optional
        By default what the start plays with.
    rounds : int
        Of collecting battles and learning from them.
    battles_per_round : int
        Even, as each start is played from both seats.
    epochs : int
        Passes over a round's battles.
    decisions_per_step : int
        A step of the optimizer learns from whole battles of about so many decisions, padding included. What the
        forward pass keeps for the gradient grows with it.
    learning_rate : float
        Of AdamW; rises over the first `warm_up_steps` steps.
    weight_decay, max_gradient_norm : float
    warm_up_steps : int
    clip : float
        How far the ratio of new to old probability counts.
    gae_lambda : float
        Of the advantage estimate. The discount is the network's own, the one that plays; returns are metamon's.
    entropy_coefficient : float
    critic_coefficient : float
        Weight of the critics' loss, which is metamon's, for all discounts.
    reference_kl_coefficient : float
        Weight of the reverse KL divergence from the start, over legal actions.
    target_kl : float
        A round ends early once the mean divergence from the policy that played it passes this.
    critic_only_rounds : int
        First rounds in which the critics alone learn, all else being kept: those of a trained network know other
        opponents.
    head_to_head_battles : int
        Fresh battles of the new policy against its start, in pairs.
    checkpoint_every : int
        Rounds between states that a killed training goes on from.
    torch_threads : int
    device : str
    num_lanes, num_workers : int
        Of the arena.
    """

    start: str | PolicySpec = STRONGEST
    reward: str | None = None
    rounds: int = 50
    battles_per_round: int = 256
    epochs: int = 2
    decisions_per_step: int = 2048
    learning_rate: float = 1e-5
    weight_decay: float = 0.0
    warm_up_steps: int = 50
    max_gradient_norm: float = 0.5
    clip: float = 0.2
    gae_lambda: float = 0.95
    entropy_coefficient: float = 0.005
    critic_coefficient: float = 0.5
    reference_kl_coefficient: float = 0.05
    target_kl: float = 0.02
    critic_only_rounds: int = 2
    head_to_head_battles: int = 400
    checkpoint_every: int = 1
    torch_threads: int = 2
    device: str = "cpu"
    num_lanes: int = 128
    num_workers: int = 1

    def __post_init__(self) -> None:
        for name in ("battles_per_round", "head_to_head_battles"):
            if getattr(self, name) < 2 or getattr(self, name) % 2:
                raise InputError(f"{name}: expected an even number of at least 2, got {getattr(self, name)}")
        ones = ("rounds", "epochs", "decisions_per_step", "checkpoint_every", "torch_threads", "num_lanes")
        for name in (*ones, "num_workers"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}: expected a number of at least 1, got {getattr(self, name)}")
        for name in ("learning_rate", "max_gradient_norm", "clip", "target_kl"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name}: expected a number above 0, got {getattr(self, name)}")
        coefficients = ("entropy_coefficient", "critic_coefficient", "reference_kl_coefficient", "weight_decay")
        for name in (*coefficients, "warm_up_steps", "critic_only_rounds"):
            if not getattr(self, name) >= 0:
                raise InputError(f"{name}: expected a number of at least 0, got {getattr(self, name)}")
        if not 0 <= self.gae_lambda <= 1:
            raise InputError(f"gae_lambda: expected a number from 0 to 1, got {self.gae_lambda}")
        if isinstance(self.start, PolicySpec) and self.start.kind != "metamon":
            raise InputError(f"start: expected a policy of kind 'metamon', got kind {self.start.kind!r}")

    def to_json(self) -> dict[str, Any]:
        """All that a result depends on, JSON-able."""
        values = {name: value for name, value in asdict(self).items() if name not in _FREE}
        return values | {"start": self.start.to_json() if isinstance(self.start, PolicySpec) else self.start}
