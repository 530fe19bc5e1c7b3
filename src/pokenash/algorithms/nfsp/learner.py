"""A learner of neural fictitious self-play: its two networks, its two memories, and how they learn.

Heinrich & Silver, "Deep Reinforcement Learning from Self-Play in Imperfect-Information Games", 2016, algorithm 1: the
best-response network by Q-learning on the replay buffer, the average network by cross-entropy on the reservoir buffer.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from pokenash.algorithms.nfsp.buffers import ReplayBuffer, ReservoirBuffer
from pokenash.algorithms.nfsp.settings import NFSPSettings
from pokenash.algorithms.oracles.core import derive_seed
from pokenash.algorithms.oracles.learning import set_learning_rate
from pokenash.games.core import Game
from pokenash.policies.networks import Network, build_network, masked_log_probabilities, to_tensors

__all__ = ["ActionValues", "NFSPLearner"]

# Decisions that are drawn, and valued by the target network, at a time: enough for a few dozen small steps.
_CHUNK_ROWS = 4096
# Stands in for minus infinity in a maximum over legal actions, of which there is at least one.
_ILLEGAL = -1e9


class ActionValues(nn.Module):
    """Values of actions: a head on a network's trunk.

    Parameters
    ----------
    network : Network
        Whose own heads are not used here.
    head : Module
        From `Network.new_action_head`.
    """

    def __init__(self, network: Network, head: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.head = head

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Expected return of every action, legal or not, ``[B, A]``."""
        values: Tensor = self.head(self.network.features(inputs))
        return values


class NFSPLearner:
    """Best response and average policy of one player, or of both.

    Parameters
    ----------
    game : Game
    settings : NFSPSettings
    seed : int
        Of the initial weights.

    Attributes
    ----------
    average : Network
        The average network; its action scores are the logits of the average policy.
    best_response, target : ActionValues
    replay : ReplayBuffer
    reservoir : ReservoirBuffer
    decisions, steps : int
        Decisions met, and steps made.
    skipped : int
        Steps that were due and not made, because the memories were not full enough.
    """

    def __init__(self, game: Game, settings: NFSPSettings, *, seed: int) -> None:
        self.settings = settings
        self.average = build_network(game, settings.network, seed=derive_seed(seed, "average"))
        trunk = self.average
        if not settings.shared_trunk:
            trunk = build_network(game, settings.network, seed=derive_seed(seed, "best response"))
        # Torch's initialisers draw from its global generator: lend it to them and put it back as it was.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(seed, "head") % 2**63)
            head = trunk.new_action_head()
        self.best_response = ActionValues(trunk, head).eval()
        self.target = copy.deepcopy(self.best_response).requires_grad_(False)
        self.replay = ReplayBuffer(settings.best_response.replay_capacity)
        self.reservoir = ReservoirBuffer(settings.average.reservoir_capacity)
        self.decisions = 0
        self.steps = 0
        self.skipped = 0
        self.optimizers = self._optimizers()
        self._losses = np.zeros(3)

    def _optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """By the name of what they train; one for both where the trunk is shared."""
        learning, average = self.settings.best_response, self.settings.average
        if self.settings.shared_trunk:
            both = [*self.average.parameters(), *self.best_response.head.parameters()]
            return {"best_response": _optimizer(learning.optimizer, both, learning.learning_rate)}
        own, other = self.best_response.parameters(), self.average.parameters()
        return {
            "best_response": _optimizer(learning.optimizer, own, learning.learning_rate),
            "average": _optimizer(average.optimizer, other, average.learning_rate),
        }

    def named_parameters(self, name: str) -> Iterator[tuple[str, nn.Parameter]]:
        """Parameters of one optimizer by name, in its order."""
        if name == "average" or self.settings.shared_trunk:
            yield from self.average.named_parameters()
            if name == "best_response":
                yield from ((f"head.{key}", p) for key, p in self.best_response.head.named_parameters())
        else:
            yield from self.best_response.named_parameters()

    def set_progress(self, done: float) -> None:
        """Set learning rates for the share of the run that is done."""
        for name, optimizer in self.optimizers.items():
            own = self.settings.average if name == "average" else self.settings.best_response
            set_learning_rate(optimizer, own.learning_rate * (1 - (1 - own.final_learning_rate) * min(done, 1.0)))

    def _due(self) -> int:
        """Steps that the decisions so far call for and that have not been made; none while it warms up."""
        due = self.decisions // self.settings.learn_every - self.steps - self.skipped
        if min(len(self.replay), len(self.reservoir)) >= self.settings.warm_up:
            return due
        # What passes meanwhile is not made up for.
        self.skipped += due
        return 0

    def learn(self, rng: np.random.Generator) -> None:
        """Make all steps that are due."""
        every = self.settings.best_response.target_update_every
        largest = max(self.settings.best_response.batch_size, self.settings.average.batch_size)
        steps = self._due()
        while steps > 0:
            chunk = min(steps, every - self.steps % every, max(1, _CHUNK_ROWS // largest))
            self._chunk(chunk, rng)
            self.steps += chunk
            steps -= chunk
            if self.steps % every == 0:
                self.target.load_state_dict(self.best_response.state_dict())

    def _chunk(self, steps: int, rng: np.random.Generator) -> None:
        """Make a few steps, between which the target network stays as it is."""
        size = self.settings.best_response.batch_size, self.settings.average.batch_size
        played = to_tensors(self.replay.sample(steps * size[0], rng))
        with torch.no_grad():
            played["target"] = self.target(_inputs(played, "next."))
        if not self.settings.best_response.double_q:
            played["target"] = self._targets(played, played["target"])
        kept = to_tensors(self.reservoir.sample(steps * size[1], rng))
        for batch, lesson in zip(_parts(played, size[0]), _parts(kept, size[1]), strict=True):
            self._step(batch, lesson)

    def _step(self, played: Mapping[str, Tensor], kept: Mapping[str, Tensor]) -> None:
        """One step of both networks."""
        value_loss = self._value_loss(played)
        scores, _ = self.average(_inputs(kept))
        average_loss = functional.nll_loss(masked_log_probabilities(scores, kept["action_mask"]), kept["action"])
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward([value_loss, average_loss])
        for optimizer in self.optimizers.values():
            if self.settings.max_gradient_norm is not None:
                parameters = [p for group in optimizer.param_groups for p in group["params"]]
                nn.utils.clip_grad_norm_(parameters, self.settings.max_gradient_norm)
            optimizer.step()
        self._losses += (value_loss.item(), average_loss.item(), 1)

    def _value_loss(self, played: Mapping[str, Tensor]) -> Tensor:
        """Mean squared error of the values of the actions that were taken (Mnih et al. 2015)."""
        target = played["target"]
        if self.settings.best_response.double_q:
            with torch.no_grad():
                values = self.best_response(_inputs(played, "next."))
            target = self._targets(played, values)
        taken = self.best_response(_inputs(played)).gather(1, played["action"].unsqueeze(1)).squeeze(1)
        return functional.mse_loss(taken, target)

    def _targets(self, played: Mapping[str, Tensor], choosing: Tensor) -> Tensor:
        """What the values should be, ``[B]``: reward, and the target's value of the action that `choosing` likes."""
        choice = choosing.masked_fill(~played["next.action_mask"], _ILLEGAL).argmax(1, keepdim=True)
        following = played["target"].gather(1, choice).squeeze(1).masked_fill(played["last"], 0.0)
        return played["reward"] + self.settings.best_response.discount * following

    def take_losses(self) -> dict[str, float | None]:
        """Mean losses since the last call; None where no step was made."""
        value, average, steps = self._losses.tolist()
        self._losses[:] = 0
        if not steps:
            return {"value_loss": None, "average_loss": None}
        return {"value_loss": value / steps, "average_loss": average / steps}

    def action_values(self, inputs: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        """The best-response network's values of prepared rows, ``[B, A]``."""
        with torch.inference_mode():
            values: NDArray[np.float32] = self.best_response(to_tensors(inputs)).numpy()
        return values

    def average_probabilities(
        self, inputs: Mapping[str, NDArray[Any]], action_mask: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """The average policy's probabilities for prepared rows, ``[B, A]``."""
        with torch.inference_mode():
            scores, _ = self.average(to_tensors(inputs))
            probabilities: NDArray[np.float32] = (
                masked_log_probabilities(scores, torch.from_numpy(action_mask)).exp().numpy()
            )
        return probabilities


def _optimizer(name: str, parameters: Iterable[nn.Parameter], rate: float) -> torch.optim.Optimizer:
    # One call for all parameters: with small networks most of a step's time is the calls.
    if name == "adam":
        return torch.optim.Adam(parameters, rate, foreach=True)
    return torch.optim.SGD(parameters, rate, foreach=True)


def _inputs(batch: Mapping[str, Tensor], prefix: str = "") -> dict[str, Tensor]:
    """What the networks read."""
    start = f"{prefix}input."
    return {name.removeprefix(start): tensor for name, tensor in batch.items() if name.startswith(start)}


def _parts(batch: Mapping[str, Tensor], rows: int) -> Iterator[dict[str, Tensor]]:
    """A batch cut into batches of so many rows."""
    for part in zip(*(torch.split(tensor, rows) for tensor in batch.values()), strict=True):
        yield dict(zip(batch, part, strict=True))
