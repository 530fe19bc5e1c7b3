"""The report of neural fictitious self-play: one self-contained HTML page and its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pokenash.errors import RunDirectoryError
from pokenash.experiments.figure_curves import Panel, panels_figure
from pokenash.experiments.report_page import Page, Section, Table, about_tables, read_lines, write_page
from pokenash.experiments.run_directory import read_json

__all__ = ["write_nfsp_report"]

_MOST_ROWS = 20

_EXACT_NOTE = (
    "What best responses in both seats together would gain against the average policy, computed from the whole game: "
    "0 at a Nash equilibrium. Half of it is what papers on poker call exploitability. Nothing is estimated; it is of "
    "the policy at that moment of one run with one seed."
)
_UNKNOWN_NOTE = (
    "The game is too large for its exact value, or nash_conv_every is 0. Losses and returns below say whether "
    "learning goes on, not how good the policy is: 'pokenash exploit' on this directory's population.json trains best "
    "responses against it, whose value is a lower bound, and 'pokenash evaluate' plays it against others."
)
_LEARNING_NOTE = (
    "Over the games played. Losses are means over the steps of a round: the average policy's is the negative "
    "log-likelihood of its reservoir's actions, the best response's the squared temporal-difference error. The mean "
    "return is player 0's in the round's games, of the mixed play that is learned from: near the game's value when "
    "both players are alike. Pale: single rounds; dark: running mean."
)


def write_nfsp_report(directory: str | Path, title: str | None = None) -> Path:
    """Make ``report.html`` and the figures of a run of NFSP, finished or not.

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
        If a file is missing or damaged, or no round has been finished.
    """
    folder = Path(directory)
    config = read_json(folder / "config.json")
    rounds = read_lines(folder / "training.jsonl")
    if not rounds:
        raise RunDirectoryError(f"{folder}: no round is finished yet, so there is nothing to report")
    return write_page(folder, lambda: _page(config, rounds, _exact_values(folder, rounds), title))


def _exact_values(folder: Path, rounds: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rounds whose exact nash_conv is known; that of the last one is in the summary, whatever round it is."""
    exact = read_lines(folder / "nash_conv.jsonl") if (folder / "nash_conv.jsonl").exists() else []
    # A run that was extended and has not ended yet has the summary of before.
    ended = read_json(folder / "nfsp_summary.json") if (folder / "nfsp_summary.json").exists() else {}
    value, last = ended.get("exact_nash_conv"), rounds[-1]
    if value is not None and ended.get("rounds") == len(rounds) and (not exact or exact[-1]["round"] != last["round"]):
        exact.append({"round": last["round"], "episodes": last["episodes"], "exact_nash_conv": value})
    return exact


def _page(
    config: Mapping[str, Any],
    rounds: Sequence[Mapping[str, Any]],
    exact: Sequence[Mapping[str, Any]],
    title: str | None,
) -> Page:
    game, settings, last = config["game"], config["settings"], rounds[-1]
    name = game.get("format") or game.get("name") or "a game"
    done = len(rounds)
    seconds = sum(row["seconds"] for row in rounds)
    cards = [
        (f"{exact[-1]['exact_nash_conv']:.4f}", f"exact nash_conv after {exact[-1]['episodes']:,} games")
        if exact
        else ("unknown", "exact nash_conv"),
        (f"{last['episodes']:,}", "games played"),
        (f"{last['steps']:,.0f}", "steps of each network"),
        (f"{seconds / 60:.1f} min", f"in all, {last['episodes'] / seconds:,.0f} games per second"),
    ]
    unfinished = done < settings["rounds"]
    return Page(
        title=title or f"Neural fictitious self-play on {name}",
        subtitle=f"{done} rounds of {settings['episodes_per_round']:,} games, seed {config['seed']}",
        cards=cards,
        warnings=[f"{done} of {settings['rounds']} rounds are done: what follows is the state so far."]
        if unfinished
        else [],
        sections=[_exact_section(exact), _learning_section(rounds), _rounds_section(rounds), *about_tables(config)],
    )


def _exact_section(exact: Sequence[Mapping[str, Any]]) -> Section:
    if not exact:
        return Section("How exploitable is the average policy?", _UNKNOWN_NOTE)
    places, values = [row["episodes"] for row in exact], [row["exact_nash_conv"] for row in exact]
    panel = Panel("exact nash_conv of the average policy", {"": (places, values)}, from_zero=True)
    rows = [(str(row["round"] + 1), f"{row['episodes']:,}", f"{row['exact_nash_conv']:.4f}") for row in _some(exact)]
    return Section(
        "How exploitable is the average policy?",
        _EXACT_NOTE,
        [("nash_conv", panels_figure([panel], "games played"))],
        [Table(("rounds", "games played", "exact nash_conv"), rows)],
    )


def _learning_section(rounds: Sequence[Mapping[str, Any]]) -> Section:
    places = [row["episodes"] for row in rounds]

    def curve(name: str) -> tuple[list[float], list[float]]:
        return places, [float("nan") if row[name] is None else row[name] for row in rounds]

    wanted: list[tuple[str, str, Sequence[tuple[float, str]]]] = [
        ("average_loss", "loss of the average policy", ()),
        ("value_loss", "loss of the best response", ()),
        ("mean_return", "mean return of player 0", ((0.0, ""),)),
        ("epsilon", "exploration of the best response", ()),
    ]
    panels = [
        Panel(title, {"": curve(name)}, lines)
        for name, title, lines in wanted
        if any(row[name] is not None for row in rounds)
    ]
    return Section("Learning", _LEARNING_NOTE, [("learning", panels_figure(panels, "games played"))])


def _rounds_section(rounds: Sequence[Mapping[str, Any]]) -> Section:
    def number(value: float | None, form: str) -> str:
        return "–" if value is None else f"{value:{form}}"

    rows = [
        (
            str(row["round"] + 1),
            f"{row['episodes']:,}",
            f"{row['decisions']:,}",
            f"{row['steps']:,.0f}",
            number(row["average_loss"], ".4f"),
            number(row["value_loss"], ".4f"),
            f"{row['mean_return']:+.3f}",
            f"{row['seconds']:.1f}",
            f"{row['episodes_per_second']:,.0f}",
        )
        for row in _some(rounds)
    ]
    header = (
        "round", "games", "decisions", "steps", "average loss", "best response's loss", "mean return", "seconds",
        "games per second",
    )  # fmt: skip
    return Section("Rounds", tables=[Table(header, rows)], after=_left_out(rounds))


def _some(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """At most so many rows, evenly spread, the last one always."""
    if len(rows) <= _MOST_ROWS:
        return list(rows)
    return [rows[round((index + 1) * len(rows) / _MOST_ROWS) - 1] for index in range(_MOST_ROWS)]


def _left_out(rows: Sequence[Mapping[str, Any]]) -> str:
    if len(rows) <= _MOST_ROWS:
        return ""
    return f"{_MOST_ROWS} of {len(rows)} rounds; all of them are in training.jsonl."
