"""A stand-in for the environment that AMAGO trains in: an interpreter, package records, and a ``metamon.rl.train``.

It takes the flags of the real one, insists on them, reads the trajectories that it is pointed to, and leaves the files
that the real one leaves; but it learns nothing: the weights that it saves are those that the test gave it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.metamon import tiny

from pokenash.policies import PolicySpec

UNIFORM = PolicySpec("uniform", "uniform")
STRONG = PolicySpec("strong", "max_power")
CONFIG = replace(tiny.config(), tokenizer="tiny")

Train = Callable[..., PolicySpec]
"""The fixture `train`."""

VERSIONS = {"amago": "3.1.1", "gymnasium": "0.29.1", "poke_env": "0.8.3.3", "metamon": "1.4.0", "torch": "2.13.0"}

RL = """
import os
MODEL_CONFIG_DIR = os.path.join(os.path.dirname(__file__), "configs", "models")
TRAINING_CONFIG_DIR = os.path.join(os.path.dirname(__file__), "configs", "training")
"""

TRAIN = r"""
import argparse, json, os, shutil, signal, subprocess, sys, time
from pathlib import Path

import lz4.frame
from metamon import rl

parser = argparse.ArgumentParser()
for flag in ("run_name", "save_dir", "model_gin_config", "train_gin_config"):
    parser.add_argument(f"--{flag}", required=True)
for flag in ("obs_space", "reward_function", "action_space", "tokenizer", "init_from_checkpoint"):
    parser.add_argument(f"--{flag}")
for flag in ("parsed_replay_dir", "custom_replay_dir"):
    parser.add_argument(f"--{flag}", type=Path)
for flag in ("epochs", "batch_size_per_gpu", "grad_accum", "dloader_workers", "ckpt"):
    parser.add_argument(f"--{flag}", type=int)
parser.add_argument("--custom_replay_sample_weight", type=float)
parser.add_argument("--eval_gens", type=int, nargs="*", default=[1])
parser.add_argument("--formats", nargs="+")
parser.add_argument("--log", action="store_true")
args = parser.parse_args()

stand_in, modes = Path(os.environ["STAND_IN"]), os.environ.get("MODES", "").split()
with open(stand_in / "calls.jsonl", "a") as file:
    json.dump({"flags": sys.argv[1:], "environment": dict(os.environ), "cwd": os.getcwd()}, file)
    file.write("\n")
print("\x1b[91mWarning: this is a stand-in\x1b[0m", flush=True)

assert not args.eval_gens, "evaluation would need a server"
for folder, name in ((rl.MODEL_CONFIG_DIR, args.model_gin_config), (rl.TRAINING_CONFIG_DIR, args.train_gin_config)):
    assert os.path.isfile(os.path.join(folder, name)), name
battles = 0
for root in filter(None, (args.parsed_replay_dir, args.custom_replay_dir)):
    for format_id in args.formats:
        for path in (root / format_id).iterdir():
            battle_id, rating, player, versus, opponent, date, result = path.name[: -len(".json.lz4")].split("_")
            assert format_id in battle_id and versus == "vs" and result in ("WIN", "LOSS")
            data = json.loads(lz4.frame.decompress(path.read_bytes()))
            assert len(data["states"]) == len(data["actions"]) and data["actions"][-1] == -1
            battles += 1
print(f"Dataset contains {battles} battles", flush=True)

if "crash" in modes:
    raise RuntimeError("CUDA out of memory")
if "killed" in modes:
    os.kill(os.getpid(), signal.SIGKILL)
if "hang" in modes:
    if "deaf" in modes:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (stand_in / "pids.tmp").write_text(f"{os.getpid()} {child.pid}")
    (stand_in / "pids.tmp").rename(stand_in / "pids")
    time.sleep(600)

run = Path(args.save_dir) / args.run_name
ckpts = run / "ckpts"
for folder in ("training_states", "policy_weights", "latest"):
    (ckpts / folder).mkdir(parents=True, exist_ok=True)
if args.ckpt is not None:
    assert (ckpts / "training_states" / f"{args.run_name}_epoch_{args.ckpt}").is_dir()
for epoch in range(args.ckpt or 0, args.epochs):
    for step in range(0, 101, 5):
        print(f"\r{args.run_name} Epoch {epoch} Train: {step:3d}%|##        | {step}/100", end="", flush=True)
    print(flush=True)
    if "no_weights" not in modes and epoch % 2 == 0:
        (ckpts / "training_states" / f"{args.run_name}_epoch_{epoch}").mkdir(exist_ok=True)
        shutil.copy(os.environ["WEIGHTS"], ckpts / "policy_weights" / f"policy_epoch_{epoch}.pt")
    if f"crash_in_{epoch}" in modes:
        raise RuntimeError("CUDA out of memory")
    if f"cut_off_in_{epoch}" in modes:
        weights = ckpts / "policy_weights" / f"policy_epoch_{epoch}.pt"
        weights.write_bytes(weights.read_bytes()[:1000])
        os.kill(os.getpid(), signal.SIGKILL)
"""


class StandIn:
    """Makes the environment in a folder.

    Parameters
    ----------
    root : Path
    weights : Path
        What every epoch saves.

    Attributes
    ----------
    python : Path
        The interpreter.
    metamon : Path
        The package, to be damaged by tests.
    """

    def __init__(self, root: Path, weights: Path) -> None:
        self.root, self.weights = root, weights
        self.site = root / "site"
        self.metamon = self.site / "metamon"
        for name, version in VERSIONS.items():
            self.install(name, version)
        for path, text in {
            "__init__.py": "", "rl/__init__.py": RL, "rl/train.py": TRAIN,
            "rl/configs/models/tiny.gin": "", "rl/configs/training/psro_oracle.gin": "",
        }.items():  # fmt: skip
            (self.metamon / path).parent.mkdir(parents=True, exist_ok=True)
            (self.metamon / path).write_text(text)
        # What is installed here hides what the tests' own environment has of it, as the real packages would.
        self.python = root / "bin" / "python"
        self.python.parent.mkdir()
        self.python.write_text(f'#!/bin/sh\nPYTHONPATH={self.site} exec {sys.executable} "$@"\n')
        self.python.chmod(0o755)

    def install(self, name: str, version: str | None) -> None:
        """Make it look as if a version of a package were installed, or none."""
        for record in self.site.glob(f"{name}-*.dist-info"):
            (record / "METADATA").unlink()
            record.rmdir()
        if version is not None:
            record = self.site / f"{name}-{version}.dist-info"
            record.mkdir(parents=True)
            name = name.replace("_", "-")
            (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")

    def variables(self, modes: str = "") -> dict[str, str]:
        """For the oracle: where the stand-in leaves its notes, and how it is to fail."""
        return {"STAND_IN": str(self.root), "WEIGHTS": str(self.weights), "MODES": modes}

    def calls(self) -> list[dict[str, Any]]:
        """Flags, variables and working directory of every training that was started."""
        path = self.root / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def flags(self, call: int = -1) -> dict[str, str]:
        """The flags of one training that have one value."""
        words = self.calls()[call]["flags"]
        return {
            word.removeprefix("--"): value
            for word, value in zip(words, [*words[1:], "--"], strict=True)
            if word.startswith("--") and not value.startswith("--")
        }

    def pids(self) -> list[int]:
        """Processes of a training that hangs; none before it does."""
        path = self.root / "pids"
        return [int(pid) for pid in path.read_text().split()] if path.exists() else []
