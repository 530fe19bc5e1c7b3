"""A training by self-play: rounds of play and learning, on disk, and the policies that come of it."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from pokenash.algorithms.oracles.collection import Learner, Rows
from pokenash.algorithms.oracles.core import derive_seed
from pokenash.algorithms.oracles.learning import repeatable_torch
from pokenash.algorithms.oracles.training_state import JSONLines
from pokenash.algorithms.self_play.learner import WEIGHTS_AVERAGE, SelfPlayLearner
from pokenash.algorithms.self_play.settings import AVERAGE, LAST, WEIGHTS, SelfPlaySettings
from pokenash.arena import Arena, Match
from pokenash.errors import InputError, RunDirectoryError
from pokenash.files import replace_file
from pokenash.games.core import EpisodeSetup, Game
from pokenash.policies.mixture import mixture_spec
from pokenash.policies.network import save_network_policy
from pokenash.policies.networks import build_network, save_network
from pokenash.policies.spec import PolicySpec, file_sha256
from pokenash.tracking import Tracker, track

__all__ = ["SelfPlay"]

_log = logging.getLogger(__name__)

_SCHEMA = 1


class SelfPlay:
    """One network against itself, both seats learning from every episode.

    Update `u` depends on the seed, `u` and the state before it only, and not on the numbers of lanes and workers. Files
    under the directory: ``self_play.json`` (what was asked for), ``training.jsonl`` (one line per update),
    ``training_state.safetensors``, and ``ckpts/`` with the snapshots and the final networks, each a ``.safetensors``
    with a ``.json`` beside it.

    Three policies come of it. ``last`` is the last iterate. ``weights`` plays the moving average of the weights, which
    is smoother. ``average`` is the time average, to which the theory of no-regret learning applies: a mixture of
    snapshots, one of which is drawn per episode.

    Parameters
    ----------
    game : Game
        Any; its returns must sum to 0.
    settings : SelfPlaySettings
    directory : Path
        Of this training alone. A training that was killed at any moment goes on from it.
    seed : int
        Of everything that is drawn.
    name : str
        What the policies' names begin with.
    progress : bool
        Whether the arena shows its progress.
    tracker : Tracker, optional
        Is told the numbers of every line of ``training.jsonl``, by its update.

    Raises
    ------
    RunDirectoryError
        If the directory holds a training of other settings (more `updates` are no other settings), or a damaged one.
    """

    def __init__(
        self,
        game: Game,
        settings: SelfPlaySettings,
        directory: str | Path,
        *,
        seed: int,
        name: str = "self_play",
        progress: bool = False,
        tracker: Tracker | None = None,
    ) -> None:
        self.game = game
        self.settings = settings
        self.directory = Path(directory)
        self.name = name
        self._seed = seed
        self._progress = progress
        self._tracker = tracker
        self._checkpoints = self.directory / "ckpts"
        try:
            self._checkpoints.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot make the training's directory {self._checkpoints}: {error.strerror}") from error
        self._check_directory()
        network = build_network(game, settings.network, seed=derive_seed(seed, "weights"))
        self.learner = SelfPlayLearner(network, settings, seed=derive_seed(seed, "learner"))
        if self._state_path.exists():
            self.learner.state.load(self._state_path)
            _log.info("going on after update %d", self.learner.state.update)
        self._lines = JSONLines(self.directory / "training.jsonl")
        self._lines.keep(self.learner.state.update)

    @property
    def update(self) -> int:
        """Updates done."""
        return self.learner.state.update

    @property
    def _state_path(self) -> Path:
        return self.directory / "training_state.safetensors"

    def run(
        self,
        *,
        seconds: float | None = None,
        on_update: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> dict[str, PolicySpec]:
        """Do the updates that are still to be done.

        Parameters
        ----------
        seconds : float, optional
            Stop after the update in which this time has passed. Another call, or another `SelfPlay` of the same
            directory, goes on there.
        on_update : callable, optional
            Called after every update with its line of the log.

        Returns
        -------
        dict of str to PolicySpec
            What `policies` says.
        """
        settings, start = self.settings, time.perf_counter()
        arena = Arena(
            self.game, num_lanes=settings.num_lanes, num_workers=settings.num_workers, progress=self._progress
        )
        with arena, repeatable_torch(settings.torch_threads):
            player = Learner(self.learner.network.eval())
            while self.update < settings.updates and (seconds is None or time.perf_counter() - start < seconds):
                entry = self._one_update(arena, player)
                if on_update is not None:
                    on_update(entry)
        self._save()
        return self.policies()

    def policies(self) -> dict[str, PolicySpec]:
        """The policies as they are now: ``last``, ``weights`` and ``average``; checkpoints are written for them.

        Returns
        -------
        dict of str to PolicySpec
            ``average`` is a mixture of snapshots; before the first of them, of the last iterate alone.
        """
        networks = {LAST: self.learner.network, WEIGHTS: self.learner.state.others[WEIGHTS_AVERAGE]}
        specs = {
            kind: save_network_policy(f"{self.name}_{kind}", network, self._checkpoints / f"{kind}.safetensors")
            for kind, network in networks.items()
        }
        members = [self._snapshot_spec(update) for update in self._averaged_updates()] or [specs[LAST]]
        share = np.full(len(members), 1 / len(members))
        return {**specs, AVERAGE: mixture_spec(f"{self.name}_{AVERAGE}", members, share)}

    def _one_update(self, arena: Arena, player: Learner) -> dict[str, Any]:
        """Play, learn, log, and save what is due."""
        update, start = self.update, time.perf_counter()
        rows, results = self._play(arena, player)
        played = time.perf_counter()
        learned = self.learner.learn(rows)
        seconds = {"seconds_playing": played - start, "seconds_learning": time.perf_counter() - played}
        speed = {"rows_per_second": len(rows) / (time.perf_counter() - start)}
        entry = {"update": update, **results, "rows": len(rows), **learned, **seconds, **speed}
        self._lines.write([entry])
        track(self._tracker, update, entry)
        _log.info("update %d: entropy %.3f, KL %.5f", update, entry["entropy"], entry["kl_to_old"])
        if self.update % self.settings.snapshot_every == 0:
            save_network(self.learner.network, self._snapshot_path(self.update))
        if self.update % self.settings.checkpoint_every == 0:
            self._save()
        return entry

    def _play(self, arena: Arena, player: Learner) -> tuple[Rows, dict[str, Any]]:
        """Episodes of the network against itself."""
        episodes = self.settings.episodes_per_update
        rng = np.random.default_rng(derive_seed(self._seed, "episodes", self.update))
        seeds = rng.integers(0, 2**64, episodes, np.uint64).tolist()
        matches = [
            Match(EpisodeSetup(episode, seed, self.game.sample_options(rng)), (0, 0))
            for episode, seed in enumerate(seeds)
        ]
        seed = derive_seed(self._seed, "play", self.update)
        finished = [m for m in arena.play([player], matches, seed=seed, on_result=player.on_result) if m.counted]
        rows = player.take_rows()
        returns = np.array([m.result.returns[0] for m in finished])
        lengths = np.array([m.result.length for m in finished])
        return rows, {
            "episodes": len(finished),
            "mean_return": float(returns.mean()),
            "mean_length": float(lengths.mean()),
        }

    def _save(self) -> None:
        self.learner.state.save(self._state_path)

    def _snapshot_path(self, update: int) -> Path:
        return self._checkpoints / f"update_{update:06d}.safetensors"

    def _snapshot_spec(self, update: int) -> PolicySpec:
        path = self._snapshot_path(update)
        return PolicySpec(f"{self.name}_{update:06d}", "network", {}, str(path), file_sha256(path))

    def _averaged_updates(self) -> list[int]:
        """After which updates the snapshots of the average were taken."""
        every = self.settings.snapshot_every
        taken = np.arange(every, self.update + 1, every)
        late = taken[taken > (1 - self.settings.average_share) * self.update]
        chosen = np.linspace(0, len(late) - 1, min(len(late), self.settings.average_members)).round().astype(int)
        return [int(update) for update in late[chosen]]

    def _check_directory(self) -> None:
        """Refuse another training's directory; claim a new one."""
        about = {"schema": _SCHEMA, "game": self.game.config(), "seed": self._seed, **asdict(self.settings)}
        # These change neither the weights nor what was done so far.
        for name in ("updates", "num_lanes", "num_workers", "average_share", "average_members", "checkpoint_every"):
            about.pop(name)
        text = json.dumps(about, indent=1, sort_keys=True) + "\n"
        path = self.directory / "self_play.json"
        if not path.exists():
            replace_file(path, text.encode())
            return
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
            wanted = json.loads(text)
            other = sorted(key for key in before.keys() | wanted.keys() if before.get(key) != wanted.get(key))
        except (OSError, ValueError, AttributeError) as error:
            raise RunDirectoryError(f"{path} is damaged: {error}") from error
        if other:
            raise RunDirectoryError(f"{self.directory} holds a training with other settings: {', '.join(other)} differ")
