"""The workers of one vector game, and what happens when one of them fails.

Everything that a worker knows can be made again: the battles of one that died or hangs are replayed in a new worker
from their setups and the actions so far, and go on as if nothing had happened.
"""

from __future__ import annotations

import logging
import mmap
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import SimulatorError
from pokenash.games.core import EpisodeResult, EpisodeSetup
from pokenash.games.showdown import frames
from pokenash.games.showdown.memory import SharedMemory
from pokenash.games.showdown.records import Histories, Rules, episode_result
from pokenash.games.showdown.worker import Worker, WorkerGoneError

__all__ = ["Part", "Pool"]

_LOG = logging.getLogger(__name__)
_MAX_STARTS = 5
"""Consecutive restarts of one worker without a single answer, after which it is the machine and not a battle."""
_MAX_DEATHS = 2
"""How often a battle may take the worker with it while it is replayed alone."""


@dataclass
class Part:
    """Lanes that one worker steps together, and the rows that it last showed of them.

    Parameters
    ----------
    worker : int
        Index of the worker.
    index : int
        Index among the worker's parts.
    first, lanes : int
        The lanes ``first`` to ``first + lanes``.
    rows : frames.RowArrays
        In memory that the worker writes to while the part is in flight.
    offset : int
        Where that memory begins in the worker's.
    """

    worker: int
    index: int
    first: int
    lanes: int
    rows: frames.RowArrays
    offset: int
    in_flight: bool = False
    setups: dict[int, EpisodeSetup] = field(default_factory=dict)
    """Episodes in play, by lane (of the vector game)."""
    lost: list[tuple[int, EpisodeResult]] = field(default_factory=list)
    """Episodes that were given up, not yet reported."""

    def forget(self) -> None:
        """Nothing is in play any more."""
        self.in_flight = False
        self.setups.clear()
        self.lost.clear()


class Pool:
    """Workers, the parts of their lanes, and the setups and actions from which any of it can be rebuilt.

    Parameters
    ----------
    lanes : sequence of sequence of int
        For every worker, the sizes of its parts; lanes are numbered through.
    rules : Rules
    options : mapping
        What workers are opened with, without their parts.
    blocks : sequence of frames.Block
        The observation's arrays.
    num_actions : int
    timeout : float
        Seconds after which a silent worker counts as hung.
    """

    def __init__(
        self,
        lanes: Sequence[Sequence[int]],
        rules: Rules,
        options: Mapping[str, Any],
        blocks: Sequence[frames.Block],
        num_actions: int,
        timeout: float,
    ) -> None:
        self.histories = Histories(sum(map(sum, lanes)))
        self._rules = rules
        self._options = options
        self._timeout = timeout
        self._memories: list[SharedMemory] = []
        self._of_worker: list[list[Part]] = []
        first = 0
        for worker, own in enumerate(lanes):
            sizes = [frames.RowArrays.size(2 * count, blocks, num_actions) for count in own]
            # Pages of its own for every part.
            starts = np.cumsum([0, *(-(-size // mmap.PAGESIZE) * mmap.PAGESIZE for size in sizes)]).tolist()
            memory = SharedMemory(starts[-1])
            parts = []
            for index, count in enumerate(own):
                rows = frames.RowArrays(2 * count, blocks, num_actions, memory.view[starts[index] :])
                parts.append(Part(worker, index, first, count, rows, starts[index]))
                first += count
            self._memories.append(memory)
            self._of_worker.append(parts)
        self.parts = [part for parts in self._of_worker for part in parts]
        self._order: list[deque[Part]] = [deque() for _ in self._of_worker]
        self._starts = [0] * len(self._of_worker)
        self._deaths: dict[int, int] = {}
        self._workers: list[Worker | None] = [None] * len(self._of_worker)
        self.facts: Mapping[str, Any] = {}
        self.start_workers()

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers that are there."""
        return [worker.pid for worker in self._workers if worker is not None]

    def close(self) -> None:
        """End all workers and give up what is in play."""
        for index, worker in enumerate(self._workers):
            if worker is not None:
                worker.close()
            self._workers[index] = None
            self._order[index].clear()
        for part in self.parts:
            part.forget()

    def start_workers(self) -> None:
        """Start the workers that are not there, all at once."""
        absent = [index for index, worker in enumerate(self._workers) if worker is None]
        for index in absent:
            self._workers[index] = Worker(self._timeout, self._memories[index].descriptor)
        for index in absent:
            try:
                self._open_twice(index)
            except WorkerGoneError as error:
                self.close()
                raise SimulatorError(f"a simulator process could not be started: {error}") from None

    def _open_twice(self, index: int) -> None:
        """What dies while it starts may have been killed by mistake or for memory: it gets a second try."""
        try:
            self._open(index)
        except WorkerGoneError as error:
            _LOG.warning("a simulator process is started again: %s", error)
            self._worker(index).close()
            self._workers[index] = Worker(self._timeout, self._memories[index].descriptor)
            self._open(index)

    def _worker(self, index: int) -> Worker:
        worker = self._workers[index]
        if worker is None:
            raise WorkerGoneError("the worker was not started")
        return worker

    def _open(self, index: int) -> None:
        parts = [{"first": part.first, "lanes": part.lanes, "offset": part.offset} for part in self._of_worker[index]]
        memory = self._memories[index].descriptor
        self.facts = self._worker(index).open({**self._options, "memory": memory, "parts": parts})

    def forget(self) -> None:
        """Give up everything in play."""
        for index in range(len(self._workers)):
            try:
                self._forget_worker(index)
            except WorkerGoneError as error:
                self._recover(index, error)

    def _forget_worker(self, index: int) -> None:
        pending = list(self._order[index])
        self._order[index].clear()
        for part in self._of_worker[index]:
            part.forget()
        for part in pending:
            self._worker(index).receive(part.index)
        for part in self._of_worker[index]:
            self._worker(index).send(frames.pack_request(frames.CLEAR, part.index))
            self._worker(index).receive(part.index)

    def submit(
        self,
        part: Part,
        lane: NDArray[np.int64],
        actions: NDArray[np.int8],
        setups: Sequence[tuple[int, EpisodeSetup]],
    ) -> None:
        """Answer all open rows of a part and start new episodes in idle lanes of it.

        Parameters
        ----------
        part : Part
        lane : int array, ``[B]``
            Of the part's open rows.
        actions : int8 array, ``[B]``
            Theirs, already in the `histories`.
        setups : sequence of (int, EpisodeSetup)
            Lane and episode.
        """
        for number, setup in setups:
            part.setups[number] = setup
            self.histories.clear(number)
            self._deaths.pop(number, None)
        if part.lost:
            actions = actions[~np.isin(lane, [number for number, _ in part.lost])]
        part.in_flight = True
        self._order[part.worker].append(part)
        try:
            worker = self._worker(part.worker)
            body = b"".join(self._packed(worker, part, number, setup) for number, setup in setups) + actions.tobytes()
            worker.send(frames.pack_request(frames.STEP, part.index, (len(setups), len(actions)), body))
        except WorkerGoneError as error:
            self._recover(part.worker, error)

    def resume(self, part: Part, lane: int, setup: EpisodeSetup, actions: tuple[Sequence[int], Sequence[int]]) -> None:
        """Have an idle lane go on with an episode in which both players have taken these actions.

        The part's rows are to be collected, as after `submit`.
        """
        part.setups[lane] = setup
        self.histories.put(lane, actions)
        self._deaths.pop(lane, None)
        part.in_flight = True
        self._order[part.worker].append(part)
        try:
            worker = self._worker(part.worker)
            self._replay(worker, part, lane)
            worker.send(frames.pack_request(frames.SHOW, part.index))
        except WorkerGoneError as error:
            self._recover(part.worker, error)

    def _packed(self, worker: Worker, part: Part, number: int, setup: EpisodeSetup) -> bytes:
        """A setup as the worker reads it; the worker knows its position then."""
        position = self._rules.position(setup)
        if position is None:
            return frames.pack_setup(number - part.first, setup, self._teams(setup))
        return frames.pack_setup(number - part.first, setup, frames.NO_TEAMS, worker.learn(position))

    def _teams(self, setup: EpisodeSetup) -> tuple[int, int]:
        if self._rules.teams is None:
            return frames.NO_TEAMS
        first, second = setup.options["teams"]
        return int(first), int(second)

    def collect(self, part: Part) -> tuple[int, list[tuple[int, EpisodeResult]], Sequence[str] | None]:
        """Wait for a part that was submitted; parts of one worker come in the order of submission.

        Returns
        -------
        rows : int
            Number of open rows; they are the first of ``part.rows``.
        results : list of (int, EpisodeResult)
            Lane and result of the episodes that ended.
        text : sequence of str or None
            Per row, if any row asked for it.
        """
        while True:
            try:
                rows, words, extras = self._worker(part.worker).receive(part.index)
                break
            except WorkerGoneError as error:
                self._recover(part.worker, error)
        assert self._order[part.worker].popleft() is part
        self._starts[part.worker] = 0
        part.in_flight = False
        results, part.lost = part.lost, []
        if words:
            results += self._results(part, words, extras.get("results", {}))
        return rows, results, extras.get("text")

    def _results(self, part: Part, words: bytes, extras: Mapping[str, Any]) -> list[tuple[int, EpisodeResult]]:
        results = []
        for record in np.frombuffer(words, "<i4").reshape(-1, frames.RESULT_WORDS).tolist():
            number = part.first + record[0]
            setup = part.setups.pop(number)
            more = extras.get(str(record[0]), {})
            results.append((number, episode_result(setup, record, more, self.histories.of(number), self._rules)))
        return results

    def _recover(self, index: int, reason: WorkerGoneError) -> None:
        """Replace a worker and rebuild its battles, until that succeeds or is hopeless."""
        while True:
            self._starts[index] += 1
            worker, self._workers[index] = self._workers[index], None
            if worker is not None:
                worker.close()
            if self._starts[index] > _MAX_STARTS:
                raise SimulatorError(
                    f"a simulator process failed {self._starts[index]} times in a row: {reason}"
                ) from None
            _LOG.warning("a simulator process is replaced and its battles are rebuilt: %s", reason)
            self._workers[index] = Worker(self._timeout, self._memories[index].descriptor)
            try:
                self._open(index)
                self._rebuild(index)
            except WorkerGoneError as error:
                reason = error
            else:
                return

    def _rebuild(self, index: int) -> None:
        worker = self._worker(index)
        for part in self._of_worker[index]:
            for number in list(part.setups):
                self._replay(worker, part, number)
        for part in self._of_worker[index]:
            if not part.in_flight:
                # Its rows are with the caller already; the worker must know which they are.
                worker.send(frames.pack_request(frames.SHOW, part.index))
                worker.receive(part.index)
        for part in self._order[index]:
            worker.send(frames.pack_request(frames.SHOW, part.index))

    def _replay(self, worker: Worker, part: Part, number: int) -> None:
        """Replay one battle alone, so that one which kills its worker is known."""
        setup = part.setups[number]
        actions = self.histories.of(number)
        try:
            body = self._packed(worker, part, number, setup) + actions[0].tobytes() + actions[1].tobytes()
            worker.send(frames.pack_request(frames.REPLAY, part.index, (len(actions[0]), len(actions[1])), body))
            worker.receive(part.index)
        except WorkerGoneError as error:
            self._deaths[number] = self._deaths.get(number, 0) + 1
            if self._deaths[number] >= _MAX_DEATHS:
                del part.setups[number]
                code = frames.REASONS.index("error")
                result = episode_result(setup, (0, code, -1, 0, 0, 0), {"error": str(error)}, actions, self._rules)
                part.lost.append((number, result))
                self._starts[part.worker] = 0
            raise
