"""What plays matches, whatever machines it plays them on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

from pokenash.arena.arena import Arena
from pokenash.arena.matches import Match, MatchResult
from pokenash.arena.recording import Recording
from pokenash.errors import InputError
from pokenash.games.core import Game
from pokenash.policies.core import Policy
from pokenash.policies.spec import PolicySpec

__all__ = ["EXECUTORS", "MatchExecutor", "check_executor", "make_executor"]

EXECUTORS = ("local", "ray")
"""Names of the executors that `make_executor` knows."""


class MatchExecutor(Protocol):
    """Plays matches of one game: `pokenash.arena.Arena` is one, and `RayArena` another.

    Results are a function of the policies, the matches and the seed, not of the executor (networks: as far as their
    floating-point results depend neither on the batch nor on the machine).

    Attributes
    ----------
    game : Game
    battles_per_second, decisions_per_second : float
        Throughput of the last play; 0 before the first.
    num_errors : int
        How many matches of the last play ended with the reason ``"error"`` and so do not count.
    """

    game: Game
    battles_per_second: float
    decisions_per_second: float
    num_errors: int

    def play(
        self,
        policies: Sequence[Policy | PolicySpec],
        matches: Iterable[Match],
        *,
        seed: int,
        on_result: Callable[[MatchResult], None] | None = None,
    ) -> list[MatchResult]:
        """Play a schedule to its end, as `pokenash.arena.Arena.play` does; `on_result` is called in this process."""
        ...

    def stream(
        self,
        policies: Sequence[Policy | PolicySpec],
        matches: Iterable[Match],
        *,
        seed: int,
        recording: Recording | None = None,
    ) -> Iterator[MatchResult]:
        """Play a schedule and give every result as it comes in, with what is recorded, as `Arena.stream` does."""
        ...

    def close(self) -> None:
        """Release what it holds. It may be used again afterwards."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def check_executor(executor: MatchExecutor | None, game: Game) -> None:
    """Refuse an executor of another game than the one that is to be played.

    Raises
    ------
    InputError
        If it is one.
    """
    if executor is not None and executor.game.config() != game.config():
        raise InputError(
            f"the arena plays another game ({executor.game.name}, or other settings of it) than the one that is asked "
            f"for ({game.name}); make an arena of that game"
        )


def make_executor(
    name: str, game: Game, *, num_lanes: int = 64, num_workers: int = 1, progress: bool = False, **options: Any
) -> MatchExecutor:
    """The executor of that name.

    Parameters
    ----------
    name : {"local", "ray"}
    game : Game
    num_lanes : int
        Episodes in play at a time; with ``"ray"``, on each worker.
    num_workers : int
        Worker processes of the game on this machine (``"local"``), or Ray workers in the cluster (``"ray"``).
    progress : bool
        Whether to show a progress bar on standard error.
    **options
        Further parameters of `RayArena`; ``"local"`` takes none.

    Raises
    ------
    InputError
        If there is no such executor, it knows no such option, or what it needs is not installed.
    """
    if name == "local":
        if options:
            raise InputError(f"the executor 'local' has no options {', '.join(sorted(options))}; 'ray' has")
        return Arena(game, num_lanes=num_lanes, num_workers=num_workers, progress=progress)
    if name == "ray":
        from pokenash.arena.executors.ray_arena import RayArena

        return RayArena(game, num_lanes=num_lanes, num_workers=num_workers, progress=progress, **options)
    raise InputError(f"unknown executor {name!r}; expected one of {', '.join(EXECUTORS)}")
