"""Collecting metamon trajectories: of self-play, or of a policy against others, in a directory that may be continued.

`pokenash.experiments.collection_directory` says what the directory holds. Battles are logged in blocks; a collection
that is killed plays its unfinished blocks again and ends with the files of an unbroken one, as far as the policies'
choices follow from the seed. They are played by any executor: wherever that is, this process alone writes files and
log.

Memory grows with the numbers of the battles of a call, not with the trajectories: each is written when it comes in.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pokenash.algorithms.block_writer import BlockWriter
from pokenash.algorithms.oracles.core import derive_seed
from pokenash.arena import Arena, Match, MatchResult, paired_matches
from pokenash.arena.executors import MatchExecutor, check_executor
from pokenash.arena.progress import progress_bar
from pokenash.errors import InputError
from pokenash.experiments.collection_directory import (
    MOST_BATTLES,
    TRAJECTORIES,
    BattleNumbers,
    LoggedBattles,
    forget_unlogged,
    open_collection,
    played_battles,
)
from pokenash.experiments.collection_result import CollectionResult, summarise_collection
from pokenash.experiments.run_directory import RunDirectory, write_json
from pokenash.games.core import EpisodeSetup
from pokenash.games.showdown import ShowdownGame
from pokenash.metamon.actions import get_action_space
from pokenash.metamon.dataset_index import index_trajectories
from pokenash.metamon.recording import TrajectoryRecording, recorded_name
from pokenash.metamon.seat import check_format
from pokenash.metamon.trajectories import write_encoded_trajectory
from pokenash.policies.populations import check_population
from pokenash.policies.spec import PolicySpec

__all__ = ["INDEXED_FROM", "Recorded", "collect", "collection_block"]

_log = logging.getLogger(__name__)

Recorded = Literal["policy", "both"]
"""Whose trajectories are written where two policies meet; of self-play always both sides are."""

INDEXED_FROM = 20_000
"""From so many files on a root is indexed when it is finished: fewer are listed within a second."""

_BLOCK = 100


def collection_block(
    game: ShowdownGame, opponent: str, block: int, seed: int, *, self_play: bool = False
) -> list[Match]:
    """The battles of one block of 100: a function of the arguments alone.

    Parameters
    ----------
    game : ShowdownGame
    opponent : str
        Name.
    block : int
        Its number among those against the opponent.
    seed : int
        Of the collection.
    self_play : bool
        Index 0 sits in both seats, and every start is played once. Otherwise 0 meets 1 and every start is played both
        ways.

    Returns
    -------
    list of Match
    """
    first = BattleNumbers.first_episode(opponent) + block * _BLOCK
    block_seed = derive_seed(seed, "collection", opponent, block)
    if not self_play:
        return paired_matches(game, [(0, 1)], _BLOCK, block_seed, first)
    rng = np.random.default_rng(block_seed)
    matches = []
    for number in range(_BLOCK):
        game_seed = int(rng.integers(0, 2**64, dtype=np.uint64))
        matches.append(Match(EpisodeSetup(first + number, game_seed, game.sample_options(rng)), (0, 0)))
    return matches


@dataclass(frozen=True, slots=True)
class _Schedule:
    """The battles against an opponent from one number to another; drawn lazily, block by block."""

    writer: BlockWriter
    blocks: Callable[[int], list[Match]]
    opponent: str
    begin: int
    end: int

    def __len__(self) -> int:
        return self.end - self.begin

    def __iter__(self) -> Iterator[Match]:
        return self.writer.drawn(self._parts())

    def _parts(self) -> Iterator[tuple[str, list[Match]]]:
        """What the log will hold: whole blocks of the schedule, or what is left of one."""
        begin = self.begin
        while begin < self.end:
            number, there = divmod(begin, _BLOCK)
            matches = self.blocks(number)[there : there + self.end - begin]
            yield f"collection/{self.opponent}/{begin}", matches
            begin += len(matches)


@dataclass(slots=True)
class _Collection:
    """Who plays whom, and what the log says of it."""

    run: RunDirectory
    game: ShowdownGame
    policy: PolicySpec
    battles: int
    seed: int
    recorded: Recorded
    action_space: str
    time: datetime
    numbers: BattleNumbers
    new_battles: int = 0
    new_decisions: int = 0

    def play(self, arena: MatchExecutor, opponent: PolicySpec, on_battle: Callable[[], object]) -> None:
        """Play what the log lacks of the battles against an opponent."""
        begin = played_battles(self.run.log, opponent.name)
        if begin >= self.battles:
            return
        self_play = opponent == self.policy
        both = self_play or self.recorded == "both"
        players = [self.policy] if self_play else [self.policy, opponent]
        names = [spec.name for spec in players]
        writer = BlockWriter(self.run.log, names)
        schedule = _Schedule(
            writer,
            lambda number: collection_block(self.game, opponent.name, number, self.seed, self_play=self_play),
            opponent.name,
            begin,
            self.battles,
        )
        recording = TrajectoryRecording(tuple(range(len(players))) if both else (0,), self.action_space)
        play_seed = derive_seed(self.seed, "collection", "play")
        try:
            for result in arena.stream(players, schedule, seed=play_seed, recording=recording):
                # First the files, then the log: what the log holds is there.
                self._write(result, names, both)
                writer.take(replace(result, recorded=(None, None)))
                self.new_battles += 1
                self.new_decisions += result.result.length
                on_battle()
        except BaseException:
            # It is in the middle of battles that nobody waits for any more.
            arena.close()
            raise

    def _write(self, result: MatchResult, names: Sequence[str], both: bool) -> None:
        """The files of a battle; policies that chose nothing, or whose battle failed, have none."""
        seats = [names[index] for index in result.match.policies]
        for seat, data in enumerate(result.recorded):
            if data is None:
                continue
            name = recorded_name(
                self.game.format, self.numbers.battle_id, result.result, seat,
                names=(seats[seat], seats[1 - seat]), time=self.time, both_seats=both,
            )  # fmt: skip
            write_encoded_trajectory(self.run.path / TRAJECTORIES, self.game.format, name, data)


def collect(
    directory: str | Path,
    game: ShowdownGame,
    policy: PolicySpec,
    opponents: Sequence[PolicySpec] | None = None,
    *,
    battles: int = 1000,
    record: Recorded = "policy",
    action_space: str = "DefaultActionSpace",
    seed: int = 0,
    num_lanes: int = 64,
    num_workers: int = 1,
    progress: bool = False,
    on_open: Callable[[], object] | None = None,
    arena: MatchExecutor | None = None,
) -> CollectionResult:
    """Play battles and write their trajectories, or go on with what is there.

    Parameters
    ----------
    directory : str or Path
        New, empty, or that of a collection of the same policy on the same game with the same seed. More battles and
        further opponents extend it, with the battles that a larger collection would have had; what is there stays.
    game : ShowdownGame
        Of a singles format of generations 1 to 4 or 9.
    policy : PolicySpec
    opponents : sequence of PolicySpec, optional
        With different names. The policy itself stands for self-play, of which both sides are written; that alone by
        default. Of a collection that goes on, those that are not named stay as they are.
    battles : int
        Against each opponent, rounded up to an even number: two policies play every start from both seats.
    record : {"policy", "both"}
        Whose trajectories are written where two policies meet.
    action_space : str
        metamon's name of the one that the indices in the files are of.
    seed : int
    num_lanes, num_workers
        As for `Arena`; what is collected does not depend on them.
    progress : bool
        Whether to show a bar of the battles that are to be played, with their number per second, on standard error.
    on_open : callable, optional
        Called when the directory is known to be usable, before anything is played.
    arena : MatchExecutor, optional
        Plays instead of a local arena with those lanes and workers, such as a `RayArena`; of the same game. It is not
        closed here, unless the collection fails or is interrupted.

    Raises
    ------
    InputError
        If the arguments cannot be used, or a file cannot be written (a full disk); the same call goes on then.
    RunDirectoryError
        If the directory is damaged, is of something else, or is in use; nothing in it has been changed then.
    """
    check_executor(arena, game)
    wanted = [policy] if opponents is None else list(opponents)
    _check(game, policy, wanted, battles, record, action_space)
    battles += battles % 2
    about = {"seed": seed, "record": record, "action_space": action_space}
    with RunDirectory(Path(directory)).locked(), ExitStack() as stack:
        # The log is read when nobody else can write it: files that it does not hold are deleted below.
        run = RunDirectory(Path(directory))
        config, everyone = open_collection(run, game.config(), policy, wanted, about, {"battles": battles})
        if on_open is not None:
            on_open()
        numbers, names = BattleNumbers(game.format, seed), [spec.name for spec in everyone]
        gone = forget_unlogged(run.path / TRAJECTORIES, numbers, LoggedBattles(run.log, names))
        if gone:
            _log.info("%d files of battles that were interrupted are forgotten; they are played again", gone)
        begun = datetime.fromisoformat(config["time"])
        collection = _Collection(run, game, policy, battles, seed, record, action_space, begun, numbers)
        if arena is None:
            arena = stack.enter_context(Arena(game, num_lanes=num_lanes, num_workers=num_workers))
        seconds = _play_all(collection, wanted, arena, progress)
        logged, new = LoggedBattles(run.log, names), (collection.new_battles, collection.new_decisions)
        result = summarise_collection(run, policy, everyone, numbers, logged, new, seconds)
        write_json(run.path / "collection.json", result.to_json())
        if result.trajectories >= INDEXED_FROM:
            index_trajectories(result.root)
        return result


def _play_all(collection: _Collection, opponents: Sequence[PolicySpec], arena: MatchExecutor, progress: bool) -> float:
    """Play what is missing against everybody; returns the seconds that it took, with the start of the workers."""
    total = len(opponents) * collection.battles
    there = sum(min(played_battles(collection.run.log, spec.name), collection.battles) for spec in opponents)
    begin = time.perf_counter()
    with ExitStack() as stack:
        bar: Any = None
        if progress and there < total:
            bar = stack.enter_context(closing(progress_bar(total, there)))
        for opponent in opponents:
            collection.play(arena, opponent, lambda: bar.update() if bar is not None else None)
    seconds = time.perf_counter() - begin
    if collection.new_battles:
        battles, decisions = collection.new_battles, collection.new_decisions
        collection.run.event("collected", battles=battles, decisions=decisions, seconds=round(seconds, 3))
    return seconds


def _check(
    game: object, policy: PolicySpec, opponents: Sequence[PolicySpec], battles: int, record: str, action_space: str
) -> None:
    if not isinstance(game, ShowdownGame):
        raise InputError(f"collect: trajectories are of Showdown's formats, got {type(game).__name__}")
    check_format(game.format)
    get_action_space(action_space)
    if not opponents:
        raise InputError("collect: expected at least one opponent; the policy itself stands for self-play")
    check_population([policy, *(spec for spec in opponents if spec != policy)], "collect")
    check_population(opponents, "collect")
    if not 1 <= battles <= MOST_BATTLES:
        raise InputError(f"collect: expected 1 to {MOST_BATTLES} battles against each opponent, got {battles}")
    if record not in ("policy", "both"):
        raise InputError(f"collect: record must be 'policy' or 'both', got {record!r}")
