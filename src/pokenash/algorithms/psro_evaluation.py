"""How PSRO measures a best response: fresh games against the mixture that it was trained on, or its exact value."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np

from pokenash.algorithms.intervals import WinRate, wilson_interval
from pokenash.algorithms.match_log import LoggedMatch, MatchLog
from pokenash.algorithms.mean_return import MeanReturn
from pokenash.algorithms.oracles.core import derive_seed
from pokenash.algorithms.sequence_form import sequence_form, spec_plans
from pokenash.arena import Match, paired_matches
from pokenash.arena.executors import MatchExecutor
from pokenash.games.core import Game
from pokenash.policies.spec import PolicySpec

__all__ = ["Evaluation", "exact_evaluation", "improves", "member_probabilities"]

# Level of each bound of a fresh evaluation's 95% interval by itself.
_ONE_SIDED = 0.975
# An exact gain below this is rounding.
_EXACT_GAIN = 1e-9


class Evaluation:
    """Fresh games of one best response against a mixture; those in the log are not played again.

    Parameters
    ----------
    arena : MatchExecutor
    log : MatchLog
    key : str
        Of the block in the log.
    mixtures : sequence of PolicySpec
        One for both seats, or one for each.
    battles : int
    seed : int
    """

    def __init__(
        self, arena: MatchExecutor, log: MatchLog, key: str, mixtures: Sequence[PolicySpec], battles: int, seed: int
    ) -> None:
        self._arena = arena
        self._log = log
        self._key = key
        self._mixtures = mixtures
        self._battles = battles
        self._seed = seed
        self.seconds = 0.0
        """How long the games took; 0 if they are already there."""

    def play(self, best_response: PolicySpec) -> list[LoggedMatch]:
        """The games, played if need be."""
        if self._log.has_block(self._key):
            return self._log.block(self._key)
        matches = paired_matches(self._arena.game, [(0, 1)], self._battles, self._seed)
        # Policy 1 is the mixture of seat 0, or of both; the last policy is that of seat 1.
        last = len(self._mixtures)
        matches = [m if m.policies[1] == 0 else Match(m.setup, (0, last)) for m in matches]
        players = [best_response, *self._mixtures]
        start = time.perf_counter()
        results = self._arena.play(players, matches, seed=derive_seed(self._seed, "play"))
        self.seconds = time.perf_counter() - start
        return self._log.append_block(self._key, results, [player.name for player in players])

    def measure(self, best_response: PolicySpec, members: Sequence[str]) -> tuple[dict[str, Any], int]:
        """What the games say, as ``iteration_summary.json`` holds it, and their number."""
        matches = self.play(best_response)
        name = best_response.name
        by_member = {
            member: _win_rate([match for match in matches if member in match.members], name).to_json()
            for member in members
        }
        fresh: dict[str, Any] = {**_win_rate(matches, name).to_json(), "by_member": by_member}
        if any(abs(value) not in (0.0, 1.0) for match in matches if match.counted for value in match.returns):
            # A win rate does not tell how much is won.
            mean = _mean_return(matches, name)
            fresh["mean_return"] = None if mean is None else mean.to_json()
        return fresh, len(matches)


def exact_evaluation(game: Game, best_response: PolicySpec, opponent: PolicySpec) -> dict[str, Any]:
    """Expected returns of a best response against a mixture, in seat 0 and seat 1."""
    form = sequence_form(game)
    first, second = spec_plans(game, best_response)
    against_first, against_second = spec_plans(game, opponent)
    by_seat = [form.value(first, against_second), -form.value(against_first, second)]
    return {"mean_return": sum(by_seat) / 2, "by_seat": by_seat}


def improves(summary: Mapping[str, Any]) -> bool:
    """Whether some best response of an iteration does better than its mixture for sure.

    Exact: it gains more than 1e-9. On fresh games: the lower bound of its mean return is above 0, or of its win rate
    above 1/2 where returns are wins, draws and losses; the bound's level is 97.5%, raised for several best responses
    (Bonferroni).
    """
    entries = summary.get("best_responses", [summary["best_response"]])
    level = 1 - (1 - _ONE_SIDED) / len(entries)
    return any(_improves(entry, level) for entry in entries)


def _improves(entry: Mapping[str, Any], level: float) -> bool:
    exact = entry.get("exact_evaluation")
    if exact is not None:
        return bool(exact["mean_return"] > _EXACT_GAIN)
    fresh = entry["fresh_evaluation"]
    if fresh.get("mean_return") is not None:
        mean = fresh["mean_return"]
        return bool(mean["mean"] - NormalDist().inv_cdf(level) * mean["standard_error"] > 0)
    if not fresh["battles"]:
        return False
    lower, _ = wilson_interval(fresh["win_rate"] * fresh["battles"], fresh["battles"], level, one_sided=True)
    return bool(lower > 0.5)


def member_probabilities(mixtures: Sequence[PolicySpec]) -> dict[str, float]:
    """The members of a mixture and their probabilities; of one mixture per seat, the mean over the seats."""
    total: dict[str, float] = {}
    for mixture in mixtures:
        probabilities = mixture.parameters["probabilities"]
        for member, probability in zip(mixture.parameters["members"], probabilities, strict=True):
            total[member["name"]] = total.get(member["name"], 0.0) + probability / len(mixtures)
    return total


def _mean_return(matches: Sequence[LoggedMatch], name: str) -> MeanReturn | None:
    """Of one policy over its pairs of games; None where fewer than two pairs count."""
    pairs = [
        (one.returns[0], other.returns[1])
        for one, other in zip(matches[::2], matches[1::2], strict=False)
        if one.counted and other.counted and one.policies[0] == name and other.policies[1] == name
    ]
    if len(pairs) < 2:
        return None
    return MeanReturn.from_seats([first for first, _ in pairs], [second for _, second in pairs], _ONE_SIDED)


def _win_rate(matches: Sequence[LoggedMatch], name: str) -> WinRate:
    """Result of one policy in its matches, whichever its seat."""
    returns = np.array([match.returns[match.policies.index(name)] for match in matches if match.counted])
    wins, losses = int((returns > 0).sum()), int((returns < 0).sum())
    return WinRate.from_counts(wins, len(returns) - wins - losses, losses)
