"""Figures of several kinds of runs: curves over a training, ratings with intervals, returns by budget.

As in `pokenash.experiments.figures`, matplotlib `Figure`s made without pyplot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

__all__ = ["Growth", "Panel", "growth_figure", "panels_figure", "rates_figure"]

# Okabe & Ito's palette, as in `pokenash.experiments.figures`.
_PALETTE = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9")
_GREY = "#999999"
_FEW = 60
_SMOOTHED_OVER = 25


@dataclass(frozen=True)
class Panel:
    """One small picture among several: curves over a common axis.

    Parameters
    ----------
    title : str
    curves : mapping of str to (sequence of float, sequence of float)
        Places and values by name; NaN leaves a gap. The names are shown where there are several.
    lines : sequence of (float, str)
        Horizontal lines, and what such a value means.
    from_zero : bool
        Whether the values, none below 0, are seen against 0; on a logarithmic axis where they span more than a decade.
    """

    title: str
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]]
    lines: Sequence[tuple[float, str]] = ()
    from_zero: bool = False


def panels_figure(panels: Sequence[Panel], xlabel: str) -> Figure:
    """Panels in two columns, one alone over the whole width.

    Where there are many noisy values they are drawn pale, with their running mean (over a 25th of them) on top.
    """
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(8.6, 0.4 + (2.5 if columns == 2 else 3.2) * rows), layout="constrained")
    for index, panel in enumerate(panels):
        axes = figure.add_subplot(rows, columns, index + 1)
        _plot(axes, panel)
        axes.set_xlabel(xlabel)
    return figure


def _plot(axes: Axes, panel: Panel) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(panel.title, fontsize=10, loc="left")
    for (name, (places, values)), colour in zip(panel.curves.items(), _PALETTE * len(panel.curves), strict=False):
        x, y = np.asarray(places, np.float64), np.asarray(values, np.float64)
        few = len(x) <= _FEW
        style: dict[str, Any] = {"marker": "o", "markersize": 3.0} if few else {"alpha": 0.3, "linewidth": 0.8}
        axes.plot(x, y, color=colour, label=name if few else None, **style)
        if not few:
            axes.plot(x, _running_mean(y), color=colour, label=name)
    for value, words in panel.lines:
        axes.axhline(value, color=_GREY, linewidth=1.0, linestyle="--", label=words or None)
    axes.ticklabel_format(axis="y", useOffset=False)
    if panel.from_zero:
        _against_zero(axes, panel)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.tick_params(labelsize=8)
    if len(panel.curves) + sum(bool(words) for _, words in panel.lines) > 1:
        axes.legend(frameon=False, fontsize=7.5)


def _against_zero(axes: Axes, panel: Panel) -> None:
    values = [value for _, curve in panel.curves.values() for value in curve if value == value]
    low, high = min(values, default=0.0), max(values, default=0.0)
    if not 0 < 10 * low < high:
        axes.set_ylim(bottom=0.0)
        return
    axes.set_yscale("log")
    # Plain numbers: powers of ten in mathematical type need fonts that not every machine has.
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    axes.yaxis.set_minor_formatter("{x:g}" if high < 1000 * low else NullFormatter())


def _running_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means over windows that are shorter at the ends; missing values are passed over."""
    half = max(1, len(values) // _SMOOTHED_OVER // 2)
    known = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(known)])
    low = np.maximum(np.arange(len(values)) - half, 0)
    high = np.minimum(np.arange(len(values)) + half + 1, len(values))
    with np.errstate(invalid="ignore"):
        means: NDArray[np.float64] = (sums[high] - sums[low]) / (counts[high] - counts[low])
    return means


def rates_figure(
    names: Sequence[str],
    values: Sequence[float],
    intervals: Sequence[tuple[float, float]],
    xlabel: str,
    *,
    words: Sequence[str],
    reference: float | None = None,
) -> Figure:
    """One value with its interval on each line.

    Parameters
    ----------
    names : sequence of str, length K
    values : sequence of float, length K
    intervals : sequence of (float, float), length K
    xlabel : str
    words : sequence of str, length K
        Said at the right of each line, such as the value and its number of battles.
    reference : float, optional
        Where a vertical line is drawn.
    """
    figure = Figure(figsize=(7.6, 1.2 + 0.38 * len(names)), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right", "left"]].set_visible(False)
    if reference is not None:
        axes.axvline(reference, color=_GREY, linewidth=1.0, linestyle="--")
    place = np.arange(len(names))[::-1]
    for y, value, (lower, upper), text in zip(place, values, intervals, words, strict=True):
        reach = [[max(value - lower, 0.0)], [max(upper - value, 0.0)]]
        axes.errorbar(value, y, xerr=reach, fmt="o", color=_PALETTE[0], capsize=4)
        axes.annotate(
            text, (1.0, y), (8, 0), xycoords=("axes fraction", "data"), textcoords="offset points", va="center",
            fontsize=8,
        )  # fmt: skip
    axes.set_yticks(place, names)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.7, len(names) - 0.3)
    axes.set_xlabel(xlabel)
    return figure


@dataclass(frozen=True)
class Growth:
    """Returns by budget of one kind of best response.

    Parameters
    ----------
    name : str
    budgets : sequence of int
    means, lower : sequence of float
        Means, and their one-sided lower bounds.
    """

    name: str
    budgets: Sequence[int]
    means: Sequence[float]
    lower: Sequence[float]


def growth_figure(growth: Sequence[Growth], fresh: tuple[int, float, float], level: float) -> Figure:
    """Return of best responses by the games that they were trained on, and of the chosen one on fresh games.

    Parameters
    ----------
    growth : sequence of Growth
        On the games by which one was chosen.
    fresh : (int, float, float)
        Budget, mean and lower bound of the chosen one, on games that neither training nor choice has seen.
    level : float
        Of the one-sided bounds.
    """
    figure = Figure(figsize=(7.6, 3.8), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    budgets = sorted({budget for one in growth for budget in one.budgets})
    place = {budget: index for index, budget in enumerate(budgets)}
    axes.axhline(0.0, color=_GREY, linewidth=1.0, linestyle="--", label="0: what a Nash equilibrium gives away")
    for one, colour in zip(growth, _PALETTE * len(growth), strict=False):
        x = np.array([place[budget] for budget in one.budgets], np.float64)
        below = np.array(one.means) - np.array(one.lower)
        reach = np.stack([below, np.zeros(len(x))])
        label = f"{one.name}, games of the choice"
        axes.errorbar(x, one.means, yerr=reach, fmt="o-", color=colour, capsize=4, markersize=5, label=label)
    budget, mean, lower = fresh
    axes.errorbar(
        [place[budget] + 0.12], [mean], yerr=[[mean - lower], [0.0]], fmt="D", color="#D55E00", capsize=5, markersize=7,
        label="the chosen one, fresh games",
    )  # fmt: skip
    axes.set_xticks(range(len(budgets)), [f"{budget:,}" for budget in budgets])
    axes.set_xlim(-0.5, len(budgets) - 0.5)
    axes.set_xlabel("games trained on")
    axes.set_ylabel(f"return, down to its lower bound ({level:.0%})")
    axes.legend(frameon=False, fontsize=8)
    return figure
