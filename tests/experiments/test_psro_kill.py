"""A run that is killed at random moments ends as if it had not been."""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.experiments.killed_run import PRELOAD, play_gen1ou, play_tictactoe

SIGKILL = -9


def start(play: Callable[[Path], None], directory: Path) -> Any:
    """The run in a new process, without the seconds that imports take."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    process = context.Process(target=play, args=(directory,))
    process.start()
    return process


def results(directory: Path) -> dict[str, Any]:
    """What a run found: everything but times and what a kill may leave of files that were never finished."""
    found: dict[str, Any] = {"matches": (directory / "matches" / "matches.jsonl").read_bytes()}
    for path in sorted(directory.glob("iteration_*/*.json")):
        data = json.loads(path.read_text())
        if path.name == "iteration_summary.json":
            data = data["best_response"]
        found[str(path.relative_to(directory))] = data
    for path in sorted(directory.rglob("*.safetensors")):
        found[str(path.relative_to(directory))] = path.read_bytes()
    found["summary"] = json.loads((directory / "psro_summary.json").read_text())
    return found


def check(play: Callable[[Path], None], tmp_path: Path, kills: int, seed: int) -> None:
    begin = time.perf_counter()
    whole = start(play, tmp_path / "whole")
    whole.join()
    assert whole.exitcode == 0
    seconds = time.perf_counter() - begin
    # Moments spread over the run, whatever the speed of the machine; each start goes on where the last was killed.
    rng = np.random.default_rng(seed)
    killed = 0
    for wait in rng.uniform(0.02, 1.5 / kills, kills):
        process = start(play, tmp_path / "killed")
        process.join(timeout=float(wait) * seconds)
        killed += process.is_alive()
        process.kill()
        process.join()
        assert process.exitcode in (0, SIGKILL)
    assert killed >= kills // 2
    last = start(play, tmp_path / "killed")
    last.join()
    assert last.exitcode == 0
    unbroken, broken = results(tmp_path / "whole"), results(tmp_path / "killed")
    assert unbroken.keys() == broken.keys()
    assert [name for name, data in unbroken.items() if broken[name] != data] == []
    assert any(name.endswith("br_1/ckpts/last.safetensors") for name in unbroken)


def test_a_killed_run_ends_as_an_unbroken_one(tmp_path: Path) -> None:
    check(play_tictactoe, tmp_path, kills=8, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(4))
def test_a_run_that_is_killed_often_ends_as_an_unbroken_one(tmp_path: Path, seed: int) -> None:
    check(play_tictactoe, tmp_path, kills=25, seed=seed)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_killed_run_on_real_battles_ends_as_an_unbroken_one(tmp_path: Path) -> None:
    check(play_gen1ou, tmp_path, kills=8, seed=5)
