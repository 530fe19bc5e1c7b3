"""A real Pokémon Showdown server on this machine: started, watched and ended."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import json
import logging
import os
import socket
import subprocess
import tempfile
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import IO, Self

from pokenash.errors import InputError, SimulatorError
from pokenash.games.showdown.node import node_environment, node_executable
from pokenash.online.battle_timer import BattleTimer
from pokenash.online.process_group import end_group
from pokenash.online.server_install import install_server
from pokenash.online.server_root import OUTPUT_NAME, READY_NAME, lock_root, prepare_root, server_scripts

__all__ = ["ShowdownServer"]

_log = logging.getLogger(__name__)

_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.05


class ShowdownServer:
    """A Showdown server for local play, run from the npm package; a context manager that starts and stops it.

    It listens on one address, 127.0.0.1 unless told otherwise, and opens no connections itself. Any name is taken
    without a password and there are no throttles, so whoever can reach it can play as anybody: that is for one's own
    machine. It ends with the Python process, however that one ends.

    Parameters
    ----------
    port : int
        0 takes a free one, which later restarts keep.
    address : str
        IP address to listen on. Others than loopback make it reachable for others, see above.
    cache : path-like, optional
        Where the server is installed; see `pokenash.online.install_server`.
    folder : path-like, optional
        Where it keeps its local ladders and logs; by default a temporary folder that goes when it is stopped.
    timer : BattleTimer, optional
        Times of every battle instead of those of its format.
    force_timer : bool
        Whether the timer runs in every battle, not only where a player turns it on.
    log_battles : bool
        Whether every battle is written below ``logs/`` of `folder` when it ends.
    simulators : int
        Processes that simulate battles.
    start_seconds : float
        How long it may take to accept connections.

    Raises
    ------
    InputError
        If the address or a number is not one.
    """

    def __init__(
        self,
        port: int = 0,
        address: str = "127.0.0.1",
        *,
        cache: str | Path | None = None,
        folder: str | Path | None = None,
        timer: BattleTimer | None = None,
        force_timer: bool = False,
        log_battles: bool = False,
        simulators: int = 1,
        start_seconds: float = _START_SECONDS,
    ) -> None:
        if not 0 <= port <= 65535:
            raise InputError(f"port is {port}, expected 0 (any free one) to 65535")
        if simulators < 1:
            raise InputError(f"simulators is {simulators}, expected at least 1")
        self._address = _parsed(address)
        self._port = port
        self._cache, self._folder = cache, folder
        self._timer = timer
        self._settings = {"force_timer": force_timer, "log_battles": log_battles, "simulators": simulators}
        self._start_seconds = start_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._finalizer: Callable[[], object] | None = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._claim: IO[bytes] | None = None
        self._root: Path | None = None

    @property
    def address(self) -> str:
        """The address that it listens on."""
        return str(self._address)

    @property
    def port(self) -> int:
        """The port that it listens on; 0 before the first start if a free one is to be taken."""
        return self._port

    @property
    def _host(self) -> str:
        """An address where clients on this machine reach it, as URLs write it."""
        reached = self._address
        if reached.is_unspecified:
            reached = ipaddress.ip_address("127.0.0.1" if reached.version == 4 else "::1")
        return f"[{reached}]" if reached.version == 6 else str(reached)

    @property
    def url(self) -> str:
        """Where clients on this machine connect, ``ws://127.0.0.1:PORT/showdown/websocket``."""
        return f"ws://{self._host}:{self._port}/showdown/websocket"

    @property
    def running(self) -> bool:
        """Whether its main process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """Process id of its main process, which is its process group's too; None while it does not run."""
        return self._process.pid if self._process is not None and self.running else None

    @property
    def folder(self) -> Path | None:
        """Where its ladders and logs lie, and ``server.log``; None before the first start."""
        return self._root

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> Self:
        """Start it and wait until it accepts connections; installs it the first time.

        Raises
        ------
        InputError
            If it runs already, or the port is taken.
        SimulatorError
            If it cannot be installed or does not start; the message ends with what it printed.
        """
        if self.running:
            raise InputError(f"this server runs already, on {self.url}")
        modules = install_server(self._cache)
        self._check_free()
        root = self._prepare(modules)
        self._launch(root)
        try:
            self._await_ready(root)
        except BaseException:
            self.kill()
            raise
        if not self._address.is_loopback:
            _log.warning(
                "this server listens on %s: whoever reaches this machine can play on it under any name and read every "
                "battle and message",
                self._address,
            )
        return self

    def _check_free(self) -> None:
        """Refuse a port that is taken, or an address that is not this machine's, before anything is started."""
        family = socket.AF_INET if self._address.version == 4 else socket.AF_INET6
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # As Node does it: what is left of closed connections does not hold the port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.address, self._port))
                probe.listen(1)
            except OSError as error:
                raise self._cannot_listen(error.errno, error.strerror or str(error)) from error

    def _cannot_listen(self, number: int | None, why: str) -> InputError:
        if number == errno.EADDRINUSE:
            return InputError(
                f"port {self._port} of {self._address} is in use by another program; choose another port, or 0 for any "
                "free one"
            )
        if number == errno.EADDRNOTAVAIL:
            return InputError(f"{self._address} is not an address of this machine; expected one of its own")
        return InputError(f"cannot listen on port {self._port} of {self._address}: {why}")

    def _prepare(self, modules: Path) -> Path:
        """The server's folder, ready to be run from and claimed."""
        if self._root is None:
            if self._folder is None:
                self._scratch = tempfile.TemporaryDirectory(prefix="pokenash-server-")
                self._root = Path(self._scratch.name).resolve()
            else:
                self._root = Path(self._folder).resolve()
                self._root.mkdir(parents=True, exist_ok=True)
        if self._claim is None:
            self._claim = lock_root(self._root)
        timer = None if self._timer is None else self._timer.settings()
        settings = {**self._settings, "address": self.address, "port": self._port, "timer": timer}
        prepare_root(self._root, modules, settings)
        return self._root

    def _launch(self, root: Path) -> None:
        guard = server_scripts() / "guard.js"
        links = ["--preserve-symlinks", "--preserve-symlinks-main"]
        command = [str(node_executable()), "--no-warnings", *links, "--require", str(guard), "dist/server/index.js"]
        told = {"POKENASH_SERVER_PARENT": str(os.getpid())}
        if self._scratch is not None:
            told["POKENASH_SERVER_TEMPORARY"] = str(root)
        with (root / OUTPUT_NAME).open("wb") as output:
            self._process = subprocess.Popen(
                command,
                cwd=root,
                env=node_environment() | told,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A process group of its own: it ends as a whole, and Ctrl-C in a terminal reaches only Python.
                start_new_session=True,
            )
        self._finalizer = weakref.finalize(self, end_group, self._process)

    def _await_ready(self, root: Path) -> None:
        assert self._process is not None
        deadline = time.monotonic() + self._start_seconds
        while True:
            with contextlib.suppress(FileNotFoundError):
                self._port = int(json.loads((root / READY_NAME).read_text("utf-8"))["port"])
                return
            said = self._tail(root)
            if "EADDRINUSE" in said:
                raise self._cannot_listen(errno.EADDRINUSE, "")
            if self._process.poll() is not None:
                status = self._process.returncode
                raise SimulatorError(
                    f"the Showdown server ended with status {status} while starting; it printed: {said}"
                )
            if time.monotonic() > deadline:
                raise SimulatorError(
                    f"the Showdown server did not accept connections within {self._start_seconds:g} s; it printed: "
                    f"{said}"
                )
            time.sleep(_POLL_SECONDS)

    def _tail(self, root: Path) -> str:
        with (root / OUTPUT_NAME).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4000))
            lines = file.read().decode(errors="replace").splitlines()
        return "\n".join(line for line in lines if line.strip())[-2000:] or "nothing"

    def output(self) -> str:
        """The last of what it printed."""
        return "nothing" if self._root is None else self._tail(self._root)

    def stop(self) -> None:
        """End it, wait until all of its processes are gone, and remove its folder if that is temporary.

        May be called more than once. Battles that are being played are lost, as by `kill`.
        """
        process = self._process
        if process is not None and process.poll() is None:
            # Its children end with it.
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_SECONDS)
        self.kill()
        if self._claim is not None:
            self._claim.close()
            self._claim = None
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = self._root = None

    def kill(self) -> None:
        """End all of its processes at once, as a crash would, and wait until they are gone. Its folder stays."""
        if self._finalizer is not None:
            self._finalizer()
            self._finalizer = None

    def restart(self) -> Self:
        """End it if it runs, and start it again on the same port and with the same folder."""
        self.kill()
        return self.start()


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    if address == "localhost":
        return ipaddress.ip_address("127.0.0.1")
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        raise InputError(
            f"address is {address!r}, expected an IP address of this machine, such as 127.0.0.1 or 0.0.0.0 for all"
        ) from None
