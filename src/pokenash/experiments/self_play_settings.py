"""Settings of a loop of self-play as one flat value, and presets: what ``pokenash selfplay`` offers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from pokenash.algorithms.damping import DampingSettings, Reference
from pokenash.experiments.executor_settings import ExecutorName, open_arena
from pokenash.experiments.filtering_rules import Balance, FilterRules
from pokenash.experiments.self_play_plan import DampingReference, SelfPlayPlan, damped, undamped
from pokenash.experiments.tracking.settings import TrackerName, settings_tracker
from pokenash.experiments.training_fields import DampingFields, LearningFields, damping_changes
from pokenash.experiments.training_start import start_spec, trajectory_source
from pokenash.games.showdown import ShowdownGame
from pokenash.games.showdown.team_set import TeamSplit
from pokenash.policies.sources import policy_specs
from pokenash.policies.spec import load_policy

if TYPE_CHECKING:
    from pokenash.experiments.self_play_generation import Generation
    from pokenash.experiments.self_play_result import SelfPlayResult

__all__ = ["PRESETS", "SelfPlayRunSettings"]


@dataclass(frozen=True, kw_only=True)
class SelfPlayRunSettings(DampingFields, LearningFields):
    """A loop of self-play with a metamon network.

    Parameters
    ----------
    start : str
        Which network plays first: a published model such as ``SyntheticRLV2``, a ``.safetensors`` or ``.pt``
        checkpoint, the directory of a training, a run's directory (its strongest metamon policy) or a
        ``population.json``; ``SOURCE:NAME`` names a member of the last two.
    output : Path
        Directory. If it holds a loop of the same settings, that one goes on; more generations extend it.
    generations : int
        How often it collects, filters, trains and evaluates.
    epochs : int
        Of each generation's training; with the steps of an epoch they make its steps.
    warm_up_steps : int
        Over which each generation's learning rate rises.
    device : str
        Where networks are trained and play, such as ``cuda``; of several processes each trains on a device of its own.
        On a cluster they play on the CPU unless its workers take a part of a GPU.
    battles : int
        Of self-play in each generation; both sides are learned from.
    name : str
        What the generations are called: NAME_0, NAME_1, ...
    vocabulary : str, optional
        A published vocabulary's name or a file, where the start does not say its own.
    format : str
        A singles format of generations 1 to 4 or 9.
    teams : str, optional
        Team set: a file or directory of teams, or the name of a set. Default: the format's.
    team_split : str
        The part of the set that is played: ``all``, ``train`` or ``held-out``.
    turn_limit : int, optional
        Turns after which a battle is a tie. Default: the simulator's own 1,000.
    max_refused_rate : float
        Trajectories with a larger share of refused choices are not learned from.
    min_turns : int, optional
        Nor are those with fewer turns.
    max_turns : int, optional
        Nor are those with more turns.
    result : str
        Learn from ``any``, ``win`` or ``loss``; a tie counts as a loss.
    balance : str
        Learn from as many wins as others: ``all``, ``matchup``, or ``none`` for all there are.
    fresh_weight : float
        Share of the sequences drawn from the generation's own battles, where there are earlier generations.
    window : int
        From how many earlier generations a generation learns besides.
    replays : tuple of str
        Other roots of trajectories, or directories of collections, that every generation learns from, each with
        ``=WEIGHT`` or of weight 1 beside the others.
    replays_weight : float
        Share of the sequences drawn from them.
    processes : int
        Devices that a training uses, through accelerate.
    divergence_from : str
        What a ``fixed`` reference is: the policy that each ``generation`` starts from, or the ``start`` of the loop.
    carry_damping : bool
        Whether schedules and the controller's factors go on from generation to generation.
    evaluation_battles : int
        Of every pair in the tournament, on starts of their own, half of them with the seats exchanged.
    opponents : tuple of str
        Who is in the tournament besides the start and the generations; as ``pokenash tournament`` names policies.
    level : float
        Of the intervals.
    seed : int
        Of everything.
    workers : int
        Simulator processes, or workers of the cluster.
    lanes : int
        Battles in play at a time.
    executor : str
        Where the battles are played: ``local`` or ``ray``. Trainings are on this machine.
    address : str, optional
        Of a running Ray cluster.
    worker_gpus : float
        The part of a GPU that each worker of a cluster takes.
    track : tuple of str
        Where to show the trainings' numbers while they run, beside ``tracking/metrics.jsonl``: ``tensorboard``,
        ``wandb``, ``trackio``, or several. Results do not depend on it.
    track_offline : bool
        Whether W&B writes files only, which ``wandb sync`` sends later.
    track_project : str
        The project's name on W&B and trackio.
    """

    start: Annotated[Positional[str], arg(metavar="START")]
    output: Path = Path("runs/selfplay")
    generations: int = 3
    epochs: int = 1
    learning_rate: float = 1e-4
    weight_decay: float = 5e-5
    warm_up_steps: int = 100
    device: str = "cpu"
    offline_coefficient: float = 0.5
    online_coefficient: float = 0.5
    battles: int = 1000
    name: str = "generation"
    vocabulary: str | None = None
    format: str = "gen1ou"
    teams: str | None = None
    team_split: TeamSplit = "all"
    turn_limit: int | None = None
    max_refused_rate: float = 1.0
    min_turns: int | None = None
    max_turns: int | None = None
    result: Literal["any", "win", "loss"] = "any"
    balance: Balance = "none"
    fresh_weight: float = 0.5
    window: int = 3
    replays: tuple[str, ...] = ()
    replays_weight: float = 0.0
    processes: int = 1
    divergence_from: DampingReference = "generation"
    carry_damping: bool = True
    evaluation_battles: int = 400
    opponents: tuple[str, ...] = ("max_power", "type_aware")
    level: float = 0.95
    seed: int = 0
    workers: int = 2
    lanes: int = 128
    executor: ExecutorName = "local"
    address: str | None = None
    worker_gpus: float = 0.0
    track: tuple[TrackerName, ...] = ()
    track_offline: bool = False
    track_project: str = "pokenash"

    def game(self) -> ShowdownGame:
        """What is played; refuses unknown formats and illegal teams."""
        return ShowdownGame(self.format, teams=self.teams, team_split=self.team_split, turn_limit=self.turn_limit)

    def plan(self) -> SelfPlayPlan:
        """What each generation does; refuses numbers that are out of range."""
        return SelfPlayPlan(
            battles=self.battles,
            rules=FilterRules(
                max_refused_rate=self.max_refused_rate,
                min_turns=self.min_turns,
                max_turns=self.max_turns,
                result=self.result,
                balance=self.balance,
                seed=self.seed,
            ),
            fresh_weight=self.fresh_weight,
            window=self.window,
            replays=tuple(map(trajectory_source, self.replays)),
            replays_weight=self.replays_weight,
            training=self.learning(),
            damping=self.damping_settings(),
            damping_check_every=self.control_every,
            damping_reference=self.divergence_from,
            carry_damping=self.carry_damping,
            evaluation_battles=self.evaluation_battles,
            processes=self.processes,
            level=self.level,
        )

    def damping_settings(self) -> DampingSettings:
        """What keeps a policy near its reference; without `damped` nothing, and the distance is measured."""
        found = self.damping(self.learning_rate)
        return found or replace(undamped(self.learning_rate), reference=self.moving_reference())

    def moving_reference(self) -> Reference:
        """How the reference moves within a generation."""
        return Reference(self.reference, self.reference_period, self.reference_decay)

    def playing_device(self) -> str | None:
        """Where networks play: where they are trained, but for workers of a cluster that have no part of a GPU."""
        return self.device if self.executor == "local" or self.worker_gpus else None

    def run(
        self,
        *,
        progress: bool = False,
        on_begin: Callable[[Path], object] | None = None,
        on_generation: Callable[[Generation], object] | None = None,
    ) -> SelfPlayResult:
        """Run the loop in `output`, or go on with the one that is there.

        `on_begin` is called with the directory once it is known to be this loop's, `on_generation` after every
        generation, those too that were there.

        Raises
        ------
        InputError, RunDirectoryError, TeamError
            Before anything is written, if a setting, a file or the directory cannot be used.
        """
        plan, game = self.plan(), self.game()
        start = start_spec(self.start, self.vocabulary)
        opponents = policy_specs(self.opponents, "opponents") if self.opponents else []
        for spec in [start, *opponents]:
            # Who cannot be loaded is refused now, not after battles were played.
            load_policy(spec, game)
        from pokenash.experiments.self_play_run import run_self_play

        with ExitStack() as stack:
            arena = stack.enter_context(open_arena(self, game)) if self.executor != "local" else None
            tracker = stack.enter_context(settings_tracker(self, self.output))

            def begin(directory: Path) -> None:
                tracker.start()
                if on_begin is not None:
                    on_begin(directory)

            return run_self_play(
                self.output,
                game,
                start,
                plan,
                generations=self.generations,
                opponents=opponents,
                name=self.name,
                seed=self.seed,
                num_lanes=self.lanes,
                num_workers=self.workers,
                arena=arena,
                tracker=tracker,
                progress=progress,
                device=self.playing_device(),
                on_begin=begin,
                on_generation=on_generation,
            )


PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        # They differ in the damping alone, so that one can be compared with the other.
        "baseline": {},
        "damped": damping_changes(damped(), 100),
        # That it runs, in minutes, not that it plays well.
        "demo": {
            **damping_changes(damped(), 5),
            "generations": 2,
            "battles": 20,
            "steps_per_epoch": 20,
            "batch_size": 4,
            "warm_up_steps": 5,
            "evaluation_battles": 20,
            "lanes": 16,
        },
    }
)
"""What each preset changes of the defaults of `SelfPlayRunSettings`."""
