"""Battles of a metamon network in training: what it saw, did and was rewarded for, as sequences to learn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pokenash.arena import MatchResult
from pokenash.games.core import Decisions, Game
from pokenash.metamon.inference import Array, InferenceMemory, InferenceNetwork
from pokenash.metamon.networks import MetamonNetwork, mask_illegal
from pokenash.metamon.policy import MetamonPolicy
from pokenash.metamon.tokenizer import Tokenizer
from pokenash.policies.core import DecisionRandom

__all__ = ["CollectedBattle", "CollectingPolicy", "generalised_advantages"]


@dataclass(frozen=True, eq=False)
class CollectedBattle:
    """One player's decisions in a battle, ``T`` of them, in order.

    Parameters
    ----------
    tokens : int32 array, ``[T, W]``
    numbers : float32 array, ``[T, N]``
    rl2 : float32 array, ``[T, A + 1]``
    illegal : bool array, ``[T, A]``
    action : int64 array, ``[T]``
    chosen : bool array, ``[T]``
        Whether there was a choice of metamon's and it was played; elsewhere there is nothing to learn about choosing.
    log_probability : float32 array, ``[T]``
        Of the action when it was drawn, under the softmax of the legal actions' logits.
    value : float32 array, ``[T, G]``
        Of the policy, by the critics, in units of multiplied rewards.
    reward : float32 array, ``[T]``
        On arrival at what followed, multiplied.
    """

    tokens: NDArray[np.int32]
    numbers: NDArray[np.float32]
    rl2: NDArray[np.float32]
    illegal: NDArray[np.bool_]
    action: NDArray[np.int64]
    chosen: NDArray[np.bool_]
    log_probability: NDArray[np.float32]
    value: NDArray[np.float32]
    reward: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.action)


class _ActingNetwork(InferenceNetwork):
    """Plays the plain softmax, without metamon's clipping, and keeps what it was asked and what it said."""

    critics: MetamonNetwork
    asked: dict[str, NDArray[Any]] | None = None

    @torch.inference_mode()
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
        outputs = self.outputs(tokens, numbers, rl2, illegal, lanes, reset, memory)
        masked = mask_illegal(outputs.logits, torch.as_tensor(illegal, device=self.device).unsqueeze(1))
        log_probabilities = torch.log_softmax(masked, dim=-1)
        values = self.critics.values(outputs.states).mean(1)
        expected = (log_probabilities.exp() * values).sum(-1)
        self.asked = {
            "tokens": np.asarray(tokens),
            "numbers": np.asarray(numbers),
            "rl2": np.asarray(rl2),
            "illegal": np.asarray(illegal),
            "lane": np.asarray(lanes),
            "log_probabilities": log_probabilities[:, -1].cpu().numpy(),
            "value": expected.cpu().numpy(),
        }
        return log_probabilities[:, -1].exp()


@dataclass
class _Open:
    """A battle that has not ended; `player` is what the policy remembers of it."""

    player: Any
    steps: list[dict[str, Any]] = field(default_factory=list)


class CollectingPolicy(MetamonPolicy):
    """Plays a network's distribution and keeps every decision.

    Parameters
    ----------
    network : MetamonNetwork
        As it is now; make a new policy when it has changed.
    game, tokenizer, reward, battle_backend, device
        As of `MetamonPolicy`.
    """

    def __init__(
        self, network: MetamonNetwork, game: Game, tokenizer: Tokenizer, *, reward: str, device: str, **settings: Any
    ) -> None:
        acting = _ActingNetwork.from_network(network, device=device)
        assert isinstance(acting, _ActingNetwork)
        acting.critics = network
        super().__init__(acting, game, tokenizer, reward=reward, **settings)
        self._acting = acting
        self._open: dict[tuple[int, int], _Open] = {}
        self._finished: dict[tuple[int, int], CollectedBattle] = {}

    def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        self._acting.asked = None
        actions = super().act(decisions, memory, rng)
        asked = self._acting.asked
        if asked is not None:
            rows = {(2 * int(decisions.lane[row]) + int(decisions.player[row])): row for row in range(len(decisions))}
            for i, lane in enumerate(asked["lane"].tolist()):
                row = rows[lane]
                player = memory.players[lane // 2, lane % 2]
                key = int(decisions.episode[row]), lane % 2
                battle = self._open.setdefault(key, _Open(player))
                index = player.action
                played = not asked["illegal"][i, index] and player.seat.action(index) == actions[row]
                battle.steps.append(
                    {name: asked[name][i] for name in ("tokens", "numbers", "rl2", "illegal", "value")}
                    | {
                        "action": index,
                        "chosen": played and (~asked["illegal"][i]).sum() > 1,
                        "log_probability": asked["log_probabilities"][i, index],
                    }
                )
        return actions

    def on_result(self, result: MatchResult) -> None:
        """Take the end of a battle; those that ended with an error teach nothing."""
        ended = result.result
        for player in (0, 1):
            battle = self._open.pop((ended.episode, player), None)
            if battle is None or not result.counted:
                continue
            seat, before = battle.player.seat, battle.player.state
            seat.feed(str(ended.info["text"][player]).split("\n"))
            last = self._reward(before, seat.view.state())
            # What a decision led to is an input of the next one.
            rewards = [*(float(step["rl2"][0]) for step in battle.steps[1:]), last]
            self._finished[ended.episode, player] = self._battle(battle.steps, rewards)

    def take_battles(self) -> list[CollectedBattle]:
        """The battles that have ended since the last call, by episode and player."""
        finished, self._finished = self._finished, {}
        return [finished[key] for key in sorted(finished)]

    def _battle(self, steps: list[dict[str, Any]], rewards: list[float]) -> CollectedBattle:
        def column(name: str, dtype: Any) -> NDArray[Any]:
            return np.stack([np.asarray(step[name], dtype) for step in steps])

        return CollectedBattle(
            tokens=column("tokens", np.int32),
            numbers=column("numbers", np.float32),
            rl2=column("rl2", np.float32),
            illegal=column("illegal", np.bool_),
            action=column("action", np.int64),
            chosen=column("chosen", np.bool_),
            log_probability=column("log_probability", np.float32),
            value=column("value", np.float32),
            reward=np.array(rewards, np.float32) * np.float32(self.network.config.reward_multiplier),
        )


def generalised_advantages(
    reward: NDArray[np.float32], value: NDArray[np.float32], discounts: NDArray[np.float32], gae_lambda: float
) -> NDArray[np.float32]:
    """Generalised advantage estimates (Schulman et al. 2016, equation 16) of one battle for several discounts.

    Parameters
    ----------
    reward : float32 array, ``[T]``
        On arrival at what followed; nothing follows the last.
    value : float32 array, ``[T, G]``
    discounts : float32 array, ``[G]``
    gae_lambda : float

    Returns
    -------
    float32 array, ``[T, G]``
        With the values added they are what the values should have been.
    """
    following = np.concatenate([value[1:], np.zeros_like(value[:1])])
    errors = reward[:, None] + discounts * following - value
    advantages = np.zeros_like(value)
    running = np.zeros(value.shape[1], np.float32)
    for step in range(len(reward) - 1, -1, -1):
        running = errors[step] + discounts * np.float32(gae_lambda) * running
        advantages[step] = running
    return advantages


def columns(batch: list[CollectedBattle], extra: Mapping[str, list[NDArray[Any]]]) -> dict[str, Tensor]:
    """Battles side by side, padded with zeros: ``[B, T, ...]``, and ``there`` ``[B, T]``, where a decision is."""
    length = max(map(len, batch))
    parts: dict[str, list[NDArray[Any]]] = {
        name: [getattr(battle, name) for battle in batch]
        for name in ("tokens", "numbers", "rl2", "illegal", "action", "chosen", "log_probability")
    }
    parts |= {"there": [np.ones(len(battle), np.bool_) for battle in batch], **extra}
    tensors: dict[str, Tensor] = {}
    for name, arrays in parts.items():
        padded = np.zeros((len(batch), length, *arrays[0].shape[1:]), arrays[0].dtype)
        for row, array in enumerate(arrays):
            padded[row, : len(array)] = array
        tensors[name] = torch.from_numpy(padded)
    return tensors
