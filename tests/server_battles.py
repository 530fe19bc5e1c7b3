"""Battles that two policies of ours played on the real server, with everything that each of them was told."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from poke_env import AccountConfiguration, ServerConfiguration
from tests.showdown_server import fresh_name

from games.showdown.following import observation_of, run_script
from pokenash.games.core import Decisions
from pokenash.games.showdown import FORFEIT, ShowdownGame
from pokenash.online.server import ShowdownServer
from pokenash.policies import DecisionRandom, Policy, PolicySpec, load_policy
from pokenash.policies.poke_env import PokenashPlayer


@dataclass(frozen=True)
class Seen:
    """One decision: what the policy saw and did."""

    observation: dict[str, NDArray[Any]]
    action_mask: NDArray[np.bool_]
    text: str
    action: int


@dataclass
class Side:
    """One player's battle."""

    messages: list[list[str]] = field(default_factory=list)
    """Every message of the room, as lines."""
    seen: list[Seen] = field(default_factory=list)
    episode: int = -1
    policy: int = -1
    """Which of the policies played it."""

    @property
    def actions(self) -> list[int]:
        """What it chose, refused choices included."""
        return [one.action for one in self.seen]


@dataclass
class ServerBattle:
    """A battle on the server, by both players, and what plays it again."""

    tag: str
    sides: tuple[Side, Side]
    seed: str
    teams: list[str] | None
    team_seeds: list[str] | None


class Watched(Policy):
    """A policy whose decisions are kept, by (episode, player). May forfeit after so many of them."""

    needs_text = True

    def __init__(self, policy: Policy, forfeit_at: int = -1) -> None:
        self.policy = policy
        self.seen: dict[tuple[int, int], list[Seen]] = defaultdict(list)
        self._forfeit_at = forfeit_at
        self.batches: list[int] = []

    def initial_memory(self, num_lanes: int) -> Any:
        return self.policy.initial_memory(num_lanes)

    def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        actions = self.policy.act(decisions, memory, rng)
        self.batches.append(len(decisions))
        assert isinstance(decisions.observation, dict)
        assert decisions.text is not None
        for row in range(len(decisions)):
            seen = self.seen[int(decisions.episode[row]), int(decisions.player[row])]
            assert decisions.decision[row] == len(seen)
            if self._forfeit_at == len(seen):
                actions[row] = FORFEIT
            observation = {name: block[row].copy() for name, block in decisions.observation.items()}
            seen.append(Seen(observation, decisions.action_mask[row].copy(), decisions.text[row], int(actions[row])))
        return actions


def begins(message: Sequence[str]) -> bool:
    """Whether a message tells a room from its beginning."""
    return any(line.startswith("|init|") for line in message)


class Recorder(PokenashPlayer):
    """Keeps what it is told, and chats."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        self.told: dict[str, list[list[str]]] = defaultdict(list)
        super().__init__(*arguments, **settings)

    async def _handle_battle_message(self, split_messages: list[list[str]]) -> None:
        tag = split_messages[0][0][1:]
        lines = ["|".join(parts) for parts in split_messages[1:]]
        self.told[tag].append(lines)
        if begins(lines):
            await self.ps_client.send_message("|-damage|p1a: Tauros|0 fnt", room=tag)
        await super()._handle_battle_message(split_messages)


def configuration(server: ShowdownServer) -> ServerConfiguration:
    """Where poke-env connects to."""
    return ServerConfiguration(server.url, "http://127.0.0.1:9/")


def play_on_server(
    server: ShowdownServer,
    game: ShowdownGame,
    policies: Sequence[Policy | PolicySpec],
    battles: int,
    *,
    seed: int = 1,
    concurrent: int = 4,
) -> list[ServerBattle]:
    """So many battles of two policies, so many of them at a time."""
    watched = [Watched(load_policy(policy, game)) for policy in policies]
    players = [
        Recorder(
            policy,
            AccountConfiguration(fresh_name(f"side{side}"), None),
            game=game,
            seed=seed + side,
            max_concurrent_battles=concurrent,
            server_configuration=configuration(server),
            # The server then says how much time is left.
            start_timer_on_battle_start=True,
            log_level=40,
        )
        for side, policy in enumerate(watched)
    ]
    try:
        asyncio.run(_battle(players, battles))
        return [_battle_of(server, tag, players) for tag in players[0].episodes]
    finally:
        for player in players:
            player.close()


async def _battle(players: Sequence[Recorder], battles: int) -> None:
    await asyncio.wait_for(players[0].battle_against(players[1], n_battles=battles), 120)
    for player in players:
        await player.ps_client.stop_listening()


def _battle_of(server: ShowdownServer, tag: str, players: Sequence[Recorder]) -> ServerBattle:
    sides: dict[int, Side] = {}
    for index, player in enumerate(players):
        battle = player.battles[tag]
        assert battle.finished
        assert battle.player_role is not None
        seat = int(battle.player_role[1]) - 1
        episode = player.episodes[tag]
        assert isinstance(player.policy, Watched)
        sides[seat] = Side(player.told[tag], player.policy.seen[episode, seat], episode, index)
    setup = {name: json.loads(text) for name, text in _setup_lines(_input_log(server, tag))}
    options = [setup[f"player {name}"] for name in ("p1", "p2")]
    teams = [one["team"] for one in options] if "team" in options[0] else None
    seeds = None if teams else [one["seed"] for one in options]
    return ServerBattle(tag, (sides[0], sides[1]), setup["start"]["seed"], teams, seeds)


def _setup_lines(log: Sequence[str]) -> Iterator[tuple[str, str]]:
    for line in log:
        if line.startswith((">start", ">player")):
            name, _, rest = line[1:].partition(" {")
            yield name, "{" + rest


def _input_log(server: ShowdownServer, tag: str) -> list[str]:
    """What the server wrote down of a battle when it had ended: the seeds, the teams and the choices."""
    assert server.folder is not None
    end = time.monotonic() + 30
    while True:
        # The server writes it after it has told the players that the battle is over.
        for path in (server.folder / "logs").glob(f"*/*/*/{tag.removeprefix('battle-')}.log.json"):
            with contextlib.suppress(json.JSONDecodeError):
                log: list[str] = json.loads(path.read_text("utf-8"))["inputLog"]
                return log
        assert time.monotonic() < end, f"the server has not written {tag} down"
        time.sleep(0.05)


def replay(game: ShowdownGame, battles: Sequence[ServerBattle]) -> Iterator[tuple[list[Seen], list[Seen]]]:
    """The same battles in lanes of the embedded simulator: what both players see there."""
    payload = {
        "format": game.format,
        "battles": [
            {
                "seed": battle.seed,
                "teams": battle.teams,
                "team_seeds": battle.team_seeds,
                "actions": [side.actions for side in battle.sides],
            }
            for battle in battles
        ],
    }
    for battle, played in zip(battles, run_script("replay.js", payload), strict=True):
        assert played["result"] is not None, battle.tag
        seen: tuple[list[Seen], list[Seen]] = ([], [])
        for one in played["decisions"]:
            own = seen[one["player"]]
            action = battle.sides[one["player"]].actions[len(own)]
            mask = np.array(one["mask"], np.bool_)
            own.append(Seen(observation_of(one["row"]), mask, one["text"], action))
        yield seen
