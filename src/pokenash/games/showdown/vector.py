"""Many Showdown battles at once: the scheduling of lanes, and the checking of actions."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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

_BATCH_LANES = 128
"""Battles that are handed out together at most, unless said otherwise."""


@dataclass
class _Batch:
    """Parts whose rows are handed out together."""

    parts: list[Part]
    arrays: frames.RowArrays
    """Those of its part, or a copy of the rows of all its parts, one after the other."""
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
        About how many battles are handed out together. Default: half of the lanes, so that two batches alternate, or
        all of them where there is only one core to work on; but no more than 128.

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
        wanted = batch_lanes or min(_BATCH_LANES, num_lanes if _usable_cores() == 1 else -(-num_lanes // 2))
        lanes = _split(num_lanes, self.num_workers, wanted)
        self._pool = Pool(lanes, game.rules, game.worker_options(), blocks, self.num_actions, game.timeout)
        found = self._pool.facts["num_actions"]
        if found != self.num_actions:
            raise SimulatorError(f"the simulator has {found} actions for {game.format}, expected {self.num_actions}")
        self._batches = [
            _Batch(group, self._arrays_of(group), [[] for _ in group]) for group in _group(self._pool.parts)
        ]
        self._none = no_decisions(self.num_actions, self._batches[0].arrays.observation)
        self._first_action = self.num_actions * np.arange(2 * num_lanes)
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
            unless the format draws its teams; or ``"position"``, the name or index of one of the game's positions or
            one given whole, from which the battle starts. It goes on with the random numbers of the setup's seed, or
            with the position's own where ``"continued"`` is True.

        Raises
        ------
        InputError
            If a setup cannot be played.
        """
        self._schedule = iter(schedule)
        self._turns.clear()
        return self._exchange(self._restart)

    def resume(
        self, setup: EpisodeSetup, actions: tuple[Sequence[int], Sequence[int]]
    ) -> tuple[Decisions, list[EpisodeResult]]:
        """Go on with one battle alone, giving up whatever was in play.

        Parameters
        ----------
        setup : EpisodeSetup
        actions : tuple of sequence of int
            What both players have done in it, refused actions included.

        Returns
        -------
        decisions : Decisions
            The rows that are open after these actions; the battle is the very one of which they are, bit for bit.
        results : list of EpisodeResult
            The battle's, if it has ended.
        """
        self.game.check_setup(setup)
        self._schedule = iter(())
        self._turns.clear()
        return self._exchange(lambda: self._go_on(setup, actions))

    def _go_on(self, setup: EpisodeSetup, actions: tuple[Sequence[int], Sequence[int]]) -> None:
        self._pool.start_workers()
        self._pool.forget()
        batch = self._batches[0]
        batch.bounds = [0] * (len(batch.parts) + 1)
        batch.pending = [[] for _ in batch.parts]
        lane = batch.parts[0].first
        self._episode[lane] = setup.episode
        self._pool.resume(batch.parts[0], lane, setup, actions)
        self._turns.append(batch)

    def _restart(self) -> None:
        self._pool.start_workers()
        self._pool.forget()
        for batch in self._batches:
            self._fill(batch)

    def step(self, actions: NDArray[np.integer[Any]]) -> tuple[Decisions, list[EpisodeResult]]:
        """Answer the rows returned last; see `pokenash.games.VectorGame.step`."""
        if not self._usable:
            raise SimulatorError("there is no battle in play: the game was closed or interrupted; call start first")
        batch, decisions = self._open, self._decisions
        if batch is None:
            raise InputError("every episode has been played, so there is no row to answer; call start first")
        chosen = self._checked(actions, decisions)
        self._pool.histories.append(decisions.lane, decisions.player, decisions.decision, chosen)
        return self._exchange(lambda: self._submit(batch, decisions.lane, chosen))

    def _exchange(self, begin: Callable[[], None]) -> tuple[Decisions, list[EpisodeResult]]:
        """Tell the workers something and wait for what is next.

        An exception in the middle of it, such as Ctrl-C, leaves nothing to go on with.
        """
        self._usable = False
        try:
            begin()
            answer = self._next()
        except BaseException:
            self.close()
            raise
        self._usable = True
        return answer

    def _checked(self, actions: NDArray[np.integer[Any]], decisions: Decisions) -> NDArray[np.int8]:
        """The actions as an array, if every one of them may be taken."""
        chosen = np.asarray(actions)
        rows = len(decisions)
        if chosen.shape != (rows,) or chosen.dtype.kind not in "iu":
            raise InputError(f"got actions of shape {chosen.shape} and dtype {chosen.dtype}, expected {rows} integers")
        mask = decisions.action_mask.ravel()
        if not (
            chosen.min() >= 0
            and chosen.max() < self.num_actions
            and mask.take(self._first_action[:rows] + chosen).all()
        ):
            self._check_each(chosen, decisions)
        return chosen.astype(np.int8)

    def _check_each(self, chosen: NDArray[np.integer[Any]], decisions: Decisions) -> None:
        """Refuse the first action that may not be taken; some are out of range, `FORFEIT` perhaps, or illegal."""
        for row, action in enumerate(chosen.tolist()):
            legal = decisions.action_mask[row]
            if action != FORFEIT and not (0 <= action < self.num_actions and legal[action]):
                agent = f"player_{decisions.player[row]} of episode {decisions.episode[row]}"
                raise IllegalActionError(agent, action, np.flatnonzero(legal).tolist())

    def _arrays_of(self, parts: Sequence[Part]) -> frames.RowArrays:
        if len(parts) == 1:
            return parts[0].rows
        return frames.RowArrays(2 * sum(part.lanes for part in parts), self.game.blocks, self.num_actions)

    def _fill(self, batch: _Batch) -> None:
        """Have all lanes of a batch begin an episode."""
        batch.bounds = [0] * (len(batch.parts) + 1)
        batch.pending = [[] for _ in batch.parts]
        for position, part in enumerate(batch.parts):
            for lane in range(part.first, part.first + part.lanes):
                self._begin(batch, position, lane)
        self._submit(batch, _NO_LANES, _NO_ACTIONS)

    def _begin(self, batch: _Batch, position: int, lane: int) -> None:
        """Have a free lane take the next episode of the schedule, if there is one."""
        setup = next(self._schedule, None)
        if setup is None:
            return
        self.game.check_setup(setup)
        batch.pending[position].append((lane, setup))
        self._episode[lane] = setup.episode

    def _submit(self, batch: _Batch, lane: NDArray[np.int64], actions: NDArray[np.int8]) -> None:
        """Send off the parts of a batch that have anything to do, and put it in the queue."""
        busy = False
        bounds = batch.bounds
        for position, part in enumerate(batch.parts):
            start, stop = bounds[position], bounds[position + 1]
            pending = batch.pending[position]
            if pending or stop > start:
                self._pool.submit(part, lane[start:stop], actions[start:stop], pending)
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
            self._submit(batch, _NO_LANES, _NO_ACTIONS)
        self._open = None
        self._decisions = self._none
        return self._none, results

    def _collect(self, batch: _Batch, results: list[EpisodeResult]) -> Mapping[int, Sequence[str]]:
        """Wait for the answers about a batch; returns the texts of its parts by their first row."""
        texts = {}
        start = 0
        batch.bounds = [0]
        for position, part in enumerate(batch.parts):
            if part.in_flight:
                rows, ended, text = self._pool.collect(part)
                if text is not None:
                    texts[start] = text
                for lane, result in ended:
                    results.append(result)
                    self._begin(batch, position, lane)
                if batch.arrays is not part.rows:
                    batch.arrays.put(start, part.rows, rows)
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


_NO_LANES = np.zeros(0, np.int64)
_NO_ACTIONS = np.zeros(0, np.int8)


def _usable_cores() -> int:
    """Cores that this process and its workers may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _split(num_lanes: int, num_workers: int, batch_lanes: int) -> list[list[int]]:
    """Spread the lanes over the workers, in as many parts each as there are to be batches."""
    pieces = -(-num_lanes // batch_lanes)
    return [_shares(own, min(pieces, own)) for own in _shares(num_lanes, num_workers)]


def _shares(total: int, count: int) -> list[int]:
    """A whole number in so many shares that differ by at most one."""
    return [total // count + (index < total % count) for index in range(count)]


def _group(parts: Sequence[Part]) -> list[list[Part]]:
    """Batches, each of a part of every worker."""
    groups: list[list[Part]] = [[] for _ in range(1 + max(part.index for part in parts))]
    for part in parts:
        groups[part.index].append(part)
    return groups
