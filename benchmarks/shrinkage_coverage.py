"""How often the intervals of estimates that are made together hold the true rate, for teams of a given spread.

Simulated: 24 teams whose true rates are drawn from a beta distribution around 1/2, so many battles each. Prints a table
and writes ``results/shrinkage_coverage.csv``.
"""

from __future__ import annotations

import argparse

import numpy as np
from measuring import markdown_table, provenance, write_csv, write_page

from pokenash.algorithms.shrinkage import shrink_rates

TEAMS = 24


def main() -> None:
    """Simulate, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=300)
    parser.add_argument("--seed", type=int, default=20261121)
    arguments = parser.parse_args()
    rows = []
    for spread in (0.0, 0.03, 0.06, 0.1):
        for battles in (30, 60, 200):
            covered, best, observed, shrunken = [], [], [], []
            for index in range(arguments.sets):
                rng = np.random.default_rng([arguments.seed, round(1000 * spread), battles, index])
                shape = (0.25 / spread**2 - 1) / 2 if spread else np.inf
                truth = rng.beta(shape, shape, TEAMS) if spread else np.full(TEAMS, 0.5)
                won, played = rng.binomial(battles, truth).astype(float), np.full(TEAMS, float(battles))
                rates = shrink_rates(won, played)
                inside = (rates.lower <= truth) & (truth <= rates.upper)
                covered.append(inside.mean())
                best.append(inside[np.argmax(rates.mean)])
                observed.append(np.mean((won / played - truth) ** 2))
                shrunken.append(np.mean((rates.mean - truth) ** 2))
            rows.append(
                {
                    "true_spread": spread,
                    "battles_of_each_team": battles,
                    "sets": arguments.sets,
                    "coverage": np.mean(covered),
                    "coverage_standard_error": np.std(covered) / np.sqrt(arguments.sets),
                    "coverage_of_the_best": np.mean(best),
                    "error_of_the_observed": np.sqrt(np.mean(observed)),
                    "error_of_the_estimate": np.sqrt(np.mean(shrunken)),
                }
            )
    rounded = [{name: round(float(value), 4) for name, value in row.items()} for row in rows]
    shown = [
        {
            "true spread": f"{row['true_spread']:.0%}",
            "battles of each team": int(row["battles_of_each_team"]),
            "intervals that held": f"{row['coverage']:.1%} ± {row['coverage_standard_error']:.1%}",
            "of the best team": f"{row['coverage_of_the_best']:.1%}",
            "error of the observed rate": f"{row['error_of_the_observed']:.1%}",
            "error of the estimate": f"{row['error_of_the_estimate']:.1%}",
        }
        for row in rounded
    ]
    table = markdown_table(shown, list(shown[0]))
    print(table)
    write_page("shrinkage_coverage", table, provenance(arguments.seed))
    write_csv("shrinkage_coverage", [{**row, "provenance": provenance(arguments.seed).strip()} for row in rounded])


if __name__ == "__main__":
    main()
