"""What is played: matches, their results, and the paired schedules by which policies are measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pokenash.errors import InputError
from pokenash.games.core import EpisodeResult, EpisodeSetup, Game

__all__ = ["Match", "MatchResult", "paired_matches", "round_robin", "round_robin_pairs"]


@dataclass(frozen=True, slots=True)
class Match:
    """One episode and who plays it.

    Parameters
    ----------
    setup : EpisodeSetup
        Its episode number is unique among the matches that are played together.
    policies : tuple of int
        For each seat the index of its policy in the list that `Arena.play` is given.
    """

    setup: EpisodeSetup
    policies: tuple[int, int]


@dataclass(frozen=True, slots=True)
class MatchResult:
    """How a match ended.

    Parameters
    ----------
    match : Match
    result : EpisodeResult
    members : tuple of str or None
        For each seat the name of the member that was drawn, where the seat's policy is a mixture.
    recorded : tuple of bytes or None
        For each seat what was recorded of it, where a recording was asked for.
    """

    match: Match
    result: EpisodeResult
    members: tuple[str | None, str | None] = (None, None)
    recorded: tuple[bytes | None, bytes | None] = (None, None)

    @property
    def counted(self) -> bool:
        """Whether the match says something about the policies: False for the reason ``"error"``."""
        return self.result.reason != "error"


def paired_matches(
    game: Game, pairs: Sequence[tuple[int, int]], battles: int, seed: int, first_episode: int = 0
) -> list[Match]:
    """A schedule in which every drawn start is played both ways.

    Two matches that follow one another have the same game seed and options (for Showdown: the same two teams in
    the same seats), the policies' seats exchanged; so neither seat nor team favours a policy. What a pair of
    policies plays depends on the seed and the two indices alone, not on the other pairs.

    Parameters
    ----------
    game : Game
        Draws the options.
    pairs : sequence of (int, int)
        Indices of the policies that meet.
    battles : int
        Per pair; rounded up to an even number.
    seed : int
        Of the schedule, any integer.
    first_episode : int
        Episode number of the first match; the others follow it.

    Returns
    -------
    list of Match
        ``len(pairs) * battles`` of them, pair by pair.
    """
    if battles < 0:
        raise InputError(f"battles per pair: expected a number >= 0, got {battles}")
    matches: list[Match] = []
    for first, second in pairs:
        if first < 0 or second < 0:
            raise InputError(f"pair of policies: expected indices >= 0, got {(first, second)}")
        rng = np.random.default_rng(np.random.SeedSequence([seed % 2**64, first, second]))
        for _ in range((battles + 1) // 2):
            game_seed = int(rng.integers(0, 2**64, dtype=np.uint64))
            options = game.sample_options(rng)
            for policies in ((first, second), (second, first)):
                setup = EpisodeSetup(first_episode + len(matches), game_seed, options)
                matches.append(Match(setup, policies))
    return matches


def round_robin_pairs(num_policies: int, num_old: int = 0) -> list[tuple[int, int]]:
    """All pairs of different policies, once each, lower index first.

    Parameters
    ----------
    num_policies : int
    num_old : int
        Pairs within the first `num_old` policies are left out: what a tournament lacks after newcomers.
    """
    if not 0 <= num_old <= max(num_policies, 0):
        raise InputError(f"expected 0 <= num_old <= num_policies, got num_old {num_old}, num_policies {num_policies}")
    return [(i, j) for j in range(num_old, num_policies) for i in range(j)]


def round_robin(game: Game, num_policies: int, battles: int, seed: int) -> list[Match]:
    """Every policy against every other, `battles` per pair, paired as `paired_matches` says."""
    return paired_matches(game, round_robin_pairs(num_policies), battles, seed)
