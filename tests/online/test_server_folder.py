"""What a server keeps in its folder: ladders and battles, over restarts."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest
from poke_env import AccountConfiguration, ServerConfiguration
from poke_env.player import RandomPlayer
from tests.showdown_server import fresh_name, needs_server
from websockets.sync.client import connect

from pokenash.online import ShowdownServer

FORMAT = "gen1randombattle"


@pytest.fixture(autouse=True)
def _server_can_be_had() -> None:
    needs_server()


def _players(server: ShowdownServer) -> list[RandomPlayer]:
    where = ServerConfiguration(server.url, "https://play.pokemonshowdown.com/action.php?")
    return [
        RandomPlayer(
            AccountConfiguration(fresh_name(), None), battle_format=FORMAT, server_configuration=where, log_level=40
        )
        for _ in range(2)
    ]


async def _ladder(players: list[RandomPlayer]) -> None:
    await asyncio.gather(*(player.ladder(1) for player in players))
    for player in players:
        await player.ps_client.stop_listening()


async def _challenge(players: list[RandomPlayer]) -> None:
    await players[0].battle_against(players[1], n_battles=1)
    for player in players:
        await player.ps_client.stop_listening()


def _ladder_page(server: ShowdownServer) -> str:
    with connect(server.url) as client:
        client.send(f"|/cmd laddertop {FORMAT}")
        message = ""
        while not message.startswith("|queryresponse|laddertop|"):
            message = str(client.recv(timeout=60))
        return str(json.loads(message.split("|", 3)[3])[1])


def test_local_ladder_rates_and_is_kept_over_a_restart(tmp_path: Path) -> None:
    with ShowdownServer(folder=tmp_path) as server:
        players = _players(server)
        asyncio.run(_ladder(players))
        path = tmp_path / "config" / "ladders" / f"{FORMAT}.tsv"
        logs = f"logs/*/{FORMAT}/*/*.log.json"
        while not path.exists() or len(path.read_text("utf-8").splitlines()) < 3 or not list(tmp_path.glob(logs)):
            # They are written in their own time.
            time.sleep(0.02)
        server.restart()
        page = _ladder_page(server)
    for player in players:
        assert player.username in page
    rows = [line.split("\t") for line in path.read_text("utf-8").splitlines()[1:]]
    ratings = {row[1]: float(row[0]) for row in rows}
    (battle,) = players[0].battles.values()
    if battle.won is not None:
        winner, loser = players if battle.won else players[::-1]
        assert ratings[winner.username] > ratings[loser.username] == 1000
    assert list(tmp_path.glob(logs))


def test_battles_of_challenges_are_logged_when_asked_for(tmp_path: Path) -> None:
    with ShowdownServer(folder=tmp_path, log_battles=True) as server:
        players = _players(server)
        asyncio.run(_challenge(players))
        while not any(path.stat().st_size for path in tmp_path.glob(f"logs/*/{FORMAT}/*/*.log.json")):
            time.sleep(0.02)
    (path,) = tmp_path.glob(f"logs/*/{FORMAT}/*/*.log.json")
    log = json.loads(path.read_text("utf-8"))
    assert {log["p1"], log["p2"]} == {player.username for player in players}
