"""A hundred battles over the real server, which is killed and started again in the middle."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from poke_env import AccountConfiguration, ServerConfiguration
from poke_env.battle import AbstractBattle
from poke_env.player import MaxBasePowerPlayer, Player, RandomPlayer, SimpleHeuristicsPlayer
from poke_env.teambuilder import Teambuilder
from tests.showdown_server import fresh_name, needs_server
from websockets.sync.client import connect

from pokenash.games.showdown import ShowdownGame
from pokenash.online import ShowdownServer
from pokenash.online.account import Account
from pokenash.online.playing import open_session
from pokenash.online.records import BattleRecord, read_records
from pokenash.online.settings import PlaySettings
from pokenash.policies.mixture import mixture_spec
from pokenash.policies.spec import PolicySpec

FORMAT = "gen1ou"
BATTLES = 100
KILL_AFTER = 45
AT_ONCE = 9
SECONDS = 240


@pytest.fixture
def server() -> Iterator[ShowdownServer]:
    """One of the test's own: it is killed."""
    needs_server()
    with ShowdownServer() as server:
        yield server


class _Teams(Teambuilder):
    """One team after the other."""

    def __init__(self, teams: Sequence[str]) -> None:
        self._teams = teams
        self._given = 0

    def yield_team(self) -> str:
        self._given += 1
        return self._teams[self._given % len(self._teams)]


def _bots(server: ShowdownServer, teams: Sequence[str]) -> list[Player]:
    kinds: list[type[Player]] = [RandomPlayer, MaxBasePowerPlayer, SimpleHeuristicsPlayer]
    return [
        kind(
            AccountConfiguration(fresh_name(), None),
            battle_format=FORMAT,
            server_configuration=ServerConfiguration(server.url, "https://play.pokemonshowdown.com/action.php?"),
            max_concurrent_battles=AT_ONCE // len(kinds),
            team=_Teams(teams),
            # They have much to say of a server that is killed.
            log_level=60,
        )
        for kind in kinds
    ]


@contextlib.asynccontextmanager
async def _challenging(bots: Sequence[Player], user: str):  # type: ignore[no-untyped-def]
    """While the block runs, the bots challenge a user."""
    tasks = [asyncio.create_task(bot.send_challenges(user, n_challenges=10 * BATTLES)) for bot in bots]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _wait_for_login(server: ShowdownServer, user: str) -> None:
    """Return when a user is there: a challenge that comes too early is lost, and poke-env's bots wait for ever."""
    with connect(server.url) as client:
        while True:
            client.send(f"|/cmd userdetails {user}")
            message = ""
            while not message.startswith("|queryresponse|userdetails|"):
                message = str(client.recv(timeout=SECONDS))
            # An absent user is in no rooms: not even in none.
            if json.loads(message.split("|", 3)[3])["rooms"] is not False:
                return
            time.sleep(0.05)


async def _until(what, session: asyncio.Task[list[BattleRecord]]) -> None:  # type: ignore[no-untyped-def]
    """Wait for something that the session brings about."""
    while not what():
        if session.done():
            session.result()
            pytest.fail("the session ended early")
        await asyncio.sleep(0.01)


async def _play(server: ShowdownServer, output: Path) -> list[list[Player]]:
    """All battles; returns the bots of before and after the kill."""
    teams = ShowdownGame(FORMAT).teams
    assert teams is not None
    members = [PolicySpec("type_aware", "type_aware"), PolicySpec("uniform", "uniform")]
    account = Account(fresh_name("nash"))
    over: list[BattleRecord] = []
    settings = PlaySettings(
        policy="mixture",
        server=f"127.0.0.1:{server.port}",
        accept=True,
        battles=BATTLES,
        format=FORMAT,
        concurrent=AT_ONCE,
        seed=20,
        output=output,
    )
    policy = mixture_spec("mixture", members, [0.5, 0.5])
    session = open_session(settings, policy=policy, account=account, on_battle=over.append)()
    running = asyncio.create_task(session.run())
    before = _bots(server, teams.packed)
    await asyncio.to_thread(_wait_for_login, server, account.username)
    async with _challenging(before, account.username):
        await _until(lambda: len(over) >= KILL_AFTER and session.in_play >= 3, running)
        server.kill()
    await asyncio.to_thread(server.restart)
    after = _bots(server, teams.packed)
    await asyncio.to_thread(_wait_for_login, server, account.username)
    async with _challenging(after, account.username):
        await running
        # The last results may reach us before they reach the bots.
        finished = {record.battle for record in over}
        told = [battle for bot in after for tag, battle in bot.battles.items() if tag in finished]
        while not all(battle.finished for battle in told):
            await asyncio.sleep(0.01)
    for bot in before + after:
        await bot.ps_client.stop_listening()
        for task in list(bot.ps_client._active_tasks):
            bot.ps_client.loop.call_soon_threadsafe(task.cancel)
    return [before, after]


def _mirrored(battle: AbstractBattle) -> str:
    """What a battle was for the bot's opponent."""
    return "tie" if battle.won is None else "loss" if battle.won else "win"


def test_a_hundred_battles_over_a_server_that_is_killed_and_restarted(server: ShowdownServer, tmp_path: Path) -> None:
    bots = asyncio.run(asyncio.wait_for(_play(server, tmp_path / "session"), SECONDS))
    records = read_records(tmp_path / "session")
    played = [record for record in records if record.counts]
    lost = [record for record in records if not record.counts]

    # Every battle was finished, or recorded as lost with the server.
    assert len(played) == BATTLES
    assert {record.reason for record in played} == {"played"}
    assert {record.outcome for record in played} <= {"win", "loss", "tie"}
    assert lost
    assert {(record.outcome, record.reason) for record in lost} == {("unfinished", "server lost")}
    assert [record.number for record in sorted(records, key=lambda record: record.number)] == list(range(len(records)))

    # The bots saw the same battles with the same results.
    seen = {(bot.username, tag): battle for side in bots for bot in side for tag, battle in bot.battles.items()}
    recorded = {(record.opponent, record.battle): record for record in records}
    assert len(recorded) == len(records)
    for key, record in recorded.items():
        if record.counts:
            assert seen[key].finished
            assert _mirrored(seen[key]) == record.outcome
            assert seen[key].turn == record.turns
        elif key in seen:
            assert not seen[key].finished
    # One that began in the moment of the kill may have been told to the bot alone.
    for key, battle in seen.items():
        assert key in recorded or (battle.turn <= 1 and not battle.finished)

    # Both sides of the kill count, and both members of the mixture played.
    names = [{bot.username for bot in side} for side in bots]
    assert all(sum(record.opponent in side for record in played) >= 40 for side in names)
    assert {record.member for record in played} == {"type_aware", "uniform"}
    for record in played:
        assert record.log is not None
        log = (tmp_path / "session" / record.log).read_text("utf-8")
        assert "|win|" in log or "|tie" in log
