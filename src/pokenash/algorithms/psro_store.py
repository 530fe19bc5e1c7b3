"""Where PSRO keeps what it has done, so that one loop serves memory and disk."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from pokenash.algorithms.match_log import MatchLog
from pokenash.policies.spec import PolicySpec

__all__ = ["MemoryStore", "PSROStore"]


class PSROStore(Protocol):
    """Results of steps, by iteration and name. What is stored once is never computed again."""

    log: MatchLog
    """All matches."""

    def folder(self, iteration: int) -> Path:
        """Folder for an iteration's weights and other files; made when it is first asked for."""
        ...

    def load(self, iteration: int, name: str) -> dict[str, Any] | None:
        """What was saved under a name, or None."""
        ...

    def save(self, iteration: int, name: str, data: dict[str, Any]) -> None:
        """Keep JSON-able data, as a whole or not at all."""
        ...

    def load_policies(self, iteration: int, name: str) -> list[PolicySpec] | None:
        """The policies that were saved under a name, or None."""
        ...

    def save_policies(self, iteration: int, name: str, policies: Sequence[PolicySpec]) -> None:
        """Keep a list of policies."""
        ...

    def event(self, event: str, **fields: Any) -> None:
        """Note that something happened, for people who follow a run."""
        ...

    def seconds(self, iteration: int) -> dict[str, float]:
        """How long the phases of an iteration took, from the events that said so."""
        ...


class MemoryStore:
    """Keeps results in memory, and weights and matches in a temporary folder that goes with the store."""

    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="pokenash-psro-")
        self._data: dict[tuple[int, str], dict[str, Any]] = {}
        self._policies: dict[tuple[int, str], list[PolicySpec]] = {}
        self._events: list[dict[str, Any]] = []
        self.log = MatchLog(Path(self._temporary.name) / "matches.jsonl")

    def folder(self, iteration: int) -> Path:
        folder = Path(self._temporary.name) / f"iteration_{iteration}"
        folder.mkdir(exist_ok=True)
        return folder

    def load(self, iteration: int, name: str) -> dict[str, Any] | None:
        return self._data.get((iteration, name))

    def save(self, iteration: int, name: str, data: dict[str, Any]) -> None:
        self._data[iteration, name] = data

    def load_policies(self, iteration: int, name: str) -> list[PolicySpec] | None:
        return self._policies.get((iteration, name))

    def save_policies(self, iteration: int, name: str, policies: Sequence[PolicySpec]) -> None:
        self._policies[iteration, name] = list(policies)

    def event(self, event: str, **fields: Any) -> None:
        self._events.append({"event": event, **fields})

    def seconds(self, iteration: int) -> dict[str, float]:
        return {e["event"]: e["seconds"] for e in self._events if e.get("iteration") == iteration and "seconds" in e}
