"""A fine-tuning in several processes, one a device: they are started, followed, and end with the one that asked.

Run as a module it is such a process; `pokenash.metamon.training.devices` lets them agree, through accelerate.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pokenash.algorithms.oracles.metamon.damping import NetworkDamping, damping_from_json
from pokenash.errors import PokenashError
from pokenash.metamon.dataset import TrajectorySource
from pokenash.metamon.training.files import read_json, write_json
from pokenash.metamon.training.fine_tuning import FineTuned, fine_tune
from pokenash.metamon.training.settings import FineTuneSettings, TrainingData
from pokenash.metamon.training.start import load_start
from pokenash.policies.spec import PolicySpec

__all__ = ["fine_tune_job", "fine_tune_processes"]

_POLL_SECONDS = 0.2
_TAIL_LINES = 15


def fine_tune_job(job: Mapping[str, Any], directory: Path) -> FineTuned:
    """Fine-tune as a job says, or go on with it.

    Parameters
    ----------
    job : mapping
        JSON-able: ``start`` (a spec), ``data`` (`TrainingData.to_json`), ``training`` (fields of `FineTuneSettings`),
        ``damping`` (settings and ``check_every``, or None), ``seed``.
    directory : Path
    """
    start = load_start(PolicySpec.from_json(job["start"]))
    data = job["data"]
    sources = [TrajectorySource(source["root"], source["weight"]) for source in data["sources"]]
    given = job["damping"]
    damping = None if given is None else NetworkDamping(damping_from_json(given["settings"]), given["check_every"])
    training: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in job["training"].items()}
    return fine_tune(
        start.network, TrainingData(sources, data["reward"], data["formats"], data["result"]), start.tokenizer,
        FineTuneSettings(**training), directory, seed=job["seed"], regularisation=damping,
        regularisation_config=given,
    )  # fmt: skip


def fine_tune_processes(job: Mapping[str, Any], directory: Path, processes: int) -> FineTuned:
    """The same in several processes, which share what is learned from.

    What they write to standard output and standard error is in ``fine_tune_output_<n>.txt``.

    Raises
    ------
    PokenashError
        If one of them fails; the message ends with the end of its output.
    """
    shared = {**job, "training": {**job["training"], "accelerate": True}}
    path = directory / "fine_tune_job.json"
    write_json(path, shared)
    running = _start(path, directory, processes, on_cpu=job["training"]["device"] == "cpu")
    try:
        while any(process.poll() is None for process in running):
            _check(running, directory)
            time.sleep(_POLL_SECONDS)
        _check(running, directory)
    finally:
        for process in running:
            process.kill()
            process.wait()
    record = read_json(directory / "fine_tune.json") or {}
    record["skipped_files"] = len(read_json(directory / "skipped_trajectories.json") or {})
    return FineTuned(directory / "ckpts" / "last.safetensors", record["reward"], record)


def _start(job: Path, directory: Path, processes: int, *, on_cpu: bool) -> list[subprocess.Popen[bytes]]:
    """The processes; a pipe that closes when this one ends is their standard input."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    source = str(Path(__file__).parents[3])
    paths = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
    common = {**os.environ, **meeting, "WORLD_SIZE": str(processes), "PYTHONPATH": paths}
    common |= {"ACCELERATE_USE_CPU": "true"} if on_cpu else {}
    started = []
    for index in range(processes):
        with _output(directory, index).open("wb") as output:
            started.append(
                subprocess.Popen(
                    [sys.executable, "-m", "pokenash.algorithms.oracles.metamon.processes", str(job)],
                    env={**common, "RANK": str(index), "LOCAL_RANK": str(index)},
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            )
    return started


def _output(directory: Path, index: int) -> Path:
    return directory / f"fine_tune_output_{index}.txt"


def _check(running: list[subprocess.Popen[bytes]], directory: Path) -> None:
    for index, process in enumerate(running):
        if process.poll():
            output = _output(directory, index)
            lines = output.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:]
            tail = "\n".join(f"  | {line}" for line in lines)
            raise PokenashError(
                f"process {index} of the fine-tuning ended with status {process.returncode}; the end of {output}:\n"
                f"{tail}"
            )


def _end_with_starter() -> None:
    """Leave when the standard input closes: whoever wanted the result is gone."""
    descriptor = sys.stdin.fileno()

    def wait() -> None:
        # Not through the buffer, whose lock this thread would hold when the process ends.
        while os.read(descriptor, 1024):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    """One of the processes."""
    _end_with_starter()
    job = Path(sys.argv[1])
    fine_tune_job(json.loads(job.read_text(encoding="utf-8")), job.parent)


if __name__ == "__main__":
    main()
