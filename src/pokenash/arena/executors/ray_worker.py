"""A worker of `RayArena` as the driver sees it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from pokenash.arena.executors.chunks import Chunk
from pokenash.arena.executors.worker import ChunkWorker, Delivery, WorkerProcess
from pokenash.arena.recording import Recording

__all__ = ["RayWorker"]


class RayWorker:
    """One actor, and the chunk that it holds.

    Parameters
    ----------
    ray : module
    game : object reference
        To the game's config in Ray's store.
    num_lanes : int
    options : mapping
        What it takes of its node.

    Attributes
    ----------
    chunk : dict of int to Match
        What it was given and has not finished.
    process : WorkerProcess or None
        In which it lives; None before it is up.
    waitable : object
        What `ray.wait` takes to tell whether the worker has something to say; None while it is idle.
    """

    def __init__(self, ray: Any, game: Any, num_lanes: int, options: Mapping[str, Any]) -> None:
        # No restarts and no retries of Ray's own: they would play delivered battles again.
        actor = ray.remote(ChunkWorker).options(max_restarts=0, max_task_retries=0, **options)
        self._ray = ray
        self._actor = actor.remote(game, num_lanes, folder=os.getcwd())
        self.chunk: Chunk = {}
        self.process: WorkerProcess | None = None
        self.waitable: Any = self._actor.about.remote()

    @property
    def was_up(self) -> bool:
        """Whether it has ever answered."""
        return self.process is not None

    @property
    def is_idle(self) -> bool:
        """Whether it is up and plays nothing."""
        return self.was_up and self.waitable is None

    @property
    def has_ended_early(self) -> bool:
        """Whether it stopped and left matches unplayed."""
        return self.is_idle and bool(self.chunk)

    def begin(self, specs: Any, chunk: Chunk, seed: int, recording: Recording | None) -> None:
        """Send it a chunk; `specs` refers to the policies in the store."""
        self.chunk = chunk
        play = self._actor.play.options(num_returns="streaming")
        self.waitable = play.remote(specs, list(chunk.values()), seed, recording)

    def receive(self) -> Delivery | None:
        """A delivery; None where the worker has come up, or has come to the end of its chunk."""
        if self.process is None:
            self.process = self._ray.get(self.waitable)
            self.waitable = None
            return None
        reference = next(self.waitable, None)
        if reference is None:
            self.waitable = None
            return None
        delivery: Delivery = self._ray.get(reference)
        return delivery

    def kill(self) -> None:
        """End its process, if there is one yet."""
        self._ray.kill(self._actor, no_restart=True)
