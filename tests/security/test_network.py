"""Who can reach what: our servers listen on this machine only, and the processes that run battles reach nothing."""

from __future__ import annotations

import inspect
import os
import shutil
import socket
from pathlib import Path

import pytest
from tests.showdown_server import needs_server

from pokenash.games.showdown import ShowdownGame, node
from pokenash.games.showdown.following import Follower
from pokenash.online import ShowdownServer

_ATTEMPTS = {
    "require net": "require('net').connect(9, '127.0.0.1')",
    "require a server": "require('http').createServer().listen(0)",
    "another require": "require('module').createRequire(__filename)('net').connect(9)",
    "the loader": "module.constructor._load('net').connect(9)",
    "built-in module": "process.getBuiltinModule('net').connect(9)",
    "binding": "process.binding('tcp_wrap')",
    "fetch": "fetch('http://127.0.0.1:9/')",
    "websocket": "new WebSocket('ws://127.0.0.1:9/')",
    "import net": "return import('node:net').then((net) => net.connect(9, '127.0.0.1'))",
    "import a server": "return import('node:net').then((net) => net.createServer().listen(0, '127.0.0.1'))",
    "import http": "return import('node:http').then((http) => http.get('http://127.0.0.1:9/'))",
    "import https": "return import('node:https').then((https) => https.get('https://127.0.0.1:9/'))",
    "import http2": "return import('node:http2').then((http2) => http2.connect('http://127.0.0.1:9'))",
    "import tls": "return import('node:tls').then((tls) => tls.connect(9))",
    "import dgram": "return import('node:dgram').then((dgram) => dgram.createSocket('udp4').bind(0))",
    "import dns": "return import('node:dns').then((dns) => dns.lookup('localhost', () => {}))",
    "import a resolver": "return import('node:dns').then((dns) => new dns.Resolver().resolve4('localhost', () => {}))",
    "import promises of dns": "return import('node:dns/promises').then((dns) => dns.lookup('localhost'))",
    "inspector": "return import('node:inspector').then((inspector) => inspector.open(0))",
    "a thread": "return inThread({eval: true})",
    "a thread of its own": "return inThread({eval: true, execArgv: [], env: {}})",
}
_SCRIPT = """
const fs = require('fs');
function inThread(options) {
  const {Worker} = require('worker_threads');
  const port = `require('worker_threads').parentPort`;
  const code = `require('net').createServer().listen(0, () => ${port}.postMessage('listens'))`;
  return new Promise((resolve, reject) => {
    const worker = new Worker(code, options);
    worker.on('message', resolve);
    worker.on('error', reject);
  });
}
const attempts = {ATTEMPTS};
(async () => {
  const said = {};
  for (const [name, attempt] of Object.entries(attempts)) {
    try {
      await attempt();
      said[name] = 'done';
    } catch (error) {
      said[name] = error.code || error.name;
    }
  }
  fs.writeSync(1, JSON.stringify(said));
  process.exit(0);
})();
"""


def _listening(pid: int) -> list[str]:
    """Local addresses of a process's listening and bound sockets, as the kernel writes them."""
    owned = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = descriptor.readlink().as_posix()
        except OSError:
            continue
        if target.startswith("socket:["):
            owned.add(target[8:-1])
    found = []
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in owned:
                found.append(f"{table} {fields[1]}")
    return found


def test_a_worker_reaches_no_network_by_any_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "js"
    folder.mkdir()
    shutil.copy(node.script_directory() / "sandbox.js", folder)
    shutil.copytree(node.script_directory() / "node_modules", folder / "node_modules")
    attempts = ", ".join(f"{name!r}: async () => {{ {code}; }}" for name, code in _ATTEMPTS.items())
    (folder / "tries.js").write_text(_SCRIPT.replace("ATTEMPTS", attempts))
    monkeypatch.setattr(node, "script_directory", lambda: folder)
    said = node.run_tool("tries.js", None)
    allowed = {name: what for name, what in said.items() if what not in ("ERR_ACCESS_DENIED", "ReferenceError")}
    assert not allowed
    assert set(said) == set(_ATTEMPTS)


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs the process table of Linux")
def test_no_worker_has_a_socket() -> None:
    game = ShowdownGame("gen1ou")
    with game.vector(2, 1) as vector, Follower(game, 1) as follower:
        assert follower.worker_pid is not None
        for pid in (*vector.worker_pids, follower.worker_pid):
            assert _listening(pid) == []


def test_the_server_is_on_loopback_unless_told_otherwise() -> None:
    assert inspect.signature(ShowdownServer).parameters["address"].default == "127.0.0.1"


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs the process table of Linux")
def test_every_process_of_the_server_listens_on_loopback_alone() -> None:
    needs_server()
    with ShowdownServer() as server:
        listening = [entry for pid in _descendants() for entry in _listening(pid)]
        assert listening
        # 127.0.0.1 in the kernel's byte order.
        assert all(entry.startswith("tcp 0100007F:") for entry in listening), listening
        with socket.socket() as outside:
            outside.settimeout(2)
            assert outside.connect_ex((_own_address(), server.port)) != 0


def _descendants() -> list[int]:
    """Processes below this one."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
    family = {os.getpid()}
    while grown := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= grown
    return sorted(family - {os.getpid()})


def _own_address() -> str:
    """An address of this machine that is not loopback; loopback's second address where there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            address: str = probe.getsockname()[0]
        except OSError:
            return "127.0.0.2"
    return address if not address.startswith("127.") else "127.0.0.2"
