"""Training in several processes: the same steps as in one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
import torch
from tests.metamon import tiny

from pokenash.arena import Arena, paired_matches
from pokenash.errors import InputError
from pokenash.metamon.checkpoints import load_checkpoint
from pokenash.metamon.networks import MetamonNetwork
from pokenash.metamon.recording import TrajectoryRecorder
from pokenash.metamon.training import FineTuneSettings, TrainingData, fine_tune, save_weights
from pokenash.metamon.training.devices import Devices
from pokenash.policies import PolicySpec, load_policy

_SCRIPT = """
import json, sys
from pokenash.metamon.checkpoints import load_checkpoint
from pokenash.metamon.tokenizer import Tokenizer
from pokenash.metamon.training import FineTuneSettings, TrainingData, fine_tune

folder = sys.argv[1]
settings = FineTuneSettings(**json.load(open(f"{folder}/settings.json")), accelerate=True)
tokenizer = Tokenizer.from_file(f"{folder}/words.json")
network = load_checkpoint(f"{folder}/base.safetensors")
fine_tune(network, TrainingData([f"{folder}/trajectories"]), tokenizer, settings, f"{folder}/several", seed=5)
"""


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(InputError, match=r"pip install 'pokenash\[accelerate\]'"):
        Devices.of("cpu", accelerate=True)


@pytest.mark.slow
def test_two_processes_do_what_one_does_with_twice_the_batches(tmp_path: Path) -> None:
    """Without layers that change with every forward pass, so that nothing but rounding differs."""
    pytest.importorskip("accelerate")
    pytest.importorskip("lz4.frame")
    torch.set_num_threads(1)
    game = tiny.game()
    player = load_policy(PolicySpec("max_power", "max_power"), game)
    recorder = TrajectoryRecorder(
        player, game, tmp_path / "trajectories", name="a", opponent="b", time=datetime(2026, 1, 1)
    )
    with Arena(game, num_lanes=4) as arena:
        opponents = [recorder, PolicySpec("uniform", "uniform")]
        arena.play(opponents, paired_matches(game, [(0, 1)], 4, 3), seed=1, on_result=recorder.on_result)
    network = MetamonNetwork.random(tiny.recurrent_config(), seed=1)
    save_weights(network, tmp_path / "base.safetensors")
    (tmp_path / "words.json").write_text(json.dumps(tiny.vocabulary()))
    settings = {
        "epochs": 1, "steps_per_epoch": 3, "batch_size": 2, "max_length": 12, "warm_up_steps": 1, "torch_threads": 1,
        "advantage_filter": "none", "learning_rate": 1e-3,
    }  # fmt: skip
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    one = FineTuneSettings(**settings, accumulation=2)  # type: ignore[arg-type]
    fine_tune(network, TrainingData([tmp_path / "trajectories"]), tiny.tokenizer(), one, tmp_path / "one", seed=5)
    (tmp_path / "train.py").write_text(_SCRIPT)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    paths = os.pathsep.join(filter(None, [str(Path(__file__).parents[2] / "src"), os.environ.get("PYTHONPATH")]))
    places = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "ACCELERATE_USE_CPU": "true"}
    processes = [
        subprocess.Popen(
            [sys.executable, tmp_path / "train.py", tmp_path],
            env={**os.environ, **places, "PYTHONPATH": paths, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in (0, 1)
    ]
    try:
        assert [process.wait(timeout=120) for process in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()
    several = load_checkpoint(tmp_path / "several" / "ckpts" / "last.safetensors").state_dict()
    for name, tensor in network.state_dict().items():
        # Gradients differ by the order of sums; Adam's steps of 1e-3 make of it what they can.
        assert torch.allclose(tensor, several[name], atol=1e-4), name
    assert json.loads((tmp_path / "several" / "fine_tune.json").read_text())["processes"] == 2
