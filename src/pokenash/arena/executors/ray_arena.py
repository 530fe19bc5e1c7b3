"""An arena on a Ray cluster: workers elsewhere play, this process alone sees and writes results.

Ray (Moritz et al. 2018, "Ray: A distributed framework for emerging AI applications") brings the processes, the
network and the news of what died. Which matches are played again is decided here, by episode, and not by Ray's own
retries: what a worker delivered before it was lost counts, and is never delivered twice.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from types import TracebackType
from typing import Any, Self

from pokenash import __version__
from pokenash.arena.executors.chunks import Chunks
from pokenash.arena.executors.ray_worker import RayWorker, imported_ray
from pokenash.arena.executors.worker import WorkerProcess
from pokenash.arena.matches import Match, MatchResult
from pokenash.arena.progress import progress_bar
from pokenash.arena.recording import Recording
from pokenash.errors import ClusterError, InputError
from pokenash.games.core import Game
from pokenash.policies.core import Policy
from pokenash.policies.spec import PolicySpec

__all__ = ["RayArena"]

_log = logging.getLogger(__name__)

# A chunk keeps all lanes busy for several battles, so that its end, where lanes run dry, is a small part of it.
_BATTLES_PER_LANE = 4
# Seconds between two looks at whether any worker has come up.
_PATIENCE = 5.0


class RayArena:
    """Plays matches of one game on the workers of a Ray cluster, with the results that `Arena` has.

    A worker is a Ray actor with an arena of its own; game and policies are loaded there once and kept. It takes a
    chunk of the schedule at a time and sends results as battles end. A worker that is lost (killed, out of memory, its
    node gone, its simulator broken) costs its unfinished battles: they go to the others, and a new worker takes its
    place when the cluster has room. An infrastructure failure is never a result.

    Policies must be specs, and their checkpoints readable under the same paths on every node (their SHA-256 is checked
    there). Every node has the same version of pokenash.

    Parameters
    ----------
    game : Game
        One that `pokenash.games.load_game` can make from its config.
    num_workers : int
        In the whole cluster. Those for which there is no room yet join when there is.
    num_lanes : int
        Episodes in play at a time on each worker.
    progress : bool
        Whether to show a progress bar on standard error.
    address : str, optional
        Of the cluster, as `ray.init` takes it (``"auto"``, ``"HOST:PORT"``). Not used where Ray is initialised
        already. By default the cluster that Ray finds, or a new one on this machine, which `close` ends.
    worker_options : mapping, optional
        What a worker takes of its node, as Ray's ``options`` has it, such as ``{"num_cpus": 1, "num_gpus": 0.25}``.
        Default: one CPU.
    chunk_size : int, optional
        Most matches that a worker is given at a time. By default four for each lane, and fewer where there would not
        be a chunk for each worker.
    max_losses : int
        How often a match may lose its worker before the play is given up.
    start_seconds : float
        How long to wait for a first worker.

    Attributes
    ----------
    battles_per_second, decisions_per_second : float
        Throughput of the last play, from the first chunk on; 0 before the first.
    num_errors : int
        How many matches of the last play ended with the reason ``"error"`` and so do not count.
    num_lost_workers : int
        Since the arena was made.

    Raises
    ------
    InputError
        If a number is out of range, or Ray is not installed.
    """

    def __init__(
        self,
        game: Game,
        *,
        num_workers: int = 1,
        num_lanes: int = 64,
        progress: bool = False,
        address: str | None = None,
        worker_options: Mapping[str, Any] | None = None,
        chunk_size: int | None = None,
        max_losses: int = 5,
        start_seconds: float = 300.0,
    ) -> None:
        if num_lanes < 1 or num_workers < 1 or (chunk_size or 1) < 1 or max_losses < 0:
            raise InputError(
                "expected num_workers, num_lanes and chunk_size of at least 1 and max_losses of at least 0, got "
                f"{num_workers} workers, {num_lanes} lanes, chunks of {chunk_size} and {max_losses} losses"
            )
        self.game = game
        self.num_workers = num_workers
        self.num_lanes = num_lanes
        self.progress = progress
        self.chunk_size = chunk_size
        self.max_losses = max_losses
        self.start_seconds = start_seconds
        self.battles_per_second = 0.0
        self.decisions_per_second = 0.0
        self.num_errors = 0
        self.num_lost_workers = 0
        self._address = address
        self._worker_options = {"num_cpus": 1, **(worker_options or {})}
        self._ray = imported_ray()
        self._started_ray = False
        self._game_reference: Any = None
        self._workers: list[RayWorker] = []
        self._failed_starts = 0

    def play(
        self,
        policies: Sequence[Policy | PolicySpec],
        matches: Iterable[Match],
        *,
        seed: int,
        on_result: Callable[[MatchResult], None] | None = None,
    ) -> list[MatchResult]:
        """Play a schedule to its end, as `Arena.play` does.

        Parameters
        ----------
        policies : sequence of PolicySpec
            Live policies are refused: they cannot be in several places.
        matches, seed
            As for `Arena.play`.
        on_result : callable, optional
            Called here with each `MatchResult` as it arrives.

        Raises
        ------
        InputError, IllegalActionError
            As `Arena.play` does, wherever the worker was.
        ClusterError
            If no worker comes up, or a match loses its worker too often.
        """
        bar = progress_bar(len(matches) if isinstance(matches, Sized) else None) if self.progress else None
        results: list[MatchResult] = []
        try:
            for result in self.stream(policies, matches, seed=seed):
                results.append(result)
                if on_result is not None:
                    on_result(result)
                if bar is not None:
                    bar.update(1)
        except BaseException:
            self.close()
            raise
        finally:
            if bar is not None:
                bar.close()
        return sorted(results, key=lambda r: r.result.episode)

    def stream(
        self,
        policies: Sequence[Policy | PolicySpec],
        matches: Iterable[Match],
        *,
        seed: int,
        recording: Recording | None = None,
    ) -> Iterator[MatchResult]:
        """Play a schedule and give every result as it arrives, as `Arena.stream` does.

        Parameters
        ----------
        policies, matches, seed
            As for `play`, which raises the same errors.
        recording : Recording, optional
            What to record; it is done where the match is played, and what comes of it arrives with the result.
        """
        specs = _described(policies)
        total = len(matches) if isinstance(matches, Sized) else None
        chunks = Chunks(matches, self._size_of_chunks(total), len(specs), self.max_losses)
        try:
            yield from self._results(specs, chunks, seed, recording)
        except BaseException:
            # So too when nobody draws the rest.
            self.close()
            raise

    def _size_of_chunks(self, total: int | None) -> int:
        if self.chunk_size is not None:
            return self.chunk_size
        most = _BATTLES_PER_LANE * self.num_lanes
        return most if total is None else max(1, min(most, -(-total // self.num_workers)))

    def _results(
        self, specs: Sequence[Mapping[str, Any]], chunks: Chunks, seed: int, recording: Recording | None
    ) -> Iterator[MatchResult]:
        """The loop itself; keeps the throughput."""
        if chunks.is_empty:
            return
        self._connect()
        reference = self._ray.put(list(specs))
        begin: float | None = None
        moved = time.monotonic()
        num_battles = num_decisions = num_errors = 0
        while True:
            for worker in self._workers:
                if worker.is_idle and not chunks.is_empty:
                    worker.begin(reference, chunks.take(), seed, recording)
                    begin = begin or time.perf_counter()
            if chunks.is_empty and not any(worker.chunk for worker in self._workers):
                break
            news = self._wait()
            moved = time.monotonic() if news or any(worker.chunk for worker in self._workers) else moved
            if time.monotonic() - moved > self.start_seconds:
                raise ClusterError(self._nobody_came())
            for worker in news:
                for result in self._take(worker, chunks):
                    num_battles += 1
                    num_decisions += result.result.length
                    num_errors += not result.counted
                    yield result
        seconds = max(time.perf_counter() - (begin or 0.0), 1e-9)
        self.num_errors = num_errors
        self.battles_per_second = num_battles / seconds
        self.decisions_per_second = num_decisions / seconds
        _log.info(
            "%d battles (%d with errors) on %d workers in %.1f s: %.1f battles/s",
            num_battles, num_errors, len(self._workers), seconds, self.battles_per_second,
        )  # fmt: skip

    def _wait(self) -> list[RayWorker]:
        """The workers that have something to say; none if nothing happens for a while."""
        by_waitable = {worker.waitable: worker for worker in self._workers if worker.waitable is not None}
        waitables = list(by_waitable)
        ready, rest = self._ray.wait(waitables, num_returns=1, timeout=min(_PATIENCE, self.start_seconds))
        if ready and rest:
            more, _ = self._ray.wait(rest, num_returns=len(rest), timeout=0)
            ready = [*ready, *more]
        return [by_waitable[one] for one in ready]

    def _take(self, worker: RayWorker, chunks: Chunks) -> list[MatchResult]:
        """What a worker has to say; one that is lost is replaced, and its chunk given back."""
        try:
            delivery = worker.receive()
        except self._ray.exceptions.RayError as error:
            self._replace(worker, chunks, _in_short(error))
            return []
        if delivery is None:
            self._failed_starts = 0
            self._check_version(worker)
            if worker.has_ended_early:
                self._replace(worker, chunks, "it stopped before its chunk was played")
            return []
        results = [
            MatchResult(worker.chunk.pop(result.episode), result, members, recorded)
            for result, members, recorded in delivery.results
            if result.episode in worker.chunk
        ]
        for result in results:
            if not result.counted:
                _log.warning(
                    "episode %d ended with an error and does not count: %s",
                    result.result.episode, dict(result.result.info),
                )  # fmt: skip
        if delivery.failure is not None:
            if not delivery.failure.of_the_worker:
                _log.error("the worker on %s failed: %s", worker.process, delivery.failure.message)
                raise delivery.failure.exception()
            self._replace(worker, chunks, delivery.failure.message)
        return results

    def _check_version(self, worker: RayWorker) -> None:
        """Another version may play otherwise, and nothing in its results would tell."""
        if worker.process is not None and worker.process.version != __version__:
            raise ClusterError(
                f"the worker on {worker.process.host} has pokenash {worker.process.version}, and this process has "
                f"{__version__}; install the same version on every node"
            )

    def _replace(self, worker: RayWorker, chunks: Chunks, reason: str) -> None:
        """A new worker in the place of one that is lost."""
        self.num_lost_workers += 1
        if not worker.was_up:
            self._failed_starts += 1
            if self._failed_starts > self.max_losses + self.num_workers:
                raise ClusterError(
                    f"{self._failed_starts} workers one after the other did not start; the last: {reason}. Every node "
                    f"needs the same versions of Python, Ray and pokenash"
                )
        _log.warning(
            "a worker was lost with %d unfinished matches, which are played again: %s", len(worker.chunk), reason
        )
        worker.kill()
        self._workers[self._workers.index(worker)] = self._new_worker()
        chunks.give_back(worker.chunk, reason)

    def _connect(self) -> None:
        """Ray, the game in its store, and the workers, as far as they are not there."""
        if not self._ray.is_initialized():
            try:
                self._ray.init(
                    address=self._address, include_dashboard=False, log_to_driver=False, logging_level=logging.WARNING
                )
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise ClusterError(
                    f"cannot connect to a Ray cluster at {self._address or 'the default address'}: {error}; start one "
                    "with `ray start --head`, or give its address"
                ) from error
            self._started_ray = True
            # Those of a cluster that is gone.
            self._workers = []
        if not self._workers:
            self._game_reference = self._ray.put(self.game.config())
            self._failed_starts = 0
            self._workers = [self._new_worker() for _ in range(self.num_workers)]

    def _new_worker(self) -> RayWorker:
        return RayWorker(self._ray, self._game_reference, self.num_lanes, self._worker_options)

    def _nobody_came(self) -> str:
        return (
            f"none of {self.num_workers} workers came up within {self.start_seconds:.0f} s; each wants "
            f"{self._worker_options}, and free in the cluster is {self._ray.available_resources()}"
        )

    def worker_processes(self) -> list[WorkerProcess]:
        """Where the workers live that are up."""
        return [worker.process for worker in self._workers if worker.process is not None]

    def close(self) -> None:
        """End the workers, and Ray where this arena started it. The arena may be used again afterwards."""
        workers, self._workers = self._workers, []
        if not self._ray.is_initialized():
            return
        for worker in workers:
            worker.kill()
        self._game_reference = None
        if self._started_ray:
            self._ray.shutdown()
            self._started_ray = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _in_short(error: Exception) -> str:
    """Ray's own words begin with what happened to the worker and end with why; between them are its numbers."""
    lines = str(error).strip().splitlines() or [""]
    said = lines[0] if lines[0] == lines[-1] else f"{lines[0]} … {lines[-1].strip()}"
    return f"{type(error).__name__}: {said}"


def _described(policies: Sequence[Policy | PolicySpec]) -> list[dict[str, Any]]:
    """The policies as plain data, for they are loaded elsewhere."""
    specs = []
    for index, policy in enumerate(policies):
        if not isinstance(policy, PolicySpec):
            raise InputError(
                f"policy {index} is a live {type(policy).__name__}; a Ray cluster plays policies that are given as "
                "PolicySpec. Save it and give its spec, or play on a local Arena"
            )
        specs.append(policy.to_json())
    return specs
