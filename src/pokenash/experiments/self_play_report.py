"""The report of a loop of self-play: one self-contained HTML page and its figures, from the directory's files alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pokenash.experiments.report_page import Page, Section, Table, about_tables, interval, percent, write_page
from pokenash.experiments.self_play_figures import results_figure, training_figure
from pokenash.experiments.self_play_history import SelfPlayHistory, read_history

__all__ = ["write_self_play_report"]

_NONE = "–"


def write_self_play_report(directory: str | Path, title: str | None = None) -> Path:
    """Make ``report.html`` and ``figures/*.svg|png`` of a loop of self-play, finished or not.

    Parameters
    ----------
    directory : str or Path
    title : str, optional
        Heading of the page; by default made of the game's format.

    Returns
    -------
    Path
        Of ``report.html``.

    Raises
    ------
    RunDirectoryError
        If no generation is done yet, or a file is missing or damaged.
    """
    folder = Path(directory)
    return write_page(folder, lambda: _page(read_history(folder), title))


def _page(history: SelfPlayHistory, title: str | None) -> Page:
    config, rows = history.config, history.summary["rows"]
    last, damping = rows[-1], config["plan"]["damping"]
    kind = "damped" if damping["kl"]["initial"] or damping["entropy"]["initial"] else "undamped"
    met = last["against_start"]
    battles = sum(one["collection"]["battles"] for one in history.generations)
    return Page(
        title or f"Self-play on {config['game']['format']}",
        f"{len(history.generations)} generation{'s' * (len(history.generations) != 1)}, {kind}; the reference of the "
        f"divergence is {_reference(config['plan'])}",
        cards=[
            (" ".join(_score(met)), f"{last['policy']} against the start"),
            (_rating(last), "rating relative to the start"),
            (f"{battles:,}", "battles of self-play"),
            (f"{history.borders[-1]:,}", "steps of the optimizer"),
        ],
        warnings=_warnings(history),
        sections=[_results(history), _training(history), _data(history), *about_tables(config)],
    )


def _reference(plan: Mapping[str, Any]) -> str:
    """What the divergence is from, in words."""
    if plan["damping_reference"] == "start":
        return "the first policy"
    return {
        "fixed": "the policy that each generation starts from",
        "periodic": "a copy of the learner that is renewed from time to time",
        "polyak": "a moving average of the learner's weights",
    }[plan["damping"]["reference"]["kind"]]


def _rating(row: Mapping[str, Any]) -> str:
    return f"{row['rating']:+.0f} {interval(row['rating_lower'], row['rating_upper'], '+.0f')}"


def _warnings(history: SelfPlayHistory) -> list[str]:
    warnings = []
    if history.summary["status"] != "finished":
        warnings.append("This loop has not finished: what follows is its state so far.")
    met = history.summary["rows"][-1]["against_start"]
    if met["upper"] is not None and met["upper"] < 0.5:
        warnings.append("The last generation LOSES to the start: the whole interval is below one half.")
    elif met["lower"] is not None and met["lower"] <= 0.5:
        warnings.append("The last generation is not better than the start for sure: the interval holds one half.")
    return warnings


def _results(history: SelfPlayHistory) -> Section:
    others = [row["name"] for row in history.generations[0]["against"]]
    level = percent(history.config["plan"]["level"], 0)
    summary = Table(
        ("policy", "rating", f"{level} interval", "against the start", f"{level} interval", "battles"),
        [
            (
                row["policy"],
                f"{row['rating']:+.0f}",
                interval(row["rating_lower"], row["rating_upper"], "+.0f") if row.get("against_start") else _NONE,
                *(_score(row["against_start"]) if row.get("against_start") else (_NONE, _NONE)),
                str(row["against_start"]["battles"]) if row.get("against_start") else _NONE,
            )
            for row in history.summary["rows"]
        ],
    )
    against = Table(
        ("policy", *others),
        [
            (generation["policy"], *(_against(generation, name) for name in others))
            for generation in history.generations
        ],
    )
    return Section(
        "Did it get better?",
        "Every pair of policies plays fresh battles which nobody has learned from, each drawn start from both seats; "
        "intervals of scores rest on these pairs of battles. The report of the tournament, in its own folder, has "
        "Wilson's intervals over single battles, which differ for the same score. Ratings are Bradley-Terry's from all "
        "battles of the tournament, on Elo's scale. A loop may beat its start and lose to others: both tables count.",
        figures=[("results", results_figure([history]))],
        tables=[summary, against],
        after="The second table: scores, with intervals, against those who were there before the first generation.",
    )


def _score(met: Mapping[str, Any]) -> tuple[str, str]:
    """A score and its interval; dashes where no battle counts."""
    return _NONE if met["score"] is None else percent(met["score"]), interval(met["lower"], met["upper"])


def _against(generation: Mapping[str, Any], name: str) -> str:
    row = next((one for one in generation["against"] if one["name"] == name), None)
    return _NONE if row is None or row["score"] is None else " ".join(_score(row))


def _training(history: SelfPlayHistory) -> Section:
    names = ("divergence", "entropy", "learning_rate", "kl_weight", "entropy_weight", "critic_loss")
    return Section(
        "Training",
        "Divergence and entropy are means over legal actions, decisions and discounts of the batch, in nats, measured "
        "in training (with dropout). Without damping they are measured all the same and weigh nothing. "
        "Dotted lines: where a generation ends.",
        figures=[("training", training_figure([history]))],
        tables=[
            Table(
                ("policy", "steps", *(name.replace("_", " ") for name in names)),
                [
                    (
                        one["policy"],
                        str(one["training"]["steps"]),
                        *(_number(one["training"]["last_tenth"].get(name)) for name in names),
                    )
                    for one in history.generations
                ],
            )
        ],
        after="Means over the last tenth of each training.",
    )


def _number(value: float | None) -> str:
    return _NONE if value is None else f"{value:.4g}"


def _data(history: SelfPlayHistory) -> Section:
    rows = []
    for one in history.generations:
        collected, chosen = one["collection"], one["filter"]
        dropped = ", ".join(f"{number} {reason}" for reason, number in chosen["dropped"].items()) or "none"
        rate = chosen["refused"]["rate"]
        rows.append(
            (
                one["policy"],
                one["player"],
                str(collected["battles"]),
                str(collected["ties"]),
                _NONE if collected["mean_decisions"] is None else f"{collected['mean_decisions']:.0f}",
                _NONE if rate is None else percent(rate, 2),
                str(chosen["kept"]),
                dropped,
                "; ".join(f"{source['root']} {source['weight']:.2f}" for source in one["sources"]),
            )
        )
    header = (
        "policy", "played by", "battles", "ties", "decisions a battle", "refused", "trajectories", "dropped",
        "learned from, with shares",
    )  # fmt: skip
    return Section(
        "What was learned from",
        "Refused: of all battles of the generation, decisions whose action cannot be said in the network's action "
        "space, or is none that it offers in that state.",
        tables=[Table(header, rows, frozenset({1, 7, 8}))],
    )
