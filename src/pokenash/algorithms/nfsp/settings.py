"""Settings of neural fictitious self-play, checked when they are made. Imports without torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from pokenash.errors import InputError
from pokenash.policies.network_settings import MLPSettings, TransformerSettings

__all__ = ["AverageSettings", "BestResponseSettings", "NFSPSettings"]

OptimizerName = Literal["sgd", "adam"]


@dataclass(frozen=True)
class BestResponseSettings:
    """How the best-response network learns: deep Q-learning (Mnih et al. 2015).

    Parameters
    ----------
    replay_capacity : int
        Decisions in the circular replay buffer, per learner.
    batch_size : int
        Decisions per step.
    learning_rate : float
    final_learning_rate : float
        As a share of `learning_rate`; it falls linearly to there over the run.
    optimizer : {"sgd", "adam"}
    target_update_every : int
        Steps after which the target network takes the weights of the network.
    double_q : bool
        Whether the network chooses the action that the target network values (van Hasselt et al. 2016), instead of the
        target network choosing too.
    discount : float
        Games end, so 1 is fair.
    epsilon, final_epsilon : float
        Probability of a uniform legal action in place of the best one, at the start and at the end.
    epsilon_schedule : {"linear", "inverse_sqrt"}
        How it falls: linearly over the run, or as the inverse square root of the number of rounds, as Heinrich & Silver
        have it, with `final_epsilon` as the floor.
    """

    replay_capacity: int = 200_000
    batch_size: int = 128
    learning_rate: float = 0.1
    final_learning_rate: float = 1.0
    optimizer: OptimizerName = "sgd"
    target_update_every: int = 300
    double_q: bool = True
    discount: float = 1.0
    epsilon: float = 0.06
    final_epsilon: float = 0.0
    epsilon_schedule: Literal["linear", "inverse_sqrt"] = "linear"

    def __post_init__(self) -> None:
        _check(self, positive=("replay_capacity", "batch_size", "learning_rate", "target_update_every"))
        _check(self, share=("final_learning_rate", "discount", "epsilon", "final_epsilon"))
        _check_choice(self, "optimizer", ("sgd", "adam"))
        _check_choice(self, "epsilon_schedule", ("linear", "inverse_sqrt"))
        if self.final_epsilon > self.epsilon:
            raise InputError(f"final_epsilon: expected at most epsilon, {self.epsilon}, got {self.final_epsilon}")

    def epsilon_at(self, done: float, rounds: int) -> float:
        """Probability of exploring in a round.

        Parameters
        ----------
        done : float
            The share of the run that is done, from 0 to 1.
        rounds : int
            Rounds that are done.
        """
        if self.epsilon_schedule == "linear":
            return self.epsilon + (self.final_epsilon - self.epsilon) * min(done, 1.0)
        return max(self.final_epsilon, self.epsilon / math.sqrt(1 + rounds))


@dataclass(frozen=True)
class AverageSettings:
    """How the average network learns: to choose as the best responses so far have chosen.

    Parameters
    ----------
    reservoir_capacity : int
        Decisions in the reservoir buffer, per learner.
    batch_size : int
        Decisions per step.
    learning_rate : float
    final_learning_rate : float
        As a share of `learning_rate`; it falls linearly to there over the run.
    optimizer : {"sgd", "adam"}
    """

    reservoir_capacity: int = 2_000_000
    batch_size: int = 128
    learning_rate: float = 0.005
    final_learning_rate: float = 1.0
    optimizer: OptimizerName = "sgd"

    def __post_init__(self) -> None:
        _check(self, positive=("reservoir_capacity", "batch_size", "learning_rate"))
        _check(self, share=("final_learning_rate",))
        _check_choice(self, "optimizer", ("sgd", "adam"))


@dataclass(frozen=True)
class NFSPSettings:
    """Neural fictitious self-play.

    Parameters
    ----------
    rounds : int
        After each, the episodes in play have ended, the run is logged, and it can be saved.
    episodes_per_round : int
    anticipatory : float
        The anticipatory parameter: probability that a player follows its best response in an episode, and its average
        policy otherwise. Drawn per episode and player.
    shared : bool
        Whether one learner serves both players. Only where the observation tells the player (OpenSpiel's information
        states do), or both are in the same position (Showdown).
    shared_trunk : bool
        Whether best response and average policy are two heads on one trunk, trained on the sum of both losses with the
        best response's optimizer, instead of two networks.
    learn_every : int
        Decisions of a learner per step of both its networks.
    warm_up : int
        Decisions that both buffers must hold before anything is learnt.
    max_gradient_norm : float, optional
        Gradients are scaled down to it.
    best_response : BestResponseSettings
    average : AverageSettings
    network : TransformerSettings or MLPSettings, optional
        By default a transformer for Showdown and an MLP for other games.
    num_lanes : int
        Episodes in play at a time. Steps that are due are made between moves, so with many lanes several in a row.
    num_workers : int
        Worker processes of the game.
    torch_threads : int
        While learning. Small networks are fastest in one thread.
    checkpoint_every : int
        Rounds after which the run is saved; what is lost, at most, when it is killed.
    """

    rounds: int = 100
    episodes_per_round: int = 10_000
    anticipatory: float = 0.1
    shared: bool = False
    shared_trunk: bool = False
    learn_every: int = 64
    warm_up: int = 1000
    max_gradient_norm: float | None = None
    best_response: BestResponseSettings = field(default_factory=BestResponseSettings)
    average: AverageSettings = field(default_factory=AverageSettings)
    network: TransformerSettings | MLPSettings | None = None
    num_lanes: int = 256
    num_workers: int = 1
    torch_threads: int = 1
    checkpoint_every: int = 10

    def __post_init__(self) -> None:
        _check(self, positive=("episodes_per_round", "learn_every", "warm_up", "num_lanes", "num_workers"))
        _check(self, positive=("torch_threads", "checkpoint_every", "anticipatory"))
        _check(self, share=("anticipatory",))
        if self.rounds < 0:
            raise InputError(f"rounds: expected a number of at least 0, got {self.rounds}")
        if self.max_gradient_norm is not None and not self.max_gradient_norm > 0:
            raise InputError(f"max_gradient_norm: expected a number above 0 or None, got {self.max_gradient_norm}")
        # A decision of every player in play may still wait for what follows it, and cannot be drawn.
        smallest = min(self.best_response.replay_capacity - 2 * self.num_lanes, self.average.reservoir_capacity)
        if self.warm_up > smallest:
            raise InputError(
                "warm_up: expected at most the reservoir's capacity, and the replay buffer's without two decisions per "
                f"lane: {smallest}, got {self.warm_up}"
            )


def _check(settings: Any, positive: tuple[str, ...] = (), share: tuple[str, ...] = ()) -> None:
    """Refuse numbers that are out of range, naming the setting."""
    for name in positive:
        if not getattr(settings, name) > 0:
            raise InputError(f"{name}: expected a number above 0, got {getattr(settings, name)}")
    for name in share:
        if not 0 <= getattr(settings, name) <= 1:
            raise InputError(f"{name}: expected a number from 0 to 1, got {getattr(settings, name)}")


def _check_choice(settings: Any, name: str, known: tuple[str, ...]) -> None:
    if getattr(settings, name) not in known:
        raise InputError(f"{name}: expected one of {', '.join(map(repr, known))}, got {getattr(settings, name)!r}")
