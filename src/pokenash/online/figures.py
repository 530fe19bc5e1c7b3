"""Figures of what was played on a server, as matplotlib `Figure`s made without pyplot."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from pokenash.online.ratings import RatingTrace

__all__ = ["rating_figure"]

# The first two of Okabe & Ito's palette, as in the reports of runs.
_BLUE, _ORANGE = "#0072B2", "#E69F00"
_GREY = "#999999"

Array = NDArray[Any]


def rating_figure(trace: RatingTrace, level: float) -> Figure:
    """An account's ratings after every battle: the server's, and Glicko-1 and GXE from the results with intervals.

    No name stands in the figure.

    Parameters
    ----------
    trace : RatingTrace
    level : float
        Of the intervals.
    """
    battles = np.arange(1, len(trace.points) + 1)
    elo = np.array([np.nan if p.server_rating is None else p.server_rating for p in trace.points], np.float64)
    told = np.isfinite(elo)
    ratings = [point.glicko for point in trace.points]
    count = 3 if told.any() else 2
    figure = Figure(figsize=(8.0, 0.6 + 2.2 * count), layout="constrained")
    rows = figure.subplots(count, sharex=True)
    if told.any():
        rows[0].plot(battles[told], elo[told], "o-", color=_ORANGE, markersize=3, linewidth=1.2)
        _finish(rows[0], "server's rating (Elo)")
    glicko = np.array([rating.rating for rating in ratings])
    _band(rows[-2], battles, glicko, np.array([rating.interval(level) for rating in ratings]))
    rows[-2].axhline(1500, color=_GREY, linewidth=1.0, linestyle="--")
    _finish(rows[-2], f"Glicko-1, {level:.0%} interval")
    gxe = np.array([rating.gxe() for rating in ratings])
    _band(rows[-1], battles, gxe, np.array([rating.gxe_interval(level) for rating in ratings]))
    rows[-1].axhline(0.5, color=_GREY, linewidth=1.0, linestyle="--")
    rows[-1].yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    _finish(rows[-1], f"GXE, {level:.0%} interval")
    rows[-1].set_xlabel("battles that count")
    rows[-1].set_xlim(0.5, len(battles) + 0.5)
    return figure


def _band(axes: Axes, battles: Array, values: Array, ends: Array) -> None:
    axes.fill_between(battles, ends[:, 0], ends[:, 1], color=_BLUE, alpha=0.2, linewidth=0)
    axes.plot(battles, values, "o-", color=_BLUE, markersize=3, linewidth=1.2)


def _finish(axes: Axes, label: str) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_ylabel(label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
