"""Trackers: what they write, what is left of a run that is killed, and what is refused."""

from __future__ import annotations

import json
import logging
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from pokenash.errors import InputError, RunDirectoryError
from pokenash.experiments.tracking import (
    JSONTracker,
    TensorBoardTracker,
    Trackers,
    TrackioTracker,
    WandbTracker,
    open_tracker,
    read_metrics,
)
from pokenash.tracking import scalars


class Remembered:
    """A tracker that keeps what it was told, or fails."""

    def __init__(self, fails: bool = False) -> None:
        self.steps: list[tuple[int, dict[str, float]]] = []
        self.fails = fails
        self.closed = 0

    def log(self, step: int, values: Mapping[str, float]) -> None:
        if self.fails:
            raise ConnectionError("no dashboard")
        self.steps.append((step, dict(values)))

    def close(self) -> None:
        self.closed += 1
        if self.fails:
            raise ConnectionError("no dashboard")


def test_numbers_are_taken_and_nothing_is_made_up() -> None:
    entry = {
        "loss": np.float32(0.5), "rows": 3, "unknown": None, "name": "br_0", "flag": True, "list": [1.0],
        "diverged": float("nan"), "endless": float("inf"), "seconds": {"training": 2.5, "of": {"last": 1}},
    }  # fmt: skip
    assert scalars(entry) == {"loss": 0.5, "rows": 3.0, "seconds/training": 2.5, "seconds/of/last": 1.0}


def test_the_later_values_of_a_step_hold(tmp_path: Path) -> None:
    path = tmp_path / "run" / "metrics.jsonl"
    first = JSONTracker(path)
    assert not path.parent.exists()
    for step in (0, 1, 2):
        first.log(step, {"loss": 1.0 + step})
    second = JSONTracker(path)
    second.log(2, {"loss": 9.0, "rate": 0.1})
    second.log(3, {"loss": 10.0})
    assert read_metrics(path) == {"loss": {0: 1.0, 1: 2.0, 2: 9.0, 3: 10.0}, "rate": {2: 0.1}}


def test_a_line_that_a_killed_process_left_unfinished_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    JSONTracker(path).log(0, {"loss": 1.0})
    with path.open("a") as file:
        file.write('{"schema": 1, "step": 1, "val')
    assert read_metrics(path) == {"loss": {0: 1.0}}
    JSONTracker(path).log(1, {"loss": 2.0})
    assert read_metrics(path) == {"loss": {0: 1.0, 1: 2.0}}
    assert all(json.loads(line) for line in path.read_text().splitlines())


@pytest.mark.parametrize("value", [float("nan"), "text", None])
def test_what_is_no_finite_number_is_refused_and_not_written(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "metrics.jsonl"
    with pytest.raises(InputError, match="step 4: expected finite numbers"):
        JSONTracker(path).log(4, {"loss": value})
    assert not path.exists()


def test_damaged_lines_and_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with pytest.raises(InputError, match="cannot read"):
        read_metrics(path)
    JSONTracker(path).log(0, {"loss": 1.0})
    whole = path.read_text()
    for text, message in (
        ("{\n", "line 2 is damaged"),
        ('{"schema": 1, "step": 1, "values": [1]}\n', "line 2 is damaged"),
        ('{"schema": 7, "step": 1, "values": {}}\n', "line 2 has schema 7"),
    ):
        path.write_text(whole + text)
        with pytest.raises(InputError, match=message):
            read_metrics(path)


def test_a_disk_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    tracker = Trackers({"JSON lines": JSONTracker(tmp_path / "file" / "metrics.jsonl")})
    with pytest.raises(RunDirectoryError, match="cannot write"):
        tracker.log(0, {"loss": 1.0})


def test_a_tracker_that_fails_is_named_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    good, bad = Remembered(), Remembered(fails=True)
    with caplog.at_level(logging.WARNING), Trackers({"bad": bad, "good": good}) as tracker:
        tracker.log(3, {"loss": 1.0})
        tracker.log(4, {"loss": 2.0})
        assert tracker.names == ("good",)
    assert good.steps == [(3, {"loss": 1.0}), (4, {"loss": 2.0})]
    assert good.closed == 1
    (record,) = [r for r in caplog.records if r.name.startswith("pokenash")]
    assert "bad failed at step 3" in record.getMessage()


def test_every_tracker_is_closed_once_whatever_another_does() -> None:
    first, bad, last = Remembered(), Remembered(fails=True), Remembered()
    tracker = Trackers({"first": first, "bad": bad, "last": last})
    tracker.close()
    tracker.close()
    assert (first.closed, bad.closed, last.closed) == (1, 1, 1)


def test_unknown_trackers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown tracker 'mlflow'; expected some of: tensorboard, wandb, trackio"):
        open_tracker(tmp_path, ["tensorboard", "mlflow"])
    with pytest.raises(InputError, match=r"write \['wandb'\]"):
        open_tracker(tmp_path, "wandb")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("kind", "module", "install"),
    [
        ("tensorboard", "torch.utils.tensorboard", "pokenash[tensorboard]"),
        ("wandb", "wandb", "pokenash[wandb]"),
        ("trackio", "trackio", "trackio"),
    ],
)
def test_a_package_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, module: str, install: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError) as refused:
        open_tracker(tmp_path, [kind])
    assert f"tracking with {kind} needs" in str(refused.value)
    assert f"pip install '{install}'" in str(refused.value)


def test_tensorboard_shows_each_step_of_a_killed_run_once(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    first = TensorBoardTracker(tmp_path)
    for step in (0, 1, 2):
        first.log(step, {"loss": 1.0 + step, "fresh_evaluation/win_rate": 0.5})
    # Not closed: it was killed.
    second = TensorBoardTracker(tmp_path)
    for step in (2, 3):
        second.log(step, {"loss": 10.0 + step, "fresh_evaluation/win_rate": 0.25})
    second.close()
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("loss")] == [(0, 1.0), (1, 2.0), (2, 12.0), (3, 13.0)]
    assert [e.step for e in events.Scalars("fresh_evaluation/win_rate")] == [0, 1, 2, 3]
    first.close()


def test_wandb_writes_a_run_to_disk_and_goes_on_under_its_id(tmp_path: Path) -> None:
    pytest.importorskip("wandb", reason="W&B is not installed")
    ids, found = [], []
    for start in (0, 2):
        with open_tracker(tmp_path, ["wandb"], project="tests", config={"seed": 3}, offline=True) as tracker:
            for step in range(start, start + 3):
                tracker.log(step, {"loss": 1.0 + step, "fresh_evaluation/win_rate": 0.5})
            assert "wandb" in tracker.names
        ids.append(json.loads((tmp_path / "tracking" / "wandb_run.json").read_text())["id"])
    assert ids[0] == ids[1]
    files = sorted((tmp_path / "tracking" / "wandb").glob("offline-run-*/*.wandb"))
    assert [file.stem for file in files] == [f"run-{ids[0]}"] * 2
    for file in files:
        found += wandb_history(file)
    assert [(row["training_step"], row["loss"]) for row in found] == [
        (0, 1.0), (1, 2.0), (2, 3.0), (2, 3.0), (3, 4.0), (4, 5.0),
    ]  # fmt: skip
    assert all(row["fresh_evaluation/win_rate"] == 0.5 for row in found)
    assert read_metrics(tmp_path / "tracking" / "metrics.jsonl")["loss"] == {k: 1.0 + k for k in range(5)}


def wandb_history(path: Path) -> list[dict[str, Any]]:
    """The values in a file of W&B's: a header of 7 bytes, then the records of a LevelDB log."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, position, rows, parts = path.read_bytes(), 7, [], b""
    while len(data) - position >= 7:
        left = 32768 - position % 32768
        if left < 7:
            # Too little for a record's head: the rest of a block is padding.
            position += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, position)
        parts += data[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # Whole, or the last part.
            record = Record()
            record.ParseFromString(parts)
            parts = b""
            if record.WhichOneof("record_type") == "history":
                items = record.history.item
                rows.append({item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items})
    return rows


def test_a_damaged_wandb_id_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("wandb", reason="W&B is not installed")
    (tmp_path / "wandb_run.json").write_text('{"schema": 1}')
    with pytest.raises(RunDirectoryError, match=r"wandb_run.json is damaged"):
        WandbTracker(tmp_path, project="tests", offline=True)


@pytest.mark.parametrize("takes_step", [True, False])
def test_trackio_is_spoken_to_as_either_of_its_versions(monkeypatch: pytest.MonkeyPatch, takes_step: bool) -> None:
    """A stand-in: the trackio that our pins allow is too old to be worth installing."""
    calls: list[tuple[Any, ...]] = []
    module: Any = ModuleType("trackio")
    if takes_step:

        def init(project: str, name: str | None = None, config: Any = None, resume: str = "never") -> None:
            calls.append(("init", project, name, config, resume))

        def log(metrics: dict[str, Any], step: int | None = None) -> None:
            calls.append(("log", metrics, step))

        module.init, module.log = init, log
    else:

        def old_init(project: str, name: str | None = None, config: Any = None) -> None:
            calls.append(("init", project, name, config))

        def old_log(metrics: dict[str, Any]) -> None:
            calls.append(("log", metrics))

        module.init, module.log = old_init, old_log
    module.finish = lambda: calls.append(("finish",))
    monkeypatch.setitem(sys.modules, "trackio", module)
    tracker = TrackioTracker(project="tests", name="kuhn", config={"seed": 3})
    tracker.log(7, {"loss": 0.5})
    tracker.close()
    tracker.close()
    if takes_step:
        logged: tuple[Any, ...] = ("log", {"loss": 0.5}, 7)
        assert calls == [("init", "tests", "kuhn", {"seed": 3}, "allow"), logged, ("finish",)]
    else:
        logged = ("log", {"loss": 0.5, "training_step": 7})
        assert calls == [("init", "tests", "kuhn", {"seed": 3}), logged, ("finish",)]
