"""What keeps self-play from running in circles: divergences from a reference, entropy, schedules and their control.

Learners that play themselves cycle where a game is cyclic (rock, paper, scissors). A reverse KL divergence to a
reference policy and an entropy bonus damp that (magnetic mirror descent: Sokota et al., "A Unified Approach to
Reinforcement Learning, Quantal Response Equilibria, and Two-Player Zero-Sum Games", 2022). Their weights fall by a
power law while the policy converges, and a controller keeps the steps of the policy near a wanted length. Imports
without torch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from pokenash.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["AdaptiveControl", "Damping", "DampingSettings", "PowerLaw", "Reference", "entropy", "reverse_kl"]


@dataclass(frozen=True)
class PowerLaw:
    """A weight that falls with time: ``k(t) = initial * (1 + t / time_scale) ** -exponent``, kept in bounds.

    Parameters
    ----------
    initial : float
        The value at time 0, before the bounds.
    time_scale : float
        After so many updates the weight has fallen to ``2 ** -exponent`` of the initial one.
    exponent : float
        0 for a constant.
    floor : float
        The weight never falls below it.
    cap : float, optional
        The weight is never above it.
    """

    initial: float
    time_scale: float = 1.0
    exponent: float = 0.0
    floor: float = 0.0
    cap: float | None = None

    def __post_init__(self) -> None:
        for name in ("initial", "exponent", "floor"):
            _check(name, getattr(self, name), 0.0)
        _check("time_scale", self.time_scale, 0.0, above=True)
        if self.cap is not None:
            _check("cap", self.cap, self.floor)

    def at(self, time: float) -> float:
        """The weight at a time of at least 0."""
        _check("time", time, 0.0)
        value = max(self.initial * math.pow(1.0 + time / self.time_scale, -self.exponent), self.floor)
        return value if self.cap is None else min(value, self.cap)


@dataclass(frozen=True)
class AdaptiveControl:
    """How learning rate and KL weight follow the KL divergence that an update was observed to make.

    Above ``target * tolerance`` the learning rate shrinks and the KL weight grows; below ``target / tolerance`` the
    other way round; between them both stay.

    Parameters
    ----------
    target : float
        The wanted KL divergence of an update, from the new policy to the old one, nats.
    tolerance : float
        At least 1.
    learning_rate_shrink, learning_rate_grow : float
        Factors, at most 1 and at least 1.
    kl_grow, kl_shrink : float
        Factors of the KL weight, at least 1 and at most 1.
    learning_rate_range, kl_range : (float, float)
        What schedule times factor is kept within.
    """

    target: float = 0.01
    tolerance: float = 1.5
    learning_rate_shrink: float = 0.5
    learning_rate_grow: float = 1.1
    kl_grow: float = 1.5
    kl_shrink: float = 0.9
    learning_rate_range: tuple[float, float] = (1e-6, 1e-3)
    kl_range: tuple[float, float] = (1e-6, 0.5)

    def __post_init__(self) -> None:
        _check("target", self.target, 0.0, above=True)
        for name in ("tolerance", "learning_rate_grow", "kl_grow"):
            _check(name, getattr(self, name), 1.0)
        for name in ("learning_rate_shrink", "kl_shrink"):
            _check(name, getattr(self, name), 0.0, above=True)
            if getattr(self, name) > 1:
                raise InputError(f"{name}: expected a factor of at most 1, got {getattr(self, name)}")
        for name in ("learning_rate_range", "kl_range"):
            low, high = getattr(self, name)
            _check(name, low, 0.0, above=True)
            _check(name, high, low)

    def factors(self, observed_kl: float) -> tuple[float, float]:
        """By what the learning rate and the KL weight are multiplied after an update.

        Raises
        ------
        InputError
            If the divergence is not a number of at least 0 (infinity is one).
        """
        if math.isnan(observed_kl) or observed_kl < 0:
            raise InputError(f"observed KL: expected a number of at least 0, got {observed_kl}")
        if observed_kl > self.target * self.tolerance:
            return self.learning_rate_shrink, self.kl_grow
        if observed_kl < self.target / self.tolerance:
            return self.learning_rate_grow, self.kl_shrink
        return 1.0, 1.0


@dataclass(frozen=True)
class Reference:
    """What the KL divergence refers to: a whole network of its own, trunk and heads.

    Parameters
    ----------
    kind : {"fixed", "periodic", "polyak"}
        The first network for ever; a copy of the learner taken every so many updates, as the regularisation policy of
        R-NaD is (Perolat et al. 2022); or a moving average of the learner's weights, a moving magnet.
    period : int
        For ``"periodic"``: updates between copies.
    decay : float
        For ``"polyak"``: share of the old reference that an update keeps.
    """

    kind: Literal["fixed", "periodic", "polyak"] = "fixed"
    period: int = 100
    decay: float = 0.99

    def __post_init__(self) -> None:
        if self.kind not in ("fixed", "periodic", "polyak"):
            raise InputError(f"reference: expected 'fixed', 'periodic' or 'polyak', got {self.kind!r}")
        if self.period < 1:
            raise InputError(f"period: expected a number of updates of at least 1, got {self.period}")
        if not 0 <= self.decay <= 1:
            raise InputError(f"decay: expected a share from 0 to 1, got {self.decay}")


@dataclass(frozen=True)
class DampingSettings:
    """All of it together; time is counted in updates.

    Parameters
    ----------
    learning_rate : PowerLaw
    kl : PowerLaw
        Weight of the reverse KL divergence from the reference.
    entropy : PowerLaw
        Weight of the entropy bonus.
    control : AdaptiveControl, optional
        By default learning rate and KL weight follow their schedules alone.
    reference : Reference
    """

    learning_rate: PowerLaw = field(default_factory=lambda: PowerLaw(3e-4))
    kl: PowerLaw = field(default_factory=lambda: PowerLaw(0.05, 1000.0, 0.5, floor=0.001))
    entropy: PowerLaw = field(default_factory=lambda: PowerLaw(0.01, 1000.0, 0.5, floor=0.001))
    control: AdaptiveControl | None = None
    reference: Reference = field(default_factory=Reference)

    def __post_init__(self) -> None:
        if not self.learning_rate.initial > 0:
            raise InputError(f"learning_rate: expected a number above 0, got {self.learning_rate.initial}")
        if self.control is not None:
            _check_start("learning_rate", self.learning_rate, self.control.learning_rate_range)
            if self.kl.initial > 0:
                _check_start("kl", self.kl, self.control.kl_range)


@dataclass(frozen=True)
class Damping:
    """Weights in force: the schedules times factors that persist from update to update.

    Parameters
    ----------
    settings : DampingSettings
    learning_rate_factor, kl_factor : float
        What the controller has multiplied up so far.
    """

    settings: DampingSettings
    learning_rate_factor: float = 1.0
    kl_factor: float = 1.0

    def learning_rate(self, time: float) -> float:
        """Learning rate of an update."""
        control = self.settings.control
        value = self.settings.learning_rate.at(time) * self.learning_rate_factor
        return value if control is None else _within(value, control.learning_rate_range)

    def kl(self, time: float) -> float:
        """Weight of the KL divergence from the reference."""
        control = self.settings.control
        value = self.settings.kl.at(time) * self.kl_factor
        # A weight that was set to 0 means no penalty, not the least one.
        return value if control is None or self.settings.kl.initial == 0 else _within(value, control.kl_range)

    def entropy(self, time: float) -> float:
        """Weight of the entropy bonus."""
        return self.settings.entropy.at(time)

    def after(self, time: float, observed_kl: float) -> Damping:
        """What holds after an update at `time` that moved the policy by `observed_kl`.

        A factor is taken back to where its weight meets the bound, so that it does not run away behind it and can turn
        at once.
        """
        control = self.settings.control
        if control is None:
            return self
        by_rate, by_kl = control.factors(observed_kl)
        rate = _within(self.learning_rate(time) * by_rate, control.learning_rate_range)
        rate_factor, kl_factor = rate / self.settings.learning_rate.at(time), self.kl_factor
        scheduled = self.settings.kl.at(time)
        if scheduled > 0:
            kl_factor = _within(self.kl(time) * by_kl, control.kl_range) / scheduled
        return replace(self, learning_rate_factor=rate_factor, kl_factor=kl_factor)

    def settings_from(self, time: float) -> DampingSettings:
        """Settings by which a new training, whose clock begins at 0, is damped as this one would be from `time` on."""
        settings, control = self.settings, self.settings.control
        rate = _shifted(settings.learning_rate, time, self.learning_rate_factor)
        kl = _shifted(settings.kl, time, self.kl_factor)
        if control is not None:
            # A schedule may have fallen beneath the bound that its weight was kept above.
            rate = _raised(rate, control.learning_rate_range)
            kl = _raised(kl, control.kl_range) if kl.initial > 0 else kl
        return replace(settings, learning_rate=rate, kl=kl, entropy=_shifted(settings.entropy, time, 1.0))


def _shifted(law: PowerLaw, time: float, factor: float) -> PowerLaw:
    """The law from a time on, times a factor: its bounds are multiplied, too, as the factor is applied after them."""
    return PowerLaw(
        factor * law.initial * math.pow(1.0 + time / law.time_scale, -law.exponent),
        law.time_scale + time,
        law.exponent,
        factor * law.floor,
        None if law.cap is None else factor * law.cap,
    )


def _raised(law: PowerLaw, bounds: tuple[float, float]) -> PowerLaw:
    """The law, beginning within the bounds."""
    wanted = _within(law.at(0), bounds)
    return law if wanted == law.at(0) else replace(law, initial=wanted, floor=min(law.floor, wanted), cap=None)


def reverse_kl(log_probabilities: Tensor, reference: Tensor, action_mask: Tensor) -> Tensor:
    """KL divergence of a policy from a reference, sum of p (log p - log q) over legal actions, nats.

    Parameters
    ----------
    log_probabilities, reference : float Tensors, ``[..., A]``
        Logarithms of p and q, each normalised over the legal actions; what stands at the others does not matter.
    action_mask : bool Tensor, ``[..., A]``

    Returns
    -------
    float Tensor, ``[...]``
        0 for rows of one legal action or none. Gradients are finite everywhere.
    """
    legal = log_probabilities.masked_fill(~action_mask, 0.0)
    gap = legal - reference.masked_fill(~action_mask, 0.0)
    return (legal.exp() * gap).sum(-1)


def entropy(log_probabilities: Tensor, action_mask: Tensor) -> Tensor:
    """Entropy over legal actions, nats.

    Parameters
    ----------
    log_probabilities : float Tensor, ``[..., A]``
        Normalised over the legal actions.
    action_mask : bool Tensor, ``[..., A]``

    Returns
    -------
    float Tensor, ``[...]``
        0 for rows of one legal action or none.
    """
    legal = log_probabilities.masked_fill(~action_mask, 0.0)
    return -(legal.exp() * legal).sum(-1)


def _within(value: float, bounds: tuple[float, float]) -> float:
    return min(max(value, bounds[0]), bounds[1])


def _check_start(name: str, schedule: PowerLaw, bounds: tuple[float, float]) -> None:
    """Refuse a schedule that begins where the controller would not let it be."""
    if not bounds[0] <= schedule.at(0) <= bounds[1]:
        raise InputError(f"{name}: expected a schedule that starts within {name}_range {bounds}, got {schedule.at(0)}")


def _check(name: str, value: float, least: float, *, above: bool = False) -> None:
    """Refuse a number that is too small, infinite or none."""
    if not math.isfinite(value) or value < least or (above and value == least):
        wanted = "above" if above else "of at least"
        raise InputError(f"{name}: expected a finite number {wanted} {least:g}, got {value}")
