"""The binary frames between Python and a worker (its side is ``js/frame.js``).

All numbers are little-endian. A request is five uint32 (length of the body, kind, part, two counts) and a body; an
answer is five uint32 (kind, part, rows, results, length of the extras) followed by one block per array, the results
and the extras as JSON.
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

OPEN, STEP, REPLAY, SHOW, CLEAR = 1, 2, 3, 4, 5
"""Kinds of request: begin, one step of a part, play one battle again, show a part as it is, forget a part."""

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


def pack_setup(lane: int, setup: EpisodeSetup, teams: tuple[int, int]) -> bytes:
    """An episode's setup for a lane of a part; `teams` are indices into the game's team set, or `NO_TEAMS`."""
    flags = setup.text[0] | setup.text[1] << 1 | setup.record << 2
    return _SETUP.pack(lane, flags, *teams) + seed_bytes(setup.seed)


@dataclass(frozen=True)
class Block:
    """One array of the observation: its name, dtype, and shape of a row."""

    name: str
    dtype: str
    shape: tuple[int, ...]


class RowArrays:
    """Preallocated arrays for the rows of a batch, filled by reading straight into them.

    Parameters
    ----------
    capacity : int
        Largest number of rows.
    blocks : sequence of Block
        The observation's arrays.
    num_actions : int
    """

    def __init__(self, capacity: int, blocks: Sequence[Block], num_actions: int) -> None:
        self.lane = np.zeros(capacity, np.int64)
        self.player = np.zeros(capacity, np.int64)
        self.decision = np.zeros(capacity, np.int64)
        self.action_mask = np.zeros((capacity, num_actions), np.bool_)
        self.observation: dict[str, NDArray[Any]] = {
            block.name: np.zeros((capacity, *block.shape), block.dtype) for block in blocks
        }
        arrays: list[NDArray[Any]] = [self.lane, self.player, self.decision, self.action_mask]
        arrays += self.observation.values()
        self._bytes = [
            (array.reshape(-1).view(np.uint8).data, array.itemsize * int(np.prod(array.shape[1:]))) for array in arrays
        ]

    def views(self, start: int, stop: int) -> list[memoryview]:
        """The memory of rows ``start`` to ``stop``, one view per array in the order of the frame."""
        return [view[start * stride : stop * stride] for view, stride in self._bytes]

    def first(self, rows: int) -> dict[str, NDArray[Any]]:
        """Views of the observation's first rows."""
        return {name: array[:rows] for name, array in self.observation.items()}
