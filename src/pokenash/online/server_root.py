"""The folder that a running Showdown server takes for its own: what it writes lies there, what it runs is linked."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from pokenash.errors import InputError

__all__ = ["OUTPUT_NAME", "READY_NAME", "lock_root", "prepare_root", "server_scripts"]

READY_NAME = "ready.json"
"""Written by the server when it accepts connections: its process id and its port."""
OUTPUT_NAME = "server.log"
"""What the server's processes print."""

_WRITTEN = ("config/avatars", "config/chat-plugins", "config/ladders", "databases", "dist/config", "logs/repl")
_LINKED = (
    "data",
    "databases/migrations",
    "databases/schemas",
    "dist/data",
    "dist/lib",
    "dist/server",
    "dist/sim",
    "dist/tools",
    "dist/translations",
    "package.json",
    "server",
    "translations",
)


def server_scripts() -> Path:
    """The folder of pokenash's own JavaScript for the server."""
    return Path(__file__).resolve().parent / "server_js"


def prepare_root(root: Path, modules: Path, settings: Mapping[str, Any]) -> None:
    """Make or refresh a server's folder; ladders and logs of earlier runs in it stay.

    The server finds its files relative to its own code, which it is made to see through links
    (``--preserve-symlinks``), so any number of servers run from one installation.

    Parameters
    ----------
    root : Path
        The folder.
    modules : Path
        ``node_modules`` of an installation.
    settings : mapping
        What ``server_js/config.js`` expects.
    """
    package = modules / "pokemon-showdown"
    for name in _WRITTEN:
        (root / name).mkdir(parents=True, exist_ok=True)
    _link(root / "node_modules", modules)
    for name in _LINKED:
        _link(root / name, package / name)
    for path in (package / "dist" / "config").glob("*.js"):
        shutil.copyfile(path, root / "dist" / "config" / path.name)
    (root / READY_NAME).unlink(missing_ok=True)
    script = json.dumps(str(server_scripts() / "config.js"))
    told = json.dumps({**settings, "ready": str(root / READY_NAME)})
    text = f"'use strict';\nmodule.exports = require({script})({told});\n"
    (root / "config" / "config.js").write_text(text, encoding="utf-8")


def _link(link: Path, target: Path) -> None:
    """Point a link at a target; an earlier installation's is replaced."""
    if link.is_symlink():
        if Path(os.readlink(link)) == target:
            return
        link.unlink()
    link.symlink_to(target)


def lock_root(root: Path) -> IO[bytes]:
    """Claim a folder for one server, until the file that is returned is closed or the process ends.

    Raises
    ------
    InputError
        If another server runs in it.
    """
    file = (root / ".lock").open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise InputError(f"another server runs in {root}; stop it, or give this one another folder") from None
    return file
