"""Playing schedules in tests: random play keyed by episode, and digests of everything that was seen."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.games.core import Decisions, EpisodeResult, EpisodeSetup, VectorGame
from pokenash.games.showdown import ShowdownGame
from pokenash.policies import DecisionRandom, Uniform

Act = Callable[[Decisions], NDArray[np.int64]]


def uniform(seed: int = 0) -> Act:
    """Uniform random play that depends on (episode, player, decision) only."""
    policy, random = Uniform(), DecisionRandom(seed)
    return lambda decisions: policy.act(decisions, None, random)


def schedule(game: ShowdownGame, episodes: int, *, seed: int = 7, **settings: Any) -> list[EpisodeSetup]:
    """So many episodes with seeds and teams of their own."""
    rng = np.random.default_rng(seed)
    return [
        EpisodeSetup(number, int(rng.integers(2**63)), game.sample_options(rng), **settings)
        for number in range(episodes)
    ]


@dataclass
class Played:
    """What came out of a schedule: results by episode, and per (episode, player) a digest of all that it was shown."""

    results: dict[int, EpisodeResult] = field(default_factory=dict)
    seen: dict[tuple[int, int], str] = field(default_factory=dict)

    def look(self, decisions: Decisions) -> None:
        """Add the rows to the digests."""
        assert isinstance(decisions.observation, dict)
        for row in range(len(decisions)):
            key = (int(decisions.episode[row]), int(decisions.player[row]))
            digest = hashlib.sha256(self.seen.get(key, "").encode())
            for array in (decisions.decision, decisions.action_mask, *decisions.observation.values()):
                digest.update(array[row].tobytes())
            if decisions.text is not None:
                digest.update(decisions.text[row].encode())
            self.seen[key] = digest.hexdigest()

    def keep(self, results: Iterable[EpisodeResult]) -> None:
        """Add results."""
        for result in results:
            assert result.episode not in self.results
            self.results[result.episode] = result


def play(
    vector: VectorGame,
    setups: Iterable[EpisodeSetup],
    act: Act | None = None,
    before_step: Callable[[int], None] = lambda step: None,
) -> Played:
    """Play a schedule to its end, calling `before_step` with the number of each step."""
    act = act or uniform()
    played = Played()
    decisions, results = vector.start(setups)
    step = 0
    while True:
        played.keep(results)
        if not len(decisions):
            return played
        played.look(decisions)
        actions = act(decisions)
        before_step(step)
        decisions, results = vector.step(actions)
        step += 1
