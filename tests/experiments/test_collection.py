"""A collection: files of what was played, in a directory that may be killed, continued and extended."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pokenash.algorithms.match_log import MatchLog
from pokenash.arena import Arena
from pokenash.cli import collect as command
from pokenash.cli import main
from pokenash.errors import InputError, RunDirectoryError
from pokenash.experiments import collection, collection_directory
from pokenash.experiments.collection import collect
from pokenash.experiments.collection_directory import open_collection
from pokenash.experiments.collection_result import CollectionResult
from pokenash.experiments.collection_settings import CollectionSettings
from pokenash.experiments.run_directory import RunDirectory
from pokenash.games.aec import AECGame
from pokenash.games.showdown import ShowdownGame
from pokenash.metamon import dataset_index
from pokenash.metamon.trajectories import TrajectoryName, read_trajectory
from pokenash.policies import PolicySpec
from pokenash.policies.mixture import mixture_spec

UNIFORM = PolicySpec("uniform", "uniform")
POWER = PolicySpec("max_power", "max_power")
MIXED = mixture_spec("mixed", [UNIFORM, POWER], [0.5, 0.5])


# One for all tests, whose battles do not depend on it: the simulators are started once.
ARENA = Arena(ShowdownGame("gen1ou"), num_lanes=6)


@pytest.fixture(scope="module", autouse=True)
def simulators() -> Iterator[None]:
    yield
    ARENA.close()


def run(directory: Path, *opponents: PolicySpec, **changes: Any) -> CollectionResult:
    settings = {"battles": 4, "seed": 3, "arena": ARENA, **changes}
    return collect(directory, ARENA.game, POWER, opponents or None, **settings)  # type: ignore[arg-type]


def contents(directory: Path) -> dict[str, Any]:
    """States, actions and names but for their time, by battle and side."""
    found = {}
    for path in sorted(directory.glob("trajectories/*/*")):
        name = TrajectoryName.parse(path.name)
        trajectory = read_trajectory(path)
        about = name.player, name.opponent, name.won
        found[name.battle_id] = (*about, trajectory.actions.tolist(), [s.to_dict() for s in trajectory.states])
    return found


def log_of(directory: Path) -> bytes:
    return (directory / "matches" / "matches.jsonl").read_bytes()


def test_of_self_play_both_sides_are_there_and_say_the_same_result(tmp_path: Path) -> None:
    result = run(tmp_path, battles=6)
    assert (result.battles, result.trajectories, result.opponents[0].win_rate) == (6, 12, None)
    sides = contents(tmp_path)
    log = {match.episode: match for match in MatchLog(tmp_path / "matches" / "matches.jsonl")}
    assert len({match.seed for match in log.values()}) == 6
    battles = {name[:-3] for name in sides}
    assert len(battles) == 6
    for battle in battles:
        first, second = sides[f"{battle}-p1"], sides[f"{battle}-p2"]
        assert first[:2] == second[:2] == ("max-power", "max-power")
        match = log[int(battle.removeprefix("metamon-gen1ou-")[6:])]
        assert (first[2], second[2]) == (match.returns[0] > 0, match.returns[1] > 0)


def test_of_two_policies_one_side_is_written_or_both(tmp_path: Path) -> None:
    one = run(tmp_path / "one", UNIFORM)
    both = run(tmp_path / "both", UNIFORM, record="both")
    assert (one.trajectories, both.trajectories) == (4, 8)
    assert {row[:2] for row in contents(tmp_path / "one").values()} == {("max-power", "uniform")}
    names = [TrajectoryName.parse(path.name) for path in (tmp_path / "both").glob("trajectories/*/*")]
    assert sorted(name.player for name in names) == ["max-power"] * 4 + ["uniform"] * 4
    # Whoever is written, the same battles are played.
    assert log_of(tmp_path / "one") == log_of(tmp_path / "both")
    rate = one.opponents[0].win_rate
    assert rate is not None
    assert rate.wins == sum(row[2] for row in contents(tmp_path / "one").values())


def test_a_mixture_that_is_recorded_plays_as_it_would_otherwise_and_the_log_says_who_was_drawn(tmp_path: Path) -> None:
    run(tmp_path / "one", MIXED, battles=8)
    result = run(tmp_path / "both", MIXED, battles=8, record="both")
    assert result.trajectories == 16
    assert log_of(tmp_path / "one") == log_of(tmp_path / "both")
    drawn = [member for match in MatchLog(tmp_path / "both" / "matches" / "matches.jsonl") for member in match.members]
    assert {"uniform", "max_power"} <= set(drawn)


def test_lanes_and_workers_do_not_change_what_is_collected(tmp_path: Path) -> None:
    run(tmp_path / "one", battles=6)
    run(tmp_path / "other", battles=6, num_lanes=5, num_workers=2, arena=None)
    assert contents(tmp_path / "one") == contents(tmp_path / "other")
    assert log_of(tmp_path / "one") == log_of(tmp_path / "other")


def _die_after(directory: Path, battles: int) -> None:
    """Collect in blocks of 4 until so many battles have ended, then be killed."""
    write, ended = collection._Collection._write, iter(range(battles))

    def dying(self: Any, *arguments: Any) -> None:
        if next(ended, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        write(self, *arguments)

    collection._BLOCK = 4
    collection._Collection._write = dying  # type: ignore[method-assign]
    run(directory, POWER, UNIFORM, battles=12)


def test_a_collection_that_was_killed_ends_with_the_files_of_an_unbroken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collection, "_BLOCK", 4)
    run(tmp_path / "unbroken", POWER, UNIFORM, battles=12)
    process = multiprocessing.get_context("spawn").Process(target=_die_after, args=(tmp_path / "killed", 19))
    process.start()
    process.join(90)
    assert process.exitcode == -signal.SIGKILL
    folder = tmp_path / "killed" / "trajectories" / "gen1ou"
    logged = {match.episode for match in MatchLog(tmp_path / "killed" / "matches" / "matches.jsonl")}
    assert 12 <= len(logged) < 24
    # A result that a policy without a seed might have had before it was played again, and a torn file.
    lost = next(path for path in folder.iterdir() if int(path.name.split("_")[0].split("-")[2][6:]) not in logged)
    word, other = ("WIN", "LOSS") if "WIN" in lost.name else ("LOSS", "WIN")
    (folder / lost.name.replace(word, other)).write_bytes(lost.read_bytes())
    (folder / ".writing-abc").write_bytes(b"half")
    result = run(tmp_path / "killed", POWER, UNIFORM, battles=12)
    assert result.new_battles == 24 - len(logged)
    assert contents(tmp_path / "killed") == contents(tmp_path / "unbroken")
    assert log_of(tmp_path / "killed") == log_of(tmp_path / "unbroken")
    assert not list(folder.glob(".*"))


@pytest.mark.parametrize("opponents", [(), (UNIFORM,)])
def test_a_collection_that_was_extended_has_the_battles_of_a_large_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opponents: tuple[PolicySpec, ...]
) -> None:
    monkeypatch.setattr(collection, "_BLOCK", 4)
    run(tmp_path / "whole", *opponents, battles=10)
    for battles in (2, 6, 10):
        assert run(tmp_path / "parts", *opponents, battles=battles).battles == battles
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")


def test_a_tie_is_two_files_though_the_players_names_look_alike_in_them(tmp_path: Path) -> None:
    game = ShowdownGame("gen1ou", turn_limit=3)
    first, second = PolicySpec("a_b", "uniform"), PolicySpec("a-b", "uniform")
    result = collect(tmp_path, game, first, [second, first], battles=4, record="both", seed=1, num_lanes=4)
    reasons = {match.reason for match in MatchLog(tmp_path / "matches" / "matches.jsonl")}
    assert reasons == {"turn limit"}
    assert result.trajectories == len(contents(tmp_path)) == 16


def test_a_full_disk_is_one_error_and_the_collection_goes_on_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path / "whole", UNIFORM, battles=6)
    replace, room = Path.replace, iter(range(3))

    def full(self: Path, target: Path) -> Path:
        if target.name.endswith(".lz4") and next(room, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(InputError, match=r"cannot write the trajectory .*: No space left on device"):
            run(tmp_path / "full", UNIFORM, battles=6)
    assert len(contents(tmp_path / "full")) == 3
    assert run(tmp_path / "full", UNIFORM, battles=6).trajectories == 6
    assert contents(tmp_path / "full") == contents(tmp_path / "whole")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunDirectoryError, match="cannot make the run directory"):
        run(tmp_path / "file")


def test_another_policy_of_the_name_is_refused(tmp_path: Path) -> None:
    run(tmp_path, UNIFORM, battles=2)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(RunDirectoryError, match="'uniform' is another policy there"):
        run(tmp_path, PolicySpec("uniform", "max_power"))
    with pytest.raises(RunDirectoryError, match="'max_power' is another policy there"):
        collect(tmp_path, ShowdownGame("gen1ou"), PolicySpec("max_power", "uniform"), battles=2, seed=3)
    with pytest.raises(RunDirectoryError, match="policy differ"):
        collect(tmp_path, ShowdownGame("gen1ou"), UNIFORM, battles=2, seed=3)
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_a_checkpoint_may_be_named_from_here_or_from_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.safetensors").write_bytes(b"")
    directory = RunDirectory(Path("runs/collected"))
    about = {"seed": 1, "record": "policy", "action_space": "DefaultActionSpace"}
    for checkpoint in (tmp_path / "net.safetensors", "net.safetensors", tmp_path / "net.safetensors"):
        policy = PolicySpec("net", "network", checkpoint=str(checkpoint), sha256="0" * 64)
        with directory.locked():
            found = open_collection(directory, ARENA.game.config(), policy, [UNIFORM, policy], about, {"battles": 2})
        # Self-play is told by the opponent that is the policy.
        assert found[1] == [UNIFORM, policy]


def test_a_collection_that_was_killed_before_its_first_battle_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = collection_directory.write_json
    # After the first file of a new one, and between the two of one that is extended.
    for lost in (1, 4):
        room = iter(range(lost))

        def dying(path: Path, data: dict[str, Any], room: Iterator[int] = room) -> None:
            if next(room, None) is None:
                raise KeyboardInterrupt
            written(path, data)

        with monkeypatch.context() as patch:
            patch.setattr(collection_directory, "write_json", dying)
            for opponents in ((POWER,), (POWER, UNIFORM)):
                with suppress(KeyboardInterrupt):
                    run(tmp_path / str(lost), *opponents, battles=2)
        assert run(tmp_path / str(lost), POWER, UNIFORM, battles=2).battles == 4


def test_a_large_collection_is_indexed_when_it_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "INDEXED_FROM", 4)
    monkeypatch.setattr(dataset_index, "_SETTLED_SECONDS", 0.0)
    run(tmp_path, UNIFORM, battles=2)
    assert not list((tmp_path / "trajectories").glob(".*"))
    run(tmp_path, UNIFORM, battles=4)
    monkeypatch.setattr(dataset_index, "_list", None)
    assert len(dataset_index.folder_names(tmp_path / "trajectories", "gen1ou").names) == 4


def test_ctrl_c_is_one_line_and_the_same_collection_goes_on(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = ["collect", "max_power", "--battles", "40", "--output", str(tmp_path / "broken")]
    small = ["--lanes", "4", "--workers", "1", "--log-level", "error"]
    # A process group of its own, of which every process is told, as a terminal does it. What is started in the
    # background, as these tests may be, has interrupts ignored.
    program = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); import pokenash.cli as c; "
    program += "sys.exit(c.main(sys.argv[1:]))"
    process = subprocess.Popen([sys.executable, "-c", program, *arguments, *small], start_new_session=True)
    deadline = time.monotonic() + 60
    while not list((tmp_path / "broken").glob("trajectories/*/*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(60) == 130
    assert capfd.readouterr().err == "pokenash: interrupted; the same command goes on from what was saved\n"
    assert not (tmp_path / "broken" / "collection.json").exists()
    assert run(tmp_path / "broken", battles=40, seed=0).new_battles == 40
    run(tmp_path / "whole", battles=40, seed=0)
    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")
    assert log_of(tmp_path / "broken") == log_of(tmp_path / "whole")


def test_more_battles_and_further_opponents_extend_what_is_there(tmp_path: Path) -> None:
    run(tmp_path)
    before = contents(tmp_path)
    assert run(tmp_path).new_battles == 0
    result = run(tmp_path, UNIFORM, battles=6)
    assert [row.name for row in result.opponents] == ["max_power", "uniform"]
    # Who is not named stays as it is.
    assert (result.new_battles, result.battles, result.trajectories) == (6, 10, 14)
    after = contents(tmp_path)
    assert {name: after[name] for name in before} == before
    told = json.loads((tmp_path / "collection.json").read_text())
    assert (told["battles"], told["trajectories"]) == (10, 14)


def test_what_is_of_something_else_is_refused_and_stays(tmp_path: Path) -> None:
    run(tmp_path / "there", battles=2)
    files = {path: path.read_bytes() for path in (tmp_path / "there").rglob("*") if path.is_file()}
    for changes, message in (({"seed": 4}, "seed differ"), ({"record": "both"}, "record differ")):
        with pytest.raises(RunDirectoryError, match=message):
            run(tmp_path / "there", **changes)
    with pytest.raises(RunDirectoryError, match=r"game\.format"):
        collect(tmp_path / "there", ShowdownGame("gen9ou"), POWER, battles=2, seed=3)
    assert files == {path: path.read_bytes() for path in (tmp_path / "there").rglob("*") if path.is_file()}
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.txt").write_text("mine")
    with pytest.raises(RunDirectoryError, match="not a collection"):
        run(tmp_path / "foreign")
    for changes in ({"battles": 0}, {"record": "none"}):
        with pytest.raises(InputError, match="collect: "):
            run(tmp_path / "new", **changes)
    with pytest.raises(InputError, match="Showdown"):
        collect(tmp_path / "new", AECGame("pettingzoo.classic.rps_v2:env"), UNIFORM)  # type: ignore[arg-type]
    assert not (tmp_path / "new").exists()


def test_the_command_tells_what_there_is_and_saves_its_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["max_power", "--opponents", "self", "uniform", "--output", str(tmp_path), "--battles", "2"]
    command.run([*arguments, "--workers", "1", "--lanes", "2", "--log-level", "error"])
    told = capsys.readouterr().out
    assert "max_power (self-play)  2        4" in told
    assert "4 new battles" in told
    assert "battles/s" in told
    command.run(["--config", str(tmp_path / "settings.toml"), "max_power"])
    assert "all of them were there already" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [["nobody"], ["max_power", "--opponents", "nobody"], ["max_power", "--battles", "0"]])
def test_a_command_that_cannot_be_is_refused_before_anything_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: list[str]
) -> None:
    assert main(["collect", *wrong, "--output", str(tmp_path / "new")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_a_run_directory_gives_its_game_and_its_meta_strategy(tmp_path: Path) -> None:
    from pokenash.policies.populations import save_population

    game, folder = ShowdownGame("gen9ou", turn_limit=4), tmp_path / "run" / "iteration_0"
    folder.mkdir(parents=True)
    save_population([UNIFORM, POWER], folder / "population.json")
    about = {"schema": 1, "game": game.config(), "seed": 1}
    (tmp_path / "run" / "config.json").write_text(json.dumps(about))
    strategy = {"schema": 1, "policies": ["uniform", "max_power"], "probabilities": [0.25, 0.75]}
    (folder / "meta_strategy.json").write_text(json.dumps(strategy))
    settings = CollectionSettings("uniform", (str(tmp_path / "run"),), tmp_path / "out", battles=8, workers=1, lanes=8)
    assert (settings.game().format, settings.game().turn_limit) == ("gen9ou", 4)
    _, (opponent,) = settings.players()
    assert opponent.kind == "mixture"
    assert opponent.parameters["probabilities"] == [0.25, 0.75]
    result = settings.run()
    assert (result.opponents[0].name, result.trajectories) == ("run", 8)
    log = list(MatchLog(tmp_path / "out" / "matches" / "matches.jsonl"))
    drawn = [match.members[match.policies.index("run")] for match in log]
    assert set(drawn) <= {"uniform", "max_power"}
    assert {path.parent.name for path in (tmp_path / "out").glob("trajectories/*/*")} == {"gen9ou"}
