"""Figures of what was played on a server, as matplotlib `Figure`s made without pyplot."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pokenash.online.ratings import RatingTrace

__all__ = ["rating_figure"]

# The first two of Okabe & Ito's palette, as in the reports of runs.
_BLUE, _ORANGE = "#0072B2", "#E69F00"
_GREY = "#999999"


def rating_figure(trace: RatingTrace, level: float) -> Figure:
    """An account's ratings after every battle: the server's, and Glicko-1 from the results with its interval.

    No name stands in the figure.

    Parameters
    ----------
    trace : RatingTrace
    level : float
        Of the interval of the Glicko rating.
    """
    battles = np.arange(1, len(trace.points) + 1)
    elo = np.array([np.nan if p.server_rating is None else p.server_rating for p in trace.points], np.float64)
    told = np.isfinite(elo)
    figure = Figure(figsize=(8.0, 5.4 if told.any() else 3.2), layout="constrained")
    rows = figure.subplots(2 if told.any() else 1, sharex=True, squeeze=False)[:, 0]
    if told.any():
        rows[0].plot(battles[told], elo[told], "o-", color=_ORANGE, markersize=3, linewidth=1.2)
        _finish(rows[0], "server's rating (Elo)")
    rating = np.array([p.glicko.rating for p in trace.points])
    ends = np.array([p.glicko.interval(level) for p in trace.points])
    rows[-1].fill_between(battles, ends[:, 0], ends[:, 1], color=_BLUE, alpha=0.2, linewidth=0)
    rows[-1].plot(battles, rating, "o-", color=_BLUE, markersize=3, linewidth=1.2)
    rows[-1].axhline(1500, color=_GREY, linewidth=1.0, linestyle="--")
    _finish(rows[-1], f"Glicko-1, {level:.0%} interval")
    rows[-1].set_xlabel("battles that count")
    rows[-1].set_xlim(0.5, len(battles) + 0.5)
    return figure


def _finish(axes: Axes, label: str) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_ylabel(label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
