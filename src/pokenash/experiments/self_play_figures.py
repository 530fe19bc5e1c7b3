"""Figures of loops of self-play, of one or of several side by side, made without pyplot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, PercentFormatter

from pokenash.experiments.self_play_history import SelfPlayHistory

__all__ = ["results_figure", "training_figure"]

# Okabe & Ito's palette, which colour-blind readers can tell apart.
_PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_GREY = "#999999"
# Loops of one label stand side by side at a generation, so that their intervals do not hide each other.
_BESIDE = 0.07
# On a logarithmic axis: where nothing has moved yet, the divergence is 0 but for rounding.
_LEAST_DIVERGENCE = 1e-5


def _panels(rows: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width, height), layout="constrained")
    every: Any = figure.subplots(rows, columns, squeeze=False)
    for axes in every.flat:
        axes.spines[["top", "right"]].set_visible(False)
    return figure, list(every.flat)


def _styles(histories: Sequence[SelfPlayHistory]) -> list[dict[str, Any]]:
    """A colour for every label, which is told once."""
    labels = list(dict.fromkeys(history.label for history in histories))
    told: set[str] = set()
    styles = []
    for history in histories:
        new = history.label not in told and bool(history.label)
        told.add(history.label)
        colour = _PALETTE[labels.index(history.label) % len(_PALETTE)]
        styles.append({"color": colour, "label": history.label if new else None})
    return styles


def training_figure(histories: Sequence[SelfPlayHistory]) -> Figure:
    """Divergence, entropy, learning rate and weights, step by step over all generations.

    Parameters
    ----------
    histories : sequence of SelfPlayHistory
        Loops of the same number of steps a generation, if there are several.
    """
    figure, panels = _panels(2, 2, 9.6, 6.0)
    titles = (
        ("divergence", "KL divergence from the reference (nats)"),
        ("entropy", "entropy (nats)"),
        ("learning_rate", "learning rate"),
    )
    for axes, (name, title) in zip(panels, titles, strict=False):
        floor = _LEAST_DIVERGENCE if name == "divergence" else -np.inf
        for history, style in zip(histories, _styles(histories), strict=True):
            steps, values = _curve(history, name)
            axes.plot(steps, np.maximum(values, floor), linewidth=1.0, **style)
        axes.set_title(title, fontsize=10)
    panels[0].set_yscale("log")
    for history, style in zip(histories, _styles(histories), strict=True):
        panels[3].plot(*_curve(history, "kl_weight"), linewidth=1.0, **style)
        panels[3].plot(*_curve(history, "entropy_weight"), linewidth=1.0, linestyle="--", color=style["color"])
    panels[3].set_title("weights: KL divergence (full line), entropy (dashed)", fontsize=10)
    for axes in panels:
        for border in histories[0].borders[:-1]:
            axes.axvline(border, color=_GREY, linewidth=0.5, linestyle=":")
        axes.set_xlabel("step, over all generations")
        _plain_numbers(axes)
        _legend(axes)
    return figure


def _plain_numbers(axes: Axes) -> None:
    # Powers of ten in mathematical type need fonts that not every machine has.
    axes.yaxis.set_major_formatter("{x:g}")
    if axes.get_yscale() == "log":
        axes.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
        low, high = axes.get_ylim()
        axes.yaxis.set_minor_formatter("{x:g}" if high < 1000 * low else NullFormatter())


def _legend(axes: Axes) -> None:
    if axes.get_legend_handles_labels()[1]:
        axes.legend(frameon=False, fontsize=8)


def _curve(history: SelfPlayHistory, name: str) -> tuple[list[int], list[float]]:
    rows = [row for row in history.training if name in row]
    return [int(row["step"]) for row in rows], [float(row[name]) for row in rows]


def results_figure(histories: Sequence[SelfPlayHistory]) -> Figure:
    """Win rate against the start, rating relative to it, and refused choices, generation by generation.

    Parameters
    ----------
    histories : sequence of SelfPlayHistory
    """
    figure, panels = _panels(1, 3, 12.0, 3.8)
    _with_intervals(panels[0], histories, lambda row: _met(row, "score"), lambda row: _met(row, "lower", "upper"))
    panels[0].axhline(0.5, color=_GREY, linewidth=1.0, linestyle="--")
    panels[0].set_title("score against the start (a draw counts half)", fontsize=10)
    panels[0].yaxis.set_major_formatter(PercentFormatter(1.0))
    _with_intervals(
        panels[1],
        histories,
        lambda row: [row["rating"]],
        lambda row: [row["rating_lower"], row["rating_upper"]],
        start=True,
    )
    panels[1].axhline(0.0, color=_GREY, linewidth=1.0, linestyle="--")
    panels[1].set_title("rating relative to the start (Elo's scale)", fontsize=10)
    for history, style in zip(histories, _styles(histories), strict=True):
        rows = [row for row in history.summary["rows"] if row.get("refused_rate") is not None]
        panels[2].plot([row["generation"] for row in rows], [row["refused_rate"] for row in rows], "o-", **style)
    panels[2].set_title("refused choices in the battles of self-play", fontsize=10)
    panels[2].yaxis.set_major_formatter(PercentFormatter(1.0))
    for axes in panels:
        number = max(len(history.generations) for history in histories)
        places = range(-1 if axes is panels[1] else 0, number)
        axes.set_xticks(list(places), ["start" if place < 0 else str(place) for place in places])
        axes.set_xlim(places[0] - 0.5, number - 0.5)
        axes.set_xlabel("generation")
        _legend(axes)
    return figure


def _met(row: Mapping[str, Any], *names: str) -> list[float]:
    met = row.get("against_start") or {}
    return [met[name] for name in names if met.get(name) is not None]


def _with_intervals(
    axes: Axes,
    histories: Sequence[SelfPlayHistory],
    value: Callable[[Mapping[str, Any]], list[float]],
    bounds: Callable[[Mapping[str, Any]], list[float]],
    start: bool = False,
) -> None:
    """Points with their intervals, one for every generation, and for the start where it has one."""
    for number, (history, style) in enumerate(zip(histories, _styles(histories), strict=True)):
        rows = [row for row in history.summary["rows"] if start or row["generation"] is not None]
        rows = [row for row in rows if value(row)]
        shift = (number - (len(histories) - 1) / 2) * _BESIDE
        place = [(-1 if row["generation"] is None else row["generation"]) + shift for row in rows]
        middle = np.array([value(row)[0] for row in rows])
        ends = np.array([bounds(row) for row in rows]).reshape(-1, 2)
        errors = np.maximum(np.stack([middle - ends[:, 0], ends[:, 1] - middle]), 0.0)
        axes.errorbar(place, middle, yerr=errors, fmt="o-", markersize=4, linewidth=1.0, capsize=2, **style)
