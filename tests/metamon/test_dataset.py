"""Data sets: the recorded arrays, filters, weights, and the same batches from the same seed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pokenash.errors import InputError
from pokenash.metamon import (
    BattleView,
    MinimalActionSpace,
    Tokenizer,
    TrajectoryDataset,
    UniversalState,
    get_action_space,
    get_observation_space,
    get_reward,
    read_trajectory,
    write_trajectory,
)
from pokenash.metamon.dataset import TrajectorySource
from pokenash.metamon.dataset_arrays import PaddedBatch, TrainingArrays, collate, encode_trajectory
from pokenash.metamon.trajectories import Trajectory, TrajectoryName
from pokenash.metamon.vocabularies import VOCABULARIES

pytest.importorskip("lz4.frame")

WORDS = Tokenizer({word: index for index, word in enumerate("<blank> starmie surf snorlax".split())})
START = datetime(2026, 11, 21)
SPACES = {"observation_space": "DefaultObservationSpace", "action_space": "MinimalActionSpace"}
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, opening: list[str], request_line: Callable[..., str]) -> Write:
    """Writes a trajectory of a length whose opponent's HP falls with every step."""
    view = BattleView(0, "gen1ou")
    view.feed([*opening, request_line()])
    state, counter = view.state(), iter(range(10**6))

    def make(length: int, *, root: str = "a", format_id: str = "gen1ou", won: bool = True, action: int = 0) -> Path:
        states: list[UniversalState] = []
        for step in range(length + 1):
            opponent = replace(state.opponent_active_pokemon, hp_pct=1 - step / (length + 1))
            states.append(replace(state, format=format_id, opponent_active_pokemon=opponent))
        states[-1] = replace(states[-1], battle_won=won, battle_lost=not won)
        name = TrajectoryName("battle", "1500", "Ann", "Ben", START + timedelta(seconds=next(counter)), won)
        return write_trajectory(tmp_path / root, name, states, [action] * length)

    return make


def _dataset(sources: Sequence[Any], **options: Any) -> TrajectoryDataset:
    settings: dict[str, Any] = {**SPACES, "reward": "DefaultShapedReward", "tokenizer": WORDS, **options}
    return TrajectoryDataset(sources, **settings)


def _equal(first: PaddedBatch, second: PaddedBatch) -> bool:
    return all(np.array_equal(getattr(first, f.name), getattr(second, f.name)) for f in fields(first))


def test_every_recorded_trajectory_gives_the_recorded_arrays(parity: Path) -> None:
    folder = parity / "trajectories"
    index = json.loads((folder / "index.json").read_text())
    assert index
    for file_name, entry in index.items():
        trajectory = read_trajectory(folder / entry["trajectory"])
        vocabulary = VOCABULARIES[entry["vocabulary"]]
        settings: dict[str, Any] = {
            "observation_space": get_observation_space(entry["observation_space"]),
            "tokenizer": Tokenizer.from_file(parity / "vocab" / vocabulary.file_name),
            "action_space": get_action_space(entry["action_space"]),
        }
        found = encode_trajectory(trajectory, reward=get_reward("DefaultShapedReward"), **settings)
        with np.load(folder / file_name) as expected:
            for name, key in (
                ("tokens", "tokens"), ("numbers", "numbers"), ("rl2", "train_rl2s"), ("dones", "train_dones"),
                ("illegal", "train_illegal_actions"), ("missing_action", "train_missing_action_mask"),
                ("time_idx", "train_time_idxs"), ("actions", "train_actions_onehot"), ("rewards", "train_rews"),
            ):  # fmt: skip
                assert getattr(found, name).dtype == expected[key].dtype, name
                np.testing.assert_array_equal(getattr(found, name), expected[key], err_msg=f"{file_name} {name}")
            np.testing.assert_array_equal(~found.illegal[:-1], expected["maybe_legal"])
            np.testing.assert_array_equal(found.missing_action[:-1, 0], expected["missing"])
            for key in (key for key in expected if key.startswith("reward_")):
                again = encode_trajectory(trajectory, reward=get_reward(key.removeprefix("reward_")), **settings)
                np.testing.assert_array_equal(again.rewards[:, 0], expected[key])


def test_a_batch_is_padded_as_the_recorded_training_batches_are(parity: Path) -> None:
    paths = sorted((parity / "models").glob("*/train_step.npz"))
    assert paths
    for path in paths:
        with np.load(path) as step:
            padded = (step["rl2"] == 4).all(-1)
            lengths = (~padded).sum(1) - 1
            names = {"missing_action": "missing_action", "time_idx": "time_idx", "actions": "actions_onehot"}
            names |= {name: name for name in ("tokens", "numbers", "rl2", "illegal", "rewards", "dones")}
            batch = PaddedBatch(**{name: step[key] for name, key in names.items()})
            np.testing.assert_array_equal(batch.loss_mask, step["loss_mask"])
        rows = [_row(batch, row, int(length)) for row, length in enumerate(lengths)]
        assert _equal(collate(rows), batch)


def _row(batch: PaddedBatch, row: int, length: int) -> TrainingArrays:
    """A row of a batch without its padding."""
    longer = {"tokens", "numbers", "rl2", "illegal", "missing_action", "time_idx"}
    return TrainingArrays(
        **{f.name: getattr(batch, f.name)[row, : length + (f.name in longer)] for f in fields(TrainingArrays)}
    )


def test_unknown_actions_are_masked_and_tera_counts_as_the_plain_move(write: Write) -> None:
    states = read_trajectory(write(4)).states
    found = encode_trajectory(
        Trajectory(states, np.array([3, -1, 11, 0])),
        observation_space=get_observation_space("DefaultObservationSpace"),
        tokenizer=WORDS,
        action_space=MinimalActionSpace,
        reward=get_reward("BinaryReward"),
    )
    assert found.missing_action[:, 0].tolist() == [False, True, False, False, True]
    assert found.actions.argmax(1).tolist() == [3, 0, 2, 0]
    assert found.rewards[:, 0].tolist() == [0.0, 0.0, 0.0, 100.0]
    np.testing.assert_array_equal(found.rl2[1:, 1:], found.actions)
    mask = collate([found], 6).loss_mask[0, :, 0]
    assert mask.tolist() == [True, False, True, True, False, False]


def test_batches_follow_from_the_seed_alone(write: Write, tmp_path: Path) -> None:
    for length in (3, 5, 8, 13):
        write(length)
    first, again = (_dataset([tmp_path / "a"], max_length=6, seed=1) for _ in range(2))
    third = [first.batch(index, 4) for index in range(3)]
    assert _equal(again.batch(2, 4), third[2])
    assert all(_equal(a, b) for a, b in zip(again.batches(4), third, strict=False))
    assert not _equal(third[0], third[1])
    assert not _equal(_dataset([tmp_path / "a"], max_length=6, seed=2).batch(0, 4), third[0])
    assert _equal(_dataset([tmp_path / "a"], max_length=6, seed=1, max_cached=0).batch(2, 4), third[2])


def test_every_window_of_a_long_battle_is_drawn(write: Write, tmp_path: Path) -> None:
    write(7)
    dataset = _dataset([tmp_path / "a"], max_length=4)
    starts = {int(dataset.batch(index, 1).time_idx[0, 0, 0]) for index in range(60)}
    assert starts == {0, 1, 2, 3}
    batch = dataset.batch(0, 1)
    assert batch.tokens.shape == (1, 5, 87)
    assert batch.actions.shape == (1, 4, 9)
    ends = batch.time_idx[0, -1, 0] == 7
    assert bool(batch.dones[0, -1, 0]) == ends
    assert bool(batch.illegal[0, -1].all()) == ends


def test_formats_and_results_are_filtered(write: Write, tmp_path: Path) -> None:
    write(2)
    write(2, won=False)
    write(2, format_id="gen2ou")
    assert len(_dataset([tmp_path / "a"])) == 3
    assert len(_dataset([tmp_path / "a"], formats=["gen1ou"])) == 2
    (path,) = _dataset([tmp_path / "a"], formats=["gen1ou"], result="loss").files()
    assert path.name.endswith("_LOSS.json.lz4")
    assert len(_dataset([tmp_path / "a"], result="win")) == 2
    with pytest.raises(InputError, match="no trajectory of gen3ou with result win"):
        _dataset([tmp_path / "a"], formats=["gen3ou"], result="win")


def test_sources_are_drawn_by_weight_and_not_by_size(write: Write, tmp_path: Path) -> None:
    for _ in range(9):
        write(2, root="a", action=1)
    write(2, root="b", action=2)
    sources = [TrajectorySource(tmp_path / "a", 0.25), TrajectorySource(tmp_path / "b", 0.75)]
    actions = _dataset(sources).batch(0, 2000).actions[:, 0].argmax(1)
    # Four standard deviations of the share of 2,000 draws with probability 0.75.
    assert abs((actions == 2).mean() - 0.75) < 4 * (0.75 * 0.25 / 2000) ** 0.5
    only = _dataset([TrajectorySource(tmp_path / "a", 0.0), TrajectorySource(tmp_path / "b", 1.0)]).batch(0, 50)
    assert (only.actions[:, 0].argmax(1) == 2).all()


def test_misnamed_and_damaged_files_are_counted_and_named(
    write: Write, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good, bad = write(2), write(2)
    bad.write_bytes(b"nothing")
    misnamed = good.with_name("Team_Rocket_won.json.lz4")
    misnamed.write_bytes(good.read_bytes())
    dataset = _dataset([tmp_path / "a"])
    assert set(dataset.skipped) == {misnamed}
    assert "1 misnamed" in caplog.text
    assert [path for path, _ in dataset.trajectories()] == [good]
    assert set(dataset.skipped) == {misnamed, bad}
    assert dataset.batch(0, 20).tokens.shape[0] == 20
    assert str(bad) in caplog.text


def test_nothing_but_damaged_files_is_an_error(write: Write, tmp_path: Path) -> None:
    write(2).write_bytes(b"nothing")
    with pytest.raises(InputError, match="cannot be read"):
        _dataset([tmp_path / "a"]).batch(0, 1)


@pytest.mark.parametrize(
    "options", [{"max_length": 0}, {"max_cached": -1}, {"result": "tie"}, {"reward": "Sparse"}, {"action_space": "Big"}]
)
def test_wrong_settings_are_refused(options: dict[str, Any], write: Write, tmp_path: Path) -> None:
    write(2)
    with pytest.raises(InputError):
        _dataset([tmp_path / "a"], **options)


@pytest.mark.parametrize("weights", [[], [-1.0], [0.0], [float("nan")]])
def test_weights_that_cannot_be_drawn_by_are_refused(weights: list[float], write: Write, tmp_path: Path) -> None:
    write(2)
    with pytest.raises(InputError, match="weights"):
        _dataset([TrajectorySource(tmp_path / "a", weight) for weight in weights])


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        _dataset([tmp_path / "nowhere"])


def test_a_batch_needs_rows_and_room(write: Write, tmp_path: Path) -> None:
    write(3)
    dataset = _dataset([tmp_path / "a"])
    with pytest.raises(InputError, match="batch_size"):
        dataset.batch(0, 0)
    with pytest.raises(InputError, match="at least one"):
        collate([])
