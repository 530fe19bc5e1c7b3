"""Mixtures: one member is drawn for a whole episode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pokenash.errors import InputError
from pokenash.games.core import Decisions, Game
from pokenash.policies.core import DecisionRandom, Policy
from pokenash.policies.spec import PolicySpec, load_policy

__all__ = ["MIXTURE_STREAM", "Mixture", "check_probabilities", "load", "mixture_spec"]

MIXTURE_STREAM = 0x6D697874
"""Stream of `DecisionRandom` from which members are drawn, apart from the members' own draws."""

# As far as probabilities that were written to JSON and read again may miss a sum of 1.
_SUM_TOLERANCE = 1e-6


def check_probabilities(probabilities: ArrayLike, num_members: int, what: str) -> NDArray[np.float64]:
    """The probabilities as float64 ``[num_members]``, normalised to sum to 1 exactly up to rounding.

    Raises
    ------
    InputError
        If they are too many or too few, negative, not finite, or do not sum to 1; `what` begins the message.
    """
    try:
        values = np.asarray(probabilities, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what}: expected {num_members} probabilities, got {probabilities!r}") from error
    if values.shape != (num_members,):
        raise InputError(f"{what}: expected {num_members} probabilities, got an array of shape {values.shape}")
    if num_members == 0:
        raise InputError(f"{what}: expected at least one member, got none")
    if not np.isfinite(values).all() or (values < 0).any() or abs(values.sum() - 1) > _SUM_TOLERANCE:
        raise InputError(f"{what}: expected probabilities >= 0 that sum to 1, got {values.tolist()}")
    normalised: NDArray[np.float64] = values / values.sum()
    return normalised


class Mixture(Policy):
    """Draws one member per episode and player, and lets it play the whole episode.

    Which member plays depends on the (seed, episode, player) alone. A member that is itself a mixture is
    replaced by its members, named ``outer/inner``.

    Parameters
    ----------
    names : sequence of str
        Names of the members.
    members : sequence of Policy
    probabilities : float array, ``[members]``
        Sum to 1.
    """

    def __init__(self, names: Sequence[str], members: Sequence[Policy], probabilities: ArrayLike) -> None:
        if len(names) != len(members):
            raise InputError(f"mixture: expected one name per member, got {len(names)} names, {len(members)} members")
        outer = check_probabilities(probabilities, len(members), "mixture")
        self.names: list[str] = []
        self.members: list[Policy] = []
        flat: list[float] = []
        for name, member, probability in zip(names, members, outer.tolist(), strict=True):
            inner = member if isinstance(member, Mixture) else None
            self.names += [f"{name}/{n}" for n in inner.names] if inner else [name]
            self.members += inner.members if inner else [member]
            flat += [probability * p for p in inner.probabilities.tolist()] if inner else [probability]
        self.probabilities: NDArray[np.float64] = np.asarray(flat)
        self._cumulative = np.cumsum(self.probabilities)
        self.needs_text = any(m.needs_text for m, p in zip(self.members, flat, strict=True) if p > 0)

    def draw(self, episode: NDArray[np.int64], player: NDArray[np.int64], rng: DecisionRandom) -> NDArray[np.int64]:
        """Index of the member that plays, ``[B]``, for the given episodes ``[B]`` and players ``[B]``."""
        uniform = rng.uniform_at(episode, player, np.zeros(len(episode), np.int64), stream=MIXTURE_STREAM)
        target = uniform[:, 0] * self._cumulative[-1]
        index: NDArray[np.int64] = np.searchsorted(self._cumulative, target, side="right")
        return index

    def initial_memory(self, num_lanes: int) -> list[Any]:
        """The memories of all members."""
        return [member.initial_memory(num_lanes) for member in self.members]

    def act(self, decisions: Decisions, memory: list[Any], rng: DecisionRandom) -> NDArray[np.int64]:
        """Hand every row to the member drawn for its episode and player."""
        drawn = self.draw(decisions.episode, decisions.player, rng)
        actions = np.empty(len(decisions), np.int64)
        for index in np.unique(drawn).tolist():
            rows = np.flatnonzero(drawn == index)
            actions[rows] = self.members[index].act(decisions.select(rows), memory[index], rng)
        return actions


def mixture_spec(name: str, members: Sequence[PolicySpec], probabilities: ArrayLike) -> PolicySpec:
    """Describe a mixture; members of probability 0 are left out.

    Parameters
    ----------
    name : str
    members : sequence of PolicySpec
    probabilities : float array, ``[members]``
        Sum to 1.
    """
    values = check_probabilities(probabilities, len(members), f"mixture {name!r}")
    kept = [i for i, p in enumerate(values.tolist()) if p > 0]
    parameters = {
        "members": [members[i].to_json() for i in kept],
        "probabilities": [float(values[i]) for i in kept],
    }
    return PolicySpec(name, "mixture", parameters)


def load(spec: PolicySpec, game: Game) -> Mixture:
    """Make the policy of a spec of kind ``"mixture"``.

    Its parameters are ``members``, a list of specs as JSON, and ``probabilities``, a list of numbers.
    """
    if set(spec.parameters) != {"members", "probabilities"} or not isinstance(spec.parameters["members"], list):
        raise InputError(
            f"policy {spec.name!r}: kind 'mixture' takes the parameters members (a list of policy specs) and "
            f"probabilities (a list of numbers), got {sorted(spec.parameters)}"
        )
    specs = [PolicySpec.from_json(member) for member in spec.parameters["members"]]
    names = [member.name for member in specs]
    if len(set(names)) != len(names):
        raise InputError(f"policy {spec.name!r}: the members' names must differ, got {names}")
    probabilities = check_probabilities(spec.parameters["probabilities"], len(specs), f"policy {spec.name!r}")
    return Mixture(names, [load_policy(member, game) for member in specs], probabilities)
