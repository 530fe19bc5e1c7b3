"""What the tests of metamon's parts share: the recorded data, where it is there, and a small battle of our own."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

# A checkout beside the data finds it there; elsewhere POKENASH_PARITY names it, or the tests that need it are skipped.
_PARITY = Path(os.environ.get("POKENASH_PARITY") or Path(__file__).parents[3] / "shared" / "parity")
_MISSING = f"needs the recorded data of the real system: {_PARITY} is not there (POKENASH_PARITY names another place)"


@pytest.fixture(scope="session")
def parity() -> Path:
    """The folder of the recorded data; the test is skipped where it is missing."""
    if not (_PARITY / "README.md").exists():
        pytest.skip(_MISSING)
    return _PARITY


@dataclass(frozen=True)
class RecordedSide:
    """What one player of a recorded battle was told and what the real system made of it."""

    format_id: str
    player: int
    records: list[dict[str, Any]]

    @property
    def states(self) -> list[dict[str, Any]]:
        """The records that hold a state: all but team preview."""
        return [record for record in self.records if record["type"] != "teampreview"]


_BATTLES = [
    pytest.param(path, id=path.name.split(".")[0]) for path in sorted((_PARITY / "states").glob("*.jsonl.gz"))
] or [pytest.param(None, marks=pytest.mark.skip(_MISSING))]


# Of the session's scope, so that pytest runs all tests of a battle together and it is read once.
@pytest.fixture(scope="session", params=_BATTLES)
def recorded_battle(request: pytest.FixtureRequest) -> list[RecordedSide]:
    """Both sides of a recorded battle, of every one in turn."""
    with gzip.open(request.param, "rt", encoding="utf-8") as file:
        header, *records = map(json.loads, file)
    return [
        RecordedSide(header["format"], player, [r for r in records if r["player"] == f"p{player + 1}"])
        for player in (0, 1)
    ]


@pytest.fixture(scope="session")
def fed_lines() -> Callable[[dict[str, Any]], list[str]]:
    """What a view is fed with for a record: its lines and its request."""

    def lines(record: dict[str, Any]) -> list[str]:
        request = [f"|request|{record['request']}"] if record["request"] else []
        return [*record["messages"], *request]

    return lines


@pytest.fixture(scope="session")
def request_line() -> Callable[..., str]:
    """Makes a request line of p1 with Starmie, Tauros and Chansey; keyword arguments are fields of ``active``."""

    def make(
        moves: tuple[str, ...] = ("surf", "thunderbolt", "blizzard", "recover"),
        *,
        active: str = "Starmie",
        conditions: dict[str, str] | None = None,
        force: bool = False,
        disabled: tuple[str, ...] = (),
        **fields: Any,
    ) -> str:
        known = {
            "Starmie": ["surf", "thunderbolt", "blizzard", "recover"],
            "Tauros": ["bodyslam", "hyperbeam", "earthquake", "blizzard"],
            "Chansey": ["softboiled", "icebeam"],
        }
        side = [
            {
                "ident": f"p1: {name}",
                "details": name,
                "condition": (conditions or {}).get(name, "300/300"),
                "active": name == active,
                "moves": known[name],
                "baseAbility": "noability",
                "item": "",
            }
            for name in known
        ]
        offered = [{"move": move, "id": move, "disabled": move in disabled} for move in moves]
        content: dict[str, Any] = {"side": {"name": "Ann", "id": "p1", "pokemon": side}}
        content |= {"forceSwitch": [True]} if force else {"active": [{"moves": offered, **fields}]}
        return f"|request|{json.dumps(content)}"

    return make


@pytest.fixture(scope="session")
def opening() -> list[str]:
    """The first lines of a generation-1 battle: Starmie against Snorlax."""
    return [
        "|player|p1|Ann||",
        "|player|p2|Ben||",
        "|gen|1",
        "|start",
        "|switch|p1a: Starmie|Starmie|300/300",
        "|switch|p2a: Snorlax|Snorlax, L90|100/100",
        "|turn|1",
    ]
