"""Self-play in generations, with damping and without: the same start, the same budget, several seeds of each.

The starting policy is made here, so that nothing is downloaded: heuristics play gen1ou, a vocabulary is built from what
they saw, and a small network of metamon's recurrent kind learns to imitate them. From it every run goes its own way:
collect, filter, train, evaluate, and again. Runs differ in their damping and in their seed, nothing else. At the end
the last generations of all runs meet in one tournament.

    python benchmarks/self_play_generations.py                      # all of it, about an hour on two cores
    python benchmarks/self_play_generations.py --no-play            # tables and figures of what is there

It may be killed at any moment and started again with the same command. Results go to
``results/self_play_generations*.csv`` and ``.md``, figures to ``docs/_static``.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

# Runs are played side by side, each on one core; set before torch is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import tyro
from self_play_tables import KINDS, TEACHERS, write_results

from pokenash.algorithms.damping import DampingSettings
from pokenash.experiments.collection import collect
from pokenash.experiments.self_play_plan import SelfPlayPlan, damped, undamped
from pokenash.experiments.self_play_run import run_self_play
from pokenash.experiments.tournament_run import run_tournament
from pokenash.experiments.training import fresh_policy, train
from pokenash.games.showdown import ShowdownGame
from pokenash.metamon.config import ActorConfig, CriticConfig, TrajectoryEncoderConfig, TurnEncoderConfig
from pokenash.metamon.dataset import TrajectorySource
from pokenash.metamon.registry import get_family
from pokenash.metamon.training.settings import FineTuneSettings, TrainingData
from pokenash.metamon.vocabulary_building import build_vocabulary
from pokenash.policies.populations import load_population
from pokenash.policies.spec import PolicySpec

MEASURED_BY = ("uniform", "max_power", "type_aware")


@dataclass
class Settings:
    """What is played."""

    directory: Path = Path("runs/self_play_generations")
    """where all of it lies; one that was begun is gone on with"""
    seeds: tuple[int, ...] = (1, 2, 3)
    """each is a run without damping and one with it"""
    generations: int = 4
    """of each run"""
    battles: int = 200
    """of self-play in each generation"""
    steps: int = 300
    """of the optimizer in each generation"""
    batch_size: int = 16
    """sequences of a step"""
    learning_rate: float = 3e-4
    """at the start; without damping it stays"""
    time_scale: float = 1000.0
    """steps after which the damping's weights have begun to fall; metamon's million is for runs of a million steps"""
    check_every: int = 20
    """steps between the controller's looks"""
    evaluation_battles: int = 200
    """of every pair, fresh ones"""
    teacher_battles: int = 300
    """of the heuristics with each other and themselves, each"""
    teacher_steps: int = 1000
    """of the imitation"""
    parallel: int = 2
    """runs side by side, a core each"""
    play: bool = True
    """whether to play, or only to write what is there"""


def game() -> ShowdownGame:
    """What is played everywhere; a battle of a hundred turns is a tie, as hardly one of a few hundred is."""
    return ShowdownGame("gen1ou", turn_limit=100)


def network_config() -> Any:
    """The small recurrent network of metamon, shrunk so that a core plays and trains it within minutes."""
    return replace(
        get_family("small_rnn"),
        extra_embedding=8,
        actions=9,
        action_space="MinimalActionSpace",
        turn_encoder=TurnEncoderConfig("transformer", 16, 1, 1, 32, 4, 3),
        trajectory_encoder=TrajectoryEncoderConfig("gru", 128, 1, 96),
        actor=ActorConfig(96, 1),
        critic=CriticConfig("scalar", 2, 64, 1),
        max_seq_len=64,
    )


def starting_policy(settings: Settings) -> PolicySpec:
    """The network that imitates the heuristics, made once."""
    root, specs = settings.directory / "start", [PolicySpec(kind, kind) for kind in TEACHERS]
    done = root / "training" / "population.json"
    if not done.exists():
        roots = []
        for teacher in specs:
            collected = collect(
                root / teacher.name, game(), teacher, specs, battles=settings.teacher_battles, record="both",
                action_space="MinimalActionSpace", seed=11,
            )  # fmt: skip
            roots.append(collected.root)
        build_vocabulary(roots, root / "words.json")
        fresh = fresh_policy(root / "fresh", network_config(), root / "words.json", seed=12)
        # Every action weighs the same, as in imitation, and the critics learn besides: self-play needs them at once.
        training = FineTuneSettings(
            epochs=1, steps_per_epoch=settings.teacher_steps, batch_size=16, learning_rate=1e-3, warm_up_steps=100,
            advantage_filter="exponential", beta=0.0, torch_threads=1, checkpoint_every=100,
        )  # fmt: skip
        train(
            root / "training", fresh, TrainingData([TrajectorySource(one) for one in roots]), training,
            name="imitation", seed=13,
        )  # fmt: skip
    policy = load_population(done)[0]
    measured = [PolicySpec(kind, kind) for kind in MEASURED_BY]
    run_tournament(root / "tournament", game(), [policy, *measured], battles=settings.evaluation_battles, seed=14)
    return policy


def plan(kind: str, settings: Settings) -> SelfPlayPlan:
    """What a run does in each generation."""
    scale, preset = settings.time_scale, damped(settings.learning_rate)
    scaled = DampingSettings(
        preset.learning_rate,
        replace(preset.kl, time_scale=scale),
        replace(preset.entropy, time_scale=scale),
        preset.control,
    )
    return SelfPlayPlan(
        battles=settings.battles,
        fresh_weight=0.5,
        window=2,
        training=FineTuneSettings.oracle(
            epochs=1, steps_per_epoch=settings.steps, batch_size=settings.batch_size, warm_up_steps=20,
            torch_threads=1, checkpoint_every=100, log_every=5,
        ),
        damping=scaled if kind == "damped" else undamped(settings.learning_rate),
        damping_check_every=settings.check_every,
        evaluation_battles=settings.evaluation_battles,
    )  # fmt: skip


def _end_with(parent: int) -> None:
    """Leave when the process that started this one is gone, so that its command can be given again."""

    def wait() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def run_one(kind: str, seed: int, settings: Settings, start: PolicySpec, parent: int) -> None:
    """One run from its beginning, or from where it was killed, to its end."""
    import torch

    _end_with(parent)
    torch.set_num_threads(1)
    begin = time.perf_counter()
    run_self_play(
        settings.directory / f"{kind}_{seed}", game(), start, plan(kind, settings), generations=settings.generations,
        opponents=[PolicySpec(one, one) for one in TEACHERS], name=f"{kind}_{seed}", seed=1000 + seed, num_lanes=64,
        on_generation=lambda one: print(f"{kind} {seed}: generation {one.number} {_told(one.summary)}", flush=True),
    )  # fmt: skip
    print(f"{kind} {seed}: done after {time.perf_counter() - begin:.0f} s of this call", flush=True)


def _told(summary: Any) -> str:
    met = next(row for row in summary["against"] if row["name"] == "start")
    return f"{met['score']:.3f} [{met['lower']:.3f}, {met['upper']:.3f}] against the start"


def play(settings: Settings) -> None:
    """All that is not there yet."""
    start = starting_policy(settings)
    context = multiprocessing.get_context("spawn")
    waiting = [(kind, seed) for seed in settings.seeds for kind in KINDS]
    running: list[Any] = []
    while waiting or running:
        while waiting and len(running) < settings.parallel:
            process = context.Process(target=run_one, args=(*waiting.pop(0), settings, start, os.getpid()), daemon=True)
            process.start()
            running.append(process)
        time.sleep(0.5)
        for process in [one for one in running if not one.is_alive()]:
            running.remove(process)
            if process.exitcode:
                raise SystemExit(f"a run ended with status {process.exitcode}; start the same command again")
    finals = [_last_policy(settings, kind, seed) for kind in KINDS for seed in settings.seeds]
    run_tournament(
        settings.directory / "finals", game(), [replace(start, name="start"), *finals],
        battles=settings.evaluation_battles, seed=15, num_workers=settings.parallel,
    )  # fmt: skip


def _last_policy(settings: Settings, kind: str, seed: int) -> PolicySpec:
    return load_population(settings.directory / f"{kind}_{seed}" / "population.json")[-1]


def _command(settings: Settings) -> str:
    """The command that plays this, wherever it lies."""
    words = ["python benchmarks/self_play_generations.py"]
    for field in fields(settings):
        value = getattr(settings, field.name)
        if field.name not in ("directory", "play", "parallel") and value != field.default:
            told = " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
            words.append(f"--{field.name.replace('_', '-')} {told}")
    return " ".join(words)


def main(settings: Settings) -> None:
    """Play what is missing, then write."""
    if settings.play:
        play(settings)
    write_results(settings.directory, settings.seeds, _command(settings))


if __name__ == "__main__":
    main(tyro.cli(Settings))
