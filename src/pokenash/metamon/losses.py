"""The actor-critic losses that metamon's policies were trained with, as functions of a network's outputs and a batch.

Filtered behaviour cloning (Wang et al. 2020, critic regularised regression) on all discounts at once, with scalar
critics and PopArt or two-hot critics. What is drawn at random can be given, so that a step can be repeated exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor
from torch.nn import functional

from pokenash.errors import InputError
from pokenash.metamon.networks import MetamonNetwork, ScalarCritics, TwoHotCritics

__all__ = [
    "Draws",
    "LossSettings",
    "Losses",
    "TrainingBatch",
    "critic_losses",
    "filter_weights",
    "masked_mean",
    "td_targets",
    "training_losses",
]


@dataclass(frozen=True, slots=True)
class TrainingBatch:
    """Sequences of L steps and the L - 1 transitions between them. What padding holds does not matter.

    Parameters
    ----------
    tokens : int Tensor, ``[B, L, W]``
        From -1 to the vocabulary's size less one, in padding too.
    numbers : float Tensor, ``[B, L, N]``
    rl2 : float Tensor, ``[B, L, A + 1]``
        Previous reward, as it is, and one-hot previous action.
    illegal : bool Tensor, ``[B, L, A]``
    time : int Tensor, ``[B, L]``
        Step of the episode.
    actions : int64 Tensor, ``[B, L - 1]``
        0 where unknown.
    rewards : float Tensor, ``[B, L - 1]``
        On arrival at the next step, not multiplied.
    dones : bool Tensor, ``[B, L - 1]``
        Whether the episode ends with the transition.
    valid : bool Tensor, ``[B, L - 1]``
        False for padding.
    known : bool Tensor, ``[B, L - 1]``
        Whether the action is known; False for padding.
    """

    tokens: Tensor
    numbers: Tensor
    rl2: Tensor
    illegal: Tensor
    time: Tensor
    actions: Tensor
    rewards: Tensor
    dones: Tensor
    valid: Tensor
    known: Tensor

    def to(self, device: torch.device | str) -> TrainingBatch:
        """The same batch on another device."""
        return TrainingBatch(*(getattr(self, name).to(device) for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class LossSettings:
    """What is minimised.

    Parameters
    ----------
    offline_coefficient, online_coefficient : float
        Weights of filtered behaviour cloning and of the critics' value of the policy. Where the latter is not 0 the
        temporal-difference target is the minimum of the drawn critics instead of their mean.
    advantage_filter : {"binary", "exponential", "none"}
        1 where the advantage A is positive; exp(beta A) clipped to `filter_range`; or 1 everywhere: imitation
        learning, in which critics and PopArt are left alone.
    beta : float
    filter_range : (float, float)
    critic_weight : float
        Of the critics' loss beside the actor's.
    action_samples : int
        Actions drawn to estimate values with two-hot critics; 0 for exact expectations. Scalar critics are exact.
    """

    offline_coefficient: float = 1.0
    online_coefficient: float = 0.0
    advantage_filter: Literal["binary", "exponential", "none"] = "binary"
    beta: float = 1.0
    filter_range: tuple[float, float] = (1e-7, 100.0)
    critic_weight: float = 10.0
    action_samples: int = 3

    def __post_init__(self) -> None:
        if self.advantage_filter not in ("binary", "exponential", "none"):
            raise InputError(f"unknown advantage filter {self.advantage_filter!r}; known: binary, exponential, none")


@dataclass(frozen=True, slots=True)
class Draws:
    """What a step draws at random.

    Parameters
    ----------
    critics : int64 Tensor, ``[td_critics, B, L - 1, G]``
        Members of the ensemble, with replacement, whose targets are averaged.
    actions, next_actions : float Tensor, ``[samples, B, L, G, A]``, optional
        One-hot actions of the actor and the target actor; None for exact expectations.
    filter_weights : float Tensor, ``[B, L - 1, G]``, optional
        Weights to use in place of those that the advantages give, to repeat another implementation's step: where all
        drawn actions are the one taken, the advantage is 0 here, and theirs is what rounding left of it.
    """

    critics: Tensor
    actions: Tensor | None
    next_actions: Tensor | None
    filter_weights: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Losses:
    """What a step gives. Only `total` is meant for ``backward``.

    Parameters
    ----------
    total, actor, critic : float Tensor, scalar
        `critic` is 0 for imitation learning.
    probabilities : float Tensor, ``[B, L, G, A]``
    actor_by_step : float Tensor, ``[B, L - 1, G]``
    critic_by_step : float Tensor, ``[B, L - 1, C, G]``, optional
    ensemble_targets : float Tensor, ``[B, L - 1, C, G]``, optional
        Temporal-difference targets of each critic, in units of multiplied rewards.
    targets : float Tensor, ``[B, L - 1, G]``, optional
        What all critics learn.
    advantages : float Tensor, ``[B, L - 1, G]``, optional
    filter_weights : float Tensor, ``[B, L - 1, G]``
    """

    total: Tensor
    actor: Tensor
    critic: Tensor
    probabilities: Tensor
    actor_by_step: Tensor
    critic_by_step: Tensor | None
    ensemble_targets: Tensor | None
    targets: Tensor | None
    advantages: Tensor | None
    filter_weights: Tensor


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of `values` ``[B, L, ...]`` over the steps of `mask` ``[B, L]`` and all other axes; 0 if there are none."""
    chosen = values[mask]
    return chosen.sum() / (chosen.numel() + 1e-5)


def td_targets(
    rewards: Tensor, dones: Tensor, next_values: Tensor, discounts: Tensor, reward_multiplier: float
) -> Tensor:
    """``multiplier * reward + discount * (1 - done) * next value``.

    Parameters
    ----------
    rewards, dones : Tensor, ``[B, L]``
    next_values : float Tensor, ``[B, L, C, G]``
    discounts : float Tensor, ``[G]``
    reward_multiplier : float

    Returns
    -------
    float Tensor, ``[B, L, C, G]``
    """
    going_on = (~dones)[..., None, None].to(next_values.dtype)
    return reward_multiplier * rewards[..., None, None] + discounts * going_on * next_values


def filter_weights(advantages: Tensor, settings: LossSettings) -> Tensor:
    """Weight of each step's behaviour cloning, of the shape of `advantages`."""
    if settings.advantage_filter == "none":
        return torch.ones_like(advantages)
    if settings.advantage_filter == "binary":
        return (advantages > 0).to(advantages.dtype)
    return torch.exp(settings.beta * advantages).clamp(*settings.filter_range)


@torch.no_grad()
def draw(
    network: MetamonNetwork, states: Tensor, batch: TrainingBatch, settings: LossSettings, generator: torch.Generator
) -> Draws:
    """Draw what `training_losses` needs; `generator` must be on the device of `states`."""
    config = network.config
    shape = (config.td_critics, *batch.actions.shape, len(config.discounts))
    critics = torch.randint(config.critic.critics, shape, generator=generator, device=states.device)
    if not settings.action_samples or config.critic.kind == "scalar":
        return Draws(critics, None, None)
    sampled = []
    for actor in (network.actor, network.target_actor):
        probabilities = network.probabilities(actor(states), batch.illegal)
        flat = probabilities.flatten(0, -2)
        chosen = torch.multinomial(flat, settings.action_samples, replacement=True, generator=generator)
        sampled.append(functional.one_hot(torch.unflatten(chosen.T, 1, probabilities.shape[:-1]), config.actions))
    return Draws(critics, *(actions.to(states.dtype) for actions in sampled))


def training_losses(
    network: MetamonNetwork,
    states: Tensor,
    batch: TrainingBatch,
    settings: LossSettings,
    draws: Draws | torch.Generator,
    *,
    update_popart: bool = True,
) -> Losses:
    """The losses of one step of training.

    Parameters
    ----------
    network : MetamonNetwork
    states : float Tensor, ``[B, L, D]``
        What `MetamonNetwork.encode` made of the batch, with gradients.
    batch : TrainingBatch
    settings : LossSettings
    draws : Draws or torch.Generator
    update_popart : bool
        Whether PopArt's statistics first move to this batch's targets, as they do in training. They do so whatever the
        kind of the critics; two-hot critics do not use them.
    """
    probabilities = network.probabilities(network.actor(states), batch.illegal)
    zero = states.new_zeros(())
    if settings.advantage_filter == "none":
        weights = torch.ones_like(probabilities[:, :-1, :, 0])
        by_step = -_log_probability(probabilities, batch.actions)
        actor = settings.offline_coefficient * masked_mean(by_step, batch.known)
        return Losses(actor, actor, zero, probabilities, by_step, None, None, None, None, weights)
    if isinstance(draws, torch.Generator):
        draws = draw(network, states.detach(), batch, settings, draws)
    with torch.no_grad():
        fixed = states.detach()
        ensemble = _ensemble_targets(network, fixed, batch, draws.next_actions)
        drawn = ensemble.movedim(2, 0).gather(0, draws.critics)
        targets = drawn.amin(0) if settings.online_coefficient else drawn.mean(0)
        advantages = _advantages(network, fixed, probabilities, batch.actions, draws.actions)
        if update_popart:
            network.popart.update(targets.unsqueeze(-1), batch.valid)
    weights = filter_weights(advantages, settings) if draws.filter_weights is None else draws.filter_weights
    by_step = -settings.offline_coefficient * weights * _log_probability(probabilities, batch.actions)
    if settings.online_coefficient:
        values = _online_values(network, fixed, probabilities)
        by_step = by_step - settings.online_coefficient * values[:, :-1]
    critic_by_step = critic_losses(network, states[:, :-1], batch.actions, targets)
    actor, critic = masked_mean(by_step, batch.known), masked_mean(critic_by_step, batch.known)
    total = actor + settings.critic_weight * critic
    return Losses(total, actor, critic, probabilities, by_step, critic_by_step, ensemble, targets, advantages, weights)


def _log_probability(probabilities: Tensor, actions: Tensor) -> Tensor:
    """Of the actions taken ``[B, L - 1]``, for every discount, ``[B, L - 1, G]``."""
    chosen = actions[..., None, None].expand(*probabilities[:, :-1].shape[:-1], 1)
    return probabilities[:, :-1].gather(-1, chosen).squeeze(-1).log()


def _taken(values: Tensor, actions: Tensor) -> Tensor:
    """Values ``[B, L, C, G]`` of the actions taken ``[B, L]`` from those of all, ``[B, L, C, G, A]``."""
    return values.gather(-1, actions[..., None, None, None].expand(*values.shape[:-1], 1)).squeeze(-1)


def _one_hot(network: MetamonNetwork, actions: Tensor) -> Tensor:
    """``[B, L]`` to ``[B, L, G, A]``: the same action for every discount."""
    chosen = functional.one_hot(actions, network.config.actions).unsqueeze(-2)
    return chosen.expand(*actions.shape, len(network.config.discounts), -1)


def _expected(
    critics: ScalarCritics | TwoHotCritics, states: Tensor, probabilities: Tensor, samples: Tensor | None
) -> Tensor:
    """Mean values ``[B, L, C, G]`` of a policy, from samples ``[K, B, L, G, A]`` of its actions or exactly."""
    if samples is not None and isinstance(critics, TwoHotCritics):
        return torch.stack([critics.expectation(critics(states, actions)) for actions in samples]).mean(0)
    values = critics.values(states) if isinstance(critics, TwoHotCritics) else critics(states)
    return (values * probabilities.unsqueeze(2)).sum(-1)


def _ensemble_targets(network: MetamonNetwork, states: Tensor, batch: TrainingBatch, samples: Tensor | None) -> Tensor:
    config = network.config
    probabilities = network.probabilities(network.target_actor(states), batch.illegal)
    values = _expected(network.target_critics, states, probabilities, samples)
    if isinstance(network.target_critics, ScalarCritics):
        # The affine map of PopArt may follow the expectation: probabilities add up to 1.
        values = network.popart.denormalise(values.unsqueeze(-1)).squeeze(-1)
    discounts = torch.tensor(config.discounts, device=states.device, dtype=values.dtype)
    return td_targets(batch.rewards, batch.dones, values[:, 1:], discounts, config.reward_multiplier)


def _advantages(
    network: MetamonNetwork, states: Tensor, probabilities: Tensor, actions: Tensor, samples: Tensor | None
) -> Tensor:
    """Advantage of the actions taken, ``[B, L - 1, G]``, in the critics' own units, averaged over them."""
    critics, maximised = network.critics, network.maximized_critics
    if not isinstance(critics, TwoHotCritics):
        values = _expected(maximised, states[:, :-1], probabilities[:, :-1].detach(), None)
        return (_taken(critics(states[:, :-1]), actions) - values).mean(2)
    steps = states[:, :-1]
    taken = critics.expectation(critics(steps, _one_hot(network, actions)))
    if samples is None:
        return (taken - _expected(maximised, steps, probabilities[:, :-1].detach(), None)).mean(2)
    assert isinstance(maximised, TwoHotCritics)
    # Differences first: they are exactly 0 where the same action was drawn, and "A > 0" must not hang on rounding.
    drawn = (maximised.expectation(maximised(steps, chosen[:, :-1])) for chosen in samples)
    return torch.stack([(taken - values).mean(2) for values in drawn]).mean(0)


def _online_values(network: MetamonNetwork, states: Tensor, probabilities: Tensor) -> Tensor:
    """Value of the policy, ``[B, L, G]``, averaged over the critics; gradients reach the policy only.

    Scalar critics' values are PopArt's normalised ones; two-hot critics' are returns.
    """
    values = _expected(network.maximized_critics, states, probabilities, None)
    if isinstance(network.maximized_critics, ScalarCritics):
        values = network.popart.scale(values.unsqueeze(-1)).squeeze(-1)
    return values.mean(2)


def critic_losses(network: MetamonNetwork, states: Tensor, actions: Tensor, targets: Tensor) -> Tensor:
    """Loss of every critic, ``[B, L, C, G]``, in the statistics that PopArt has now.

    Parameters
    ----------
    network : MetamonNetwork
    states : float Tensor, ``[B, L, D]``
    actions : int64 Tensor, ``[B, L]``
    targets : float Tensor, ``[B, L, G]``
        Returns, in units of multiplied rewards.
    """
    critics, popart = network.critics, network.popart
    if isinstance(critics, TwoHotCritics):
        labels = critics.two_hot(targets).unsqueeze(2)
        bins = cast(Tensor, critics(states, _one_hot(network, actions)))
        return -(labels * bins.log()).sum(-1)
    values = popart.scale(_taken(critics(states), actions).unsqueeze(-1))
    return (values - popart.normalise(targets.unsqueeze(-1)).unsqueeze(2)).squeeze(-1).square()
