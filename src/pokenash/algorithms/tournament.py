"""Round robins that are kept in a match log: only what the log lacks is played."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from pokenash.algorithms.adaptive_sampling import AdaptiveSampler
from pokenash.algorithms.block_writer import BlockWriter
from pokenash.algorithms.empirical_game import EmpiricalGame
from pokenash.algorithms.match_log import LoggedMatch, MatchLog
from pokenash.arena import paired_matches, round_robin_pairs
from pokenash.arena.executors import MatchExecutor
from pokenash.errors import InputError
from pokenash.policies.populations import check_population
from pokenash.policies.spec import PolicySpec

__all__ = ["play_tournament"]

Targets = Mapping[tuple[int, int], int]

# Episode numbers of a pair begin at its rank times this, whatever the number of battles: so a pair's battles are the
# same in a tournament that is resumed, given newcomers, or given more battles.
_EPISODES_PER_PAIR = 10**6
# Of an adaptive tournament: each round plays so much more.
_SHARE_OF_A_ROUND = 0.1


def play_tournament(
    arena: MatchExecutor,
    log: MatchLog,
    population: Sequence[PolicySpec],
    *,
    battles: int,
    seed: int,
    key: str = "tournament",
    block_size: int = 100,
    sampling: Literal["uniform", "adaptive"] | AdaptiveSampler = "uniform",
) -> EmpiricalGame:
    """Play every policy against every other until the log holds `battles` of each pair.

    Pairs are ordered by their later policy, so a population that grows at its end keeps its old battles. Blocks are
    written in the order of the schedule: a tournament that is killed and called again with the same arguments ends
    with the same log as an unbroken one.

    Parameters
    ----------
    arena : MatchExecutor
    log : MatchLog
        The blocks' keys are ``"<key>/<policy>/<policy>/<first battle>"``.
    population : sequence of PolicySpec
    battles : int
        Per pair, rounded up to an even number; half of them with the seats exchanged, on the same seeds and options.
        With adaptive sampling the mean over pairs, at most; what the log holds besides, of another sampling, is counted
        in the result and not in this number.
    seed : int
        Of the schedule and of the policies' randomness.
    key : str
    block_size : int
        Battles that are written together; what is lost, at most, of every pair in play when the process is killed.
    sampling : {"uniform", "adaptive"} or AdaptiveSampler
        Which pairs play: every pair as often, or those that narrow the interval of the meta-strategy's restricted
        `nash_conv`, in rounds of a tenth of what was played so far. A sampler with a `width` ends the tournament when
        the interval is no wider than that. Rounds follow from the results before them, so that this too is resumed.

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
    if not isinstance(sampling, AdaptiveSampler) and sampling not in ("uniform", "adaptive"):
        raise InputError(f"sampling: expected 'uniform', 'adaptive' or an AdaptiveSampler, got {sampling!r}")
    names = [spec.name for spec in population]
    pairs = round_robin_pairs(len(names))
    even = battles + battles % 2

    def play(targets: Targets) -> None:
        """Play until the log holds the given number of battles of each pair."""
        writer = BlockWriter(log, names)
        for rank, (first, second) in enumerate(pairs):
            prefix = f"{key}/{names[first]}/{names[second]}/"
            played = log.num_matches(prefix)
            pair = paired_matches(
                arena.game, [(first, second)], targets[first, second], seed, rank * _EPISODES_PER_PAIR
            )
            for begin in range(played, len(pair), block_size + block_size % 2):
                writer.expect(f"{prefix}{begin}", pair[begin : begin + block_size + block_size % 2])
        if writer.matches:
            arena.play(population, writer.matches, seed=seed, on_result=writer.take)

    if isinstance(sampling, AdaptiveSampler) or sampling == "adaptive":
        sampler = sampling if isinstance(sampling, AdaptiveSampler) else AdaptiveSampler()
        _play_adaptively(play, lambda targets: _game_of_first(log, names, key, targets), pairs, even, sampler)
    else:
        play(dict.fromkeys(pairs, even))
    return EmpiricalGame.from_log(log, names, prefix=f"{key}/")


def _play_adaptively(
    play: Callable[[Targets], None],
    game_of: Callable[[Targets], EmpiricalGame],
    pairs: Sequence[tuple[int, int]],
    battles: int,
    sampler: AdaptiveSampler,
) -> None:
    """Rounds of battles as the sampler hands them out, until it is done or `battles` per pair are used up."""
    targets = dict.fromkeys(pairs, min(battles, sampler.minimum))
    play(targets)
    left = battles * len(pairs) - sum(targets.values())
    while left > 0 and not sampler.is_done(game := game_of(targets)):
        share = max(2 * len(pairs), int(_SHARE_OF_A_ROUND * sum(targets.values())))
        for pair, more in sampler.next_cells(game, min(left, share)):
            targets[pair] = min(targets[pair] + more, _EPISODES_PER_PAIR)
            left -= more
        play(targets)


def _game_of_first(log: MatchLog, names: Sequence[str], key: str, targets: Targets) -> EmpiricalGame:
    """The first so many battles of each pair, whatever else the log holds."""
    first_matches: list[LoggedMatch] = []
    for (first, second), target in targets.items():
        prefix = f"{key}/{names[first]}/{names[second]}/"
        first_matches += sorted(log.matches(prefix), key=lambda match: match.episode)[:target]
    return EmpiricalGame.from_matches(first_matches, names)
