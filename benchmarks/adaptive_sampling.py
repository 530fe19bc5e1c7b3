"""Battles that adaptive sampling needs to know the restricted `nash_conv`, against uniform sampling.

In every random game both play until the 95% interval of the restricted `nash_conv` of the counts' Nash equilibrium is
no wider than the width asked for: the same rule, computed by the same code, asked after the same shares of new battles.
Uniform sampling is the sampler with all of its battles in the floor, and a pair's battles end the same way in both.
What is printed is the median of the ratios, and whether the interval at the end covers the truth in spite of having
been looked at often. Four of the five kinds of games are drawn at random. The fifth is the same even cycle every time,
where all pairs matter alike and nothing is to be gained: it is shown for that, and is not in the median that counts.

    python benchmarks/adaptive_sampling.py

One core; exit status 1 if the median over all games that are drawn at random is above 0.6.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import numpy as np
from measuring import machine, markdown_table, write_csv, write_page
from meta_games import KINDS, Battles, random_payoffs

from pokenash.algorithms.adaptive_sampling import AdaptiveSampler
from pokenash.algorithms.nash import maximum_entropy_nash, nash_conv

SIZES = (5, 12)
SHARE_OF_A_ROUND = 0.1
WANTED = 0.6
FIXED = "cycle"


def play_until_done(world: Battles, sampler: AdaptiveSampler) -> tuple[int, bool]:
    """Battles played until the sampler is done, and whether its interval then covers the truth."""
    num = len(world.payoffs)
    pairs = num * (num - 1) // 2
    share = pairs * sampler.minimum
    while not sampler.is_done(game := world.game()):
        for (i, j), battles in sampler.next_cells(game, share):
            world.play(i, j, battles)
        share = max(2 * pairs, int(SHARE_OF_A_ROUND * world.tallies.sum()))
    true = nash_conv(world.payoffs, maximum_entropy_nash(game.payoffs()))
    interval = sampler.interval(game)
    return int(world.tallies.sum()), bool(interval.lower - 1e-9 <= true <= interval.upper + 1e-9)


def measure(kind: str, num_policies: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Both ways of sampling in the same games."""
    start = time.perf_counter()
    battles: dict[str, list[int]] = {"uniform": [], "adaptive": []}
    covers: dict[str, list[bool]] = {"uniform": [], "adaptive": []}
    for i in range(arguments.games):
        seed = [arguments.seed, KINDS.index(kind), num_policies, i]
        payoffs = random_payoffs(kind, num_policies, np.random.default_rng(seed))
        for way, floor in (("uniform", 1.0), ("adaptive", arguments.floor)):
            sampler = AdaptiveSampler(arguments.width, floor=floor, num_samples=arguments.draws)
            played, covered = play_until_done(Battles(payoffs, np.random.default_rng([*seed, 1])), sampler)
            battles[way].append(played)
            covers[way].append(covered)
    ratios = np.array(battles["adaptive"]) / np.array(battles["uniform"])
    low, median, high = np.quantile(ratios, [0.1, 0.5, 0.9])
    return {
        "game": kind,
        "policies": num_policies,
        "width": arguments.width,
        "games": arguments.games,
        "uniform_battles": int(np.median(battles["uniform"])),
        "adaptive_battles": int(np.median(battles["adaptive"])),
        "median_ratio": round(float(median), 3),
        "lowest_tenth": round(float(low), 3),
        "highest_tenth": round(float(high), 3),
        "uniform_covers": round(float(np.mean(covers["uniform"])), 3),
        "adaptive_covers": round(float(np.mean(covers["adaptive"])), 3),
        "ratios": " ".join(f"{ratio:.3f}" for ratio in ratios),
        "seconds": round(time.perf_counter() - start, 1),
    }


def main() -> None:
    """Simulate, print a table, and write it to ``results/adaptive_sampling.csv`` and ``.md``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--games", type=int, default=40, help="of every row")
    parser.add_argument("--width", type=float, default=0.1, help="of the interval that both are to reach")
    parser.add_argument("--floor", type=float, default=AdaptiveSampler().floor)
    parser.add_argument("--draws", type=int, default=300, help="from the posterior at every check")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--no-csv", action="store_true", help="print only")
    arguments = parser.parse_args()
    rows = []
    for num_policies in arguments.sizes:
        for kind in KINDS:
            rows.append(measure(kind, num_policies, arguments))
            row = rows[-1]
            print(
                f"{kind:10s} {num_policies:3d}  uniform {row['uniform_battles']:6d}  adaptive "
                f"{row['adaptive_battles']:6d}  median ratio {row['median_ratio']:.2f} "
                f"(tenths {row['lowest_tenth']:.2f} to {row['highest_tenth']:.2f})  "
                f"covers {row['uniform_covers']:.2f} {row['adaptive_covers']:.2f}  "
                f"{row['seconds']:.0f} s",
                flush=True,
            )
    by_chance = [float(ratio) for row in rows if row["game"] != FIXED for ratio in row["ratios"].split()]
    every = [float(ratio) for row in rows for ratio in row["ratios"].split()]
    medians = (
        f"Median ratio over the {len(by_chance)} games that were drawn at random {np.median(by_chance):.2f} (wanted at "
        f"most {WANTED}); with the even cycles {np.median(every):.2f}."
    )
    print(medians)
    command = ("python benchmarks/adaptive_sampling.py " + " ".join(sys.argv[1:])).strip()
    facts = {"command": command, "seed": arguments.seed, "machine": machine()}
    if not arguments.no_csv:
        columns = [
            "game", "policies", "uniform_battles", "adaptive_battles", "median_ratio", "lowest_tenth", "highest_tenth",
            "uniform_covers", "adaptive_covers",
        ]  # fmt: skip
        told = (
            f"Command: `{command}`; seed: {arguments.seed}; {arguments.games} games a row; machine: {facts['machine']}."
        )
        write_page("adaptive_sampling", markdown_table(rows, columns), medians, told, "")
        print(f"written to {write_csv('adaptive_sampling', [{**row, **facts} for row in rows])}")
    if np.median(by_chance) > WANTED:
        raise SystemExit("adaptive sampling needs too many battles")


if __name__ == "__main__":
    main()
