"""Collecting metamon trajectories: of self-play, or of a policy against others, in a directory that may be continued.

`pokenash.experiments.collection_directory` says what the directory holds. Battles are played in blocks; a collection
that is killed plays its unfinished blocks again and ends with the files of an unbroken one, as far as the policies'
choices follow from the seed.

Memory grows with the match log, not with the trajectories: each is written when its battle ends.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pokenash.algorithms.block_writer import BlockWriter
from pokenash.algorithms.oracles.core import derive_seed
from pokenash.arena import Arena, Match, MatchResult, paired_matches
from pokenash.errors import InputError
from pokenash.experiments.collection_directory import (
    MOST_BATTLES,
    TRAJECTORIES,
    BattleNumbers,
    forget_unlogged,
    open_collection,
)
from pokenash.experiments.collection_result import CollectionResult, summarise_collection
from pokenash.experiments.run_directory import RunDirectory, write_json
from pokenash.games.core import EpisodeSetup
from pokenash.games.showdown import ShowdownGame
from pokenash.metamon.recording import TrajectoryRecorder
from pokenash.policies.core import Policy
from pokenash.policies.mixture import Mixture
from pokenash.policies.populations import check_population
from pokenash.policies.spec import PolicySpec, load_policy

__all__ = ["Recorded", "collect", "collection_matches"]

_log = logging.getLogger(__name__)

Recorded = Literal["policy", "both"]
"""Whose trajectories are written where two policies meet; of self-play always both sides are."""

_BLOCK = 100
# Blocks that are played together: lanes run empty only at the end of so many.
_TOGETHER = 20


def collection_matches(
    game: ShowdownGame, opponent: str, begin: int, battles: int, seed: int, *, self_play: bool = False
) -> list[Match]:
    """The battles of one block: a function of the arguments alone.

    Parameters
    ----------
    game : ShowdownGame
    opponent : str
        Name.
    begin : int
        How many battles against the opponent come before.
    battles : int
        Even, unless it is self-play.
    seed : int
        Of the collection.
    self_play : bool
        Index 0 sits in both seats, and every start is played once. Otherwise 0 meets 1 and every start is played both
        ways.

    Returns
    -------
    list of Match
    """
    first = BattleNumbers.first_episode(opponent) + begin
    block_seed = derive_seed(seed, "collection", opponent, begin)
    if not self_play:
        return paired_matches(game, [(0, 1)], battles, block_seed, first)
    rng = np.random.default_rng(block_seed)
    matches = []
    for number in range(battles):
        game_seed = int(rng.integers(0, 2**64, dtype=np.uint64))
        matches.append(Match(EpisodeSetup(first + number, game_seed, game.sample_options(rng)), (0, 0)))
    return matches


@dataclass(slots=True)
class _Recording:
    """Policies that write what they play, and whom to tell of results."""

    root: Path
    game: ShowdownGame
    time: datetime
    battle_id: str
    action_space: str
    recorders: list[TrajectoryRecorder] = field(default_factory=list)

    def wrap(self, policy: Policy, name: str, opponent: str, self_play: bool = False) -> Policy:
        """The policy, recorded; of a mixture every member, so that the arena still knows who was drawn."""
        if isinstance(policy, Mixture):
            members = [self._recorder(member, name, opponent, self_play) for member in policy.members]
            return Mixture(policy.names, members, policy.probabilities)
        return self._recorder(policy, name, opponent, self_play)

    def _recorder(self, policy: Policy, name: str, opponent: str, self_play: bool) -> TrajectoryRecorder:
        recorder = TrajectoryRecorder(
            policy, self.game, self.root, name=name, opponent=opponent, time=self.time, battle_id=self.battle_id,
            action_space=self.action_space, self_play=self_play,
        )  # fmt: skip
        self.recorders.append(recorder)
        return recorder

    def take(self, result: MatchResult) -> None:
        for recorder in self.recorders:
            recorder.on_result(result)


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
    played_battles: int = 0
    played_decisions: int = 0

    @property
    def new(self) -> tuple[int, int]:
        """Battles and decisions of this call."""
        return self.played_battles, self.played_decisions

    def played(self, opponent: str) -> int:
        """Battles against an opponent that are in the log."""
        prefix = f"collection/{opponent}/"
        return sum(len(self.run.log.block(key)) for key in self.run.log.blocks if key.startswith(prefix))

    def play(self, arena: Arena, opponent: PolicySpec, on_battle: Callable[[], object]) -> None:
        """Play what the log lacks of the battles against an opponent."""
        begin = self.played(opponent.name)
        if begin >= self.battles:
            return
        self_play = opponent == self.policy
        recording = _Recording(
            self.run.path / TRAJECTORIES, self.game, self.time, self.numbers.battle_id, self.action_space
        )
        policy = load_policy(self.policy, self.game)
        players = [recording.wrap(policy, self.policy.name, opponent.name, self_play)]
        if not self_play:
            other = load_policy(opponent, self.game)
            both = self.recorded == "both"
            players.append(recording.wrap(other, opponent.name, self.policy.name) if both else other)
        for chunk in self._chunks(opponent.name, begin, self_play):
            writer = BlockWriter(self.run.log, [self.policy.name, opponent.name])
            for key, matches in chunk:
                writer.expect(key, matches)

            def ended(result: MatchResult, writer: BlockWriter = writer) -> None:
                # First the file, then the log: what the log holds is there.
                recording.take(result)
                writer.take(result)
                self.played_battles += 1
                self.played_decisions += result.result.length
                on_battle()

            arena.play(players, writer.matches, seed=derive_seed(self.seed, "collection", "play"), on_result=ended)

    def _chunks(self, opponent: str, begin: int, self_play: bool) -> Iterator[list[tuple[str, list[Match]]]]:
        """The missing blocks, so many at a time."""
        chunk = []
        for first in range(begin, self.battles, _BLOCK):
            number = min(_BLOCK, self.battles - first)
            matches = collection_matches(self.game, opponent, first, number, self.seed, self_play=self_play)
            chunk.append((f"collection/{opponent}/{first}", matches))
            if len(chunk) == _TOGETHER:
                yield chunk
                chunk = []
        if chunk:
            yield chunk


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
) -> CollectionResult:
    """Play battles and write their trajectories, or go on with what is there.

    Parameters
    ----------
    directory : str or Path
        New, empty, or that of a collection of the same policy on the same game with the same seed. More battles and
        further opponents extend it; what is there stays.
    game : ShowdownGame
        Of a singles format of generations 1 to 4 or 9.
    policy : PolicySpec
    opponents : sequence of PolicySpec, optional
        With different names. The policy itself stands for self-play, of which both sides are written; that alone by
        default.
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

    Raises
    ------
    InputError
        If the arguments cannot be used.
    RunDirectoryError
        If the directory is damaged, is of something else, or is in use; nothing in it has been changed then.
    """
    wanted = [policy] if opponents is None else list(opponents)
    _check(game, policy, wanted, battles, record)
    battles += battles % 2
    about = {"seed": seed, "record": record, "action_space": action_space}
    with RunDirectory(Path(directory)).locked():
        # The log is read when nobody else can write it: files that it does not hold are deleted below.
        run = RunDirectory(Path(directory))
        config, everyone = open_collection(run, game.config(), policy, wanted, about, {"battles": battles})
        if on_open is not None:
            on_open()
        numbers = BattleNumbers(game.format, seed)
        gone = forget_unlogged(run.path / TRAJECTORIES, numbers, {match.episode for match in run.log})
        if gone:
            _log.info("%d files of battles that were interrupted are forgotten; they are played again", gone)
        begun = datetime.fromisoformat(config["time"])
        collection = _Collection(run, game, policy, battles, seed, record, action_space, begun, numbers)
        seconds = _play_all(collection, everyone, num_lanes, num_workers, progress)
        result = summarise_collection(run, policy, everyone, numbers, collection.new, seconds)
        write_json(run.path / "collection.json", result.to_json())
        return result


def _play_all(
    collection: _Collection, opponents: Sequence[PolicySpec], num_lanes: int, num_workers: int, progress: bool
) -> float:
    """Play what is missing against everybody; returns the seconds that it took, with the start of the workers."""
    total = len(opponents) * collection.battles
    there = sum(min(collection.played(spec.name), collection.battles) for spec in opponents)
    begin = time.perf_counter()
    with (
        Arena(collection.game, num_lanes=num_lanes, num_workers=num_workers) as arena,
        _progress_bar(total, there, progress) as bar,
    ):
        for opponent in opponents:
            collection.play(arena, opponent, lambda: bar.update() if bar is not None else None)
    seconds = time.perf_counter() - begin
    if collection.played_battles:
        battles, decisions = collection.played_battles, collection.played_decisions
        collection.run.event("collected", battles=battles, decisions=decisions, seconds=round(seconds, 3))
    return seconds


def _progress_bar(total: int, there: int, shown: bool) -> AbstractContextManager[Any]:
    """A bar that counts battles; imported only where one is shown."""
    if not shown:
        return nullcontext()
    from tqdm.auto import tqdm

    bar: AbstractContextManager[Any] = tqdm(total=total, initial=there, unit="battle", dynamic_ncols=True)
    return bar


def _check(game: object, policy: PolicySpec, opponents: Sequence[PolicySpec], battles: int, record: str) -> None:
    if not isinstance(game, ShowdownGame):
        raise InputError(f"collect: trajectories are of Showdown's formats, got {type(game).__name__}")
    if not opponents:
        raise InputError("collect: expected at least one opponent; the policy itself stands for self-play")
    check_population([policy, *(spec for spec in opponents if spec != policy)], "collect")
    check_population(opponents, "collect")
    if not 1 <= battles <= MOST_BATTLES:
        raise InputError(f"collect: expected 1 to {MOST_BATTLES} battles against each opponent, got {battles}")
    if record not in ("policy", "both"):
        raise InputError(f"collect: record must be 'policy' or 'both', got {record!r}")
