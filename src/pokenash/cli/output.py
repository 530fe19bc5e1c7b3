"""What the commands print: tables, mixtures, and what the library logs."""

from __future__ import annotations

import logging
from collections.abc import Sequence

__all__ = ["LOG_LEVELS", "aligned", "follow_logging", "mixture_text"]

LOG_LEVELS = ("debug", "info", "warning", "error")


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines of a table whose first row is the header."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return lines


def follow_logging(level: str) -> None:
    """What the library logs goes to standard error, with the time of day."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logger = logging.getLogger("pokenash")
    logger.handlers = [handler]
    logger.setLevel(level.upper())
    logger.propagate = False


def mixture_text(names: Sequence[str], probabilities: Sequence[float]) -> str:
    """A mixture in words, largest share first; shares below 0.05% are left out."""
    shown = sorted(((p, name) for name, p in zip(names, probabilities, strict=True) if p >= 5e-4), reverse=True)
    return ", ".join(f"{p:.1%} {name}" for p, name in shown)
