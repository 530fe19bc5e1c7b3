"""Settings of a loop of self-play as one flat value, and presets: what ``pokenash selfplay`` offers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from tyro.conf import Positional

from pokenash.algorithms.damping import AdaptiveControl, DampingSettings, PowerLaw, Reference
from pokenash.experiments.executor_settings import ExecutorName, open_arena
from pokenash.experiments.filtering_rules import Balance, FilterRules
from pokenash.experiments.self_play_plan import DampingReference, SelfPlayPlan, undamped
from pokenash.experiments.self_play_start import start_spec
from pokenash.experiments.tracking.settings import TrackerName, settings_tracker
from pokenash.games.showdown import ShowdownGame
from pokenash.games.showdown.team_set import TeamSplit
from pokenash.metamon.dataset import TrajectorySource
from pokenash.metamon.training.settings import FineTuneSettings
from pokenash.policies.sources import policy_specs
from pokenash.policies.spec import load_policy

if TYPE_CHECKING:
    from pokenash.experiments.self_play_generation import Generation
    from pokenash.experiments.self_play_result import SelfPlayResult

__all__ = ["PRESETS", "SelfPlayRunSettings"]


@dataclass(frozen=True)
class SelfPlayRunSettings:
    """A loop of self-play with a metamon network.

    Parameters
    ----------
    start : str
        Which network plays first: ``metamon:SyntheticRLV2``, a ``.safetensors`` checkpoint with its ``.json`` beside
        it, the directory of a training, or a ``population.json`` with one policy.
    output : Path
        Directory. If it holds a loop of the same settings, that one goes on; more generations extend it.
    generations : int
        How often it collects, filters, trains and evaluates.
    battles : int
        Of self-play in each generation; both sides are learned from.
    name : str
        What the generations are called: NAME_0, NAME_1, ...
    vocabulary : str, optional
        Of a checkpoint that does not say its own: a name or a file.
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
    min_turns, max_turns : int, optional
        Nor are those with fewer or more turns.
    result : str
        Learn from ``any``, ``win`` or ``loss``; a tie counts as a loss.
    balance : str
        Learn from as many wins as others: ``all``, ``matchup``, or ``none`` for all there are.
    fresh_weight : float
        Share of the sequences drawn from the generation's own battles, where there are earlier generations.
    window : int
        From how many earlier generations a generation learns besides.
    replays : tuple of str
        Other roots of trajectories that every generation learns from, with equal weights.
    replays_weight : float
        Share of the sequences drawn from them.
    steps : int
        Of the optimizer in each generation.
    batch_size : int
        Sequences of a step on each device.
    accumulation : int
        Batches whose mean gradient makes a step.
    max_length : int, optional
        Decisions of a sequence at most. Default: the network's own.
    learning_rate : float
        Damped, at the start.
    weight_decay : float
    warm_up_steps : int
        Over which each generation's learning rate rises.
    offline_coefficient, online_coefficient : float
        Of behaviour cloning and of the value of the policy.
    advantage_filter : str
        What is cloned: ``binary``, ``exponential``, or ``none`` for everything.
    beta : float
        Of the exponential filter.
    precision : str
        ``float32`` or ``bfloat16``.
    device : str
        Such as ``cuda``.
    processes : int
        Devices that a training uses, through accelerate.
    torch_threads : int
        On the CPU.
    damping : bool
        Whether divergence and entropy weigh anything and the controller acts; they are measured in any case.
    kl, kl_time_scale, kl_exponent, kl_floor, kl_cap : float
        Weight of the divergence: kl * (1 + steps / kl_time_scale) ** -kl_exponent, between floor and cap.
    entropy, entropy_time_scale, entropy_exponent, entropy_floor : float
        Weight of the entropy in the same way.
    target_kl, tolerance : float
        The controller acts where the divergence is above target_kl * tolerance or below target_kl / tolerance.
    learning_rate_shrink, learning_rate_grow, kl_grow, kl_shrink : float
        Its factors.
    check_every : int
        Steps between its looks.
    reference : str
        What the divergence is from: ``generation`` (the policy that the generation starts from), ``start`` (the first
        one), ``periodic`` (a copy that is renewed) or ``polyak`` (a moving average of the weights).
    reference_period : int
        Steps between copies of ``periodic``.
    reference_decay : float
        Of ``polyak``.
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

    start: Positional[str]
    output: Path = Path("runs/selfplay")
    generations: int = 3
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
    steps: int = 1000
    batch_size: int = 16
    accumulation: int = 1
    max_length: int | None = None
    learning_rate: float = 1e-4
    weight_decay: float = 5e-5
    warm_up_steps: int = 100
    offline_coefficient: float = 0.5
    online_coefficient: float = 0.5
    advantage_filter: Literal["binary", "exponential", "none"] = "binary"
    beta: float = 1.0
    precision: Literal["float32", "bfloat16"] = "float32"
    device: str = "cpu"
    processes: int = 1
    torch_threads: int = 2
    damping: bool = False
    kl: float = 0.05
    kl_time_scale: float = 1e6
    kl_exponent: float = 0.5
    kl_floor: float = 0.0
    kl_cap: float = 0.5
    entropy: float = 0.01
    entropy_time_scale: float = 1e6
    entropy_exponent: float = 0.7
    entropy_floor: float = 0.001
    target_kl: float = 0.01
    tolerance: float = 1.5
    learning_rate_shrink: float = 0.5
    learning_rate_grow: float = 1.1
    kl_grow: float = 1.5
    kl_shrink: float = 0.9
    check_every: int = 100
    reference: DampingReference = "generation"
    reference_period: int = 100
    reference_decay: float = 0.99
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
            replays=tuple(TrajectorySource(root) for root in self.replays),
            replays_weight=self.replays_weight,
            training=self.training(),
            damping=self.damping_settings(),
            damping_check_every=self.check_every,
            damping_reference=self.reference,
            carry_damping=self.carry_damping,
            evaluation_battles=self.evaluation_battles,
            processes=self.processes,
            level=self.level,
        )

    def training(self) -> FineTuneSettings:
        """How a generation learns."""
        return FineTuneSettings(
            epochs=1,
            steps_per_epoch=self.steps,
            batch_size=self.batch_size,
            accumulation=self.accumulation,
            max_length=self.max_length,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            warm_up_steps=self.warm_up_steps,
            offline_coefficient=self.offline_coefficient,
            online_coefficient=self.online_coefficient,
            advantage_filter=self.advantage_filter,
            beta=self.beta,
            precision=self.precision,
            device=self.device,
            torch_threads=self.torch_threads,
            checkpoint_every=max(self.steps // 10, 1),
        )

    def damping_settings(self) -> DampingSettings:
        """What keeps a generation's policy near its reference; nothing without `damping`, which is measured then."""
        kind: Any = "fixed" if self.reference in ("generation", "start") else self.reference
        reference = Reference(kind, self.reference_period, self.reference_decay)
        if not self.damping:
            plain = undamped(self.learning_rate)
            return DampingSettings(plain.learning_rate, plain.kl, plain.entropy, reference=reference)
        return DampingSettings(
            PowerLaw(self.learning_rate),
            PowerLaw(self.kl, self.kl_time_scale, self.kl_exponent, self.kl_floor, self.kl_cap),
            PowerLaw(self.entropy, self.entropy_time_scale, self.entropy_exponent, self.entropy_floor),
            control=AdaptiveControl(
                target=self.target_kl,
                tolerance=self.tolerance,
                learning_rate_shrink=self.learning_rate_shrink,
                learning_rate_grow=self.learning_rate_grow,
                kl_grow=self.kl_grow,
                kl_shrink=self.kl_shrink,
            ),
            reference=reference,
        )

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
        start = start_spec(self.start, vocabulary=self.vocabulary)
        opponents = policy_specs(self.opponents, "opponents") if self.opponents else []
        for spec in [start, *opponents]:
            # Who cannot be loaded is refused now, not after battles were played.
            load_policy(spec, game)
        from pokenash.experiments.self_play_run import run_self_play

        arena = open_arena(self, game, progress=progress) if self.executor != "local" else None
        tracker = settings_tracker(self, self.output)

        def begin(directory: Path) -> None:
            tracker.start()
            if on_begin is not None:
                on_begin(directory)

        try:
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
                on_begin=begin,
                on_generation=on_generation,
            )
        finally:
            tracker.close()
            if arena is not None:
                arena.close()


PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        # They differ in the damping alone, so that one can be compared with the other.
        "baseline": {"damping": False},
        "damped": {"damping": True},
        # That it runs, in minutes, not that it plays well.
        "demo": {
            "damping": True,
            "generations": 2,
            "battles": 20,
            "steps": 20,
            "batch_size": 4,
            "warm_up_steps": 5,
            "check_every": 5,
            "evaluation_battles": 20,
            "lanes": 16,
        },
    }
)
"""What each preset changes of the defaults of `SelfPlayRunSettings`."""
