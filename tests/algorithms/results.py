"""Match results that are made up for a test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pokenash.arena import Match, MatchResult
from pokenash.games.core import EpisodeResult, EpisodeSetup


def match_result(
    episode: int,
    seats: tuple[int, int] = (0, 1),
    first_return: float = 1.0,
    *,
    reason: str = "win",
    members: tuple[str | None, str | None] = (None, None),
    options: dict[str, Any] | None = None,
) -> MatchResult:
    """One result of which everything but the given is arbitrary."""
    setup = EpisodeSetup(episode, 2**64 - 1 - episode, options if options is not None else {"teams": [episode, 3]})
    returns = (first_return, -first_return)
    ended = EpisodeResult(episode, setup.seed, setup.options, returns, 10 + episode, reason, {"turns": 5})
    return MatchResult(Match(setup, seats), ended, members)


def series(seats: tuple[int, int], returns: Sequence[float], first_episode: int = 0) -> list[MatchResult]:
    """One result per return."""
    return [match_result(first_episode + i, seats, r) for i, r in enumerate(returns)]
