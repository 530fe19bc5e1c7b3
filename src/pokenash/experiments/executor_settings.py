"""Where a command plays its matches: the options that commands share, and the executor that they ask for."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from pokenash.arena.executors import MatchExecutor, make_executor
from pokenash.errors import InputError
from pokenash.games.core import Game

__all__ = ["ExecutorName", "ExecutorSettings", "open_arena"]

ExecutorName = Literal["local", "ray"]
"""Names of executors, for settings."""


class ExecutorSettings(Protocol):
    """What the settings of a command that plays matches have, whatever else they hold.

    Attributes
    ----------
    executor : str
        ``local``: this machine; ``ray``: a Ray cluster.
    address : str or None
        Of the cluster.
    workers : int
        Worker processes of the game on this machine, or workers in the whole cluster.
    lanes : int
        Battles in play at a time; on a cluster, on each worker.
    worker_gpus : float
        The part of a GPU that each worker of a cluster takes.
    """

    @property
    def executor(self) -> ExecutorName: ...

    @property
    def address(self) -> str | None: ...

    @property
    def workers(self) -> int: ...

    @property
    def lanes(self) -> int: ...

    @property
    def worker_gpus(self) -> float: ...


def open_arena(settings: ExecutorSettings, game: Game, *, progress: bool = False) -> MatchExecutor:
    """The executor that settings ask for. It starts nothing before it plays; close it, or use it in ``with``.

    Parameters
    ----------
    settings : ExecutorSettings
        Any value with these attributes, such as `TournamentSettings`.
    game : Game
    progress : bool
        Whether to show a progress bar on standard error.

    Raises
    ------
    InputError
        If an option belongs to the other executor, a number is out of range, or Ray is not installed.
    """
    options: dict[str, Any] = {}
    if settings.executor == "ray":
        if settings.worker_gpus < 0:
            raise InputError(f"--worker-gpus: expected a number >= 0, got {settings.worker_gpus}")
        options["address"] = settings.address
        if settings.worker_gpus:
            options["worker_options"] = {"num_gpus": settings.worker_gpus}
    elif settings.address is not None or settings.worker_gpus:
        raise InputError("--address and --worker-gpus are of a cluster: give --executor ray besides, or leave them out")
    return make_executor(
        settings.executor, game, num_lanes=settings.lanes, num_workers=settings.workers, progress=progress, **options
    )
