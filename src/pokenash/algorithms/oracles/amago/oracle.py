"""The oracle that lets AMAGO train: metamon's own training code, in an environment of its own, driven through files."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pokenash.algorithms.match_log import MatchLog
from pokenash.algorithms.oracles.amago.checkpoints import AmagoCheckpoint, newest_checkpoint
from pokenash.algorithms.oracles.amago.environment import AMAGO_VERSION, AmagoEnvironment, EnvironmentReport
from pokenash.algorithms.oracles.amago.process import AmagoError, log_tail, only_training, run_training
from pokenash.algorithms.oracles.amago.settings import AmagoSettings
from pokenash.algorithms.oracles.core import derive_seed
from pokenash.algorithms.oracles.metamon.collection import collect_trajectories, head_to_head, trajectory_root
from pokenash.algorithms.oracles.metamon.starts import choose_start, not_named
from pokenash.arena import Arena
from pokenash.errors import InputError, RunDirectoryError
from pokenash.games.core import Game
from pokenash.games.showdown import ShowdownGame
from pokenash.metamon.policy import metamon_spec
from pokenash.metamon.seat import check_format
from pokenash.metamon.training.files import make_folder, read_json, write_bytes, write_json
from pokenash.metamon.vocabularies import load_vocabulary
from pokenash.policies.spec import PolicySpec, load_policy

__all__ = ["AmagoOracle"]

_log = logging.getLogger(__name__)

_SCHEMA = 1
# Fresh SigmaReparam layers hold views into larger arrays, into which safetensors refuses to load what was saved. With
# AMAGO's other initialisation they do not; it makes no difference where all weights are replaced.
_FAST_START = "amago.nets.transformer.SigmaReparam.fast_init = True"


class AmagoOracle:
    """Best responses that metamon's ``rl.train`` trains.

    A player's fresh battles against the mixture become trajectory files; metamon's training runs over them in the
    interpreter of another environment; the newest weights that it leaves become the policy, and play the player on
    battles of their own.

    Files under the directory that `train` is given: ``ckpts/`` (AMAGO's own), ``amago.log`` (all that the training
    said), ``amago.json`` (its settings, once it has ended well), ``matches.jsonl``, ``head_to_head.json``, and
    ``trajectories/<format>/`` (in a run ``br_trajectories/<format>/`` in the iteration's folder, or
    ``br_trajectories/<name>/<format>/`` where an iteration has several best responses).

    A call that failed or was killed goes on when it is made again: battles that were played are kept, and training
    continues after the last epoch that AMAGO has saved, which it then repeats.

    Parameters
    ----------
    python : path-like
        The interpreter of the environment that AMAGO and metamon are installed in.
    settings : AmagoSettings
    cache_dir : path-like, optional
        metamon's folder for downloads; by default ``METAMON_CACHE_DIR``.
    timeout : float, optional
        Seconds after which a training has failed; by default it may take as long as it likes.
    module, launcher, variables, amago_version
        See `AmagoEnvironment`.
    progress : bool
        Whether the arena shows its progress. The training's progress is logged.
    """

    def __init__(
        self,
        python: str | Path,
        settings: AmagoSettings | None = None,
        *,
        cache_dir: str | Path | None = None,
        timeout: float | None = None,
        module: str = "metamon.rl.train",
        launcher: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
        amago_version: str | None = AMAGO_VERSION,
        progress: bool = False,
    ) -> None:
        if timeout is not None and not timeout > 0:
            raise InputError(f"timeout: expected a number of seconds above 0, got {timeout}")
        self.settings = settings or AmagoSettings()
        self.environment = AmagoEnvironment(
            python, cache_dir, module, tuple(launcher), dict(variables or {}), amago_version
        )
        self.timeout = timeout
        self._progress = progress

    def config(self) -> dict[str, Any]:
        return {"oracle": "amago", "module": self.environment.module, **self.settings.to_json()}

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
        """See `Oracle.train`.

        Raises
        ------
        InputError
            If a setting, the environment or a file cannot be used; nothing has been trained then.
        AmagoError
            If the training could not be started, failed, took too long, or left no weights that can be used; the
            message ends with the end of its log.
        """
        settings = self.settings
        if not isinstance(game, ShowdownGame):
            raise InputError(f"the AMAGO oracle trains for Showdown's formats, not for {game.name}")
        check_format(game.format)
        self._check_vocabulary()
        make_folder(directory)
        player = self._player(opponent, population)
        log = MatchLog(directory / "matches.jsonl")
        with only_training(directory) as lock, self._arena(game) as arena:
            if not self._finished(directory):
                report = self.environment.check(settings.architecture_file(), settings.train_gin_config)
                root = trajectory_root(directory, name, iteration)
                self._collect(arena, player, opponent, root, log, seed)
                arena.close()
                self._train(game, root.absolute(), name, directory.absolute(), lock, report)
            spec = self._register(game, name, directory)
            # Weights that cannot be used are not the end: the next call may describe them rightly.
            write_json(directory / "amago.json", {"schema": _SCHEMA, "settings": settings.of_training()})
            if settings.head_to_head_battles:
                versus = head_to_head(
                    arena, spec, not_named(player, name), log,
                    battles=settings.head_to_head_battles, seed=derive_seed(seed, "head_to_head"),
                )  # fmt: skip
                write_json(directory / "head_to_head.json", versus)
        return spec

    def _arena(self, game: Game) -> Arena:
        return Arena(
            game,
            num_lanes=self.settings.num_lanes,
            num_workers=self.settings.num_workers,
            progress=self._progress,
        )

    def _check_vocabulary(self) -> None:
        """Without it the new policy could not play, which is to be known before it is trained."""
        network = self.settings.network()
        tokenizer = load_vocabulary(self._vocabulary())
        if len(tokenizer) != network.vocabulary_size:
            raise InputError(
                f"the vocabulary {tokenizer.name} has {len(tokenizer)} words, {self.settings.model} expects "
                f"{network.vocabulary_size}"
            )

    def _vocabulary(self) -> str:
        return str(self.settings.vocabulary or self.settings.network().tokenizer)

    def _player(self, opponent: PolicySpec, population: Sequence[PolicySpec]) -> PolicySpec:
        """Who plays the fresh battles."""
        chosen = self.settings.player or self.settings.starts_from()
        assert chosen is not None
        if isinstance(chosen, PolicySpec):
            return chosen
        # A member of any kind may play, whereas weights can only be those of metamon's.
        member = next((spec for spec in population if spec.name == chosen), None)
        return member or choose_start(chosen, opponent, population)

    def _collect(
        self, arena: Arena, player: PolicySpec, opponent: PolicySpec, root: Path, log: MatchLog, seed: int
    ) -> None:
        settings = self.settings
        found = collect_trajectories(
            arena, player, opponent, root, log,
            battles=settings.battles, battles_per_block=settings.battles_per_block,
            seed=derive_seed(seed, "collection"), action_space=settings.network().action_space,
        )  # fmt: skip
        if not found["trajectories"]:
            raise InputError(f"none of {settings.battles} battles became a trajectory, so there is nothing to learn")

    def _train(
        self, game: ShowdownGame, root: Path, name: str, directory: Path, lock: int, report: EnvironmentReport
    ) -> None:
        """Run the training, or what is missing of it."""
        settings, reached = self.settings, newest_checkpoint(directory / "ckpts")
        if reached is not None and reached.epoch >= settings.epochs - 1:
            _log.info("%s: all %d epochs had been trained", name, settings.epochs)
            return
        beginning, architecture = self._beginning(reached, report, directory)
        flags = settings.flags(game.format, root, directory.parent, directory.name, architecture)
        log = directory / "amago.log"
        run_training(
            self.environment.command([*flags, *beginning]),
            name=name,
            log=log,
            environment=self.environment.environment(log_to_wandb=settings.log),
            lock=lock,
            timeout=self.timeout,
        )
        if newest_checkpoint(directory / "ckpts") is None:
            weights = directory / "ckpts" / "policy_weights"
            raise AmagoError(
                f"AMAGO's training of {name!r} left no weights policy_epoch_<N>.pt in {weights}; {log_tail(log)}"
            )

    def _beginning(
        self, reached: AmagoCheckpoint | None, report: EnvironmentReport, directory: Path
    ) -> tuple[list[str], Path | None]:
        """Flags that say what weights to begin with, and the architecture's file, where it is not the usual one."""
        if reached is None or not reached.resumable:
            start = self.settings.starts_from()
            return ([] if start is None else ["--init_from_checkpoint", start]), None
        _log.info("going on after epoch %d", reached.epoch)
        architecture = directory / "resume.gin"
        write_bytes(architecture, f"include {str(report.model_gin_config)!r}\n{_FAST_START}\n".encode())
        return ["--ckpt", str(reached.epoch)], architecture

    def _finished(self, directory: Path) -> bool:
        """Whether a training of these settings has ended well; one that has not may go on with others."""
        state = read_json(directory / "amago.json")
        if state is None:
            return False
        asked, trained = self.settings.of_training(), state.get("settings", {})
        if changed := [key for key in asked if asked[key] != trained.get(key)]:
            words = "; ".join(f"{key} was {trained.get(key)!r} and is {asked[key]!r}" for key in changed)
            raise RunDirectoryError(f"{directory} holds a finished training of other settings: {words}")
        return True

    def _register(self, game: Game, name: str, directory: Path) -> PolicySpec:
        """The newest weights as a policy that has been loaded once."""
        settings = self.settings
        found = newest_checkpoint(directory / "ckpts")
        if found is None:
            raise RunDirectoryError(f"the weights of the finished training in {directory / 'ckpts'} are gone")
        if found.epoch < settings.epochs - 1:
            _log.warning(
                "%s: of %d epochs the newest weights are those of epoch %d (the first is 0): what came after is lost",
                name, settings.epochs, found.epoch,
            )  # fmt: skip
        published = settings.published()
        backend = settings.battle_backend or (published.battle_backend if published else None)
        spec = metamon_spec(
            name,
            found.path,
            # A name also fits what imitation leaves, which keeps one discount of seven.
            config=settings.config or settings.model,
            vocabulary=self._vocabulary(),
            reward=settings.reward(),
            **({"battle_backend": backend} if backend else {}),
            **settings.policy,
        )
        try:
            load_policy(spec, game)
        except InputError as error:
            raise AmagoError(f"AMAGO's training of {name!r} left weights that cannot be used: {error}") from error
        return spec
