"""Trajectory files: names that metamon takes, whole files or none, and nothing damaged goes unnoticed."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pokenash.errors import InputError
from pokenash.metamon import BattleView, UniversalState, read_trajectory, write_trajectory
from pokenash.metamon.trajectories import TrajectoryName, file_safe

lz4 = pytest.importorskip("lz4.frame")

NAME = TrajectoryName("metamon-gen1ou-1174567041", "Unrated", "Ann", "Ben", datetime(2026, 11, 21, 17, 5, 9), True)


@pytest.fixture
def states(opening: list[str], request_line: Callable[..., str]) -> list[UniversalState]:
    view = BattleView(0, "gen1ou")
    found = []
    view.feed([*opening, request_line()])
    found.append(view.state())
    view.feed(["|move|p1a: Starmie|Surf|p2a: Snorlax", "|-damage|p2a: Snorlax|60/100", "|turn|2", request_line()])
    found.append(view.state())
    view.feed(["|-damage|p2a: Snorlax|0 fnt", "|faint|p2a: Snorlax", "|win|Ann"])
    found.append(view.state())
    return found


def test_a_recorded_file_is_read_and_written_again_as_it_was(parity: Path, tmp_path: Path) -> None:
    paths = sorted((parity / "trajectories").glob("*/*.json.lz4"))
    assert paths
    for path in paths:
        trajectory = read_trajectory(path)
        name = TrajectoryName.parse(path.name)
        written = write_trajectory(tmp_path, name, trajectory.states, trajectory.actions.tolist())
        assert written.relative_to(tmp_path) == path.relative_to(parity / "trajectories")
        assert _content(written) == _content(path)


def test_a_trajectory_goes_to_disk_and_back(states: list[UniversalState], tmp_path: Path) -> None:
    path = write_trajectory(tmp_path, NAME, states, [2, -1])
    assert path == tmp_path / "gen1ou" / (
        "metamon-gen1ou-1174567041_Unrated_Ann_vs_Ben_11-21-2026-17:05:09_WIN.json.lz4"
    )
    assert _content(path)["actions"] == [2, -1, -1]
    trajectory = read_trajectory(path)
    assert trajectory.states == tuple(states)
    assert trajectory.actions.tolist() == [2, -1]
    assert len(trajectory) == 2
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_name_goes_to_text_and_back() -> None:
    assert TrajectoryName.parse(NAME.file_name()) == NAME
    assert len(NAME.file_name().split("_")) == 7


@pytest.mark.parametrize("bad", ["Team_Rocket", "", "a/b", "a\\b"])
@pytest.mark.parametrize("part", ["battle_id", "rating", "player", "opponent"])
def test_a_name_that_metamon_would_skip_is_refused(part: str, bad: str) -> None:
    values = {name: getattr(NAME, name) for name in ("battle_id", "rating", "player", "opponent", "time", "won")}
    with pytest.raises(InputError, match=part):
        TrajectoryName(**{**values, part: bad})


@given(st.text())
def test_any_name_can_be_made_safe(name: str) -> None:
    safe = file_safe(name)
    made = TrajectoryName("b", "Unrated", safe, safe, NAME.time, False)
    assert TrajectoryName.parse(made.file_name()) == made
    assert file_safe(safe) == safe


@pytest.mark.parametrize(
    ("file_name", "message"),
    [
        ("readme.txt", "ends with"),
        ("b_Unrated_Ann_vs_Ben_11-21-2026-17:05:09.json.lz4", "has 6"),
        ("b_Unrated_Team_Rocket_vs_Ben_11-21-2026-17:05:09_WIN.json.lz4", "has 8"),
        ("b_Unrated_Ann_and_Ben_11-21-2026-17:05:09_WIN.json.lz4", "expected"),
        ("b_Unrated_Ann_vs_Ben_11-21-2026-17:05:09_TIE.json.lz4", "expected"),
        ("b_Unrated_Ann_vs_Ben_21-11-2026_WIN.json.lz4", "no time"),
    ],
)
def test_a_misnamed_file_says_what_is_wrong(file_name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        TrajectoryName.parse(file_name)


@pytest.mark.parametrize("actions", [[0], [0, 1, 2], [0, 13], [0, -2]])
def test_what_is_no_trajectory_is_not_written(actions: list[int], states: list[UniversalState], tmp_path: Path) -> None:
    with pytest.raises(InputError):
        write_trajectory(tmp_path, NAME, states, actions)
    assert not list(tmp_path.rglob("*.lz4"))


def test_a_failed_write_leaves_nothing(
    states: list[UniversalState], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(InputError, match=r"cannot write the trajectory .*_WIN\.json\.lz4: No space left on device"):
        write_trajectory(tmp_path, NAME, states, [0, 1])
    assert not list((tmp_path / "gen1ou").iterdir())


def test_damaged_files_are_named(states: list[UniversalState], tmp_path: Path) -> None:
    whole = write_trajectory(tmp_path, NAME, states, [0, 1]).read_bytes()
    content = json.loads(lz4.decompress(whole))
    broken = {
        "truncated": whole[:-40],
        "no-lz4": b"hello",
        "empty": b"",
        "no-json": lz4.compress(b"{"),
        "a-list": lz4.compress(b"[]"),
        "no-actions": _packed({"states": content["states"]}),
        "one-short": _packed({**content, "actions": content["actions"][1:]}),
        "text-action": _packed({**content, "actions": ["0", "1", -1]}),
        "no-steps": _packed({"states": content["states"][:1], "actions": [-1]}),
        "bad-state": _packed({**content, "states": [content["states"][0], {}, content["states"][2]]}),
        "odd-action": _packed({**content, "actions": [0, 99, -1]}),
    }
    for name, data in broken.items():
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(InputError, match=name):
            read_trajectory(path)
    with pytest.raises(InputError, match="nowhere"):
        read_trajectory(tmp_path / "nowhere")


def _packed(content: dict[str, Any]) -> bytes:
    data: bytes = lz4.compress(json.dumps(content).encode())
    return data


def _content(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(lz4.decompress(path.read_bytes()))
    return content
