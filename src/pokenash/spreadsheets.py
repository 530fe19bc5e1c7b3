"""What others have named, as cells of CSV files."""

from __future__ import annotations

__all__ = ["csv_cell"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_cell(value: object) -> object:
    """A value as a cell that no spreadsheet takes for a formula: a text that begins like one gets an apostrophe.

    None is an empty cell; numbers are left as they are.
    """
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value
