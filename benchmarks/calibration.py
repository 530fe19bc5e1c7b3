"""How often the intervals of the meta-game cover, by simulation with known payoffs.

In every replicate a random game is drawn, so many battles of every pair are played in it, the Nash equilibrium of the
counts is computed, and its true restricted `nash_conv` (from the payoffs that the battles were drawn with) is
compared with what was computed from the counts alone: the one-sided 95% upper bound, the two-sided 95% interval, and
the plug-in value, which is 0 whatever the truth. The intervals of single payoffs are counted too.

    python benchmarks/calibration.py

One core; exit status 1 if an upper bound covers in fewer than 93% of replicates.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import numpy as np
from measuring import machine, markdown_table, write_csv, write_page
from meta_games import KINDS, Battles, random_payoffs

from pokenash.algorithms.nash import maximum_entropy_nash, nash_conv
from pokenash.algorithms.posterior import PayoffPosterior

SIZES = (5, 12)
BATTLES = (50, 200, 1000)
LEVEL = 0.95
WANTED = 0.93


def replicate(kind: str, num_policies: int, battles: int, seed: list[int], draws: int) -> dict[str, float]:
    """One game, played and judged."""
    rng = np.random.default_rng(seed)
    world = Battles(random_payoffs(kind, num_policies, rng), rng)
    world.play_all(battles)
    game = world.game()
    mixture = maximum_entropy_nash(game.payoffs())
    true = nash_conv(world.payoffs, mixture)
    posterior = PayoffPosterior.from_game(game, num_samples=draws, seed=seed[-1])
    interval, upper = posterior.nash_conv(mixture, LEVEL), posterior.nash_conv_upper_bound(mixture, LEVEL)
    low, high = posterior.payoff_intervals(LEVEL)
    off_diagonal = ~np.eye(num_policies, dtype=bool)
    # The truth may be 0 to rounding: a mixture that is one policy which really is the best.
    true = max(true, 0.0)
    return {
        "upper_covers": true <= upper + 1e-12,
        "interval_covers": interval.lower <= true <= interval.upper + 1e-12,
        "plug_in_covers": true <= nash_conv(game.payoffs(), mixture) + 1e-9,
        "payoffs_cover": float(((low <= world.payoffs) & (world.payoffs <= high))[off_diagonal].mean()),
        "plug_in": nash_conv(game.payoffs(), mixture),
        "true": true,
        "posterior_mean": interval.mean,
        "upper": upper,
    }


def measure(kind: str, num_policies: int, battles: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Shares and means over the replicates of one row."""
    start = time.perf_counter()
    row = (KINDS.index(kind), num_policies, battles)
    found = [
        replicate(kind, num_policies, battles, [arguments.seed, *row, i], arguments.draws)
        for i in range(arguments.replicates)
    ]
    means = {name: round(float(np.mean([one[name] for one in found])), 4) for name in found[0]}
    facts = {"game": kind, "policies": num_policies, "battles_per_pair": battles, "replicates": len(found)}
    return {**facts, **means, "seconds": round(time.perf_counter() - start, 1)}


def main() -> None:
    """Simulate, print a table, and write it to ``results/calibration.csv`` and ``.md``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicates", type=int, default=800, help="of every row")
    parser.add_argument("--draws", type=int, default=500, help="from the posterior in every replicate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--no-csv", action="store_true", help="print only")
    arguments = parser.parse_args()
    rows = []
    for num_policies in arguments.sizes:
        for kind in KINDS:
            for battles in BATTLES:
                rows.append(measure(kind, num_policies, battles, arguments))
                row = rows[-1]
                print(
                    f"{kind:10s} {num_policies:3d} {battles:5d}  upper covers {row['upper_covers']:.3f}  "
                    f"interval {row['interval_covers']:.3f}  payoffs {row['payoffs_cover']:.3f}  plug-in "
                    f"{row['plug_in']:.3f}  true {row['true']:.3f}  upper {row['upper']:.3f}  {row['seconds']:.0f} s",
                    flush=True,
                )
    command = "python benchmarks/calibration.py " + " ".join(sys.argv[1:])
    facts = {"command": command.strip(), "seed": arguments.seed, "machine": machine()}
    rows = [{**row, **facts} for row in rows]
    if not arguments.no_csv:
        columns = [
            "game", "policies", "battles_per_pair", "upper_covers", "interval_covers", "payoffs_cover", "plug_in",
            "true", "posterior_mean", "upper",
        ]  # fmt: skip
        shown = [
            {**row, **{name: f"{row[name]:.1%}" for name in columns if name.endswith(("covers", "cover"))}}
            | {name: f"{row[name]:.3f}" for name in ("plug_in", "true", "posterior_mean", "upper")}
            for row in rows
        ]
        told = (
            f"Command: `{facts['command']}`; seed: {arguments.seed}; {arguments.replicates} replicates a row; "
            f"machine: {facts['machine']}."
        )
        write_page("calibration", markdown_table(shown, columns), told, "")
        print(f"written to {write_csv('calibration', rows)}")
    worst = min(rows, key=lambda row: row["upper_covers"])
    print(f"least coverage of the upper bound: {worst['upper_covers']:.3f}, wanted {WANTED}")
    if worst["upper_covers"] < WANTED:
        raise SystemExit("the upper bound covers too rarely")


if __name__ == "__main__":
    main()
