"""The two memories of neural fictitious self-play: a circular replay buffer and a reservoir buffer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import InputError

__all__ = ["ColumnBuffer", "ReplayBuffer", "ReservoirBuffer"]

_FIRST_ROWS = 4096
_BYTE_VALUES = 256
# Few decisions are not ready, so that drawing again is faster than a list of those that are.
_REDRAWS = 4


class ColumnBuffer:
    """Named arrays of a fixed number of rows at most, which grow as rows are written.

    Floats that have been whole numbers from 0 to 255 so far are kept as bytes: the features of card and board games
    mostly are, and take a quarter of the memory. The values that come back are the same, in the same dtypes.

    Parameters
    ----------
    capacity : int
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._arrays: dict[str, NDArray[Any]] = {}
        self._dtypes: dict[str, np.dtype[Any]] = {}

    def write(self, places: NDArray[np.int64], batch: Mapping[str, NDArray[Any]]) -> None:
        """Write rows ``[n, ...]`` to places ``[n]``; of rows for one place the last stays."""
        if not len(places):
            return
        rows = int(places.max()) + 1
        for name, values in batch.items():
            array = self._arrays.get(name)
            if array is None:
                self._dtypes[name] = values.dtype
                kept = np.dtype(np.uint8) if values.dtype == np.float32 else values.dtype
                array = np.empty((min(_FIRST_ROWS, self.capacity), *values.shape[1:]), kept)
            if len(array) < rows:
                grown = np.empty((min(self.capacity, max(rows, 2 * len(array))), *array.shape[1:]), array.dtype)
                grown[: len(array)] = array
                array = grown
            if array.dtype == np.uint8 and self._dtypes[name] == np.float32 and not _are_bytes(values):
                array = array.astype(np.float32)
            self._arrays[name] = array
            array[places] = values

    def read(self, places: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Rows ``[n, ...]`` at places ``[n]``, as new arrays."""
        return {
            name: array.take(places, axis=0).astype(self._dtypes[name], copy=False)
            for name, array in self._arrays.items()
        }

    def state(self, rows: int) -> dict[str, NDArray[Any]]:
        """The first rows as they are kept."""
        return {name: array[:rows] for name, array in self._arrays.items()}

    def restore(self, arrays: Mapping[str, NDArray[Any]], dtypes: Mapping[str, str]) -> None:
        """Take over what `state` and `dtypes` gave."""
        self._arrays = {name: np.array(array) for name, array in arrays.items()}
        self._dtypes = {name: np.dtype(dtype) for name, dtype in dtypes.items()}

    @property
    def dtypes(self) -> dict[str, str]:
        """Dtypes of the values by name, as text."""
        return {name: dtype.str for name, dtype in self._dtypes.items()}


def _are_bytes(values: NDArray[Any]) -> bool:
    """Whether all values are whole numbers from 0 to 255."""
    if not ((values >= 0) & (values < _BYTE_VALUES)).all():
        return False
    return bool((values.astype(np.uint8) == values).all())


class ReplayBuffer:
    """The last decisions and what came of them, circular.

    A decision is written when it is made and can be drawn once it is known what followed: the same player's next
    decision, which is written later and so outlives it, or the end of the episode.

    Parameters
    ----------
    capacity : int
        Decisions; older ones are overwritten.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise InputError(f"replay buffer: expected a capacity of at least 1, got {capacity}")
        self.capacity = capacity
        self.total = 0
        self._columns = ColumnBuffer(capacity)
        self._reward = np.zeros(capacity, np.float32)
        self._next = np.full(capacity, -1, np.int64)
        self._ready = np.zeros(capacity, np.bool_)
        self._num_ready = 0

    def __len__(self) -> int:
        """How many decisions can be drawn."""
        return self._num_ready

    def append(self, batch: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
        """Write decisions.

        Parameters
        ----------
        batch : mapping of str to array, ``[n, ...]``
            At most as many rows as the capacity.

        Returns
        -------
        int64 array, ``[n]``
            Serial numbers, by which `follow` and `end` refer to them.
        """
        rows = len(next(iter(batch.values())))
        if rows > self.capacity:
            raise InputError(f"replay buffer: {rows} decisions at once are more than the capacity, {self.capacity}")
        serial = np.arange(self.total, self.total + rows, dtype=np.int64)
        place = serial % self.capacity
        self._num_ready -= int(np.count_nonzero(self._ready[place]))
        self._ready[place] = False
        self._columns.write(place, batch)
        self.total += rows
        return serial

    def follow(self, serial: NDArray[np.int64], following: NDArray[np.int64]) -> None:
        """After the decisions ``[n]`` came the decisions `following` ``[n]`` of the same players, without a reward."""
        self._complete(serial, following, np.zeros(len(serial), np.float32))

    def end(self, serial: NDArray[np.int64], reward: NDArray[np.float32]) -> None:
        """After the decisions ``[n]`` their episodes ended with these returns ``[n]``."""
        self._complete(serial, np.full(len(serial), -1, np.int64), reward)

    def _complete(self, serial: NDArray[np.int64], following: NDArray[np.int64], reward: NDArray[np.float32]) -> None:
        kept = serial >= self.total - self.capacity
        place = serial[kept] % self.capacity
        self._num_ready += len(place) - int(np.count_nonzero(self._ready[place]))
        self._ready[place] = True
        self._reward[place] = reward[kept]
        self._next[place] = following[kept]

    def sample(self, count: int, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """Draw decisions uniformly, with replacement.

        Returns
        -------
        dict of str to array, ``[count, ...]``
            What was written; the same of the following decision with the prefix ``next.`` (where there is none, of some
            other decision); ``reward`` float32; ``last`` bool, whether the episode ended.

        Raises
        ------
        InputError
            If there is no decision to draw.
        """
        if not self._num_ready:
            raise InputError("replay buffer: there is no decision to draw yet")
        place = self._draw(count, rng)
        following = self._next[place]
        last = following < 0
        batch = self._columns.read(place)
        after = self._columns.read(np.where(last, 0, following % self.capacity))
        return {**batch, **{f"next.{k}": v for k, v in after.items()}, "reward": self._reward[place], "last": last}

    def _draw(self, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Places of ready decisions, uniformly: others are drawn again."""
        rows = min(self.total, self.capacity)
        place = rng.integers(0, rows, count)
        for _ in range(_REDRAWS):
            unready = np.flatnonzero(~self._ready[place])
            if not len(unready):
                return place
            place[unready] = rng.integers(0, rows, len(unready))
        unready = np.flatnonzero(~self._ready[place])
        place[unready] = rng.choice(np.flatnonzero(self._ready), len(unready))
        return place

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """JSON-able facts and arrays, from which `restore` makes an equal buffer."""
        rows = min(self.total, self.capacity)
        arrays = {f"column.{name}": array for name, array in self._columns.state(rows).items()}
        arrays |= {"reward": self._reward[:rows], "next": self._next[:rows], "ready": self._ready[:rows]}
        return {"capacity": self.capacity, "total": self.total, "dtypes": self._columns.dtypes}, arrays

    def restore(self, about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over the state of another buffer of the same capacity."""
        _check_capacity("replay buffer", about, self.capacity)
        self.total = int(about["total"])
        rows = min(self.total, self.capacity)
        self._columns.restore(_columns_of(arrays), about["dtypes"])
        self._reward[:rows], self._next[:rows] = arrays["reward"], arrays["next"]
        self._ready[:rows] = arrays["ready"]
        self._num_ready = int(np.count_nonzero(self._ready))


class ReservoirBuffer:
    """A uniform sample of everything that was ever appended (Vitter 1985, algorithm R).

    After `n` rows each of them is kept with probability ``min(1, capacity / n)``.

    Parameters
    ----------
    capacity : int
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise InputError(f"reservoir buffer: expected a capacity of at least 1, got {capacity}")
        self.capacity = capacity
        self.total = 0
        self._columns = ColumnBuffer(capacity)

    def __len__(self) -> int:
        return min(self.total, self.capacity)

    def append(self, batch: Mapping[str, NDArray[Any]], rng: np.random.Generator) -> None:
        """Offer rows ``[n, ...]``, one after the other."""
        rows = len(next(iter(batch.values())))
        order = np.arange(self.total, self.total + rows, dtype=np.int64)
        self.total += rows
        drawn = rng.integers(0, order + 1)
        place = np.where(order < self.capacity, order, drawn)
        kept = np.flatnonzero(place < self.capacity)
        self._columns.write(place[kept], {name: values[kept] for name, values in batch.items()})

    def sample(self, count: int, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """Draw rows uniformly, with replacement, ``[count, ...]``; `InputError` if there is none."""
        if not len(self):
            raise InputError("reservoir buffer: there is no row to draw yet")
        return self._columns.read(rng.integers(0, len(self), count))

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """JSON-able facts and arrays, from which `restore` makes an equal buffer."""
        arrays = {f"column.{name}": array for name, array in self._columns.state(len(self)).items()}
        return {"capacity": self.capacity, "total": self.total, "dtypes": self._columns.dtypes}, arrays

    def restore(self, about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over the state of another buffer of the same capacity."""
        _check_capacity("reservoir buffer", about, self.capacity)
        self.total = int(about["total"])
        self._columns.restore(_columns_of(arrays), about["dtypes"])


def _columns_of(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name.removeprefix("column."): a for name, a in arrays.items() if name.startswith("column.")}


def _check_capacity(what: str, about: Mapping[str, Any], capacity: int) -> None:
    if about["capacity"] != capacity:
        raise InputError(f"{what}: expected the state of one of capacity {capacity}, got {about['capacity']}")
