"""A loop of self-play small enough for tests, in processes that die where they are told to."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tests.metamon import tiny

from pokenash.experiments import self_play_generation
from pokenash.experiments.filtering_rules import FilterRules
from pokenash.experiments.self_play_plan import SelfPlayPlan, damped
from pokenash.experiments.self_play_result import SelfPlayResult
from pokenash.experiments.self_play_run import run_self_play
from pokenash.games.showdown import ShowdownGame
from pokenash.metamon.networks import MetamonNetwork
from pokenash.metamon.policy import metamon_spec
from pokenash.metamon.training import FineTuneSettings, Learner, save_weights
from pokenash.metamon.trajectories import TrajectoryName, read_trajectory
from pokenash.policies import PolicySpec

PRELOAD = ["pokenash.experiments.self_play_run", "pokenash.metamon.policy", "tests.experiments.self_play_runs"]

TRAINING = FineTuneSettings.oracle(
    epochs=1, steps_per_epoch=4, batch_size=2, max_length=8, warm_up_steps=2, learning_rate=1e-3, torch_threads=1,
    checkpoint_every=2, log_every=1,
)  # fmt: skip

PLAN = SelfPlayPlan(
    battles=4,
    rules=FilterRules(min_turns=1),
    training=TRAINING,
    damping=damped(1e-3),
    damping_check_every=2,
    evaluation_battles=4,
)

OPPONENTS = [PolicySpec("uniform", "uniform")]


def game() -> ShowdownGame:
    """Battles that soon end in a tie."""
    return ShowdownGame("gen1ou", turn_limit=12)


def start(folder: Path) -> PolicySpec:
    """A network of random weights."""
    words = folder / "words.json"
    words.write_text(json.dumps(tiny.vocabulary()))
    save_weights(MetamonNetwork.random(tiny.config(), seed=1), folder / "base.safetensors")
    return metamon_spec("base", folder / "base.safetensors", vocabulary=words)


def run(directory: Path, first: PolicySpec, **changes: Any) -> SelfPlayResult:
    """Two generations."""
    torch.set_num_threads(1)
    given = {"generations": 2, "seed": 3, "num_lanes": 4, "opponents": OPPONENTS, **changes}
    return run_self_play(directory, game(), first, given.pop("plan", PLAN), **given)


def run_until(directory: Path, first: PolicySpec, place: str, generations: int) -> None:
    """The same, killed at a place: in a call of one of the generation's steps, or ``"<step> done"`` after it."""
    step, done = place.removesuffix(" done"), place.endswith(" done")
    owner: Any = Learner if step == "learn" else self_play_generation
    original = getattr(owner, step)
    setattr(owner, step, _deadly(original, calls=3 if step == "learn" else 1, after=done))
    run(directory, first, generations=generations)


def _deadly(original: Callable[..., Any], calls: int, after: bool) -> Callable[..., Any]:
    seen = 0

    def wrapped(*arguments: Any, **named: Any) -> Any:
        nonlocal seen
        seen += 1
        result = original(*arguments, **named) if after or seen < calls else None
        if seen == calls:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return wrapped


def found(directory: Path) -> dict[str, Any]:
    """All that a loop has found: its files but for times, where they lie, and on what they were made."""
    files: dict[str, Any] = {}
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        if path.suffix in (".safetensors", ".csv") or path.name == "matches.jsonl":
            files[name] = path.read_bytes()
        elif path.name in ("generation_summary.json", "selfplay_summary.json", "population.json", "tournament.json"):
            files[name] = json.loads(path.read_text())
        elif path.name == "fine_tune.jsonl":
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            files[name] = [{k: v for k, v in line.items() if "seconds" not in k} for line in lines]
        elif path.name.endswith(".json.lz4"):
            about = TrajectoryName.parse(path.name)
            actions = read_trajectory(path).actions.tolist()
            files[f"{path.parent.relative_to(directory)}/{about.battle_id}"] = about.won, actions
    return files
