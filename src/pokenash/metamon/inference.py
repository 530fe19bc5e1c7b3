"""metamon's networks for playing: many battles at once, one batched forward pass."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from pokenash.errors import InputError
from pokenash.metamon.config import MetamonConfig
from pokenash.metamon.inference_layers import FoldedLinear
from pokenash.metamon.inference_trajectory import InferenceMemory, RecurrentSteps, TransformerSteps
from pokenash.metamon.inference_turn import InferenceTurnEncoder
from pokenash.metamon.networks import MetamonNetwork, StepOutputs, action_distribution
from pokenash.metamon.networks.recurrent import GRUTrajectoryEncoder

__all__ = ["InferenceMemory", "InferenceNetwork"]

Array = Tensor | NDArray[Any]


class InferenceNetwork:
    """The same function as a `MetamonNetwork`, arranged for speed; its weights no longer change.

    SigmaReparam, head scalers, norms before linear layers and the embedding's projection are folded into plain weights;
    the last layer of the turn encoder computes only the tokens that are read; keys and values lie in a ring for each
    lane, so that a step of some lanes neither copies nor moves the others'. In float32 the probabilities are those of
    the network to rounding, that is to a few millionths. On CPUs with oneDNN a row's bits do not depend on the batch
    that it is in, nor on what other lanes remember.

    Make one with `from_network`.
    """

    def __init__(self, network: MetamonNetwork, like: Tensor) -> None:
        self.config: MetamonConfig = network.config
        self.dtype, self.device = like.dtype, like.device
        self._turns = InferenceTurnEncoder(network.tstep_encoder, network.config, like)
        self._trajectory: TransformerSteps | RecurrentSteps
        if isinstance(network.traj_encoder, GRUTrajectoryEncoder):
            self._trajectory = RecurrentSteps(network.traj_encoder, network.config, like)
        else:
            self._trajectory = TransformerSteps(network.traj_encoder, network.config, like)
        base = network.actor.base
        self._actor = [
            FoldedLinear.of(linear, like, activation="leaky_relu") for linear in (base.in_layer, *base.layers)
        ]
        self._actor.append(FoldedLinear.of(base.out_layer, like))

    @classmethod
    @torch.no_grad()
    def from_network(
        cls, network: MetamonNetwork, *, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu"
    ) -> InferenceNetwork:
        """Fold a network's weights as they are now.

        Parameters
        ----------
        network : MetamonNetwork
            On any device.
        dtype : torch.dtype
            float32, or bfloat16: faster, with probabilities that differ a little.
        device : torch.device or str
        """
        if dtype not in (torch.float32, torch.bfloat16):
            raise InputError(f"metamon's networks play in float32 or bfloat16, not in {dtype}")
        return cls(network, torch.empty(0, dtype=dtype, device=device))

    def new_memory(self, lanes: int) -> InferenceMemory:
        """Memory of `lanes` battles (of one player each) that have not begun."""
        return self._trajectory.new_memory(lanes)

    def step(
        self,
        tokens: Array,
        numbers: Array,
        rl2: Array,
        illegal: Array,
        lanes: Array,
        reset: Array,
        memory: InferenceMemory,
        *,
        remask: bool = True,
    ) -> Tensor:
        """Probabilities of the actions of one decision in each of some lanes; their memory moves on.

        Parameters
        ----------
        tokens : int array or Tensor, ``[B, W]``
            -1 for unknown words.
        numbers : float array or Tensor, ``[B, N]``
        rl2 : float array or Tensor, ``[B, A + 1]``
            Previous reward and one-hot previous action; zero where an episode begins.
        illegal : bool array or Tensor, ``[B, A]``
        lanes : int array or Tensor, ``[B]``
            Different lanes of the memory, in any order. Ascending ones that lie close together are fastest.
        reset : bool array or Tensor, ``[B]``
            Whether an episode begins.
        memory : InferenceMemory
        remask : bool
            Whether illegal actions get probability 0; the original left about 0.001 to each, see
            `pokenash.metamon.networks.action_distribution`.

        Returns
        -------
        float32 Tensor, ``[B, A]``

        Raises
        ------
        InputError
            If shapes do not fit the configuration or lanes are not different lanes of the memory.
        """
        outputs = self.outputs(tokens, numbers, rl2, illegal, lanes, reset, memory, remask=remask)
        return outputs.probabilities[:, -1]

    @torch.inference_mode()
    def outputs(
        self,
        tokens: Array,
        numbers: Array,
        rl2: Array,
        illegal: Array,
        lanes: Array,
        reset: Array,
        memory: InferenceMemory,
        *,
        remask: bool = True,
    ) -> StepOutputs:
        """All that `step` computes on its way, for all discounts, in float32; arguments as there."""
        config, device = self.config, self.device
        lanes = torch.as_tensor(lanes, dtype=torch.int64, device="cpu")
        tokens = torch.as_tensor(tokens, device=device)
        numbers, rl2 = (torch.as_tensor(x, dtype=torch.float32, device=device) for x in (numbers, rl2))
        illegal = torch.as_tensor(illegal, device=device)
        self._check(lanes, memory, tokens=tokens, numbers=numbers, rl2=rl2, illegal=illegal)
        memory.time[lanes[torch.as_tensor(reset, device="cpu")]] = 0
        turns = self._turns(tokens, numbers, rl2)
        states = self._trajectory(turns, lanes, memory)
        memory.time[lanes] += 1
        logits = states.to(self.dtype)
        for layer in self._actor:
            logits = layer(logits)
        logits = torch.unflatten(logits.float(), -1, (-1, config.actions))
        low, high = config.probability_low, config.probability_high
        probabilities = action_distribution(logits, illegal.unsqueeze(1), low, high, remask=remask)
        return StepOutputs(turns.float(), states, logits, probabilities)

    def _check(self, lanes: Tensor, memory: InferenceMemory, **arrays: Tensor) -> None:
        config, rows = self.config, len(lanes)
        widths = {"tokens": config.words, "numbers": config.numbers, "rl2": config.actions + 1}
        for name, width in {**widths, "illegal": config.actions}.items():
            if arrays[name].shape != (rows, width):
                raise InputError(f"{name}: expected shape ({rows}, {width}), got {tuple(arrays[name].shape)}")
        if not rows or len(set(lanes.tolist())) < rows or lanes.min() < 0 or lanes.max() >= memory.num_lanes:
            raise InputError(f"expected different lanes of {memory.num_lanes}, got {lanes.tolist()}")
