"""The report of a run: one self-contained HTML page and its figures, made from the run directory's files alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from pokenash.errors import RunDirectoryError
from pokenash.experiments import figures
from pokenash.experiments.report_exact import (
    exact_best_response_rows,
    exact_figures,
    exact_nash_conv_rows,
    has_exact_payoffs,
)
from pokenash.experiments.report_page import flat_settings, interval, percent, write_report_page
from pokenash.experiments.run_directory import read_json

__all__ = ["write_report"]


@dataclass(frozen=True)
class _Run:
    """What the report reads: one entry of each list per iteration that has the file."""

    config: Mapping[str, Any]
    populations: Sequence[Mapping[str, Any]]
    matrices: Sequence[Mapping[str, Any]]
    meta_strategies: Sequence[Mapping[str, Any]]
    analyses: Sequence[Mapping[str, Any]]
    summaries: Sequence[Mapping[str, Any]]
    finished: bool

    @property
    def exact(self) -> bool:
        """Whether payoffs were computed instead of being played for."""
        return has_exact_payoffs(self.matrices[-1])


def _read_run(run: Path) -> _Run:
    config = read_json(run / "config.json")
    summary_path = run / "psro_summary.json"
    finished = summary_path.exists() and read_json(summary_path).get("status") == "finished"
    found: dict[str, list[Mapping[str, Any]]] = {
        name: []
        for name in ("population", "interaction_matrix", "meta_strategy", "meta_game_analysis", "iteration_summary")
    }
    iteration = 0
    while (directory := run / f"iteration_{iteration}").is_dir():
        for name, rows in found.items():
            if (path := directory / f"{name}.json").exists():
                rows.append(read_json(path))
        iteration += 1
    if not found["meta_strategy"]:
        raise RunDirectoryError(f"{run}: no iteration has a meta_strategy.json yet, so there is nothing to report")
    return _Run(
        config,
        found["population"],
        found["interaction_matrix"],
        found["meta_strategy"],
        found["meta_game_analysis"],
        found["iteration_summary"],
        finished,
    )


def _mixture_words(mixture: Mapping[str, float]) -> str:
    shown = sorted(((p, name) for name, p in mixture.items() if p >= 5e-4), reverse=True)
    return ", ".join(f"{percent(p)} {name}" for p, name in shown)


def _array(rows: Sequence[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """A matrix of numbers and nulls as floats, NaN where null."""
    return np.array([[np.nan if x is None else float(x) for x in row] for row in rows], np.float64)


def _column(rows: Sequence[Mapping[str, Any]], key: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([row[key] for row in rows], np.float64)


def _figures(run: _Run) -> dict[str, Figure]:
    matrix = run.matrices[-1]
    names = list(run.meta_strategies[-1]["policies"])
    probabilities = np.zeros((len(run.meta_strategies), len(names)))
    for k, strategy in enumerate(run.meta_strategies):
        for name, probability in zip(strategy["policies"], strategy["probabilities"], strict=True):
            probabilities[k, names.index(name)] = probability
    made = {"meta_strategy": figures.meta_strategy_figure(names, probabilities)}
    return made | (exact_figures(matrix, run.analyses) if run.exact else _played_figures(run, matrix))


def _played_figures(run: _Run, matrix: Mapping[str, Any]) -> dict[str, Figure]:
    battles = np.array(matrix["counts"], np.int64).sum(axis=-1)
    made = {
        "payoff": figures.payoff_figure(
            matrix["policies"],
            _array(matrix["win_rate"]),
            _array(matrix["lower"]),
            _array(matrix["upper"]),
            battles + battles.T,
        )
    }
    restricted = [analysis["restricted_nash_conv"] for analysis in run.analyses]
    if restricted:
        mean, lower, upper = (_column(restricted, key) for key in ("posterior_mean", "lower", "upper"))
        made["nash_conv"] = figures.nash_conv_figure(mean, lower, upper, float(restricted[-1]["level"]))
    fresh = [(row["name"], row["fresh_evaluation"]) for _, row in _evaluated(run)]
    if fresh:
        results = [row for _, row in fresh]
        rate, lower, upper = (_column(results, key) for key in ("win_rate", "lower", "upper"))
        counts = np.array([row["battles"] for row in results], np.int64)
        made["best_response"] = figures.best_response_figure([name for name, _ in fresh], rate, lower, upper, counts)
    return made


def _evaluated(run: _Run) -> list[tuple[int, Mapping[str, Any]]]:
    """Iteration and entry of every best response that has played fresh battles; those of exact runs have not."""
    return [
        (summary["iteration"], entry)
        for summary in run.summaries
        for entry in summary.get("best_responses", [summary["best_response"]])
        if "fresh_evaluation" in entry
    ]


def _best_response_rows(run: _Run) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {
            "name": entry["name"],
            "iteration": iteration,
            "mean_return": f"{value['mean_return']:+.4f}",
            "first": f"{value['by_seat'][0]:+.4f}",
            "second": f"{value['by_seat'][1]:+.4f}",
            "against": _mixture_words(entry["trained_against"]),
        }
        for iteration, entry, value in exact_best_response_rows(run.summaries)
    ]
    for iteration, best_response in _evaluated(run):
        fresh = best_response["fresh_evaluation"]
        rows.append(
            {
                "name": best_response["name"],
                "iteration": iteration,
                **{key: fresh[key] for key in ("battles", "wins", "draws", "losses")},
                "win_rate": percent(fresh["win_rate"]),
                "interval": interval(fresh["lower"], fresh["upper"]),
                "against": _mixture_words(best_response["trained_against"]),
            }
        )
    return rows


def _nash_conv_rows(run: _Run) -> list[dict[str, Any]]:
    if run.exact:
        return exact_nash_conv_rows(run.analyses, run.meta_strategies)
    rows = []
    for iteration, (analysis, strategy) in enumerate(zip(run.analyses, run.meta_strategies, strict=False)):
        value = analysis["restricted_nash_conv"]
        rows.append(
            {
                "iteration": iteration,
                "policies": len(strategy["policies"]),
                "plug_in": f"{max(value['plug_in'], 0.0):.4f}",
                "posterior_mean": f"{value['posterior_mean']:.3f}",
                "interval": f"[{value['lower']:.3f}, {value['upper']:.3f}]",
            }
        )
    return rows


def _time_rows(run: _Run) -> tuple[list[str], list[dict[str, Any]]]:
    phases = list(dict.fromkeys(phase for row in run.summaries for phase in row["seconds"]))
    rows = [
        {
            "iteration": row["iteration"],
            "seconds": [f"{row['seconds'][phase]:.1f}" if phase in row["seconds"] else "–" for phase in phases],
            "battles_per_second": f"{row['battles_per_second']:.1f}",
        }
        for row in run.summaries
    ]
    return phases, rows


def _warnings(run: _Run) -> list[str]:
    warnings = []
    if not run.finished:
        warnings.append("This run has not finished: what follows is its state so far.")
    for _, entry in _evaluated(run):
        fresh = entry["fresh_evaluation"]
        if fresh["lower"] <= 0.5:
            name = entry["name"]
            warnings.append(
                f"{name} is not shown to beat the mixture that it was trained on: its interval "
                f"{interval(fresh['lower'], fresh['upper'])} does not lie above 50%. That is no proof that the mixture "
                "cannot be exploited, only that this oracle with this budget did not."
            )
    return warnings


def _context(run: _Run, title: str) -> dict[str, Any]:
    phases, times = _time_rows(run)
    final, analysis = run.meta_strategies[-1], run.analyses[-1] if run.analyses else {}
    support = analysis.get("support_probability", {})
    probability = dict(zip(final["policies"], final["probabilities"], strict=True))
    battles = int(np.array(run.matrices[-1]["counts"]).sum())
    seconds = sum(sum(row["seconds"].values()) for row in run.summaries)
    cards = [
        (len(run.summaries), "iterations"),
        (len(final["policies"]), "policies in the population"),
        ("exact", "payoffs, no battles") if run.exact else (f"{battles:,}", "battles in the payoff matrix"),
        (f"{seconds / 60:.1f} min", "in all"),
    ]
    return {
        "title": title,
        "exact": run.exact,
        "finished": run.finished,
        "subtitle": f"{'Final mixture' if run.finished else 'Mixture so far'}: {_mixture_words(probability)}",
        "warnings": _warnings(run),
        "cards": [{"value": value, "label": label} for value, label in cards],
        "best_responses": _best_response_rows(run),
        "meta_solver": final["meta_solver"],
        "final_mixture": [
            {
                "name": name,
                "probability": percent(p),
                "support": percent(support[name]) if name in support else "–",
            }
            for name, p in sorted(probability.items(), key=lambda item: -item[1])
        ],
        "nash_conv": _nash_conv_rows(run),
        "level": percent(analysis["restricted_nash_conv"]["level"], 0) if analysis else "–",
        "phases": phases,
        "times": times,
        "versions": flat_settings({k: run.config[k] for k in ("versions", "machine") if k in run.config}),
        "settings": flat_settings({k: v for k, v in run.config.items() if k not in ("versions", "machine", "schema")}),
        "population": [
            {"name": row["name"], "kind": row["kind"], "sha256": row.get("sha256", "–")}
            for row in run.populations[-1]["policies"]
        ],
    }


def write_report(run: Path, title: str | None = None) -> Path:
    """Make ``report.html`` and ``figures/*.svg|png`` of a run directory, finished or not.

    The page needs no network: figures are inside it.

    Parameters
    ----------
    run : Path
        A run directory.
    title : str, optional
        Heading of the page; by default made of the game's name.

    Returns
    -------
    Path
        Of ``report.html``.

    Raises
    ------
    RunDirectoryError
        If a file of the run is missing or damaged.
    """
    data = _read_run(run)
    game = data.config.get("game", {})
    heading = title or f"PSRO on {game.get('format') or game.get('name') or 'a game'}"
    return write_report_page(run, "report.html.j2", lambda: (_context(data, heading), _figures(data)))
