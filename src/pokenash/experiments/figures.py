"""Figures of a run, as matplotlib `Figure`s made without pyplot (no global state, no display)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, PercentFormatter
from numpy.typing import NDArray

__all__ = [
    "best_response_figure",
    "exact_nash_conv_figure",
    "exact_payoff_figure",
    "meta_strategy_figure",
    "nash_conv_figure",
    "payoff_figure",
]

# Okabe & Ito's palette, which colour-blind readers can tell apart; with hatches past its eight colours.
_PALETTE = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#7F7F7F")
_HATCHES = ("", "///", "...", "xxx")
_INK = "#222222"
_LONG_NAME = 8
# Of more policies, cells hold the win rate alone; the tables have the rest.
_MOST_IN_FULL = 12


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _matrix(names: Sequence[str], values: NDArray[np.float64], ends: tuple[float, float]) -> tuple[Figure, Axes, Any]:
    """A coloured matrix with an empty diagonal, whose cells are still to be written."""
    n = len(names)
    width, height = (1.15, 0.8) if n <= _MOST_IN_FULL else (0.55, 0.4)
    figure, axes = _figure(2.6 + width * n, 1.6 + height * n)
    shown = np.where(np.eye(n, dtype=bool), np.nan, values)
    image = axes.imshow(shown, cmap="RdBu", vmin=ends[0], vmax=ends[1], aspect="auto")
    axes.spines[:].set_visible(False)
    axes.set_xticks(range(n), names, rotation=30, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(n), names)
    axes.set_xlabel("against")
    return figure, axes, image


def payoff_figure(
    names: Sequence[str],
    win_rate: NDArray[np.float64],
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
    battles: NDArray[np.int64],
) -> Figure:
    """Win rate of the row policy over the column policy; of up to 12 policies with its interval and number of battles.

    Parameters
    ----------
    names : sequence of str, length N
    win_rate, lower, upper : float64 arrays, ``[N, N]``
        NaN where nothing was played; such cells are left empty.
    battles : int array, ``[N, N]``
    """
    n = len(names)
    figure, axes, image = _matrix(names, win_rate, (0.0, 1.0))
    axes.set_ylabel("win rate of")
    for i in range(n):
        for j in range(n):
            if i == j or not np.isfinite(win_rate[i, j]):
                missing = "–" if i == j or n > _MOST_IN_FULL else "not played"
                axes.text(j, i, missing, ha="center", va="center", color="#999999", fontsize=8)
                continue
            ink = "white" if abs(win_rate[i, j] - 0.5) > 0.3 else _INK
            if n > _MOST_IN_FULL:
                axes.text(j, i, f"{win_rate[i, j]:.0%}", ha="center", va="center", color=ink, fontsize=8)
                continue
            axes.text(j, i - 0.13, f"{win_rate[i, j]:.1%}", ha="center", va="center", color=ink, fontsize=10)
            small = f"[{lower[i, j]:.0%}, {upper[i, j]:.0%}]  n={battles[i, j]}"
            axes.text(j, i + 0.22, small, ha="center", va="center", color=ink, fontsize=6.5)
    bar = figure.colorbar(image, ax=axes, shrink=0.8)
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    bar.set_label("win rate (a draw counts half)")
    return figure


def exact_payoff_figure(names: Sequence[str], payoffs: NDArray[np.float64]) -> Figure:
    """Expected return of the row policy against the column policy, where it was computed.

    Parameters
    ----------
    names : sequence of str, length N
    payoffs : float64 array, ``[N, N]``
        In units of return.
    """
    n = len(names)
    largest = float(np.abs(payoffs).max()) or 1.0
    figure, axes, image = _matrix(names, payoffs, (-largest, largest))
    axes.set_ylabel("expected return of")
    for i in range(n):
        for j in range(n):
            text = "–" if i == j else f"{payoffs[i, j]:+.3f}"
            strong = i != j and abs(payoffs[i, j]) > 0.6 * largest
            colour = "white" if strong else "#999999" if i == j else _INK
            axes.text(j, i, text, ha="center", va="center", color=colour, fontsize=9)
    figure.colorbar(image, ax=axes, shrink=0.8).set_label("expected return")
    return figure


def _iterations() -> MaxNLocator:
    """Ticks at whole numbers, one of them where there is one iteration."""
    return MaxNLocator(integer=True, min_n_ticks=1)


def meta_strategy_figure(names: Sequence[str], probabilities: NDArray[np.float64]) -> Figure:
    """The meta-strategy of every iteration as stacked bars.

    Parameters
    ----------
    names : sequence of str, length N
        All policies of the run, in the order in which they joined.
    probabilities : float64 array, ``[K, N]``
        One row an iteration; NaN or 0 for policies that had not joined yet.
    """
    iterations = len(probabilities)
    figure, axes = _figure(3.4 + 0.7 * iterations, 3.6)
    bottom = np.zeros(iterations)
    for j, name in enumerate(names):
        height = np.nan_to_num(probabilities[:, j])
        if not height.max(initial=0.0) > 5e-4:
            continue
        colour, hatch = _PALETTE[j % len(_PALETTE)], _HATCHES[j // len(_PALETTE) % len(_HATCHES)]
        style: dict[str, Any] = {"color": colour, "hatch": hatch, "edgecolor": "white", "width": 0.8}
        axes.bar(range(iterations), height, bottom=bottom, label=name, **style)
        bottom += height
    axes.set_ylim(0.0, 1.0)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.xaxis.set_major_locator(_iterations())
    axes.set_xlabel("iteration")
    axes.set_ylabel("probability in the mixture")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8)
    return figure


def best_response_figure(
    names: Sequence[str],
    win_rate: NDArray[np.float64],
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
    battles: NDArray[np.int64],
) -> Figure:
    """Each best response's win rate, on fresh battles, against the mixture that it was trained on.

    Parameters
    ----------
    names : sequence of str, length K
    win_rate, lower, upper : float64 arrays, ``[K]``
    battles : int array, ``[K]``
    """
    figure, axes = _figure(3.0 + 0.9 * len(names), 3.6)
    place = np.arange(len(names))
    errors = np.stack([win_rate - lower, upper - win_rate])
    axes.axhline(0.5, color="#999999", linewidth=1.0, linestyle="--")
    axes.errorbar(place, win_rate, yerr=errors, fmt="o", color=_PALETTE[0], capsize=5, markersize=7)
    for x, rate, top, count in zip(place, win_rate, upper, battles, strict=True):
        axes.annotate(f"{rate:.1%}\nn={count}", (x, top), (0, 6), textcoords="offset points", ha="center", fontsize=8)
    axes.set_xticks(place, names)
    if max(map(len, names)) > _LONG_NAME:
        axes.tick_params(axis="x", labelrotation=20)
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.set_ylim(min(0.4, float(lower.min(initial=0.4)) - 0.05), min(1.1, float(upper.max(initial=0.7)) + 0.15))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_ylabel("win rate against its mixture")
    return figure


def nash_conv_figure(
    posterior_mean: NDArray[np.float64], lower: NDArray[np.float64], upper: NDArray[np.float64], level: float
) -> Figure:
    """The restricted ``nash_conv`` of each iteration's meta-strategy under the posterior of the payoffs.

    Parameters
    ----------
    posterior_mean, lower, upper : float64 arrays, ``[K]``
        In units of return (a sure win is +1, a sure loss −1).
    level : float
        Probability that the interval covers.
    """
    figure, axes = _figure(3.4 + 0.6 * len(posterior_mean), 3.4)
    place = np.arange(len(posterior_mean))
    axes.fill_between(place, lower, upper, color=_PALETTE[0], alpha=0.2, linewidth=0, label=f"{level:.0%} interval")
    errors = np.stack([np.maximum(posterior_mean - lower, 0.0), np.maximum(upper - posterior_mean, 0.0)])
    axes.errorbar(place, posterior_mean, yerr=errors, fmt="o-", color=_PALETTE[0], capsize=4, label="posterior mean")
    axes.axhline(0.0, color="#999999", linewidth=1.0, linestyle="--", label="plug-in value (0 by construction)")
    axes.xaxis.set_major_locator(_iterations())
    # Room for a line at 0 to be seen, and an axis that does not blow up rounding when all is 0.
    # A mean may lie above an interval that ends at 0: what is rare and large counts for it alone.
    top = max(float(upper.max(initial=0.0)), float(posterior_mean.max(initial=0.0)), 0.02)
    axes.set_ylim(-0.05 * top, 1.1 * top)
    axes.set_xlabel("iteration")
    axes.set_ylabel("restricted nash_conv")
    axes.legend(frameon=False, fontsize=8)
    return figure


def exact_nash_conv_figure(nash_conv: NDArray[np.float64]) -> Figure:
    """The exact ``nash_conv`` of each iteration's mixture, on a logarithmic axis down to what is 0 but for rounding.

    Parameters
    ----------
    nash_conv : float64 array, ``[K]``
        In units of return.
    """
    figure, axes = _figure(3.4 + 0.3 * len(nash_conv), 3.4)
    # So small a value is 0 to rounding, and would stretch the axis over a dozen decades.
    floor = 1e-6
    axes.plot(np.arange(len(nash_conv)), np.maximum(nash_conv, floor), "o-", color=_PALETTE[0])
    axes.set_yscale("log")
    # Plain numbers: powers of ten in mathematical type need fonts that not every machine has.
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    axes.yaxis.set_minor_formatter("{x:g}" if nash_conv.min() > nash_conv.max() / 100 else NullFormatter())
    if nash_conv.min() <= floor:
        axes.axhline(floor, color="#999999", linewidth=1.0, linestyle="--", label="0 but for rounding")
        axes.legend(frameon=False, fontsize=8)
    axes.xaxis.set_major_locator(_iterations())
    axes.set_xlabel("iteration")
    axes.set_ylabel("exact nash_conv")
    return figure
