"""What a loop of self-play does in each of its generations. Imports without torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from pokenash.algorithms.damping import AdaptiveControl, DampingSettings, PowerLaw, Reference
from pokenash.errors import InputError
from pokenash.experiments.filtering_rules import FilterRules
from pokenash.metamon.dataset import TrajectorySource
from pokenash.metamon.training.settings import FREE_SETTINGS, FineTuneSettings

__all__ = ["DampingReference", "SelfPlayPlan", "damped", "damping_json", "undamped"]

DampingReference = Literal["generation", "start"]
"""Whose network divergences refer to: the policy's that the generation's training starts from, or the loop's first
policy's."""


def undamped(learning_rate: float = 1e-4) -> DampingSettings:
    """No damping: divergence and entropy are measured, and weigh nothing; the learning rate is constant."""
    return DampingSettings(PowerLaw(learning_rate), PowerLaw(0.0), PowerLaw(0.0))


def damped(learning_rate: float = 1e-4, reference: Reference | None = None) -> DampingSettings:
    """The damping of metamon's own damped self-play.

    The divergence weighs 0.05 (at most 0.5), the entropy 0.01 (at least 0.001); both fall with the powers 0.5 and 0.7
    over a million steps. The controller aims at a divergence of 0.01 within a factor of 1.5, by 0.5 and 1.1 for the
    learning rate, and 1.5 and 0.9 for the weight of the divergence.
    """
    return DampingSettings(
        PowerLaw(learning_rate),
        PowerLaw(0.05, time_scale=1e6, exponent=0.5, cap=0.5),
        PowerLaw(0.01, time_scale=1e6, exponent=0.7, floor=0.001),
        control=AdaptiveControl(target=0.01, tolerance=1.5),
        reference=reference or Reference(),
    )


@dataclass(frozen=True)
class SelfPlayPlan:
    """How each generation is made.

    Parameters
    ----------
    battles : int
        Of self-play that each generation's policy is trained on, first of all; rounded up to an even number.
    rules : FilterRules
        Which of their trajectories are learned from; its `action_space` is not used but the network's.
    fresh_weight : float
        Share of the sequences that are drawn from the generation's own battles, where there are earlier ones, which
        have equal parts of the rest.
    window : int
        From how many generations before its own a generation learns, too.
    replays : sequence of TrajectorySource
        Other roots of trajectories, such as people's battles, by their weights relative to one another.
    replays_weight : float
        Share of the sequences that are drawn from those.
    training : FineTuneSettings
        Its `learning_rate` is not used, but that of the damping.
    damping : DampingSettings
        `undamped` for a plain training whose divergence and entropy are measured.
    damping_check_every : int
        Steps between the looks of the controller.
    damping_reference : {"generation", "start"}
        See `DampingReference`. A reference of the damping that moves begins where the generation does.
    carry_damping : bool
        Whether schedules and the controller's factors go on from generation to generation; otherwise each begins anew.
    evaluation_battles : int
        Fresh battles of every pair of policies in the tournament, half of them with the seats exchanged.
    processes : int
        Devices that a training uses, through accelerate.
    level : float
        Of all intervals.
    """

    battles: int = 1000
    rules: FilterRules = field(default_factory=FilterRules)
    fresh_weight: float = 0.5
    window: int = 3
    replays: Sequence[TrajectorySource] = ()
    replays_weight: float = 0.0
    training: FineTuneSettings = field(default_factory=FineTuneSettings.oracle)
    damping: DampingSettings = field(default_factory=undamped)
    damping_check_every: int = 100
    damping_reference: DampingReference = "generation"
    carry_damping: bool = True
    evaluation_battles: int = 400
    processes: int = 1
    level: float = 0.95

    def __post_init__(self) -> None:
        if min(self.battles, self.damping_check_every, self.processes) < 1 or self.window < 0:
            raise InputError(
                "self-play: expected at least 1 battle, step between looks, and process, and a window >= 0, got "
                f"{self.battles}, {self.damping_check_every}, {self.processes} and {self.window}"
            )
        if self.evaluation_battles < 2 or not 0 < self.level < 1:
            raise InputError(
                "self-play: expected at least 2 battles of evaluation and a level between 0 and 1, got "
                f"{self.evaluation_battles} and {self.level}"
            )
        if not 0 < self.fresh_weight <= 1 or not 0 <= self.replays_weight < 1:
            raise InputError(
                "self-play: expected a share of fresh battles above 0 and at most 1, and one of replays of at least 0 "
                f"and below 1, got {self.fresh_weight} and {self.replays_weight}"
            )
        if bool(self.replays) != (self.replays_weight > 0):
            raise InputError("self-play: replays need a share of the sequences above 0, and such a share needs replays")
        weights = [source.weight for source in self.replays]
        if weights and (not all(0 <= weight < math.inf for weight in weights) or not sum(weights)):
            raise InputError(f"self-play: replays need weights of at least 0 that are not all 0, got {weights}")
        if self.training.accelerate:
            raise InputError("self-play: set processes instead of training.accelerate, the loop starts them itself")
        self._check_reference()

    def _check_reference(self) -> None:
        kind = self.damping.reference.kind
        if self.damping_reference not in ("generation", "start"):
            raise InputError(f"self-play: the reference is 'generation' or 'start', got {self.damping_reference!r}")
        if self.damping_reference == "start" and kind != "fixed":
            raise InputError(
                f"self-play: the reference 'start' stays as it is, so that of the damping must be 'fixed', got {kind!r}"
            )

    def sources(self, fresh: Path, earlier: Sequence[Path]) -> list[TrajectorySource]:
        """Roots of what a generation learns from, and the share of the sequences that each has.

        Parameters
        ----------
        fresh : Path
            Of its own battles.
        earlier : sequence of Path
            Of all generations before it, oldest first.
        """
        own = 1.0 - self.replays_weight
        used = list(earlier)[-self.window :] if self.window else []
        share = self.fresh_weight if used else 1.0
        found = [TrajectorySource(fresh, own * share)]
        if share < 1:
            found += [TrajectorySource(root, own * (1 - share) / len(used)) for root in reversed(used)]
        total = sum(source.weight for source in self.replays)
        found += [TrajectorySource(one.root, self.replays_weight * one.weight / total) for one in self.replays]
        return found

    def to_json(self) -> dict[str, Any]:
        """All that results depend on, JSON-able."""
        training = {k: _plain(v) for k, v in asdict(self.training).items() if k not in FREE_SETTINGS}
        return {
            "battles": self.battles,
            "rules": _plain(self.rules.to_json()),
            "fresh_weight": self.fresh_weight,
            "window": self.window,
            "replays": [{"root": str(source.root), "weight": source.weight} for source in self.replays],
            "replays_weight": self.replays_weight,
            "training": training,
            "damping": damping_json(self.damping),
            "damping_check_every": self.damping_check_every,
            "damping_reference": self.damping_reference,
            "carry_damping": self.carry_damping,
            "evaluation_battles": self.evaluation_battles,
            "processes": self.processes,
            "level": self.level,
        }


def damping_json(settings: DampingSettings) -> dict[str, Any]:
    """Damping settings as JSON, which `damping_from_json` reads."""
    plain: dict[str, Any] = _plain(asdict(settings))
    return plain


def _plain(value: Any) -> Any:
    """As JSON gives it back."""
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
