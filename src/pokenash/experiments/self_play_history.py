"""What the files of a loop of self-play say of its course, finished or not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pokenash.errors import RunDirectoryError
from pokenash.experiments.run_directory import read_json

__all__ = ["SUMMARY", "SelfPlayHistory", "finished_generations", "generation_folder", "read_history"]

SUMMARY = "generation_summary.json"
"""What a generation found; written when all else of it is there."""


def generation_folder(directory: Path, number: int) -> Path:
    """Where a generation lies in its loop's directory."""
    return directory / f"generation_{number}"


def finished_generations(directory: Path) -> int:
    """How many generations of a loop are done."""
    number = 0
    while (generation_folder(directory, number) / SUMMARY).exists():
        number += 1
    return number


@dataclass(frozen=True)
class SelfPlayHistory:
    """The course of a loop.

    Parameters
    ----------
    label : str
        What it is called in figures; loops of one label have one colour.
    config, summary : mapping
        ``config.json`` and ``selfplay_summary.json``.
    generations : sequence of mapping
        ``generation_summary.json`` of every generation.
    training : sequence of mapping
        Lines of the trainings' logs: ``generation``, ``step`` counted over all of them, and the measures.
    """

    label: str
    config: Mapping[str, Any]
    summary: Mapping[str, Any]
    generations: Sequence[Mapping[str, Any]]
    training: Sequence[Mapping[str, Any]]

    @property
    def borders(self) -> list[int]:
        """Steps after which generations end."""
        ends, total = [], 0
        for generation in self.generations:
            total += int(generation["training"]["steps"])
            ends.append(total)
        return ends


def read_history(directory: str | Path, label: str = "") -> SelfPlayHistory:
    """Read a loop's directory; nothing in it is changed, and it may be running.

    Parameters
    ----------
    directory : str or Path
    label : str

    Raises
    ------
    RunDirectoryError
        If it is none, no generation is done yet, or a file is damaged.
    """
    path = Path(directory)
    config = read_json(path / "config.json")
    if config.get("kind") != "self-play":
        raise RunDirectoryError(f"{path} is a directory of the kind {config.get('kind')!r}, expected 'self-play'")
    generations: list[dict[str, Any]] = []
    training: list[dict[str, Any]] = []
    total = 0
    for number in range(finished_generations(path)):
        folder = generation_folder(path, number)
        for line in _lines(folder / "training" / "fine_tune.jsonl"):
            training.append({**line, "generation": number, "step": total + int(line["step"])})
        generations.append(read_json(folder / SUMMARY))
        total += int(generations[-1]["training"]["steps"])
    if not generations:
        raise RunDirectoryError(f"{path}: no generation is done yet, so there is nothing to tell")
    return SelfPlayHistory(label, config, read_json(path / "selfplay_summary.json"), generations, training)


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise RunDirectoryError(f"{path} is missing or damaged: {error}") from error
