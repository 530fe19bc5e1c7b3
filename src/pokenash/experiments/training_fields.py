"""The numbers of a training as flat settings, for command lines: those of the optimisation, and those of damping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from pokenash.algorithms.damping import AdaptiveControl, DampingSettings, PowerLaw, Reference
from pokenash.algorithms.oracles.metamon.settings import metamon_oracle_preset
from pokenash.metamon.training.settings import FineTuneSettings

__all__ = ["DampingFields", "LearningFields", "damping_changes", "learning_changes", "training_presets"]

_PLAIN = FineTuneSettings()
_CONTROL = AdaptiveControl()


@dataclass(frozen=True, kw_only=True)
class LearningFields:
    """How a network learns; metamon's own numbers are the defaults.

    Parameters
    ----------
    epochs : int
        Of so many steps each (metamon's are of 25,000).
    steps_per_epoch : int
        Steps of the optimizer in an epoch.
    batch_size : int
        Sequences that each process takes at a time (metamon's --batch_size_per_gpu).
    accumulation : int
        Passes whose mean gradient makes one step.
    max_length : int, optional
        Decisions of a sequence at most. Default: the network's context.
    learning_rate : float
        Rises linearly over the warm-up, then stays; with damping it follows its schedule and the controller.
    weight_decay : float
        Of AdamW.
    max_gradient_norm : float
        What gradients are clipped to.
    warm_up_steps : int
        Steps over which the learning rate rises.
    offline_coefficient : float
        Weight of filtered behaviour cloning.
    online_coefficient : float
        Weight of the critics' value of the policy.
    advantage_filter : str
        What is cloned: actions of positive advantage (``binary``), all by their advantage (``exponential``), or all
        alike (``none``: imitation, critics are left alone).
    beta : float
        Of the exponential filter.
    filter_range : (float, float)
        What its weights are clipped to.
    critic_weight : float
        Of the critics' loss beside the actor's.
    action_samples : int
        Actions drawn to estimate values, with two-hot critics; 0 for exact expectations.
    token_masking : float
        Share of the words that are hidden, drawn anew for each batch.
    precision : str
        Of the encoders: ``float32`` or ``bfloat16``.
    device : str
        Such as ``cuda``; of several processes each takes a device of its own.
    torch_threads : int
        On the CPU; another number gives other weights, as sums are split among them.
    cached_battles : int
        Battles that are kept in memory, about 50 kB each.
    checkpoint_every : int
        Steps between states that a killed training goes on from.
    log_every : int
        Steps between lines of the log.
    keep_epochs : bool
        Whether to keep the weights of every epoch.
    export : bool
        Whether to write weights also as metamon's own ``policy_epoch_<n>.pt``.
    """

    epochs: int = _PLAIN.epochs
    steps_per_epoch: int = _PLAIN.steps_per_epoch
    batch_size: int = _PLAIN.batch_size
    accumulation: int = _PLAIN.accumulation
    max_length: int | None = _PLAIN.max_length
    learning_rate: float = _PLAIN.learning_rate
    weight_decay: float = _PLAIN.weight_decay
    max_gradient_norm: float = _PLAIN.max_gradient_norm
    warm_up_steps: int = _PLAIN.warm_up_steps
    offline_coefficient: float = _PLAIN.offline_coefficient
    online_coefficient: float = _PLAIN.online_coefficient
    advantage_filter: Literal["binary", "exponential", "none"] = _PLAIN.advantage_filter
    beta: float = _PLAIN.beta
    filter_range: tuple[float, float] = _PLAIN.filter_range
    critic_weight: float = _PLAIN.critic_weight
    action_samples: int = _PLAIN.action_samples
    token_masking: float = _PLAIN.token_masking
    precision: Literal["float32", "bfloat16"] = _PLAIN.precision
    device: str = _PLAIN.device
    torch_threads: int = _PLAIN.torch_threads
    cached_battles: int = _PLAIN.cached_battles
    checkpoint_every: int = _PLAIN.checkpoint_every
    log_every: int = _PLAIN.log_every
    keep_epochs: bool = _PLAIN.keep_epochs
    export: bool = _PLAIN.export

    def learning(self) -> FineTuneSettings:
        """The settings of the training; refuses numbers that are out of range."""
        return FineTuneSettings(**{field.name: getattr(self, field.name) for field in fields(LearningFields)})


@dataclass(frozen=True, kw_only=True)
class DampingFields:
    """What keeps a network near a reference: penalties that fall by a power law, and their controller.

    A weight is ``initial * (1 + step / time_scale) ** -exponent``, never below its floor nor above its cap.

    Parameters
    ----------
    damped : bool
        Whether anything below is used.
    learning_rate_time_scale : float
        Steps over which the learning rate falls to 2 ** -exponent of the initial one.
    learning_rate_exponent : float
        0 for a constant.
    learning_rate_floor : float
        It never falls below it.
    kl : float
        Initial weight of the reverse KL divergence from the reference.
    kl_time_scale : float
        Steps over which it falls to 2 ** -exponent of that.
    kl_exponent : float
        0 for a constant.
    kl_floor : float
        It never falls below it.
    kl_cap : float, optional
        It is never above it. Default: no bound.
    entropy : float
        Initial weight of the entropy bonus.
    entropy_time_scale : float
        Steps over which it falls to 2 ** -exponent of that.
    entropy_exponent : float
        0 for a constant.
    entropy_floor : float
        It never falls below it.
    adaptive : bool
        Whether a controller moves the learning rate and the weight of the divergence.
    target_kl : float
        The divergence that it aims at, nats.
    kl_tolerance : float
        The factor by which that may be missed before it does anything.
    control_every : int
        Steps between the controller's looks.
    learning_rate_shrink : float
        What it multiplies the learning rate by where the divergence is too large.
    learning_rate_grow : float
        Likewise, where it is too small.
    kl_grow : float
        What it multiplies the weight of the divergence by where that is too large.
    kl_shrink : float
        Likewise, where it is too small.
    learning_rate_range : (float, float)
        What the learning rate is kept within.
    kl_range : (float, float)
        What the weight of the divergence is kept within.
    reference : str
        What the divergence is from: the start for ever (``fixed``), a copy of the network made anew every so many
        steps (``periodic``), or a moving average of it (``polyak``).
    reference_period : int
        Steps between copies.
    reference_decay : float
        Share of the old average that a step keeps.
    """

    damped: bool = False
    learning_rate_time_scale: float = 1.0
    learning_rate_exponent: float = 0.0
    learning_rate_floor: float = 0.0
    kl: float = 0.0
    kl_time_scale: float = 1.0
    kl_exponent: float = 0.0
    kl_floor: float = 0.0
    kl_cap: float | None = None
    entropy: float = 0.0
    entropy_time_scale: float = 1.0
    entropy_exponent: float = 0.0
    entropy_floor: float = 0.0
    adaptive: bool = False
    target_kl: float = _CONTROL.target
    kl_tolerance: float = _CONTROL.tolerance
    control_every: int = 100
    learning_rate_shrink: float = _CONTROL.learning_rate_shrink
    learning_rate_grow: float = _CONTROL.learning_rate_grow
    kl_grow: float = _CONTROL.kl_grow
    kl_shrink: float = _CONTROL.kl_shrink
    learning_rate_range: tuple[float, float] = _CONTROL.learning_rate_range
    kl_range: tuple[float, float] = _CONTROL.kl_range
    reference: Literal["fixed", "periodic", "polyak"] = "fixed"
    reference_period: int = 100
    reference_decay: float = 0.99

    def damping(self, learning_rate: float) -> DampingSettings | None:
        """The settings of the damping, if there is any; refuses numbers that are out of range."""
        if not self.damped:
            return None
        control = AdaptiveControl(
            target=self.target_kl,
            tolerance=self.kl_tolerance,
            **{name: getattr(self, name) for name in _SHARED_CONTROL},
        )
        return DampingSettings(
            PowerLaw(
                learning_rate, self.learning_rate_time_scale, self.learning_rate_exponent, self.learning_rate_floor
            ),
            PowerLaw(self.kl, self.kl_time_scale, self.kl_exponent, self.kl_floor, self.kl_cap),
            PowerLaw(self.entropy, self.entropy_time_scale, self.entropy_exponent, self.entropy_floor),
            control=control if self.adaptive else None,
            reference=Reference(self.reference, self.reference_period, self.reference_decay),
        )


# Called alike there and here.
_SHARED_CONTROL = (
    "learning_rate_shrink", "learning_rate_grow", "kl_grow", "kl_shrink", "learning_rate_range", "kl_range",
)  # fmt: skip


def learning_changes(settings: FineTuneSettings) -> dict[str, Any]:
    """What settings change of the defaults of `LearningFields`."""
    values = {field.name: getattr(settings, field.name) for field in fields(LearningFields)}
    return {name: value for name, value in values.items() if value != getattr(_PLAIN, name)}


def damping_changes(damping: DampingSettings, check_every: int) -> dict[str, Any]:
    """Settings of damping as values of `DampingFields`, and the learning rate."""
    rate, kl, entropy, control = damping.learning_rate, damping.kl, damping.entropy, damping.control
    found: dict[str, Any] = {
        "damped": True,
        "learning_rate": rate.initial,
        "learning_rate_time_scale": rate.time_scale,
        "learning_rate_exponent": rate.exponent,
        "learning_rate_floor": rate.floor,
        "kl": kl.initial,
        "kl_time_scale": kl.time_scale,
        "kl_exponent": kl.exponent,
        "kl_floor": kl.floor,
        "kl_cap": kl.cap,
        "entropy": entropy.initial,
        "entropy_time_scale": entropy.time_scale,
        "entropy_exponent": entropy.exponent,
        "entropy_floor": entropy.floor,
        "adaptive": control is not None,
        "control_every": check_every,
        "reference": damping.reference.kind,
        "reference_period": damping.reference.period,
        "reference_decay": damping.reference.decay,
    }
    if control is not None:
        found |= {"target_kl": control.target, "kl_tolerance": control.tolerance}
        found |= {name: getattr(control, name) for name in _SHARED_CONTROL}
    return found


def training_presets() -> Mapping[str, Mapping[str, Any]]:
    """Metamon's own trainings as changes of the defaults: those of the oracle's presets, and imitation."""
    found: dict[str, dict[str, Any]] = {}
    for name in ("from_scratch", "oracle", "damped"):
        preset = metamon_oracle_preset(name)
        found[name] = learning_changes(preset.training)
        if preset.damping is not None:
            found[name] |= damping_changes(preset.damping, preset.damping_check_every)
    found["imitation"] = {"advantage_filter": "none"}
    return found
