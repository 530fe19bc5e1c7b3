"""Battles go where they narrow the interval."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorithms.test_posterior import cycle, played
from algorithms.test_tournament import FIRST_LEGAL, GAME, MIXED, UNIFORM
from pokenash.algorithms import EmpiricalGame, MatchLog, play_tournament
from pokenash.algorithms.adaptive_sampling import AdaptiveSampler, _fill
from pokenash.arena import Arena
from pokenash.errors import InputError


def battles_to_width(payoffs: np.ndarray, sampler: AdaptiveSampler, rng: np.random.Generator) -> int:
    """Battles until the sampler is done, in rounds of a tenth of what was played."""
    num = len(payoffs)
    tallies = np.zeros((num, num, 3), np.int64)
    game, share = EmpiricalGame([f"p{i}" for i in range(num)], tallies), num * (num - 1) // 2 * sampler.minimum
    while not sampler.is_done(game):
        for (i, j), battles in sampler.next_cells(game, share):
            for a, b in ((i, j), (j, i)):
                wins = rng.binomial(battles // 2, (1 + payoffs[a, b]) / 2)
                tallies[a, b] += [wins, 0, battles // 2 - wins]
        game, share = EmpiricalGame(game.policies, tallies), max(30, int(tallies.sum()) // 10)
    return int(tallies.sum())


def test_it_needs_far_fewer_battles_than_uniform_sampling() -> None:
    adaptive = uniform = 0
    for seed in range(4):
        rng = np.random.default_rng(seed)
        upper = np.triu(rng.uniform(-0.6, 0.6, (8, 8)), 1)
        payoffs = upper - upper.T
        adaptive += battles_to_width(payoffs, AdaptiveSampler(0.12, num_samples=200), rng)
        uniform += battles_to_width(payoffs, AdaptiveSampler(0.12, floor=1.0, num_samples=200), rng)
    # The benchmark, with more games, says 0.3 to 0.4.
    assert adaptive < 0.65 * uniform


def test_cells_that_cannot_matter_get_the_floor_only() -> None:
    # The first is the best, though not by far: what they do among themselves is of no interest.
    payoffs = np.full((4, 4), 0.0)
    payoffs[0, 1:], payoffs[1:, 0] = 0.1, -0.1
    game = played(payoffs, 100, np.random.default_rng(0))
    sampler = AdaptiveSampler(floor=0.0)
    weights = sampler.cell_weights(game)
    assert (weights[0, 1:] > 0).all()
    assert not weights[1:, 1:].any()
    assert np.array_equal(weights, weights.T)
    assert {cell for cell, _ in sampler.next_cells(game, 1000)} <= {(0, 1), (0, 2), (0, 3)}
    with_floor = dict(AdaptiveSampler(floor=0.5).next_cells(game, 600))
    assert sum(battles for cell, battles in with_floor.items() if cell[0] > 0) == pytest.approx(150, abs=2)


def test_pairs_that_lack_their_minimum_come_first() -> None:
    game = EmpiricalGame("abc", np.zeros((3, 3, 3), np.int64))
    sampler = AdaptiveSampler(minimum=10)
    assert sampler.next_cells(game, 30) == [((0, 1), 10), ((0, 2), 10), ((1, 2), 10)]
    assert sampler.next_cells(game, 13) == [((0, 1), 10), ((0, 2), 2)]
    one_seat = played(cycle(3), 20, np.random.default_rng(0)).tallies.copy()
    one_seat[2, 0] = 0
    assert sampler.next_cells(EmpiricalGame("abc", one_seat), 100) == [((0, 2), 2)]
    assert not AdaptiveSampler(10.0).is_done(game)
    assert AdaptiveSampler().next_cells(EmpiricalGame("a", np.zeros((1, 1, 3), np.int64)), 10) == []


def test_a_schedule_follows_from_the_counts() -> None:
    game = played(cycle(5), 50, np.random.default_rng(3))
    assert AdaptiveSampler().next_cells(game, 100) == AdaptiveSampler().next_cells(game, 100)
    assert sum(battles for _, battles in AdaptiveSampler().next_cells(game, 101)) == 100


@given(
    st.lists(st.tuples(st.integers(0, 1000), st.floats(0, 10)), min_size=1, max_size=12),
    st.integers(0, 500).map(lambda n: 2 * n),
)
def test_filling_up_uses_all_battles_and_levels_the_totals(cells: list[tuple[int, float]], battles: int) -> None:
    played_before = np.array([cell[0] for cell in cells])
    weight = np.array([round(cell[1], 2) for cell in cells])
    more = _fill(played_before, weight, battles)
    assert more.sum() == battles
    assert (more >= 0).all()
    assert not (more % 2).any()
    if weight.sum() > 0 and battles > 0:
        assert not more[weight == 0].any()
        used = weight > 0
        level = (played_before + more)[used] / weight[used]
        # Whoever got some stands, but for a pair of battles and the rounding, no higher than anybody else.
        given_some = more[used] > 2
        if given_some.any():
            assert ((played_before + more - 4)[used] / weight[used])[given_some].max() <= level.min() + 4 / weight[
                used
            ].min()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
def test_an_adaptive_tournament_is_resumed(tmp_path: Path, share: float) -> None:
    def play(path: Path) -> EmpiricalGame:
        sampler = AdaptiveSampler(minimum=10, num_samples=100)
        return play_tournament(
            Arena(GAME, num_lanes=16), MatchLog(path), [UNIFORM, FIRST_LEGAL, MIXED],
            battles=30, seed=7, block_size=8, sampling=sampler,
        )  # fmt: skip

    game = play(tmp_path / "log")
    assert game.battles[np.triu_indices(3, 1)].sum() == 90
    assert (game.battles[np.triu_indices(3, 1)] >= 10).all()
    whole = (tmp_path / "log").read_bytes()
    (tmp_path / "killed").write_bytes(whole[: int(share * len(whole))])
    assert (play(tmp_path / "killed").tallies == game.tallies).all()
    assert (tmp_path / "killed").read_bytes() == whole


def test_a_tournament_stops_at_the_width(tmp_path: Path) -> None:
    arena, population = Arena(GAME, num_lanes=16), [UNIFORM, FIRST_LEGAL]
    game = play_tournament(
        arena,
        MatchLog(tmp_path / "a"),
        population,
        battles=10_000,
        seed=1,
        sampling=AdaptiveSampler(1.9, num_samples=50),
    )
    assert game.battles[0, 1] < 200
    with pytest.raises(InputError, match="expected 'uniform', 'adaptive' or an AdaptiveSampler, got 'random'"):
        play_tournament(arena, MatchLog(tmp_path / "b"), population, battles=2, seed=1, sampling="random")


@pytest.mark.parametrize(
    "wrong", [{"minimum": 3}, {"floor": 1.5}, {"level": 1.0}, {"width": 0.0}, {"meta_solver": "none"}]
)
def test_bad_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        AdaptiveSampler(**wrong)
    with pytest.raises(InputError, match="at least 2 battles"):
        AdaptiveSampler().next_cells(EmpiricalGame("ab", np.zeros((2, 2, 3), np.int64)), 1)
