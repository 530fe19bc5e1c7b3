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

import json
import multiprocessing
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

# Runs are played side by side, each on one core; set before torch is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import tyro
from curves import FIGURES
from matplotlib import rc_context
from measuring import markdown_table, provenance, write_csv, write_page

from pokenash.algorithms.damping import DampingSettings
from pokenash.algorithms.match_log import MatchLog
from pokenash.algorithms.paired_scores import PairedScore, count_pairs, paired_score
from pokenash.experiments.collection import collect
from pokenash.experiments.self_play_figures import results_figure, training_figure
from pokenash.experiments.self_play_history import SelfPlayHistory, read_history
from pokenash.experiments.self_play_measures import pairings
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

TEACHERS = ("type_aware", "max_power")
MEASURED_BY = ("uniform", "max_power", "type_aware")
NAME = "self_play_generations"
KINDS = ("baseline", "damped")


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


def histories(settings: Settings) -> dict[tuple[str, int], SelfPlayHistory]:
    """What there is of every run."""
    found = {}
    for seed in settings.seeds:
        for kind in KINDS:
            directory = settings.directory / f"{kind}_{seed}"
            if (directory / "selfplay_summary.json").exists():
                found[kind, seed] = read_history(directory, kind)
    return found


def generation_rows(found: dict[tuple[str, int], SelfPlayHistory]) -> list[dict[str, Any]]:
    """One for every generation of every run."""
    rows = []
    for (kind, seed), history in found.items():
        ratings = {row["policy"]: row for row in history.summary["rows"]}
        for generation in history.generations:
            rated = ratings[generation["policy"]]
            against = {row["name"]: row for row in generation["against"]}
            met, last = against["start"], generation["training"]["last_tenth"]
            rows.append(
                {
                    "kind": kind,
                    "seed": seed,
                    "generation": generation["generation"],
                    **{key: met[key] for key in ("battles", "wins", "draws", "losses")},
                    "score": met["score"],
                    "lower": met["lower"],
                    "upper": met["upper"],
                    **{key: rated[key] for key in ("rating", "rating_lower", "rating_upper")},
                    **{f"score_{one}": against[one]["score"] for one in TEACHERS},
                    "refused_rate": generation["filter"]["refused"]["rate"],
                    "ties": generation["collection"]["ties"],
                    "mean_decisions": generation["collection"]["mean_decisions"],
                    **{
                        key: last[key] for key in ("divergence", "entropy", "learning_rate", "kl_weight", "critic_loss")
                    },
                }
            )
    return rows


def training_rows(found: dict[tuple[str, int], SelfPlayHistory]) -> list[dict[str, Any]]:
    """One for every line of every training's log."""
    kept = (
        "generation",
        "step",
        "divergence",
        "entropy",
        "learning_rate",
        "kl_weight",
        "entropy_weight",
        "critic_loss",
    )
    return [
        {"kind": kind, "seed": seed, **{name: f"{row[name]:.6g}" for name in kept}}
        for (kind, seed), history in found.items()
        for row in history.training
    ]


def head_to_head(settings: Settings) -> PairedScore:
    """The last generations with damping against those without, all pairs of seeds together.

    The interval is of these networks' battles; how much other seeds would differ it does not say.
    """
    log = MatchLog(settings.directory / "finals" / "matches" / "matches.jsonl")
    counts, outcomes = np.zeros(5, np.int64), np.zeros(3, np.int64)
    for key in log.keys("tournament/"):
        names = key.split("/")[1:3]
        ours = [name for name in names if name.startswith("damped")]
        if len(ours) == 1 and any(name.startswith("baseline") for name in names):
            more, won, _ = count_pairs(log.block(key), ours[0])
            counts, outcomes = counts + more, outcomes + won
    return paired_score(counts, outcomes)


def _interval(row: dict[str, Any], form: str = ".1%") -> str:
    return f"{row['score']:{form}} [{row['lower']:{form}}, {row['upper']:{form}}]"


def _pages(settings: Settings, found: dict[tuple[str, int], SelfPlayHistory]) -> Sequence[str]:
    """The tables in Markdown."""
    start = pairings(settings.directory / "start" / "tournament", "imitation", 0.95)
    table = [{"opponent": f"`{row['name']}`", "battles": row["battles"], "score": _interval(row)} for row in start]
    parts = ["The starting policy:\n", markdown_table(table, ["opponent", "battles", "score"])]
    rows = generation_rows(found)
    shown = [
        {
            "run": f"{row['kind']}, seed {row['seed']}",
            "generation": str(row["generation"]),
            "score_against_the_start": _interval(row),
            "rating": f"{row['rating']:+.0f} [{row['rating_lower']:+.0f}, {row['rating_upper']:+.0f}]",
            **{f"against_{one}": f"{row[f'score_{one}']:.1%}" for one in TEACHERS},
            "KL": f"{row['divergence']:.4f}",
            "entropy": f"{row['entropy']:.3f}",
            "learning_rate": f"{row['learning_rate']:.2g}",
            "refused": f"{row['refused_rate']:.1%}",
        }
        for row in rows
    ]
    parts += ["Every generation, with 95% intervals:\n", markdown_table(shown, list(shown[0]))]
    parts += ["The last generation, mean over seeds and range:\n", _last_table(rows)]
    finals = settings.directory / "finals" / "tournament.json"
    if finals.exists():
        ratings = json.loads(finals.read_text(encoding="utf-8"))["ratings"]["ratings"]
        last = [
            {"policy": f"`{name}`", "rating": f"{one['rating']:.0f} [{one['lower']:.0f}, {one['upper']:.0f}]"}
            for name, one in sorted(ratings.items(), key=lambda item: -item[1]["rating"])
        ]
        parts += ["The last generations of all runs against each other:\n", markdown_table(last, ["policy", "rating"])]
        met = head_to_head(settings)
        parts.append(
            f"Last generations with damping against those without, all pairs of seeds: {_interval(met.to_json())} of "
            f"{met.battles:,} battles. The interval is of these networks; other seeds would give others.\n"
        )
    return parts


def _last_table(rows: Sequence[dict[str, Any]]) -> str:
    """What the seeds of a kind have in common at the end."""
    last = max(row["generation"] for row in rows)
    table = []
    for kind in KINDS:
        of_kind = [row for row in rows if row["kind"] == kind and row["generation"] == last]
        line: dict[str, Any] = {"kind": kind, "seeds": len(of_kind)}
        for column, form in _LAST.items():
            values = [row[column] for row in of_kind]
            if values:
                mean = sum(values) / len(values)
                line[column] = f"{mean:{form}} ({min(values):{form}} to {max(values):{form}})"
        table.append(line)
    return markdown_table(table, ["kind", "seeds", *_LAST])


_LAST = {
    "score": ".1%",
    "rating": "+.0f",
    "divergence": ".4f",
    "entropy": ".3f",
    "learning_rate": ".2g",
    "refused_rate": ".1%",
}


def write(settings: Settings) -> None:
    """Tables and figures of what is there."""
    found = histories(settings)
    if not found:
        raise SystemExit(f"{settings.directory}: no generation is done yet")
    write_csv(NAME, generation_rows(found))
    write_csv(f"{NAME}_training", training_rows(found))
    write_page(NAME, *_pages(settings, found), provenance(settings.seeds))
    chosen = list(found.values())
    with rc_context({"svg.hashsalt": "pokenash", "font.family": "DejaVu Sans", "text.parse_math": False}):
        results_figure(chosen).savefig(FIGURES / f"{NAME}_results.svg", metadata={"Date": None})
        training_figure(chosen).savefig(FIGURES / f"{NAME}_training.svg", metadata={"Date": None})


def main(settings: Settings) -> None:
    """Play what is missing, then write."""
    if settings.play:
        play(settings)
    write(settings)


if __name__ == "__main__":
    main(tyro.cli(Settings))
