"""`pokenash doctor` sees what is missing, says how to get it, and neither fetches nor imports what is heavy."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import pokenash
from pokenash.cli.doctor import run
from pokenash.cli.installed_packages import DEVELOPMENT, PURPOSES
from pokenash.games.showdown import node
from pokenash.metamon.vocabularies import VOCABULARIES

ROOT = Path(__file__).parents[1]


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """What the doctor says as JSON, here in this process, whatever the exit code."""
    with contextlib.suppress(SystemExit):
        run(["--json", *arguments])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def named(findings: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Findings by their name."""
    return {one["name"]: one for one in findings}


def install(folder: Path, name: str, version: str, *lines: str) -> None:
    """Make a folder look as though pip had installed a package there."""
    place = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    place.mkdir(parents=True)
    head = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    (place / "METADATA").write_text("\n".join([*head, *lines]) + "\n")


def doctor(folder: Path, *arguments: str, code: str = "") -> subprocess.CompletedProcess[str]:
    """The doctor in an interpreter of its own which looks for packages in `folder` first."""
    path = os.pathsep.join([str(folder), str(Path(pokenash.__file__).parents[1])])
    script = f"import sys; from pokenash.cli.doctor import run; run(sys.argv[1:]); {code}"
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_machine_that_plays_is_healthy_and_every_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    run([])
    out = capsys.readouterr().out
    for word in (pokenash.__version__, node.simulator_version(), "torch", "open-spiel", str(node.node_executable())):
        assert word in out
    assert out.endswith("Everything that is needed is there and works.\n")


def test_json_and_text_tell_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys)
    run([])
    text = capsys.readouterr().out
    assert found["schema"] == 1
    assert found["healthy"]
    for one in [*found["parts"], *found["packages"], *found["features"]]:
        assert any(line.startswith(one["name"]) and one["found"] in line for line in text.splitlines())


def test_neither_torch_nor_open_spiel_is_imported(tmp_path: Path) -> None:
    code = "print(sorted({'torch', 'pyspiel', 'matplotlib', 'tyro'} & set(sys.modules)), file=sys.stderr)"
    done = doctor(tmp_path, code=code)
    assert (done.returncode, done.stderr) == (0, "[]\n")


def test_nothing_is_connected_to(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert told(capsys)["healthy"]


def test_without_node_the_exit_code_is_1_and_the_way_out_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POKENASH_NODE", "/no/such/node")
    with pytest.raises(SystemExit) as end:
        run([])
    out = capsys.readouterr().out
    assert end.value.code == 1
    assert "'/no/such/node', which is not an executable file; install it with `pip install" in out
    assert out.endswith("Missing or broken, and needed: Node, simulator.\n")
    assert "POKENASH_NODE  /no/such/node" in out


def test_a_simulator_without_its_files_is_broken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(node, "script_directory", lambda: tmp_path)
    found = told(capsys)
    assert not found["healthy"]
    assert "the simulator's files are missing" in named(found["parts"])["simulator"]["found"]


def test_a_simulator_of_another_lock_is_broken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "node_modules").symlink_to(node.script_directory() / "node_modules")
    (tmp_path / "simulator-lock.json").write_text("{}")
    monkeypatch.setattr(node, "script_directory", lambda: tmp_path)
    assert "not the one that simulator-lock.json names" in named(told(capsys)["parts"])["simulator"]["found"]


def test_packages_that_are_missing_or_too_old_are_told_from_those_of_extras(tmp_path: Path) -> None:
    install(tmp_path, "tqdm", "0.1")
    install(tmp_path, "sometimes", "3.0")
    requires = [
        "tqdm>=4.66",
        "nowhere-to-be-found>=2",
        "only-on-mars>=1; sys_platform == 'mars'",
        "sometimes>=2; extra == 'half'",
        "never>=1; extra == 'half'",
        "sometimes>=2; extra == 'whole'",
        "never>=1; sys_platform == 'mars' and extra == 'martian'",
        "pokenash[whole]; extra == 'outer'",
        "never; extra == 'dev'",
    ]
    extras = ["half", "whole", "martian", "outer", "dev"]
    lines = [*(f"Provides-Extra: {one}" for one in extras), *(f"Requires-Dist: {one}" for one in requires)]
    install(tmp_path, "pokenash", pokenash.__version__, *lines)
    done = doctor(tmp_path, "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 1
    assert {(one["name"], one["state"], one["found"], one["remedy"]) for one in found["packages"]} == {
        ("tqdm", "broken", "0.1 (expected >=4.66)", "pip install 'tqdm>=4.66'"),
        ("nowhere-to-be-found", "broken", "missing (expected >=2)", "pip install 'nowhere-to-be-found>=2'"),
    }
    features = named(found["features"])
    assert features["half"]["state"] == "absent"
    assert features["half"]["found"] == "sometimes 3.0, never missing (expected >=1)"
    assert features["half"]["remedy"] == "pip install 'pokenash[half]'"
    assert (features["whole"]["state"], features["outer"]["state"]) == ("ok", "ok")
    assert features["martian"]["found"] == "not made for this system"
    assert "dev" not in features


def test_every_feature_is_told_also_those_that_came_after_the_installation(tmp_path: Path) -> None:
    install(tmp_path, "trackio", "0.3")
    lines = ["Provides-Extra: wandb", "Requires-Dist: never>=1; extra == 'wandb'"]
    install(tmp_path, "pokenash", pokenash.__version__, *lines)
    features = named(json.loads(doctor(tmp_path, "--json").stdout)["features"])
    assert set(PURPOSES) <= set(features)
    assert features["wandb"]["found"] == "never missing (expected >=1)"
    late = features["trackio"]
    assert (late["state"], late["remedy"]) == ("absent", "pip install 'pokenash[trackio]'")
    assert late["found"] == "pokenash was installed before it had this extra; install it again"


def test_an_installation_of_another_version_is_broken(tmp_path: Path) -> None:
    install(tmp_path, "pokenash", "0.0.1")
    done = doctor(tmp_path)
    assert done.returncode == 1
    assert "installed as 0.0.1; install it again" in done.stdout


def test_what_is_optional_may_be_absent(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("POKENASH_SERVER", str(tmp_path))
    found = told(capsys)
    server = named(found["features"])["Showdown server"]
    assert found["healthy"]
    assert server["state"] == "absent"
    assert server["remedy"].startswith("pokenash server --install-only")
    assert list(tmp_path.iterdir()) == []


def test_metamons_vocabularies_are_told_and_changed_ones_are_broken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("POKENASH_VOCABULARIES", str(tmp_path))
    absent = named(told(capsys)["features"])["vocabularies"]
    assert (absent["state"], absent["found"]) == ("absent", f"none in {tmp_path}")
    assert absent["remedy"] == "pokenash metamon fetch-vocabulary allreplays-v3"
    (tmp_path / "allreplaysv3.json").write_text("{}")
    diagnosis = told(capsys)
    changed = named(diagnosis["features"])["vocabularies"]
    assert changed["state"] == "broken"
    assert f"{tmp_path / 'allreplaysv3.json'} is not allreplays-v3 as published" in changed["found"]
    # No battle needs one.
    assert diagnosis["healthy"]
    known = replace(VOCABULARIES["allreplays-v3"], sha256=hashlib.sha256(b"{}").hexdigest())
    monkeypatch.setitem(VOCABULARIES, "allreplays-v3", known)
    found = named(told(capsys)["features"])["vocabularies"]
    assert (found["state"], found["found"]) == ("ok", f"allreplays-v3 in {tmp_path}")


def test_the_accelerator_is_what_torch_says(capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    found = named(told(capsys, "--accelerator")["features"])["accelerator"]
    assert (found["state"] == "ok") == (torch.cuda.is_available() or torch.backends.mps.is_available())
    assert torch.__version__ in found["found"] or found["state"] == "ok"


def test_an_accelerator_that_fails_when_it_is_asked_is_broken_and_not_needed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    def fail(index: int) -> None:
        raise RuntimeError("CUDA error: out of memory\nCompile with TORCH_USE_CUDA_DSA")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_properties", fail)
    found = told(capsys, "--accelerator")
    one = named(found["features"])["accelerator"]
    assert (one["state"], one["found"]) == ("broken", "CUDA error: out of memory Compile with TORCH_USE_CUDA_DSA")
    assert found["healthy"]


def test_accounts_are_not_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POKENASH_USERNAME", "somebody-xyz")
    monkeypatch.setenv("POKENASH_PASSWORD", "secret-xyz")
    monkeypatch.setenv("POKENASH_SALT", "salt-xyz")
    assert "xyz" not in json.dumps(told(capsys))


def test_every_extra_has_its_purpose() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert set(project["optional-dependencies"]) - DEVELOPMENT == set(PURPOSES)
