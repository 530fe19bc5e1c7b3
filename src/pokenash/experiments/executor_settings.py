"""Where a command plays its matches: the options that commands share, and the executor that they ask for."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from pokenash.arena.executors import MatchExecutor, make_executor
from pokenash.errors import InputError
from pokenash.experiments.device_arena import DeviceArena
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


def open_arena(
    settings: ExecutorSettings, game: Game, *, progress: bool = False, device: str | None = None
) -> MatchExecutor:
    """The executor that settings ask for. It starts nothing before it plays; close it, or use it in ``with``.

    Parameters
    ----------
    settings : ExecutorSettings
        Any value with these attributes, such as `TournamentSettings`.
    game : Game
    progress : bool
        Whether to show a progress bar on standard error.
    device : str, optional
        Where metamon's networks play whose specs do not say it, on the machines that play; by default the CPU.

    Raises
    ------
    InputError
        If an option belongs to the other executor, a number is out of range, Ray is not installed, or the device
        cannot be used.
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
    if device is not None:
        _check_device(settings, device)
    arena = make_executor(
        settings.executor, game, num_lanes=settings.lanes, num_workers=settings.workers, progress=progress, **options
    )
    return arena if device is None else DeviceArena(arena, device)


def _check_device(settings: ExecutorSettings, device: str) -> None:
    """Refuse now what the first network could not be loaded on; what a cluster's machines have is not known here."""
    if settings.executor == "local":
        # Needs torch, which other battles do without.
        from pokenash.metamon.training.devices import Devices

        Devices(device)
    elif device.startswith("cuda") and not settings.worker_gpus:
        raise InputError(
            f"--device {device}: workers of a cluster have no GPU unless they take a part of one: give --worker-gpus "
            "besides, or leave --device out"
        )
