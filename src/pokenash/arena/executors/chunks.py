"""A schedule in chunks: what is handed to workers, and what comes back from those that are lost."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping

from pokenash.arena.matches import Match
from pokenash.errors import ClusterError, InputError

__all__ = ["Chunk", "Chunks"]

Chunk = dict[int, Match]
"""Matches by their episode, in the order of the schedule."""


class Chunks:
    """Draws a schedule lazily, a chunk at a time; what was given back goes out again first.

    Parameters
    ----------
    matches : iterable of Match
    size : int
        Most matches of a chunk.
    num_policies : int
        That the matches' indices may refer to.
    max_losses : int
        How often a match may be given back.
    """

    def __init__(self, matches: Iterable[Match], size: int, num_policies: int, max_losses: int) -> None:
        self._matches = iter(matches)
        self._size = size
        self._num_policies = num_policies
        self._max_losses = max_losses
        self._given_back: deque[Chunk] = deque()
        self._losses: Counter[int] = Counter()
        self._seen: set[int] = set()
        self._ahead: Match | None = next(self._matches, None)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to hand out now."""
        return self._ahead is None and not self._given_back

    def take(self) -> Chunk:
        """The next chunk; empty where `is_empty`.

        Raises
        ------
        InputError
            If two episodes have one number or an index is out of range.
        """
        if self._given_back:
            return self._given_back.popleft()
        chunk: Chunk = {}
        while self._ahead is not None and len(chunk) < self._size:
            chunk[self._ahead.setup.episode] = self._checked(self._ahead)
            self._ahead = next(self._matches, None)
        return chunk

    def _checked(self, match: Match) -> Match:
        episode = match.setup.episode
        if episode in self._seen:
            raise InputError(f"episode {episode} is in the schedule twice; episode numbers must differ")
        self._seen.add(episode)
        for index in match.policies:
            if not 0 <= index < self._num_policies:
                raise InputError(
                    f"episode {episode}: policy index {index}, expected one of 0 to {self._num_policies - 1}"
                )
        return match

    def give_back(self, unfinished: Mapping[int, Match], reason: str) -> None:
        """Take back what a lost worker has not finished, in two halves: of what takes its worker with it, what was
        with it in the chunk is soon apart.

        Raises
        ------
        ClusterError
            If one of the matches was given back too often. It has no result then, which is not a lost game.
        """
        self._losses.update(unfinished.keys())
        worst = [episode for episode in unfinished if self._losses[episode] > self._max_losses]
        if worst:
            raise ClusterError(
                f"{len(worst)} matches lost their worker {self._max_losses + 1} times, episode {worst[0]} among them; "
                f"the last time: {reason}. Look at the workers' logs; what is in the match log is kept"
            )
        episodes = list(unfinished)
        middle = -(-len(episodes) // 2)
        for half in (episodes[:middle], episodes[middle:]):
            if half:
                self._given_back.append({episode: unfinished[episode] for episode in half})
