"""A worker of an executor: an arena of its own, somewhere, that plays chunks of a schedule.

It is a plain class, so that any way of running Python elsewhere can hold it; nothing here knows Ray.
"""

from __future__ import annotations

import builtins
import json
import os
import socket
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pokenash import __version__, errors
from pokenash.arena.arena import Arena
from pokenash.arena.matches import Match, MatchResult
from pokenash.arena.recording import Recording
from pokenash.errors import IllegalActionError, InputError, PokenashError, SimulatorError
from pokenash.games.core import EpisodeResult
from pokenash.games.loading import load_game
from pokenash.policies.core import Policy
from pokenash.policies.spec import PolicySpec, load_policy

__all__ = ["ChunkWorker", "Delivery", "Failure", "WorkerProcess"]

# Results are sent on after so many seconds or so many of them: seldom enough to cost nothing, and often enough that
# a worker that is lost takes few finished battles with it.
_SECONDS = 0.5
_MOST = 256


# What exceptions of Python itself are told with.
_PLAIN = (str, int, float, type(None))


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """The process in which a worker lives.

    Parameters
    ----------
    host : str
        The machine's name.
    pid : int
        Number of the process on that machine.
    version : str
        Of its pokenash.
    """

    host: str
    pid: int
    version: str


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception of a worker as plain data: not every exception survives the way between processes.

    Parameters
    ----------
    kind : str
        Name of the exception's class.
    arguments : tuple
        Of its constructor, where the class is one of `pokenash.errors` or of Python itself.
    details : str
        The traceback.
    of_the_worker : bool
        Whether the machine failed (the simulator, memory, files), so that another worker may succeed; otherwise the
        policies or the schedule are at fault and would fail anywhere.
    """

    kind: str
    arguments: tuple[Any, ...]
    details: str
    of_the_worker: bool

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """What is told of an exception."""
        if isinstance(error, IllegalActionError):
            arguments: tuple[Any, ...] = (error.agent, error.action, error.legal_actions)
        elif type(error).__module__ == "builtins" and all(isinstance(value, _PLAIN) for value in error.args):
            arguments = error.args
        else:
            arguments = (str(error),)
        machine = isinstance(error, SimulatorError | OSError | MemoryError)
        return cls(type(error).__name__, arguments, "".join(traceback.format_exception(error)), machine)

    @property
    def message(self) -> str:
        """The exception in one line."""
        return f"{self.kind}: {', '.join(map(str, self.arguments))}"

    def exception(self) -> Exception:
        """The exception again; a `RuntimeError` where its class is neither pokenash's nor Python's own."""
        known = getattr(errors, self.kind, None) or getattr(builtins, self.kind, None)
        error: Exception = RuntimeError(f"a worker failed: {self.message}")
        if isinstance(known, type) and issubclass(known, Exception):
            try:
                error = known(*self.arguments)
            except TypeError:
                error = InputError(self.message) if issubclass(known, PokenashError) else error
        error.add_note(f"in a worker:\n{self.details}")
        return error


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a worker sends while it plays a chunk.

    Parameters
    ----------
    results : tuple of (EpisodeResult, members, recorded)
        Of matches that ended; the driver knows the rest of a `MatchResult`.
    failure : Failure, optional
        Why the chunk is not played on.
    """

    results: tuple[tuple[EpisodeResult, tuple[str | None, str | None], tuple[bytes | None, bytes | None]], ...]
    failure: Failure | None = None


class ChunkWorker:
    """Plays chunks of a schedule in an arena of its own.

    The game and the policies are loaded once; a chunk with other policies loads those that are new.

    Parameters
    ----------
    game : mapping
        A game's config.
    num_lanes, num_processes : int
        As `num_lanes` and `num_workers` of `Arena`.
    folder : str, optional
        What the paths of checkpoints are relative to, if they are: made the working directory of this process where the
        machine has it.
    """

    def __init__(
        self, game: Mapping[str, Any], num_lanes: int, num_processes: int = 1, folder: str | None = None
    ) -> None:
        if folder is not None and os.path.isdir(folder):
            os.chdir(folder)
        self._config = game
        self._num_lanes = num_lanes
        self._num_processes = num_processes
        self._arena: Arena | None = None
        self._policies: dict[str, Policy] = {}

    def about(self) -> WorkerProcess:
        """The process in which it lives; answers once the worker is up."""
        return WorkerProcess(socket.gethostname(), os.getpid(), __version__)

    def play(
        self,
        specs: Sequence[Mapping[str, Any]],
        matches: Sequence[Match],
        seed: int,
        recording: Recording | None = None,
    ) -> Iterator[Delivery]:
        """Play matches and deliver their results as they end; the last delivery may be a failure.

        Parameters
        ----------
        specs : sequence of mapping
            The policies that the matches' indices refer to, each as `PolicySpec.to_json` gives it.
        matches : sequence of Match
        seed : int
            Of the policies' randomness.
        recording : Recording, optional
            What to record, here: the driver is sent what comes of it.
        """
        waiting: list[MatchResult] = []
        failure = None
        sent = time.monotonic()
        try:
            if self._arena is None:
                self._arena = Arena(load_game(self._config), num_lanes=self._num_lanes, num_workers=self._num_processes)
            policies = self._loaded(self._arena, specs)
            names = [repr(spec["name"]) for spec in specs]
            for result in self._arena.stream(policies, matches, seed=seed, recording=recording, names=names):
                waiting.append(result)
                if len(waiting) >= _MOST or time.monotonic() - sent > _SECONDS:
                    yield _delivery(waiting)
                    waiting, sent = [], time.monotonic()
        except Exception as error:
            failure = Failure.of(error)
        yield _delivery(waiting, failure)

    def _loaded(self, arena: Arena, specs: Sequence[Mapping[str, Any]]) -> list[Policy]:
        """Live policies; those of the play before that are not needed any more are forgotten."""
        keys = [json.dumps(spec, sort_keys=True) for spec in specs]
        kept: dict[str, Policy] = {}
        for key, spec in zip(keys, specs, strict=True):
            if key not in kept:
                kept[key] = self._policies.get(key) or load_policy(PolicySpec.from_json(spec), arena.game)
        self._policies = kept
        return [kept[key] for key in keys]

    def close(self) -> None:
        """Release the game's processes."""
        if self._arena is not None:
            self._arena.close()


def _delivery(results: Sequence[MatchResult], failure: Failure | None = None) -> Delivery:
    return Delivery(tuple((result.result, result.members, result.recorded) for result in results), failure)
