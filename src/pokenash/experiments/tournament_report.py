"""The report of a tournament: one self-contained HTML page and its figures, made from the directory's files alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pokenash.experiments import figures
from pokenash.experiments.figure_curves import rates_figure
from pokenash.experiments.report_page import Page, Section, Table, about_tables, interval, percent, write_page
from pokenash.experiments.run_directory import read_json

__all__ = ["write_tournament_report"]

_MOST_PAIRS = 45

_INTERVAL_NOTE = (
    "Intervals are Wilson's, over single battles. Evaluations and the reports of self-play take the two battles of a "
    "start for one observation, and leave out those whose partner ended with an error: of the same battles they give "
    "another interval."
)
_MATRIX_NOTE = (
    "Win rate of the row over the column, a draw counting half, every drawn start in both seats; with its interval and "
    "number of battles. Policies are in the order of their ratings. A pair that has not been played is empty, not 50%. "
    f"{_INTERVAL_NOTE}"
)
_RATINGS_NOTE = (
    "Bradley-Terry ratings on Elo's scale (400 points: ten to one) whose mean is 1500, from these battles alone. An "
    "interval is of a policy against the mean of all; that of the difference of two policies can be narrower. One "
    "number a policy says who beats whom only as far as the results are transitive: look at the matrix for cycles."
)
_NASH_NOTE = (
    "The mixture that no policy of this tournament beats, if the payoffs are as they were counted, and how sure that "
    "is: under the posterior of the payoffs, how often a policy is in the support, and its probability in the "
    "equilibrium. The restricted nash_conv is what these policies themselves could gain against the mixture; it says "
    "nothing of others."
)


def write_tournament_report(directory: str | Path, title: str | None = None) -> Path:
    """Make ``report.html`` and the figures of a tournament's directory.

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
        If a file is missing or damaged: ``tournament.json`` is there when every pair has been played.
    """
    folder = Path(directory)
    config, result = read_json(folder / "config.json"), read_json(folder / "tournament.json")
    matrix = read_json(folder / "interaction_matrix.json")
    return write_page(folder, lambda: _page(config, result, matrix, title))


def _page(config: Mapping[str, Any], result: Mapping[str, Any], matrix: Mapping[str, Any], title: str | None) -> Page:
    game = config["game"]
    ratings = result["ratings"]["ratings"]
    order = sorted(result["policies"], key=lambda name: (-ratings[name]["rating"], name))
    restricted = result["analysis"]["restricted_nash_conv"]
    level = f"{result['ratings']['level']:.0%}"
    pairs = _pairs(matrix, order)
    missing = len(order) * (len(order) - 1) // 2 - len(pairs)
    best = order[0]
    return Page(
        title=title or f"Tournament on {game.get('format') or game.get('name') or 'a game'}",
        subtitle=f"{len(order)} policies, every drawn start played in both seats",
        cards=[
            (f"{result['battles']:,}", "battles"),
            (str(len(order)), "policies"),
            (f"{ratings[best]['rating']:.0f} {_points(ratings[best])}", f"highest rating: {best}"),
            (
                f"{restricted['posterior_mean']:.3f} {interval(restricted['lower'], restricted['upper'], '.3f')}",
                "restricted nash_conv",
            ),
        ],
        warnings=_warnings(config, result, len(pairs), missing),
        sections=[
            _ratings_section(result, order, pairs, level),
            *_matrix_sections(matrix, order, pairs, level),
            _nash_section(result, order, level),
            *about_tables(config),
        ],
    )


def _warnings(config: Mapping[str, Any], result: Mapping[str, Any], played: int, missing: int) -> list[str]:
    found = [f"Of {played + missing} pairs {missing} have not been played."] if missing else []
    settings, asked = config["settings"], [policy["name"] for policy in config["policies"]]
    # Results are written at the end, and bear the settings that they are of.
    if asked != result["policies"] or result.get("settings", settings) != settings:
        found.append("This tournament was extended and has not finished: what follows is its state before that.")
    if settings["sampling"]["kind"] != "uniform":
        found.append(
            "Results decided which pairs played more (adaptive sampling): the intervals of rates and ratings are those "
            "of numbers of battles that were fixed before, and take no account of it."
        )
    return found


def _points(rating: Mapping[str, float]) -> str:
    return interval(rating["lower"], rating["upper"], ".0f")


def _pairs(matrix: Mapping[str, Any], order: list[str]) -> list[tuple[str, str, tuple[int, int, int], list[float]]]:
    """Every pair that was played, in the order of ratings: names, wins, draws and losses, rate and its interval."""
    place = {name: index for index, name in enumerate(matrix["policies"])}
    counts = np.array(matrix["counts"], np.int64)
    found = []
    for at, first in enumerate(order):
        for second in order[at + 1 :]:
            i, j = place[first], place[second]
            wins, draws, losses = (int(n) for n in counts[i, j] + counts[j, i][::-1])
            if matrix["win_rate"][i][j] is not None:
                row = [matrix[name][i][j] for name in ("win_rate", "lower", "upper")]
                found.append((first, second, (wins, draws, losses), row))
    return found


def _ratings_section(result: Mapping[str, Any], order: list[str], pairs: list[Any], level: str) -> Section:
    ratings = result["ratings"]["ratings"]
    battles = {name: sum(sum(counts) for *both, counts, _ in pairs if name in both) for name in order}
    rows = [(name, f"{ratings[name]['rating']:.0f}", _points(ratings[name]), f"{battles[name]:,}") for name in order]
    figure = rates_figure(
        order,
        [ratings[name]["rating"] for name in order],
        [(ratings[name]["lower"], ratings[name]["upper"]) for name in order],
        "rating",
        words=[f"{ratings[name]['rating']:.0f}  n={battles[name]}" for name in order],
        reference=1500.0,
    )
    table = Table(("policy", "rating", f"{level} interval", "battles"), rows)
    return Section("Ratings", _RATINGS_NOTE, [("ratings", figure)], [table])


def _matrix_sections(matrix: Mapping[str, Any], order: list[str], pairs: list[Any], level: str) -> list[Section]:
    at = [matrix["policies"].index(name) for name in order]

    def ordered(rows: Any, kind: type) -> Any:
        return np.array(rows, dtype=kind)[np.ix_(at, at)]

    battles = np.array(matrix["counts"], np.int64).sum(axis=-1)
    rate, lower, upper = (ordered(matrix[name], np.float64) for name in ("win_rate", "lower", "upper"))
    figure = figures.payoff_figure(order, rate, lower, upper, ordered(battles + battles.T, np.int64))
    rows = [
        (first, second, f"{sum(counts):,}", "/".join(map(str, counts)), percent(won), interval(low, high))
        for first, second, counts, (won, low, high) in pairs
    ]
    header = ("policy", "opponent", "battles", "won/drawn/lost", "win rate", f"{level} interval")
    table = Table(header, rows, frozenset({1}))
    if len(rows) <= _MOST_PAIRS:
        return [Section("Who beats whom", _MATRIX_NOTE, [("payoff", figure)], [table])]
    matrix_alone = Section("Who beats whom", _MATRIX_NOTE, [("payoff", figure)])
    return [matrix_alone, Section(f"All {len(rows)} pairs", _INTERVAL_NOTE, tables=[table], folded=True)]


def _nash_section(result: Mapping[str, Any], order: list[str], level: str) -> Section:
    analysis = result["analysis"]
    support, equilibrium = analysis["support_probability"], analysis["equilibrium_probability"]
    rows = [
        (
            name,
            percent(result["meta_strategy"][name]),
            percent(support[name]),
            percent(equilibrium[name]["mean"]),
            interval(equilibrium[name]["lower"], equilibrium[name]["upper"]),
        )
        for name in sorted(order, key=lambda one: -result["meta_strategy"][one])
    ]
    restricted = analysis["restricted_nash_conv"]
    header = ("policy", "Nash", "in the support", "probability (posterior mean)", f"{level} interval")
    after = (
        f"Restricted nash_conv under the posterior: {restricted['posterior_mean']:.4f} "
        f"{interval(restricted['lower'], restricted['upper'], '.4f')} ({restricted['level']:.0%}), in units of return "
        "(a sure win is 1, a sure loss −1)."
    )
    return Section("The Nash mixture of these policies", _NASH_NOTE, tables=[Table(header, rows)], after=after)
