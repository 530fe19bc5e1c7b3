"""Milliseconds a decision of metamon's networks: arranged for speed, and as the plain network computes them.

Every family is built with random weights of its published sizes. Both sides get the same inputs in lanes that hold the
same number of earlier steps, turn about, and the medians of the rounds are compared. Beside them are the figures that
were recorded of the original and of a first native version, on another machine, and the roofline of this one: the time
that its own best matrix product and its own best reading of memory, both measured here, would need at least.

    python benchmarks/metamon_inference.py
    python benchmarks/metamon_inference.py --device cuda --batches 1 64 256 1024

One thread on a CPU.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from measuring import machine, markdown_table, write_csv, write_page

from pokenash.metamon.config import MetamonConfig
from pokenash.metamon.inference import InferenceNetwork
from pokenash.metamon.networks import MetamonNetwork
from pokenash.metamon.registry import get_family

FAMILIES = ("minikazam", "small_agent", "synthetic_multitask")
# Milliseconds a decision at batches of 1, 16 and 64 on one thread, as they were told of other machines.
RECORDED_BATCHES = (1, 16, 64)
ORIGINAL = {"minikazam": (1.5, 0.8, 0.48), "small_agent": (8.3, 2.0, 1.6), "synthetic_multitask": (129.0, 17.1, 11.9)}
FIRST_NATIVE = {
    ("small_agent", "float32"): (4.1, 1.3, 1.2),
    ("small_agent", "bfloat16"): (2.9, 0.8, 0.64),
    ("synthetic_multitask", "float32"): (45.0, 13.0, 12.0),
    ("synthetic_multitask", "bfloat16"): (33.5, 5.65, 3.5),
}
# A trained policy is far from uniform; logits of this spread make a difference of precision show.
LOGIT_SPREAD = 3.0
# Of both players, in the recorded battles of the format.
DECISIONS_PER_GEN1OU_BATTLE = 89
ROUND_SECONDS = 0.05

Step = Callable[[], torch.Tensor]


def network_of(config: MetamonConfig, seed: int) -> MetamonNetwork:
    """Random weights, with logits as far apart as a trained policy's."""
    network = MetamonNetwork.random(config, seed)
    with torch.no_grad():
        network.actor.base.out_layer.weight *= LOGIT_SPREAD / network.actor.base.out_layer.weight.std()
        network.actor.base.out_layer.weight /= config.actor.width**0.5
    return network


def inputs_of(config: MetamonConfig, batch: int, seed: int, device: str) -> list[torch.Tensor]:
    """Random words, numbers, previous rewards and actions, and illegal actions."""
    rng = np.random.default_rng(seed)
    rl2 = np.zeros((batch, config.actions + 1), np.float32)
    rl2[:, 0] = rng.normal(0, 2, batch)
    rl2[np.arange(batch), 1 + rng.integers(config.actions, size=batch)] = 1.0
    arrays = (
        rng.integers(-1, config.vocabulary_size, (batch, config.words)),
        rng.normal(0, 1, (batch, config.numbers)).astype(np.float32),
        rl2,
        rng.random((batch, config.actions)) < 0.3,
    )
    return [torch.from_numpy(array).to(device) for array in arrays]


def plain_step(network: MetamonNetwork, inputs: list[torch.Tensor], context: int) -> Step:
    """A step of the plain network with `context` earlier steps."""
    memory = network.new_memory(len(inputs[0]))
    begins = torch.zeros(len(inputs[0]), dtype=torch.bool, device=inputs[0].device)

    def step() -> torch.Tensor:
        memory.time.fill_(context)
        return network.step(*inputs, begins, memory).probabilities[:, -1]

    return step


def fast_step(network: InferenceNetwork, inputs: list[torch.Tensor], context: int) -> Step:
    """A step of the network for playing with `context` earlier steps."""
    lanes = torch.arange(len(inputs[0]))
    memory, begins = network.new_memory(len(lanes)), torch.zeros(len(lanes), dtype=torch.bool)

    def step() -> torch.Tensor:
        memory.time.fill_(context)
        return network.step(*inputs, lanes, begins, memory, remask=False)

    return step


def seconds(step: Step, device: str, times: int = 1) -> float:
    """Time of one step, done so many times on end."""
    start = time.perf_counter()
    for _ in range(times):
        step()
    if device != "cpu":
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / times


def differences(
    network: MetamonNetwork, folded: dict[str, InferenceNetwork], device: str, steps: int
) -> dict[str, float]:
    """Largest difference of a probability from the plain network's over some steps of 16 battles."""
    lanes = torch.arange(16)
    plain, memories = network.new_memory(16), {name: each.new_memory(16) for name, each in folded.items()}
    largest = dict.fromkeys(folded, 0.0)
    for t in range(steps):
        inputs, begins = inputs_of(network.config, 16, t, device), torch.full((16,), t == 0)
        expected = network.step(*inputs, begins.to(device), plain).probabilities[:, -1]
        for name, each in folded.items():
            given = each.step(*inputs, lanes, begins, memories[name], remask=False)
            largest[name] = max(largest[name], float((given - expected).abs().max()))
    return largest


def operations(config: MetamonConfig, context: int) -> float:
    """Multiplications and additions of one decision, with nothing computed that is not read."""
    turn, trajectory = config.turn_encoder, config.trajectory_encoder
    width, tokens = turn.width, config.tokens_per_turn
    block = 4 * width**2 + 2 * width * turn.feedforward
    if turn.kind == "perceiver":
        total = turn.layers * (2 * turn.output_tokens * block + 2 * tokens * width**2)
    else:
        tokens += turn.output_tokens
        attention = 2 * tokens**2 * width
        total = (turn.layers - 1) * (tokens * block + attention)
        total += 2 * tokens * width**2 + turn.output_tokens * block
    if trajectory.kind == "gru":
        total += 3 * trajectory.width * (turn.output_dim + (2 * trajectory.layers - 1) * trajectory.width)
    else:
        wide = trajectory.width
        total += trajectory.layers * (4 * wide**2 + 2 * wide * trajectory.feedforward + 2 * (context + 1) * wide)
    return 2.0 * total


def best_rates(dtype: torch.dtype, device: str) -> tuple[float, float]:
    """Operations and bytes a second: a large matrix product, and a sum over more than any cache holds."""
    size = 1024 if device == "cpu" else 8192
    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    many = torch.ones(2**26 if device == "cpu" else 2**30, device=device)
    product = min(seconds(lambda: left @ right, device) for _ in range(5))
    reading = min(seconds(many.sum, device) for _ in range(5))
    return 2.0 * size**3 / product, many.nbytes / reading


def measure(name: str, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Rows of one family: every batch and precision."""
    config, device = get_family(name), arguments.device
    network = network_of(config, arguments.seed).to(device)
    dtypes = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    folded = {
        each: InferenceNetwork.from_network(network, dtype=dtypes[each], device=device) for each in arguments.dtypes
    }
    rates = {each: best_rates(dtypes[each], device) for each in arguments.dtypes}
    apart, rows = differences(network, folded, device, 8), []
    context = min(arguments.context, config.max_seq_len - 1)
    for batch in arguments.batches:
        inputs = inputs_of(config, batch, arguments.seed, device)
        steps = {"plain": plain_step(network, inputs, context)}
        steps |= {each: fast_step(folded[each], inputs, context) for each in arguments.dtypes}
        taken: dict[str, list[float]] = {side: [] for side in steps}
        # A round of short steps lasts long enough that a moment's disturbance does not decide it.
        once = {side: min(seconds(step, device) for _ in range(3)) for side, step in steps.items()}
        times = {side: 1 + int(ROUND_SECONDS / elapsed) for side, elapsed in once.items()}
        for _ in range(arguments.rounds):
            for side, step in steps.items():
                taken[side].append(seconds(step, device, times[side]) / batch)
        for each in arguments.dtypes:
            rows.append(row(name, config, batch, each, taken, rates[each], context) | {"difference": apart[each]})
            print_row(rows[-1])
    return rows


def row(
    name: str,
    config: MetamonConfig,
    batch: int,
    dtype: str,
    taken: dict[str, list[float]],
    rates: tuple[float, float],
    context: int,
) -> dict[str, Any]:
    """One measurement in milliseconds a decision."""
    with torch.device("meta"):
        parameters = MetamonNetwork(config).inference_parameters()
    weights = parameters * (4 if dtype == "float32" else 2)
    least = max(operations(config, context) / rates[0], weights / batch / rates[1])
    plain, fast = (float(np.median(taken[side])) for side in ("plain", dtype))
    recorded = RECORDED_BATCHES.index(batch) if batch in RECORDED_BATCHES else None
    told: dict[str, Any] = {}
    if recorded is not None:
        told["original"] = ORIGINAL[name][recorded] if name in ORIGINAL else ""
        told["first_native"] = FIRST_NATIVE.get((name, dtype), ("", "", ""))[recorded]
    return {
        "network": f"{name}, batch {batch}, {dtype}",
        "milliseconds": round(1e3 * fast, 4),
        "plain_milliseconds": round(1e3 * plain, 4),
        "ratio": round(plain / fast, 2),
        "roofline_milliseconds": round(1e3 * least, 4),
        **told,
        "decisions_per_second": round(1 / fast, 1),
        "gen1ou_battles_per_second": round(1 / fast / DECISIONS_PER_GEN1OU_BATTLE, 2),
        "context": context,
    }


def print_row(measured: dict[str, Any]) -> None:
    """For who watches."""
    print(
        f"{measured['network']:40s} {measured['milliseconds']:9.3f} ms  plain {measured['plain_milliseconds']:9.3f}  "
        f"ratio {measured['ratio']:5.2f}  roofline {measured['roofline_milliseconds']:8.3f}  "
        f"recorded {measured.get('original', '')} {measured.get('first_native', '')}  "
        f"difference {measured['difference']:.1e}",
        flush=True,
    )


def main() -> None:
    """Measure, print, and write ``results/metamon_inference.csv`` and ``.md``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", nargs="+", default=list(FAMILIES))
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--dtypes", nargs="+", default=["float32", "bfloat16"], choices=["float32", "bfloat16"])
    parser.add_argument("--context", type=int, default=40, help="earlier steps that every lane remembers")
    parser.add_argument("--rounds", type=int, default=9, help="of which the median is told")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-csv", action="store_true", help="print only")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = [each for name in arguments.families for each in measure(name, arguments)]
    if arguments.no_csv:
        return
    on = machine() if arguments.device == "cpu" else torch.cuda.get_device_name()
    suffix = "" if arguments.device == "cpu" else f"_{arguments.device.partition(':')[0]}"
    command = ("python benchmarks/metamon_inference.py " + " ".join(sys.argv[1:])).strip()
    facts = {"rounds": arguments.rounds, "torch": torch.__version__, "machine": on, "command": command}
    columns = ["network", "milliseconds", "plain_milliseconds", "ratio", "roofline_milliseconds"]
    columns += ["original", "first_native"] if arguments.device == "cpu" else []
    columns += ["decisions_per_second", "gen1ou_battles_per_second"]
    exact = {each["network"]: f"{each['difference']:.1e}" for each in rows}
    table = markdown_table([each | {"difference": exact[each["network"]]} for each in rows], [*columns, "difference"])
    told = f"Command: `{command}`; torch {torch.__version__}; medians of {arguments.rounds} rounds; machine: {on}."
    write_page(f"metamon_inference{suffix}", table, told, "")
    print(f"written to {write_csv(f'metamon_inference{suffix}', [each | facts for each in rows])}")


if __name__ == "__main__":
    main()
