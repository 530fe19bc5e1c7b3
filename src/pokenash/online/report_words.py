"""The words and figures of the report of what was played on a server."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.figure import Figure

from pokenash.online.battle_rows import BattleRow
from pokenash.online.figures import rating_figure
from pokenash.online.ratings import RatingTrace
from pokenash.online.results import ResultRow, SessionResults
from pokenash.terminal import printable

__all__ = ["page_context"]

_MOST_FIGURES = 8
_OF_PERSONS = (
    "What is asked of one person concerns that person's battles alone: the interval is that of independent battles, "
    "which supposes that neither side learns from one battle to the next."
)


def page_context(
    results: SessionResults,
    rows: Sequence[BattleRow],
    links: Sequence[tuple[str, str]],
    title: str,
    *,
    anonymous: bool,
) -> dict[str, Any]:
    """What the template of the report is filled with.

    Parameters
    ----------
    results : SessionResults
    rows : sequence of BattleRow
    links : sequence of (str, str)
        Addresses of each battle's page and log; empty where there is none.
    title : str
    anonymous : bool
        Whether names are pseudonyms, which the page then says.
    """
    overall = [row for row in (results.overall, results.played_out) if row is not None]
    groups = [
        ("By policy", "policy", results.by_policy, ""),
        ("By format", "format", results.by_format, ""),
        ("By member of the mixture", "member", results.by_member, ""),
        ("By team", "our team", results.by_team, ""),
        ("By opponent", "opponent", results.by_opponent, _OF_PERSONS),
    ]
    return {
        "title": title,
        "subtitle": _subtitle(results, anonymous),
        "warnings": _warnings(results),
        "cards": _cards(results),
        "level": f"{results.level:.0%}",
        "overall": [_cells(row) for row in overall],
        "groups": [
            {
                "heading": heading,
                "column": column,
                "note": note,
                "rows": [_cells(row, of_person=note == _OF_PERSONS) for row in table],
            }
            for heading, column, table, note in groups
            if len(table) > 1 or column in ("opponent", "member")
        ],
        "endings": results.endings,
        "ratings": [_rating_cells(trace, results.level) for trace in results.traces],
        "figures": [
            {"heading": _heading(trace), "svg": _svg(rating_figure(trace, results.level))}
            for trace in results.traces[:_MOST_FIGURES]
        ],
        "battles": [
            {
                **asdict(row),
                "page": page,
                "log": log,
                "rating": _points(row.rating_before, row.rating_after),
                "opponent_rating": _points(row.opponent_rating_before),
            }
            for row, (page, log) in zip(rows, links, strict=True)
        ],
    }


def _subtitle(results: SessionResults, anonymous: bool) -> str:
    policies = ", ".join(printable(row.name) for row in results.by_policy) or "nothing that counts"
    formats = ", ".join(printable(row.name) for row in results.by_format)
    hidden = " Names of people and accounts are pseudonyms." if anonymous else ""
    return f"{policies}{' in ' + formats if formats else ''}.{hidden}"


def _warnings(results: SessionResults) -> list[str]:
    warnings = []
    if not results.counted:
        warnings.append("No battle counts yet.")
    if results.not_counted:
        warnings.append(
            f"Battles that do not count, for the server was lost or they were not played to an end: "
            f"{len(results.not_counted)}. They are in the list of battles and in no rate."
        )
    if results.unnamed_opponents:
        warnings.append(
            f"The opponents of {results.unnamed_opponents} battles are not on record. Each is taken for another "
            "person, so that the intervals are too narrow if some of them are the same."
        )
    if results.overall and results.overall.clustered.opponents < 10:
        number = results.overall.clustered.opponents
        few = "is one opponent" if number == 1 else f"are {number} opponents"
        warnings.append(
            f"There {few} only. The intervals allow for it, but say little of people who did not take part."
        )
    if len(results.by_policy) > 1 or len(results.by_format) > 1:
        warnings.append("Several policies or formats are together here: the rate of all battles is a mean over them.")
    return warnings


def _cards(results: SessionResults) -> list[dict[str, str]]:
    cards = [(f"{len(results.counted):,}", "battles that count")]
    if results.overall:
        found = results.overall.clustered
        cards.append((f"{found.win_rate:.1%} [{found.lower:.1%}, {found.upper:.1%}]", "win rate, a draw being half"))
        cards.append((f"{found.opponents:,}", "opponents"))
    for trace in results.traces[:1]:
        lower, upper = trace.glicko.gxe_interval(results.level)
        cards.append((f"{trace.glicko.gxe():.1%} [{lower:.1%}, {upper:.1%}]", "GXE in the pool of these battles"))
    return [{"value": value, "label": label} for value, label in cards]


def _cells(row: ResultRow, of_person: bool = False) -> dict[str, Any]:
    rate, clustered = row.rate, row.clustered
    of_person = of_person and clustered.opponents == 1
    return {
        "name": printable(row.name),
        **{key: getattr(rate, key) for key in ("battles", "wins", "draws", "losses")},
        "win_rate": f"{clustered.win_rate:.1%}",
        "wilson": _interval(rate.lower, rate.upper),
        "clustered": "–" if of_person else _interval(clustered.lower, clustered.upper),
        "bootstrap": _interval(clustered.bootstrap_lower, clustered.bootstrap_upper),
        "opponents": clustered.opponents,
        "effective": "–" if of_person else f"{clustered.effective_battles:.1f}",
    }


def _rating_cells(trace: RatingTrace, level: float) -> dict[str, Any]:
    lower, upper = trace.glicko.interval(level)
    found = trace.performance
    return {
        "policy": printable(trace.policy),
        "account": printable(trace.account or "–"),
        "format": printable(trace.format),
        "battles": len(trace.points),
        "server": _points(trace.server_rating),
        "glicko": f"{trace.glicko.rating:.0f} ± {trace.glicko.deviation:.0f}",
        "interval": f"[{lower:.0f}, {upper:.0f}]",
        "gxe": f"{trace.glicko.gxe():.1%}",
        "gxe_interval": _interval(*trace.glicko.gxe_interval(level)),
        "performance": "–" if found is None else _points(found.rating),
        "performance_interval": "–" if found is None else f"[{_points(found.lower)}, {_points(found.upper)}]",
    }


def _heading(trace: RatingTrace) -> str:
    return ", ".join(printable(part) for part in (trace.policy, trace.account, trace.format) if part)


def _interval(lower: float | None, upper: float | None) -> str:
    return "–" if lower is None or upper is None else f"[{lower:.1%}, {upper:.1%}]"


def _points(*ratings: float | None) -> str:
    return " → ".join("–" if rating is None else f"{rating:.0f}" for rating in ratings)


def _svg(figure: Figure) -> Markup:
    out = io.StringIO()
    with rc_context({"svg.hashsalt": "pokenash", "font.family": "DejaVu Sans"}):
        figure.savefig(out, format="svg", metadata={"Date": None})
    text = out.getvalue()
    # Our own drawing, in which no name stands.
    return Markup(text[text.index("<svg") :])
