"""A fixed scale of strength for gen1ou: ratings of players that everyone has, uniform random play being 1000.

Every pair plays the same drawn starts both ways, with the teams that come with pokenash. Bradley-Terry ratings are
fitted to all battles together; 400 points are odds of ten to one. What is found is written to ``results/anchors.csv``
and ``results/anchors.md``, and with its provenance to the package's data, from which ``pokenash evaluate`` reads it.

    python benchmarks/anchors.py --seed 77003

Battles are kept in ``--log``: the same command goes on where it was stopped, and plays nothing twice.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from measuring import provenance, write_csv, write_page

from pokenash.algorithms.empirical_game import EmpiricalGame
from pokenash.algorithms.match_log import MatchLog
from pokenash.algorithms.ratings import BradleyTerry, bradley_terry, expected_score
from pokenash.algorithms.tournament import play_tournament
from pokenash.arena import Arena
from pokenash.experiments.anchors import ANCHOR_SCHEMA, FIXED_RATING, anchor_path, team_set_sha256
from pokenash.experiments.environment import versions
from pokenash.games.showdown import ShowdownGame
from pokenash.policies.sources import policy_specs

FORMAT = "gen1ou"
OURS = ["uniform", "max_power", "type_aware", "gen1ou_heuristic"]
THEIRS = ["poke_env:MaxBasePowerPlayer", "poke_env:SimpleHeuristicsPlayer"]
LADDER = [
    "bug_catcher", "trainer", "boss_ai", "basic_switcher", "grunt", "gym_leader", "emerald_kaizo", "kaizo_plus",
]  # fmt: skip
FIXED = "uniform"


def anchors_json(game: ShowdownGame, played: EmpiricalGame, specs: list[Any], seed: int) -> dict[str, Any]:
    """The scale as the package ships it."""
    fit = bradley_terry(played)
    zero = fit.policies.index(FIXED)
    # Of differences to the fixed point: Cov(r_i - r_0, r_j - r_0).
    c = fit.covariance
    covariance = c - c[zero][None, :] - c[:, zero][:, None] + c[zero, zero]
    rows = []
    for spec in specs:
        ahead, lower, upper = fit.difference(spec.name, FIXED)
        rating = {"rating": ahead, "lower": lower, "upper": upper}
        rows.append(spec.to_json() | {key: round(FIXED_RATING + value, 2) for key, value in rating.items()})
    assert game.teams is not None
    return {
        "schema": ANCHOR_SCHEMA,
        "format": game.format,
        "fixed": {"policy": FIXED, "rating": FIXED_RATING},
        "level": fit.level,
        "anchors": rows,
        "covariance": np.round(covariance, 3).tolist(),
        "counts": played.counts.tolist(),
        "teams": {"number": len(game.teams), "sha256": team_set_sha256(game)},
        "simulator": game.rules.simulator,
        "versions": versions(),
        "seed": seed,
    }


def residuals(played: EmpiricalGame, fit: BradleyTerry) -> list[dict[str, Any]]:
    """Measured and fitted win rate of every pair, in CSV rows."""
    measured, (lower, upper), fitted = played.win_rate(), played.intervals(), expected_score(fit.ratings)
    rows = []
    for i, j in zip(*np.triu_indices(len(played), 1), strict=True):
        counts = played.counts[i, j] + played.counts[j, i][::-1]
        rows.append(
            {
                "policy": played.policies[j],
                "opponent": played.policies[i],
                "battles": int(counts.sum()),
                "wins": int(counts[2]),
                "draws": int(counts[1]),
                "losses": int(counts[0]),
                "win_rate": round(float(measured[j, i]), 4),
                "lower": round(float(lower[j, i]), 4),
                "upper": round(float(upper[j, i]), 4),
                "fitted": round(float(fitted[j, i]), 4),
            }
        )
    return rows


def page(data: dict[str, Any], rows: list[dict[str, Any]], seed: int) -> None:
    """The table that the docs include."""
    lines = ["| policy | rating | 95% interval | battles |", "|---|---|---|---|"]
    for anchor in sorted(data["anchors"], key=lambda row: -row["rating"]):
        name = anchor["name"]
        battles = sum(row["battles"] for row in rows if name in (row["policy"], row["opponent"]))
        fixed = name == data["fixed"]["policy"]
        interval = "fixed" if fixed else f"[{anchor['lower']:.0f}, {anchor['upper']:.0f}]"
        lines.append(f"| {name} | {anchor['rating']:.0f} | {interval} | {battles} |")
    worst = max(rows, key=lambda row: abs(row["win_rate"] - row["fitted"]))
    told = (
        f"Ratings are Bradley-Terry's over these policies' battles with one another ({data['format']}, "
        f"{data['teams']['number']} teams), 400 points being odds of ten to one; intervals are of the distance to "
        f"{data['fixed']['policy']}. Furthest from the fit: {worst['policy']} scores {worst['win_rate']:.3f} against "
        f"{worst['opponent']}, where the ratings say {worst['fitted']:.3f}.\n"
    )
    write_page("anchors", "\n".join(lines) + "\n", told, provenance(seed))


def main() -> None:
    """Play what the log lacks, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--battles", type=int, default=600, help="per pair of the first four (default 600)")
    parser.add_argument("--other-battles", type=int, default=200, help="per other pair (default 200)")
    parser.add_argument("--seed", type=int, default=77003)
    parser.add_argument("--lanes", type=int, default=128)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--log", type=Path, default=Path("runs/anchors/matches.jsonl"))
    options = parser.parse_args()
    game = ShowdownGame(format=FORMAT)
    specs = policy_specs([*OURS, *THEIRS, *LADDER], "anchors")
    log = MatchLog(options.log)
    with Arena(game, num_lanes=options.lanes, num_workers=options.workers, progress=True) as arena:
        play_tournament(arena, log, specs[: len(OURS)], battles=options.battles, seed=options.seed, key="anchors")
        played = play_tournament(
            arena, log, specs, battles=options.other_battles, seed=options.seed, key="anchors", block_size=50
        )
    data, rows = anchors_json(game, played, specs, options.seed), residuals(played, bradley_terry(played))
    path = anchor_path(FORMAT)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    write_csv("anchors", rows)
    page(data, rows, options.seed)
    for anchor in sorted(data["anchors"], key=lambda row: -row["rating"]):
        print(f"{anchor['name']:28} {anchor['rating']:7.0f} [{anchor['lower']:.0f}, {anchor['upper']:.0f}]")
    print(f"written: {path}")


if __name__ == "__main__":
    main()
