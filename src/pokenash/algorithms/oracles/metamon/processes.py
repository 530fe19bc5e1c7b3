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
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pokenash.algorithms.damping import DampingSettings
from pokenash.algorithms.oracles.metamon.damping import NetworkDamping, damping_from_json
from pokenash.errors import InputError, PokenashError
from pokenash.metamon.dataset import TrajectorySource
from pokenash.metamon.networks import MetamonNetwork
from pokenash.metamon.training.files import read_json, write_json
from pokenash.metamon.training.fine_tuning import FineTuned, fine_tune
from pokenash.metamon.training.settings import FineTuneSettings, TrainingData
from pokenash.metamon.training.start import StartingPoint, load_start
from pokenash.metamon.training.state import saved_step
from pokenash.policies.spec import PolicySpec
from pokenash.tracking import Tracker, track

__all__ = ["fine_tune_job", "fine_tune_processes", "training_job"]

_POLL_SECONDS = 0.2
_TAIL_LINES = 15


def training_job(
    start: PolicySpec,
    data: TrainingData,
    settings: FineTuneSettings,
    *,
    damping: DampingSettings | None = None,
    damping_check_every: int = 100,
    reference: PolicySpec | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """All that a training is, JSON-able, for `fine_tune_job` in this process or in others."""
    given = None if damping is None else {"settings": _plain(asdict(damping)), "check_every": damping_check_every}
    return {
        "start": start.to_json(),
        "data": data.to_json(),
        "training": asdict(settings),
        "damping": given,
        "reference": None if reference is None else reference.to_json(),
        "seed": seed,
    }


def _plain(value: Any) -> Any:
    """As JSON gives it back."""
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def fine_tune_job(job: Mapping[str, Any], directory: Path, tracker: Tracker | None = None) -> FineTuned:
    """Fine-tune as a job says, or go on with it.

    Parameters
    ----------
    job : mapping
        As `training_job` makes it: ``start`` (a spec), ``data`` (`TrainingData.to_json`), ``training`` (fields of
        `FineTuneSettings`), ``damping`` (settings and ``check_every``, or None), ``seed``, and ``reference``, the spec
        of the network that the damping refers to, where it is not the start's.
    directory : Path
    tracker : Tracker, optional
        As of `pokenash.metamon.training.fine_tune`.
    """
    start = load_start(PolicySpec.from_json(job["start"]))
    data = job["data"]
    sources = [TrajectorySource(source["root"], source["weight"]) for source in data["sources"]]
    given = job["damping"]
    damping = None if given is None else NetworkDamping(damping_from_json(given["settings"]), given["check_every"])
    training: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in job["training"].items()}
    reference = None if job.get("reference") is None else _reference(PolicySpec.from_json(job["reference"]), start)
    return fine_tune(
        start.network, TrainingData(sources, data["reward"], data["formats"], data["result"]), start.tokenizer,
        FineTuneSettings(**training), directory, seed=job["seed"], regularisation=damping,
        regularisation_config=given, reference=reference, tracker=tracker,
    )  # fmt: skip


def _reference(spec: PolicySpec, start: StartingPoint) -> MetamonNetwork:
    """The network of a policy that sees and does what the start does; its sizes are looked at where it is used."""
    found = load_start(spec)
    if not found.tokenizer.has_words_of(start.tokenizer):
        raise InputError(f"reference: {spec.name!r} has another vocabulary than {start.spec.name!r}, which is trained")
    for name in ("observation_space", "action_space"):
        theirs, own = getattr(found.network.config, name), getattr(start.network.config, name)
        if theirs != own:
            raise InputError(f"reference: {spec.name!r} has the {name} {theirs!r}, and what is trained {own!r}")
    return found.network


def fine_tune_processes(
    job: Mapping[str, Any], directory: Path, processes: int, tracker: Tracker | None = None
) -> FineTuned:
    """The same in several processes, which share what is learned from; a tracker is told by this one.

    What they write to standard output and standard error is in ``fine_tune_output_<n>.txt``.

    Raises
    ------
    PokenashError
        If one of them fails; the message ends with the end of its output.
    """
    shared = {**job, "training": {**job["training"], "accelerate": True}}
    path, log = directory / "fine_tune_job.json", _FollowedLog(directory, tracker)
    write_json(path, shared)
    running = _start(path, directory, processes, on_cpu=job["training"]["device"] == "cpu")
    try:
        while any(process.poll() is None for process in running):
            _check(running, directory)
            log.tell()
            time.sleep(_POLL_SECONDS)
        _check(running, directory)
        log.tell()
    finally:
        for process in running:
            process.kill()
            process.wait()
    record = read_json(directory / "fine_tune.json") or {}
    record["skipped_files"] = len(read_json(directory / "skipped_trajectories.json") or {})
    return FineTuned(directory / "ckpts" / "last.safetensors", record["reward"], record)


class _FollowedLog:
    """The log that the first process writes, told to a tracker of this one."""

    def __init__(self, directory: Path, tracker: Tracker | None) -> None:
        self._path, self._tracker = directory / "fine_tune.jsonl", tracker
        # What a killed training had logged before it was told then.
        self._told = 0 if tracker is None else saved_step(directory / "fine_tune_state.safetensors")
        self._place: tuple[int, int] = (0, 0)
        if self._path.exists():
            # Its steps after the saved state come again, in the file that replaces this one.
            now = self._path.stat()
            self._place = (now.st_ino, now.st_size)

    def tell(self) -> None:
        """Tell the lines that are new."""
        if self._tracker is None or not self._path.exists():
            return
        with self._path.open("rb") as file:
            node = os.fstat(file.fileno()).st_ino
            # A training that goes on replaces the file by its lines that still hold.
            begin = self._place[1] if self._place[0] == node else 0
            file.seek(begin)
            whole, _, _ = file.read().rpartition(b"\n")
        self._place = (node, begin + len(whole) + 1 if whole else begin)
        for line in whole.splitlines():
            entry = json.loads(line)
            step = entry.pop("step")
            if step > self._told:
                self._told = step
                track(self._tracker, step, entry)


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
