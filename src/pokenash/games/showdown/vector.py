"""Many Showdown battles at once: the scheduling of lanes, and the checking of actions."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import IllegalActionError, InputError, SimulatorError
from pokenash.games.core import Decisions, EpisodeResult, EpisodeSetup, VectorGame, no_decisions
from pokenash.games.showdown import frames
from pokenash.games.showdown.pool import Part, Pool

if TYPE_CHECKING:
    from pokenash.games.showdown.game import ShowdownGame

__all__ = ["FORFEIT", "ShowdownVectorGame"]

FORFEIT = -1
"""The action that gives up the battle; always legal, and never in the mask."""

_PART_LANES = 64
"""Most lanes that a worker steps at a time; the answer about so many still fits into a pipe as a whole."""


@dataclass
class _Batch:
    """Parts whose rows are handed out together."""

    parts: list[Part]
    arrays: frames.RowArrays
    pending: list[list[tuple[int, EpisodeSetup]]]
    """Per part, the episodes that its idle lanes begin with the next step."""
    bounds: list[int] = field(default_factory=list)
    """Rows of part i: ``bounds[i]`` to ``bounds[i + 1]``."""


class ShowdownVectorGame(VectorGame):
    """Showdown battles in worker processes, many at a time.

    The lanes are split into batches which are handed out in turn, so that workers simulate one while a policy thinks
    about another. Results do not depend on the numbers of lanes and workers: an episode is a function of its setup
    and the actions. Besides the masked actions, -1 (`FORFEIT`) is always legal.

    Parameters
    ----------
    game : ShowdownGame
    num_lanes : int
        Battles at a time.
    num_workers : int
        Processes; never more than lanes.
    batch_lanes : int, optional
        About how many battles are handed out together. Default: half of the lanes, so that two batches alternate,
        but no more than 128.

    Raises
    ------
    InputError
        If a number is not positive.
    SimulatorError
        If Node or the simulator is missing or a worker cannot be started.
    """

    def __init__(
        self, game: ShowdownGame, num_lanes: int, num_workers: int = 1, *, batch_lanes: int | None = None
    ) -> None:
        for name, value in (("num_lanes", num_lanes), ("num_workers", num_workers), ("batch_lanes", batch_lanes)):
            if value is not None and value < 1:
                raise InputError(f"{name} is {value}, expected a positive number")
        self.game = game
        self.num_lanes = num_lanes
        self.num_workers = min(num_workers, num_lanes)
        self.num_actions = game.num_actions
        self.observation_space = game.observation_space
        blocks = game.blocks
        parts = _split(num_lanes, self.num_workers)
        self._pool = Pool(parts, game.rules, game.worker_options(), blocks, self.num_actions, game.timeout)
        found = self._pool.facts["num_actions"]
        if found != self.num_actions:
            raise SimulatorError(f"the simulator has {found} actions for {game.format}, expected {self.num_actions}")
        self._batches = [
            _Batch(
                group,
                frames.RowArrays(2 * sum(part.lanes for part in group), blocks, self.num_actions),
                [[] for _ in group],
            )
            for group in _group(parts, batch_lanes or min(128, -(-num_lanes // 2)))
        ]
        self._none = no_decisions(self.num_actions, self._batches[0].arrays.observation)
        self._row = np.arange(2 * num_lanes)
        self._episode = np.zeros(num_lanes, np.int64)
        self._turns: deque[_Batch] = deque()
        self._schedule: Iterator[EpisodeSetup] = iter(())
        self._open: _Batch | None = None
        self._decisions = self._none
        self._usable = False

    @property
    def worker_pids(self) -> list[int]:
        """Process ids of the workers."""
        return self._pool.pids

    def close(self) -> None:
        """End the workers. May be called more than once."""
        self._usable = False
        self._pool.close()

    def start(self, schedule: Iterable[EpisodeSetup]) -> tuple[Decisions, list[EpisodeResult]]:
        """Begin a schedule, giving up whatever was in play.

        Parameters
        ----------
        schedule : iterable of EpisodeSetup
            Drawn from as lanes become free. Options must hold ``"teams"``, two indices into the game's team set,
            unless the format draws its teams.

        Raises
        ------
        InputError
            If a setup cannot be played.
        """
        self._schedule = iter(schedule)
        self._turns.clear()
        with self._closed_on_error():
            self._pool.start_workers()
            self._pool.forget()
            for batch in self._batches:
                self._fill(batch)
            return self._next()

    def step(self, actions: NDArray[np.integer[Any]]) -> tuple[Decisions, list[EpisodeResult]]:
        """Answer the rows returned last; see `pokenash.games.VectorGame.step`."""
        if not self._usable:
            raise SimulatorError("there is no battle in play: the game was closed or interrupted; call start first")
        if self._open is None:
            raise InputError("every episode has been played, so there is no row to answer; call start first")
        decisions = self._decisions
        chosen = self._checked(actions, decisions)
        with self._closed_on_error():
            self._pool.histories.append(decisions.lane, decisions.player, decisions.decision, chosen)
            self._submit(self._open, chosen)
            return self._next()

    @contextmanager
    def _closed_on_error(self) -> Iterator[None]:
        """An exception in the middle of an exchange with a worker, such as Ctrl-C, leaves nothing to go on with."""
        self._usable = False
        try:
            yield
        except BaseException:
            self.close()
            raise
        self._usable = True

    def _checked(self, actions: NDArray[np.integer[Any]], decisions: Decisions) -> NDArray[np.integer[Any]]:
        """The actions as an array, if every one of them may be taken."""
        chosen = np.asarray(actions)
        rows = len(decisions)
        if chosen.shape != (rows,) or chosen.dtype.kind not in "iu":
            raise InputError(f"got actions of shape {chosen.shape} and dtype {chosen.dtype}, expected {rows} integers")
        if chosen.min() >= 0 and chosen.max() < self.num_actions:
            legal = decisions.action_mask[self._row[:rows], chosen]
        else:
            inside = (chosen >= 0) & (chosen < self.num_actions)
            legal = inside & decisions.action_mask[self._row[:rows], np.where(inside, chosen, 0)]
            legal |= chosen == FORFEIT
        if not legal.all():
            row = int(np.argmin(legal))
            agent = f"player_{decisions.player[row]} of episode {decisions.episode[row]}"
            raise IllegalActionError(agent, int(chosen[row]), np.flatnonzero(decisions.action_mask[row]).tolist())
        return chosen

    def _fill(self, batch: _Batch) -> None:
        """Have all lanes of a batch begin an episode."""
        batch.bounds = [0] * (len(batch.parts) + 1)
        batch.pending = [[] for _ in batch.parts]
        for position, part in enumerate(batch.parts):
            for lane in range(part.first, part.first + part.lanes):
                self._begin(batch, position, lane)
        self._submit(batch, np.zeros(0, np.int64))

    def _begin(self, batch: _Batch, position: int, lane: int) -> None:
        """Have a free lane take the next episode of the schedule, if there is one."""
        setup = next(self._schedule, None)
        if setup is None:
            return
        self.game.check_setup(setup)
        batch.pending[position].append((lane, setup))
        self._episode[lane] = setup.episode

    def _submit(self, batch: _Batch, actions: NDArray[np.integer[Any]]) -> None:
        """Send off the parts of a batch that have anything to do, and put it in the queue."""
        busy = False
        for position, part in enumerate(batch.parts):
            rows = slice(batch.bounds[position], batch.bounds[position + 1])
            pending = batch.pending[position]
            if pending or rows.stop > rows.start:
                self._pool.submit(part, batch.arrays.lane[rows], actions[rows], pending)
                batch.pending[position] = []
                busy = True
        if busy:
            self._turns.append(batch)

    def _next(self) -> tuple[Decisions, list[EpisodeResult]]:
        """Wait for the batch whose turn it is; one that has no row to answer is passed over."""
        results: list[EpisodeResult] = []
        while self._turns:
            batch = self._turns.popleft()
            texts = self._collect(batch, results)
            rows = batch.bounds[-1]
            if rows:
                self._open = batch
                self._decisions = self._view(batch, rows, texts)
                return self._decisions, results
            self._submit(batch, np.zeros(0, np.int64))
        self._open = None
        self._decisions = self._none
        return self._none, results

    def _collect(self, batch: _Batch, results: list[EpisodeResult]) -> Mapping[int, Sequence[str]]:
        """Read the answers about a batch; returns the texts of its parts by their first row."""
        texts = {}
        batch.bounds = [0]
        for position, part in enumerate(batch.parts):
            start = batch.bounds[-1]
            if part.in_flight:
                rows, ended, text = self._pool.collect(part, batch.arrays, start)
                if text is not None:
                    texts[start] = text
                for lane, result in ended:
                    results.append(result)
                    self._begin(batch, position, lane)
                start += rows
            batch.bounds.append(start)
        return texts

    def _view(self, batch: _Batch, rows: int, texts: Mapping[int, Sequence[str]]) -> Decisions:
        arrays = batch.arrays
        text = None
        if texts:
            text = [""] * rows
            for start, lines in texts.items():
                text[start : start + len(lines)] = lines
        lane = arrays.lane[:rows].copy()
        # Only the observation, which is large, is handed out as a view.
        return Decisions(
            lane,
            self._episode[lane],
            arrays.player[:rows].copy(),
            arrays.decision[:rows].copy(),
            arrays.first(rows),
            arrays.action_mask[:rows].copy(),
            text,
        )


def _split(num_lanes: int, num_workers: int) -> list[Part]:
    """Spread the lanes over the workers in parts: at least two per worker where there are lanes enough."""
    parts: list[Part] = []
    first = 0
    for worker in range(num_workers):
        own = num_lanes // num_workers + (worker < num_lanes % num_workers)
        pieces = max(-(-own // _PART_LANES), min(2, own))
        for index in range(pieces):
            lanes = own // pieces + (index < own % pieces)
            parts.append(Part(worker, index, first, lanes))
            first += lanes
    return parts


def _group(parts: Sequence[Part], batch_lanes: int) -> list[list[Part]]:
    """Batches of about so many lanes, each of parts of all workers in turn."""
    queue = sorted(parts, key=lambda part: (part.index, part.worker))
    groups: list[list[Part]] = []
    room = 0
    for part in queue:
        if part.lanes > room:
            groups.append([])
            room = max(batch_lanes, part.lanes)
        groups[-1].append(part)
        room -= part.lanes
    return groups
