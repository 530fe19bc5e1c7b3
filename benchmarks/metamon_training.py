"""What the training of metamon's networks takes: memory a decision, time a step, battles, and reading them.

On a CPU: how much the forward pass of a training step keeps for the gradient, in float32 and under bfloat16 autocast,
as a part that grows with the number of decisions and one that does not; the CPU time of following, recording and
reading gen1ou battles. With ``--device cuda``: seconds a step and peak memory of whole steps.

    python benchmarks/metamon_training.py
    python benchmarks/metamon_training.py --device cuda --batches 4 8 16

Random weights, words and rewards; one thread on a CPU.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import torch
from measuring import machine, markdown_table, write_csv, write_page

from pokenash.arena import Arena, paired_matches
from pokenash.games.showdown import ShowdownGame
from pokenash.metamon.actions import get_action_space
from pokenash.metamon.config import MetamonConfig
from pokenash.metamon.dataset_arrays import encode_trajectory
from pokenash.metamon.losses import TrainingBatch, training_losses
from pokenash.metamon.networks import MetamonNetwork
from pokenash.metamon.observations import get_observation_space
from pokenash.metamon.policy import MetamonPolicy
from pokenash.metamon.recording import TrajectoryRecorder
from pokenash.metamon.registry import get_family
from pokenash.metamon.rewards import get_reward
from pokenash.metamon.tokenizer import Tokenizer
from pokenash.metamon.training import FineTuneSettings, Learner
from pokenash.metamon.training.learner import loss_settings
from pokenash.metamon.trajectories import read_trajectory
from pokenash.policies import Policy, PolicySpec, load_policy

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_OPPONENT = PolicySpec("max_power", "max_power")


def random_batch(config: MetamonConfig, rows: int, length: int, device: str = "cpu") -> TrainingBatch:
    """Sequences of `length` decisions, all of them known."""
    generator = torch.Generator().manual_seed(0)
    steps, there = (rows, length + 1), torch.ones(rows, length, dtype=torch.bool)
    return TrainingBatch(
        tokens=torch.randint(0, config.vocabulary_size, (*steps, config.words), generator=generator),
        numbers=torch.rand(*steps, config.numbers, generator=generator),
        rl2=torch.rand(*steps, config.actions + 1, generator=generator),
        illegal=torch.zeros(*steps, config.actions, dtype=torch.bool),
        time=torch.arange(length + 1).expand(rows, -1),
        actions=torch.zeros(rows, length, dtype=torch.int64),
        rewards=torch.rand(rows, length, generator=generator),
        dones=torch.zeros(rows, length, dtype=torch.bool),
        valid=there,
        known=there,
    ).to(device)


def kept_megabytes(network: MetamonNetwork, dtype: torch.dtype, decisions: int) -> float:
    """What the forward pass of an oracle's step keeps for the gradient besides the weights, MB."""
    batch = random_batch(network.config, 1, decisions)
    weights = {parameter.data_ptr() for parameter in network.parameters()}
    kept: dict[int, tuple[int, torch.Tensor]] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            # The tensor is kept, so that no other can get its address.
            kept[storage.data_ptr()] = storage.nbytes(), tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            states = network.encode(batch.tokens, batch.numbers, batch.rl2, batch.time)
        settings, generator = loss_settings(FineTuneSettings.oracle()), torch.Generator().manual_seed(0)
        losses = training_losses(network, states.float(), batch, settings, generator)
    assert losses.total.requires_grad
    return sum(size for size, _ in kept.values()) / 1e6


def measure_memory(name: str) -> list[dict[str, Any]]:
    """The line through what 8 and 24 decisions keep."""
    network = MetamonNetwork.random(get_family(name), 0).train()
    rows = []
    for dtype in _DTYPES:
        few, many = (kept_megabytes(network, _DTYPES[dtype], decisions) for decisions in (8, 24))
        each = (many - few) / 16
        quantities = {"kept per decision, MB": each, "kept besides, MB": few - 8 * each}
        rows += [{"what": f"{name}, {dtype}: {key}", "value": round(value, 2)} for key, value in quantities.items()]
    return rows


def measure_steps(name: str, batches: list[int], length: int, device: str) -> list[dict[str, Any]]:
    """Seconds and peak memory of whole steps on a GPU."""
    rows = []
    for dtype in _DTYPES:
        for batch_size in batches:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
            settings = FineTuneSettings.oracle(device=device, precision=dtype)  # type: ignore[arg-type]
            learner = Learner(MetamonNetwork.random(get_family(name), 0), settings, seed=0)
            batch = random_batch(learner.network.config, batch_size, length, device)
            times = []
            for _ in range(8):
                torch.cuda.synchronize()
                start = time.perf_counter()
                learner.learn([batch])
                torch.cuda.synchronize()
                times.append(time.perf_counter() - start)
            of = f"{name}, {dtype}, batch {batch_size} of {length}"
            rows.append({"what": f"{of}: seconds a step", "value": round(sorted(times[2:])[3], 4)})
            peak = torch.cuda.max_memory_allocated() / 1e9
            rows.append({"what": f"{of}: peak memory, GB", "value": round(peak, 2)})
            del learner
    return rows


def measure_battles(battles: int) -> list[dict[str, Any]]:
    """CPU milliseconds a gen1ou battle of one player, beyond what a heuristic takes; and of reading one."""
    game, config = ShowdownGame("gen1ou"), get_family("small_rnn")
    words = Tokenizer({f"word{i}": i for i in range(config.vocabulary_size)}, "nonsense")
    heuristic = load_policy(_OPPONENT, game)
    with tempfile.TemporaryDirectory() as root, Arena(game, num_lanes=64) as arena:
        recorder = TrajectoryRecorder(heuristic, game, root, name="a", opponent="b", time=datetime(2026, 1, 1))

        def play(policy: Policy) -> float:
            start = time.process_time()
            matches = paired_matches(game, [(0, 1)], battles, 1)
            arena.play([policy, _OPPONENT], matches, seed=1, on_result=recorder.on_result)
            return 1e3 * (time.process_time() - start) / battles

        play(heuristic)
        plain = play(heuristic)
        network = MetamonNetwork.random(config, 1)
        rows = {"playing metamon's small_rnn, ms a battle": play(MetamonPolicy(network, game, words)) - plain}
        rows["recording, ms a battle"] = play(recorder) - plain
        rows |= reading(recorder.files, words, config)
    return [{"what": f"gen1ou: {what}", "value": round(value, 2)} for what, value in rows.items()]


def reading(files: list[Path], words: Tokenizer, config: MetamonConfig) -> dict[str, float]:
    """Milliseconds of reading and encoding, and sizes, of a trajectory."""
    spaces = get_observation_space(config.observation_space), get_action_space(config.action_space)
    start, decisions = time.process_time(), 0
    for file in files:
        arrays = encode_trajectory(
            read_trajectory(file), observation_space=spaces[0], tokenizer=words, action_space=spaces[1],
            reward=get_reward("DefaultShapedReward"),
        )  # fmt: skip
        decisions += len(arrays)
    taken = 1e3 * (time.process_time() - start) / len(files)
    size = sum(file.stat().st_size for file in files) / len(files) / 1e3
    return {
        "reading and encoding, ms a trajectory": taken,
        "decisions a trajectory": decisions / len(files),
        "kB a trajectory on disk": size,
    }


def main() -> None:
    """Measure, print, and write ``results/metamon_training.csv`` and ``.md``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", default="synthetic_multitask")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batches", type=int, nargs="+", default=[4, 16], help="sequences a step, on a GPU")
    parser.add_argument("--length", type=int, default=128, help="decisions of a sequence, on a GPU")
    parser.add_argument("--battles", type=int, default=64)
    parser.add_argument("--no-csv", action="store_true", help="print only")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.device == "cpu":
        rows = measure_memory(arguments.family) + measure_battles(arguments.battles)
        on, name = machine(), "metamon_training"
    else:
        rows = measure_steps(arguments.family, arguments.batches, arguments.length, arguments.device)
        on, name = torch.cuda.get_device_name(), "metamon_training_cuda"
    table = markdown_table(rows, ["what", "value"])
    print(table)
    if arguments.no_csv:
        return
    command = ("python benchmarks/metamon_training.py " + " ".join(sys.argv[1:])).strip()
    facts = {"torch": torch.__version__, "machine": on, "command": command}
    write_csv(name, [row | facts for row in rows])
    write_page(name, table, f"Command: `{command}`; torch {torch.__version__}; machine: {on}.", "")


if __name__ == "__main__":
    main()
