"""Two policies measured by ``pokenash evaluate`` against the anchors of gen1ou: the strong heuristic, and Oak's search.

The heuristic is played until every interval is no wider than 0.1, Oak (extra ``oak``) for a fixed number of battles.
Directories below ``--output`` are continued: what was played there is not played again.

    python benchmarks/evaluation.py --seed 31
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from measuring import provenance, write_csv, write_page

from pokenash.experiments.evaluation_report import quoted_interval, write_evaluation_report
from pokenash.experiments.evaluation_settings import EvaluationSettings

# By name, so that further anchors do not change what is measured here.
OPPONENTS = (
    "uniform", "max_power", "type_aware", "gen1ou_heuristic", "poke_env:MaxBasePowerPlayer",
    "poke_env:SimpleHeuristicsPlayer",
)  # fmt: skip


def measured(settings: EvaluationSettings) -> dict[str, Any]:
    """Play what is missing; what ``evaluation.json`` says."""
    settings.run(progress=True)
    write_evaluation_report(settings.output)
    found: dict[str, Any] = json.loads((settings.output / "evaluation.json").read_text(encoding="utf-8"))
    return found


def rows_of(found: dict[str, Any], seed: int) -> list[dict[str, Any]]:
    """CSV rows: one per opponent, then the pool and the rating."""
    rows = []
    for row in found["opponents"]:
        lower, upper = quoted_interval(found, row) or (None, None)
        counts = {key: row[key] for key in ("battles", "wins", "draws", "losses", "left_out")}
        rows.append(
            {"policy": found["policy"], "opponent": row["name"], **counts, "score": row["score"], "lower": lower}
            | {"upper": upper, "interval": found["interval"], "seed": seed}
        )
    for name, value in (("pool (GXE)", found["gxe"]), ("rating on the anchors' scale", found["scale"])):
        number = value.get("score", value.get("rating"))
        rows.append(
            {"policy": found["policy"], "opponent": name, "battles": value["battles"], "score": number}
            | {"lower": value["lower"], "upper": value["upper"], "interval": "fixed", "seed": seed}
        )
    return rows


def table(all_rows: list[dict[str, Any]]) -> str:
    """The rows as a table for the docs."""
    lines = ["| policy | opponent | battles | won/drawn/lost | score | 95% interval |", "|---|---|---|---|---|---|"]
    for row in all_rows:
        is_rating = "rating" in row["opponent"]
        shown = [f"{row[key]:.0f}" if is_rating else f"{row[key]:.1%}" for key in ("score", "lower", "upper")]
        counts = f"{row['wins']}/{row['draws']}/{row['losses']}" if "wins" in row else ""
        lines.append(
            f"| {row['policy']} | {row['opponent']} | {row['battles']} | {counts} | {shown[0]} "
            f"| [{shown[1]}, {shown[2]}] |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print and write the CSV and the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=31)
    parser.add_argument("--width", type=float, default=0.1, help="for the heuristic (default 0.1)")
    parser.add_argument("--oak-battles", type=int, default=100, help="against each anchor; 0 leaves Oak out")
    parser.add_argument("--output", type=Path, default=Path("runs/evaluation-benchmark"))
    options = parser.parse_args()
    seed, output = options.seed, options.output
    settings = [
        EvaluationSettings(
            "gen1ou_heuristic",
            tuple(name for name in OPPONENTS if name != "gen1ou_heuristic"),
            output=output / "heuristic",
            width=options.width,
            battles=4000,
            seed=seed,
        )
    ]
    if options.oak_battles:
        settings.append(
            EvaluationSettings(
                "oak:1024", OPPONENTS, output=output / "oak", battles=options.oak_battles, seed=seed, lanes=32
            )
        )
    rows = [row for one in settings for row in rows_of(measured(one), seed)]
    print(table(rows))
    print(f"written: {write_csv('evaluation', rows)}")
    write_page("evaluation", table(rows), provenance(seed))


if __name__ == "__main__":
    main()
