"""A report by team as lines for a terminal, CSV files and a page."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pokenash.experiments.run_directory import write_bytes
from pokenash.experiments.team_report import Matchup, PolicyTeams, TeamReport, TeamResult, TeamTable
from pokenash.spreadsheets import csv_cell
from pokenash.terminal import printable

__all__ = ["team_report_lines", "team_report_section", "write_team_report"]

MIN_MATCHUP_BATTLES = 20
"""Pairs of teams with fewer battles are only in the CSV file: their intervals are wider than 40 points."""
MAX_ROWS = 60

_CSV = ("policy", "side", "team", "sha256", "battles", "wins", "draws", "losses", "win_rate", "lower", "upper",
        "estimate", "estimate_lower", "estimate_upper", "level")  # fmt: skip
_MATCHUP_CSV = ("policy", "team", "opponent_team", "sha256", "opponent_sha256", "battles", "wins", "draws", "losses",
                "win_rate", "lower", "upper", "level")  # fmt: skip


def write_team_report(report: TeamReport, directory: str | Path, title: str = "Win rates by team") -> list[Path]:
    """Write ``teams.csv``, ``team_matchups.csv`` and ``teams.html``, which needs no network.

    Raises
    ------
    RunDirectoryError
        If one cannot be written.
    """
    folder = Path(directory)
    teams = [_csv_row(one.policy, side, row) for one in report.policies for side, row in _sided(one)]
    matchups = [_matchup_row(one.policy, matchup) for one in report.policies for matchup in one.matchups]
    page = _environment().get_template("teams_page.html.j2").render(title=title, **_context(report))
    files = {
        "teams.csv": _csv(_CSV, teams),
        "team_matchups.csv": _csv(_MATCHUP_CSV, matchups),
        "teams.html": page.encode(),
    }
    for name, data in files.items():
        write_bytes(folder / name, data)
    return [folder / name for name in files]


def team_report_section(report: TeamReport) -> Markup:
    """The report as a piece of HTML, all names escaped, to stand in a page."""
    return Markup(_environment().get_template("teams.html.j2").render(**_context(report)))


def team_report_lines(report: TeamReport, rows: int = 10) -> list[str]:
    """The report as lines of text: of each table the first and the last so many teams."""
    lines: list[str] = []
    for one in report.policies:
        lines += [f"{printable(one.policy)}: {one.result.battles} battles, {_rate(one.result)}", ""]
        for what, table in (("with its own team", one.own), ("against the opponent's team", one.against)):
            if table is not None:
                lines += [f"{what}: {_spread_words(table, report.level)}", *_text_table(table, rows), ""]
        shown = [matchup for matchup in one.matchups if matchup.result.battles >= MIN_MATCHUP_BATTLES][:rows]
        if shown:
            cells = [(m.own, m.opponent, *_counts(m.result), _rate(m.result)) for m in shown]
            header = ("team", "against", "battles", "won", "drawn", "lost", "win rate")
            lines += [
                f"team match-ups with most battles ({len(one.matchups)} in all):",
                *_aligned([header, *cells]),
                "",
            ]
    if report.left_out:
        lines.append(f"{report.left_out} battles do not count (they ended with an error or were not finished)")
    return lines


def _text_table(table: TeamTable, rows: int) -> list[str]:
    header = ("team", "battles", "won", "drawn", "lost", "win rate", "estimate among all")
    cells = [header]
    chosen, hidden = _ends(table.rows, rows)
    for row in chosen:
        if row is None:
            cells.append((f"… {hidden} more", "", "", "", "", "", ""))
        else:
            estimate = f"{row.estimate:.1%} {_interval(row.lower, row.upper)}"
            cells.append((row.name, *_counts(row.result), _rate(row.result), estimate))
    return _aligned(cells)


def _ends(rows: Sequence[TeamResult], count: int) -> tuple[list[TeamResult | None], int]:
    """The first and the last so many rows, with None for those between, and how many those are."""
    if len(rows) <= 2 * count + 1:
        return list(rows), 0
    return [*rows[:count], None, *rows[-count:]], len(rows) - 2 * count


def _counts(result: Any) -> tuple[str, str, str, str]:
    return str(result.battles), str(result.wins), str(result.draws), str(result.losses)


def _rate(result: Any) -> str:
    return "–" if result.win_rate is None else f"{result.win_rate:.1%} {_interval(result.lower, result.upper)}"


def _interval(lower: float, upper: float) -> str:
    return f"[{lower:.1%}, {upper:.1%}]"


def _spread_words(table: TeamTable, level: float) -> str:
    low, high = 100 * table.spread_lower, 100 * table.spread_upper
    return (
        f"{len(table.rows)} teams around {table.overall:.1%}; the true rates differ by a standard deviation of "
        f"{100 * table.spread:.1f} points [{low:.1f}, {high:.1f}] ({level:.0%})"
    )


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


def _sided(one: PolicyTeams) -> Iterable[tuple[str, TeamResult]]:
    for side, table in (("own", one.own), ("opponent", one.against)):
        yield from ((side, row) for row in (() if table is None else table.rows))


def _csv_row(policy: str, side: str, row: TeamResult) -> tuple[Any, ...]:
    numbers = (row.result.win_rate, row.result.lower, row.result.upper, row.estimate, row.lower, row.upper)
    return (policy, side, row.name, row.sha256, *_counts(row.result), *_decimals(numbers), row.result.level)


def _matchup_row(policy: str, one: Matchup) -> tuple[Any, ...]:
    result = one.result
    numbers = _decimals((result.win_rate, result.lower, result.upper))
    return (
        policy,
        one.own,
        one.opponent,
        one.own_sha256,
        one.opponent_sha256,
        *_counts(result),
        *numbers,
        result.level,
    )


def _decimals(numbers: Iterable[float | None]) -> list[str]:
    return ["" if number is None else f"{number:.4f}" for number in numbers]


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([csv_cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("pokenash.experiments"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )


def _context(report: TeamReport) -> dict[str, Any]:
    return {
        "format": report.format,
        "num_teams": report.num_teams,
        "level": f"{report.level:.0%}",
        "left_out": report.left_out,
        "minimum": MIN_MATCHUP_BATTLES,
        "policies": [
            {
                "name": one.policy,
                "rate": _rate(one.result),
                "battles": one.result.battles,
                "tables": [
                    {"title": title, "words": _spread_words(table, report.level), "rows": _html_rows(table)}
                    for title, table in (("By its own team", one.own), ("By the opponent's team", one.against))
                    if table is not None
                ],
                "matchups": [
                    {"own": m.own, "opponent": m.opponent, "counts": _counts(m.result), "rate": _rate(m.result)}
                    for m in one.matchups[:MAX_ROWS]
                    if m.result.battles >= MIN_MATCHUP_BATTLES
                ],
                "num_matchups": len(one.matchups),
            }
            for one in report.policies
        ],
    }


def _html_rows(table: TeamTable) -> list[dict[str, Any]]:
    chosen, hidden = _ends(table.rows, MAX_ROWS // 2)
    return [
        {"name": f"… {hidden} more", "sha256": "", "counts": ("", "", "", ""), "rate": "", "estimate": ""}
        if row is None
        else {
            "name": row.name,
            "sha256": row.sha256[:12],
            "counts": _counts(row.result),
            "rate": _rate(row.result),
            "estimate": f"{row.estimate:.1%} {_interval(row.lower, row.upper)}",
        }
        for row in chosen
    ]
