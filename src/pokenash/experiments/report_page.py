"""What all reports share: how numbers read, how figures are drawn, and the page that holds both.

A report is a `Page` of sections, or values for a template of its own; either way one self-contained HTML file whose
figures are inside it, and beside it ``figures/*.svg`` and ``*.png``.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.text import Text

from pokenash.errors import PokenashError, RunDirectoryError
from pokenash.experiments.run_directory import write_bytes

__all__ = [
    "Page",
    "Section",
    "Table",
    "about_tables",
    "flat_settings",
    "interval",
    "percent",
    "read_lines",
    "write_page",
    "write_report_page",
]

REPORT = "report.html"

_LONGEST_SETTING = 2_000


@dataclass(frozen=True)
class Table:
    """A table.

    Parameters
    ----------
    header : sequence of str
    rows : sequence of sequence of str
        Of as many cells.
    text : set of int
        Columns of words, which are set to the left; the first one always is.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    text: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Section:
    """A part of a page: heading, what it means, figures, tables.

    Parameters
    ----------
    heading : str
    note : str
        What the numbers are and are not.
    figures : sequence of (str, Figure)
        By the name of their files.
    tables : sequence of Table
    after : str
        Said below all.
    folded : bool
        Whether it is shown only when it is asked for.
    """

    heading: str
    note: str = ""
    figures: Sequence[tuple[str, Figure]] = ()
    tables: Sequence[Table] = ()
    after: str = ""
    folded: bool = False


@dataclass(frozen=True)
class Page:
    """A report.

    Parameters
    ----------
    title, subtitle : str
    cards : sequence of (str, str)
        The few numbers that matter most, each with its words.
    warnings : sequence of str
        What a reader must know before believing them.
    sections : sequence of Section
    """

    title: str
    subtitle: str
    cards: Sequence[tuple[str, str]] = ()
    warnings: Sequence[str] = ()
    sections: Sequence[Section] = ()


def percent(value: float, digits: int = 1) -> str:
    """A share as a percentage."""
    return f"{value:.{digits}%}"


def interval(lower: float | None, upper: float | None, form: str = ".1%") -> str:
    """An interval as text; a dash where there is none."""
    return "–" if lower is None or upper is None else f"[{lower:{form}}, {upper:{form}}]"


def flat_settings(settings: Mapping[str, Any], prefix: str = "", *, lists: bool = True) -> list[tuple[str, str]]:
    """Nested settings as (dotted name, value) pairs in their order, with or without lists; what is very long is cut."""
    rows: list[tuple[str, str]] = []
    for name, value in settings.items():
        if isinstance(value, Mapping):
            rows += flat_settings(value, f"{prefix}{name}.", lists=lists)
        elif lists or not isinstance(value, list):
            text = str(value)
            # Such as thousands of teams; the run's config has them all.
            shown = text if len(text) <= _LONGEST_SETTING else f"{text[:_LONGEST_SETTING]} … ({len(text):,} characters)"
            rows.append((f"{prefix}{name}", shown))
    return rows


def about_tables(config: Mapping[str, Any]) -> list[Section]:
    """The last sections of every page: a run's versions and machine, and its settings, from its ``config.json``."""
    where = {name: config[name] for name in ("versions", "machine") if name in config}
    rest = {name: value for name, value in config.items() if name not in (*where, "schema")}
    words = frozenset({1})
    return [
        Section("Versions and machine", tables=[Table(("", ""), flat_settings(where), words)], folded=True),
        Section("Settings", tables=[Table(("", ""), flat_settings(rest), words)], folded=True),
    ]


def read_lines(path: Path, *, whole: bool = False) -> list[dict[str, Any]]:
    """The objects of a log with one JSON object a line; a line that is not whole yet is passed over.

    Parameters
    ----------
    path : Path
    whole : bool
        Whether the file is one object, on however many lines.

    Raises
    ------
    RunDirectoryError
        If it cannot be read, or is damaged; the message names the line.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RunDirectoryError(f"cannot read {path}: {error.strerror}") from error
    found = []
    for number, line in enumerate([data] if whole else data.split(b"\n")[:-1], start=1):
        try:
            entry = json.loads(line)
        except ValueError as error:
            raise RunDirectoryError(f"{path}, line {number} is damaged: not JSON ({error})") from error
        if not isinstance(entry, dict):
            raise RunDirectoryError(f"{path}, line {number} is damaged: expected a JSON object")
        found.append(entry)
    return found


def write_page(directory: Path, make: Callable[[], Page]) -> Path:
    """Write a page of sections, as `write_report_page` does."""

    def values() -> tuple[dict[str, Any], dict[str, Figure]]:
        page = make()
        figures = {name: figure for section in page.sections for name, figure in section.figures}
        return {"page": page}, figures

    return write_report_page(directory, "sections.html.j2", values)


def write_report_page(
    directory: Path, template: str, make: Callable[[], tuple[dict[str, Any], dict[str, Figure]]]
) -> Path:
    """Make ``report.html`` and ``figures/*.svg|png`` of a directory.

    Parameters
    ----------
    directory : Path
    template : str
        Of `pokenash.experiments`; it is given `values`, and the figures as SVG by their names.
    make : callable
        From the directory's files its values and figures, by the names of their files. Called once.

    Returns
    -------
    Path
        Of ``report.html``, which needs no network.

    Raises
    ------
    RunDirectoryError
        If a file lacks what the report needs, or the report cannot be written; nothing is written in the first case.
    """
    try:
        with rc_context(
            {
                # The same files give the same page.
                "svg.hashsalt": "pokenash",
                "font.family": "DejaVu Sans",
                "hatch.linewidth": 0.5,
                # A policy's name may hold dollar signs, and is no formula.
                "text.parse_math": False,
            }
        ):
            values, figures = make()
            drawn = {name: _drawn(figure) for name, figure in figures.items()}
    except PokenashError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        raise RunDirectoryError(f"{directory}: a file of the run lacks what the report needs: {error!r}") from error
    environment = Environment(
        loader=PackageLoader("pokenash.experiments"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    # Our own drawings; their labels were escaped by matplotlib when it wrote the SVG.
    inside = {name: Markup(svg) for name, (svg, _) in drawn.items()}
    page = environment.get_template(template).render(**values, figures=inside)
    for name, (svg, png) in drawn.items():
        write_bytes(directory / "figures" / f"{name}.svg", svg.encode())
        write_bytes(directory / "figures" / f"{name}.png", png)
    write_bytes(directory / REPORT, page.encode())
    return directory / REPORT


def _drawn(figure: Figure) -> tuple[str, bytes]:
    """A figure as SVG, to stand in a page, and as PNG."""
    for text in figure.findobj(Text):
        # Of a figure that was made before the settings of reports held.
        text.set_parse_math(False)
    svg, png = io.StringIO(), io.BytesIO()
    figure.savefig(svg, format="svg", metadata={"Date": None})
    figure.savefig(png, format="png", dpi=160, metadata={"Software": None})
    page = svg.getvalue()
    return page[page.index("<svg") :], png.getvalue()
