"""Settings of a PSRO run on Showdown as one flat value, and presets of it: what the command line offers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pokenash.algorithms.oracles.settings import SCRATCH, STRONGEST, ImitationSettings, PPOSettings, TrainingSettings
from pokenash.errors import InputError
from pokenash.experiments.executor_settings import ExecutorName, open_arena
from pokenash.experiments.tracking.settings import TrackerName, settings_tracker
from pokenash.games.showdown import ShowdownGame
from pokenash.games.showdown.team_set import TeamSplit
from pokenash.policies.sources import policy_specs
from pokenash.policies.spec import load_policy

if TYPE_CHECKING:
    from collections.abc import Callable

    from pokenash.algorithms.psro_result import PSROIteration, PSROResult

__all__ = ["PRESETS", "PSROSettings", "preset"]


@dataclass(frozen=True)
class PSROSettings:
    """A PSRO run on Showdown battles.

    Parameters
    ----------
    output : Path
        Run directory. If it holds a run of the same settings, that run goes on.
    format : str
        Any singles format of the simulator.
    teams : str, optional
        Team set: a file or directory of teams, the name of a set (pokenash's or metamon's), or a mixture such as
        ``competitive=0.5,modern_replays=0.5``. Default: the format's.
    team_split : str
        The part of the set that is played: ``all``, ``train`` or ``held-out``.
    population : tuple of str
        Initial members: policy kinds such as ``type_aware``, ``poke_env:SimpleHeuristicsPlayer``,
        ``metamon:SyntheticRLV2``, a ``.safetensors`` checkpoint, a ``population.json`` file, or the directory of
        another run, whose mixture joins as one policy.
    iterations : int
        Best responses to train.
    meta_solver : str
        ``nash``, ``prd``, ``regret_matching``, ``alpha_rank`` or ``uniform``.
    battles_per_matchup : int
        Battles of every pair of members, half of them from each seat.
    evaluation_battles : int
        Fresh battles of each best response against the mixture that it was trained on.
    collection_battles : int
        Battles of the strongest member that the imitation warm start learns from.
    imitation_epochs : int
        Passes over them.
    updates : int
        Rounds of PPO.
    battles_per_update : int
        Battles of each round.
    oracle_epochs : int
        Passes over the decisions of a round.
    batch_size : int
        Decisions per optimizer step.
    learning_rate : float
        Of PPO's optimizer.
    entropy_coefficient : float
        Weight of the entropy bonus.
    reference_kl_coefficient : float
        Weight of the reverse KL divergence from the policy that PPO starts from.
    initial_checkpoint : Path, optional
        Weights (``.safetensors``) that every best response starts from, in place of the warm start.
    temperature : float
        Of the best responses, once trained.
    turn_limit : int, optional
        Turns after which a battle is a tie. Default: the simulator's own 1,000.
    seed : int
        Of everything.
    executor : str
        Where tournaments and evaluations are played: ``local``, this machine, or ``ray``, a Ray cluster; results do not
        depend on it. Best responses are trained on this machine.
    address : str, optional
        Of the cluster: ``auto``, ``HOST:PORT``. Default: the one that Ray finds, or a new one on this machine.
    workers : int
        Simulator processes, or workers in the whole cluster; training has no more of them than this machine has cores.
        Results do not depend on it.
    lanes : int
        Battles in play at a time, on a cluster on each worker.
    worker_gpus : float
        The part of a GPU that each worker of a cluster takes, for networks that play on one.
    best_responses : int
        How many are trained in each iteration, with different seeds; all of them join the population.
    fresh : bool
        Whether best responses start from fresh weights, without imitation of the strongest member.
    stop_early : bool
        Whether to end as soon as no best response beats its mixture for sure on fresh battles.
    track : tuple of str
        Where to show the run's numbers while it runs, beside ``tracking/metrics.jsonl``: ``tensorboard``, ``wandb``,
        ``trackio``, or several. Results do not depend on it.
    track_offline : bool
        Whether W&B writes files only, which ``wandb sync`` sends later.
    track_project : str
        The project's name on W&B and trackio.
    """

    output: Path = Path("runs/psro")
    format: str = "gen1ou"
    teams: str | None = None
    team_split: TeamSplit = "all"
    population: tuple[str, ...] = ("max_power", "type_aware")
    iterations: int = 3
    meta_solver: str = "nash"
    battles_per_matchup: int = 200
    evaluation_battles: int = 1000
    collection_battles: int = 1000
    imitation_epochs: int = 3
    updates: int = 40
    battles_per_update: int = 512
    oracle_epochs: int = 2
    batch_size: int = 1024
    learning_rate: float = 3e-4
    entropy_coefficient: float = 0.01
    reference_kl_coefficient: float = 0.0
    initial_checkpoint: Path | None = None
    temperature: float = 1.0
    turn_limit: int | None = None
    seed: int = 0
    executor: ExecutorName = "local"
    address: str | None = None
    workers: int = 2
    lanes: int = 128
    worker_gpus: float = 0.0
    best_responses: int = 1
    fresh: bool = False
    stop_early: bool = False
    track: tuple[TrackerName, ...] = ()
    track_offline: bool = False
    track_project: str = "pokenash"

    def game(self) -> ShowdownGame:
        """The game; refuses unknown formats and illegal teams."""
        return ShowdownGame(self.format, teams=self.teams, team_split=self.team_split, turn_limit=self.turn_limit)

    def training(self) -> TrainingSettings:
        """The oracle's settings; refuses numbers that are out of range."""
        if self.initial_checkpoint is not None and not self.initial_checkpoint.is_file():
            raise InputError(f"initial checkpoint {self.initial_checkpoint}: there is no such file")
        if self.initial_checkpoint is not None and self.fresh:
            raise InputError(
                f"--fresh starts from fresh weights, not from {self.initial_checkpoint}: give one of the two"
            )
        warm_start = SCRATCH if self.fresh else STRONGEST
        if self.initial_checkpoint is not None:
            warm_start = str(self.initial_checkpoint)
        return TrainingSettings(
            ppo=PPOSettings(
                updates=self.updates,
                battles_per_update=self.battles_per_update,
                epochs=self.oracle_epochs,
                batch_size=self.batch_size,
                learning_rate=self.learning_rate,
                entropy_coefficient=self.entropy_coefficient,
                reference_kl_coefficient=self.reference_kl_coefficient,
            ),
            imitation=ImitationSettings(collection_battles=self.collection_battles, epochs=self.imitation_epochs),
            temperature=self.temperature,
            num_lanes=self.lanes,
            num_workers=self._training_workers(),
            warm_start=warm_start,
        )

    def _training_workers(self) -> int:
        """Simulator processes of the oracle, which trains here also when a cluster plays the matches."""
        return self.workers if self.executor == "local" else min(self.workers, os.cpu_count() or 1)

    def run(
        self,
        *,
        progress: bool = False,
        on_begin: Callable[[Path], object] | None = None,
        on_iteration: Callable[[PSROIteration], None] | None = None,
    ) -> PSROResult:
        """Run it in `output`, or go on with the run that is there; the callbacks are those of `run_psro`.

        Raises
        ------
        InputError, RunDirectoryError, TeamError
            Before anything is written, if a setting, a file or the directory cannot be used.
        """
        from pokenash.algorithms.oracles import PPOOracle
        from pokenash.experiments.psro_run import run_psro

        game, training, population = self.game(), self.training(), policy_specs(self.population, "initial population")
        for spec in population:
            # A member that cannot be loaded is refused now, not after the run has begun.
            load_policy(spec, game)
        with settings_tracker(self, self.output) as tracker, open_arena(self, game, progress=progress) as arena:

            def begin(directory: Path) -> None:
                tracker.start()
                if on_begin is not None:
                    on_begin(directory)

            return run_psro(
                self.output,
                game,
                population,
                PPOOracle(training),
                self.meta_solver,
                iterations=self.iterations,
                battles_per_matchup=self.battles_per_matchup,
                evaluation_battles=self.evaluation_battles,
                seed=self.seed,
                num_lanes=self.lanes,
                num_workers=self.workers,
                best_responses=self.best_responses,
                stop_early=self.stop_early,
                on_begin=begin,
                on_iteration=on_iteration,
                tracker=tracker,
                arena=arena,
            )


PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        # Weak members, so that a best response is found in minutes; rounds are what the time allows.
        "demo": {
            "population": ("uniform", "max_power"),
            "collection_battles": 600,
            "imitation_epochs": 2,
            "updates": 18,
        },
        # The same start, and rounds enough for best responses that win clearly.
        "standard": {
            "population": ("uniform", "max_power"),
            "collection_battles": 1500,
            "updates": 100,
            "evaluation_battles": 2000,
        },
    }
)
"""What each preset changes of the defaults of `PSROSettings`."""


def preset(name: str) -> PSROSettings:
    """The settings of a preset.

    Raises
    ------
    InputError
        If there is no such preset.
    """
    if name not in PRESETS:
        raise InputError(f"unknown preset {name!r}; expected one of: {', '.join(PRESETS)}")
    return replace(PSROSettings(), **PRESETS[name])
