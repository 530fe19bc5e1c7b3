"""Battles that are over leave nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from games.showdown.playing import uniform
from pokenash.games.core import EpisodeSetup
from pokenash.games.showdown import ShowdownGame

PAGE_BYTES = 4096
BATTLES = (6_000, 12_000)


def resident_megabytes(process: int | str) -> float:
    """Memory that a process holds."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE_BYTES / 2**20


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_memory_does_not_grow_with_the_number_of_battles() -> None:
    """Twice as many battles need as much as half of them, for the worker and for Python.

    A battle holds 60 to 150 KB, so keeping them would add at least 350 MB; 100 MB are left for what the collector has
    not got round to.
    """
    game = ShowdownGame("gen1ou", turn_limit=3)

    def endless() -> Iterator[EpisodeSetup]:
        episode = 0
        while True:
            yield EpisodeSetup(episode, episode, {"teams": [episode % 20, (episode + 7) % 20]}, record=True)
            episode += 1

    held = []
    with game.vector(16) as vector:
        act = uniform()
        decisions, results = vector.start(endless())
        ended = 0
        for battles in BATTLES:
            while ended < battles:
                decisions, results = vector.step(act(decisions))
                ended += len(results)
            held.append((resident_megabytes(vector.worker_pids[0]), resident_megabytes("self")))
    assert held[1][0] < held[0][0] + 100
    assert held[1][1] < held[0][1] + 20
