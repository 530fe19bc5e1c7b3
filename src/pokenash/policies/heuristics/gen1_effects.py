"""What moves of generation 1 do besides damage, by move id."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.games.showdown.dex import Dex
from pokenash.policies.heuristics.gen1_tables import Gen1Tables

__all__ = ["COLUMN", "COLUMNS", "MoveEffects", "move_effects"]

Floats = NDArray[np.floating[Any]]

COLUMNS = (
    "accuracy", "pace", "recharge", "self_destruct", "heal", "rest", "recoil", "drain", "trap", "confusion", "leech",
    "reflect", "light_screen", "boost", "priority", "needs_sleep",
)  # fmt: skip
COLUMN = {name: i for i, name in enumerate(COLUMNS)}


@dataclass(frozen=True, eq=False)
class MoveEffects:
    """Effects of moves, by move id.

    Parameters
    ----------
    columns : float32 array, ``[M, len(COLUMNS)]``
    status : dict of float32 array, ``[M * S]``
        Chance by status name that the move gives it to a species.
    boosts : int64 array, ``[M, 5]``
        Stages given to the user: attack, defence, special attack, special defence, speed.
    ids : dict of int
        Status ids by name.
    grass : bool array, ``[S]``
        Species that Leech Seed spares.
    """

    columns: Floats
    status: dict[str, Floats]
    boosts: NDArray[np.int64]
    ids: dict[str, int]
    grass: NDArray[np.bool_]


@lru_cache(maxsize=2)
def move_effects(dex: Dex, tables: Gen1Tables) -> MoveEffects:
    """Collect what `move_outcomes` needs from the static tables; kept for the life of the process."""
    moves, volatiles = dex.moves, dex.names["volatiles"]
    rest = np.zeros(len(moves.pp), np.float32)
    rest[dex.id("moves", "rest")] = 1
    needs_sleep = np.zeros_like(rest)
    needs_sleep[dex.id("moves", "dreameater")] = 1
    given = {name: (moves.volatile == volatiles.index(name)) * moves.volatile_chance for name in volatiles}
    boosts = moves.self_boosts[:, :5].astype(np.int64)
    columns = {
        "accuracy": tables.accuracy,
        "pace": np.where(moves.recharge | moves.charge, 0.5, 1) * ~moves.self_destruct,
        "recharge": moves.recharge,
        "self_destruct": moves.self_destruct,
        "heal": moves.heal * (1 - rest),
        "rest": rest,
        "recoil": moves.recoil,
        "drain": moves.drain,
        "trap": given["partiallytrapped"],
        "confusion": given["confusion"] * np.where(moves.category == 2, 1, 0),
        "leech": given["leechseed"],
        "reflect": moves.self_volatile == volatiles.index("reflect"),
        "light_screen": moves.self_volatile == volatiles.index("lightscreen"),
        "boost": (boosts > 0).any(axis=1),
        "priority": moves.priority,
        "needs_sleep": needs_sleep,
    }
    packed = np.stack([np.asarray(columns[name], np.float32) for name in COLUMNS], axis=1)
    status = {
        name: np.ascontiguousarray(tables.status[:, :, i]).reshape(-1)
        for i, name in enumerate(dex.names["statuses"])
        if name in ("brn", "par", "slp", "frz", "psn", "tox")
    }
    ids = {name: i for i, name in enumerate(dex.names["statuses"])}
    grass = (dex.species.types == dex.id("types", "Grass")).any(axis=1)
    return MoveEffects(packed, status, boosts, ids, grass)
