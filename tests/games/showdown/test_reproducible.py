"""An episode is a function of its setup and the actions, and of nothing else."""

from __future__ import annotations

import pytest

from games.showdown.playing import Played, play, schedule
from pokenash.games.showdown import ShowdownGame
from pokenash.games.showdown.seeds import seed_bytes, seed_strings

LAYOUTS = [(1, 1, None), (5, 1, 2), (24, 1, None), (7, 2, None), (40, 2, 40), (3, 3, 1)]
"""Lanes, workers, and lanes handed out together."""


@pytest.fixture(scope="module", params=["gen1ou", "gen9randombattle"])
def game(request: pytest.FixtureRequest) -> ShowdownGame:
    """Given teams and drawn ones."""
    return ShowdownGame(request.param, turn_limit=12)


@pytest.fixture(scope="module")
def expected(game: ShowdownGame) -> Played:
    """One battle after the other, with everything that both players saw."""
    with game.vector(1) as vector:
        return play(vector, schedule(game, 8, text=(True, True), record=True))


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_the_layout_of_lanes_and_workers_changes_nothing(
    game: ShowdownGame, expected: Played, layout: tuple[int, int, int | None]
) -> None:
    """Every result, record, observation, mask and line of text is the same, bit for bit."""
    lanes, workers, batch_lanes = layout
    with game.vector(lanes, workers, batch_lanes=batch_lanes) as vector:
        assert len(set(vector.worker_pids)) == workers
        assert play(vector, schedule(game, 8, text=(True, True), record=True)) == expected


def test_the_order_of_the_schedule_changes_nothing(game: ShowdownGame, expected: Played) -> None:
    """Nor does what was played before on the same lanes."""
    setups = schedule(game, 8, text=(True, True), record=True)
    with game.vector(4) as vector:
        assert play(vector, reversed(setups)) == expected
        assert play(vector, setups) == expected


def test_speedups_change_nothing(game: ShowdownGame, expected: Played) -> None:
    """The simulator without them plays the same battles."""
    plain = ShowdownGame.from_config({**game.config(), "speedups": False})
    with plain.vector(4) as vector:
        assert play(vector, schedule(plain, 8, text=(True, True), record=True)) == expected


def test_another_seed_is_another_battle(game: ShowdownGame, expected: Played) -> None:
    """The simulator's randomness comes from the episode's seed."""
    with game.vector(4) as vector:
        other = play(vector, schedule(game, 8, seed=8, text=(True, True), record=True))
    assert not set(other.seen.values()) & set(expected.seen.values())


def test_seeds_are_independent_and_stay_what_they_are() -> None:
    """Changing how they are derived would change every battle that was ever recorded."""
    assert len({seed_bytes(seed)[i : i + 32] for seed in range(100) for i in (0, 32, 64)}) == 300
    assert seed_strings(0) == tuple(f"sodium,{seed_bytes(0)[i : i + 32].hex()}" for i in (0, 32, 64))
    assert seed_strings(2**64 - 1)[0] == "sodium,783e78f957da3dfd5d4c73c4e13e911527fa057a4424811deff9ea30873440a0"
    assert seed_strings(0)[2] == "sodium,b0416b3151c2865e78f5ec3c4d651c877e59ee291ef0e05880a071bf48daf182"
