"""A game of simultaneous choices that is made for tests of the arena: small, and with every trait that counts.

Each round both players choose at once among the actions that the episode's seed allows; who wins a round, the seed
and both choices decide. Some rounds ask one player only. Lanes are handed out in `num_workers` groups, in turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from pokenash.games.core import Decisions, EpisodeResult, EpisodeSetup, Game, VectorGame, no_decisions

ACTIONS = 5


class Rounds(Game):
    """Episodes of 1 to `rounds` rounds; a seed that is a multiple of `error_every` ends with an error."""

    name = "rounds"
    num_actions = ACTIONS
    observation_space = gymnasium.spaces.Box(0.0, 1.0, (3,), np.float64)

    def __init__(self, rounds: int = 6, error_every: int = 0) -> None:
        self.rounds = rounds
        self.error_every = error_every
        self.made = 0

    def vector(self, num_lanes: int, num_workers: int = 1) -> RoundsVector:
        self.made += 1
        return RoundsVector(self, num_lanes, num_workers)

    def config(self) -> dict[str, Any]:
        return {"game": "rounds", "rounds": self.rounds, "error_every": self.error_every}

    def sample_options(self, rng: np.random.Generator) -> dict[str, Any]:
        return {"bonus": int(rng.integers(10))}


class RoundsVector(VectorGame):
    num_actions = ACTIONS
    observation_space = Rounds.observation_space

    def __init__(self, game: Rounds, num_lanes: int, num_groups: int) -> None:
        self.game = game
        self.num_lanes = num_lanes
        self.groups = [list(g) for g in np.array_split(np.arange(num_lanes), min(num_groups, num_lanes))]
        self.closed = False
        self.drawn = 0

    def start(self, schedule: Iterable[EpisodeSetup]) -> tuple[Decisions, list[EpisodeResult]]:
        self.schedule: Iterator[EpisodeSetup] = iter(schedule)
        self.lanes: list[_Episode | None] = [self._next() for _ in range(self.num_lanes)]
        self.turn = 0
        return self._open([])

    def _next(self) -> _Episode | None:
        setup = next(self.schedule, None)
        self.drawn += setup is not None
        return None if setup is None else _Episode(self.game, setup)

    def _open(self, results: list[EpisodeResult]) -> tuple[Decisions, list[EpisodeResult]]:
        for _ in self.groups:
            group = self.groups[self.turn]
            self.rows = [(lane, p) for lane in group if (e := self.lanes[lane]) is not None for p in e.asked()]
            if self.rows:
                return self._decisions(), results
            self.turn = (self.turn + 1) % len(self.groups)
        return no_decisions(ACTIONS, np.zeros((0, 3))), results

    def _decisions(self) -> Decisions:
        episodes = [(self.lanes[lane], player) for lane, player in self.rows]
        observation = np.array([e.rng_row(player) for e, player in episodes])
        text = None
        if any(e.setup.text[player] for e, player in episodes):
            text = [f"round {e.round}" if e.setup.text[player] else "" for e, player in episodes]
        return Decisions(
            np.array([lane for lane, _ in self.rows]),
            np.array([e.setup.episode for e, _ in episodes]),
            np.array([player for _, player in self.rows]),
            np.array([e.asked_before[player] for e, player in episodes]),
            observation,
            observation_mask(observation),
            text,
        )

    def step(self, actions: NDArray[Any]) -> tuple[Decisions, list[EpisodeResult]]:
        results = []
        for (lane, player), action in zip(self.rows, actions.tolist(), strict=True):
            self.lanes[lane].choose(player, action)
        for lane in dict.fromkeys(lane for lane, _ in self.rows):
            episode = self.lanes[lane]
            episode.round += 1
            if episode.round == episode.length:
                results.append(episode.result())
                self.lanes[lane] = self._next()
        self.turn = (self.turn + 1) % len(self.groups)
        return self._open(results)

    def close(self) -> None:
        self.closed = True


def observation_mask(observation: NDArray[np.float64]) -> NDArray[np.bool_]:
    """At least one legal action per row, as the row's numbers have it."""
    mask = np.arange(ACTIONS) / ACTIONS < observation[:, :1]
    mask[:, -1] |= observation[:, 1] < 0.5
    mask[:, 0] |= ~mask.any(axis=1)
    return mask


class _Episode:
    def __init__(self, game: Rounds, setup: EpisodeSetup) -> None:
        self.game = game
        self.setup = setup
        self.rng = np.random.default_rng([setup.seed, setup.options.get("bonus", 0)])
        self.length = int(self.rng.integers(1, game.rounds + 1))
        self.numbers = self.rng.random((self.length, 2, 3))
        self.wins = self.rng.normal(size=(self.length, 2, ACTIONS))
        self.round = 0
        self.score = 0.0
        self.asked_before = [0, 0]

    def asked(self) -> tuple[int, ...]:
        return (0, 1) if self.round % 3 != 2 else (int(self.numbers[self.round, 0, 0] < 0.5),)

    def rng_row(self, player: int) -> NDArray[np.float64]:
        return self.numbers[self.round, player]

    def choose(self, player: int, action: int) -> None:
        self.asked_before[player] += 1
        self.score += (1 - 2 * player) * self.wins[self.round, player, action]

    def result(self) -> EpisodeResult:
        setup, score = self.setup, self.score
        failed = bool(self.game.error_every) and setup.seed % self.game.error_every == 0
        outcome = 0.0 if failed or abs(score) < 0.3 else float(np.sign(score))
        reason = "error" if failed else ("win" if outcome else "tie")
        info = {"score": score}
        returns = (outcome, -outcome)
        return EpisodeResult(setup.episode, setup.seed, setup.options, returns, sum(self.asked_before), reason, info)
