"""Settings of the oracles that train metamon networks, checked when they are made. Imports without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pokenash.algorithms.damping import AdaptiveControl, DampingSettings, PowerLaw
from pokenash.algorithms.oracles.settings import STRONGEST
from pokenash.errors import InputError
from pokenash.metamon.dataset import TrajectorySource
from pokenash.metamon.training.settings import FREE_SETTINGS, FineTuneSettings
from pokenash.policies.spec import PolicySpec

__all__ = ["MetamonOracleSettings", "metamon_oracle_preset"]

_PRESETS = ("oracle", "damped", "from_scratch")


@dataclass(frozen=True)
class MetamonOracleSettings:
    """How `MetamonOracle` finds a best response.

    Parameters
    ----------
    training : FineTuneSettings
    start : str or PolicySpec
        Whose weights are trained and who plays the fresh battles: ``"strongest"`` (the metamon member of the largest
        probability in the mixture; the latest one where none is in it), ``"latest"``, the name of a member, the name
        of a published model (``"SyntheticRLV2"``), the path of a checkpoint with its configuration beside it, or a
        spec that `pokenash.metamon.policy.metamon_spec` made.
    reward : str, optional
        What all data is labelled with and the new policy plays with; by default what the start plays with.
    battles : int
        Fresh battles of the start against the mixture, half of them from each seat.
    fresh_weight : float
        Share of the sequences that are drawn from them, if there are others (the original's
        ``--custom_replay_sample_weight``).
    sources : sequence of TrajectorySource
        Roots of other trajectories, which share the rest in proportion to their weights.
    formats : sequence of str, optional
        Of the other trajectories; by default the game's own.
    damping : DampingSettings, optional
        Reverse KL divergence from the start, entropy and their control.
    damping_check_every : int
        Steps between the looks of its controller.
    head_to_head_battles : int
        Fresh battles of the new policy against its start, in pairs.
    battles_per_block : int
        Fresh battles are kept in blocks of so many; a killed collection goes on after the last whole one.
    num_lanes, num_workers : int
        Of the arena.
    processes : int
        Devices that the fine-tuning uses, each of them `FineTuneSettings.batch_size` sequences at a time; needs
        accelerate for more than one.
    """

    training: FineTuneSettings = field(default_factory=FineTuneSettings.oracle)
    start: str | PolicySpec = STRONGEST
    reward: str | None = None
    battles: int = 2000
    fresh_weight: float = 0.5
    sources: Sequence[TrajectorySource] = ()
    formats: Sequence[str] | None = None
    damping: DampingSettings | None = None
    damping_check_every: int = 100
    head_to_head_battles: int = 400
    battles_per_block: int = 200
    num_lanes: int = 64
    num_workers: int = 1
    processes: int = 1

    def __post_init__(self) -> None:
        for name in ("battles", "head_to_head_battles", "battles_per_block"):
            if getattr(self, name) < 2 or getattr(self, name) % 2:
                raise InputError(f"{name}: expected an even number of at least 2, got {getattr(self, name)}")
        if not 0 < self.fresh_weight <= 1:
            raise InputError(f"fresh_weight: expected a share above 0 and at most 1, got {self.fresh_weight}")
        if min(self.num_lanes, self.num_workers, self.damping_check_every, self.processes) < 1:
            raise InputError("num_lanes, num_workers, damping_check_every, processes: expected numbers of at least 1")
        if self.training.accelerate:
            raise InputError("training.accelerate: set processes instead, the oracle starts them itself")
        if isinstance(self.start, PolicySpec) and self.start.kind != "metamon":
            raise InputError(f"start: expected a policy of kind 'metamon', got kind {self.start.kind!r}")

    def to_json(self) -> dict[str, Any]:
        """All that a result depends on, JSON-able."""
        training = {k: _plain(v) for k, v in asdict(self.training).items() if k not in FREE_SETTINGS}
        return {
            "training": training,
            "start": self.start.to_json() if isinstance(self.start, PolicySpec) else self.start,
            "reward": self.reward,
            "battles": self.battles,
            "fresh_weight": self.fresh_weight,
            "sources": [{"root": str(source.root), "weight": source.weight} for source in self.sources],
            "formats": None if self.formats is None else list(self.formats),
            "damping": None if self.damping is None else _plain(asdict(self.damping)),
            "damping_check_every": self.damping_check_every,
            "head_to_head_battles": self.head_to_head_battles,
            "battles_per_block": self.battles_per_block,
            "num_lanes": self.num_lanes,
            "num_workers": self.num_workers,
            "processes": self.processes,
        }


def _plain(value: Any) -> Any:
    """As JSON gives it back."""
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def metamon_oracle_preset(name: Literal["oracle", "damped", "from_scratch"], **changes: Any) -> MetamonOracleSettings:
    """Settings that metamon's own trainings used.

    Parameters
    ----------
    name : {"oracle", "damped", "from_scratch"}
        Best responses from a trained network (3e-5, decay 5e-5, warm-up 500, coefficients 1/2 and 1/2); the same
        damped (1e-4; weight of the KL divergence 0.05 and of the entropy 0.01, both falling; the controller aims at a
        divergence of 0.01); or everything as from random weights (1.5e-4).
    **changes
        Of `MetamonOracleSettings`; `training` is a mapping of changes of `FineTuneSettings`.

    Raises
    ------
    InputError
        If there is no such preset or a value is out of range.
    """
    if name not in _PRESETS:
        raise InputError(f"unknown preset {name!r}; known: {', '.join(_PRESETS)}")
    training = changes.pop("training", {})
    if not isinstance(training, Mapping):
        raise InputError(f"training: expected a mapping of changes of FineTuneSettings, got {type(training).__name__}")
    damping = None
    if name == "damped":
        damping = DampingSettings(
            PowerLaw(1e-4),
            PowerLaw(0.05, time_scale=1e6, exponent=0.5, cap=0.5),
            PowerLaw(0.01, time_scale=1e6, exponent=0.7, floor=0.001),
            control=AdaptiveControl(target=0.01, tolerance=1.5),
        )
    made = FineTuneSettings(**training) if name == "from_scratch" else FineTuneSettings.oracle(**training)
    return MetamonOracleSettings(**{"training": made, "damping": damping, **changes})
