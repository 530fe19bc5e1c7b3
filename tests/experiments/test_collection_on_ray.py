"""A collection that a Ray cluster plays: the files of one that was played here, also when a worker is lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.arena.ray_cluster import local_cluster

from pokenash.arena import MatchResult
from pokenash.arena.executors import RayArena
from pokenash.cli import main
from pokenash.experiments.collection import collect
from pokenash.games.showdown import ShowdownGame
from pokenash.metamon.trajectories import TrajectoryName
from pokenash.policies import PolicySpec
from pokenash.policies.mixture import mixture_spec

GAME = ShowdownGame("gen1ou", turn_limit=40)
UNIFORM, POWER = PolicySpec("uniform", "uniform"), PolicySpec("max_power", "max_power")
MIXED = mixture_spec("mixed", [UNIFORM, POWER], [0.5, 0.5])


@pytest.fixture(scope="module", autouse=True)
def ray() -> Iterator[Any]:
    with local_cluster() as ray:
        yield ray


def files(directory: Path) -> dict[Any, bytes]:
    """Every trajectory, byte for byte, by what its name says but for the second in which the collection began."""
    found = {}
    for path in directory.glob("trajectories/*/*"):
        name = TrajectoryName.parse(path.name)
        found[name.battle_id, name.player, name.opponent, name.won] = path.read_bytes()
    return found


def log_of(directory: Path) -> bytes:
    return (directory / "matches" / "matches.jsonl").read_bytes()


class LosesAWorker(RayArena):
    """A cluster of which a worker is killed when so many results have come."""

    def stream(self, *arguments: Any, **options: Any) -> Iterator[MatchResult]:
        for number, result in enumerate(super().stream(*arguments, **options)):
            if number == 9:
                os.kill(self.worker_processes()[0].pid, signal.SIGKILL)
            yield result


def test_trajectories_come_back_from_the_workers_byte_for_byte_though_one_is_killed(tmp_path: Path) -> None:
    """In a directory that was begun on this machine."""
    settings: dict[str, Any] = {"record": "both", "seed": 3}
    for name in ("here", "there"):
        collect(tmp_path / name, GAME, POWER, battles=6, num_lanes=6, **settings)
    here = collect(tmp_path / "here", GAME, POWER, [POWER, MIXED], battles=24, num_lanes=8, **settings)
    with LosesAWorker(GAME, num_workers=2, num_lanes=4, chunk_size=8) as arena:
        there = collect(tmp_path / "there", GAME, POWER, [POWER, MIXED], battles=24, arena=arena, **settings)
        assert arena.num_lost_workers >= 1
    assert (here.new_battles, here.trajectories) == (there.new_battles, there.trajectories) == (42, 96)
    assert files(tmp_path / "there") == files(tmp_path / "here")
    assert log_of(tmp_path / "there") == log_of(tmp_path / "here")
    assert not list((tmp_path / "there").rglob(".writing-*"))


def test_the_command_takes_the_executor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--battles", "4", "--turn-limit", "30", "--lanes", "2", "--workers", "1", "--log-level", "error"]
    for executor in ("local", "ray"):
        assert main(["collect", "max_power", *small, "--executor", executor, "--output", str(tmp_path / executor)]) == 0
        assert "4 new battles" in capsys.readouterr().out
    assert files(tmp_path / "ray") == files(tmp_path / "local")
    assert main(["collect", "max_power", *small, "--address", "auto", "--output", str(tmp_path / "x")]) == 2
    assert "--executor ray" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
