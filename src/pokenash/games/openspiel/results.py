"""How an episode of an OpenSpiel game ended."""

from __future__ import annotations

from collections.abc import Sequence

from pokenash.errors import InputError
from pokenash.games.core import EpisodeResult, EpisodeSetup

__all__ = ["first_return", "result_of"]

# Returns are sums of a few payments in double precision; real defects are of the order of 1.
_ZERO_SUM_TOLERANCE = 1e-6


def first_return(returns: Sequence[float], what: str) -> float:
    """What player 0 gets.

    Raises
    ------
    InputError
        If player 1 does not get the negative; `what` says where.
    """
    first, second = returns
    if abs(first + second) > _ZERO_SUM_TOLERANCE * max(1.0, abs(first)):
        raise InputError(f"{what} is not zero-sum: it returns {first} and {second}; pokenash plays zero-sum games only")
    return float(first)


def result_of(setup: EpisodeSetup, first: float, length: int) -> EpisodeResult:
    """The result of an episode that returned `first` to player 0."""
    # 0.0 - x, so that nobody gets -0.0.
    returns = (first + 0.0, 0.0 - first)
    return EpisodeResult(setup.episode, setup.seed, setup.options, returns, length, "win" if first else "tie")
