"""Battles played and followed in one Node process, for tests that look at what the tracker makes of the protocol."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.games.showdown.dex import load_dex
from pokenash.games.showdown.node import node_environment, node_executable, script_directory
from pokenash.games.showdown.observation import VOCABULARY_OF, Layout, decode

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
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=node_environment(),
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
    format: str,
    battles: int,
    *,
    seed: int = 1,
    teams: Sequence[str] | None = None,
    move_share: float = 0.8,
    max_decisions: int = 1000,
) -> Iterator[list[Decision]]:
    """Random battles, decision by decision; with random teams of the generation where none are given."""
    payload = {
        "format": format,
        "battles": battles,
        "seed": seed,
        "teams": None if teams is None else list(teams),
        "move_share": move_share,
        "max_decisions": max_decisions,
    }
    for battle in run_script("follow.js", payload):
        yield [
            Decision(one["player"], one["lines"], one["request"], one["mask"], observation_of(one["row"]), one["truth"])
            for one in battle
        ]


@cache
def vocabulary(format: str) -> dict[str, list[str]]:
    """The vocabulary of a format, as plain lists."""
    return {name: list(words) for name, words in load_dex(format).names.items()}


class Reader:
    """Observations as plain dicts of words and unscaled numbers: `decode` without its comforts, and fast."""

    def __init__(self, format: str) -> None:
        layout, words = Layout.load(), vocabulary(format)
        self.numbers = layout.blocks["pokemon"]
        self.ids = layout.blocks["pokemon_ids"]
        self.lists = [[word or None for word in words[VOCABULARY_OF[name]]] for name in self.ids]
        self.known = layout.column("pokemon", "known")
        self.field_numbers = layout.blocks["global"]
        self.field_ids = layout.blocks["global_ids"]
        self.field_lists = [[word or None for word in words[VOCABULARY_OF[name]]] for name in self.field_ids]

    def team(self, decision: Decision, *, own: bool) -> list[dict[str, Any]]:
        """Six rows of one side; those that hold nobody are left out."""
        rows = range(6) if own else range(6, 12)
        numbers = decision.observation["pokemon"].tolist()
        ids = decision.observation["pokemon_ids"].tolist()
        return [
            dict(zip(self.numbers, numbers[row], strict=True))
            | {name: words[value] for name, words, value in zip(self.ids, self.lists, ids[row], strict=True)}
            for row in rows
            if numbers[row][self.known]
        ]

    def field(self, decision: Decision) -> dict[str, Any]:
        """The global blocks."""
        ids = decision.observation["global_ids"].tolist()
        return dict(zip(self.field_numbers, decision.observation["global"].tolist(), strict=True)) | {
            name: words[value] for name, words, value in zip(self.field_ids, self.field_lists, ids, strict=True)
        }


def decoded(decision: Decision, format: str) -> dict[str, Any]:
    """A decision's observation in words."""
    return decode(decision.observation, vocabulary(format))
