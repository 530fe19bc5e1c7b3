"""The power tables of the docs, made by the code that they document."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from pokenash.algorithms.power import (
    battles_for_difference,
    battles_for_interval,
    battles_for_win_rate,
    design_effect,
)
from pokenash.errors import InputError

__all__ = ["POWER_TABLES", "claim_table", "difference_table", "power_page", "width_table"]

_RATES = (0.525, 0.55, 0.575, 0.6, 0.65, 0.7, 0.8)
_DIFFERENCES = ((0.525, 0.5), (0.55, 0.5), (0.6, 0.5), (0.65, 0.5), (0.75, 0.7), (0.8, 0.7), (0.9, 0.8))
_HALF_WIDTHS = (0.01, 0.02, 0.03, 0.05, 0.1)


def claim_table() -> str:
    """Battles for the claim that a win rate is above 50%, as Markdown."""
    five = design_effect(5, 0.1)
    rows = [
        (
            f"{rate:.1%}",
            battles_for_win_rate(rate),
            battles_for_win_rate(rate, power=0.9),
            battles_for_win_rate(rate, two_sided=True),
            battles_for_win_rate(rate, draw_rate=0.1),
            battles_for_win_rate(rate, design_effect=five),
        )
        for rate in _RATES
    ]
    header = (
        "true win rate",
        "80% power",
        "90% power",
        "two-sided, 80%",
        "10% draws, 80%",
        "5 battles an opponent, 80%",
    )
    return _table(header, rows)


def difference_table() -> str:
    """Battles that each of two policies needs for their win rates to be told apart, as Markdown."""
    rows = [
        (
            f"{first:.1%} and {second:.1%}",
            battles_for_difference(first, second),
            battles_for_difference(first, second, power=0.9),
            battles_for_difference(first, second, correlation=0.3),
        )
        for first, second in _DIFFERENCES
    ]
    return _table(("true win rates", "80% power", "90% power", "paired with correlation 0.3, 80%"), rows)


def width_table() -> str:
    """Battles for a Wilson interval of a given width, as Markdown."""
    five = design_effect(5, 0.1)
    rows = [
        (
            f"± {100 * half:g} points",
            battles_for_interval(half),
            battles_for_interval(half, win_rate=0.75),
            battles_for_interval(half, win_rate=0.9),
            battles_for_interval(half, design_effect=five),
        )
        for half in _HALF_WIDTHS
    ]
    header = ("95% interval", "at 50%", "at 75%", "at 90%", "at 50%, 5 battles an opponent")
    return _table(header, rows)


def power_page(page: str) -> str:
    """A page whose tables, each between ``<!-- NAME -->`` and ``<!-- end -->``, are written anew."""
    for name, table in POWER_TABLES.items():
        place = re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- end -->)", re.DOTALL)
        if not place.search(page):
            raise InputError(f"power tables: the page has no place <!-- {name} --> ... <!-- end -->")
        page = place.sub(rf"\g<1>{table()}\g<2>", page)
    return page


def _table(header: Sequence[str], rows: Sequence[Sequence[str | int]]) -> str:
    lines = [list(header), ["---", *["---:"] * (len(header) - 1)]]
    lines += [[f"{cell:,}" if isinstance(cell, int) else cell for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


POWER_TABLES: Mapping[str, Callable[[], str]] = MappingProxyType(
    {"claims": claim_table, "differences": difference_table, "widths": width_table}
)
"""The tables by the names that mark their places on the page."""
