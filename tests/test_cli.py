"""What a person meets at the command line: results, or one sentence and exit code 2."""

from __future__ import annotations

import importlib
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.experiments.rock_paper_scissors import play_run

from pokenash.cli import main


def _refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that must be refused; the sentence."""
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert "Traceback" not in err + out
    (line,) = err.strip().splitlines()
    return line


def test_version_and_help_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("pokenash 0.")
    assert main(["--help"]) == 0
    assert "psro" in capsys.readouterr().out
    assert main([]) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--format", "gen1oo"], "gen1oo"),
        (["--format", "gen9vgc2024regg"], "gen9vgc2024regg"),
        (["--population"], "at least one policy"),
        (["--population", "nobody"], "'nobody' is unknown"),
        (["--population", "metamon"], "'metamon' is unknown"),
        (["--population", "metamon:Nobody"], "no published metamon model is called 'Nobody'"),
        (["--population", "uniform", "uniform"], "uniform"),
        (["--population", "poke_env:Nobody"], "Nobody"),
        (["--population", "gone.safetensors"], "gone.safetensors"),
        (["--population", "gone.json"], "gone.json"),
        (["--iterations", "-1"], "-1"),
        (["--battles-per-matchup", "-4"], "-4"),
        (["--updates", "-4"], "updates"),
        (["--collection-battles", "0"], "collection_battles"),
        (["--workers", "0"], "num_workers"),
        (["--lanes", "-2"], "num_lanes"),
        (["--meta-solver", "guess"], "guess"),
        (["--teams", "no/such/teams"], "no/such/teams"),
        (["--initial-checkpoint", "gone.safetensors"], "gone.safetensors"),
        (["--preset", "huge"], "huge"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    line = _refusal(capsys, "psro", "--output", str(tmp_path / "run"), *arguments)
    assert words in line
    assert not (tmp_path / "run").exists()


def test_unreadable_checkpoint_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = tmp_path / "weights.safetensors"
    checkpoint.write_bytes(b"not weights")
    line = _refusal(capsys, "psro", "--output", str(tmp_path / "run"), "--population", str(checkpoint))
    assert "weights" in line


def test_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert "'trian'" in _refusal(capsys, "trian")


@pytest.mark.parametrize(
    ("command", "goes_on"), [("psro", True), ("evaluate", True), ("teams", False), ("play", False)]
)
def test_an_interrupted_command_promises_to_go_on_only_where_it_does(
    command: str, goes_on: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(arguments: Sequence[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(importlib.import_module(f"pokenash.cli.{command}"), "run", interrupted)
    assert main([command]) == 130
    assert ("goes on from what was saved" in capsys.readouterr().err) == goes_on


def test_wrong_option_exits_with_2() -> None:
    with pytest.raises(SystemExit) as error:
        main(["psro", "--iterations", "many"])
    assert error.value.code == 2


def test_report_command_makes_the_report_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    play_run(tmp_path / "run", iterations=1)
    assert main(["report", str(tmp_path / "run")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "run" / "report.html")
    assert (tmp_path / "run" / "report.html").exists()


def test_report_of_nothing_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is not a directory" in _refusal(capsys, "report", str(tmp_path / "gone"))


def test_full_disk_is_one_sentence(tmp_path: Path) -> None:
    """No file may grow: what a full disk does to every write."""
    play_run(tmp_path / "run", iterations=1)

    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    command = [sys.executable, "-m", "pokenash.cli", "report", str(tmp_path / "run")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "MPLCONFIGDIR": str(tmp_path)}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    done = subprocess.run(command, capture_output=True, text=True, env=environment, preexec_fn=no_room, check=False)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "report.html" in done.stderr or "figures" in done.stderr


@pytest.mark.parametrize("module", ["pokenash", "pokenash.cli"])
def test_python_runs_the_commands_as_a_module(module: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "src")}
    command = [sys.executable, "-m", module, "--version"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout.split()[0]) == (0, "pokenash"), done.stderr


def test_metamons_models_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metamon", "models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line.split() for line in lines[2:]}
    assert rows["SyntheticRLV2"][1:3] == ["synthetic-rl-v2", "48"]
    assert rows["Minikazam"][-1] == "AggressiveShapedReward"


def test_a_vocabulary_that_cannot_be_had_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "allreplays-v3" in _refusal(capsys, "metamon", "fetch-vocabulary", "all-replays")
    mirror = tmp_path / "mirror.json"
    mirror.write_text('{"word": 0}')
    arguments = ["allreplays-v3", "--directory", str(tmp_path / "here"), "--url", mirror.as_uri()]
    assert main(["metamon", "fetch-vocabulary", *arguments]) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith("pokenash: error: ")
    assert mirror.as_uri() in line
    assert not (tmp_path / "here" / "allreplaysv3.json").exists()
