"""The workers of a Ray cluster that play one game: what they say, and who comes in the place of those that are lost."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from pokenash import __version__
from pokenash.arena.executors.chunks import Chunks
from pokenash.arena.executors.ray_worker import RayWorker
from pokenash.arena.executors.worker import WorkerProcess
from pokenash.arena.matches import MatchResult
from pokenash.arena.recording import Recording
from pokenash.errors import ClusterError

__all__ = ["RayCrew"]

_log = logging.getLogger(__name__)


class RayCrew:
    """Workers that have been asked for, up or not.

    Parameters
    ----------
    ray : module
        Connected to the cluster.
    game : mapping
        The game's config.
    num_workers, num_lanes, max_losses : int
        As for `RayArena`.
    options : mapping
        What a worker takes of its node.

    Attributes
    ----------
    num_lost : int
        How many workers were lost.
    """

    def __init__(
        self, ray: Any, game: Mapping[str, Any], num_workers: int, num_lanes: int, options: Mapping[str, Any],
        max_losses: int,
    ) -> None:  # fmt: skip
        self.num_lost = 0
        self._ray = ray
        self._game = ray.put(game)
        self._num_lanes = num_lanes
        self._options = options
        self._most_failed_starts = max_losses + num_workers
        self._failed_starts = 0
        self._workers = [self._new_worker() for _ in range(num_workers)]

    def __len__(self) -> int:
        return len(self._workers)

    @property
    def is_busy(self) -> bool:
        """Whether any of them has matches that are not finished."""
        return any(worker.chunk for worker in self._workers)

    @property
    def processes(self) -> list[WorkerProcess]:
        """Where those live that are up."""
        return [worker.process for worker in self._workers if worker.process is not None]

    def hand_out(self, specs: Any, chunks: Chunks, seed: int, recording: Recording | None) -> None:
        """Give those that have nothing to do a chunk each, as far as there are any."""
        for worker in self._workers:
            if worker.is_idle and not chunks.is_empty:
                worker.begin(specs, chunks.take(), seed, recording)

    def wait(self, seconds: float) -> list[RayWorker]:
        """The workers that have something to say; none if nothing happens for so long.

        Raises
        ------
        ClusterError
            If the connection to the cluster is lost.
        """
        by_waitable = {worker.waitable: worker for worker in self._workers if worker.waitable is not None}
        try:
            ready, rest = self._ray.wait(list(by_waitable), num_returns=1, timeout=seconds)
            if ready and rest:
                more, _ = self._ray.wait(rest, num_returns=len(rest), timeout=0)
                ready = [*ready, *more]
        except self._ray.exceptions.RayError as error:
            raise ClusterError(f"the connection to the Ray cluster is lost: {_in_short(error)}") from error
        return [by_waitable[one] for one in ready]

    def take(self, worker: RayWorker, chunks: Chunks) -> list[MatchResult]:
        """What a worker has to say; one that is lost is replaced, and its chunk given back.

        Raises
        ------
        ClusterError
            If workers or matches are lost too often, or the worker is of another version of pokenash.
        Exception
            That of a policy, where one has failed.
        """
        try:
            delivery = worker.receive()
        except self._ray.exceptions.RayError as error:
            self._replace(worker, chunks, _in_short(error))
            return []
        if delivery is None:
            self._failed_starts = 0
            _check_version(worker)
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

    def _replace(self, worker: RayWorker, chunks: Chunks, reason: str) -> None:
        """A new worker in the place of one that is lost."""
        self.num_lost += 1
        if not worker.was_up:
            self._failed_starts += 1
            if self._failed_starts > self._most_failed_starts:
                raise ClusterError(
                    f"{self._failed_starts} workers one after the other did not start; the last: {reason}. Every node "
                    "needs the same versions of Python, Ray and pokenash"
                )
        _log.warning(
            "a worker was lost with %d unfinished matches, which are played again: %s", len(worker.chunk), reason
        )
        worker.kill()
        self._workers[self._workers.index(worker)] = self._new_worker()
        chunks.give_back(worker.chunk, reason)

    def _new_worker(self) -> RayWorker:
        return RayWorker(self._ray, self._game, self._num_lanes, self._options)

    def kill(self) -> None:
        """End all of them."""
        for worker in self._workers:
            worker.kill()


def _check_version(worker: RayWorker) -> None:
    """Another version may play otherwise, and nothing in its results would tell."""
    if worker.process is not None and worker.process.version != __version__:
        raise ClusterError(
            f"the worker on {worker.process.host} has pokenash {worker.process.version}, and this process has "
            f"{__version__}; install the same version on every node"
        )


def _in_short(error: Exception) -> str:
    """Ray's own words begin with what happened to the worker and end with why; between them are its numbers."""
    lines = str(error).strip().splitlines() or [""]
    said = lines[0] if lines[0] == lines[-1] else f"{lines[0]} … {lines[-1].strip()}"
    return f"{type(error).__name__}: {said}"
