"""An index gives the files that a listing gives, and is not used once the folder has changed."""

from __future__ import annotations

import os
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pokenash.metamon.dataset_index as module
from pokenash.errors import InputError
from pokenash.metamon import Tokenizer, TrajectoryDataset
from pokenash.metamon.dataset_index import folder_names, index_trajectories, trajectory_folders
from pokenash.metamon.trajectories import TrajectoryName

START = datetime(2026, 11, 21)
SETTINGS: dict[str, Any] = {
    "observation_space": "DefaultObservationSpace",
    "action_space": "MinimalActionSpace",
    "reward": "DefaultShapedReward",
    "tokenizer": Tokenizer({"<blank>": 0}),
}


def make(root: Path, folder: str, count: int, first: int = 0) -> None:
    """Files of right names and no content, and two that are none."""
    (root / folder).mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        name = TrajectoryName(f"battle-{number * 7919 % 101}", "Unrated", "Änn", "B" * (number % 9 + 1), START, True)
        name = TrajectoryName(*_parts(name), START + timedelta(seconds=number), number % 3 == 0)
        (root / folder / name.file_name()).touch()
    (root / folder / "notes.txt").touch()
    (root / folder / ".writing-1").touch()


def _parts(name: TrajectoryName) -> tuple[str, str, str, str]:
    return name.battle_id, name.rating, name.player, name.opponent


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three folders that sort otherwise than their names and a slash do, last changed an hour ago."""
    for folder, count in (("gen1ou", 40), ("gen1ou-x", 7), ("empty", 0)):
        make(tmp_path, folder, count)
        settle(tmp_path / folder)
    return tmp_path


def settle(folder: Path, seconds: float = 3600) -> None:
    os.utime(folder, (time.time() - seconds,) * 2)


@pytest.mark.parametrize("result", [None, "win", "loss"])
@pytest.mark.parametrize("formats", [None, ["gen1ou"], ["gen1ou", "gen1ou-x"]])
def test_a_data_set_is_the_same_with_and_without_an_index(
    root: Path, result: Any, formats: list[str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = TrajectoryDataset([root], formats=formats, result=result, **SETTINGS)
    wanted = sorted(
        f"{folder.name}/{file.name}"
        for folder in root.iterdir()
        if folder.is_dir() and (formats is None or folder.name in formats)
        for file in folder.iterdir()
        if file.name.endswith(".lz4") and (result is None or ("_WIN." in file.name) == (result == "win"))
    )
    assert [path.relative_to(root).as_posix() for path in listed.files()] == wanted
    assert index_trajectories(root) == {"empty": 0, "gen1ou-x": 7, "gen1ou": 40}

    def no_listing(folder: Path) -> None:
        raise AssertionError(f"{folder} was listed")

    monkeypatch.setattr(module, "_list", no_listing)
    indexed = TrajectoryDataset([root], formats=formats, result=result, **SETTINGS)
    assert list(indexed.files()) == list(listed.files())
    assert (len(indexed), indexed.skipped) == (len(listed), listed.skipped)
    assert all(path.name == "notes.txt" for path in indexed.skipped)


def test_files_that_come_or_go_are_seen_and_the_old_index_goes(root: Path) -> None:
    index_trajectories(root)
    make(root, "gen1ou", 1, first=40)
    settle(root / "gen1ou", 1800)
    assert len(folder_names(root, "gen1ou").names) == 41
    gone = root / "gen1ou" / folder_names(root, "gen1ou").name(3)
    gone.unlink()
    settle(root / "gen1ou", 900)
    names = folder_names(root, "gen1ou")
    assert (len(names.names), gone.name in map(os.fsdecode, names.names.tolist())) == (40, False)
    index_trajectories(root, ["gen1ou"])
    assert len([name for name in os.listdir(root) if name.startswith(".gen1ou-")]) == 4
    assert index_trajectories(root) == {"empty": 0, "gen1ou-x": 7, "gen1ou": 40}


def test_a_folder_that_was_changed_just_now_is_indexed_when_its_time_has_settled(root: Path) -> None:
    make(root, "gen1ou", 1, first=40)
    changed = (root / "gen1ou").stat().st_mtime
    index_trajectories(root, ["gen1ou"])
    assert time.time() - changed >= 1.9


def test_a_folder_that_changes_while_it_is_listed_is_not_indexed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = module._list

    def listing(folder: Path) -> module.FolderNames:
        found = original(folder)
        (folder / "another").touch()
        return found

    monkeypatch.setattr(module, "_list", listing)
    with pytest.raises(InputError, match="gen1ou changed while it was listed; index it when nothing is written"):
        index_trajectories(root, ["gen1ou"])
    assert not [name for name in os.listdir(root) if name.startswith(".")]


@pytest.mark.parametrize(("ending", "content"), [("npy", b"junk"), ("json", b"junk"), ("json", b'{"schema": 9}')])
def test_a_damaged_index_is_not_believed(
    root: Path, ending: str, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = folder_names(root, "gen1ou").names.tolist()
    index_trajectories(root)
    [path] = [path for path in root.glob(f".gen1ou-*.{ending}") if not path.name.startswith(".gen1ou-x")]
    path.write_bytes(content)
    assert folder_names(root, "gen1ou").names.tolist() == wanted
    assert "the folder is listed" in caplog.text
    assert folder_names(root, "gen1ou-x").names.tolist() == folder_names(root, "gen1ou-x").names.tolist()


def test_an_index_that_was_not_finished_does_not_count(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(path: Path, data: bytes) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "replace_file", killed)
        with pytest.raises(KeyboardInterrupt):
            index_trajectories(root, ["gen1ou"])
    assert len(folder_names(root, "gen1ou").names) == 40
    assert not isinstance(folder_names(root, "gen1ou").names, np.memmap)
    index_trajectories(root, ["gen1ou"])
    assert isinstance(folder_names(root, "gen1ou").names, np.memmap)


def test_a_root_that_cannot_be_read_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the folder of trajectories"):
        trajectory_folders(tmp_path / "none")
    with pytest.raises(InputError, match="cannot read the folder of trajectories"):
        index_trajectories(tmp_path / "none")
