"""Figures of the benchmarks: exact `nash_conv` over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

FIGURES = Path(__file__).parents[1] / "docs" / "_static"

Curve = Sequence[tuple[float, float]]


def draw_curves(
    name: str,
    panels: dict[str, dict[str, Curve]],
    *,
    x_label: str = "seconds",
    x_scale: str = "linear",
    wanted: dict[str, float] | None = None,
) -> None:
    """Write ``docs/_static/NAME.svg``: curves of `nash_conv`, one panel beside the other.

    Parameters
    ----------
    name : str
    panels : dict
        By title: curves by label, each a sequence of (time, `nash_conv`).
    x_label, x_scale : str
        Of the time.
    wanted : dict of str to float, optional
        Where panels have a dashed line.
    """
    figure = Figure(figsize=(6.4 if len(panels) == 1 else 9.0, 3.4), layout="constrained")
    every: Sequence[Any] = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (title, curves) in zip(every, panels.items(), strict=True):
        for label, curve in curves.items():
            axes.plot([time for time, _ in curve], [value for _, value in curve], label=label)
        if wanted and title in wanted:
            axes.axhline(wanted[title], color="#999999", linewidth=1, linestyle="--")
        axes.set(xscale=x_scale, yscale="log", xlabel=x_label, ylabel="exact nash_conv", title=title)
        # Plain numbers: powers of ten in mathematical type need fonts that not every machine has.
        for axis in [axes.yaxis] + [axes.xaxis] * (x_scale == "log"):
            axis.set_major_formatter("{x:g}")
            axis.set_minor_locator(LogLocator(subs=(2, 5)))
            axis.set_minor_formatter("{x:g}")
        axes.legend(frameon=False, fontsize=8)
    figure.savefig(FIGURES / f"{name}.svg", metadata={"Date": None})
