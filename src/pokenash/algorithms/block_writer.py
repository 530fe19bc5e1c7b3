"""Blocks of a match log, written in a fixed order while their matches end in any."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pokenash.algorithms.match_log import MatchLog
from pokenash.arena import Match, MatchResult

__all__ = ["BlockWriter"]


class BlockWriter:
    """Collects results, and writes blocks in the order in which they are expected, whatever ends first.

    Parameters
    ----------
    log : MatchLog
    names : sequence of str
        Of the policies that the matches' indices refer to.

    Attributes
    ----------
    matches : list of Match
        All that were announced with `expect`, in order: the schedule for `Arena.play`, whose ``on_result`` is `take`.
    """

    def __init__(self, log: MatchLog, names: Sequence[str]) -> None:
        self._log = log
        self._names = names
        self._keys: list[str] = []
        self._sizes: list[int] = []
        self._results: list[list[MatchResult]] = []
        self._block_of: dict[int, int] = {}
        self._next = 0
        self.matches: list[Match] = []

    def expect(self, key: str, matches: Sequence[Match]) -> None:
        """Announce the next block."""
        self._announce(key, matches)
        self.matches += matches

    def drawn(self, blocks: Iterable[tuple[str, Sequence[Match]]]) -> Iterator[Match]:
        """The matches of blocks that are announced as they are drawn: a schedule of which no more is in memory."""
        for key, matches in blocks:
            self._announce(key, matches)
            yield from matches

    def _announce(self, key: str, matches: Sequence[Match]) -> None:
        self._block_of.update((match.setup.episode, len(self._keys)) for match in matches)
        self._keys.append(key)
        self._sizes.append(len(matches))
        self._results.append([])

    def take(self, result: MatchResult) -> None:
        """Keep a result, and write the blocks that have become whole and are due."""
        self._results[self._block_of.pop(result.result.episode)].append(result)
        while self._next < len(self._keys) and len(self._results[self._next]) == self._sizes[self._next]:
            self._log.append_block(self._keys[self._next], self._results[self._next], self._names)
            self._results[self._next] = []
            self._next += 1
