"""How often the intervals of win rates hold the true one when opponents are met more than once."""

from __future__ import annotations

import argparse

import numpy as np
from measuring import markdown_table, provenance, write_csv, write_page

from pokenash.algorithms.clustered import clustered_rate
from pokenash.algorithms.intervals import wilson_interval

RATE = 0.6
DESIGNS = ((5, 20, 0.1), (10, 10, 0.1), (20, 5, 0.1), (50, 2, 0.1), (50, 10, 0.1), (100, 1, 0.1), (20, 10, 0.3))


def measure(
    opponents: int, battles: int, correlation: float, studies: int, rng: np.random.Generator
) -> dict[str, object]:
    """Share of simulated studies whose interval holds the rate, and how wide it is."""
    beta = 1 / correlation - 1
    who = np.arange(opponents).repeat(battles).tolist()
    held, width = np.zeros(3), np.zeros(3)
    for study in range(studies):
        # Opponents' own rates have a beta distribution with this mean and intra-class correlation.
        rates = rng.beta(RATE * beta, (1 - RATE) * beta, opponents)
        scores = (rng.random((opponents, battles)) < rates[:, None]).astype(float).ravel()
        found = clustered_rate(scores, who, seed=study, samples=1000)
        plain = wilson_interval(scores.sum(), scores.size)
        assert found.bootstrap_lower is not None
        assert found.bootstrap_upper is not None
        ends = np.array(
            [
                (found.lower, found.upper),
                (float(plain[0]), float(plain[1])),
                (found.bootstrap_lower, found.bootstrap_upper),
            ]
        )
        held += (ends[:, 0] <= RATE) & (ends[:, 1] >= RATE)
        width += ends[:, 1] - ends[:, 0]
    names = ("by opponent", "if independent", "cluster bootstrap")
    row: dict[str, object] = {"opponents": opponents, "battles each": battles, "correlation": correlation}
    row |= {f"{name}, holds": f"{share:.1%}" for name, share in zip(names, held / studies, strict=True)}
    row |= {f"{name}, width": f"{mean:.1%}" for name, mean in zip(names, width / studies, strict=True)}
    return row | {"studies": studies}


def main() -> None:
    """Measure all designs and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=2026)
    settings = parser.parse_args()
    rng = np.random.default_rng(settings.seed)
    rows = [measure(*design, settings.studies, rng) for design in DESIGNS]
    write_csv("clustered_intervals", rows)
    columns = [name for name in rows[0] if name != "studies"]
    note = (
        f"{settings.studies:,} simulated studies of each design with a true win rate of {RATE:.0%}; the level is 95%, "
        f"and the shares have a standard error of {100 * (0.05 * 0.95 / settings.studies) ** 0.5:.2f} points there. "
        "Widths are means."
    )
    write_page("clustered_intervals", markdown_table(rows, columns), note, "", provenance(settings.seed))
    print(markdown_table(rows, columns))


if __name__ == "__main__":
    main()
