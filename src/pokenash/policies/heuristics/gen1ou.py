"""A strong player of generation 1 OU: one turn of lookahead over both players' means, and a race behind it.

Every action is valued in Pokémon (1 = an unhurt one of ordinary worth):

- what the turn brings: HP, knock-outs and status given, less what the opponent's likely attack takes, with the order of
  moves by speed, paralysis, sleep, accuracy, critical hits, Sleep Clause and Freeze Clause;
- what comes after it: a race between the two Pokémon that then face each other, each with its best attack, until one
  of them is down. A switch pays for its better race with a free hit; so it is made only when it is worth that.

Status, boosts, recovery, screens, recharging and self-destruction enter these two terms; nothing is a rule of its own.
The opponent's attacks are the ones seen, and the species' standard ones as long as not all four were.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.games.core import Decisions
from pokenash.games.showdown.dex import Dex
from pokenash.policies.core import DecisionRandom, Policy
from pokenash.policies.heuristics.gen1_effects import move_effects
from pokenash.policies.heuristics.gen1_moves import move_outcomes
from pokenash.policies.heuristics.gen1_state import State, read_state
from pokenash.policies.heuristics.gen1_tables import gen1_tables
from pokenash.policies.heuristics.gen1_values import Gen1Weights, Outcome, knock_out_chance, race, status_tables
from pokenash.policies.heuristics.view import MOVES, SWITCHES, blocks, choose, uniforms

__all__ = ["Gen1OU"]


class Gen1OU(Policy):
    """The strong heuristic.

    Parameters
    ----------
    dex : Dex
        Tables of a generation 1 format.
    weights : Gen1Weights, optional
        What things are worth.

    Raises
    ------
    InputError
        If the format is of another generation.
    """

    def __init__(self, dex: Dex, weights: Gen1Weights | None = None) -> None:
        self._dex = dex
        self._tables = gen1_tables(dex)
        self._effects = move_effects(dex, self._tables)
        self._weights = weights if weights is not None else Gen1Weights()
        self._status = status_tables(dex, self._weights)

    def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        """See `Policy.act`."""
        return choose(self.values(decisions), decisions.action_mask, uniforms(decisions, rng))

    def values(self, decisions: Decisions) -> NDArray[np.floating[Any]]:
        """What each action is worth in Pokémon, ``[B, 10]``; of actions that are not legal, nothing sensible."""
        state = read_state(blocks(decisions.observation), self._tables, self._dex)
        forced = np.asarray(~decisions.action_mask[:, MOVES].any(axis=1))
        moves = move_outcomes(state, self._tables, self._effects, self._status, self._weights)
        switches = self._switch_outcomes(state, forced)
        future = np.float32(self._weights.future)
        values = np.empty((len(decisions), SWITCHES.stop), np.float32)
        for part, outcome in ((MOVES, moves), (SWITCHES, switches)):
            values[:, part] = outcome.gain + future * outcome.going_on * race(outcome, self._weights)
        return values

    def _switch_outcomes(self, state: State, forced: NDArray[np.bool_]) -> Outcome:
        """The outcome of bringing in each own Pokémon, ``[B, 6]``: a free hit first, unless the switch is forced."""
        weights, status, foe = self._weights, self._status, state.foe
        alive, aimed = np.float32(weights.alive), np.float32(weights.aimed)
        acts = status.acts[foe.status] * (1 - foe.flags[:, 3]) * state.foe_there * ~forced
        expected = aimed * state.aimed + (1 - aimed) * state.threat
        taken = acts[:, None] * np.minimum(expected, state.team_hp)
        down = acts[:, None] * knock_out_chance(expected, state.team_hp)
        worth = status.worth[state.team_status]
        cost = np.float32(weights.switch_cost) + np.float32(weights.again_cost) * state.just_in
        gain = -worth * ((1 - alive) * taken + alive * down) - (cost * ~forced)[:, None]
        foe_pace = status.pace[foe.status] * (1 - np.float32(0.3) * foe.flags[:, 1])
        return Outcome(
            gain=gain,
            going_on=1 - down,
            own_hp=np.maximum(state.team_hp - taken, np.float32(0.01)),
            foe_hp=foe.hp[:, None],
            own_rate=state.rate * status.pace[state.team_status],
            foe_rate=state.threat * foe_pace[:, None],
            advantage=np.sign(state.team_speed - foe.speed[:, None]),
            own_worth=worth,
            foe_worth=status.worth[foe.status][:, None],
        )
