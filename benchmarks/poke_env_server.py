"""The other side of the comparison: poke-env players on a real Showdown server over loopback."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from poke_env import AccountConfiguration, ServerConfiguration
from poke_env.player import RandomPlayer
from poke_env.teambuilder import Teambuilder

from pokenash.games.showdown.node import node_environment, node_executable, simulator_version

_START_SECONDS = 60


def install_server(directory: Path) -> Path:
    """The server's folder below a directory; fetched with npm if it is not there.

    Needs the network the first time. Native modules are left out: battles on a local server need none.
    """
    package = directory / "node_modules" / "pokemon-showdown"
    if not package.exists():
        npm = shutil.which("npm")
        if npm is None:
            raise SystemExit("npm was not found on the PATH, and the Showdown server is installed with it")
        directory.mkdir(parents=True, exist_ok=True)
        wanted = f"pokemon-showdown@{simulator_version()}"
        subprocess.run(
            [npm, "install", "--prefix", directory, wanted, "--omit=optional", "--ignore-scripts", "--no-save"],
            check=True,
        )
    # What the package needs before it serves without a build.
    config = (package / "config" / "config-example.js").read_text(encoding="utf-8")
    config = config.replace("exports.bindaddress = '0.0.0.0';", "exports.bindaddress = '127.0.0.1';")
    (package / "config" / "config.js").write_text(config, encoding="utf-8")
    (package / "logs" / "repl").mkdir(parents=True, exist_ok=True)
    return package


class Server:
    """A Showdown server on a free port of this machine, for the duration of a ``with`` block.

    Parameters
    ----------
    directory : Path
        Where it is installed, or will be.
    """

    def __init__(self, directory: Path) -> None:
        self._package = install_server(directory)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.configuration = ServerConfiguration(
            f"ws://127.0.0.1:{self.port}/showdown/websocket", "https://play.pokemonshowdown.com/action.php?"
        )

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [node_executable(), "pokemon-showdown", "start", "--no-security", "--skip-build", str(self.port)],
            cwd=self._package,
            env=node_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    self.__exit__()
                    raise SystemExit("the Showdown server did not start") from None
                time.sleep(0.2)

    def __exit__(self, *error: object) -> None:
        # The server's processes are a group of their own.
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()


class RandomTeam(Teambuilder):
    """Draws a team of a set for every battle."""

    def __init__(self, teams: Sequence[str], seed: int) -> None:
        self._teams = teams
        self._rng = np.random.default_rng(seed)

    def yield_team(self) -> str:
        return self._teams[int(self._rng.integers(len(self._teams)))]


def battles_per_second(
    server: Server, format: str, teams: Sequence[str], concurrency: int, seconds: float, seed: int
) -> float:
    """Battles per second of two `RandomPlayer`s against each other, over at least so many seconds."""
    players = [
        RandomPlayer(
            AccountConfiguration(f"Bench {concurrency} {seed} {side}", None),
            battle_format=format,
            max_concurrent_battles=concurrency,
            server_configuration=server.configuration,
            team=RandomTeam(teams, 2 * seed + side),
            log_level=40,
        )
        for side in range(2)
    ]

    async def play() -> float:
        # The first battles load the simulator and warm up both sides.
        await players[0].battle_against(players[1], n_battles=max(10, concurrency))
        played = 0
        start = time.perf_counter()
        while time.perf_counter() - start < seconds:
            await players[0].battle_against(players[1], n_battles=2 * concurrency + 8)
            played += 2 * concurrency + 8
            for player in players:
                player.reset_battles()
        elapsed = time.perf_counter() - start
        for player in players:
            await player.ps_client.stop_listening()
        return played / elapsed

    return asyncio.run(play())
