"""A progress bar of battles."""

from __future__ import annotations

from typing import Any

__all__ = ["progress_bar"]


def progress_bar(total: int | None) -> Any:
    """A bar on standard error that counts battles; what draws it is imported only where one is shown.

    Parameters
    ----------
    total : int or None
        How many battles there will be, where that is known.
    """
    from tqdm.auto import tqdm

    return tqdm(total=total, unit="battle", dynamic_ncols=True)
