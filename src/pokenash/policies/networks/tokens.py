"""From the observation's rows to the transformer's tokens."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pokenash.games.showdown.dex import Dex
from pokenash.policies.networks.columns import Columns, vocabulary_of
from pokenash.policies.networks.embedding import NameEmbedding, RoleTables
from pokenash.policies.networks.matchup import Matchup, Side

__all__ = ["NUM_SUMMARY_FEATURES", "Tokens"]

NUM_SUMMARY_FEATURES = 4
"""Width of the summary that goes with the tokens."""

_TEAM = 6
_KNOWN_MOVES = ("move_1", "move_2", "move_3", "move_4")
_BOOSTS = ("boost_atk", "boost_def", "boost_spa", "boost_spd")
_DAMAGE_FEATURES = 3 * len(_KNOWN_MOVES)
_SLOT_FEATURES = 3
# Keeps names such as "items" and "type" apart from the attributes of a `ModuleDict`.
_KEY = "of_"
# A move without PP left is worth little but not nothing: it still tells what the Pokémon is.
_EMPTY_MOVE_WEIGHT = 0.25


def _role(column: str) -> str:
    """Columns of one role share a projection: the order of moves and types says nothing."""
    if column in _KNOWN_MOVES:
        return "known_move"
    if column in ("type_1", "type_2", "type_3"):
        return "type"
    return column


class Tokens(nn.Module):
    """Makes 17 tokens per row: global, four move slots, six own Pokémon, six of the opponent.

    Parameters
    ----------
    columns : Columns
    counts : mapping of str to int
        As for `TransformerNetwork`.
    embedding, width : int
    """

    def __init__(self, columns: Columns, counts: Mapping[str, int], embedding: int, width: int) -> None:
        super().__init__()
        names = columns.names
        ids = ("pokemon_ids", "move_ids", "global_ids")
        lists = sorted({vocabulary_of(column) for block in ids for column in names[block]})
        static = {"species": counts["species_features"], "moves": counts["move_features"]}
        self.names = nn.ModuleDict({f"{_KEY}{n}": NameEmbedding(counts[n], embedding, static.get(n, 0)) for n in lists})
        self.tables = nn.ModuleDict(
            {
                block: RoleTables([(_role(c), vocabulary_of(c)) for c in names[block]], counts, embedding, width)
                for block in ids
            }
        )
        self.matchup = Matchup(counts["moves"], counts["species"], counts["types"])
        self.pokemon_floats = nn.Linear(len(names["pokemon"]) + _DAMAGE_FEATURES, width)
        self.move_floats = nn.Linear(len(names["moves"]) + _SLOT_FEATURES, width)
        self.global_floats = nn.Linear(len(names["global"]) + NUM_SUMMARY_FEATURES, width)
        self.side = nn.Parameter(torch.zeros(2, width))
        self._columns = columns
        self._cache: dict[str, Tensor] | None = None

    def set_tables(self, dex: Dex, species: NDArray[np.float32], moves: NDArray[np.float32]) -> None:
        """Take the static facts of a dex."""
        self.matchup.set_tables(dex)
        for name, features in (("species", species), ("moves", moves)):
            self.names[_KEY + name].get_buffer("features").copy_(torch.from_numpy(np.array(features)))

    def train(self, mode: bool = True) -> Tokens:
        self._cache = None
        super().train(mode)
        return self

    def _vectors(self) -> dict[str, Tensor]:
        """The blocks' tables; they depend on the weights only and are kept while nothing is trained."""
        if self._cache is not None and not self.training:
            return self._cache
        embeddings = {name.removeprefix(_KEY): module() for name, module in self.names.items()}
        vectors = {block: self._tables(block).table(embeddings) for block in self.tables}
        if not self.training and not torch.is_grad_enabled():
            self._cache = vectors
        return vectors

    def _tables(self, block: str) -> RoleTables:
        tables = self.tables[block]
        assert isinstance(tables, RoleTables)
        return tables

    def forward(self, inputs: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Tokens ``[B, 17, width]`` of prepared rows, and their summaries ``[B, 4]``."""
        vectors = self._vectors()
        ids, floats = inputs["pokemon_ids"], inputs["pokemon"]
        slots, globals_ = inputs["move_ids"], inputs["global_ids"]
        batch, count, num_columns = ids.shape
        damage, slot_features = self._damage(ids.long(), floats, slots[..., 0].long())
        weights = self._weights(floats).view(batch * count, num_columns)
        summed = self.tables["pokemon_ids"](ids.view(-1, num_columns), vectors["pokemon_ids"], weights)
        pokemon = summed.view(batch, count, -1) + self.pokemon_floats(torch.cat([floats, damage], -1))
        pokemon = pokemon + self.side.repeat_interleave(_TEAM, 0)
        moves = self.tables["move_ids"](slots.view(-1, 1), vectors["move_ids"]).view(batch, slots.shape[1], -1)
        moves = moves + self.move_floats(torch.cat([inputs["moves"], slot_features], -1))
        summary = self._summary(floats, inputs["global"])
        overall = self.global_floats(torch.cat([inputs["global"], summary], -1))
        overall = overall + self.tables["global_ids"](globals_, vectors["global_ids"])
        return torch.cat([overall.unsqueeze(1), moves, pokemon], dim=1), summary

    def _summary(self, floats: Tensor, globals_: Tensor) -> Tensor:
        """How the battle stands, ``[B, 4]``: each side's HP as a share of its team's, and the differences.

        Opponents that have not been seen are unhurt. The value could add this up itself, but every battle has one
        outcome only, and so few of them teach it more by heart than by sense.
        """
        columns = self._columns
        known = floats[..., columns.index("pokemon", "known")].view(-1, 2, _TEAM)
        hp = floats[..., columns.index("pokemon", "hp")].view(-1, 2, _TEAM)
        sizes = [globals_[:, columns.index("global", f"{side}_team_size")] for side in ("own", "opponent")]
        left = [globals_[:, columns.index("global", f"{side}_remaining")] for side in ("own", "opponent")]
        unseen = torch.stack(sizes, 1) * _TEAM - known.sum(-1)
        share = ((hp * known).sum(-1) + unseen.clamp(min=0)) / _TEAM
        return torch.stack([share[:, 0], share[:, 1], share[:, 0] - share[:, 1], left[0] - left[1]], -1)

    def _weights(self, floats: Tensor) -> Tensor:
        """Weight of every id column, ``[B, 12, C]``: 1, and for known moves more the more PP is left."""
        names = self._columns.names["pokemon_ids"]
        weights = torch.ones(*floats.shape[:2], len(names))
        first, pp = names.index(_KNOWN_MOVES[0]), self._columns.index("pokemon", "pp_1")
        last, pp_end = first + len(_KNOWN_MOVES), pp + len(_KNOWN_MOVES)
        weights[..., first:last] = _EMPTY_MOVE_WEIGHT + (1 - _EMPTY_MOVE_WEIGHT) * floats[..., pp:pp_end]
        return weights

    def _damage(self, ids: Tensor, floats: Tensor, slots: Tensor) -> tuple[Tensor, Tensor]:
        """Features of matchups against the other side's active Pokémon.

        Returns
        -------
        pokemon : float32 Tensor, ``[B, 12, 12]``
            Per Pokémon: damage of its four moves on the other side's active one and that one's moves' damage on it;
            type multipliers of its moves.
        slots : float32 Tensor, ``[B, 4, 3]``
            Per move slot: damage, type multiplier, share of the opponent's HP that is left.
        """
        everyone, moves = self._sides(ids, floats)
        own, own_moves, own_there = self._active(everyone, moves, floats, slice(0, _TEAM))
        other, other_moves, other_there = self._active(everyone, moves, floats, slice(_TEAM, 2 * _TEAM))
        features = []
        for rows, active, active_moves, there in (
            (slice(0, _TEAM), other, other_moves, other_there),
            (slice(_TEAM, 2 * _TEAM), own, own_moves, own_there),
        ):
            side = Side(*(part[:, rows] for part in everyone))
            dealt, multiplier = self.matchup.damage(side, moves[:, rows], active)
            taken, _ = self.matchup.damage(active, active_moves.expand(-1, _TEAM, -1), side)
            features.append(torch.cat([dealt, taken, multiplier / 2], -1) * there)
        dealt, multiplier = self.matchup.damage(own, slots.unsqueeze(1), other)
        left = other.hp.unsqueeze(-1).expand_as(dealt)
        slot_features = torch.stack([dealt, multiplier / 2, left], -1).squeeze(1) * (own_there * other_there)
        return torch.cat(features, 1), slot_features

    def _sides(self, ids: Tensor, floats: Tensor) -> tuple[Side, Tensor]:
        """All twelve Pokémon as a `Side`, and their known moves, ``[B, 12, 4]``."""
        names = self._columns.names["pokemon_ids"]
        species = ids[..., names.index("species")]
        shape = ids[..., names.index("transform_species")]
        first, type_1 = names.index("move_1"), names.index("type_1")
        stages = torch.stack([floats[..., self._columns.index("pokemon", name)] for name in _BOOSTS], -1) * 6.0
        boosts = torch.where(stages > 0, (2.0 + stages) / 2.0, 2.0 / (2.0 - stages))
        side = Side(
            torch.where(shape > 0, shape, species),
            ids[..., type_1 : type_1 + 2],
            floats[..., self._columns.index("pokemon", "level")],
            boosts,
            floats[..., self._columns.index("pokemon", "hp")],
        )
        return side, ids[..., first : first + len(_KNOWN_MOVES)]

    def _active(self, everyone: Side, moves: Tensor, floats: Tensor, rows: slice) -> tuple[Side, Tensor, Tensor]:
        """A side's active Pokémon as a `Side` of one, its moves ``[B, 1, 4]``, and if there is one ``[B, 1, 1]``."""
        flags = floats[:, rows, self._columns.index("pokemon", "active")]
        place = flags.argmax(dim=1) + rows.start
        row = torch.arange(len(flags), device=flags.device)
        side = Side(*(part[row, place].unsqueeze(1) for part in everyone))
        return side, moves[row, place].unsqueeze(1), (flags.amax(dim=1) > 0).float().view(-1, 1, 1)
