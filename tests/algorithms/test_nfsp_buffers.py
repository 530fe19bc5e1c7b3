"""The memories of neural fictitious self-play."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pokenash.algorithms.nfsp import ReplayBuffer, ReservoirBuffer
from pokenash.algorithms.nfsp.buffers import ColumnBuffer
from pokenash.errors import InputError


@given(
    st.lists(st.integers(0, 7), min_size=1, max_size=8),
    st.integers(1, 9),
    st.integers(0, 2**32),
)
def test_a_reservoir_holds_everything_until_it_is_full_and_never_a_row_twice(
    batches: list[int], capacity: int, seed: int
) -> None:
    reservoir, rng, total = ReservoirBuffer(capacity), np.random.default_rng(seed), 0
    for rows in batches:
        reservoir.append({"row": np.arange(total, total + rows)}, rng)
        total += rows
    kept = reservoir.state()[1].get("column.row", np.zeros(0))
    assert len(reservoir) == len(kept) == len(np.unique(kept)) == min(total, capacity)
    assert reservoir.total == total
    assert not len(kept) or kept.max() < total


@pytest.mark.parametrize("batch", [1, 7, 20])
def test_every_row_is_kept_in_a_reservoir_with_the_same_probability(batch: int) -> None:
    capacity, total, repeats = 4, 20, 5000
    counts, pairs = np.zeros(total), np.zeros((total, total))
    rng = np.random.default_rng(5)
    for _ in range(repeats):
        reservoir = ReservoirBuffer(capacity)
        for start in range(0, total, batch):
            reservoir.append({"row": np.arange(start, min(start + batch, total))}, rng)
        kept = reservoir.state()[1]["column.row"]
        counts[kept] += 1
        pairs[np.ix_(kept, kept)] += 1
    # Of 5,000 repeats 1,000 are expected, standard deviation 28; and of two rows together 158, standard deviation 12.4.
    assert np.abs(counts - repeats * capacity / total).max() < 5 * 28
    together = pairs[np.triu_indices(total, 1)]
    assert np.abs(together - repeats * (capacity * (capacity - 1)) / (total * (total - 1))).max() < 5 * 12.4


def test_draws_from_a_reservoir_are_uniform() -> None:
    reservoir, rng = ReservoirBuffer(10), np.random.default_rng(1)
    reservoir.append({"row": np.arange(10)}, rng)
    counts = np.bincount(reservoir.sample(100_000, rng)["row"], minlength=10)
    # Standard deviation of a count: 95.
    assert np.abs(counts - 10_000).max() < 5 * 95


@given(st.integers(1, 12), st.lists(st.integers(1, 4), min_size=1, max_size=12), st.integers(0, 2**32))
def test_a_replayed_decision_is_followed_by_what_followed_it(capacity: int, lengths: list[int], seed: int) -> None:
    """Episodes of one player, one after the other: row ``10 e + t`` is decision `t` of episode `e`."""
    capacity = max(capacity, max(lengths))
    replay, rng = ReplayBuffer(capacity), np.random.default_rng(seed)
    seen: list[int] = []
    for episode, length in enumerate(lengths):
        before = np.zeros(0, np.int64)
        for time in range(length):
            row = 10 * episode + time
            serial = replay.append({"row": np.array([row])})
            seen.append(row)
            if len(before):
                replay.follow(before, serial)
            before = serial
        replay.end(before, np.array([episode], np.float32))
    drawn = replay.sample(200, rng)
    episode, time = np.divmod(drawn["row"], 10)
    last = time == np.array(lengths)[episode] - 1
    assert (drawn["last"] == last).all()
    assert (drawn["reward"] == np.where(last, episode, 0)).all()
    assert (drawn["next.row"][~last] == drawn["row"][~last] + 1).all()
    assert set(drawn["row"].tolist()) <= set(seen[-capacity:])
    assert len(replay) == min(len(seen), capacity)


def test_a_decision_is_not_drawn_before_it_is_known_what_followed() -> None:
    replay, rng = ReplayBuffer(100), np.random.default_rng(1)
    open_rows = replay.append({"row": np.arange(90)})
    with pytest.raises(InputError, match="no decision to draw"):
        replay.sample(1, rng)
    replay.end(open_rows[30:33], np.ones(3, np.float32))
    counts = np.bincount(replay.sample(30_000, rng)["row"], minlength=90)
    assert len(replay) == 3
    assert set(np.flatnonzero(counts)) == {30, 31, 32}
    # Standard deviation: 82.
    assert np.abs(counts[30:33] - 10_000).max() < 5 * 82


def test_the_end_of_an_episode_whose_decision_has_been_overwritten_changes_nothing() -> None:
    replay = ReplayBuffer(4)
    old = replay.append({"row": np.arange(3)})
    new = replay.append({"row": np.arange(10, 13)})
    replay.end(old[:2], np.full(2, 7, np.float32))
    assert len(replay) == 0
    replay.end(new, np.zeros(3, np.float32))
    assert set(replay.sample(100, np.random.default_rng(0))["row"]) == {10, 11, 12}


@given(st.lists(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=4), min_size=1, max_size=4))
def test_values_come_back_as_they_were_written(batches: list[list[float]]) -> None:
    """Whole numbers below 256 are kept as bytes until others come."""
    columns, place = ColumnBuffer(16), 0
    columns.write(np.array([0]), {"x": np.array([3.0], np.float32)})
    for batch in batches:
        columns.write(np.arange(place, place + len(batch)), {"x": np.array(batch, np.float32)})
        place += len(batch)
    values = np.array([v for batch in batches for v in batch], np.float32)
    read = columns.read(np.arange(place))["x"]
    assert read.dtype == np.float32
    assert np.array_equal(read, values)


@pytest.mark.parametrize("value", [0.5, -1.0, 256.0])
def test_what_was_kept_as_bytes_survives_the_first_value_that_is_none(value: float) -> None:
    columns = ColumnBuffer(10_000)
    columns.write(np.arange(5000), {"x": np.arange(5000, dtype=np.float32) % 256})
    assert columns.state(1)["x"].dtype == np.uint8
    columns.write(np.array([5000]), {"x": np.array([value], np.float32)})
    read = columns.read(np.arange(5001))["x"]
    assert (read[:5000] == np.arange(5000) % 256).all()
    assert read[5000] == value


def test_buffers_that_make_no_sense_are_refused() -> None:
    with pytest.raises(InputError, match="capacity of at least 1, got 0"):
        ReplayBuffer(0)
    with pytest.raises(InputError, match="capacity of at least 1, got 0"):
        ReservoirBuffer(0)
    with pytest.raises(InputError, match="no row to draw"):
        ReservoirBuffer(3).sample(1, np.random.default_rng(0))
    with pytest.raises(InputError, match="5 decisions at once are more than the capacity, 4"):
        ReplayBuffer(4).append({"row": np.arange(5)})
    with pytest.raises(InputError, match="expected the state of one of capacity 4, got 3"):
        ReplayBuffer(4).restore(*ReplayBuffer(3).state())
