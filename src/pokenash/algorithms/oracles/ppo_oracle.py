"""The oracle that trains networks: imitation of a strong member, then PPO against the mixture."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from pokenash.algorithms.oracles.core import derive_seed
from pokenash.algorithms.oracles.imitation import collect_lessons, imitate
from pokenash.algorithms.oracles.learning import repeatable_torch
from pokenash.algorithms.oracles.ppo import PPO
from pokenash.algorithms.oracles.settings import LATEST, SCRATCH, STRONGEST, TrainingSettings
from pokenash.algorithms.oracles.training_state import JSONLines
from pokenash.arena import Arena
from pokenash.errors import InputError
from pokenash.games.core import Game
from pokenash.policies.network import NetworkPolicy, save_network_policy
from pokenash.policies.networks import Network, build_network, copy_network, load_network, save_network
from pokenash.policies.spec import PolicySpec, load_policy

__all__ = ["PPOOracle"]

_log = logging.getLogger(__name__)

# Rounds over which results are averaged when the best checkpoint is chosen: single rounds are mostly luck.
_BEST_WINDOW = 5


class PPOOracle:
    """Best responses by `PPO`, from a warm start.

    Files under the directory that `train` is given: ``training.jsonl`` (one line per epoch of imitation and per round
    of PPO), ``training_state.safetensors``, and ``ckpts/``: ``start``, ``last``, ``best``, each a ``.safetensors``
    with a ``.json`` beside it.

    Parameters
    ----------
    settings : TrainingSettings
    progress : bool
        Whether the arena shows its progress.
    """

    def __init__(self, settings: TrainingSettings | None = None, *, progress: bool = False) -> None:
        self.settings = settings or TrainingSettings()
        self._progress = progress

    def config(self) -> dict[str, Any]:
        return {"oracle": "ppo", **asdict(self.settings)}

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
        settings = self.settings
        checkpoints = directory / "ckpts"
        try:
            checkpoints.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot make the training's directory {checkpoints}: {error.strerror}") from error
        lanes, workers = settings.num_lanes, settings.num_workers
        arena = Arena(game, num_lanes=lanes, num_workers=workers, progress=self._progress)
        with arena, repeatable_torch(settings.torch_threads):
            start = checkpoints / "start.safetensors"
            log = JSONLines(directory / "training.jsonl")
            if start.exists():
                network = load_network(start)
            else:
                log.keep(0)
                network = self._start(arena, opponent, population, log, seed)
                save_network(network, start)
            ppo = self._ppo(arena, network, opponent, directory, log, seed)
            best = copy_network(ppo.network)
            best.load_state_dict(ppo.state.best or ppo.network.state_dict())
        parameters = {"temperature": settings.temperature} if settings.temperature != 1.0 else {}
        if settings.greedy:
            parameters = {"greedy": True}
        specs = {
            "last": save_network_policy(name, ppo.network, checkpoints / "last.safetensors", **parameters),
            "best": save_network_policy(name, best, checkpoints / "best.safetensors", **parameters),
        }
        return specs[settings.returned]

    def _start(
        self, arena: Arena, opponent: PolicySpec, population: Sequence[PolicySpec], log: JSONLines, seed: int
    ) -> Network:
        """The network that PPO starts from."""
        fresh = build_network(arena.game, self.settings.network, seed=derive_seed(seed, "weights"))
        warm_start = self.settings.warm_start
        if warm_start == SCRATCH:
            return fresh
        by_name = {spec.name: spec for spec in population}
        if warm_start == STRONGEST:
            teacher = _likeliest(opponent)
        elif warm_start == LATEST and population:
            teacher = population[-1]
        elif warm_start in by_name:
            teacher = by_name[warm_start]
        else:
            return _checkpoint(Path(warm_start), arena.game)
        policy = load_policy(teacher, arena.game)
        if isinstance(policy, NetworkPolicy) and policy.network.config() == fresh.config():
            _log.info("starting from the weights of %s", teacher.name)
            return policy.network
        _log.info("starting from an imitation of %s", teacher.name)
        imitation = self.settings.imitation
        lessons = collect_lessons(arena, policy, opponent, fresh, imitation, seed=derive_seed(seed, "lessons"))
        log.write(
            {"phase": "imitation", "teacher": teacher.name, **entry}
            for entry in imitate(fresh, lessons, imitation, seed=derive_seed(seed, "imitation"))
        )
        return fresh

    def _ppo(
        self, arena: Arena, start: Network, opponent: PolicySpec, directory: Path, log: JSONLines, seed: int
    ) -> PPO:
        """All rounds that are still to be done."""
        settings, path = self.settings, directory / "training_state.safetensors"
        policy = load_policy(opponent, arena.game)
        ppo = PPO(arena, copy_network(start), start, policy, settings.ppo, seed=derive_seed(seed, "ppo"))
        if path.exists():
            ppo.state.load(path)
            _log.info("going on after round %d", ppo.state.update)
        log.keep(self._imitation_lines(log.path) + ppo.state.update)
        while ppo.state.update < settings.ppo.updates:
            entry = {"phase": "ppo", **ppo.round()}
            _keep_best(ppo)
            log.write([entry])
            _log.info(
                "round %d of %d: win rate %.1f%%, entropy %.2f, KL of the round %.4f",
                ppo.state.update, settings.ppo.updates, 100 * entry["win_rate"], entry["entropy"], entry["kl_to_old"],
            )  # fmt: skip
            if ppo.state.update % settings.checkpoint_every == 0:
                ppo.state.save(path)
        return ppo

    def _imitation_lines(self, path: Path) -> int:
        """How many lines of the log are imitation's: they come first, all of them or none."""
        if not path.exists():
            return 0
        with path.open(encoding="utf-8") as file:
            return sum('"phase": "imitation"' in line for line in file)


def _likeliest(opponent: PolicySpec) -> PolicySpec:
    """The member of the largest probability (the first of several), or the opponent itself if it is no mixture."""
    parameters: Mapping[str, Any] = opponent.parameters
    if opponent.kind != "mixture":
        return opponent
    return PolicySpec.from_json(parameters["members"][int(np.argmax(parameters["probabilities"]))])


def _checkpoint(path: Path, game: Game) -> Network:
    """A network from a file, for the given game."""
    if not path.exists():
        raise InputError(
            f"warm_start {str(path)!r}: expected 'strongest', 'latest', 'scratch', the name of a member of the "
            "population, or the path of a .safetensors checkpoint; there is no such file"
        )
    network = load_network(path)
    try:
        network.check_game(game)
    except InputError as error:
        raise InputError(f"warm_start {path}: {error}") from error
    return network


def _keep_best(ppo: PPO) -> None:
    """Remember the weights if the last rounds went better than any before."""
    scores = ppo.state.scores
    if len(scores) < _BEST_WINDOW:
        return
    windows = [sum(scores[end - _BEST_WINDOW : end]) for end in range(_BEST_WINDOW, len(scores) + 1)]
    if not ppo.state.best or windows[-1] > max(windows[:-1], default=-1.0):
        ppo.state.best = copy.deepcopy(ppo.network.state_dict())
        ppo.state.best_update = ppo.state.update
