"""The mixture that a run found, on a Showdown server: many battles at once against a bot, and how each member did.

    python examples/mixture_on_server.py --mixture runs/psro_gen1ou --battles 100
    python examples/mixture_on_server.py --server localhost:8000 --opponent type_aware

Without a run three heuristics are mixed, and without a server the real one is started on a free port of this machine
(the first time it is installed from npm's registry, 154 MB) and ended afterwards. One member is drawn for each battle,
and so is the team. The directory holds every line of every battle; the same command again plays what is missing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import tyro

from pokenash.online import Account, BattleRecord, PlaySettings, ShowdownServer, analyse, open_session
from pokenash.online.results import ResultRow
from pokenash.policies import PolicySpec, mixture_spec, read_run

HEURISTICS = {"gen1ou_heuristic": 0.5, "type_aware": 0.3, "max_power": 0.2}
"""What is mixed without a run, with which probabilities."""
NAME = "Nash mixture"
"""Of the user who plays it."""


@dataclass
class Settings:
    """Who plays, and where."""

    mixture: Path | None = None
    """directory of a run"""
    opponent: str = "poke_env:SimpleHeuristicsPlayer"
    """a kind of policy, a checkpoint, or another run"""
    server: str | None = None
    """such as localhost:8000"""
    battles: int = 20
    """in all"""
    concurrent: int = 5
    """at a time"""
    seed: int = 1
    """of members, teams and policies"""
    output: Path = Path("runs/mixture_on_server")
    """one directory per player"""


@contextlib.contextmanager
def server_url(settings: Settings) -> Iterator[str]:
    """The server that was named, or one that lives as long as it is needed."""
    if settings.server is not None:
        yield settings.server
        return
    with ShowdownServer() as server:
        print(f"server: {server.url}")
        yield server.url


def heuristics() -> PolicySpec:
    """A mixture to play without a run."""
    members = [PolicySpec(kind, kind) for kind in HEURISTICS]
    return mixture_spec("heuristics", members, list(HEURISTICS.values()))


async def play(settings: Settings, url: str) -> list[BattleRecord]:
    """Both players, in one event loop: ours accepts what the opponent challenges it to. The battles as it saw them."""
    policy: PolicySpec | str = heuristics()
    format = "gen1ou"
    if settings.mixture is not None:
        # Of a run the directory is given, so that its teams are played too.
        policy, format = str(settings.mixture), read_run(settings.mixture).game.name
    common = {"server": url, "battles": settings.battles, "concurrent": settings.concurrent, "seed": settings.seed}
    ours = PlaySettings(policy="the mixture", accept=True, output=settings.output / "mixture", **common)
    theirs = PlaySettings(
        policy=settings.opponent, challenge=NAME, format=format, output=settings.output / "opponent", **common
    )
    mixture = open_session(ours, policy=policy, account=Account(NAME))
    opponent = open_session(theirs, account=Account("Some bot"))
    records, _ = await asyncio.gather(mixture().run(), opponent().run())
    return records


def line(row: ResultRow) -> str:
    """A rate with its counts and its interval."""
    rate = row.rate
    interval = f"[{rate.lower:.1%}, {rate.upper:.1%}]"
    return f"{row.name}: {rate.wins} won, {rate.draws} tied, {rate.losses} lost, {rate.win_rate:.1%} {interval}"


def main(settings: Settings) -> None:
    """Play, and say how each member did."""
    with server_url(settings) as url:
        results = analyse(asyncio.run(play(settings, url)))
    for row in (*results.by_policy, *results.by_member):
        print(line(row))
    print(f"every battle: {settings.output / 'mixture'}; tables: pokenash sessions {settings.output / 'mixture'}")


if __name__ == "__main__":
    main(tyro.cli(Settings))
