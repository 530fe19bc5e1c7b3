"""The report of an evaluation: one self-contained HTML page and its figure, made from the directory's files alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from pokenash.experiments.evaluation_config import POPULATION, read_config
from pokenash.experiments.report_page import flat_settings, interval, percent, write_report_page
from pokenash.experiments.run_directory import read_json

__all__ = ["POOL_REMARK", "SCALE_REMARK", "quoted_interval", "scores_figure", "write_evaluation_report"]

POOL_REMARK = (
    "This is not the GXE of Pokémon Showdown's ladder, which is the expected score against an imagined opponent of "
    "average Glicko rating. It changes with the pool: compare it only over the same pool."
)
"""What the score over the pool may be compared with."""

SCALE_REMARK = (
    "One drawn battle against each anchor is added, so that who won or lost all has a rating too; after few battles it "
    "weighs. The scale is of these anchors with these teams: compare the rating only with others on it, not with a "
    "ladder's."
)
"""What the rating on the anchors' scale may be compared with."""

_BLUE, _ORANGE = "#0072B2", "#D55E00"
_INTERVAL_WORDS = {
    "fixed": "The number of battles was set before the first one.",
    "any time": (
        "Results were looked at before it was decided how many battles there would be; the intervals are a confidence "
        "sequence, which holds at all times together."
    ),
}


def quoted_interval(evaluation: Mapping[str, Any], row: Mapping[str, Any]) -> tuple[float, float] | None:
    """The interval of an opponent's score that may be quoted; None without battles.

    Parameters
    ----------
    evaluation : mapping
        What ``evaluation.json`` holds.
    row : mapping
        One of its opponents.
    """
    lower, upper = row["intervals"][evaluation["interval"].replace(" ", "_")]
    return None if lower is None else (float(lower), float(upper))


def scores_figure(
    names: Sequence[str], scores: Sequence[float], intervals: Sequence[tuple[float, float]], battles: Sequence[int]
) -> Figure:
    """A policy's score against each opponent with its interval, one line each; the last is over the pool.

    Parameters
    ----------
    names : sequence of str, length K
    scores : sequence of float, length K
    intervals : sequence of (float, float), length K
    battles : sequence of int, length K
    """
    figure = Figure(figsize=(7.6, 1.3 + 0.42 * len(names)), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right", "left"]].set_visible(False)
    place = np.arange(len(names))[::-1]
    axes.axvline(0.5, color="#999999", linewidth=1.0, linestyle="--")
    for y, score, (lower, upper), count, name in zip(place, scores, intervals, battles, names, strict=True):
        colour = _ORANGE if name == names[-1] else _BLUE
        axes.errorbar(
            score, y, xerr=[[max(score - lower, 0)], [max(upper - score, 0)]], fmt="o", color=colour, capsize=4
        )
        axes.annotate(
            f"{score:.1%}  n={count}", (1.0, y), (8, 0), xycoords=("axes fraction", "data"),
            textcoords="offset points", va="center", fontsize=8,
        )  # fmt: skip
    axes.set_yticks(place, names)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.7, len(names) - 0.3)
    axes.set_xlim(-0.015, 1.015)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel("score (a draw counts half)")
    return figure


def _percents(bounds: tuple[float, float] | None) -> str:
    return "–" if bounds is None else interval(*bounds)


def _opponent_rows(evaluation: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            **{key: row[key] for key in ("name", "kind", "battles", "wins", "draws", "losses", "left_out")},
            "score": "–" if row["score"] is None else percent(row["score"]),
            "interval": _percents(quoted_interval(evaluation, row)),
        }
        for row in evaluation["opponents"]
    ]


def _scale(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    scale = evaluation["scale"]
    if "rating" not in scale:
        return {"rating": None, "refusal": scale["refusal"]}
    measured = {row["name"]: row["score"] for row in evaluation["opponents"]}
    rows = [
        {"name": name, "measured": percent(measured[name]), "expected": percent(expected)}
        for name, expected in zip(scale["anchors"], scale["expected"], strict=True)
    ]
    return {
        "rating": f"{scale['rating']:.0f}",
        "interval": f"[{scale['lower']:.0f}, {scale['upper']:.0f}]",
        "battles": scale["battles"],
        "anchors": ", ".join(scale["anchors"]),
        "about": scale["about"],
        "rows": rows,
    }


def _pool(evaluation: Mapping[str, Any]) -> dict[str, Any] | None:
    pool = evaluation["gxe"]
    if pool is None:
        return None
    return {
        "score": percent(pool["score"]),
        "interval": _percents((pool["lower"], pool["upper"])),
        "meaning": pool["meaning"],
        "opponents": ", ".join(f"{name} ({weight:.1%})" for name, weight in pool["opponents"].items()),
        "battles": pool["battles"],
    }


def _ratings(evaluation: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = evaluation["bradley_terry"]
    rows = sorted(found["ratings"].items(), key=lambda item: -item[1]["rating"]) if found else []
    return [
        {"name": name, "rating": f"{r['rating']:.0f}", "interval": f"[{r['lower']:.0f}, {r['upper']:.0f}]"}
        for name, r in rows
    ]


def _members(evaluation: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            **{key: rate[key] for key in ("battles", "wins", "draws", "losses")},
            "member": member,
            "opponent": row["name"],
            "score": percent(rate["win_rate"]),
            "interval": _percents((rate["lower"], rate["upper"])),
        }
        for row in evaluation["opponents"]
        for member, rate in row.get("by_member", {}).items()
    ]


def _warnings(evaluation: Mapping[str, Any]) -> list[str]:
    warnings = []
    if evaluation["status"] != "finished":
        warnings.append("This evaluation has not finished: what follows is its state so far.")
    drawn = [row["name"] for row in evaluation["opponents"] if not row["reproducible"]]
    if drawn:
        warnings.append(
            f"Battles against {', '.join(drawn)} are not a function of the seed: a player draws from the system's "
            "generator, and playing again gives other battles of the same kind."
        )
    left_out = sum(row["left_out"] for row in evaluation["opponents"])
    if left_out:
        warnings.append(f"{left_out} battles are left out, because they or their partner ended with an error.")
    return warnings


def _figure(evaluation: Mapping[str, Any]) -> Figure:
    played = [row for row in evaluation["opponents"] if row["score"] is not None]
    names = [row["name"] for row in played]
    scores = [row["score"] for row in played]
    intervals = [quoted_interval(evaluation, row) or (0.0, 1.0) for row in played]
    battles = [row["battles"] for row in played]
    pool = evaluation["gxe"]
    if pool is not None:
        names, scores = [*names, "the pool"], [*scores, pool["score"]]
        intervals, battles = [*intervals, (pool["lower"], pool["upper"])], [*battles, pool["battles"]]
    return scores_figure(names, scores, intervals, battles)


def _context(config: Mapping[str, Any], population: Mapping[str, Any], evaluation: Mapping[str, Any]) -> dict[str, Any]:
    game = config["game"]
    battles = sum(row["battles"] for row in evaluation["opponents"])
    scale, pool = _scale(evaluation), _pool(evaluation)
    cards = [
        ("–" if pool is None else f"{pool['score']} {pool['interval']}", "GXE over this pool"),
        (f"{scale['rating']} {scale['interval']}" if scale["rating"] else "–", "rating on the anchors' scale"),
        (f"{battles:,}", "battles"),
        (len(evaluation["opponents"]), "opponents"),
    ]
    teams = game.get("teams")
    number = len(teams["names"]) if isinstance(teams, Mapping) and "names" in teams else None
    subtitle = f"{game.get('format', game.get('name', 'a game'))}"
    subtitle += "" if number is None else f", {number} teams"
    return {
        "subtitle": f"{subtitle}; fresh battles, every start played both ways",
        "warnings": _warnings(evaluation),
        "cards": [{"value": value, "label": label} for value, label in cards],
        "opponents": _opponent_rows(evaluation),
        "interval_words": _INTERVAL_WORDS[evaluation["interval"]],
        "level": f"{config['settings']['level']:.0%}",
        "pool": pool,
        "scale": scale,
        "pool_remark": POOL_REMARK,
        "scale_remark": SCALE_REMARK,
        "ratings": _ratings(evaluation),
        "members": _members(evaluation),
        "settings": flat_settings({"seed": config["seed"], "game": game, **config["settings"]}, lists=False),
        "versions": flat_settings({key: config[key] for key in ("versions", "machine") if key in config}),
        "players": [
            {
                "name": row["name"],
                "kind": row["kind"],
                "parameters": json.dumps(row["parameters"])[:300] if "parameters" in row else "–",
                "sha256": row.get("sha256", "–"),
            }
            for row in population["policies"]
        ],
    }


def write_evaluation_report(directory: str | Path, title: str | None = None) -> Path:
    """Make ``report.html`` and ``figures/scores.svg|png`` of an evaluation, finished or not.

    Parameters
    ----------
    directory : str or Path
    title : str, optional
        Heading of the page.

    Returns
    -------
    Path
        Of ``report.html``.

    Raises
    ------
    RunDirectoryError
        If a file is missing or damaged.
    """
    folder = Path(directory)
    config, population = read_config(folder), read_json(folder / POPULATION)
    evaluation = read_json(folder / "evaluation.json")

    def values() -> tuple[dict[str, Any], dict[str, Figure]]:
        heading = title or f"Evaluation of {evaluation['policy']}"
        return {"title": heading, **_context(config, population, evaluation)}, {"scores": _figure(evaluation)}

    return write_report_page(folder, "evaluation.html.j2", values)
