"""Results as CSV files, for people's own tables and figures."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["csv_bytes"]


def csv_bytes(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows of the same columns, at least one, as a CSV file with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
