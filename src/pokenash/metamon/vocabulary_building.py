"""A vocabulary of one's own, from the words of trajectories: for networks with fresh weights nothing is downloaded."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from pokenash.errors import InputError
from pokenash.metamon.dataset_index import folder_names, trajectory_folders
from pokenash.metamon.observations import BLANK, get_observation_space
from pokenash.metamon.tokenizer import Tokenizer
from pokenash.metamon.training.files import make_folder, write_bytes
from pokenash.metamon.trajectories import read_trajectory

__all__ = ["build_vocabulary"]

_log = logging.getLogger(__name__)

# Not in every battle, and yet of all formats.
_ALWAYS = (BLANK, "<anychoice>", "<forcedswitch>")


def build_vocabulary(
    roots: Sequence[str | Path],
    path: str | Path,
    *,
    observation_space: str = "DefaultObservationSpace",
    formats: Sequence[str] | None = None,
    most_files: int = 5000,
) -> Tokenizer:
    """Write the vocabulary of all words that trajectories' observations hold, in alphabetical order.

    The same files give the same vocabulary. A word that comes later, in other trajectories, is the unknown word: build
    it from battles with all the teams that will be played.

    Parameters
    ----------
    roots : sequence of path-like
        Of trajectories: each holds a folder per format.
    path : path-like
        Of the ``.json`` file, ``{word: id}``, as `Tokenizer.from_file` and metamon read it.
    observation_space : str
        metamon's name of the one whose words they are.
    formats : sequence of str, optional
        Only these folders of the roots.
    most_files : int
        Files that are read of each root at most, evenly spread over it; damaged ones are named in the log.

    Raises
    ------
    InputError
        If a root cannot be read, there is no trajectory that can, or the file cannot be written.
    """
    if most_files < 1:
        raise InputError(f"most_files: expected a number of at least 1, got {most_files}")
    space = get_observation_space(observation_space)
    words, count = set(_ALWAYS), 0
    for root in roots:
        for file in _spread(Path(root), formats, most_files):
            try:
                states = read_trajectory(file).states
            except InputError as error:
                _log.warning("no words are taken from it: %s", error)
                continue
            count += 1
            space.reset()
            for state in states:
                words.update(space.observe(state)[0])
    if not count:
        raise InputError(f"no trajectories to take words from in {', '.join(map(str, roots)) or 'no root at all'}")
    path = Path(path)
    ids = {word: number for number, word in enumerate(sorted(words))}
    make_folder(path.parent)
    write_bytes(path, (json.dumps(ids, indent=0, ensure_ascii=False) + "\n").encode())
    return Tokenizer(ids, path.stem)


def _spread(root: Path, formats: Sequence[str] | None, most: int) -> Iterator[Path]:
    """So many of a root's files, evenly spread over all of them."""
    folders = [(folder, folder_names(root, folder)) for folder in trajectory_folders(root, formats)]
    total = sum(len(found.names) for _, found in folders)
    chosen = [number * total // most for number in range(most)] if total > most else range(total)
    wanted, begin = iter(chosen), 0
    number = next(wanted, total)
    for folder, found in folders:
        while number < begin + len(found.names):
            yield root / folder / found.name(number - begin)
            number = next(wanted, total)
        begin += len(found.names)
