"""Training batches from folders of metamon's trajectory files.

Names are listed once and contents read when they are drawn, so memory does not grow with the number of battles beyond
their names (about 0.1 kB each; neither names nor listing with `pokenash.metamon.dataset_index`). What cannot be used
is never silently left out: `TrajectoryDataset.skipped` names every file with the reason, and a warning counts them.
"""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import InputError
from pokenash.metamon.actions import get_action_space
from pokenash.metamon.dataset_arrays import PaddedBatch, TrainingArrays, collate, encode_trajectory
from pokenash.metamon.dataset_index import FolderNames, folder_names, trajectory_folders
from pokenash.metamon.observations import get_observation_space
from pokenash.metamon.rewards import get_reward
from pokenash.metamon.tokenizer import Tokenizer
from pokenash.metamon.trajectories import Trajectory, read_trajectory

__all__ = ["TrajectoryDataset", "TrajectorySource"]

_LOG = logging.getLogger(__name__)
_TRIES = 100


@dataclass(frozen=True)
class TrajectorySource:
    """A folder of trajectories.

    Parameters
    ----------
    root : path-like
        It holds a folder per format.
    weight : float
        How often it is drawn from, relative to the other sources, whatever their sizes. metamon's
        ``--custom_replay_sample_weight w`` is a custom folder of weight w beside the standard one of weight 1 − w.
    """

    root: str | Path
    weight: float = 1.0


class TrajectoryDataset:
    """Trajectories to draw training batches from.

    Parameters
    ----------
    sources : sequence of TrajectorySource or path-like
        Where they lie; a path alone has weight 1.
    observation_space, action_space, reward : str
        metamon's names, of the network that is to be trained. The reward is what the data are labelled with.
    tokenizer : Tokenizer
        Of the same network.
    formats : sequence of str, optional
        Only these folders, e.g. ``["gen1ou"]``; all by default.
    result : {"win", "loss"}, optional
        Only battles that the player won or did not win, by their files' names.
    max_length : int
        Transitions of a row at most; of a longer battle a window is drawn, every window equally often.
    seed : int
        All that is drawn follows from it.
    max_cached : int
        How many battles are kept as arrays (about 50 kB each).

    Raises
    ------
    InputError
        If an argument is out of range, a folder cannot be read, or a source has no trajectory that fits.
    """

    def __init__(
        self,
        sources: Sequence[TrajectorySource | str | Path],
        *,
        observation_space: str,
        action_space: str,
        reward: str,
        tokenizer: Tokenizer,
        formats: Sequence[str] | None = None,
        result: Literal["win", "loss"] | None = None,
        max_length: int = 200,
        seed: int = 0,
        max_cached: int = 1024,
    ) -> None:
        if max_length < 1 or max_cached < 0:
            raise InputError(f"max_length must be at least 1 and max_cached 0, got {max_length} and {max_cached}")
        if result not in (None, "win", "loss"):
            raise InputError(f"result must be 'win', 'loss' or None, got {result!r}")
        self.skipped: dict[Path, str] = {}
        self.reward_name = reward
        self.tokenizer = tokenizer
        self._observation_space = get_observation_space(observation_space)
        self._action_space = get_action_space(action_space)
        self._reward = get_reward(reward)
        self._max_length = max_length
        self._seed = seed
        self._cache: OrderedDict[Path, TrainingArrays] = OrderedDict()
        self._max_cached = max_cached
        self._sources = [s if isinstance(s, TrajectorySource) else TrajectorySource(s) for s in sources]
        weights = np.array([source.weight for source in self._sources], np.float64)
        if not self._sources or not np.isfinite(weights).all() or weights.min() < 0 or weights.sum() <= 0:
            raise InputError(f"sources need weights of at least 0 that are not all 0, got {weights.tolist()}")
        self._cumulative = np.cumsum(weights / weights.sum())
        self._names = [self._list(Path(source.root), formats, result) for source in self._sources]
        if self.skipped:
            _LOG.warning("%d misnamed files are not used; TrajectoryDataset.skipped names them", len(self.skipped))
        for source, names in zip(self._sources, self._names, strict=True):
            if not names and source.weight > 0:
                wanted = f"of {', '.join(formats)}" if formats else "of any format"
                raise InputError(
                    f"{source.root} has no trajectory {wanted}{f' with result {result}' if result else ''}; "
                    f"{len(self.skipped)} misnamed files"
                )

    def __len__(self) -> int:
        """How many files there are, as far as their names tell."""
        return sum(map(len, self._names))

    def files(self) -> Iterator[Path]:
        """The paths of all files, in a fixed order."""
        for source, names in zip(self._sources, self._names, strict=True):
            for name in names:
                yield Path(source.root) / name

    def trajectories(self) -> Iterator[tuple[Path, Trajectory]]:
        """Read all files once, in a fixed order; those that are damaged are added to `skipped`."""
        for path in self.files():
            try:
                yield path, read_trajectory(path)
            except InputError as error:
                self._skip(path, error)

    def batch(self, index: int, batch_size: int) -> PaddedBatch:
        """The batch of a number: the same for the same seed and files, whatever was drawn before.

        Raises
        ------
        InputError
            If nothing but damaged files is found.
        """
        if batch_size < 1:
            raise InputError(f"batch_size must be at least 1, got {batch_size}")
        return collate([self._draw(np.random.default_rng((self._seed, index, row))) for row in range(batch_size)])

    def batches(self, batch_size: int, start: int = 0) -> Iterator[PaddedBatch]:
        """Batches without end, from number `start` on."""
        while True:
            yield self.batch(start, batch_size)
            start += 1

    def _draw(self, rng: np.random.Generator) -> TrainingArrays:
        for _ in range(_TRIES):
            source = int(np.searchsorted(self._cumulative, rng.random(), side="right"))
            source = min(source, len(self._sources) - 1)
            names = self._names[source]
            path = Path(self._sources[source].root) / names[int(rng.integers(len(names)))]
            arrays = self._arrays(path)
            if arrays is not None:
                start = int(rng.integers(max(1, len(arrays) - self._max_length + 1)))
                return arrays.window(start, self._max_length)
        raise InputError(
            f"{_TRIES} trajectories in a row cannot be read; the first: {next(iter(self.skipped.items()))}"
        )

    def _arrays(self, path: Path) -> TrainingArrays | None:
        if path in self._cache:
            self._cache.move_to_end(path)
            return self._cache[path]
        if path in self.skipped:
            return None
        try:
            trajectory = read_trajectory(path)
        except InputError as error:
            self._skip(path, error)
            return None
        arrays = encode_trajectory(
            trajectory,
            observation_space=self._observation_space,
            tokenizer=self.tokenizer,
            action_space=self._action_space,
            reward=self._reward,
        )
        self._cache[path] = arrays
        if len(self._cache) > self._max_cached:
            self._cache.popitem(last=False)
        return arrays

    def _skip(self, path: Path, error: InputError) -> None:
        if path not in self.skipped:
            _LOG.warning("a trajectory is not used: %s", error)
            self.skipped[path] = str(error)

    def _list(self, root: Path, formats: Sequence[str] | None, result: str | None) -> _Names:
        """Paths relative to the root, sorted; misnamed files are added to `skipped`."""
        names = _Names(result)
        for folder in trajectory_folders(root, formats):
            found = folder_names(root, folder)
            names.add(folder, found)
            self.skipped |= {root / folder / name: why for name, why in found.misnamed.items()}
        return names


class _Names:
    """Paths relative to a root, folder by folder; `result` is that of `TrajectoryDataset`."""

    def __init__(self, result: str | None) -> None:
        self._result = result
        self._folders: list[tuple[str, FolderNames, NDArray[np.int64] | None]] = []
        self._ends: list[int] = []

    def add(self, folder: str, found: FolderNames) -> None:
        """Append a folder's."""
        chosen = None if self._result is None else found.of_result(self._result == "win")
        self._folders.append((folder, found, chosen))
        self._ends.append(len(self) + len(found.names if chosen is None else chosen))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, number: int) -> str:
        place = bisect_right(self._ends, number)
        folder, found, chosen = self._folders[place]
        number -= self._ends[place - 1] if place else 0
        return f"{folder}/{found.name(number if chosen is None else int(chosen[number]))}"

    def __iter__(self) -> Iterator[str]:
        return (self[number] for number in range(len(self)))
