"""Settings of self-play, checked when they are made. Imports without torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pokenash.algorithms.damping import DampingSettings
from pokenash.errors import InputError
from pokenash.policies.network_settings import MLPSettings, TransformerSettings

__all__ = ["AVERAGE", "CLIPPED", "LAST", "LOGITS", "WEIGHTS", "SelfPlaySettings"]

LAST, WEIGHTS, AVERAGE = "last", "weights", "average"
CLIPPED, LOGITS = "clipped", "logits"


@dataclass(frozen=True)
class SelfPlaySettings:
    """Regularised self-play: a policy's objective, an entropy bonus, and a KL divergence from a reference.

    Parameters
    ----------
    updates : int
        Rounds of playing and learning. Schedules do not depend on it: a finished training may be extended.
    episodes_per_update : int
        Episodes per round. Both seats learn from all of them.
    epochs : int
        Passes over a round's decisions.
    batch_size : int
        Decisions per step.
    objective : {"clipped", "logits"}
        PPO's, or steps of the logits (`pokenash.algorithms.self_play.objectives`), which find equilibria sooner.
    clip : float
        For ``"clipped"``: how far the ratio of new to old probability counts.
    inverse_cap : float
        For ``"logits"``: up to where an action's inverse probability counts.
    discount, gae_lambda : float
        Of the advantage estimate.
    value_coefficient : float
        Weight of the value's squared error, which is measured in units of the advantages' root mean square, as the
        advantages are in units of their deviation; so weights mean the same whatever the scale of a game's returns.
    max_gradient_norm : float
        Gradients are scaled down to it.
    damping : DampingSettings
        Learning rate, weights of entropy and KL divergence, and their control.
    network : TransformerSettings or MLPSettings, optional
        By default a transformer for Showdown and an MLP for other games.
    weights_decay : float
        Share of the averaged weights that an update keeps.
    snapshot_every : int
        Updates between the snapshots of which the average policy is made.
    average_share : float
        Which last share of the updates the average policy is made of.
    average_members : int
        How many snapshots it has at most, evenly spread.
    checkpoint_every : int
        Updates after which the training's state is saved; what is lost, at most, when it is killed.
    torch_threads : int
        Threads of torch while learning. Sums of gradients are split among them, so another number gives other weights.
    num_lanes : int
        Episodes in play at a time.
    num_workers : int
        Worker processes of the game.
    """

    updates: int = 200
    episodes_per_update: int = 1024
    epochs: int = 1
    batch_size: int = 2048
    objective: Literal["clipped", "logits"] = "clipped"
    clip: float = 0.2
    inverse_cap: float = 10.0
    discount: float = 1.0
    gae_lambda: float = 0.95
    value_coefficient: float = 0.5
    max_gradient_norm: float = 0.5
    damping: DampingSettings = field(default_factory=DampingSettings)
    network: TransformerSettings | MLPSettings | None = None
    weights_decay: float = 0.98
    snapshot_every: int = 10
    average_share: float = 0.5
    average_members: int = 40
    checkpoint_every: int = 10
    torch_threads: int = 2
    num_lanes: int = 128
    num_workers: int = 2

    def __post_init__(self) -> None:
        whole = ("episodes_per_update", "epochs", "batch_size", "snapshot_every", "average_members", "checkpoint_every")
        for name in (*whole, "torch_threads", "num_lanes", "num_workers"):
            self._check(name, getattr(self, name) >= 1, "a number of at least 1")
        self._check("updates", self.updates >= 0, "a number of at least 0")
        self._check("objective", self.objective in (CLIPPED, LOGITS), f"{CLIPPED!r} or {LOGITS!r}")
        self._check("inverse_cap", self.inverse_cap >= 1, "a number of at least 1")
        for name in ("clip", "max_gradient_norm"):
            self._check(name, getattr(self, name) > 0, "a number above 0")
        self._check("value_coefficient", self.value_coefficient >= 0, "a number of at least 0")
        for name in ("discount", "gae_lambda", "weights_decay"):
            self._check(name, 0 <= getattr(self, name) <= 1, "a number from 0 to 1")
        self._check("average_share", 0 < self.average_share <= 1, "a number above 0 and at most 1")

    def _check(self, name: str, fine: bool, expected: str) -> None:
        if not fine:
            raise InputError(f"{name}: expected {expected}, got {getattr(self, name)}")
