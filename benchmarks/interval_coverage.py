"""Whether the intervals of paired scores cover what they say, and how many battles they need; by simulation.

For seven kinds of results: coverage of the interval for a fixed number of pairs and of Wilson's for single battles;
coverage of both kinds when they are looked at after every tenth pair up to 400 (a look at any time that misses counts);
and the pairs at which each has a width of 0.1 or 0.05.

    python benchmarks/interval_coverage.py --seed 7
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from measuring import provenance, write_csv, write_page
from pair_cases import CASES

from pokenash.algorithms.intervals import wilson_interval
from pokenash.algorithms.paired_scores import PAIR_SCORES, confidence_sequence, paired_interval

LOOK, LAST_LOOK = 10, 400
SIZES = (10, 50, 500)
WIDTHS = (0.1, 0.05)


def fixed_coverage(chances: np.ndarray, trials: int, rng: np.random.Generator) -> dict[str, float]:
    """Shares of intervals that hold the truth, and how much wider Wilson's of single battles is."""
    truth, found = chances @ PAIR_SCORES, {}
    for pairs in SIZES:
        counts = rng.multinomial(pairs, chances, size=trials)
        bounds = np.array([paired_interval([one])[1:] for one in counts])
        lower, upper = wilson_interval(2 * counts @ PAIR_SCORES, np.full(trials, 2.0 * pairs))
        found[f"paired_{pairs}"] = float(((bounds[:, 0] <= truth) & (truth <= bounds[:, 1])).mean())
        found[f"wilson_{pairs}"] = float(((lower <= truth) & (truth <= upper)).mean())
        if pairs == SIZES[-1]:
            found["wilson_width_ratio"] = float((upper - lower).mean() / np.diff(bounds, axis=1).mean())
    return found


def repeated_coverage(chances: np.ndarray, trials: int, rng: np.random.Generator) -> dict[str, float]:
    """Shares of evaluations in which no look misses the truth."""
    truth, held = chances @ PAIR_SCORES, np.ones((trials, 2), bool)
    for trial in range(trials):
        counts = np.zeros(5, np.int64)
        for _ in range(LAST_LOOK // LOOK):
            counts = counts + rng.multinomial(LOOK, chances)
            _, low, high = paired_interval([counts])
            lower, upper = confidence_sequence(counts)
            held[trial] &= (low <= truth <= high, lower <= truth <= upper)
    return {"repeated_paired": float(held[:, 0].mean()), "repeated_any_time": float(held[:, 1].mean())}


def needed(chances: np.ndarray) -> dict[str, int]:
    """Battles at which the expected counts have an interval of the wanted width."""
    found = {}
    for width in WIDTHS:
        for kind in ("fixed", "any_time"):
            low, high = 2, 10**5
            while high - low > 1:
                pairs = (low + high) // 2
                counts = _apportioned(chances, pairs)
                bounds = confidence_sequence(counts) if kind == "any_time" else paired_interval([counts])[1:]
                low, high = (pairs, high) if bounds[1] - bounds[0] > width else (low, pairs)
            found[f"battles_{kind}_{width}"] = 2 * high
    return found


def _apportioned(chances: np.ndarray, pairs: int) -> np.ndarray:
    """Whole counts nearest to the expected ones."""
    counts = np.floor(chances * pairs).astype(np.int64)
    rest = chances * pairs - counts
    counts[np.argsort(-rest)[: pairs - counts.sum()]] += 1
    return counts


def main() -> None:
    """Simulate, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=2000, help="simulated evaluations of fixed size (default 2000)")
    parser.add_argument("--repeated", type=int, default=300, help="simulated evaluations with looks (default 300)")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    rows: list[dict[str, Any]] = []
    for name, chances in CASES.items():
        found = fixed_coverage(chances, options.trials, rng) | repeated_coverage(chances, options.repeated, rng)
        rows.append({"results": name, **found, **needed(chances), "trials": options.trials, "seed": options.seed})
        print(rows[-1], flush=True)
    heads = ["results", "covers, paired", "covers, Wilson", "covers at every look, paired"]
    heads += ["covers at every look, any time", *(f"battles for {width}: fixed, any time" for width in WIDTHS)]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for row in rows:
        cells = [", ".join(f"{row[f'{kind}_{pairs}']:.1%}" for pairs in SIZES) for kind in ("paired", "wilson")] + [
            f"{row['repeated_paired']:.1%}",
            f"{row['repeated_any_time']:.1%}",
        ]
        cells += [f"{row[f'battles_fixed_{w}']:,}, {row[f'battles_any_time_{w}']:,}" for w in WIDTHS]
        lines.append(f"| {row['results']} | {' | '.join(cells)} |")
    told = (
        f"Coverage of 95% intervals: for {', '.join(map(str, SIZES))} pairs in {options.trials} simulated evaluations "
        f"each; at every look, that is after every {LOOK}th pair up to {LAST_LOOK}, in {options.repeated}.\n"
    )
    write_page("interval_coverage", "\n".join(lines) + "\n", told, provenance(options.seed))
    print(f"written: {write_csv('interval_coverage', rows)}")


if __name__ == "__main__":
    main()
