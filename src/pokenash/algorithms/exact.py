"""Exact values of policies in games that OpenSpiel can enumerate: `nash_conv`, best responses, expected returns.

Everything goes through OpenSpiel's own C++ (``TabularBestResponse`` and ``expected_returns``), which gives the
values of its Python ``nash_conv`` in a fraction of the time: Leduc poker takes some hundredths of a second. A policy
is asked once at every information state; a mixture is first made one policy that chooses as it does.
`pokenash.algorithms.sequence_form` computes the same by sparse products, for many policies at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyspiel

from pokenash.algorithms.behaviour import Table, behaviour, distributions
from pokenash.errors import InputError
from pokenash.games.openspiel import InformationStates, OpenSpielGame, information_states
from pokenash.policies.core import Policy
from pokenash.policies.mixture import Mixture, check_probabilities
from pokenash.policies.seats import Seats
from pokenash.policies.tabular import TabularPolicy, row_keys

__all__ = [
    "BestResponse",
    "aggregate",
    "best_response",
    "expected_returns",
    "nash_conv",
    "policy_table",
    "tabular_policy",
]


@dataclass(frozen=True)
class BestResponse:
    """The best response of one player.

    Parameters
    ----------
    value : float
        What the player expects with it.
    policy : TabularPolicy
        One action at each of the player's own information states; as the other player it would be uniform.
    """

    value: float
    policy: TabularPolicy


def nash_conv(game: OpenSpielGame, policy: Policy | Table | tuple[Policy | Table, Policy | Table]) -> float:
    """How much both players together gain by best responses; 0 at a Nash equilibrium, never less.

    Parameters
    ----------
    game : OpenSpielGame
    policy : Policy, table, or pair of them
        One for both players, or one for each. A mixture is drawn once per episode, for each player on its own.

    Returns
    -------
    float
        The sum over both players (Lanctot et al., "A Unified Game-Theoretic Approach to Multiagent Reinforcement
        Learning", NeurIPS 2017), as OpenSpiel's ``nash_conv``; the average over them, which papers on poker call
        exploitability, is half of it.

    Raises
    ------
    InputError
        If the game is too large, or a policy cannot say its action probabilities. If players forget: always where
        information is imperfect, and for mixtures where it is perfect (tic-tac-toe and goofspiel's positions need no
        memory, but which member of a mixture plays shows in what came before).
    """
    first, second = policy if isinstance(policy, tuple) else (policy, policy)
    table_of_first = policy_table(game, first)
    table_of_second = table_of_first if second is first else policy_table(game, second)
    # On-policy values cancel: the game is zero-sum.
    root = game.game.new_initial_state()
    value_of_first = _spiel_best_response(game, table_of_second, 0).value_from_state(root)
    return float(value_of_first + _spiel_best_response(game, table_of_first, 1).value_from_state(root))


def best_response(game: OpenSpielGame, policy: Policy | Table, player: int) -> BestResponse:
    """The best response of `player` when the other one plays `policy`; of equally good actions the first.

    Raises
    ------
    InputError
        As `nash_conv`, or if `player` is neither 0 nor 1.
    """
    if player not in (0, 1):
        raise InputError(f"a player is 0 or 1, not {player!r}")
    states = information_states(game)
    response = _spiel_best_response(game, policy_table(game, policy), player)
    value = float(response.value_from_state(game.game.new_initial_state()))
    chosen = response.get_best_response_actions()
    rows = np.flatnonzero(states.player == player)
    # Positions that are shown alike (perfect information without perfect recall) have one best action.
    rows = rows[np.unique(row_keys(states.player[rows], states.observation[rows]), return_index=True)[1]]
    mask = states.action_mask[rows]
    actions = [chosen.get(states.strings[row], first) for row, first in zip(rows, mask.argmax(axis=1), strict=True)]
    probabilities = np.zeros(mask.shape)
    probabilities[np.arange(len(rows)), actions] = 1.0
    policy_of_player = TabularPolicy(states.player[rows], states.observation[rows], mask, probabilities, complete=False)
    return BestResponse(value, policy_of_player)


def expected_returns(game: OpenSpielGame, first: Policy | Table, second: Policy | Table) -> tuple[float, float]:
    """What both players expect when `first` plays as player 0 and `second` as player 1.

    Raises
    ------
    InputError
        As `nash_conv`.
    """
    states = information_states(game)
    policies = [
        pyspiel.TabularPolicy(_actions_and_probabilities(states, policy_table(game, policy), player))
        for player, policy in enumerate((first, second))
    ]
    returns = pyspiel.expected_returns(game.game.new_initial_state(), policies, -1, True)
    return float(returns[0]), float(returns[1])


def tabular_policy(game: OpenSpielGame, policy: Policy | Table) -> Any:
    """The policy as a ``pyspiel.TabularPolicy``, for OpenSpiel's own algorithms.

    Raises
    ------
    InputError
        As `nash_conv`, or if an information state of either player reads as one of the other's.
    """
    states, table = information_states(game), policy_table(game, policy)
    first, second = (_actions_and_probabilities(states, table, player) for player in (0, 1))
    shared = first.keys() & second.keys()
    if shared:
        raise InputError(f"{game.name}: both players have an information state {min(shared)!r}, so one table cannot do")
    return pyspiel.TabularPolicy(first | second)


def policy_table(game: OpenSpielGame, policy: Policy | Table) -> Table:
    """Probabilities of actions at every information state, ``[N, A]``.

    A `Mixture` becomes the one policy that is realisation-equivalent to it (`aggregate`). A policy that remembers is
    led to every information state through the player's own information states before it.

    Raises
    ------
    InputError
        As `nash_conv`, or if what the policy says is no distribution over legal actions.
    """
    states = information_states(game)
    if not (states.perfect_recall or game.perfect_information):
        raise InputError(f"{game.name}: players forget what they did; exact values need perfect recall")
    if isinstance(policy, Mixture):
        return aggregate(game, policy.members, policy.probabilities)
    if isinstance(policy, Seats):
        tables = [policy_table(game, seat) for seat in policy.seats]
        return np.where((states.player == 0)[:, None], *tables)
    if isinstance(policy, np.ndarray):
        return distributions(policy, states.action_mask, "table")
    return behaviour(states, policy)


def aggregate(game: OpenSpielGame, policies: Sequence[Policy | Table], weights: Any) -> Table:
    """The one policy that plays as a mixture does of which one member is drawn per episode and player, ``[N, A]``.

    A member counts at an information state as much as it is there: by its weight times the probability that its own
    choices lead there (Kuhn's theorem; in OpenSpiel ``PolicyAggregator``). Where none comes, actions are uniform.

    Parameters
    ----------
    game : OpenSpielGame
    policies : sequence of Policy or table
    weights : float array, ``[policies]``
        Sum to 1.

    Raises
    ------
    InputError
        As `policy_table`, or if the weights are no distribution or the game is without perfect recall.
    """
    states = information_states(game)
    if not states.perfect_recall:
        raise InputError(
            f"{game.game}: the information states leave out what players did before, so that no policy plays as a "
            "mixture does; expected a game of perfect recall (goofspiel has it with imp_info=True)"
        )
    uniform = states.action_mask / states.action_mask.sum(axis=1, keepdims=True)
    total, presence = np.zeros(states.action_mask.shape), np.zeros(len(states))
    values = check_probabilities(weights, len(policies), "aggregate")
    for policy, weight in zip(policies, values.tolist(), strict=True):
        if weight > 0:
            table = policy_table(game, policy)
            there = weight * _reach(states, table)
            total += there[:, None] * table
            presence += there
    table = np.where(presence[:, None] > 0, total / np.where(presence > 0, presence, 1.0)[:, None], uniform)
    return distributions(table, states.action_mask, "aggregate")


def _reach(states: InformationStates, table: Table) -> Table:
    """Probability that a player's own choices lead to each of its information states, ``[N]``."""
    reach = np.ones(len(states))
    for level in range(1, int(states.decision.max(initial=0)) + 1):
        rows = np.flatnonzero(states.decision == level)
        before = states.previous[rows]
        reach[rows] = reach[before] * table[before, states.previous_action[rows]]
    return reach


def _actions_and_probabilities(
    states: InformationStates, table: Table, player: int
) -> dict[str, list[tuple[int, float]]]:
    """A player's rows of a table as OpenSpiel's C++ takes them."""
    out: dict[str, list[tuple[int, float]]] = {}
    rows = np.flatnonzero(states.player == player)
    for row, mask, probabilities in zip(rows, states.action_mask[rows], table[rows].tolist(), strict=True):
        out[states.strings[row]] = [(action, probabilities[action]) for action in np.flatnonzero(mask).tolist()]
    return out


def _spiel_best_response(game: OpenSpielGame, table: Table, player: int) -> Any:
    """OpenSpiel's best response of a player to the other one's rows of a table."""
    opponent = _actions_and_probabilities(information_states(game), table, 1 - player)
    return pyspiel.TabularBestResponse(game.game, player, opponent)
