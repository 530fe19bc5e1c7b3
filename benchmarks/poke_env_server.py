"""The other side of the comparison: poke-env players on a real Showdown server over loopback."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import numpy as np
from poke_env import AccountConfiguration, ServerConfiguration
from poke_env.player import RandomPlayer
from poke_env.teambuilder import Teambuilder

from pokenash.online import ShowdownServer


class RandomTeam(Teambuilder):
    """Draws a team of a set for every battle."""

    def __init__(self, teams: Sequence[str], seed: int) -> None:
        self._teams = teams
        self._rng = np.random.default_rng(seed)

    def yield_team(self) -> str:
        return self._teams[int(self._rng.integers(len(self._teams)))]


def random_players(
    server: ShowdownServer, format: str, teams: Sequence[str] | None, concurrency: int, seed: int
) -> list[RandomPlayer]:
    """Two `RandomPlayer`s, to play so many battles at a time against each other."""
    configuration = ServerConfiguration(server.url, "https://play.pokemonshowdown.com/action.php?")
    return [
        RandomPlayer(
            AccountConfiguration(f"Bench {concurrency} {seed} {side}", None),
            battle_format=format,
            max_concurrent_battles=concurrency,
            server_configuration=configuration,
            team=None if teams is None else RandomTeam(teams, 2 * seed + side),
            log_level=40,
        )
        for side in range(2)
    ]


def battles_per_second(
    server: ShowdownServer, format: str, teams: Sequence[str] | None, concurrency: int, seconds: float, seed: int
) -> float:
    """Battles per second of two `RandomPlayer`s against each other, over at least so many seconds."""
    players = random_players(server, format, teams, concurrency, seed)

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
