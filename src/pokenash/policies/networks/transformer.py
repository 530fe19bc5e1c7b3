"""A small pre-norm transformer over Showdown's tensor observation: one token per Pokémon and per move slot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from pokenash.errors import InputError
from pokenash.games.core import Game, Observation
from pokenash.games.showdown.dex import Dex
from pokenash.policies.network_settings import TransformerSettings
from pokenash.policies.networks.columns import BLOCKS, Columns, columns_of
from pokenash.policies.networks.core import Network
from pokenash.policies.networks.tokens import NUM_SUMMARY_FEATURES, Tokens

__all__ = ["TransformerNetwork"]

_NUM_MOVES, _NUM_TEAM = 4, 6
# Order of the tokens: global, move slots, own Pokémon, opponent's Pokémon. The last layer need not update the last six.
_NUM_OUTPUTS = 1 + _NUM_MOVES + _NUM_TEAM


class _Layer(nn.Module):
    """Attention and feed-forward, each on normalised input and added to it (Xiong et al. 2020, figure 1b)."""

    def __init__(self, settings: TransformerSettings) -> None:
        super().__init__()
        width = settings.width
        self.heads = settings.heads
        self.before_attention = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.merge = nn.Linear(width, width)
        self.before_feedforward = nn.LayerNorm(width)
        self.expand = nn.Linear(width, settings.feedforward)
        self.contract = nn.Linear(settings.feedforward, width)

    def forward(self, tokens: Tensor, num_outputs: int) -> Tensor:
        """New values of the first `num_outputs` tokens, ``[B, num_outputs, width]``, which attend to all."""
        batch, count, width = tokens.shape
        normal = self.before_attention(tokens)
        query = self.query(normal[:, :num_outputs]).view(batch, num_outputs, self.heads, -1).transpose(1, 2)
        key, value = self.key_value(normal).view(batch, count, 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(query, key, value)
        merged = self.merge(attended.transpose(1, 2).reshape(batch, num_outputs, width))
        tokens = tokens[:, :num_outputs] + merged
        hidden = functional.relu(self.expand(self.before_feedforward(tokens)))
        contracted: Tensor = self.contract(hidden)
        return tokens + contracted


class TransformerNetwork(Network):
    """Scores moves from the tokens of the move slots and switches from those of the own Pokémon.

    A move with a gimmick is scored from the move's token and the gimmick's vector. The value comes from the global
    token and a summary of both sides' HP, through tanh: returns lie in [-1, 1].

    Parameters
    ----------
    columns : Columns
        What is read of the observation.
    counts : mapping of str to int
        Number of names of every list of the dex, and ``"species_features"``, ``"move_features"``, the widths of the
        static features.
    num_actions : int
        10 and 4 per gimmick of the format.
    settings : TransformerSettings
    """

    architecture = "transformer"

    def __init__(
        self, columns: Columns, counts: Mapping[str, int], num_actions: int, settings: TransformerSettings
    ) -> None:
        super().__init__()
        self.num_actions = num_actions
        self.num_gimmicks = (num_actions - _NUM_MOVES - _NUM_TEAM) // _NUM_MOVES
        if num_actions != _NUM_MOVES * (1 + self.num_gimmicks) + _NUM_TEAM:
            raise InputError(f"transformer: expected 10 actions and 4 per gimmick, got {num_actions}")
        self.columns, self.counts, self.settings = columns, dict(counts), settings
        width = settings.width
        self.tokens = Tokens(columns, counts, settings.embedding, width)
        self.layers = nn.ModuleList(_Layer(settings) for _ in range(settings.layers))
        self.last_norm = nn.LayerNorm(width)
        self.move_head = nn.Linear(width, 1 + self.num_gimmicks)
        self.switch_head = nn.Linear(width, 1)
        self.value_head = nn.Sequential(nn.Linear(width + NUM_SUMMARY_FEATURES, width), nn.ReLU(), nn.Linear(width, 1))
        _start_small(self.move_head, self.switch_head)

    @classmethod
    def for_game(cls, game: Game, settings: TransformerSettings) -> TransformerNetwork:
        """A fresh network for a Showdown game with tensor observations, with the static facts of its generation."""
        dex: Dex = game.dex  # type: ignore[attr-defined]
        counts = {kind: len(names) for kind, names in dex.names.items()}
        species, moves = dex.species_features(), dex.move_features()
        counts |= {"species_features": species.shape[1], "move_features": moves.shape[1]}
        network = cls(columns_of(dex), counts, game.num_actions, settings)
        network.tokens.set_tables(dex, species, moves)
        return network

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> TransformerNetwork:
        columns = Columns.from_json(config["columns"])
        settings = TransformerSettings(**config["settings"])
        return cls(columns, config["counts"], int(config["num_actions"]), settings)

    def config(self) -> dict[str, Any]:
        return {
            "columns": self.columns.to_json(),
            "counts": self.counts,
            "num_actions": self.num_actions,
            "settings": asdict(self.settings),
        }

    def check_game(self, game: Game) -> None:
        dex: Dex | None = getattr(game, "dex", None)
        if dex is None:
            raise InputError(f"the network is for Showdown's tensor observation, which {game.name} does not have")
        names = {kind: len(dex.names[kind]) for kind in ("species", "moves", "items", "abilities")}
        own = {kind: self.counts[kind] for kind in names}
        if names != own or columns_of(dex) != self.columns:
            raise InputError(
                f"the network was made for another generation or version of the observation than {game.name}'s: "
                f"it knows {own}, the game has {names}"
            )
        if game.num_actions != self.num_actions:
            raise InputError(
                f"the network has {self.num_actions} actions and {game.name} has {game.num_actions}: "
                "its format has other gimmicks"
            )

    def prepare(self, observation: Observation) -> dict[str, NDArray[Any]]:
        assert isinstance(observation, dict)
        return {name: np.take(observation[name], self.columns.places[name], axis=-1) for name in BLOCKS}

    def features(self, inputs: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        tokens, summary = self.tokens(inputs)
        for layer in self.layers[:-1]:
            tokens = layer(tokens, tokens.shape[1])
        return self.last_norm(self.layers[-1](tokens, _NUM_OUTPUTS)), summary

    def heads(self, features: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        tokens, summary = features
        values = torch.tanh(self.value_head(torch.cat([tokens[:, 0], summary], -1))).squeeze(-1)
        return _action_scores(tokens, self.move_head, self.switch_head), values

    def new_action_head(self) -> nn.Module:
        return _ActionHead(self.settings.width, self.num_gimmicks)


class _ActionHead(nn.Module):
    """A second scoring of moves and switches from the same tokens."""

    def __init__(self, width: int, num_gimmicks: int) -> None:
        super().__init__()
        self.move_head = nn.Linear(width, 1 + num_gimmicks)
        self.switch_head = nn.Linear(width, 1)
        _start_small(self.move_head, self.switch_head)

    def forward(self, features: tuple[Tensor, Tensor]) -> Tensor:
        return _action_scores(features[0], self.move_head, self.switch_head)


def _start_small(*layers: nn.Linear) -> None:
    """Nearly the same score for all actions."""
    for layer in layers:
        nn.init.normal_(layer.weight, std=0.01)
        nn.init.zeros_(layer.bias)


def _action_scores(tokens: Tensor, move_head: nn.Linear, switch_head: nn.Linear) -> Tensor:
    """Scores of all actions, ``[B, A]``, from the outputs of the last layer."""
    # [B, 4, 1 + gimmicks]: the action of move i with gimmick g lies in the g-th group of four.
    moves: Tensor = move_head(tokens[:, 1 : 1 + _NUM_MOVES])
    switches = switch_head(tokens[:, 1 + _NUM_MOVES :]).squeeze(-1)
    scores = [moves[:, :, 0], switches]
    if moves.shape[2] > 1:
        scores.append(moves[:, :, 1:].transpose(1, 2).flatten(1))
    return torch.cat(scores, dim=1)
