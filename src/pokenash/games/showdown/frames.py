"""The binary frames between Python and a worker (its side is ``js/frame.js``).

All numbers are little-endian. A request is five uint32 (length of the body, kind, part, two counts) and a body; an
answer is five uint32 (kind, part, rows, results, length of the extras), the results, and the extras as JSON. The rows
themselves lie in a file in memory that both sides share: the worker has written them before its answer comes.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.games.core import EpisodeSetup
from pokenash.games.showdown.seeds import seed_bytes

__all__ = [
    "ANSWER_HEADER",
    "CLEAR",
    "NO_TEAMS",
    "OPEN",
    "POSITION",
    "REASONS",
    "REPLAY",
    "RESULT_WORDS",
    "SHOW",
    "STEP",
    "Block",
    "RowArrays",
    "pack_request",
    "pack_setup",
]

OPEN, STEP, REPLAY, SHOW, CLEAR, POSITION = 1, 2, 3, 4, 5, 6
"""Kinds of request: begin, one step of a part, play one battle again, show a part as it is, forget a part, learn a
position (its number is the first count; no answer comes)."""

REASONS = ("win", "tie", "turn limit", "forfeit", "error")
"""Reasons of `pokenash.games.EpisodeResult`, in the order of their codes."""

RESULT_WORDS = 6
"""int32 per result: lane in its part, reason, winner (-1 for none), turns, Pokémon left of both players."""

NO_TEAMS = (-1, -1)

ANSWER_HEADER = struct.Struct("<5I")
_REQUEST_HEADER = struct.Struct("<5I")
_SETUP = struct.Struct("<IIii")


def pack_request(kind: int, part: int, counts: tuple[int, int] = (0, 0), body: bytes = b"") -> bytes:
    """A whole request."""
    return _REQUEST_HEADER.pack(len(body), kind, part, *counts) + body


def pack_setup(lane: int, setup: EpisodeSetup, teams: tuple[int, int], position: int | None = None) -> bytes:
    """An episode's setup for a lane of a part.

    Parameters
    ----------
    lane : int
    setup : EpisodeSetup
    teams : tuple of int
        Indices into the game's team set, or `NO_TEAMS`; of no account where there is a position.
    position : int, optional
        Number of the position that it starts from, by which the worker knows it.
    """
    flags = setup.text[0] | setup.text[1] << 1 | setup.record << 2
    if position is not None:
        flags |= 8 | bool(setup.options.get("continued")) << 4
        teams = (position, 0)
    return _SETUP.pack(lane, flags, *teams) + seed_bytes(setup.seed)


@dataclass(frozen=True)
class Block:
    """One array of the observation: its name, dtype, and shape of a row."""

    name: str
    dtype: str
    shape: tuple[int, ...]


class RowArrays:
    """The arrays of up to so many rows, one after the other in one piece of memory.

    Parameters
    ----------
    capacity : int
        Largest number of rows.
    blocks : sequence of Block
        The observation's arrays.
    num_actions : int
    memory : writable buffer, optional
        At least `size` bytes. Default: memory of its own.
    """

    def __init__(
        self, capacity: int, blocks: Sequence[Block], num_actions: int, memory: memoryview | None = None
    ) -> None:
        places = _places(capacity, blocks, num_actions)
        buffer = np.zeros(places[-1].stop, np.uint8).data if memory is None else memory
        arrays = [np.frombuffer(buffer, one.dtype, one.count, one.start).reshape(one.shape) for one in places]
        self.lane: NDArray[np.int64] = arrays[0]
        self.player: NDArray[np.int64] = arrays[1]
        self.decision: NDArray[np.int64] = arrays[2]
        self.action_mask: NDArray[np.bool_] = arrays[3]
        self.observation: dict[str, NDArray[Any]] = {
            block.name: array for block, array in zip(blocks, arrays[4:], strict=True)
        }
        self._arrays = arrays

    @staticmethod
    def size(capacity: int, blocks: Sequence[Block], num_actions: int) -> int:
        """Bytes that so many rows take."""
        return _places(capacity, blocks, num_actions)[-1].stop

    def put(self, start: int, other: RowArrays, rows: int) -> None:
        """Copy the first rows of other arrays to row `start` and the rows after it."""
        for mine, theirs in zip(self._arrays, other._arrays, strict=True):
            mine[start : start + rows] = theirs[:rows]

    def first(self, rows: int) -> dict[str, NDArray[Any]]:
        """Views of the observation's first rows."""
        return {name: array[:rows] for name, array in self.observation.items()}


@dataclass(frozen=True)
class _Place:
    """Where an array lies in the memory of `RowArrays`."""

    start: int
    dtype: str
    shape: tuple[int, ...]

    @property
    def count(self) -> int:
        return int(np.prod(self.shape))

    @property
    def stop(self) -> int:
        return self.start + np.dtype(self.dtype).itemsize * self.count


def _places(capacity: int, blocks: Sequence[Block], num_actions: int) -> list[_Place]:
    """The arrays in their order: lane, player, decision, mask, observation; each starts at a multiple of 8 bytes."""
    wanted = [("int64", ())] * 3 + [("bool", (num_actions,))] + [(block.dtype, block.shape) for block in blocks]
    places: list[_Place] = []
    stop = 0
    for dtype, shape in wanted:
        places.append(_Place(-(-stop // 8) * 8, dtype, (capacity, *shape)))
        stop = places[-1].stop
    return places
