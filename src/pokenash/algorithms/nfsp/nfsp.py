"""Neural fictitious self-play: best responses and their average, learnt from play against one another.

Heinrich & Silver, "Deep Reinforcement Learning from Self-Play in Imperfect-Information Games", 2016 (arXiv:1603.01121),
algorithm 1, with many episodes in play at a time.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pokenash.algorithms.nfsp.actor import Actor
from pokenash.algorithms.nfsp.learner import NFSPLearner
from pokenash.algorithms.nfsp.settings import NFSPSettings
from pokenash.algorithms.nfsp.state import load_state, save_state
from pokenash.algorithms.oracles.core import derive_seed
from pokenash.algorithms.oracles.learning import repeatable_torch
from pokenash.algorithms.oracles.training_state import JSONLines
from pokenash.errors import InputError, RunDirectoryError
from pokenash.games.core import EpisodeSetup, Game, VectorGame
from pokenash.policies.core import Policy
from pokenash.policies.network import NetworkPolicy, save_network_policy
from pokenash.policies.networks import copy_network
from pokenash.policies.seats import Seats, seats_spec
from pokenash.policies.spec import PolicySpec
from pokenash.tracking import Tracker, track

__all__ = ["NFSP", "NFSPResult", "NFSPRound"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NFSPRound:
    """How a round went.

    Parameters
    ----------
    round : int
        From 0.
    episodes, decisions, steps : int
        Since the run began; steps are those of one learner's networks, the mean over learners.
    epsilon : float
        With which the best responses explored.
    value_loss, average_loss : float or None
        Means over the steps of the round and over learners; None where none was made yet.
    mean_return : float
        Of player 0, over the episodes of the round.
    seconds, episodes_per_second : float
        Of the round.
    """

    round: int
    episodes: int
    decisions: int
    steps: float
    epsilon: float
    value_loss: float | None
    average_loss: float | None
    mean_return: float
    seconds: float
    episodes_per_second: float


@dataclass(frozen=True)
class NFSPResult:
    """What a run ended with.

    Parameters
    ----------
    policy : Policy
        The average policy, for both seats.
    spec : PolicySpec or None
        The same as data, with its weights in the run's directory; None for a run without one.
    rounds : tuple of NFSPRound
        Those that this call has run.
    """

    policy: Policy
    spec: PolicySpec | None
    rounds: tuple[NFSPRound, ...]


class NFSP:
    """Neural fictitious self-play.

    A round depends on the seed, its number, and the state before it only, so a run that is killed at any moment and
    begun again in the same directory ends with the same weights as an unbroken one.

    Files in the directory: ``training.jsonl`` (a line per round), ``nfsp_state.safetensors`` (everything needed to go
    on, the memories included), and under ``ckpts/`` the average policy's networks.

    Parameters
    ----------
    game : Game
    settings : NFSPSettings, optional
    seed : int
    directory : str or Path, optional
        Without one nothing is written.
    tracker : Tracker, optional
        Is told the numbers of every `NFSPRound`, by its round.

    Attributes
    ----------
    learners : tuple of NFSPLearner
        One for both players, or one for each.
    round : int
        Rounds that are done.
    episodes : int
        Episodes that have been played.

    Raises
    ------
    RunDirectoryError
        If the directory holds the state of another run, or a damaged one.
    """

    def __init__(
        self,
        game: Game,
        settings: NFSPSettings | None = None,
        *,
        seed: int = 0,
        directory: str | Path | None = None,
        tracker: Tracker | None = None,
    ) -> None:
        self.game = game
        self.settings = settings or NFSPSettings()
        self.seed = seed
        self.directory = None if directory is None else Path(directory)
        self._tracker = tracker
        count = 1 if self.settings.shared else 2
        self.learners = tuple(
            NFSPLearner(game, self.settings, seed=derive_seed(seed, "learner", index)) for index in range(count)
        )
        self.round = 0
        self.episodes = 0
        if self.directory is not None:
            self._open(self.directory)

    def run(self, callback: Callable[[NFSP, NFSPRound], bool | None] | None = None) -> NFSPResult:
        """All rounds that are not done yet.

        Parameters
        ----------
        callback : callable, optional
            Called after each round with this object and how it went. True ends the run there; it can be gone on with.
        """
        settings = self.settings
        finished: list[NFSPRound] = []
        with (
            repeatable_torch(settings.torch_threads),
            self.game.vector(settings.num_lanes, settings.num_workers) as vector,
        ):
            while self.round < settings.rounds:
                entry = self._round(vector)
                finished.append(entry)
                if self._log is not None:
                    self._log.write([asdict(entry)])
                track(self._tracker, entry.round, asdict(entry))
                _log.info(
                    "round %d of %d: %d episodes, %.0f/s, average loss %s, value loss %s",
                    self.round, settings.rounds, self.episodes, entry.episodes_per_second,
                    _brief(entry.average_loss), _brief(entry.value_loss),
                )  # fmt: skip
                is_last = bool(callback and callback(self, entry)) or self.round == settings.rounds
                if is_last or self.round % settings.checkpoint_every == 0:
                    self._save()
                if is_last:
                    break
        spec = None if self.directory is None else self.save_policy("nfsp", self.directory / "ckpts")
        return NFSPResult(self.average_policy(), spec, tuple(finished))

    def average_policy(self) -> Policy:
        """The average policy as it is now, for both seats; it does not change when learning goes on."""
        policies = [NetworkPolicy(copy_network(learner.average)) for learner in self.learners]
        return policies[0] if len(policies) == 1 else Seats(*policies)

    def save_policy(self, name: str, directory: Path) -> PolicySpec:
        """Write the average policy's networks to a directory; the policy as data, for a population.

        Parameters
        ----------
        name : str
            Of the policy and, with ``_0`` and ``_1`` where the players have networks of their own, of the files.
        directory : Path
        """
        if len(self.learners) == 1:
            return save_network_policy(name, self.learners[0].average, directory / f"{name}.safetensors")
        names = [f"{name}_{index}" for index in range(2)]
        first, second = (
            save_network_policy(own, learner.average, directory / f"{own}.safetensors")
            for own, learner in zip(names, self.learners, strict=True)
        )
        return seats_spec(name, first, second)

    def _round(self, vector: VectorGame) -> NFSPRound:
        """Play a round to its end, learning meanwhile."""
        settings, seed = self.settings, derive_seed(self.seed, "round", self.round)
        done = self.round / settings.rounds
        epsilon = settings.best_response.epsilon_at(done, self.round)
        for learner in self.learners:
            learner.set_progress(done)
        actor = Actor(
            self.learners,
            anticipatory=settings.anticipatory,
            epsilon=epsilon,
            first_episode=self.episodes,
            num_episodes=settings.episodes_per_round,
            seed=seed,
        )
        rng = np.random.default_rng(derive_seed(seed, "learning"))
        start, outcome = time.perf_counter(), 0.0
        decisions, results = vector.start(self._setups(seed))
        while True:
            actor.finish(results)
            outcome += sum(result.returns[0] for result in results)
            if not len(decisions):
                break
            actions = actor.act(decisions)
            for learner in self.learners:
                learner.learn(rng)
            decisions, results = vector.step(actions)
        seconds = time.perf_counter() - start
        self.round += 1
        self.episodes += settings.episodes_per_round
        losses = [learner.take_losses() for learner in self.learners]
        return NFSPRound(
            self.round - 1,
            self.episodes,
            sum(learner.decisions for learner in self.learners),
            sum(learner.steps for learner in self.learners) / len(self.learners),
            epsilon,
            _mean([loss["value_loss"] for loss in losses]),
            _mean([loss["average_loss"] for loss in losses]),
            outcome / settings.episodes_per_round,
            seconds,
            settings.episodes_per_round / seconds,
        )

    def _setups(self, seed: int) -> Iterator[EpisodeSetup]:
        """The episodes of a round."""
        count = self.settings.episodes_per_round
        rng = np.random.default_rng(derive_seed(seed, "episodes"))
        seeds = rng.integers(0, 2**64, count, dtype=np.uint64)
        for index, game_seed in enumerate(seeds.tolist()):
            yield EpisodeSetup(self.episodes + index, game_seed, self.game.sample_options(rng))

    def _config(self) -> dict[str, Any]:
        """What the state on disk must agree in; a run may be made longer, and saved at other times."""
        free = ("rounds", "checkpoint_every")
        settings = {name: value for name, value in asdict(self.settings).items() if name not in free}
        return {"game": _described(self.game), "seed": self.seed, **settings}

    def _open(self, directory: Path) -> None:
        """Take over what an earlier run has left."""
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunDirectoryError(f"cannot make the run's directory {directory}: {error.strerror}") from error
        path = directory / "nfsp_state.safetensors"
        if path.exists():
            facts = load_state(path, self.learners, self._config())
            self.round, self.episodes = int(facts["round"]), int(facts["episodes"])
            _log.info("going on after round %d", self.round)
        JSONLines(directory / "training.jsonl").keep(self.round)

    @property
    def _log(self) -> JSONLines | None:
        return None if self.directory is None else JSONLines(self.directory / "training.jsonl")

    def _save(self) -> None:
        if self.directory is not None:
            facts = {"config": self._config(), "round": self.round, "episodes": self.episodes}
            save_state(self.directory / "nfsp_state.safetensors", self.learners, facts)


def _described(game: Game) -> dict[str, Any]:
    """The game as data; of an environment that cannot be written down, its name."""
    try:
        return game.config()
    except InputError:
        return {"name": game.name}


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _brief(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
