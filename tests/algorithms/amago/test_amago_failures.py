"""Whatever fails while AMAGO trains is one error that says why, and nothing of it is left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from tests.algorithms.amago.stand_in import CONFIG, StandIn, Train

from pokenash.algorithms.oracles.amago import process as amago_process
from pokenash.algorithms.oracles.amago.process import AmagoError, log_tail, only_training, run_training
from pokenash.errors import InputError, PokenashError
from pokenash.metamon.networks import MetamonNetwork

pytest.importorskip("lz4.frame")


def gone(pid: int) -> bool:
    """Whether a process has ended; its parent may not have asked for its status yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return subprocess.run(["ps", "-p", str(pid)], capture_output=True, check=False).returncode != 0
    return state == "Z"


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def nothing_was_played(tmp_path: Path) -> bool:
    return not (tmp_path / "run" / "br_0" / "trajectories").exists()


def test_a_missing_interpreter_is_said_before_any_battle(train: Train, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no interpreter at .*nowhere/python"):
        train(python=tmp_path / "nowhere" / "python")
    with pytest.raises(InputError, match="there is no interpreter at"):
        train(python=tmp_path)
    assert nothing_was_played(tmp_path)


def test_what_is_no_python_is_refused(train: Train, tmp_path: Path) -> None:
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\necho I am no snake\n")
    other.chmod(0o755)
    with pytest.raises(AmagoError, match=r"does not answer as a Python interpreter does; it said:\n  \| I am no snake"):
        train(python=other)
    other.write_text("neither is this")
    with pytest.raises(PokenashError, match="python"):
        train(python=other)
    assert nothing_was_played(tmp_path)


def test_all_that_is_missing_or_of_a_wrong_version_is_in_one_error(
    train: Train, stand_in: StandIn, tmp_path: Path
) -> None:
    stand_in.install("amago", "3.3.0")
    stand_in.install("gymnasium", "1.0.0")
    stand_in.install("poke_env", "0.16.1")
    stand_in.install("metamon", None)
    with pytest.raises(InputError) as caught:
        train()
    for part in (
        "amago is of version 3.3.0, expected version 3.1.1", "gymnasium is of version 1.0.0, expected version 0.29.1",
        "poke-env is of version 0.16.1, expected metamon's fork", "metamon is not installed",
    ):  # fmt: skip
        assert part in str(caught.value)
    assert nothing_was_played(tmp_path)


@pytest.mark.usefixtures("played")
def test_another_version_of_amago_is_accepted_on_request(train: Train, stand_in: StandIn) -> None:
    stand_in.install("amago", "3.2.0")
    assert train(oracle={"amago_version": None}, epochs=1).name == "br_0"


def test_a_module_that_cannot_be_imported_is_quoted(train: Train, stand_in: StandIn, tmp_path: Path) -> None:
    (stand_in.metamon / "rl" / "train.py").unlink()
    with pytest.raises(
        AmagoError, match=r"(?s)metamon.rl.train cannot be imported.*No module named 'metamon.rl.train'"
    ):
        train()
    (stand_in.metamon / "rl" / "__init__.py").write_text("import wanted_but_missing\n")
    with pytest.raises(AmagoError, match=r"(?s)cannot be imported.*\| ModuleNotFoundError: .*'wanted_but_missing'"):
        train()
    assert nothing_was_played(tmp_path)


def test_a_gin_configuration_that_is_not_there_is_named(train: Train, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no gin configuration .*/models/larger.gin nor .*/training/better.gin"):
        train(model_gin_config="larger.gin", train_gin_config="better.gin")
    assert nothing_was_played(tmp_path)


def test_the_cache_and_the_vocabulary_must_be_known(
    train: Train, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("METAMON_CACHE_DIR", raising=False)
    with pytest.raises(InputError, match="METAMON_CACHE_DIR"):
        train(oracle={"cache_dir": None})
    (tmp_path / "short.json").write_text('{"gen1ou": 0}')
    with pytest.raises(InputError, match="has 1 words, tiny expects"):
        train(vocabulary=tmp_path / "short.json")
    assert nothing_was_played(tmp_path)


@pytest.mark.usefixtures("played")
def test_a_failed_training_says_its_status_and_the_end_of_its_log(train: Train, tmp_path: Path) -> None:
    with pytest.raises(AmagoError) as caught:
        train("crash")
    message = str(caught.value)
    log = tmp_path / "run" / "br_0" / "amago.log"
    assert f"AMAGO's training of 'br_0' failed with exit status 1; the end of its log {log}:" in message
    assert message.endswith("| RuntimeError: CUDA out of memory")
    assert "  | Warning: this is a stand-in" in message.splitlines()
    with pytest.raises(AmagoError, match="was killed by SIGKILL") as killed:
        train("killed")
    assert "out of memory" not in str(killed.value)


@pytest.mark.usefixtures("played")
def test_a_training_without_weights_is_no_success(train: Train, stand_in: StandIn) -> None:
    for calls in (1, 2):
        with pytest.raises(AmagoError, match=r"(?s)left no weights policy_epoch_<N>.pt in .*Train: 100%") as caught:
            train("no_weights", epochs=1)
        assert "Train:  95%" not in str(caught.value)
        assert len(stand_in.calls()) == calls


@pytest.mark.usefixtures("played")
def test_weights_that_were_cut_off_do_not_count(train: Train, stand_in: StandIn) -> None:
    with pytest.raises(AmagoError, match="SIGKILL"):
        train("cut_off_in_2")
    assert train().checkpoint_path().name == "policy_epoch_2.pt"
    assert stand_in.flags(1)["ckpt"] == "0"


@pytest.mark.usefixtures("played")
def test_weights_that_are_of_other_sizes_are_no_member_until_they_are_described_rightly(
    train: Train, stand_in: StandIn
) -> None:
    other = replace(CONFIG, extra_embedding=5)
    stand_in.weights = stand_in.root / "other.pt"
    torch.save(MetamonNetwork(other).state_dict(), stand_in.weights)
    with pytest.raises(AmagoError, match=r"left weights that cannot be used: .*extra_emb.* shape \(5, 10\), expected"):
        train()
    assert train(config=other).name == "br_0"
    assert len(stand_in.calls()) == 1


@pytest.mark.usefixtures("played")
@pytest.mark.parametrize("modes", ["hang", "hang deaf"])
def test_a_training_that_takes_too_long_is_ended_with_all_its_processes(
    train: Train, stand_in: StandIn, modes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = amago_process.run_training
    monkeypatch.setattr(
        "pokenash.algorithms.oracles.amago.oracle.run_training",
        lambda *args, **options: patient(*args, **{**options, "grace": 0.5}),
    )
    # An hour passes as soon as all processes are there.
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + 3600 * bool(stand_in.pids()), strftime=time.strftime)
    monkeypatch.setattr(amago_process, "time", clock)
    with pytest.raises(AmagoError, match=r"(?s)because it took more than 600 s; .*Dataset contains 4 battles"):
        train(modes, oracle={"timeout": 600.0})
    assert len(stand_in.pids()) == 2
    wait_until(lambda: all(gone(pid) for pid in stand_in.pids()))


@pytest.mark.usefixtures("played")
def test_control_c_ends_all_processes_of_the_training(train: Train, stand_in: StandIn) -> None:
    # A shell has what it starts in the background ignore Ctrl-C, and Python then leaves it so.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupt() -> None:
        wait_until(lambda: bool(stand_in.pids()))
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            train("hang")
    finally:
        thread.join()
        signal.signal(signal.SIGINT, before)
    wait_until(lambda: all(gone(pid) for pid in stand_in.pids()))
    assert train().name == "br_0"


_HARD_TO_KILL = """
import pathlib, sys
from pokenash.algorithms.oracles.amago.process import only_training, run_training
directory = pathlib.Path(sys.argv[1])
with only_training(directory) as lock:
    run_training(["sleep", "600"], name="br_0", log=directory / "log", environment={"PATH": sys.argv[2]}, lock=lock)
"""


@pytest.mark.usefixtures("played")
def test_a_training_that_outlived_its_python_is_not_joined_by_another(train: Train, tmp_path: Path) -> None:
    lock = tmp_path / "run" / "br_0" / "amago.lock"
    command = [sys.executable, "-c", _HARD_TO_KILL, str(lock.parent), os.environ["PATH"]]
    with subprocess.Popen(command) as python:
        wait_until(lambda: lock.exists() and lock.read_text().endswith("\n"))
        python.kill()
    left = int(lock.read_text())
    try:
        with pytest.raises(InputError, match=rf"another training is at work in .*br_0 \(process group {left}\)"):
            train()
    finally:
        os.killpg(left, signal.SIGKILL)
    wait_until(lambda: gone(left))
    assert train(epochs=1).name == "br_0"


def test_the_tail_of_a_log_is_short_and_plain(tmp_path: Path) -> None:
    log = tmp_path / "amago.log"
    log.write_bytes(
        b"before\n" + b"\n".join(b"line %d" % i for i in range(50)) + b"\nbar 1%\rbar \x1b[31m99%\x1b[0m\r\n\n"
    )
    lines = log_tail(log).splitlines()
    assert len(lines) == 21
    assert lines[1] == "  | line 31"
    assert lines[-1] == "  | bar 99%"
    assert log_tail(log, log.stat().st_size) == f"its log {log} is empty"


def test_a_command_that_cannot_be_started_is_one_error(tmp_path: Path) -> None:
    with only_training(tmp_path) as lock, pytest.raises(AmagoError, match="cannot be started"):
        run_training([str(tmp_path / "nothing")], name="br_0", log=tmp_path / "log", environment={}, lock=lock)
