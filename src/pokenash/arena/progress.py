"""A progress bar of battles, and results that are gathered beside one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from typing import Any

from pokenash.arena.matches import MatchResult

__all__ = ["gathered", "progress_bar"]


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


def gathered(
    results: Iterable[MatchResult],
    *,
    total: int | None,
    progress: bool,
    on_result: Callable[[MatchResult], None] | None,
) -> list[MatchResult]:
    """Results as they come in, told one by one, in a list by episode.

    Parameters
    ----------
    results : iterable of MatchResult
    total : int or None
        How many there will be, where that is known.
    progress : bool
        Whether to show a bar.
    on_result : callable, optional
        Called with each of them.
    """
    found: list[MatchResult] = []
    with ExitStack() as stack:
        bar = stack.enter_context(closing(progress_bar(total))) if progress else None
        for result in results:
            found.append(result)
            if on_result is not None:
                on_result(result)
            if bar is not None:
                bar.update(1)
    return sorted(found, key=lambda one: one.result.episode)
