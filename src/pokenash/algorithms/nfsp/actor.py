"""Who plays what in neural fictitious self-play, and what is kept of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pokenash.algorithms.nfsp.learner import NFSPLearner
from pokenash.algorithms.oracles.core import derive_seed
from pokenash.games.core import Decisions, EpisodeResult
from pokenash.policies.core import DecisionRandom, sample_actions

__all__ = ["MODE_STREAM", "Actor", "follows_best_response"]

MODE_STREAM = 0x6E667370
"""Stream of `DecisionRandom` from which the modes are drawn, apart from the draws of actions."""


def follows_best_response(
    rng: DecisionRandom, episode: NDArray[np.int64], player: NDArray[np.int64], anticipatory: float
) -> NDArray[np.bool_]:
    """Whether players follow their best response in episodes, ``[B]``; a function of (seed, episode, player)."""
    uniform = rng.uniform_at(episode, player, np.zeros(len(episode), np.int64), stream=MODE_STREAM)[:, 0]
    chosen: NDArray[np.bool_] = uniform < anticipatory
    return chosen


class Actor:
    """Plays the episodes of one round for both players, and fills the learners' memories.

    Every decision goes to the replay buffer; those of players that follow their best response also go to the reservoir.

    Parameters
    ----------
    learners : sequence of NFSPLearner
        One for both players, or one for each.
    anticipatory, epsilon : float
    first_episode, num_episodes : int
        Of the round.
    seed : int
        Of the round.
    """

    def __init__(
        self,
        learners: Sequence[NFSPLearner],
        *,
        anticipatory: float,
        epsilon: float,
        first_episode: int,
        num_episodes: int,
        seed: int,
    ) -> None:
        self._learners = learners
        self._anticipatory = anticipatory
        self._epsilon = epsilon
        self._first_episode = first_episode
        self._random = DecisionRandom(derive_seed(seed, "actions"))
        self._reservoir_rng = np.random.default_rng(derive_seed(seed, "reservoir"))
        # Serial number, in the replay buffer, of each player's last decision in each episode.
        self._last: NDArray[np.int64] = np.full((num_episodes, 2), -1, np.int64)

    def act(self, decisions: Decisions) -> NDArray[np.int64]:
        """Choose an action for every row, ``[B]``."""
        actions = np.empty(len(decisions), np.int64)
        # For each row: the action, whether to explore, and the action that exploring takes.
        uniform = self._random.uniform(decisions, 3)
        best = follows_best_response(self._random, decisions.episode, decisions.player, self._anticipatory)
        for index, learner in enumerate(self._learners):
            rows = np.arange(len(decisions)) if len(self._learners) == 1 else np.flatnonzero(decisions.player == index)
            if len(rows):
                own = decisions if len(rows) == len(decisions) else decisions.select(rows)
                actions[rows] = self._choose(learner, own, uniform[rows], best[rows])
        return actions

    def _choose(
        self, learner: NFSPLearner, decisions: Decisions, uniform: NDArray[np.float64], best: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Actions of one learner's rows; they are kept."""
        inputs = learner.average.prepare(decisions.observation)
        mask = np.ascontiguousarray(decisions.action_mask)
        actions = np.empty(len(decisions), np.int64)
        rows = np.flatnonzero(~best)
        if len(rows):
            probabilities = learner.average_probabilities({k: v[rows] for k, v in inputs.items()}, mask[rows])
            actions[rows] = sample_actions(probabilities, uniform[rows, 0])
        rows = np.flatnonzero(best)
        if len(rows):
            values = learner.action_values({k: v[rows] for k, v in inputs.items()})
            greedy = np.where(mask[rows], values, -np.inf).argmax(1)
            random = sample_actions(mask[rows].astype(np.float32), uniform[rows, 2])
            actions[rows] = np.where(uniform[rows, 1] < self._epsilon, random, greedy)
        batch = {f"input.{name}": array for name, array in inputs.items()} | {"action_mask": mask, "action": actions}
        if len(rows):
            learner.reservoir.append({name: array[rows] for name, array in batch.items()}, self._reservoir_rng)
        serial = learner.replay.append(batch)
        learner.decisions += len(decisions)
        place = decisions.episode - self._first_episode, decisions.player
        before = self._last[place]
        later = before >= 0
        learner.replay.follow(before[later], serial[later])
        self._last[place] = serial
        return actions

    def finish(self, results: Sequence[EpisodeResult]) -> None:
        """Tell the memories how episodes ended; of those that ended with an error the last decisions teach nothing."""
        counted = [result for result in results if result.reason != "error"]
        if not counted:
            return
        episode = np.array([result.episode for result in counted], np.int64) - self._first_episode
        returns = np.array([result.returns for result in counted], np.float32)
        for player in range(2):
            learner = self._learners[player % len(self._learners)]
            serial = self._last[episode, player]
            decided = serial >= 0
            learner.replay.end(serial[decided], returns[decided, player])
