"""The arena: plays a schedule of matches between policies, many at a time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import replace
from types import TracebackType
from typing import Self

from pokenash.arena.matches import Match, MatchResult
from pokenash.arena.progress import gathered
from pokenash.arena.recording import Recorder, Recording
from pokenash.arena.seating import Seating
from pokenash.errors import InputError
from pokenash.games.core import Game, VectorGame
from pokenash.policies.core import DecisionRandom, Policy
from pokenash.policies.spec import PolicySpec, load_policy

__all__ = ["Arena"]

_log = logging.getLogger(__name__)


class Arena:
    """Plays matches of one game. The worker processes stay up between plays: close it, or use it in ``with``.

    Results are a function of the policies, the matches and the seed; neither the number of lanes nor that of
    workers changes them (networks: as far as their floating-point results do not depend on the batch).

    Parameters
    ----------
    game : Game
    num_lanes : int
        Episodes in play at a time.
    num_workers : int
        Worker processes, for games that have any.
    progress : bool
        Whether to show a progress bar on standard error.

    Attributes
    ----------
    battles_per_second, decisions_per_second : float
        Throughput of the last play, without the start of the workers; 0 before the first.
    num_errors : int
        How many matches of the last play ended with the reason ``"error"`` and so do not count.
    """

    def __init__(self, game: Game, *, num_lanes: int = 64, num_workers: int = 1, progress: bool = False) -> None:
        if num_lanes < 1 or num_workers < 1:
            raise InputError(
                f"expected num_lanes and num_workers of at least 1, got {num_lanes} lanes and {num_workers} workers"
            )
        self.game = game
        self.num_lanes = num_lanes
        self.num_workers = num_workers
        self.progress = progress
        self.battles_per_second = 0.0
        self.decisions_per_second = 0.0
        self.num_errors = 0
        self._vector: VectorGame | None = None

    def play(
        self,
        policies: Sequence[Policy | PolicySpec],
        matches: Iterable[Match],
        *,
        seed: int,
        on_result: Callable[[MatchResult], None] | None = None,
    ) -> list[MatchResult]:
        """Play a schedule to its end.

        Parameters
        ----------
        policies : sequence of Policy or PolicySpec
            What the matches' indices refer to. Specs are loaded here; a live object keeps whatever it records.
        matches : iterable of Match
            Drawn from lazily, as lanes become free.
        seed : int
            Of the policies' randomness, including the draw of mixtures' members.
        on_result : callable, optional
            Called with each `MatchResult` as the match ends, in no fixed order.

        Returns
        -------
        list of MatchResult
            Ordered by episode. Those whose reason is ``"error"`` are among them, and do not count.

        Raises
        ------
        IllegalActionError
            If a policy chooses a masked action; the message names the policy.
        InputError
            If a policy answers in the wrong shape, an index is out of range, or two episodes have one number.
        """
        total = len(matches) if isinstance(matches, Sized) else None
        try:
            return gathered(
                self.stream(policies, matches, seed=seed), total=total, progress=self.progress, on_result=on_result
            )
        except BaseException:
            # Whatever state the game is in, the next play must not inherit it.
            self.close()
            raise

    def stream(
        self,
        policies: Sequence[Policy | PolicySpec],
        matches: Iterable[Match],
        *,
        seed: int,
        recording: Recording | None = None,
        names: Sequence[str] | None = None,
    ) -> Iterator[MatchResult]:
        """Play a schedule and give every result as its match ends, in no fixed order.

        Parameters
        ----------
        policies, matches, seed
            As for `play`, which raises the same errors.
        recording : Recording, optional
            What to record; it changes no result.
        names : sequence of str, optional
            What messages call the policies.
        """
        live: Sequence[Policy] = [load_policy(policy, self.game) for policy in policies]
        recorder = None if recording is None else recording.start(live, self.game)
        live = live if recorder is None else recorder.policies
        names = names or [
            repr(policy.name) if isinstance(policy, PolicySpec) else f"{index} ({type(policy).__name__})"
            for index, policy in enumerate(policies)
        ]
        if self._vector is None:
            self._vector = self.game.vector(self.num_lanes, self.num_workers)
        seating = Seating(live, names, matches, DecisionRandom(seed), self._vector.num_lanes)
        try:
            for result in self._run(self._vector, seating):
                yield result if recorder is None else _with_recorded(result, recorder)
        except BaseException:
            # So too when nobody draws the rest.
            self.close()
            raise

    def _run(self, vector: VectorGame, seating: Seating) -> Iterator[MatchResult]:
        """The loop itself; keeps the throughput."""
        num_battles = num_decisions = num_errors = 0
        decisions, results = vector.start(seating.setups())
        begin = time.perf_counter()
        while True:
            for result in results:
                finished = seating.finish(result)
                num_battles += 1
                num_errors += not finished.counted
                yield finished
            if not len(decisions):
                break
            num_decisions += len(decisions)
            decisions, results = vector.step(seating.answer(decisions))
        seconds = max(time.perf_counter() - begin, 1e-9)
        if seating.unfinished:
            raise RuntimeError(f"{type(vector).__name__} stopped with {seating.unfinished} matches unfinished")
        self.num_errors = num_errors
        self.battles_per_second = num_battles / seconds
        self.decisions_per_second = num_decisions / seconds
        _log.info(
            "%d battles (%d with errors), %d decisions in %.1f s: %.1f battles/s, %.0f decisions/s",
            num_battles, num_errors, num_decisions, seconds, self.battles_per_second, self.decisions_per_second,
        )  # fmt: skip

    def close(self) -> None:
        """Release the game's processes. The arena may be used again afterwards."""
        if self._vector is not None:
            self._vector.close()
            self._vector = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _with_recorded(result: MatchResult, recorder: Recorder) -> MatchResult:
    """The result with what was recorded of its seats."""
    told, recorded = recorder.finish(result.result)
    return replace(result, result=told, recorded=recorded)
