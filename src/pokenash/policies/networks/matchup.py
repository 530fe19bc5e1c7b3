"""Estimated damage between the Pokémon that an observation shows, as features for a network.

The network could learn the damage formula and the type chart from results alone, but not in the minutes that one best
response has. The estimate is deliberately simple: base stats without hidden values, no items, abilities or weather.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pokenash.games.showdown.dex import PHYSICAL, STATUS, Dex

__all__ = ["Matchup", "Side", "matchup_tables"]

# Final stats at level 100 are about 2 * base + 98 and 2 * base + 203 (HP) where every value is trained to the full.
_STAT_OFFSET = 98.0
_HP_OFFSET = 203.0
_LARGEST_DAMAGE = 2.0
_MOVE_COLUMNS = ("power", "accuracy", "physical", "damaging", "per_level", "constant", "half")
_STAT_COLUMNS = ("hp", "atk", "def", "spa", "spd")


class Side(NamedTuple):
    """Pokémon as attackers or defenders; `N` broadcasts between the two.

    Parameters
    ----------
    species : int64 Tensor, ``[B, N]``
    types : int64 Tensor, ``[B, N, 2]``
        Current types.
    level : float32 Tensor, ``[B, N]``
        As a share of 100.
    boosts : float32 Tensor, ``[B, N, 4]``
        Multipliers of Attack, Defense, Special Attack, Special Defense.
    hp : float32 Tensor, ``[B, N]``
        Share of HP left.
    """

    species: Tensor
    types: Tensor
    level: Tensor
    boosts: Tensor
    hp: Tensor


def matchup_tables(dex: Dex) -> dict[str, NDArray[np.float32]]:
    """What `Matchup` keeps of a dex: ``moves [M, 7]``, ``move_type [M]``, ``stats [S, 5]``, ``chart [T, T]``."""
    table = dex.moves
    kinds = dex.names["damage_kinds"]
    kind = np.array([kinds[k] for k in table.damage_kind])
    value = table.damage_value.astype(np.float32)
    columns = [
        table.base_power.astype(np.float32) * table.hits,
        table.accuracy,
        table.category == PHYSICAL,
        table.category != STATUS,
        np.where((kind == "level") | (kind == "random"), value, 0),
        np.where(kind == "constant", value, 0),
        np.where(kind == "half", value, 0),
    ]
    return {
        "moves": np.stack(columns, axis=1).astype(np.float32),
        "move_type": table.type.astype(np.float32),
        "stats": dex.species.base_stats[:, :5].astype(np.float32),
        "chart": dex.type_chart.astype(np.float32),
    }


class Matchup(nn.Module):
    """Estimates, for moves of attackers on defenders, the share of the defender's full HP that they take.

    Parameters
    ----------
    num_moves, num_species, num_types : int
        Sizes of the tables, whose values come from `set_tables` or with the weights.
    """

    moves: Tensor
    move_type: Tensor
    stats: Tensor
    chart: Tensor

    def __init__(self, num_moves: int, num_species: int, num_types: int) -> None:
        super().__init__()
        self.register_buffer("moves", torch.zeros(num_moves, len(_MOVE_COLUMNS)))
        self.register_buffer("move_type", torch.zeros(num_moves))
        self.register_buffer("stats", torch.zeros(num_species, len(_STAT_COLUMNS)))
        self.register_buffer("chart", torch.ones(num_types, num_types))

    def set_tables(self, dex: Dex) -> None:
        """Take the tables of a dex."""
        for name, array in matchup_tables(dex).items():
            self.get_buffer(name).copy_(torch.from_numpy(np.array(array)))

    def type_multiplier(self, attacking: Tensor, defending: Tensor) -> Tensor:
        """Multiplier of types ``[...]`` on defenders of types ``[..., 2]``; id 0 is neutral."""
        size = self.chart.shape[1]
        chart = self.chart.view(-1)
        row = attacking * size
        first = chart[row + defending[..., 0]]
        # A second type equal to the first, or none, must not count.
        second = torch.where(
            (defending[..., 1] > 0) & (defending[..., 1] != defending[..., 0]), chart[row + defending[..., 1]], 1.0
        )
        return first * second

    def damage(self, attacker: Side, moves: Tensor, defender: Side) -> tuple[Tensor, Tensor]:
        """Expected damage of moves.

        Parameters
        ----------
        attacker, defender : Side
            ``N`` attackers and defenders, or 1 of either.
        moves : int64 Tensor, ``[B, N, K]``

        Returns
        -------
        damage : float32 Tensor, ``[B, N, K]``
            Share of the defender's full HP, misses included, at most 2.
        multiplier : float32 Tensor, ``[B, N, K]``
            Of the types alone; 0 for status moves.
        """
        power, accuracy, physical, damaging, per_level, constant, half = self.moves[moves].unbind(-1)
        move_type = self.move_type[moves].long()
        multiplier = self.type_multiplier(move_type, defender.types.unsqueeze(2)) * damaging
        own = attacker.types.unsqueeze(2)
        same = (move_type == own[..., 0]) | (move_type == own[..., 1])
        attack, defense, hit_points = self._stats(attacker, defender)
        ratio = torch.where(physical > 0, attack[..., :1] / defense[..., :1], attack[..., 1:] / defense[..., 1:])
        level = attacker.level.unsqueeze(-1)
        formula = ((40.0 * level + 2.0) / 50.0 * power * ratio + 2.0 * (power > 0)) * multiplier
        formula = formula * torch.where(same, 1.5, 1.0)
        fixed = (100.0 * level * per_level + constant) * (multiplier > 0)
        share = (formula + fixed) / hit_points.unsqueeze(-1) + half * defender.hp.unsqueeze(-1)
        return (share * accuracy).clamp(max=_LARGEST_DAMAGE), multiplier

    def _stats(self, attacker: Side, defender: Side) -> tuple[Tensor, Tensor, Tensor]:
        """Attack and special attack ``[B, N, 2]``, the defenses against them ``[B, N, 2]``, and HP ``[B, N]``."""
        strong, tough = self.stats[attacker.species], self.stats[defender.species]
        attack = (2 * strong[..., 1::2] + _STAT_OFFSET) * attacker.level.unsqueeze(-1) * attacker.boosts[..., ::2]
        defense = (2 * tough[..., 2::2] + _STAT_OFFSET) * defender.level.unsqueeze(-1) * defender.boosts[..., 1::2]
        hit_points = (2 * tough[..., 0] + _HP_OFFSET) * defender.level
        return attack, defense.clamp(min=1.0), hit_points.clamp(min=1.0)
