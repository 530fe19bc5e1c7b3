"""The report of a training of metamon's networks: one self-contained HTML page and its curves.

For the directories of ``pokenash train`` and for those of `pokenash.metamon.training.fine_tune` alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from pokenash.errors import RunDirectoryError
from pokenash.experiments.figure_curves import Panel, panels_figure
from pokenash.experiments.report_page import (
    Page,
    Section,
    Table,
    about_tables,
    interval,
    percent,
    read_lines,
    write_page,
)
from pokenash.experiments.run_directory import read_json

__all__ = ["write_training_report"]

# What a reader looks for first; further measures follow in the log's order.
_FIRST = (
    "loss", "actor_loss", "policy_loss", "critic_loss", "divergence", "kl_to_reference", "kl_to_old", "entropy",
    "learning_rate",
)  # fmt: skip
_NOT_DRAWN = frozenset({"step", "transitions", "seconds", "seconds_waiting"})
_VERSUS_NOTE = (
    "Fresh battles, every drawn start in both seats. This is what a training is judged by: losses may fall, and "
    "heuristics be beaten, while a policy loses strength against what it started from."
)
_CURVES_NOTE = (
    "By step, as logged. They say how the optimisation went on the data that it was given, not how well the policy "
    "plays. Pale: single steps; dark: running mean."
)


def write_training_report(directory: str | Path, title: str | None = None) -> Path:
    """Make ``report.html`` and the figures of a training, finished or not.

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
        If a file is missing or damaged, or no step has been logged.
    """
    folder = Path(directory)
    record = read_json(folder / "fine_tune.json")
    config = read_json(folder / "config.json") if (folder / "config.json").exists() else record
    steps = read_lines(folder / "fine_tune.jsonl")
    if not steps:
        raise RunDirectoryError(f"{folder}: no step is logged yet, so there is nothing to report")
    versus = folder / "head_to_head.json"
    battles = read_lines(versus, whole=True)[0] if versus.exists() else None
    return write_page(folder, lambda: _page(config, record, steps, battles, title))


def _page(
    config: Mapping[str, Any],
    record: Mapping[str, Any],
    steps: Sequence[Mapping[str, Any]],
    versus: Mapping[str, Any] | None,
    title: str | None,
) -> Page:
    settings, last = record["settings"], steps[-1]
    wanted = settings["epochs"] * settings["steps_per_epoch"]
    seconds = sum(row["seconds"] + row["seconds_waiting"] for row in steps)
    # Each process learns from as many as the one that logs.
    transitions = record.get("processes", 1) * sum(row["transitions"] for row in steps)
    measured = transitions / seconds if seconds else 0.0
    played = versus is not None and versus["battles"] > 0
    card = ("not played", "against its start")
    if versus is not None and played:
        bounds = interval(versus["lower"], versus["upper"])
        card = (f"{percent(versus['win_rate'])} {bounds}", f"against its start, {versus['battles']:,} battles")
    return Page(
        title=title or f"Training of {config.get('name', 'a network')}",
        subtitle=f"{record['trajectories']:,} trajectories, reward {record['reward']}, seed {config['seed']}",
        cards=[
            card,
            (f"{last['step']:,} of {wanted:,}", "steps"),
            (f"{last['loss']:.4g}", "loss at the last logged step"),
            (f"{measured:,.0f}", "transitions per second of the logged steps"),
        ],
        warnings=_warnings(last["step"], wanted, versus),
        sections=[
            _versus_section(versus),
            _curves_section(steps),
            _data_section(record),
            *about_tables(config),
        ],
    )


def _warnings(step: int, wanted: int, versus: Mapping[str, Any] | None) -> list[str]:
    found = []
    if step < wanted:
        found.append(f"This training has not finished: {step:,} of {wanted:,} steps are done.")
    if versus is not None and versus["upper"] is not None and versus["upper"] < 0.5:
        found.append("The trained policy LOSES to what it started from: the whole interval is below one half.")
    elif versus is not None and (versus["lower"] is None or versus["lower"] <= 0.5):
        found.append("The trained policy is not shown to be better than what it started from.")
    return found


def _versus_section(versus: Mapping[str, Any] | None) -> Section:
    heading = "Does it beat what it started from?"
    if versus is None:
        return Section(heading, "It was not played against its start, so whether it is better is not known.")
    counts = [str(versus[name]) for name in ("battles", "wins", "draws", "losses")]
    rate = "–" if versus["win_rate"] is None else percent(versus["win_rate"])
    row = (versus["policy"], versus["base"], *counts, rate, interval(versus["lower"], versus["upper"]))
    header = ("policy", "start", "battles", "won", "drawn", "lost", "win rate", f"{versus['level']:.0%} interval")
    return Section(heading, _VERSUS_NOTE, tables=[Table(header, [row], frozenset({1}))])


def _curves_section(steps: Sequence[Mapping[str, Any]]) -> Section:
    names = list(dict.fromkeys(name for row in steps for name, value in row.items() if _is_number(value)))
    ordered = [*(name for name in _FIRST if name in names), *(name for name in names if name not in _FIRST)]
    places = [float(row["step"]) for row in steps]
    panels, rows = [], []
    for name in ordered:
        if name in _NOT_DRAWN:
            continue
        values = [float(row[name]) if _is_number(row.get(name)) else float("nan") for row in steps]
        known = [value for value in values if isfinite(value)]
        if not known:
            continue
        panels.append(Panel(name.replace("_", " "), {"": (places, values)}))
        part = max(1, len(known) // 10)
        first, end = sum(known[:part]) / part, sum(known[-part:]) / part
        rows.append((name, f"{len(known):,}", f"{first:.5g}", f"{end:.5g}", f"{min(known):.5g}", f"{max(known):.5g}"))
    header = ("measure", "logged steps", "mean of the first tenth", "mean of the last tenth", "smallest", "largest")
    return Section("Curves", _CURVES_NOTE, [("training", panels_figure(panels, "step"))], [Table(header, rows)])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _data_section(record: Mapping[str, Any]) -> Section:
    rows = [(str(source["root"]), f"{source['weight']:.3g}") for source in record["data"]["sources"]]
    formats = record["data"].get("formats")
    after = "" if not formats else f"Formats: {', '.join(map(str, formats))}."
    return Section("Data", tables=[Table(("trajectories", "weight in the mix"), rows)], after=after)
