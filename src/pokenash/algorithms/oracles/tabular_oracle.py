"""Best responses as tables, learned from games that are only played: for games whose observations recur.

The opponent does not learn, so what follows an action at an observation of the learner's own has fixed probabilities.
They are counted (the certainty-equivalence estimate of Kumar & Varaiya, *Stochastic Systems*, 1986), and the counted
decision problem is solved by backward induction. Every game counts, whatever was explored in it; where the
observation is the information state, nothing else than the counts' error keeps the answer from the best response.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.algorithms.oracles.core import derive_seed
from pokenash.algorithms.oracles.counted_problem import CountedProblem
from pokenash.arena import Arena, MatchResult, paired_matches
from pokenash.errors import InputError
from pokenash.games.core import Decisions, Game
from pokenash.policies.core import DecisionRandom, Policy
from pokenash.policies.spec import PolicySpec, load_policy
from pokenash.policies.tabular import row_keys, save_tabular_policy

__all__ = ["TabularOracle", "TabularOracleSettings"]

_EXPLORE_STREAM = 0x65787061
_CHOICE_STREAM = 0x65787062


@dataclass(frozen=True)
class TabularOracleSettings:
    """How a table is learned.

    Parameters
    ----------
    games : int
        Played in all, half of them from each seat.
    games_per_round : int
        After so many the response that is explored around is computed anew; even.
    exploration : float
        Share of decisions that are drawn uniformly; the others follow the best response so far. The first round is
        drawn uniformly as a whole.
    caution : float
        An action is judged by its mean value less so many standard errors, so that luck in a few games is not taken for
        skill.
    num_lanes : int
        Games in play at a time.
    """

    games: int = 200_000
    games_per_round: int = 20_000
    exploration: float = 0.5
    caution: float = 0.5
    num_lanes: int = 1024

    def __post_init__(self) -> None:
        sizes = (self.games, self.games_per_round, self.num_lanes)
        if min(sizes) < 1 or self.games % 2 or self.games_per_round % 2:
            raise InputError(
                "expected positive numbers of games, games_per_round (both even) and num_lanes, "
                f"got {self.games}, {self.games_per_round} and {self.num_lanes}"
            )
        if not 0 <= self.exploration <= 1 or self.caution < 0:
            raise InputError(
                f"expected exploration from 0 to 1 and caution >= 0, got {self.exploration} and {self.caution}"
            )


class TabularOracle:
    """Approximate best responses by counting; both seats are learned and joined.

    Parameters
    ----------
    settings : TabularOracleSettings
    """

    def __init__(self, settings: TabularOracleSettings | None = None) -> None:
        self.settings = settings or TabularOracleSettings()

    def config(self) -> dict[str, Any]:
        return {"oracle": "tabular", **asdict(self.settings)}

    def train(
        self,
        game: Game,
        opponent: PolicySpec,
        *,
        population: Sequence[PolicySpec],
        name: str,
        directory: Path,
        seed: int,
        iteration: int,
    ) -> PolicySpec:
        settings, problem = self.settings, CountedProblem()
        explorer = _Explorer(problem, settings)
        policies: list[Policy] = [explorer, load_policy(opponent, game)]
        rounds = -(-settings.games // settings.games_per_round)
        with Arena(game, num_lanes=settings.num_lanes) as arena:
            for index in range(rounds):
                games = min(settings.games_per_round, settings.games - index * settings.games_per_round)
                matches = paired_matches(game, [(0, 1)], games, derive_seed(seed, "matches", index))
                arena.play(policies, matches, seed=derive_seed(seed, "play", index), on_result=explorer.on_result)
                explorer.finish_round()
        return save_tabular_policy(name, problem.policy(), directory / "policy.safetensors")


class _Explorer(Policy):
    """Plays around the best response so far and counts what follows.

    Parameters
    ----------
    problem : CountedProblem
        Is counted into.
    settings : TabularOracleSettings
    """

    def __init__(self, problem: CountedProblem, settings: TabularOracleSettings) -> None:
        self._problem = problem
        self._settings = settings
        self._exploration = 1.0
        self._rows: list[dict[str, NDArray[Any]]] = []
        self._returns: dict[int, tuple[float, float]] = {}

    def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        if isinstance(decisions.observation, dict):
            raise InputError("the tabular oracle is for games whose observation is one array")
        keys = row_keys(decisions.player, decisions.observation)
        states = self._problem.find(keys, decisions)
        legal = np.cumsum(decisions.action_mask, axis=1)
        uniform = rng.uniform(decisions, stream=_CHOICE_STREAM)[:, 0] * legal[:, -1]
        actions: NDArray[np.int64] = np.argmax(legal > uniform[:, None], axis=1)
        follow = rng.uniform(decisions, stream=_EXPLORE_STREAM)[:, 0] >= self._exploration
        best = self._problem.best[states]
        follow &= best >= 0
        actions[follow] = best[follow]
        self._rows.append(
            {
                "episode": decisions.episode.copy(),
                "player": decisions.player.copy(),
                "decision": decisions.decision.copy(),
                "state": states,
                "action": actions,
            }
        )
        return actions

    def on_result(self, result: MatchResult) -> None:
        """Take the returns of a game that counts."""
        if result.counted:
            self._returns[result.result.episode] = result.result.returns

    def finish_round(self) -> None:
        """Count the round's games and solve the problem as it is known now."""
        rows = {name: np.concatenate([batch[name] for batch in self._rows]) for name in self._rows[0]}
        returns, self._returns, self._rows = self._returns, {}, []
        episodes = np.array(sorted(returns), np.int64)
        outcome = np.array([returns[episode] for episode in episodes.tolist()]).reshape(-1, 2)
        place = np.minimum(np.searchsorted(episodes, rows["episode"]), len(episodes) - 1)
        finished = np.flatnonzero(episodes[place] == rows["episode"])
        order = finished[np.lexsort([rows[k][finished] for k in ("decision", "player", "episode")])]
        episode, player = rows["episode"][order], rows["player"][order]
        last = np.ones(len(order), np.bool_)
        last[:-1] = (episode[1:] != episode[:-1]) | (player[1:] != player[:-1])
        self._problem.count(rows["state"][order], rows["action"][order], last, outcome[place[order], player])
        self._problem.solve(self._settings.caution)
        self._exploration = self._settings.exploration
