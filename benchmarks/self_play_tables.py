"""Tables and figures of `self_play_generations.py`, from the files of its runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from curves import FIGURES
from matplotlib import rc_context
from measuring import machine, markdown_table, write_csv, write_page

from pokenash.algorithms.match_log import MatchLog
from pokenash.algorithms.paired_scores import PairedScore, count_pairs, paired_score
from pokenash.experiments.self_play_figures import results_figure, training_figure
from pokenash.experiments.self_play_history import SelfPlayHistory, read_history
from pokenash.experiments.self_play_measures import pairings

__all__ = ["KINDS", "TEACHERS", "write_results"]

TEACHERS = ("type_aware", "max_power")
"""Heuristics that the start has learned from, and that every generation is measured by."""

KINDS = ("baseline", "damped")

NAME = "self_play_generations"


def histories(directory: Path, seeds: Sequence[int]) -> dict[tuple[str, int], SelfPlayHistory]:
    """What there is of every run."""
    found = {}
    for seed in seeds:
        for kind in KINDS:
            run = directory / f"{kind}_{seed}"
            if (run / "selfplay_summary.json").exists():
                found[kind, seed] = read_history(run, kind)
    return found


def generation_rows(found: dict[tuple[str, int], SelfPlayHistory]) -> list[dict[str, Any]]:
    """One for every generation of every run."""
    rows = []
    for (kind, seed), history in found.items():
        ratings = {row["policy"]: row for row in history.summary["rows"]}
        for generation in history.generations:
            rated = ratings[generation["policy"]]
            against = {row["name"]: row for row in generation["against"]}
            met, last = against["start"], generation["training"]["last_tenth"]
            rows.append(
                {
                    "kind": kind,
                    "seed": seed,
                    "generation": generation["generation"],
                    **{key: met[key] for key in ("battles", "wins", "draws", "losses")},
                    "score": met["score"],
                    "lower": met["lower"],
                    "upper": met["upper"],
                    **{key: rated[key] for key in ("rating", "rating_lower", "rating_upper")},
                    **{f"score_{one}": against[one]["score"] for one in TEACHERS},
                    "refused_rate": generation["filter"]["refused"]["rate"],
                    "ties": generation["collection"]["ties"],
                    "mean_decisions": generation["collection"]["mean_decisions"],
                    **{
                        key: last[key] for key in ("divergence", "entropy", "learning_rate", "kl_weight", "critic_loss")
                    },
                }
            )
    return rows


def training_rows(found: dict[tuple[str, int], SelfPlayHistory]) -> list[dict[str, Any]]:
    """One for every line of every training's log."""
    kept = (
        "generation",
        "step",
        "divergence",
        "entropy",
        "learning_rate",
        "kl_weight",
        "entropy_weight",
        "critic_loss",
    )
    return [
        {"kind": kind, "seed": seed, **{name: f"{row[name]:.6g}" for name in kept}}
        for (kind, seed), history in found.items()
        for row in history.training
    ]


def head_to_head(directory: Path) -> PairedScore:
    """The last generations with damping against those without, all pairs of seeds together.

    The interval is of these networks' battles; how much other seeds would differ it does not say.
    """
    log = MatchLog(directory / "finals" / "matches" / "matches.jsonl")
    counts, outcomes = np.zeros(5, np.int64), np.zeros(3, np.int64)
    for key in log.keys("tournament/"):
        names = key.split("/")[1:3]
        ours = [name for name in names if name.startswith("damped")]
        if len(ours) == 1 and any(name.startswith("baseline") for name in names):
            more, won, _ = count_pairs(log.block(key), ours[0])
            counts, outcomes = counts + more, outcomes + won
    return paired_score(counts, outcomes)


def _interval(row: dict[str, Any], form: str = ".1%") -> str:
    return f"{row['score']:{form}} [{row['lower']:{form}}, {row['upper']:{form}}]"


def _pages(directory: Path, found: dict[tuple[str, int], SelfPlayHistory]) -> Sequence[str]:
    """The tables in Markdown."""
    parts = ["The starting policy against heuristics, with 95% intervals:\n", _start_table(directory, found)]
    rows = generation_rows(found)
    shown = [
        {
            "run": f"{row['kind']}, seed {row['seed']}",
            "generation": str(row["generation"]),
            "score_against_the_start": _interval(row),
            "rating": f"{row['rating']:+.0f} [{row['rating_lower']:+.0f}, {row['rating_upper']:+.0f}]",
            **{f"against_{one}": f"{row[f'score_{one}']:.1%}" for one in TEACHERS},
            "KL": f"{row['divergence']:.4f}",
            "entropy": f"{row['entropy']:.3f}",
            "learning_rate": f"{row['learning_rate']:.2g}",
            "refused": f"{row['refused_rate']:.1%}",
        }
        for row in rows
    ]
    battles = sorted({row["battles"] for row in rows})
    parts += [
        f"Every generation, {battles[0]} battles of every pair, with 95% intervals:\n",
        markdown_table(shown, list(shown[0])),
    ]
    parts += ["The last generation, mean over seeds and range:\n", _last_table(rows)]
    finals = directory / "finals" / "tournament.json"
    if finals.exists():
        ratings = json.loads(finals.read_text(encoding="utf-8"))["ratings"]["ratings"]
        last = [
            {"policy": f"`{name}`", "rating": f"{one['rating']:.0f} [{one['lower']:.0f}, {one['upper']:.0f}]"}
            for name, one in sorted(ratings.items(), key=lambda item: -item[1]["rating"])
        ]
        parts += ["The last generations of all runs against each other:\n", markdown_table(last, ["policy", "rating"])]
        met = head_to_head(directory)
        parts.append(
            f"Last generations with damping against those without, all pairs of seeds: {_interval(met.to_json())} of "
            f"{met.battles:,} battles. The interval is of these networks; other seeds would give others.\n"
        )
    return parts


def _start_table(directory: Path, found: dict[tuple[str, int], SelfPlayHistory]) -> str:
    """The start against heuristics, in its own battles and in those by which the runs of a seed measure it."""
    measured = [("its own", directory / "start" / "tournament", "imitation")]
    # Both runs of a seed have the same battles of the start.
    runs = {seed: f"{kind}_{seed}" for kind, seed in found}
    measured += [(f"the runs of seed {seed}", directory / run / "tournament", "start") for seed, run in runs.items()]
    table = []
    for name, tournament, policy in measured:
        rows = pairings(tournament, policy, 0.95)
        met = {row["name"]: f"{_interval(row)} of {row['battles']}" for row in rows}
        table.append({"battles_of": name, **{one: met.get(one, "") for one in ("uniform", *TEACHERS)}})
    return markdown_table(table, list(table[0]))


def _last_table(rows: Sequence[dict[str, Any]]) -> str:
    """What the seeds of a kind have in common at the end."""
    last = max(row["generation"] for row in rows)
    table = []
    for kind in KINDS:
        of_kind = [row for row in rows if row["kind"] == kind and row["generation"] == last]
        line: dict[str, Any] = {"kind": kind, "seeds": len(of_kind)}
        for column, form in _LAST.items():
            values = [row[column] for row in of_kind]
            if values:
                mean = sum(values) / len(values)
                line[column] = f"{mean:{form}} ({min(values):{form}} to {max(values):{form}})"
        table.append(line)
    return markdown_table(table, ["kind", "seeds", *_LAST])


_LAST = {
    "score": ".1%",
    "rating": "+.0f",
    "divergence": ".4f",
    "entropy": ".3f",
    "learning_rate": ".2g",
    "refused_rate": ".1%",
}


def write_results(directory: Path, seeds: Sequence[int], command: str) -> None:
    """Write tables and figures of what is there.

    Parameters
    ----------
    directory : Path
        Of the benchmark's runs.
    seeds : sequence of int
    command : str
        That played them.
    """
    found = histories(directory, seeds)
    if not found:
        raise SystemExit(f"{directory}: no generation is done yet")
    write_csv(NAME, generation_rows(found))
    write_csv(f"{NAME}_training", training_rows(found))
    write_page(
        NAME,
        *_pages(directory, found),
        f"Command: `{command}`; seeds: {', '.join(map(str, seeds))}; machine: {machine()}.\n",
    )
    chosen = list(found.values())
    with rc_context({"svg.hashsalt": "pokenash", "font.family": "DejaVu Sans", "text.parse_math": False}):
        results_figure(chosen).savefig(FIGURES / f"{NAME}_results.svg", metadata={"Date": None})
        training_figure(chosen).savefig(FIGURES / f"{NAME}_training.svg", metadata={"Date": None})
