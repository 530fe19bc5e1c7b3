"""Battles played and followed in one Node process, for tests that look at what the tracker makes of the protocol."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.games.showdown.dex import load_dex
from pokenash.games.showdown.node import node_environment, node_executable, script_directory
from pokenash.games.showdown.observation import Layout, decode

SCRIPTS = Path(__file__).parent / "js"


@dataclass(frozen=True)
class Decision:
    """One open decision: what its player was told since the one before, and what the tracker made of it all."""

    player: int
    lines: list[str]
    request: dict[str, Any]
    mask: list[int]
    observation: dict[str, NDArray[Any]]
    truth: dict[str, Any]


def observation_of(row: dict[str, str]) -> dict[str, NDArray[Any]]:
    """The observation from its blocks in base64."""
    layout = Layout.load()
    return {
        block: np.frombuffer(base64.b64decode(text), layout.dtype(block)).reshape(layout.shape(block))
        for block, text in row.items()
    }


def run_script(name: str, payload: dict[str, Any]) -> Iterator[Any]:
    """The JSON lines that one of the test scripts prints."""
    command = [str(node_executable()), str(SCRIPTS / name), str(script_directory())]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=node_environment()
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(json.dumps(payload))
        process.stdin.close()
        for line in process.stdout:
            yield json.loads(line)
        errors = process.stderr.read()
    assert process.returncode == 0, errors


def follow(
    format: str, battles: int, *, seed: int = 1, move_share: float = 0.8, max_decisions: int = 1000
) -> Iterator[list[Decision]]:
    """Random battles, decision by decision."""
    payload = {
        "format": format,
        "battles": battles,
        "seed": seed,
        "move_share": move_share,
        "max_decisions": max_decisions,
    }
    for battle in run_script("follow.js", payload):
        yield [
            Decision(
                one["player"], one["lines"], one["request"], one["mask"], observation_of(one["row"]), one["truth"]
            )
            for one in battle
        ]


@cache
def vocabulary(format: str) -> dict[str, list[str]]:
    """The vocabulary of a format, as plain lists."""
    return {name: list(words) for name, words in load_dex(format).names.items()}


def decoded(decision: Decision, format: str) -> dict[str, Any]:
    """A decision's observation in words."""
    return decode(decision.observation, vocabulary(format))
