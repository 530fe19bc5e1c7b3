"""What the commands print: tables, mixtures, and what the library logs."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TextIO

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
    handler = _BesideBars()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logger = logging.getLogger("pokenash")
    logger.handlers = [handler]
    logger.setLevel(level.upper())
    logger.propagate = False


class _BesideBars(logging.StreamHandler[TextIO]):
    """Lines of their own, and progress bars drawn again below them."""

    def emit(self, record: logging.LogRecord) -> None:
        # Where nothing has loaded it there is no bar.
        bars = sys.modules.get("tqdm.std")
        with nullcontext() if bars is None else bars.tqdm.external_write_mode(self.stream):
            super().emit(record)


def mixture_text(names: Sequence[str], probabilities: Sequence[float]) -> str:
    """A mixture in words, largest share first; shares below 0.05% are left out."""
    shown = sorted(((p, name) for name, p in zip(names, probabilities, strict=True) if p >= 5e-4), reverse=True)
    return ", ".join(f"{p:.1%} {name}" for p, name in shown)
