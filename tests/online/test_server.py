"""The server's life on this machine: where it listens, how it starts and ends, and what it never does."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.showdown_server import fresh_name, needs_server
from websockets.sync.client import ClientConnection, connect

from pokenash.cli import main
from pokenash.errors import InputError, SimulatorError
from pokenash.games.showdown.node import node_executable
from pokenash.online import BattleTimer, ShowdownServer, install_server
from pokenash.online.process_group import group_lives
from pokenash.online.server_install import installed_server
from pokenash.online.server_root import server_scripts

_SECONDS = 60


@pytest.fixture(autouse=True)
def _server_can_be_had() -> None:
    needs_server()


@pytest.fixture
def server() -> Iterator[ShowdownServer]:
    with ShowdownServer() as server:
        yield server


def _until(what: Callable[[], bool]) -> None:
    """Wait for what must happen."""
    deadline = time.monotonic() + _SECONDS
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _read_until(client: ClientConnection, words: str) -> str:
    """Messages up to the first one that holds the words."""
    said = ""
    while words not in said:
        said += str(client.recv(timeout=_SECONDS)) + "\n"
    return said


def _log_in(client: ClientConnection, name: str) -> None:
    _read_until(client, "|challstr|")
    client.send(f"|/trn {name},0,")
    _read_until(client, f"|updateuser| {name}|1|")


def _members(group: int) -> list[int]:
    """Process ids of a group's members that are alive."""
    members = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == group and fields[0] != "Z":
                members.append(int(entry))
    return members


def _listening(processes: list[int]) -> set[tuple[str, int]]:
    """Addresses and ports that processes listen on, TCP of both versions, from what the kernel says."""
    sockets = set()
    for process in processes:
        for descriptor in Path(f"/proc/{process}/fd").iterdir():
            try:
                sockets.add(os.readlink(descriptor))
            except OSError:
                continue
    found = set()
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                address, port = fields[1].split(":")
                words = [bytes.fromhex(address[i : i + 8])[::-1] for i in range(0, len(address), 8)]
                found.add((socket.inet_ntop(family, b"".join(words)), int(port, 16)))
    return found


def _other_addresses() -> list[str]:
    """Addresses of this machine besides loopback."""
    said = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=False).stdout
    return [address for address in said.split() if "." in address]


def test_only_loopback_is_listened_on(showdown_server: ShowdownServer) -> None:
    assert showdown_server.pid is not None
    assert _listening(_members(showdown_server.pid)) == {("127.0.0.1", showdown_server.port)}
    for address in _other_addresses():
        with pytest.raises(OSError), socket.create_connection((address, showdown_server.port), timeout=5):
            pass


@pytest.mark.skipif(not _other_addresses(), reason="this machine has no address but loopback")
def test_other_addresses_are_listened_on_when_asked_for_and_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    with ShowdownServer(address="0.0.0.0") as server:
        assert server.url.startswith("ws://127.0.0.1:")
        socket.create_connection((_other_addresses()[0], server.port), timeout=_SECONDS).close()
    assert "whoever reaches this machine can play on it under any name" in caplog.text


def test_any_name_is_taken_without_a_password(showdown_server: ShowdownServer) -> None:
    with connect(showdown_server.url) as client:
        _log_in(client, "Any Name")


def test_browsers_get_the_page_that_leads_to_the_client(showdown_server: ShowdownServer) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{showdown_server.port}/", timeout=_SECONDS) as page:
        assert b"psim.us" in page.read()


def test_nobody_gets_a_console(showdown_server: ShowdownServer) -> None:
    with connect(showdown_server.url) as client:
        _log_in(client, "Mallory")
        client.send("|/join lobby")
        _read_until(client, "You joined Lobby")
        for command in (">> process.pid", ">>> process.pid", "/eval process.pid", "/bash id", "/hotpatch all"):
            client.send(f"lobby|{command}")
            assert "Requires console access" in _read_until(client, "|error|")


def test_stopped_server_leaves_no_process_and_no_folder() -> None:
    server = ShowdownServer().start()
    group, folder = server.pid, server.folder
    assert group is not None
    assert folder is not None
    assert len(_members(group)) > 1
    server.stop()
    assert not server.running
    assert _members(group) == []
    assert not folder.exists()
    server.stop()


def test_killed_server_leaves_no_process_and_restarts_on_its_port(server: ShowdownServer) -> None:
    group, port = server.pid, server.port
    assert group is not None
    with connect(server.url) as client:
        _log_in(client, "Somebody")
        server.kill()
        assert not server.running
        assert _members(group) == []
        with pytest.raises(OSError):
            connect(server.url, open_timeout=5).close()
    server.restart()
    assert server.running
    assert server.port == port
    with connect(server.url) as client:
        _log_in(client, "Somebody")


def test_server_ends_with_a_parent_that_was_killed() -> None:
    start = "from pokenash.online import ShowdownServer; s = ShowdownServer().start()"
    code = f"{start}; print(s.pid, s.folder, flush=True); input()"
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert parent.stdout is not None
    told, folder = parent.stdout.readline().split()
    group = int(told)
    assert _members(group)
    assert Path(folder).exists()
    parent.kill()
    parent.communicate()
    _until(lambda: not group_lives(group))
    assert _members(group) == []
    assert not Path(folder).exists()
    assert installed_server() is not None


def test_server_that_nobody_stopped_ends_with_python() -> None:
    code = "from pokenash.online import ShowdownServer; s = ShowdownServer().start(); print(s.pid)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert _members(int(done.stdout)) == []


def test_two_servers_run_side_by_side(showdown_server: ShowdownServer) -> None:
    with ShowdownServer() as other, connect(showdown_server.url) as one, connect(other.url) as two:
        assert other.port != showdown_server.port
        # Were it one server, the second would not get the name.
        _log_in(one, "Same Name")
        _log_in(two, "Same Name")


def test_taken_port_is_one_clear_error(showdown_server: ShowdownServer) -> None:
    second = ShowdownServer(showdown_server.port)
    with pytest.raises(
        InputError, match=rf"^port {showdown_server.port} of 127\.0\.0\.1 is in use by another program; choose"
    ):
        second.start()
    assert not second.running
    assert showdown_server.running


def test_folder_of_a_running_server_is_not_shared(tmp_path: Path) -> None:
    with (
        ShowdownServer(folder=tmp_path / "mine"),
        pytest.raises(InputError, match="another server runs in"),
    ):
        ShowdownServer(folder=tmp_path / "mine").start()
    with ShowdownServer(folder=tmp_path / "mine") as server:
        assert server.running
    assert (tmp_path / "mine" / "server.log").exists()


def test_running_server_is_not_started_again(showdown_server: ShowdownServer) -> None:
    with pytest.raises(InputError, match="runs already"):
        showdown_server.start()


def test_installation_is_not_written_to(showdown_server: ShowdownServer) -> None:
    with connect(showdown_server.url) as client:
        _log_in(client, "Reader")
    assert installed_server() == install_server()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"port": 70000}, "port is 70000"),
        ({"address": "example.org"}, "address is 'example.org'"),
        ({"simulators": 0}, "simulators is 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        ShowdownServer(**arguments)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="starting is 1"):
        BattleTimer(starting=1)


def test_address_of_another_machine_is_refused() -> None:
    # Set apart for documentation (RFC 5737): nobody has it.
    with pytest.raises(InputError, match=r"203\.0\.113\.7 is not an address of this machine"):
        ShowdownServer(address="203.0.113.7").start()


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("throw new Error('broken on purpose');", "broken on purpose"),
        ("console.log('still thinking'); setInterval(() => {}, 1000);", "within 1 s.*\n*.*still thinking"),
    ],
)
def test_server_that_does_not_start_is_told_with_what_it_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, words: str
) -> None:
    main_script = tmp_path / "pokemon-showdown" / "dist" / "server" / "index.js"
    main_script.parent.mkdir(parents=True)
    main_script.write_text(script)
    monkeypatch.setattr("pokenash.online.server.install_server", lambda _: tmp_path)
    server = ShowdownServer(start_seconds=1)
    with pytest.raises(SimulatorError, match=words):
        server.start()
    assert not server.running


@pytest.mark.parametrize(
    "attempt",
    [
        "require('net').connect(443, '203.0.113.7').on('error', tell)",
        "require('http').get('http://203.0.113.7/').on('error', tell)",
        "fetch('http://203.0.113.7/').catch((error) => tell(error.cause))",
        "require('dns').lookup('example.org', tell)",
        "require('dns').reverse('203.0.113.7', tell)",
    ],
)
def test_servers_processes_open_no_connections(attempt: str) -> None:
    code = f"const tell = (error) => {{ console.log(error.message); process.exit(0); }}; {attempt}"
    command = [node_executable(), "--require", server_scripts() / "guard.js", "--eval", code]
    environment = {"POKENASH_SERVER_PARENT": str(os.getpid())}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=_SECONDS, check=False)
    assert done.stdout.startswith("this server opens no connections"), done.stderr


def test_timer_of_every_battle_can_be_set() -> None:
    timer = BattleTimer(starting=5, per_turn=5, added_per_turn=0, grace=0)
    names = [fresh_name(), fresh_name()]
    with (
        ShowdownServer(timer=timer, force_timer=True) as server,
        connect(server.url) as one,
        connect(server.url) as two,
    ):
        _log_in(one, names[0])
        _log_in(two, names[1])
        one.send(f"|/challenge {names[1]}, gen1randombattle")
        _read_until(two, "challenge")
        two.send(f"|/accept {names[0]}")
        assert "Time left: 5 sec this turn | 5 sec total" in _read_until(one, "Time left")
        # Nobody chooses.
        assert "All players are inactive." in _read_until(one, "|tie")


def _command(*arguments: str) -> subprocess.Popen[str]:
    """``pokenash server`` as a process, when it has said where it listens."""
    command = [sys.executable, "-m", "pokenash.cli", "server", "--port", "0", *arguments]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("Showdown server: ws://127.0.0.1:")
    return process


def _servers_of(process: subprocess.Popen[str]) -> list[int]:
    """Process ids of a process's children."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(child) for child in children.split()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_command_ends_cleanly_when_asked_to(number: signal.Signals) -> None:
    process = _command()
    (group,) = _servers_of(process)
    process.send_signal(number)
    assert process.wait(_SECONDS) == 0
    assert process.stdout is not None
    assert "poke-env" in process.stdout.read()
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
    assert _members(group) == []


def test_command_tells_when_the_server_dies() -> None:
    process = _command()
    (group,) = _servers_of(process)
    os.killpg(group, signal.SIGKILL)
    err = process.communicate(timeout=_SECONDS)[1]
    assert process.returncode == 2
    assert "the Showdown server ended by itself" in err
    assert "Traceback" not in err


def test_command_refuses_a_taken_port_in_one_sentence(
    showdown_server: ShowdownServer, capsys: pytest.CaptureFixture[str]
) -> None:
    port = showdown_server.port
    assert main(["server", "--port", str(port)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"pokenash: error: port {port} of 127.0.0.1 is in use")


def test_command_installs_and_ends(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["server", "--install-only"]) == 0
    assert capsys.readouterr().out.strip() == str(install_server())
