"""What AMAGO leaves on disk: which weights are there, which of them are whole, and from where a training can go on."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pokenash.errors import InputError
from pokenash.metamon.checkpoints import read_state_dict

__all__ = ["AmagoCheckpoint", "newest_checkpoint"]

_log = logging.getLogger(__name__)

_FILE = re.compile(r"policy_epoch_(\d+)\.pt")


@dataclass(frozen=True)
class AmagoCheckpoint:
    """Weights after an epoch.

    Parameters
    ----------
    epoch : int
        From 0.
    path : Path
    resumable : bool
        Whether the optimizer's state of that epoch is there, too.
    """

    epoch: int
    path: Path
    resumable: bool


def newest_checkpoint(ckpts: Path) -> AmagoCheckpoint | None:
    """The whole weights of the latest epoch in AMAGO's ``ckpts`` folder; None if there are none.

    A file that cannot be read is the trace of a training that was killed while it wrote; the one before it counts.
    """
    for epoch, path in _by_epoch(ckpts / "policy_weights"):
        try:
            read_state_dict(path)
        except InputError as error:
            _log.warning("passed over: %s", error)
            continue
        states = (ckpts / "training_states").glob(f"*_epoch_{epoch}")
        return AmagoCheckpoint(epoch, path, any(state.is_dir() for state in states))
    return None


def _by_epoch(folder: Path) -> Iterator[tuple[int, Path]]:
    """Files of weights, the latest epoch first; of its number, not of its time."""
    found = [(int(match[1]), path) for path in folder.glob("*.pt") if (match := _FILE.fullmatch(path.name))]
    yield from sorted(found, reverse=True)
