"""The oracle that trains a metamon network offline: fresh battles against the mixture, and other trajectories."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pokenash.algorithms.match_log import MatchLog
from pokenash.algorithms.oracles.core import derive_seed
from pokenash.algorithms.oracles.metamon.collection import collect_trajectories, head_to_head, trajectory_root
from pokenash.algorithms.oracles.metamon.processes import fine_tune_job, fine_tune_processes, training_job
from pokenash.algorithms.oracles.metamon.report import fine_tune_report
from pokenash.algorithms.oracles.metamon.settings import MetamonOracleSettings
from pokenash.algorithms.oracles.metamon.starts import choose_start, member_weights, not_named
from pokenash.arena import Arena
from pokenash.errors import InputError
from pokenash.games.core import Game
from pokenash.games.showdown import ShowdownGame
from pokenash.metamon.dataset import TrajectorySource
from pokenash.metamon.training.files import make_folder, write_bytes, write_json
from pokenash.metamon.training.fine_tuning import FineTuned
from pokenash.metamon.training.settings import TrainingData
from pokenash.metamon.training.start import load_start, trained_spec
from pokenash.policies.spec import PolicySpec

__all__ = ["MetamonOracle"]

_log = logging.getLogger(__name__)


class MetamonOracle:
    """Best responses by fine-tuning a metamon network on trajectories.

    The start plays fresh battles against the mixture, from both seats; its trajectories, mixed with others, are
    learned from as metamon learns; and the new policy plays its start on battles of their own. The result of that
    stands in the report beside the losses: fine-tuning may lose to its base while losses fall and heuristics are
    beaten.

    Files under the directory that `train` is given: ``fine_tune*`` and ``ckpts/`` (see
    `pokenash.metamon.training.fine_tune`), ``matches.jsonl``, ``head_to_head.json``, ``report.json`` and
    ``report.txt``. Trajectories lie in ``br_trajectories/<format>`` of the iteration's folder (in
    ``br_trajectories/<name>/<format>`` where an iteration has several best responses, in ``trajectories/<format>``
    outside of a run).

    Parameters
    ----------
    settings : MetamonOracleSettings
    progress : bool
        Whether the arena shows its progress.
    """

    def __init__(self, settings: MetamonOracleSettings | None = None, *, progress: bool = False) -> None:
        self.settings = settings or MetamonOracleSettings()
        self._progress = progress

    def config(self) -> dict[str, Any]:
        return {"oracle": "metamon", **self.settings.to_json()}

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
        if not isinstance(game, ShowdownGame):
            raise InputError(f"the metamon oracle trains for Showdown's formats, not for {game.name}")
        make_folder(directory)
        base = choose_start(settings.start, opponent, population)
        start = load_start(base)
        reward, action_space = settings.reward or start.reward, start.network.config.action_space
        # The weights are read again where they are trained.
        del start
        log, root = MatchLog(directory / "matches.jsonl"), trajectory_root(directory, name, iteration)
        with Arena(
            game, num_lanes=settings.num_lanes, num_workers=settings.num_workers, progress=self._progress
        ) as arena:
            collection = collect_trajectories(
                arena, base, opponent, root, log,
                battles=settings.battles, battles_per_block=settings.battles_per_block,
                seed=derive_seed(seed, "collection"), action_space=action_space,
            )  # fmt: skip
            tuned = self._fine_tune(base, reward, root, game, directory, derive_seed(seed, "training"))
            spec = trained_spec(name, base, tuned.checkpoint, tuned.reward)
            versus = head_to_head(
                arena, spec, not_named(base, name), log,
                battles=settings.head_to_head_battles, seed=derive_seed(seed, "head_to_head"),
            )  # fmt: skip
        write_json(directory / "head_to_head.json", versus)
        self._report(directory, tuned, versus, collection, member_weights(opponent))
        return spec

    def _fine_tune(
        self, base: PolicySpec, reward: str, root: Path, game: ShowdownGame, directory: Path, seed: int
    ) -> FineTuned:
        settings = self.settings
        others = [source for source in settings.sources if source.weight > 0]
        total = sum(source.weight for source in others)
        fresh = settings.fresh_weight if others else 1.0
        data = TrainingData(
            [
                TrajectorySource(root, fresh),
                *(TrajectorySource(one.root, (1 - fresh) * one.weight / total) for one in others if fresh < 1),
            ],
            reward=reward,
            formats=tuple(settings.formats or (game.format,)),
        )
        job = training_job(
            base,
            data,
            settings.training,
            damping=settings.damping,
            damping_check_every=settings.damping_check_every,
            seed=seed,
        )
        if settings.processes > 1:
            return fine_tune_processes(job, directory, settings.processes)
        return fine_tune_job(job, directory)

    def _report(
        self,
        directory: Path,
        tuned: FineTuned,
        versus: Mapping[str, Any],
        collection: Mapping[str, Any],
        mixture: Mapping[str, float],
    ) -> None:
        report, text = fine_tune_report(directory / "fine_tune.jsonl", tuned.record, versus, collection, mixture)
        write_json(directory / "report.json", report)
        write_bytes(directory / "report.txt", text.encode())
        level = logging.WARNING if report["verdict"] == "worse" else logging.INFO
        _log.log(level, "%s", report["summary"])
