"""Installing the Showdown server: whole or not at all, and only what is pinned."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pokenash.errors import SimulatorError
from pokenash.games.showdown.node import script_directory, simulator_version
from pokenash.online import install_server
from pokenash.online.server_install import installed_server, server_directory
from pokenash.online.server_root import server_scripts

NAME = "pokemon-showdown"


def _archive() -> bytes:
    """A package of two files, as npm packs it."""
    data = io.BytesIO()
    files = {"package.json": json.dumps({"name": NAME, "version": "0.0.1"}), "index.js": "module.exports = 1;\n"}
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return data.getvalue()


class _Registry(ThreadingHTTPServer):
    """An npm registry with one small package."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.archive = _archive()
        self.fetched = 0
        self.asked = threading.Event()
        self.answers = threading.Event()
        self.answers.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def lock(self, folder: Path, archive: bytes) -> Path:
        """A lock that asks for the package and pins it to an archive."""
        integrity = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
        root = {"name": "server", "dependencies": {NAME: "0.0.1"}}
        package = {"version": "0.0.1", "resolved": f"{self.url}{NAME}-0.0.1.tgz", "integrity": integrity}
        packages = {"": root, f"node_modules/{NAME}": package}
        lock = {"name": "server", "lockfileVersion": 3, "requires": True, "packages": packages}
        folder.mkdir()
        (folder / "package.json").write_text(json.dumps(root))
        (folder / "package-lock.json").write_text(json.dumps(lock))
        return folder


class _Answers(BaseHTTPRequestHandler):
    server: _Registry

    def do_GET(self) -> None:
        if not self.path.endswith(".tgz"):
            self.send_error(404)
            return
        self.server.asked.set()
        self.server.answers.wait(60)
        self.server.fetched += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.archive)))
        self.end_headers()
        self.wfile.write(self.server.archive)

    def log_message(self, *_: object) -> None:
        """Nothing: tests are quiet."""


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Registry]:
    with _Registry() as registry:
        thread = threading.Thread(target=registry.serve_forever)
        thread.start()
        monkeypatch.setenv("npm_config_registry", registry.url)
        # npm's own cache would answer for the registry.
        monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
        monkeypatch.setenv("npm_config_fetch_retries", "0")
        yield registry
        registry.answers.set()
        registry.shutdown()
        thread.join()


def _left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_server_is_pinned_to_the_simulators_very_package() -> None:
    lock = json.loads((server_scripts() / "lock" / "package-lock.json").read_text("utf-8"))
    packages = {name: package for name, package in lock["packages"].items() if name}
    simulator = json.loads((script_directory() / "simulator-lock.json").read_text("utf-8"))["packages"]
    for name in (NAME, "ts-chacha20"):
        ours = packages[f"node_modules/{name}"]
        assert (ours["version"], ours["integrity"]) == (simulator[name]["version"], simulator[name]["integrity"])
    assert packages[f"node_modules/{NAME}"]["version"] == simulator_version()
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    # Neither a mirror of ours nor one of npm's: the user's registry is asked.
    assert not any("resolved" in package for package in packages.values())


def test_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POKENASH_SERVER", "/somewhere/else")
    assert server_directory() == Path("/somewhere/else")
    monkeypatch.delenv("POKENASH_SERVER")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert server_directory() == Path("/caches/pokenash/server")


def test_server_is_installed_once(tmp_path: Path, registry: _Registry) -> None:
    lock = registry.lock(tmp_path / "lock", registry.archive)
    cache = tmp_path / "cache"
    modules = install_server(cache, lock=lock)
    assert (modules / NAME / "index.js").read_text() == "module.exports = 1;\n"
    assert install_server(cache, lock=lock) == modules
    assert registry.fetched == 1
    assert _left(cache) == [".lock", f"{NAME}-0.0.1"]


def test_another_package_than_the_pinned_one_is_refused(tmp_path: Path, registry: _Registry) -> None:
    lock = registry.lock(tmp_path / "lock", b"what was pinned")
    with pytest.raises(SimulatorError, match="something else than what is pinned"):
        install_server(tmp_path / "cache", lock=lock)
    assert _left(tmp_path / "cache") == [".lock"]


def test_registry_that_does_not_answer_is_told(
    tmp_path: Path, registry: _Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = registry.lock(tmp_path / "lock", registry.archive)
    text = (lock / "package-lock.json").read_text().replace(registry.url, "http://127.0.0.1:9/")
    (lock / "package-lock.json").write_text(text)
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    with pytest.raises(SimulatorError, match="Is the npm registry reachable"):
        install_server(tmp_path / "cache", lock=lock)
    assert _left(tmp_path / "cache") == [".lock"]


@pytest.mark.parametrize("damage", ["removed file", "cut file", "added file", "no stamp", "torn stamp"])
def test_damaged_installation_is_repaired(tmp_path: Path, registry: _Registry, damage: str) -> None:
    lock = registry.lock(tmp_path / "lock", registry.archive)
    cache = tmp_path / "cache"
    modules = install_server(cache, lock=lock)
    stamp = modules.parent / "pokenash.json"
    if damage == "removed file":
        (modules / NAME / "index.js").unlink()
    elif damage == "cut file":
        (modules / NAME / "index.js").write_text("module.exp")
    elif damage == "added file":
        (modules / NAME / "more.js").write_text("")
    elif damage == "no stamp":
        stamp.unlink()
    else:
        stamp.write_bytes(stamp.read_bytes()[:50])
    assert install_server(cache, lock=lock) == modules
    assert (modules / NAME / "index.js").read_text() == "module.exports = 1;\n"
    assert not (modules / NAME / "more.js").exists()
    assert _left(cache) == [".lock", f"{NAME}-0.0.1"]


def _installing(cache: Path, lock: Path) -> subprocess.Popen[str]:
    code = f"from pokenash.online import install_server; print(install_server({str(cache)!r}, lock={str(lock)!r}))"
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True)


def test_several_processes_install_it_once(tmp_path: Path, registry: _Registry) -> None:
    lock = registry.lock(tmp_path / "lock", registry.archive)
    registry.answers.clear()
    processes = [_installing(tmp_path / "cache", lock) for _ in range(3)]
    assert registry.asked.wait(60)
    registry.answers.set()
    said = {process.communicate(timeout=60)[0].strip() for process in processes}
    assert said == {str(tmp_path / "cache" / f"{NAME}-0.0.1" / "node_modules")}
    assert registry.fetched == 1


def test_killed_installation_leaves_nothing_that_is_used(tmp_path: Path, registry: _Registry) -> None:
    lock = registry.lock(tmp_path / "lock", registry.archive)
    registry.answers.clear()
    process = _installing(tmp_path / "cache", lock)
    assert registry.asked.wait(60)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    (leftover,) = (tmp_path / "cache").glob(".install-*")
    assert not (tmp_path / "cache" / f"{NAME}-0.0.1").exists()
    registry.answers.set()
    # The dead process's lock was given back: this one does not wait for it.
    install_server(tmp_path / "cache", lock=lock)
    assert not leftover.exists()


def test_empty_cache_holds_no_server(tmp_path: Path) -> None:
    assert installed_server(tmp_path) is None
