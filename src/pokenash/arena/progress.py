"""A progress bar of battles."""

from __future__ import annotations

from typing import Any

__all__ = ["progress_bar"]


def progress_bar(total: int | None, done: int = 0) -> Any:
    """A bar on standard error that counts battles; what draws it is imported only where one is shown.

    Parameters
    ----------
    total : int or None
        How many battles there will be, where that is known.
    done : int
        How many of them are there already; they do not count for the speed.
    """
    from tqdm.auto import tqdm

    return tqdm(total=total, initial=done, unit="battle", dynamic_ncols=True)
