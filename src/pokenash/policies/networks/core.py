"""What every network is: from the rows of an observation to action scores and a value."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pokenash.games.core import Game, Observation

__all__ = ["Network", "infer", "masked_log_probabilities", "to_tensors"]

# Matrix products of as many rows as fill their kernels give every row the same bits whatever the other rows are and
# however many. Products of a few rows, or with some left over, take other kernels and round otherwise.
_ROW_MULTIPLE = 16


class Network(nn.Module):
    """Scores of all actions and the value of a decision, for a batch of rows.

    Rows go through `prepare` once, when they are met, in NumPy: the result is compact, and is what a learner keeps.
    `forward` takes tensors of the same names, any number of rows, with the rows on the first axis.
    """

    architecture: ClassVar[str]
    """Name under which a checkpoint says what it holds."""

    num_actions: int

    @abstractmethod
    def prepare(self, observation: Observation) -> dict[str, NDArray[Any]]:
        """The parts of an observation that the network uses, as new arrays (or views), rows first."""

    @abstractmethod
    def features(self, inputs: Mapping[str, Tensor]) -> Any:
        """What the layers before the heads make of a batch; only `heads` and the network's own heads can read it."""

    @abstractmethod
    def heads(self, features: Any) -> tuple[Tensor, Tensor]:
        """Scores ``[B, A]`` and values ``[B]``, as `forward` gives them, from `features`."""

    @abstractmethod
    def new_action_head(self) -> nn.Module:
        """A fresh head that makes other scores ``[B, A]`` of `features`, such as the values of actions.

        It is no part of this network; its initial weights come from torch's global generator.
        """

    def forward(self, inputs: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Score a batch.

        Parameters
        ----------
        inputs : mapping of str to Tensor
            What `prepare` gave, as tensors, ``[B, ...]``.

        Returns
        -------
        scores : float32 Tensor, ``[B, A]``
            Unnormalised log-probabilities of all actions, legal or not.
        values : float32 Tensor, ``[B]``
            Expected return of the player whose row it is.
        """
        return self.heads(self.features(inputs))

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """JSON-able arguments of `from_config`, without the weights."""

    @classmethod
    @abstractmethod
    def from_config(cls, config: Mapping[str, Any]) -> Network:
        """A network of the shape that `config` tells; its weights are yet to be loaded."""

    @abstractmethod
    def check_game(self, game: Game) -> None:
        """Refuse a game that this network was not made for.

        Raises
        ------
        InputError
            If the game's observations or actions are others.
        """


def to_tensors(inputs: Mapping[str, NDArray[Any]]) -> dict[str, Tensor]:
    """Arrays as tensors that share their memory where they can."""
    return {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in inputs.items()}


def infer(network: Network, inputs: Mapping[str, NDArray[Any]]) -> tuple[Tensor, Tensor]:
    """Scores ``[B, A]`` and values ``[B]`` of prepared rows, without gradients.

    The rows are padded to a multiple of 16, so that on one machine a row's result does not depend on the batch. It is
    done in one thread: others would mostly wait for one another, and for the simulator's processes, which need the
    cores.
    """
    rows = len(next(iter(inputs.values())))
    padding = -rows % _ROW_MULTIPLE
    if padding:
        inputs = {name: np.concatenate([a, np.repeat(a[:1], padding, axis=0)]) for name, a in inputs.items()}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            scores, values = network(to_tensors(inputs))
    finally:
        torch.set_num_threads(threads)
    return scores[:rows], values[:rows]


def masked_log_probabilities(scores: Tensor, action_mask: Tensor) -> Tensor:
    """Logarithms of the probabilities of actions; those of illegal actions are about -1e9 and their probability 0.

    Parameters
    ----------
    scores : float Tensor, ``[B, A]``
    action_mask : bool Tensor, ``[B, A]``
        At least one legal action per row.

    Returns
    -------
    float Tensor, ``[B, A]``
    """
    # A finite stand-in for minus infinity: products with probability 0 stay 0, and gradients stay finite.
    return torch.log_softmax(scores.masked_fill(~action_mask, -1e9), dim=-1)
