"""What policies do in probes: the distribution of their first action."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pokenash.algorithms.intervals import wilson_interval
from pokenash.errors import InputError
from pokenash.experiments.probes.actions import action_words
from pokenash.experiments.probes.probe import Probe
from pokenash.games.core import Decisions, EpisodeSetup
from pokenash.games.showdown import PositionSet, ShowdownGame
from pokenash.policies.core import DecisionRandom, Policy
from pokenash.policies.mixture import Mixture

__all__ = ["Behaviour", "ProbeDecision", "probe_decisions", "probe_game", "probe_policy"]


@dataclass(frozen=True)
class ProbeDecision:
    """The decision that a probe asks for.

    Parameters
    ----------
    probe : Probe
    decisions : Decisions
        One row, with text.
    words : mapping of int to str
        The legal actions in words.
    """

    probe: Probe
    decisions: Decisions
    words: Mapping[int, str]


@dataclass(frozen=True)
class Behaviour:
    """What one policy does in one probe.

    Parameters
    ----------
    policy : str
        Its name; members of a mixture are ``mixture/member``.
    probe : str
    probabilities : mapping of str to float
        By action in words.
    draws : int or None
        From how many seeded draws the probabilities were counted; None where the policy itself said them.
    weight : float
        Of the policy in the mixture that it is a member of, else 1.
    """

    policy: str
    probe: str
    probabilities: Mapping[str, float]
    draws: int | None
    weight: float = 1.0

    def on(self, actions: Sequence[str]) -> float:
        """Probability of any of some actions."""
        return float(sum(self.probabilities.get(word, 0.0) for word in actions))

    def interval(self, actions: Sequence[str], level: float = 0.95) -> tuple[float, float] | None:
        """Wilson's interval of that probability; None where the policy itself said it."""
        if self.draws is None:
            return None
        low, high = wilson_interval(self.on(actions) * self.draws, self.draws, level)
        return float(low), float(high)

    def regret(self, values: Mapping[str, float]) -> float:
        """How much lower the win rate is than that of the best action.

        Parameters
        ----------
        values : mapping of str to float
            The win rate of each action.
        """
        mean = sum(probability * values[word] for word, probability in self.probabilities.items() if probability > 0)
        return max(0.0, max(values.values()) - mean)


def probe_game(probes: Sequence[Probe]) -> ShowdownGame:
    """The game in which the probes' positions are known by the probes' names.

    Raises
    ------
    InputError
        If there are none, or they are of different formats.
    """
    formats = sorted({probe.position.format for probe in probes})
    if len(formats) != 1:
        raise InputError(f"expected probes of one format, got {formats or 'none'}")
    return ShowdownGame(formats[0], positions=PositionSet(tuple(probe.position for probe in probes)))


def probe_decisions(game: ShowdownGame, probes: Sequence[Probe]) -> list[ProbeDecision]:
    """The decisions that the probes ask for.

    Raises
    ------
    InputError
        If a probe's player is not asked there, or a right action is not one of the legal ones.
    """
    found = []
    with game.vector(1) as vector:
        for number, probe in enumerate(probes):
            options = {"position": probe.position.name, "continued": True}
            decisions, ended = vector.start([EpisodeSetup(number, 0, options, text=(True, True))])
            if ended:
                raise InputError(f"probe {probe.name!r}: {ended[0].info.get('error', 'the battle has ended')}")
            one = decisions.select(decisions.player == probe.player)
            if not len(one):
                raise InputError(f"probe {probe.name!r}: player {probe.player} is asked for nothing")
            assert isinstance(one.observation, dict)
            row = {name: array[0] for name, array in one.observation.items()}
            words = action_words(row, one.action_mask[0], game.dex)
            if not set(probe.right) <= set(words.values()):
                raise InputError(f"probe {probe.name!r}: {probe.right} are not among {sorted(words.values())}")
            found.append(ProbeDecision(probe, one, words))
    return found


def probe_policy(
    name: str, policy: Policy, decisions: Sequence[ProbeDecision], *, draws: int = 256, seed: int = 0
) -> list[Behaviour]:
    """What a policy does in every probe; of a mixture first the whole, then every member.

    Parameters
    ----------
    name : str
    policy : Policy
    decisions : sequence of ProbeDecision
    draws : int
        How often a policy is asked that cannot say its probabilities; each draw is another episode to it.
    seed : int
        Of the policy's own randomness.

    Returns
    -------
    list of Behaviour
        Probe by probe for each policy.
    """
    if not isinstance(policy, Mixture):
        return [_behaviour(name, policy, one, draws, seed) for one in decisions]
    members = [
        [_behaviour(f"{name}/{member}", live, one, draws, seed, float(weight)) for one in decisions]
        for member, live, weight in zip(policy.names, policy.members, policy.probabilities.tolist(), strict=True)
    ]
    whole = []
    for column in zip(*members, strict=True):
        words = list(column[0].probabilities)
        mixed = {word: sum(one.weight * one.probabilities[word] for one in column) for word in words}
        counted = [one.draws for one in column if one.draws is not None]
        whole.append(Behaviour(name, column[0].probe, mixed, min(counted) if counted else None))
    return [*whole, *(one for member in members for one in member)]


def _behaviour(
    name: str, policy: Policy, asked: ProbeDecision, draws: int, seed: int, weight: float = 1.0
) -> Behaviour:
    try:
        said = policy.action_probabilities(asked.decisions, policy.initial_memory(1))[0]
    except NotImplementedError:
        counted = _frequencies(policy, asked.decisions, draws, seed)
        return Behaviour(name, asked.probe.name, _in_words(counted, asked), draws, weight)
    return Behaviour(name, asked.probe.name, _in_words(said, asked), None, weight)


def _in_words(probabilities: NDArray[np.float64], asked: ProbeDecision) -> dict[str, float]:
    return {word: float(probabilities[action]) for action, word in asked.words.items()}


def _frequencies(policy: Policy, decisions: Decisions, draws: int, seed: int) -> NDArray[np.float64]:
    """How often each action is chosen, by episodes that differ in nothing but their number, ``[A]``."""
    if draws < 1:
        raise InputError(f"got {draws} draws, expected at least 1")
    many = decisions.select(np.zeros(draws, np.int64))
    number = np.arange(draws, dtype=np.int64)
    repeated = Decisions(number, number, many.player, many.decision, many.observation, many.action_mask, many.text)
    actions = policy.act(repeated, policy.initial_memory(draws), DecisionRandom(seed))
    counts: NDArray[np.float64] = np.bincount(actions, minlength=many.action_mask.shape[1]) / draws
    return counts
