"""Settings of the oracle that trains networks, checked when they are made. Imports without torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from pokenash.errors import InputError
from pokenash.policies.network_settings import MLPSettings, TransformerSettings

__all__ = ["LATEST", "SCRATCH", "STRONGEST", "ImitationSettings", "PPOSettings", "TrainingSettings"]

STRONGEST, LATEST, SCRATCH = "strongest", "latest", "scratch"


@dataclass(frozen=True)
class ImitationSettings:
    """How a fresh network is taught to play like a member of the population before PPO.

    Parameters
    ----------
    collection_battles : int
        Battles of the teacher against the mixture; its own decisions in them are the lessons.
    epochs : int
        Passes over the lessons.
    batch_size : int
        Decisions per step.
    learning_rate : float
        Of AdamW; rises over the first 100 steps, then falls linearly to a tenth.
    value_coefficient : float
        Weight of the regression of the value on the outcome; small, because a battle has many decisions and only one
        outcome, which is soon known by heart.
    weight_decay : float
        Of AdamW.
    teacher_temperature : float
        A teacher that can say what actions are worth to it teaches the softmax of that divided by this temperature;
        with 0 it teaches the action that it took.
    """

    collection_battles: int = 1000
    epochs: int = 2
    batch_size: int = 256
    learning_rate: float = 4e-3
    value_coefficient: float = 0.05
    weight_decay: float = 1e-4
    teacher_temperature: float = 0.05

    def __post_init__(self) -> None:
        _check(self, positive=("collection_battles", "epochs", "batch_size", "learning_rate"))
        _check(self, not_negative=("value_coefficient", "weight_decay", "teacher_temperature"))


@dataclass(frozen=True)
class PPOSettings:
    """Proximal policy optimisation (Schulman et al. 2017) with generalised advantage estimation (2016).

    Parameters
    ----------
    updates : int
        Rounds of collecting battles and learning from them.
    battles_per_update : int
        Battles per round; even, as each start is played from both seats.
    epochs : int
        Passes over a round's decisions.
    batch_size : int
        Decisions per step.
    learning_rate : float
        Of Adam; it rises over the first steps, because Adam's first steps are as long as its scale allows whatever the
        gradient says, and would spoil a warm start.
    warm_up_steps : int
        How many steps it rises over.
    final_learning_rate : float
        As a share of `learning_rate`; it falls linearly to there.
    clip : float
        How far the ratio of new to old probability counts.
    discount, gae_lambda : float
        Of the advantage estimate; games end, so 1 is a fair discount.
    entropy_coefficient : float
        Weight of the entropy bonus.
    value_coefficient : float
        Weight of the value's squared error, which is not clipped.
    reference_kl_coefficient : float
        Weight of the reverse KL divergence from the network that PPO starts from, over legal actions.
    max_gradient_norm : float
        Gradients are scaled down to it.
    target_kl : float
        A round ends early once the mean KL divergence from the policy that played it passes this.
    value_only_updates : int
        In so many first rounds only the layers of the value are trained, all else being kept: a warm start knows how
        its teacher's battles end, not its own.
    """

    updates: int = 60
    battles_per_update: int = 512
    epochs: int = 2
    batch_size: int = 1024
    learning_rate: float = 3e-4
    warm_up_steps: int = 50
    final_learning_rate: float = 0.5
    clip: float = 0.2
    discount: float = 1.0
    gae_lambda: float = 0.9
    entropy_coefficient: float = 0.01
    value_coefficient: float = 0.25
    reference_kl_coefficient: float = 0.0
    max_gradient_norm: float = 0.5
    target_kl: float = 0.03
    value_only_updates: int = 0

    def __post_init__(self) -> None:
        _check(self, positive=("battles_per_update", "epochs", "batch_size", "learning_rate", "clip"))
        _check(self, positive=("max_gradient_norm", "target_kl"))
        _check(self, not_negative=("updates", "entropy_coefficient", "value_coefficient"))
        _check(self, not_negative=("reference_kl_coefficient", "warm_up_steps", "value_only_updates"))
        _check(self, share=("final_learning_rate", "discount", "gae_lambda"))
        if self.battles_per_update % 2:
            raise InputError(f"battles_per_update: expected an even number, got {self.battles_per_update}")


@dataclass(frozen=True)
class TrainingSettings:
    """A best response by imitation and PPO.

    Parameters
    ----------
    ppo : PPOSettings
    imitation : ImitationSettings
        Used where the network does not start from weights.
    network : TransformerSettings or MLPSettings, optional
        By default a transformer for Showdown and an MLP for other games.
    warm_start : str
        ``"strongest"``: the member of the largest probability in the mixture, by its weights if it is a network of
        this kind and by imitation otherwise; ``"latest"``: the newest member in the same way; ``"scratch"``: fresh
        weights; or the name of a member; or the path of a checkpoint.
    returned : {"last", "best"}
        Which checkpoint becomes the policy: the last one, or the one after the best rounds in training. Neither is
        chosen on the battles that are reported.
    temperature : float
        Of the returned policy.
    greedy : bool
        Whether the returned policy always takes the likeliest action.
    checkpoint_every : int
        Rounds after which the training's state is saved; what is lost, at most, when it is killed.
    torch_threads : int
        Threads of torch while learning. Sums of gradients are split among them, so another number gives other weights.
    num_lanes : int
        Battles in play at a time.
    num_workers : int
        Worker processes of the game.
    """

    ppo: PPOSettings = field(default_factory=PPOSettings)
    imitation: ImitationSettings = field(default_factory=ImitationSettings)
    network: TransformerSettings | MLPSettings | None = None
    warm_start: str = STRONGEST
    returned: Literal["last", "best"] = "last"
    temperature: float = 1.0
    greedy: bool = False
    checkpoint_every: int = 5
    torch_threads: int = 2
    num_lanes: int = 128
    num_workers: int = 2

    def __post_init__(self) -> None:
        _check(self, positive=("temperature", "checkpoint_every", "torch_threads", "num_lanes", "num_workers"))
        if self.returned not in ("last", "best"):
            raise InputError(f"returned: expected 'last' or 'best', got {self.returned!r}")
        if not self.warm_start:
            raise InputError(
                "warm_start: expected 'strongest', 'latest', 'scratch', a member's name or a checkpoint's path"
            )


def _check(
    settings: Any,
    positive: tuple[str, ...] = (),
    not_negative: tuple[str, ...] = (),
    share: tuple[str, ...] = (),
) -> None:
    """Refuse numbers that are out of range, naming the setting."""
    for name in positive:
        if not getattr(settings, name) > 0:
            raise InputError(f"{name}: expected a number above 0, got {getattr(settings, name)}")
    for name in not_negative:
        if not getattr(settings, name) >= 0:
            raise InputError(f"{name}: expected a number of at least 0, got {getattr(settings, name)}")
    for name in share:
        if not 0 <= getattr(settings, name) <= 1:
            raise InputError(f"{name}: expected a number from 0 to 1, got {getattr(settings, name)}")
