"""Trackers: what they write, what is left of a run that is killed, and what is refused."""

from __future__ import annotations

import json
import logging
import os
import resource
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from pokenash.errors import InputError, RunDirectoryError
from pokenash.experiments.tracking import (
    PATIENCE,
    TRACKED,
    JSONTracker,
    OnwardTracker,
    TensorBoardTracker,
    TrackerName,
    Trackers,
    TrackioTracker,
    WandbTracker,
    open_tracker,
    read_metrics,
    settings_tracker,
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


def test_the_steps_that_a_killed_run_repeats_are_written_once(tmp_path: Path) -> None:
    path = tmp_path / "run" / "metrics.jsonl"
    first = JSONTracker(path)
    assert not path.parent.exists()
    for step in (0, 1, 2, 3):
        first.log(step, {"loss": 1.0 + step})
    second = JSONTracker(path)
    second.log(2, {"loss": 9.0})
    second.log(2, {"rate": 0.1})
    second.log(3, {"loss": 10.0})
    assert read_metrics(path) == {"loss": {0: 1.0, 1: 2.0, 2: 9.0, 3: 10.0}, "rate": {2: 0.1}}
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [0, 1, 2, 2, 3]


def test_a_line_that_a_killed_process_left_unfinished_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    JSONTracker(path).log(0, {"loss": 1.0})
    with path.open("a") as file:
        file.write('{"schema": 1, "step": 1, "val')
    assert read_metrics(path) == {"loss": {0: 1.0}}
    JSONTracker(path).log(1, {"loss": 2.0})
    assert read_metrics(path) == {"loss": {0: 1.0, 1: 2.0}}
    assert all(json.loads(line) for line in path.read_text().splitlines())


def test_a_file_that_is_taken_away_meanwhile_begins_anew_and_is_not_filled_with_nothing(tmp_path: Path) -> None:
    tracker = JSONTracker(tmp_path / "metrics.jsonl")
    tracker.log(0, {"loss": 1.0})
    tracker.path.rename(tmp_path / "kept.jsonl")
    for step in (1, 2):
        tracker.log(step, {"loss": 2.0})
    assert read_metrics(tracker.path) == {"loss": {1: 2.0, 2: 2.0}}


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


@contextmanager
def disk_full_after(path: Path, more: int) -> Iterator[None]:
    """No file of this process grows beyond the size of this one and some bytes more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_ends_no_run_and_leaves_whole_lines(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "tracking" / "metrics.jsonl"
    with open_tracker(tmp_path) as tracker, caplog.at_level(logging.WARNING):
        tracker.log(0, {"loss": 1.0})
        with disk_full_after(path, 20):
            tracker.log(1, {"loss": 2.0})
            tracker.log(2, {"loss": 3.0})
        # A part of a line fitted.
        assert path.stat().st_size > path.read_bytes().rfind(b"\n") + 1
        tracker.log(3, {"loss": 4.0})
    assert read_metrics(path) == {"loss": {0: 1.0, 3: 4.0}}
    assert all(json.loads(line) for line in path.read_text().splitlines())
    messages = [r.getMessage() for r in caplog.records if r.name.startswith("pokenash")]
    assert len(messages) == 2
    assert all("JSON lines failed at step" in text and "File too large" in text for text in messages)


def test_a_folder_that_cannot_be_written_ends_no_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    alone = JSONTracker(tmp_path / "file" / "metrics.jsonl")
    with pytest.raises(RunDirectoryError, match="cannot write"):
        alone.log(0, {"loss": 1.0})
    with caplog.at_level(logging.WARNING):
        Trackers({"JSON lines": alone}).log(0, {"loss": 1.0})
    assert "cannot write" in caplog.text


def test_a_tracker_that_fails_now_and_then_lacks_those_steps_only(caplog: pytest.LogCaptureFixture) -> None:
    good, bad = Remembered(), Remembered()
    with caplog.at_level(logging.WARNING), Trackers({"bad": bad, "good": good}) as tracker:
        for step in range(3 * PATIENCE):
            bad.fails = step % PATIENCE != 0
            tracker.log(step, {"loss": 1.0})
        bad.fails = False
        assert tracker.names == ("bad", "good")
    assert [step for step, _ in good.steps] == list(range(3 * PATIENCE))
    assert [step for step, _ in bad.steps] == [0, PATIENCE, 2 * PATIENCE]
    assert (good.closed, bad.closed) == (1, 1)
    assert len([r for r in caplog.records if "bad failed at step" in r.getMessage()]) == 3 * (PATIENCE - 1)


def test_a_tracker_that_always_fails_is_left_out_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    good, bad = Remembered(), Remembered(fails=True)
    with caplog.at_level(logging.WARNING), Trackers({"bad": bad, "good": good}) as tracker:
        for step in range(PATIENCE + 5):
            tracker.log(step, {"loss": 1.0})
        assert tracker.names == ("good",)
    assert len(good.steps) == PATIENCE + 5
    messages = [r.getMessage() for r in caplog.records if r.name.startswith("pokenash")]
    assert len(messages) == PATIENCE
    assert (
        f"bad failed at step {PATIENCE - 1} once more and ends there: ConnectionError('no dashboard')" in messages[-1]
    )


def test_what_is_no_number_is_refused_before_any_tracker_is_told() -> None:
    told = Remembered()
    with pytest.raises(InputError, match="step 4: expected finite numbers"):
        Trackers({"told": told}).log(4, {"loss": float("inf")})
    assert not told.steps


def test_a_dashboard_that_cannot_step_back_is_told_each_value_once(tmp_path: Path) -> None:
    path, told = tmp_path / "tracking" / "step.json", Remembered()
    first = OnwardTracker(told, path)
    for step in (0, 2, 4):
        first.log(step, {"loss": 1.0 + step})
    assert [step for step, _ in told.steps] == [0, 2, 4]
    # Killed, and gone on with from before step 2; of step 4 something had not been said.
    second = OnwardTracker(told, path)
    second.start()
    for step in (2, 4, 6):
        second.log(step, {"loss": 10.0 + step, "rate": 0.1 * step})
    second.log(6, {"exact": 0.5})
    assert told.steps[3:] == [(4, {"rate": 0.4}), (6, {"loss": 16.0, "rate": 0.1 * 6}), (6, {"exact": 0.5})]
    third = OnwardTracker(told, path)
    third.log(6, {"loss": 0.0, "rate": 0.0, "exact": 0.0})
    assert len(told.steps) == 6
    path.write_text("{}")
    with pytest.raises(RunDirectoryError, match=r"step.json is damaged.*remove it"):
        OnwardTracker(told, path).start()


def test_a_step_that_a_dashboard_did_not_take_is_told_again(tmp_path: Path) -> None:
    told = Remembered()
    first = OnwardTracker(told, tmp_path / "step.json")
    first.log(0, {"loss": 1.0})
    told.fails = True
    with pytest.raises(ConnectionError):
        first.log(1, {"loss": 2.0})
    told.fails = False
    OnwardTracker(told, tmp_path / "step.json").log(1, {"loss": 2.0})
    assert [step for step, _ in told.steps] == [0, 1]


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


@dataclass(frozen=True)
class Settings:
    output: Path
    track: tuple[TrackerName, ...] = ()
    track_offline: bool = False
    track_project: str = "pokenash"


def test_settings_open_nothing_before_the_run_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = stand_in(monkeypatch, takes_step=True)
    settings = Settings(tmp_path / "run", ("tensorboard", "trackio"), track_project="tests")
    tracker = settings_tracker(settings, settings.output)
    assert tracker.names == ("JSON lines", "tensorboard", "trackio")
    assert calls == []
    assert not list(tmp_path.iterdir())
    tracker.start()
    assert calls == [("init", "tests", "run", {"output": str(tmp_path / "run")}, "allow")]
    with pytest.raises(InputError, match="track_offline is about W&B; give 'wandb'"):
        settings_tracker(Settings(tmp_path, ("tensorboard",), track_offline=True), tmp_path)
    assert tuple(field.name for field in fields(Settings))[1:] == TRACKED


def test_a_dashboard_that_does_not_start_is_an_error_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, takes_step=True)

    def refuse(project: str, name: str | None = None) -> None:
        raise ConnectionError("no server")

    monkeypatch.setattr(sys.modules["trackio"], "init", refuse)
    with pytest.raises(InputError, match=r"tracking with trackio does not start: ConnectionError\('no server'\)"):
        open_tracker(tmp_path, ["trackio"])


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


# TensorBoard's own thread ends with the error, which pytest would count as ours.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_tensorboard_goes_on_when_the_disk_has_room_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    others = threading.enumerate()
    with Trackers({"tensorboard": TensorBoardTracker(tmp_path)}) as tracker, caplog.at_level(logging.WARNING):
        tracker.log(0, {"loss": 1.0})
        (file,) = tmp_path.iterdir()
        step = 1
        with disk_full_after(file, 10):
            # Its thread may tell of the error with the next step only.
            while not caplog.records:
                tracker.log(step, {"loss": 2.0})
                step += 1
        told = len(caplog.records)
        for more in (step, step + 1):
            tracker.log(more, {"loss": 1.0 + more})
    for thread in threading.enumerate():
        if thread not in others:
            thread.join(60)
    assert "tensorboard failed at step" in caplog.text
    assert len(caplog.records) == told
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("loss")] == [(0, 1.0), (step, 1.0 + step), (step + 1, 2.0 + step)]


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
    assert [(row["training_step"], row["loss"]) for row in found] == [(step, 1.0 + step) for step in range(5)]
    assert all(row["fresh_evaluation/win_rate"] == 0.5 for row in found)
    assert read_metrics(tmp_path / "tracking" / "metrics.jsonl")["loss"] == {k: 1.0 + k for k in range(5)}


def wandb_history(path: Path) -> list[dict[str, Any]]:
    """The values in a file of W&B's, which its own process may still be writing when a run has been finished."""
    end = time.monotonic() + 60
    rows, whole = wandb_records(path)
    while not whole and time.monotonic() < end:
        time.sleep(0.05)
        rows, whole = wandb_records(path)
    assert whole
    return rows


def wandb_records(path: Path) -> tuple[list[dict[str, Any]], bool]:
    """Values, and whether the last record is there: a header of 7 bytes, then the records of a LevelDB log."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, position, rows, parts, whole = path.read_bytes(), 7, [], b"", False
    while len(data) - position >= 7:
        left = 32768 - position % 32768
        if left < 7:
            # Too little for a record's head: the rest of a block is padding.
            position += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, position)
        if position + 7 + length > len(data):
            break
        parts += data[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # Whole, or the last part.
            record = Record()
            record.ParseFromString(parts)
            parts = b""
            if record.WhichOneof("record_type") == "history":
                items = record.history.item
                rows.append({item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items})
            whole = whole or record.WhichOneof("record_type") == "exit"
    return rows, whole


_WITHOUT_WANDB = """
import logging, os, pathlib, signal, sys
from pokenash.errors import InputError
from pokenash.experiments.tracking import open_tracker

run = pathlib.Path(sys.argv[1])
try:
    open_tracker(run / "online", ["wandb"])
except InputError as error:
    print(error)
with open_tracker(run, ["wandb"], offline=True) as tracker:
    tracker.log(0, {"loss": 1.0})
    children = pathlib.Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    (core,) = [pid for pid in children if "wandb-core" in pathlib.Path(f"/proc/{pid}/cmdline").read_text()]
    os.kill(int(core), signal.SIGKILL)
    os.waitpid(int(core), 0)
    for step in range(1, 20):
        tracker.log(step, {"loss": 1.0})
    print(tracker.names)
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds W&B's process through /proc")
def test_wandb_without_a_login_is_refused_and_its_death_ends_no_run(tmp_path: Path) -> None:
    pytest.importorskip("wandb", reason="W&B is not installed")
    # W&B's process is one for a whole process, so another one loses it here. No login is known in an empty home.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WANDB")}
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_WANDB, str(tmp_path / "run")],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120,
        env={**environment, "HOME": str(tmp_path)},
    )  # fmt: skip
    refusal, names = done.stdout.splitlines()
    assert refusal.startswith("W&B does not start (No API key")
    assert refusal.endswith("; log in with 'wandb login', or track offline")
    assert names == "('JSON lines',)"
    assert done.returncode == 0
    assert list(read_metrics(tmp_path / "run" / "tracking" / "metrics.jsonl")["loss"]) == list(range(20))


def test_a_damaged_wandb_id_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("wandb", reason="W&B is not installed")
    (tmp_path / "wandb_run.json").write_text('{"schema": 1}')
    with pytest.raises(RunDirectoryError, match=r"wandb_run.json is damaged"):
        WandbTracker(tmp_path, project="tests", offline=True).start()


def stand_in(monkeypatch: pytest.MonkeyPatch, takes_step: bool) -> list[tuple[Any, ...]]:
    """A module with trackio's functions, of a newer or an older version; what is called."""
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
    return calls


@pytest.mark.parametrize("takes_step", [True, False])
def test_trackio_is_spoken_to_as_either_of_its_versions(monkeypatch: pytest.MonkeyPatch, takes_step: bool) -> None:
    calls = stand_in(monkeypatch, takes_step)
    tracker = TrackioTracker(project="tests", name="kuhn", config={"seed": 3})
    assert calls == []
    tracker.log(7, {"loss": 0.5})
    tracker.close()
    tracker.close()
    if takes_step:
        logged: tuple[Any, ...] = ("log", {"loss": 0.5}, 7)
        assert calls == [("init", "tests", "kuhn", {"seed": 3}, "allow"), logged, ("finish",)]
    else:
        logged = ("log", {"loss": 0.5, "training_step": 7})
        assert calls == [("init", "tests", "kuhn", {"seed": 3}), logged, ("finish",)]


def test_trackio_itself_holds_each_step_of_a_killed_run_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    trackio = pytest.importorskip("trackio", reason="trackio is not installed")
    for start in (0, 2):
        with open_tracker(tmp_path / "run", ["trackio"], project="tests", config={"seed": 3}) as tracker:
            for step in range(start, start + 3):
                tracker.log(step, {"loss": 1.0 + step, "fresh_evaluation/win_rate": 0.5})
            assert "trackio" in tracker.names
    from trackio.sqlite_storage import SQLiteStorage

    (run,) = trackio.Api().runs("tests")
    assert (run.name, run.config["seed"]) == ("run", 3)
    logged = SQLiteStorage.get_logs("tests", "run")
    assert [(row["step"], row["loss"]) for row in logged] == [(step, 1.0 + step) for step in range(5)]
