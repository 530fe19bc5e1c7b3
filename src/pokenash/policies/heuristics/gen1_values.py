"""What things are worth to the gen1ou heuristic, and the race that values what comes after a turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.games.showdown.dex import Dex

__all__ = ["Gen1Weights", "Outcome", "StatusTables", "knock_out_chance", "race", "status_tables"]

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Gen1Weights:
    """Settings of the heuristic, in units of one unhurt Pokémon. The defaults come from tournaments.

    Parameters
    ----------
    alive : float
        Share of a Pokémon's worth that it has at any HP; the rest goes with its HP.
    future : float
        Weight of the race after the turn.
    horizon : float
        Turns after which a race counts half: the longer it lasts, the less likely it is to be played out.
    switch_cost, again_cost : float
        Price of a switch, and what is added when the Pokémon only just came in.
    aimed : float
        Share of the opponent's attacks that are meant for the Pokémon which is being switched out.
    brn, par, slp, frz, psn, tox : float
        What is left of a Pokémon's worth with that status.
    """

    alive: float = 0.35
    future: float = 0.6
    horizon: float = 6.0
    switch_cost: float = 0.1
    again_cost: float = 0.15
    aimed: float = 0.7
    brn: float = 0.85
    par: float = 0.75
    slp: float = 0.5
    frz: float = 0.15
    psn: float = 0.9
    tox: float = 0.85


@dataclass(frozen=True)
class StatusTables:
    """By status id, ``[K]``: what a Pokémon is worth, how often it acts this turn, and in the turns after."""

    worth: Floats
    acts: Floats
    pace: Floats


@dataclass(frozen=True)
class Outcome:
    """What an action is expected to bring; all arrays ``[B, n]``.

    Parameters
    ----------
    gain : float32 array
        Worth won in this turn.
    going_on : float32 array
        Probability that the two Pokémon then still face each other.
    own_hp, foe_hp : float32 arrays
        HP after the turn.
    own_rate, foe_rate : float32 arrays
        Damage per turn that each then does to the other.
    advantage : float32 array
        1 where the own one then moves first, -1 where the other does.
    own_worth, foe_worth : float32 arrays
    """

    gain: Floats
    going_on: Floats
    own_hp: Floats
    foe_hp: Floats
    own_rate: Floats
    foe_rate: Floats
    advantage: Floats
    own_worth: Floats
    foe_worth: Floats


def status_tables(dex: Dex, weights: Gen1Weights) -> StatusTables:
    """Tables by the observation's status ids."""
    names = dex.names["statuses"]
    worth = [getattr(weights, name, 1.0) for name in names]
    acts = {"par": 0.75, "slp": 0.0, "frz": 0.0, "fnt": 0.0}
    pace = {"par": 0.75, "slp": 0.3, "frz": 0.02, "fnt": 0.0}
    return StatusTables(
        np.asarray(worth, np.float32),
        np.asarray([acts.get(name, 1.0) for name in names], np.float32),
        np.asarray([pace.get(name, 1.0) for name in names], np.float32),
    )


def knock_out_chance(mean: Floats, hp: Floats) -> Floats:
    """Chance that an attack of this mean damage takes all the HP: by a spread of rolls, and some critical hits."""
    needed = hp / np.maximum(mean, np.float32(1e-3))
    ordinary = np.clip((np.float32(1.12) - needed) * 4, 0, np.float32(0.9))
    chance: Floats = np.maximum(ordinary, np.where(needed < 1.9, np.float32(0.12), np.float32(0)))
    return chance


def race(outcome: Outcome, weights: Gen1Weights) -> Floats:
    """Worth that the race after the turn brings: both attack until the first of them is down, ``[B, n]``."""
    least, alive = np.float32(0.02), np.float32(weights.alive)
    time_own = outcome.foe_hp / np.maximum(outcome.own_rate, least) - outcome.advantage * np.float32(0.5)
    time_own = np.maximum(time_own, np.float32(0.3))
    time_foe = np.maximum(outcome.own_hp / np.maximum(outcome.foe_rate, least), np.float32(0.3))
    time = np.minimum(time_own, time_foe)
    won = outcome.foe_worth * (alive + (1 - alive) * outcome.foe_hp) * time / time_own
    lost = outcome.own_worth * (alive + (1 - alive) * outcome.own_hp) * time / time_foe
    horizon = np.float32(weights.horizon)
    value: Floats = (won - lost) * (horizon / (horizon + time))
    return value
