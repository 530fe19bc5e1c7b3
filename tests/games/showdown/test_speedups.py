"""The simulator with speed-ups does exactly what the untouched one does."""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pokenash.games.showdown.node import node_environment, node_executable, script_directory
from pokenash.games.showdown.teams import default_teams

DRIVER = Path(__file__).parents[3] / "benchmarks" / "js" / "equivalence.js"
GENERATIONS = range(1, 10)

Battle = Mapping[str, Any]


def jobs() -> list[dict[str, Any]]:
    """At least 24 battles a generation: legal ones, ones of anything whatever, ones that are saved and loaded."""
    teams = default_teams("gen1ou")
    assert teams is not None
    found: list[dict[str, Any]] = [{"format": "gen1ou", "teams": list(teams), "battles": 10}]
    for generation in GENERATIONS:
        found += [
            {"format": f"gen{generation}randombattle", "teams": "generated", "battles": 8},
            {"format": f"gen{generation}ou", "teams": "wild", "battles": 8},
            {"format": f"gen{generation}customgame", "teams": "wild", "battles": 6},
            {"format": f"gen{generation}randombattle", "teams": "generated", "battles": 2, "first": 8, "reload": 9},
        ]
    return [{"first": 0, "reload": 0, **job} for job in found]


def start(speedups: bool) -> subprocess.Popen[str]:
    """Begin to play the battles, with or without the speed-ups."""
    process = subprocess.Popen(
        [node_executable(), DRIVER, script_directory()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=node_environment(),
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps({"speedups": speedups, "seed": 20, "jobs": jobs()}))
    process.stdin.close()
    return process


def finish(process: subprocess.Popen[str]) -> dict[int, list[Battle]]:
    """The battles that were played, by generation."""
    assert process.stdout is not None
    battles = defaultdict(list)
    with process:
        for line in process.stdout:
            battle = json.loads(line)
            battles[int(battle["format"][3])].append(battle)
    assert process.returncode == 0
    return battles


@pytest.fixture(scope="module")
def played() -> tuple[dict[int, list[Battle]], dict[int, list[Battle]]]:
    """All battles, by the untouched simulator and by the one with speed-ups, each in a process of its own."""
    processes = start(False), start(True)
    return finish(processes[0]), finish(processes[1])


@pytest.mark.parametrize("generation", GENERATIONS)
def test_logs_requests_refusals_and_generator_are_identical(
    played: tuple[dict[int, list[Battle]], dict[int, list[Battle]]], generation: int
) -> None:
    untouched, with_speedups = (battles[generation] for battles in played)
    assert with_speedups == untouched
    assert len(untouched) >= 24
    # Nothing would be proven by battles that broke off at once, or by a checksum that does not see what was played.
    assert not [battle for battle in untouched if "error" in battle]
    assert sum(battle["updates"] for battle in untouched) > 25 * len(untouched)
    assert len({battle["checksum"] for battle in untouched}) == len(untouched)


def evaluate(code: str) -> subprocess.CompletedProcess[str]:
    """Run JavaScript with the simulator as `sim` and the speed-ups as `speedups`."""
    folder = json.dumps(str(script_directory()) + "/")
    head = f"'use strict'; const load = require('module').createRequire({folder});"
    head += "const sim = load('pokemon-showdown'); const speedups = load('./speedups');"
    return subprocess.run(
        [node_executable(), "-e", head + code], capture_output=True, text=True, timeout=60, env=node_environment()
    )


def test_another_version_of_the_simulator_is_refused_and_left_alone() -> None:
    done = evaluate(
        "const before = sim.Battle.prototype.runEvent;"
        "try { speedups.install(sim, '0.11.12'); } catch (error) { console.log(error.message); }"
        "console.log(sim.Battle.prototype.runEvent === before);"
    )
    message, untouched = done.stdout.splitlines()
    assert "0.11.11" in message
    assert "0.11.12" in message
    assert untouched == "true"


def test_installing_twice_is_installing_once() -> None:
    done = evaluate(
        "const seen = () => [sim.Battle.prototype.runEvent, sim.Battle.prototype.findEventHandlers];"
        "const untouched = seen(); speedups.install(sim); const once = seen(); speedups.install(sim);"
        "console.log(once.every((f, i) => f !== untouched[i]), once.every((f, i) => f === seen()[i]));"
    )
    assert done.stdout.split() == ["true", "true"]


def test_an_overlooked_write_to_a_shared_part_of_a_move_throws() -> None:
    done = evaluate(
        "speedups.install(sim); const move = sim.Dex.forGen(9).getActiveMove('thunderbolt');"
        "move.flags.contact = 1; move.secondaries[0].chance = 100;"
        "const next = sim.Dex.forGen(9).getActiveMove('thunderbolt');"
        "console.log(next.flags.contact, next.secondaries[0].chance);"
        "try { move.zMove.basePower = 1; } catch (error) { console.log(error.name); }"
    )
    assert done.stdout.split() == ["undefined", "10", "TypeError"]
