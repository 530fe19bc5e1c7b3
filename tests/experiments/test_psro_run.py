"""PSRO on disk: the files, going on, and what is refused."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.experiments.rock_paper_scissors import ExactOracle, always

from pokenash.algorithms import EmpiricalGame
from pokenash.errors import InputError, RunDirectoryError
from pokenash.experiments import read_json, run_psro
from pokenash.experiments.run_directory import RunDirectory, write_bytes, write_json
from pokenash.games.aec import AECGame
from pokenash.policies import PolicySpec
from pokenash.policies.network import save_network_policy
from pokenash.policies.network_settings import MLPSettings
from pokenash.policies.networks import build_network

SETTINGS: dict[str, Any] = {"iterations": 2, "battles_per_matchup": 10, "evaluation_battles": 20, "seed": 3}


@pytest.fixture(scope="module")
def game() -> AECGame:
    return AECGame("pettingzoo.classic.rps_v2:env", max_cycles=1)


def play(directory: Path, game: AECGame, **changes: Any) -> Any:
    population = changes.pop("population", [always(0)])
    return run_psro(directory, game, population, changes.pop("oracle", ExactOracle()), **{**SETTINGS, **changes})


@pytest.fixture
def run(tmp_path: Path, game: AECGame) -> Path:
    play(tmp_path / "run", game)
    return tmp_path / "run"


def contents(directory: Path, *, timed: bool = True) -> dict[str, bytes]:
    """Every file; without those that tell times if so wanted."""
    files = {str(p.relative_to(directory)): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}
    if not timed:
        files = {k: v for k, v in files.items() if not k.endswith(("log.jsonl", "iteration_summary.json"))}
    return files


def test_a_run_leaves_the_files_that_tools_know(run: Path) -> None:
    steps = {"population", "interaction_matrix", "meta_strategy", "meta_game_analysis"}
    assert {p.name for p in run.iterdir()} == {
        "config.json", "psro_summary.json", "log.jsonl", "matches", "iteration_0", "iteration_1", "iteration_2",
    }  # fmt: skip
    for k in (0, 1):
        assert {p.stem for p in (run / f"iteration_{k}").glob("*.json")} == steps | {
            "best_response",
            "iteration_summary",
        }
    assert {p.stem for p in (run / "iteration_2").iterdir()} == steps
    for path in run.rglob("*.json"):
        assert read_json(path)["schema"] == 1
    config = read_json(run / "config.json")
    assert config["seed"] == 3
    assert config["game"]["env"] == "pettingzoo.classic.rps_v2:env"
    assert {"versions", "machine", "settings"} <= set(config)
    assert read_json(run / "psro_summary.json")["status"] == "finished"
    matrix = read_json(run / "iteration_2" / "interaction_matrix.json")
    counted = EmpiricalGame.from_log(run / "matches" / "matches.jsonl", matrix["policies"], prefix="tournament/")
    np.testing.assert_array_equal(matrix["counts"], counted.counts)
    assert matrix["win_rate"][0][1] == 0.0
    strategy = read_json(run / "iteration_2" / "meta_strategy.json")
    np.testing.assert_allclose(strategy["probabilities"], 1 / 3, atol=1e-6)
    summary = read_json(run / "iteration_1" / "iteration_summary.json")
    assert set(summary["seconds"]) == {"tournament", "meta-strategy", "training", "evaluation"}
    assert summary["battles_per_second"] > 0


def test_a_finished_run_is_left_as_it_is(run: Path, game: AECGame) -> None:
    before = contents(run)
    result = play(run, game)
    after = contents(run)
    log = "log.jsonl"
    assert {k: v for k, v in after.items() if k != log} == {k: v for k, v in before.items() if k != log}
    assert after[log].startswith(before[log])
    assert [spec.name for spec in result.population] == ["rock", "br_0", "br_1"]


def test_more_iterations_extend_a_run_to_what_a_long_one_gives(run: Path, game: AECGame, tmp_path: Path) -> None:
    play(run, game, iterations=3, num_lanes=5)
    play(tmp_path / "long", game, iterations=3)
    extended, long = contents(run, timed=False), contents(tmp_path / "long", timed=False)
    del extended["config.json"], long["config.json"]
    assert extended == long
    assert read_json(run / "config.json")["settings"]["iterations"] == 3


@pytest.mark.parametrize("moment", range(14))
def test_a_run_that_ends_between_any_two_writes_goes_on_as_if_unbroken(
    run: Path, game: AECGame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    writes = 0

    def stop_at(path: Path, data: bytes) -> None:
        nonlocal writes
        if writes == moment:
            # What a process that is killed while it writes leaves behind.
            path.with_name(path.name + ".tmp").write_bytes(data[: len(data) // 2])
            raise KeyboardInterrupt
        writes += 1
        write_bytes(path, data)

    with monkeypatch.context() as patch:
        patch.setattr("pokenash.experiments.run_directory.write_bytes", stop_at)
        with pytest.raises(KeyboardInterrupt):
            play(tmp_path / "broken", game)
    play(tmp_path / "broken", game)
    broken, unbroken = contents(tmp_path / "broken", timed=False), contents(run, timed=False)
    assert broken == unbroken


def expect_refusal(run: Path, game: AECGame, words: str, **changes: Any) -> None:
    before = contents(run)
    folders = sorted(run.rglob("*"))
    with pytest.raises(RunDirectoryError, match=words):
        play(run, game, **changes)
    assert contents(run) == before
    assert sorted(run.rglob("*")) == folders


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": 4}, r"config\.json.*seed \(3 there, 4 asked for\)"),
        ({"battles_per_matchup": 12, "meta_solver": "uniform"}, r"battles_per_matchup.*meta_solver"),
        ({"iterations": 1}, r"iterations \(2 there, 1 asked for\)"),
        ({"population": [always(1)]}, "population"),
    ],
)
def test_other_settings_are_refused_by_name(run: Path, game: AECGame, changes: dict[str, Any], words: str) -> None:
    expect_refusal(run, game, words, **changes)


def test_another_oracle_or_game_is_refused(run: Path, game: AECGame) -> None:
    class OtherOracle(ExactOracle):
        def config(self) -> dict[str, Any]:
            return {"oracle": "exact", "depth": 2}

    expect_refusal(run, game, r"settings\.oracle\.depth \(absent there, 2 asked for\)", oracle=OtherOracle())
    other = AECGame("pettingzoo.classic.rps_v2:env", max_cycles=2)
    expect_refusal(run, other, r"game\.kwargs\.max_cycles")


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def change_schema(path: Path) -> None:
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 7'))


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("damage", [truncate, change_schema, remove], ids=lambda f: f.__name__)
@pytest.mark.parametrize(
    "file",
    [
        "config.json",
        "iteration_0/population.json",
        "iteration_0/interaction_matrix.json",
        "iteration_1/meta_strategy.json",
        "iteration_1/meta_game_analysis.json",
        "iteration_1/best_response.json",
        "iteration_0/iteration_summary.json",
        "iteration_2/population.json",
    ],
)
def test_a_damaged_file_is_named_and_nothing_is_changed(
    run: Path, game: AECGame, file: str, damage: Callable[[Path], None]
) -> None:
    damage(run / file)
    expect_refusal(run, game, file.replace(".", r"\."))


def test_files_that_contradict_one_another_are_refused(run: Path, game: AECGame) -> None:
    log = run / "matches" / "matches.jsonl"
    whole = log.read_bytes()
    lines = whole.splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:10]) + b"{}\n" + b"".join(lines[11:]))
    expect_refusal(run, game, r"matches\.jsonl, line 11")
    log.write_bytes(b"".join(line for line in lines if b'"tournament/rock/br_1/0"' not in line))
    expect_refusal(run, game, r"iteration_2/interaction_matrix\.json does not agree")
    log.write_bytes(whole)
    path = run / "iteration_1" / "meta_strategy.json"
    text = path.read_text()
    path.write_text(text.replace('"probabilities": [', '"probabilities": [0.5,'))
    expect_refusal(run, game, r"iteration_1/meta_strategy\.json")
    path.write_text(text.replace("rock", "well"))
    expect_refusal(run, game, r"iteration_1/meta_strategy\.json.*well")
    path.write_text(text)
    population = read_json(run / "iteration_1" / "population.json")
    write_json(run / "iteration_1" / "population.json", {**population, "policies": population["policies"][::-1]})
    expect_refusal(run, game, r"iteration_1/population\.json")


def test_a_changed_checkpoint_is_refused(tmp_path: Path, game: AECGame) -> None:
    path = tmp_path / "net.safetensors"
    spec = save_network_policy("net", build_network(game, MLPSettings((4,)), seed=1), path)
    play(tmp_path / "run", game, population=[spec, always(0)], iterations=0)
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(RunDirectoryError, match=r"iteration_0/population\.json.*net\.safetensors.*SHA-256"):
        play(tmp_path / "run", game, population=[spec, always(0)], iterations=0)


def test_weights_that_are_not_whole_are_refused(run: Path, game: AECGame) -> None:
    """Of a training that was under way, whose files no population names yet."""
    state = run / "iteration_1" / "br_training" / "br_1" / "training_state.safetensors"
    save_network_policy("net", build_network(game, MLPSettings((4,)), seed=1), state)
    play(run, game)
    state.write_bytes(state.read_bytes()[:-1])
    expect_refusal(run, game, r"iteration_1/br_training/br_1/training_state\.safetensors is damaged")


def test_a_run_may_be_moved(tmp_path: Path, game: AECGame) -> None:
    path = tmp_path / "here" / "weights" / "net.safetensors"
    spec = save_network_policy("net", build_network(game, MLPSettings((4,)), seed=1), path)
    play(tmp_path / "here" / "run", game, population=[spec, always(0)], iterations=1)
    (tmp_path / "here").rename(tmp_path / "there")
    moved = PolicySpec(spec.name, spec.kind, {}, str(tmp_path / "there" / "weights" / "net.safetensors"), spec.sha256)
    play(tmp_path / "there" / "run", game, population=[moved, always(0)], iterations=1)


def test_foreign_directories_are_refused(tmp_path: Path, game: AECGame) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    expect_refusal(tmp_path, game, r"no config\.json")
    write_json(tmp_path / "config.json", {"schema": 1, "kind": "nfsp"})
    expect_refusal(tmp_path, game, r"config\.json is not the config of a PSRO run")
    with pytest.raises(RunDirectoryError, match=r"notes\.txt is not a directory"):
        play(tmp_path / "notes.txt", game)


def test_an_empty_directory_is_taken(tmp_path: Path, game: AECGame) -> None:
    play(tmp_path, game, iterations=0)
    assert read_json(tmp_path / "psro_summary.json")["status"] == "finished"


def test_two_processes_do_not_share_a_directory(run: Path, game: AECGame) -> None:
    handle = os.open(run, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        expect_refusal(run, game, "another process")
    finally:
        os.close(handle)
    play(run, game)


def test_a_directory_that_cannot_be_written_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunDirectoryError, match="cannot write"):
        write_bytes(tmp_path / "file" / "data.json", b"{}")
    with pytest.raises(RunDirectoryError, match=r"cannot read .*none\.json"):
        read_json(tmp_path / "none.json")
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(InputError, match="expected a JSON object"):
        read_json(tmp_path / "list.json")


def test_the_log_tells_how_long_phases_took(run: Path) -> None:
    directory = RunDirectory(run)
    with (run / "log.jsonl").open("a") as file:
        file.write('{"event": "torn, "seconds"')
    assert directory.seconds(0) == read_json(run / "iteration_0" / "iteration_summary.json")["seconds"]
    events = [json.loads(line)["event"] for line in (run / "log.jsonl").read_text().splitlines()[:-1]]
    assert events[0] == "started"
    assert events[-1] == "finished"
