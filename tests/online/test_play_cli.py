"""``pokenash play`` as a person starts it: a process, its environment, its output, and Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.online.login_server import LoginServer
from tests.online.sessions import SECONDS, finish, new_session, until
from tests.showdown_server import fresh_name

from pokenash.cli import main
from pokenash.online import ShowdownServer, read_records

_PASSWORD = "correct-horse-battery-staple"


def _start(name: str, *options: str, password: str | None = None) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("POKENASH_PASS")}
    environment["POKENASH_USERNAME"] = name
    if password is not None:
        environment["POKENASH_PASSWORD"] = password
    return subprocess.Popen(
        [sys.executable, "-m", "pokenash.cli", "play", *options],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def _challenge(url: str, directory: Path, name: str, battles: int, **options: Any) -> list[Any]:
    """An opponent who keeps challenging until the process is there."""
    theirs = new_session(url, directory, challenge=name, battles=battles, **options)
    return (await finish(theirs))[0]


def test_a_session_from_start_to_end(showdown_server: ShowdownServer, tmp_path: Path) -> None:
    name = fresh_name()
    options = ("type_aware", "--server", showdown_server.url, "--accept", "--battles", "3", "--concurrent", "2")
    process = _start(name, *options, "--output", str(tmp_path / "ours"), password=_PASSWORD)
    theirs = asyncio.run(_challenge(showdown_server.url, tmp_path / "theirs", name, 3))
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, err
    records = read_records(tmp_path / "ours")
    lines = out.splitlines()
    for number, record in enumerate(records, 1):
        assert lines[number - 1].startswith(
            f"{number}/3  {record.outcome}, against {theirs[0].account}, {record.turns}"
        )
    won = sum(record.outcome == "win" for record in records) + sum(record.outcome == "tie" for record in records) / 2
    assert re.search(rf"^all +3 .* {won / 3:.1%} +\[\d+\.\d%, \d+\.\d%\]$", out, re.MULTILINE)
    written = "".join(path.read_text("utf-8") for path in tmp_path.rglob("*") if path.is_file())
    assert _PASSWORD not in out + err + written
    assert name not in (tmp_path / "ours" / "config.json").read_text("utf-8")


def test_the_password_is_in_nothing_that_is_written_and_in_no_other_process(tmp_path: Path) -> None:
    name = fresh_name()
    with LoginServer(name, _PASSWORD + "2") as login, ShowdownServer() as server:
        options = ("uniform", "--server", server.url, "--login-url", login.url, "--log-level", "debug", "--accept")
        process = _start(name, *options, "--output", str(tmp_path / "ours"), password=_PASSWORD)
        seen: list[bytes] = []
        own = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        while process.poll() is None:
            for child in _children(process.pid):
                try:
                    # Between fork and exec a child is its parent's image, and not yet another program.
                    has_begun = Path(f"/proc/{child}/cmdline").read_bytes() != own
                    environment = Path(f"/proc/{child}/environ").read_bytes()
                except OSError:
                    continue
                if has_begun:
                    seen.append(environment)
            time.sleep(0.02)
        out, err = process.communicate()
    assert process.returncode == 2
    assert "the login server refused the user name" in err
    assert login.asked[0]["pass"] == _PASSWORD
    assert any(b"POKENASH_USERNAME" in environment for environment in seen)
    assert not any(_PASSWORD.encode() in environment for environment in seen)
    written = "".join(path.read_text("utf-8") for path in tmp_path.rglob("*") if path.is_file())
    assert _PASSWORD not in out + err + written


def _children(process: int) -> list[int]:
    """Processes that a process has started."""
    try:
        text = Path(f"/proc/{process}/task/{process}/children").read_text()
        others = [path.read_text() for path in Path(f"/proc/{process}/task").glob("*/children")]
    except OSError:
        return []
    return [int(child) for child in (text + " ".join(others)).split()]


def test_ctrl_c_finishes_the_battles_in_play_and_begins_no_more(
    showdown_server: ShowdownServer, tmp_path: Path
) -> None:
    name = fresh_name()
    options = ("type_aware", "--server", showdown_server.url, "--accept", "--output", str(tmp_path / "ours"))
    process = _start(name, *options)

    async def interrupt() -> list[Any]:
        theirs = new_session(showdown_server.url, tmp_path / "theirs", challenge=name, battles=100)
        running = asyncio.create_task(finish(theirs))
        await until(lambda: theirs.in_play == 1 and bool(theirs.decider and theirs.decider.largest_batch))
        process.send_signal(signal.SIGINT)
        await asyncio.to_thread(process.wait, SECONDS)
        theirs.stop()
        return (await running)[0]

    theirs = asyncio.run(interrupt())
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, err
    records = read_records(tmp_path / "ours")
    assert len(records) == len(theirs) >= 1
    assert {record.reason for record in records} == {"played"}
    assert f"all     {len(records)} " in out


def test_ctrl_c_twice_forfeits(showdown_server: ShowdownServer, tmp_path: Path) -> None:
    name = fresh_name()
    options = ("type_aware", "--server", showdown_server.url, "--accept", "--output", str(tmp_path / "ours"))
    process = _start(name, *options)

    async def interrupt() -> list[Any]:
        slow = {"policy": _slow(), "challenge": name, "battles": 1}
        theirs = new_session(showdown_server.url, tmp_path / "theirs", **slow)
        running = asyncio.create_task(finish(theirs))
        await until(lambda: theirs.in_play == 1 and bool(theirs.decider and theirs.decider.largest_batch))
        process.send_signal(signal.SIGINT)
        await asyncio.sleep(0.3)
        process.send_signal(signal.SIGINT)
        return (await running)[0]

    (theirs,) = asyncio.run(interrupt())
    process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    (record,) = read_records(tmp_path / "ours")
    assert (record.reason, record.outcome) == ("forfeit", "loss")
    assert (theirs.reason, theirs.outcome) == ("opponent forfeit", "win")


def _slow() -> Any:
    from tests.online.sessions import Watched, type_aware

    return Watched(type_aware(), before=lambda decisions: time.sleep(0.2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["type_aware"], "expected exactly one of accept, challenge and ladder"),
        (["type_aware", "--accept", "--ladder", "3"], "expected exactly one of accept, challenge and ladder"),
        (["type_aware", "--accept", "--replays", "--anonymous"], "replays on the server show names"),
        (["type_aware", "--ladder", "3", "--battles", "3"], "ladder says how many battles already"),
        (["type_aware", "--accept", "--battles", "0"], "battles is 0, expected a positive number"),
        (["type_aware", "--challenge", "x", "--from", "y"], "give accept with it"),
        (["type_aware", "--challenge", "!!!"], "expected the name of a user"),
        (["type_aware", "--accept", "--server", "http://localhost"], "expected HOST:PORT"),
        (["no_such_policy", "--accept"], "'no_such_policy' is unknown"),
        (["type_aware", "--accept", "--format", "gen1nothing"], "there is no format 'gen1nothing'"),
        (["type_aware", "--accept", "--server", "localhost:1"], "no Showdown server can be used"),
        (["type_aware", "--accept", "--password", "hunter2"], "never taken from the command line"),
        (["type_aware", "--accept", "--username=red"], "never taken from the command line"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(
    options: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("POKENASH_USERNAME", raising=False)
    assert main(["play", *options, "--output", str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err
    assert "hunter2" not in err
