"""What the report of a run with exact payoffs shows in place of win rates, battles and intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from pokenash.experiments import figures

__all__ = ["exact_best_response_rows", "exact_figures", "exact_nash_conv_rows", "has_exact_payoffs"]


def has_exact_payoffs(matrix: Mapping[str, Any]) -> bool:
    """Whether an ``interaction_matrix.json`` holds payoffs that were computed."""
    return matrix.get("payoffs_are") == "exact"


def exact_figures(matrix: Mapping[str, Any], analyses: Sequence[Mapping[str, Any]]) -> dict[str, Figure]:
    """Figures of the payoffs and, where the analyses have it, of the exact `nash_conv`."""
    made = {"payoff": figures.exact_payoff_figure(matrix["policies"], np.array(matrix["payoffs"], np.float64))}
    known = [analysis["exact_nash_conv"] for analysis in analyses]
    if known:
        made["nash_conv"] = figures.exact_nash_conv_figure(np.array(known, np.float64))
    return made


def exact_best_response_rows(
    summaries: Sequence[Mapping[str, Any]],
) -> list[tuple[int, Mapping[str, Any], Mapping[str, Any]]]:
    """Iteration, entry and computed evaluation of every best response."""
    return [
        (summary["iteration"], entry, entry["exact_evaluation"])
        for summary in summaries
        for entry in summary.get("best_responses", [summary["best_response"]])
        if "exact_evaluation" in entry
    ]


def exact_nash_conv_rows(
    analyses: Sequence[Mapping[str, Any]], meta_strategies: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The exact `nash_conv` of every iteration's mixture, for the table."""
    return [
        {
            "iteration": iteration,
            "policies": len(strategy["policies"]),
            # What is below is rounding: best responses cannot lose against what they respond to.
            "exact": f"{max(analysis['exact_nash_conv'], 0.0):.3g}",
        }
        for iteration, (analysis, strategy) in enumerate(zip(analyses, meta_strategies, strict=False))
    ]
