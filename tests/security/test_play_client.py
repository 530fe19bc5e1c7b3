"""What a server can do to `pokenash play`: lose the battles that it spoils, and nothing else."""

from __future__ import annotations

import asyncio
import random
import re
import resource
import time
from pathlib import Path
from typing import Any

import pytest
from tests.online.sessions import new_session
from tests.security.hostile_server import Attack, HostileServer, retold
from tests.security.mangling import inputs, mangled, recordings
from websockets.asyncio.server import ServerConnection

from pokenash.errors import ServerError
from pokenash.online import BattleRecord
from pokenash.online.report import write_sessions_report
from pokenash.online.results import read_battles

NAME = "Our Bot"
_SECONDS = 120
_COMMANDS = re.compile(
    r"/(trn Our Bot,0,|utm [^\n]*|accept foe\d+|reject [a-z0-9]{0,40}|pm [a-z0-9]{1,40}, Sorry, [A-Za-z0-9 .]*|leave"
    r"|forfeit|join battle-gen1ou-\d+|choose (default|move [1-4]|switch [1-6])(\|-?\d+)?)"
)
"""All that may be sent; of a server's text nothing but the ids of users and rooms that were checked."""


def _told(number: int, name: str, *, seed: int | None = None) -> tuple[str, list[list[str]]]:
    """A short battle, from its beginning, as it was or mangled; it ends with somebody's victory."""
    recording = recordings("gen1ou")[number % len(recordings("gen1ou"))]
    told = [list(update) for update in recording.updates[:8]]
    if seed is not None:
        told = mangled(recording, seed, updates=8)
    return name, [*retold(recording, told, NAME, name), [f"|win|{name}"]]


async def _session(server: HostileServer, output: Path, **options: Any) -> list[BattleRecord]:
    session = new_session(server.url, output, name=NAME, accept=True, reconnect_seconds=20.0, **options)
    # Of battles whose requests were mangled away the server tells the next update after a while, up to nine times.
    async with asyncio.timeout(_SECONDS + 2 * options["battles"]):
        return await session.run()


def _play(
    output: Path, offered: list[tuple[str, list[list[str]]]], attack: Attack | None = None, **options: Any
) -> tuple[list[BattleRecord], HostileServer]:
    wanted = {"battles": len(offered), "concurrent": 4, **options}

    async def play() -> tuple[list[BattleRecord], HostileServer]:
        async with HostileServer(offered, attack) as server:
            return await _session(server, output, **wanted), server

    return asyncio.run(play())


def _check(output: Path, server: HostileServer, records: list[BattleRecord]) -> None:
    """Nothing was sent but commands of ours, and nothing written but the session's files."""
    for room, text in server.sent:
        assert re.fullmatch(r"(battle-gen1ou-\d+)?", room), room
        assert _COMMANDS.fullmatch(text), text
    names = {path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file()}
    for name in names - {"config.json", "battles.jsonl", ".lock"}:
        assert re.fullmatch(r"battles/battle-gen1ou-\d+(\.\d+-\d+)?\.log", name), name
    assert len({record.number for record in records}) == len(records)


def test_recorded_battles_are_played_to_their_end(tmp_path: Path) -> None:
    records, server = _play(tmp_path / "out", [_told(n, f"foe{n}") for n in range(4)])
    assert [(record.outcome, record.reason) for record in records] == [("loss", "played")] * 4
    assert all(record.decisions >= 5 for record in records)
    _check(tmp_path / "out", server, records)


def fuzz_session(output: Path, battles: int, seed: int) -> dict[str, int]:
    """Mangled battles and untouched ones side by side, in one session."""
    rng = random.Random(seed)
    told = [_told(n, f"foe{n}", seed=None if n % 4 == 0 else rng.randrange(2**60)) for n in range(battles)]
    # A battle that the server denies does not count, and another is played for it.
    spare = [_told(n, f"foe{n}") for n in range(battles, battles + battles // 2)]
    records, server = _play(output, [*told, *spare], battles=battles)
    numbers = [int(record.battle.split("-")[2]) - 100 for record in records]
    untouched = [r for r, n in zip(records, numbers, strict=True) if n % 4 == 0 or n >= battles]
    assert len(untouched) >= battles // 4
    assert {(record.outcome, record.reason) for record in untouched} == {("loss", "played")}
    spoilt = [record for record in records if record not in untouched]
    # Whatever we gave up counts as lost; what the server denied to be a battle of ours counts for nobody.
    for record in spoilt:
        assert record.reason in ("played", "not understood", "error", "server lost", "forfeit"), record
        assert record.error is None or record.error.isprintable()
    _check(output, server, records)
    return {
        "battles": len(records),
        "untouched": len(untouched),
        "given up": sum(record.reason in ("not understood", "error") for record in spoilt),
        "errors": sum(record.reason == "error" for record in spoilt),
    }


def test_mangled_battles_are_given_up_and_the_others_go_on(tmp_path: Path) -> None:
    counts = fuzz_session(tmp_path / "out", inputs(48), seed=701)
    assert counts["given up"] > 0
    # Errors are for what nobody foresaw in a policy; the trackers and the client see to the rest.
    assert counts["errors"] == 0


async def _rooms_nobody_asked_for(server: HostileServer, client: ServerConnection) -> None:
    told = "\n".join(_told(1, "foe1")[1][0])
    for room in (
        "battle-gen1ou-999",
        "battle-gen1ou-../../../tmp/evil",
        "battle-gen1ou-1-<script>alert(1)</script>",
        "battle-gen9ou-5",
        "battle-" + "x" * 5000 + "-1",
        "battle-gen1ou-1\0",
        "../battle-gen1ou-1",
        "lobby",
        "view-battles-\u202e",
    ):
        await client.send(f">{room}\n|init|battle\n|title|{server.user} vs. stranger\n{told}")
        await client.send(f">{room}\n|request|{{}}")


async def _lines_that_mean_nothing(server: HostileServer, client: ServerConnection) -> None:
    for line in (
        "",
        "|",
        "||",
        "|pm",
        "|pm|",
        "|pm| a| b",
        "|updateuser|",
        "|popup|",
        "|challstr|",
        "|nametaken|",
        "\0",
    ):
        await client.send(line)
    await client.send(">battle-gen1ou-100")
    await client.send(">")
    await client.send(">\n\n\n>\n")
    await client.send(b"\xff\xfe bytes \x00")
    await client.send("|updatesearch|{" * 100)
    await client.send("|updatechallenges|" + "[" * 100_000)
    for number in range(20):
        await client.send(f"|pm| <b>{number}</b>| {server.user}|/challenge gen1ou\0; /forfeit|x|||")
        await client.send(f"|pm| foe\n/forfeit| {server.user}|/challenge <img src=x>|x|||")
        await client.send(f"|pm| other{number}| {server.user}|/challenge gen9ou|gen9ou|||")


async def _a_flood_of_challenges_and_chat(server: HostileServer, client: ServerConnection) -> None:
    for number in range(3000):
        await client.send(f"|pm| troll{number}| {server.user}|/challenge gen9ou|gen9ou|||")
        await client.send(">battle-gen1ou-100\n" + f"|c|troll|{'spam ' * 200}\n|raw|<script>{number}</script>")


@pytest.mark.parametrize("attack", [_rooms_nobody_asked_for, _lines_that_mean_nothing, _a_flood_of_challenges_and_chat])
def test_what_nobody_asked_for_changes_nothing(tmp_path: Path, attack: Attack) -> None:
    records, server = _play(tmp_path / "out", [_told(n, f"foe{n}") for n in range(3)], attack)
    assert [(record.outcome, record.reason) for record in records] == [("loss", "played")] * 3
    assert not list(Path("/tmp").glob("evil*"))
    _check(tmp_path / "out", server, records)


async def _too_much_at_once(server: HostileServer, client: ServerConnection) -> None:
    await client.send(">battle-gen1ou-100\n|c|troll|" + "x" * 40_000_000)


async def _half_a_frame(server: HostileServer, client: ServerConnection) -> None:
    # The header of a text frame of 4,096 bytes, and ten of them.
    client.transport.write(b"\x81\x7e\x10\x00" + b"half a fra")
    await asyncio.sleep(0.1)
    client.transport.abort()


async def _no_frame_at_all(server: HostileServer, client: ServerConnection) -> None:
    client.transport.write(b"\xf7\xff\xff\xff\xff\xff\xff\xff\xff\xff" * 20)


async def _text_that_is_none(server: HostileServer, client: ServerConnection) -> None:
    client.transport.write(b"\x81\x04\xff\xfe\xfd\xfc")


@pytest.mark.parametrize("attack", [_too_much_at_once, _half_a_frame, _no_frame_at_all, _text_that_is_none])
def test_a_broken_connection_is_made_again_and_battles_go_on(tmp_path: Path, attack: Attack) -> None:
    records, server = _play(tmp_path / "out", [_told(n, f"foe{n}") for n in range(3)], attack)
    assert server.logins >= 2
    assert [(record.outcome, record.reason) for record in records] == [("loss", "played")] * 3
    assert sum(record.reconnections for record in records) >= 1
    _check(tmp_path / "out", server, records)


def test_a_flood_in_a_battle_ends_it_and_does_not_fill_the_memory(tmp_path: Path) -> None:
    async def flood(server: HostileServer, client: ServerConnection) -> None:
        # A hundred megabytes of a battle that goes on and on.
        filler = "\n".join(["|-message|" + "y" * 900] * 1000)
        for _ in range(110):
            await client.send(f">battle-gen1ou-100\n{filler}")

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    records, server = _play(tmp_path / "out", [_told(n, f"foe{n}") for n in range(3)], flood)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    # What is kept of a battle is bounded by 32 MiB; the rest are copies on their way, and this server's own.
    assert grown < 400, f"{grown:.0f} MiB"
    by_battle = {record.battle: record for record in records}
    assert by_battle["battle-gen1ou-100"].reason == "not understood"
    assert all(record.reason == "played" for name, record in by_battle.items() if name != "battle-gen1ou-100")
    log = tmp_path / "out" / "battles" / "battle-gen1ou-100.log"
    assert log.stat().st_size < 64 * 2**20
    _check(tmp_path / "out", server, records)


def test_a_battle_that_begins_again_and_again_is_given_up(tmp_path: Path) -> None:
    chat = "|c|troll|" + "z" * 200_000
    records, server = _play(tmp_path / "out", [("foe0", [["|init|battle", chat]] * 20), _told(1, "foe1")])
    by_battle = {record.battle: record for record in records}
    spoilt = by_battle["battle-gen1ou-100"]
    assert (spoilt.reason, spoilt.outcome, spoilt.counts) == ("not understood", "loss", True)
    assert spoilt.error == "it was told from the start 5 times"
    assert by_battle["battle-gen1ou-101"].reason == "played"
    assert (tmp_path / "out" / spoilt.log).stat().st_size < 6 * len(chat)
    _check(tmp_path / "out", server, records)


def test_rooms_that_nobody_asked_for_do_not_fill_the_screen(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def rooms(server: HostileServer, client: ServerConnection) -> None:
        for number in range(400):
            await client.send(f">battle-gen1ou-{1000 + number // 2}\n|init|battle\n|title|Red vs. Blue")

    records, server = _play(tmp_path / "out", [_told(n, f"foe{n}") for n in range(2)], rooms)
    assert [record.reason for record in records] == ["played"] * 2
    said = [record.getMessage() for record in caplog.records if "was not asked for" in record.getMessage()]
    assert len(said) == len(set(said)) == 100
    _check(tmp_path / "out", server, records)


def test_names_of_any_kind_are_escaped_in_the_report(tmp_path: Path) -> None:
    # A server need not keep to the letters that names may have.
    evil = "<script>alert(1)</script>"
    recording = recordings("gen1ou")[0]
    told = [*retold(recording, recording.updates[:5], NAME, evil), [f"|win|{evil}"]]
    chat = f"|c|{evil}|{evil}\n|raw|{evil}\n|html|{evil}\n|-message|{evil} forfeited."
    told[2] = [*chat.split("\n"), *told[2]]
    records, server = _play(tmp_path / "out", [("foe0", told)])
    assert len(records) == 1
    _check(tmp_path / "out", server, records)
    write_sessions_report(read_battles([tmp_path / "out"]), tmp_path / "report.html")
    pages = sorted(tmp_path.rglob("*.html"))
    assert len(pages) == 2
    for page in pages:
        # The log is in a script element as data; what would end that element is not.
        assert "<script>alert(1)</script>" not in page.read_text("utf-8").lower()
        assert "<script>alert" not in re.sub(r"(?s)<script.*?</script>", "", page.read_text("utf-8").lower())


def test_requests_for_the_other_side_are_not_answered(tmp_path: Path) -> None:
    name, told = _told(0, "foe0")
    request = next(line for line in told[2] if line.startswith("|request|{"))
    other = (
        request.replace('"id":"p1"', '"id":"p9"').replace('"id":"p2"', '"id":"p1"').replace('"id":"p9"', '"id":"p2"')
    )
    told[2] = [line for line in told[2] if line != request] + [other]
    records, server = _play(tmp_path / "out", [(name, told), _told(1, "foe1")])
    by_battle = {record.battle: record for record in records}
    assert by_battle["battle-gen1ou-100"].reason in ("not understood", "server lost")
    assert by_battle["battle-gen1ou-101"].reason == "played"
    _check(tmp_path / "out", server, records)


def test_a_server_that_never_logs_us_in_is_given_up(tmp_path: Path) -> None:
    class Refusing(HostileServer):
        async def _answer(self, client: ServerConnection, room: str, text: str) -> None:
            await client.send("|nametaken|Our Bot|<b>no</b>\x1b[2J")

    async def play() -> None:
        async with Refusing([]) as server:
            await _session(server, tmp_path / "out", battles=1)

    began = time.monotonic()
    with pytest.raises(ServerError, match="refused the user name") as refusal:
        asyncio.run(play())
    assert "\x1b" not in str(refusal.value)
    assert time.monotonic() - began < 60


@pytest.mark.slow
def test_many_mangled_battles_on_a_server(tmp_path: Path) -> None:
    fuzz_session(tmp_path / "out", inputs(1000), seed=702)
