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

from pokenash.arena.executors.chunks import Chunks
from pokenash.arena.executors.ray_connection import check_address, connect, imported_ray
from pokenash.arena.executors.ray_crew import RayCrew
from pokenash.arena.executors.worker import WorkerProcess
from pokenash.arena.matches import Match, MatchResult
from pokenash.arena.progress import gathered
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

    Raises
    ------
    InputError
        If a number is out of range, the address is of a kind that cannot be used, or Ray is not installed.
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
        check_address(address)
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
        self._address = address
        self._worker_options = {"num_cpus": 1, **(worker_options or {})}
        self._ray = imported_ray()
        self._started_ray = False
        self._crew: RayCrew | None = None
        self._num_lost_before = 0

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
        total = len(matches) if isinstance(matches, Sized) else None
        try:
            return gathered(
                self.stream(policies, matches, seed=seed), total=total, progress=self.progress, on_result=on_result
            )
        except BaseException:
            self.close()
            raise

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
        crew = self._connected()
        reference = self._ray.put(list(specs))
        begin: float | None = None
        moved = time.monotonic()
        num_battles = num_decisions = num_errors = 0
        while True:
            crew.hand_out(reference, chunks, seed, recording)
            if crew.is_busy:
                begin, moved = begin or time.perf_counter(), time.monotonic()
            elif chunks.is_empty:
                break
            news = crew.wait(min(_PATIENCE, self.start_seconds))
            if not news and time.monotonic() - moved > self.start_seconds:
                raise ClusterError(self._nobody_came())
            for worker in news:
                for result in crew.take(worker, chunks):
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
            num_battles, num_errors, len(crew), seconds, self.battles_per_second,
        )  # fmt: skip

    def _connected(self) -> RayCrew:
        """Ray and the workers, as far as they are not there yet."""
        if not self._ray.is_initialized():
            connect(self._ray, self._address)
            self._started_ray = True
            # That of a cluster that is gone.
            self._crew = None
        if self._crew is None:
            self._crew = RayCrew(
                self._ray, self.game.config(), self.num_workers, self.num_lanes, self._worker_options, self.max_losses
            )
        return self._crew

    def _nobody_came(self) -> str:
        return (
            f"none of {self.num_workers} workers came up within {self.start_seconds:.0f} s; each wants "
            f"{self._worker_options}, and free in the cluster is {self._ray.available_resources()}"
        )

    @property
    def num_lost_workers(self) -> int:
        """How many workers were lost since the arena was made."""
        return self._num_lost_before + (0 if self._crew is None else self._crew.num_lost)

    def worker_processes(self) -> list[WorkerProcess]:
        """Where the workers live that are up."""
        return [] if self._crew is None else self._crew.processes

    def close(self) -> None:
        """End the workers, and Ray where this arena started it. The arena may be used again afterwards."""
        self._num_lost_before, crew, self._crew = self.num_lost_workers, self._crew, None
        if not self._ray.is_initialized():
            return
        if crew is not None:
            crew.kill()
        if self._started_ray:
            self._ray.shutdown()
            self._started_ray = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


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
