"""Policies that are made of one policy for each seat."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import InputError
from pokenash.games.core import Decisions, Game
from pokenash.policies.core import DecisionRandom, Policy
from pokenash.policies.mixture import Mixture
from pokenash.policies.spec import PolicySpec, load_policy

__all__ = ["Seats", "drawn_member", "load", "seats_spec"]


class Seats(Policy):
    """One policy as player 0 and another as player 1.

    Parameters
    ----------
    first, second : Policy
    """

    def __init__(self, first: Policy, second: Policy) -> None:
        self.seats = (first, second)
        self.needs_text = first.needs_text or second.needs_text

    def initial_memory(self, num_lanes: int) -> list[Any]:
        """The memories of both."""
        return [policy.initial_memory(num_lanes) for policy in self.seats]

    def act(self, decisions: Decisions, memory: list[Any], rng: DecisionRandom) -> NDArray[np.int64]:
        actions = np.empty(len(decisions), np.int64)
        for player, policy in enumerate(self.seats):
            rows = np.flatnonzero(decisions.player == player)
            if len(rows):
                actions[rows] = policy.act(decisions.select(rows), memory[player], rng)
        return actions

    def action_probabilities(self, decisions: Decisions, memory: list[Any]) -> NDArray[np.float64]:
        probabilities = np.zeros(decisions.action_mask.shape)
        for player, policy in enumerate(self.seats):
            rows = np.flatnonzero(decisions.player == player)
            if len(rows):
                probabilities[rows] = policy.action_probabilities(decisions.select(rows), memory[player])
        return probabilities


def seats_spec(name: str, first: PolicySpec, second: PolicySpec) -> PolicySpec:
    """Describe a policy that plays as `first` in seat 0 and as `second` in seat 1."""
    return PolicySpec(name, "seats", {"seats": [first.to_json(), second.to_json()]})


def drawn_member(policy: Policy, episode: int, player: int, seed: int) -> tuple[str | None, NDArray[np.float64] | None]:
    """Which member of a mixture plays an episode.

    Parameters
    ----------
    policy : Policy
    episode, player : int
        As in `Decisions`.
    seed : int
        Of the `DecisionRandom` that the policy is asked with.

    Returns
    -------
    name : str or None
        The member's; None where no mixture plays in that seat.
    probabilities : float64 array, ``[M]``, or None
        With which the mixture draws its members.
    """
    if isinstance(policy, Seats):
        policy = policy.seats[player]
    if not isinstance(policy, Mixture):
        return None, None
    drawn = policy.draw(np.array([episode], np.int64), np.array([player], np.int64), DecisionRandom(seed))
    return policy.names[int(drawn[0])], policy.probabilities


def load(spec: PolicySpec, game: Game) -> Seats:
    """Make the policy of a spec of kind ``"seats"``, whose parameter ``seats`` is a list of two specs as JSON."""
    seats = spec.parameters.get("seats")
    if set(spec.parameters) != {"seats"} or not isinstance(seats, list) or len(seats) != 2:
        raise InputError(
            f"policy {spec.name!r}: kind 'seats' takes the parameter seats, a list of two policy specs, "
            f"got {dict(spec.parameters)!r}"
        )
    first, second = (load_policy(PolicySpec.from_json(seat), game) for seat in seats)
    return Seats(first, second)
