"""Round robins that are kept in a match log: only what the log lacks is played."""

from __future__ import annotations

from collections.abc import Sequence

from pokenash.algorithms.empirical_game import EmpiricalGame
from pokenash.algorithms.match_log import MatchLog
from pokenash.arena import Arena, Match, MatchResult, paired_matches, round_robin_pairs
from pokenash.errors import InputError
from pokenash.policies.populations import check_population
from pokenash.policies.spec import PolicySpec

__all__ = ["play_tournament"]

# Episode numbers of a pair begin at its rank times this, whatever the number of battles: so a pair's battles are the
# same in a tournament that is resumed, given newcomers, or given more battles.
_EPISODES_PER_PAIR = 10**6


def play_tournament(
    arena: Arena,
    log: MatchLog,
    population: Sequence[PolicySpec],
    *,
    battles: int,
    seed: int,
    key: str = "tournament",
    block_size: int = 100,
) -> EmpiricalGame:
    """Play every policy against every other until the log holds `battles` of each pair.

    Pairs are ordered by their later policy, so a population that grows at its end keeps its old battles. Blocks are
    written in the order of the schedule: a tournament that is killed and called again with the same arguments ends
    with the same log as an unbroken one.

    Parameters
    ----------
    arena : Arena
    log : MatchLog
        The blocks' keys are ``"<key>/<policy>/<policy>/<first battle>"``.
    population : sequence of PolicySpec
    battles : int
        Per pair, rounded up to an even number; half of them with the seats exchanged, on the same seeds and options.
    seed : int
        Of the schedule and of the policies' randomness.
    key : str
    block_size : int
        Battles that are written together; what is lost, at most, of every pair in play when the process is killed.

    Returns
    -------
    EmpiricalGame
        Of the population, from all blocks under the key.
    """
    population = check_population(population)
    if not 0 <= battles <= _EPISODES_PER_PAIR or block_size < 2:
        raise InputError(
            f"expected 0 to {_EPISODES_PER_PAIR} battles per pair and blocks of at least 2, "
            f"got {battles} battles and blocks of {block_size}"
        )
    names = [spec.name for spec in population]
    writer = _BlockWriter(log, names)
    for rank, (first, second) in enumerate(round_robin_pairs(len(names))):
        prefix = f"{key}/{names[first]}/{names[second]}/"
        played = sum(len(log.block(block)) for block in log.blocks if block.startswith(prefix))
        pair = paired_matches(arena.game, [(first, second)], battles, seed, rank * _EPISODES_PER_PAIR)
        for begin in range(played, len(pair), block_size + block_size % 2):
            writer.expect(f"{prefix}{begin}", pair[begin : begin + block_size + block_size % 2])
    if writer.matches:
        arena.play(population, writer.matches, seed=seed, on_result=writer.take)
    return EmpiricalGame.from_log(log, names, prefix=f"{key}/")


class _BlockWriter:
    """Collects results, and writes blocks in the order in which they are expected, whatever ends first."""

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
        self._block_of.update((match.setup.episode, len(self._keys)) for match in matches)
        self._keys.append(key)
        self._sizes.append(len(matches))
        self._results.append([])
        self.matches += matches

    def take(self, result: MatchResult) -> None:
        """Keep a result, and write the blocks that have become whole and are due."""
        self._results[self._block_of[result.result.episode]].append(result)
        while self._next < len(self._keys) and len(self._results[self._next]) == self._sizes[self._next]:
            self._log.append_block(self._keys[self._next], self._results[self._next], self._names)
            self._results[self._next] = []
            self._next += 1
