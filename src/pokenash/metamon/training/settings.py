"""Settings of fine-tuning, checked when they are made. Imports without torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

from pokenash.errors import InputError
from pokenash.metamon.dataset import TrajectorySource

__all__ = ["FREE_SETTINGS", "FineTuneSettings", "TrainingData"]

FREE_SETTINGS = frozenset({"device", "accelerate", "cached_battles", "checkpoint_every", "log_every"})
"""Settings with which a training that was begun may go on though they differ."""


@dataclass(frozen=True)
class TrainingData:
    """What is learned from, and the reward that it is labelled with.

    Parameters
    ----------
    sources : sequence of TrajectorySource or path-like
        Roots of trajectory files, drawn from in proportion to their weights whatever their sizes.
    reward : str
        metamon's name of a reward function. The critics' targets and the network's input are this reward, the
        training's record names it, and the policy that comes out plays with it.
    formats : sequence of str, optional
        Only these folders of the roots, e.g. ``["gen1ou"]``.
    result : {"win", "loss"}, optional
        Only battles that the player won or did not win.
    """

    sources: Sequence[TrajectorySource | str | Path]
    reward: str = "DefaultShapedReward"
    formats: Sequence[str] | None = None
    result: Literal["win", "loss"] | None = None

    def to_json(self) -> dict[str, Any]:
        """As a JSON-able dict."""
        sources = [s if isinstance(s, TrajectorySource) else TrajectorySource(s) for s in self.sources]
        return {
            "sources": [{"root": str(source.root), "weight": source.weight} for source in sources],
            "reward": self.reward,
            "formats": None if self.formats is None else list(self.formats),
            "result": self.result,
        }


@dataclass(frozen=True)
class FineTuneSettings:
    """How a network learns from trajectories: metamon's actor-critic, minimised by AdamW.

    The defaults are those of metamon's trainings from scratch; `oracle` is what its fine-tunings used.

    Parameters
    ----------
    epochs, steps_per_epoch : int
        Steps of the optimizer in all: their product. (The original's epochs have 25,000.)
    batch_size : int
        Sequences of one forward pass on each device.
    accumulation : int
        Forward and backward passes whose mean gradient makes one step.
    max_length : int, optional
        Transitions of a sequence at most; by default the network's ``max_seq_len``.
    learning_rate : float
        Rises linearly over `warm_up_steps`, then stays.
    weight_decay, max_gradient_norm : float
    warm_up_steps : int
    offline_coefficient, online_coefficient, advantage_filter, beta, filter_range, critic_weight, action_samples
        As in `pokenash.metamon.losses.LossSettings`.
    token_masking : float
        Share of the words that are replaced by the unknown word, anew in each batch.
    precision : {"float32", "bfloat16"}
        Of the encoders' forward pass (autocast). Weights, heads and losses stay in float32.
    device : str
        Such as ``"cuda"``. Ignored with `accelerate`.
    accelerate : bool
        Train on every device of a program that was started by ``accelerate launch``.
    torch_threads : int
        On the CPU. Sums are split among them, so another number gives other weights.
    cached_battles : int
        How many battles are kept as arrays (about 50 kB each); others are read and encoded anew when they are drawn,
        which takes longer than a step on a fast device.
    checkpoint_every : int
        Steps between states that a killed training goes on from.
    log_every : int
        Steps between lines of the log.
    keep_epochs : bool
        Keep the weights of every epoch, not only the last.
    export : bool
        Write the weights that are kept also as metamon's own ``policy_weights/policy_epoch_<n>.pt``.
    """

    epochs: int = 5
    steps_per_epoch: int = 1000
    batch_size: int = 16
    accumulation: int = 1
    max_length: int | None = None
    learning_rate: float = 1.5e-4
    weight_decay: float = 1e-4
    warm_up_steps: int = 1000
    max_gradient_norm: float = 1.5
    offline_coefficient: float = 1.0
    online_coefficient: float = 0.0
    advantage_filter: Literal["binary", "exponential", "none"] = "binary"
    beta: float = 1.0
    filter_range: tuple[float, float] = (1e-7, 100.0)
    critic_weight: float = 10.0
    action_samples: int = 3
    token_masking: float = 0.0
    precision: Literal["float32", "bfloat16"] = "float32"
    device: str = "cpu"
    accelerate: bool = False
    torch_threads: int = 2
    cached_battles: int = 20_000
    checkpoint_every: int = 500
    log_every: int = 10
    keep_epochs: bool = False
    export: bool = False

    def __post_init__(self) -> None:
        for name in ("epochs", "steps_per_epoch", "batch_size", "accumulation", "torch_threads"):
            self._check(name, 1)
        for name in ("checkpoint_every", "log_every"):
            self._check(name, 1)
        self._check("cached_battles", 0)
        for name in ("weight_decay", "warm_up_steps", "offline_coefficient", "online_coefficient", "critic_weight"):
            self._check(name, 0)
        for name in ("learning_rate", "max_gradient_norm"):
            self._check(name, 0, above=True)
        if self.max_length is not None:
            self._check("max_length", 1)
        if not 0 <= self.token_masking < 1:
            raise InputError(f"token_masking: expected a share from 0 to below 1, got {self.token_masking}")
        if self.precision not in ("float32", "bfloat16"):
            raise InputError(f"precision: expected 'float32' or 'bfloat16', got {self.precision!r}")
        if self.advantage_filter not in ("binary", "exponential", "none"):
            raise InputError(
                f"advantage_filter: expected 'binary', 'exponential' or 'none', got {self.advantage_filter!r}"
            )

    def _check(self, name: str, least: float, *, above: bool = False) -> None:
        value = getattr(self, name)
        if not math.isfinite(value) or value < least or (above and value == least):
            raise InputError(f"{name}: expected a number {'above' if above else 'of at least'} {least}, got {value}")

    @property
    def steps(self) -> int:
        """Steps of the optimizer in all."""
        return self.epochs * self.steps_per_epoch

    @classmethod
    def oracle(cls, **changes: Any) -> Self:
        """For best responses to a mixture, from a trained network: 3e-5, decay 5e-5, 500 steps of warm-up, and both
        coefficients 1/2.
        """
        preset = cls(
            learning_rate=3e-5,
            weight_decay=5e-5,
            warm_up_steps=500,
            offline_coefficient=0.5,
            online_coefficient=0.5,
        )
        return replace(preset, **changes)
