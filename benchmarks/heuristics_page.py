"""The page of the heuristics' cross tables: ratings and win rates by format, from the CSV files that are there."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from measuring import RESULTS, machine, write_page

from pokenash.algorithms import EmpiricalGame
from pokenash.algorithms.ratings import BradleyTerry, bradley_terry

FORMATS = (
    "gen1ou", "gen1randombattle", "gen2randombattle", "gen3randombattle", "gen4randombattle", "gen9ou",
    "gen9randombattle",
)  # fmt: skip

Row = Mapping[str, str]


def read_csv(name: str) -> list[dict[str, str]]:
    """The rows of ``results/NAME.csv``; none if it is not there."""
    path = RESULTS / f"{name}.csv"
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def empirical_game(rows: Sequence[Row]) -> EmpiricalGame:
    """The counts of a format's table, seats apart."""
    names = list(dict.fromkeys(row[side] for row in rows for side in ("policy", "opponent")))
    tallies = np.zeros((len(names), len(names), 3), np.int64)
    for row in rows:
        i, j = names.index(row["policy"]), names.index(row["opponent"])
        first = [int(row[f"{outcome}_first"]) for outcome in ("wins", "draws", "losses")]
        total = [int(row[outcome]) for outcome in ("wins", "draws", "losses")]
        tallies[i, j] = first
        # What the first policy won in the second seat, the second one lost in the first.
        tallies[j, i] = [whole - part for whole, part in zip(total, first, strict=True)][::-1]
    return EmpiricalGame(names, tallies)


def rating_table(ratings: BradleyTerry) -> str:
    """Ratings from the strongest on, each with how far it is ahead of the next."""
    order = np.argsort(-ratings.ratings)
    lines = ["| | rating | ahead of the next by |", "|---|---:|---|"]
    for place, index in enumerate(order):
        name, ahead = ratings.policies[index], ""
        if place + 1 < len(order):
            by, low, high = ratings.difference(name, ratings.policies[order[place + 1]])
            ahead = f"{by:.0f} ({low:.0f} to {high:.0f})" + (": they overlap" if low <= 0 else "")
        interval = f"{ratings.ratings[index]:.0f} ({ratings.lower[index]:.0f} to {ratings.upper[index]:.0f})"
        lines.append(f"| `{name}` | {interval} | {ahead} |")
    return "\n".join(lines) + "\n"


def win_rate_table(rows: Sequence[Row], order: Sequence[str]) -> str:
    """Win rates in percent of the row's policy against the column's, with intervals."""
    found = {}
    for row in rows:
        rate, low, high = (100 * float(row[name]) for name in ("win_rate", "lower", "upper"))
        found[row["policy"], row["opponent"]] = f"{rate:.0f} ({low:.0f}–{high:.0f})"
        found[row["opponent"], row["policy"]] = f"{100 - rate:.0f} ({100 - high:.0f}–{100 - low:.0f})"
    lines = ["| | " + " | ".join(f"`{name}`" for name in order) + " |", "|---" * (len(order) + 1) + "|"]
    lines += [f"| `{one}` | " + " | ".join(found.get((one, other), "") for other in order) + " |" for one in order]
    return "\n".join(lines) + "\n"


def section(format: str, rows: Sequence[Row]) -> str:
    """Ratings and table of one format."""
    ratings = bradley_terry(empirical_game(rows))
    order = [ratings.policies[i] for i in np.argsort(-ratings.ratings)]
    errors = sum(int(row["errors"]) for row in rows)
    lost = f"; {errors} more ended with an error and do not count" if errors else ""
    seed = int(rows[0]["seed"])
    theirs = [row for row in rows if "poke-env" in row["policy"] + row["opponent"]]
    options = f" --poke-env-battles {theirs[0]['battles']}" if theirs else ""
    command = f"--seed {seed} --battles {rows[0]['battles']}{options} --formats {format}"
    note = f", {theirs[0]['battles']} with poke-env's (seed {theirs[0]['seed']})" if theirs else ""
    played = f"{sum(int(row['battles']) for row in rows):,} battles, {rows[0]['battles']} a pair{note}{lost}"
    head = f"### {format}\n\n{played}. `python benchmarks/heuristics_matrix.py {command}`; machine: {machine()}.\n"
    return "\n".join([head, rating_table(ratings), win_rate_table(rows, order)])


def summary(tables: Mapping[str, Sequence[Row]]) -> str:
    """Ratings of all formats side by side, players in the order of their mean rating."""
    found: dict[str, dict[str, float]] = {}
    for format, rows in tables.items():
        fitted = bradley_terry(empirical_game(rows))
        for name, rating in zip(fitted.policies, fitted.ratings.tolist(), strict=True):
            found.setdefault(name, {})[format] = rating
    order = sorted(found, key=lambda name: -float(np.mean(list(found[name].values()))))
    lines = ["| | " + " | ".join(tables) + " |", "|---" + "|---:" * len(tables) + "|"]
    for name in order:
        cells = (f"{found[name][format]:.0f}" if format in found[name] else "" for format in tables)
        lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def write_heuristics_page() -> Path:
    """Write ``results/heuristics_matrix.md`` from all tables that are there."""
    tables = {format: rows for format in FORMATS if (rows := read_csv(f"heuristics_matrix_{format}"))}
    sections = (section(format, rows) for format, rows in tables.items())
    return write_page("heuristics_matrix", summary(tables), *sections)
