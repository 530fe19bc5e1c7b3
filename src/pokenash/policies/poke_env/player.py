"""pokenash's policies as players of poke-env, on any Showdown server."""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from poke_env.battle import AbstractBattle
from poke_env.player import BattleOrder, ForfeitBattleOrder, Player, SingleBattleOrder
from poke_env.ps_client import AccountConfiguration
from poke_env.teambuilder import Teambuilder

from pokenash.errors import InputError
from pokenash.games.core import Game
from pokenash.games.showdown import ShowdownGame
from pokenash.policies.core import Policy
from pokenash.policies.poke_env.deciding import RoomDecider, RoomQuestion
from pokenash.policies.poke_env.views import make_lenient
from pokenash.policies.sources import is_run, policy_specs, read_run
from pokenash.policies.spec import PolicySpec, load_policy

__all__ = ["GameTeams", "PokenashPlayer"]

_log = logging.getLogger(__name__)

_FORFEIT, _DEFAULT = "/forfeit", "/choose default"
_INVALID = "|error|[Invalid choice]"
_STALE = ("too late", "nothing to choose", "Can't do anything", "Can't undo")


class GameTeams(Teambuilder):
    """Draws one of a game's teams for every battle, as often as the game's sets say.

    Parameters
    ----------
    game : ShowdownGame
        With teams; those of its first player.
    seed : int
    """

    def __init__(self, game: ShowdownGame, seed: int) -> None:
        self._game = game
        self._rng = np.random.default_rng(seed % 2**64)

    def yield_team(self) -> str:
        """A packed team."""
        assert self._game.teams is not None
        packed: str = self._game.teams[self._game.sample_options(self._rng)["teams"][0]]
        return packed


@dataclass
class _Room:
    """What is kept of a battle while it is played."""

    episode: int
    lane: int
    decision: int = 0
    messages: list[list[str]] = field(default_factory=list)
    """As lines, since the last decision."""
    answered: Any = None
    """The number of the request that was answered last, or the request where servers do not number them."""
    message: asyncio.Future[str] | None = None
    """What is said to it."""
    error: str = ""
    """Why the server refused the last choice, until that is seen to."""
    defaulted: Any = None
    """The number of the request at which the server was asked to choose itself."""
    held: bool = False
    """Whether the server told the request again together with our choice."""


class PokenashPlayer(Player):
    """Any policy of pokenash as a player of poke-env.

    Its decisions are made on the same observations and masks as in the embedded simulator, and the decisions of battles
    that are played at the same time are made together. A mixture draws its member once for every battle. A battle that
    cannot be followed, or in which the policy fails, is forfeited, with an error in pokenash's log.

    Parameters
    ----------
    policy : Policy, PolicySpec, or str or path
        A string is what `pokenash.policies.policy_specs` takes: a kind, a checkpoint, or the directory of a run.
    account_configuration : AccountConfiguration, optional
        As poke-env's.
    battle_format : str, optional
        Default: the format of the run, or ``"gen1ou"``.
    game : ShowdownGame, optional
        The game, with the teams to draw from. Default: that of the run, or the format with its own teams.
    seed : int
        Of the policy's random numbers and of the draw of teams.
    max_concurrent_battles : int
        At least 1.
    batch_seconds : float
        How long a decision waits for others to be made with it.
    team : str or Teambuilder, optional
        Default: drawn for every battle from the game's teams; none where the format draws its own.
    settings
        All other keyword arguments of ``poke_env.player.Player``.

    Raises
    ------
    InputError
        If the policy is unknown, the game is no Showdown format, or a number is out of range.
    SimulatorError
        If Node or the simulator is missing.
    """

    def __init__(
        self,
        policy: Policy | PolicySpec | str | Path,
        account_configuration: AccountConfiguration | None = None,
        *,
        battle_format: str | None = None,
        game: ShowdownGame | None = None,
        seed: int = 0,
        max_concurrent_battles: int = 1,
        batch_seconds: float = 0.001,
        team: str | Teambuilder | None = None,
        **settings: Any,
    ) -> None:
        if max_concurrent_battles < 1:
            raise InputError(f"max_concurrent_battles is {max_concurrent_battles}, expected a positive number")
        self.game, described = _described(policy, battle_format, game)
        self._decider = RoomDecider(self.game, load_policy(described, self.game), max_concurrent_battles, seed)
        # Nothing else may use the decider, and the event loop must go on answering the server meanwhile.
        self._thread = ThreadPoolExecutor(1, "pokenash-player")
        self._batch_seconds = batch_seconds
        self._waiting_questions: list[tuple[RoomQuestion, asyncio.Future[RoomQuestion]]] = []
        self._serving: asyncio.Task[None] | None = None
        self._rooms: dict[str, _Room] = {}
        self._unseated: dict[str, list[list[str]]] = {}
        self._episodes = itertools.count()
        self._free = list(range(max_concurrent_battles - 1, -1, -1))
        self.episodes: dict[str, int] = {}
        """The number of every battle by its tag, in the order in which they began."""
        if team is None and self.game.teams is not None:
            team = GameTeams(self.game, seed)
        super().__init__(
            account_configuration,
            battle_format=self.game.format,
            max_concurrent_battles=max_concurrent_battles,
            team=team,
            **settings,
        )

    @property
    def policy(self) -> Policy:
        """Who plays."""
        return self._decider.policy

    def member(self, battle: AbstractBattle) -> str | None:
        """The name of the mixture's member that plays a battle; None for other policies, or before the battle began."""
        episode = self.episodes.get(battle.battle_tag)
        role = battle.player_role
        return None if episode is None or role is None else self._decider.member(episode, int(role[1]) - 1)

    def close(self) -> None:
        """End the process that follows the battles. The connection is poke-env's: ``ps_client.stop_listening``."""
        self._thread.shutdown()
        self._decider.close()

    async def _create_battle(self, split_message: list[str]) -> AbstractBattle:
        """poke-env's view is for its users; no choice of ours is to fail with it."""
        battle = await super()._create_battle(split_message)
        make_lenient(battle)
        return battle

    async def _handle_battle_message(self, split_messages: list[list[str]]) -> None:
        """Keep what the room says, for the follower, before poke-env acts on it."""
        tag = split_messages[0][0][1:]
        lines = ["|".join(parts) for parts in split_messages[1:]]
        room = self._rooms.get(tag)
        if room is not None:
            room.messages.append(lines)
            room.error = next((line for line in lines if line.startswith(_INVALID)), room.error)
            room.held = any(line.startswith("|sentchoice|") for line in lines)
        elif tag not in self.episodes:
            self._unseated.setdefault(tag, []).append(lines)
        await super()._handle_battle_message(split_messages)

    def choose_move(self, battle: AbstractBattle) -> Awaitable[BattleOrder]:
        """The policy's choice, with those of the other battles that wait for one."""
        return self._order(battle)

    def teampreview(self, battle: AbstractBattle) -> Awaitable[str]:
        """The policy's choice at the team preview."""
        return self._preview_order(battle)

    async def _order(self, battle: AbstractBattle) -> BattleOrder:
        message = await self._ask(battle)
        return ForfeitBattleOrder() if message == _FORFEIT else SingleBattleOrder(message)

    async def _preview_order(self, battle: AbstractBattle) -> str:
        message = await self._ask(battle)
        team = list(battle.team.values())
        for place in re.findall(r"\d+", message):
            if int(place) <= len(team):
                team[int(place) - 1]._selected_in_teampreview = True
        return message

    async def _ask(self, battle: AbstractBattle) -> str:
        """The message to the server; empty where there is nothing more to say."""
        room = self._room(battle.battle_tag)
        request = battle.last_request
        number = request.get("rqid", request)
        if room.answered == number and room.message is not None:
            return self._after_error(room, battle.battle_tag) if room.error else await self._again(room)
        loop = asyncio.get_running_loop()
        question = RoomQuestion(room.lane, room.episode, room.decision, room.messages)
        room.answered, room.message, room.messages, room.error = number, loop.create_future(), [], ""
        future: asyncio.Future[RoomQuestion] = loop.create_future()
        self._waiting_questions.append((question, future))
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._serve())
        await future
        room.decision = question.decision
        message = _FORFEIT if question.choice is None else f"/choose {question.choice}"
        room.message.set_result(message)
        return message

    async def _again(self, room: _Room) -> str:
        """What is said to a request that is told again, as to a player who comes back to the room: the same."""
        assert room.message is not None
        return "" if room.held else await asyncio.shield(room.message)

    def _after_error(self, room: _Room, tag: str) -> str:
        """What is said to a refusal without a new request; it is of no account where the choice only came too late."""
        error, room.error = room.error, ""
        if any(word in error for word in _STALE) or room.defaulted == room.answered:
            return ""
        self.logger.error("%s: the server refused our choice and is asked to choose itself: %s", tag, error)
        room.defaulted = room.answered
        return _DEFAULT

    async def _serve(self) -> None:
        """Answer what waits, until nothing does; what comes meanwhile is the next batch."""
        loop = asyncio.get_running_loop()
        while self._waiting_questions:
            await asyncio.sleep(self._batch_seconds)
            batch, self._waiting_questions = self._waiting_questions, []
            try:
                await loop.run_in_executor(self._thread, self._decider.answer, [question for question, _ in batch])
            except Exception:
                # poke-env would drop the error with the message's task, and the battles would wait for ever.
                _log.exception("decisions failed; %d battles are forfeited", len(batch))
                for question, _ in batch:
                    question.choice = None
            for question, future in batch:
                if not future.done():
                    future.set_result(question)

    def _room(self, tag: str) -> _Room:
        if tag not in self._rooms:
            if not self._free:
                raise InputError(f"{tag}: all {self._max_concurrent_battles} lanes are taken by battles that go on")
            episode = self.episodes[tag] = next(self._episodes)
            self._rooms[tag] = _Room(episode, self._free.pop(), messages=self._unseated.pop(tag, []))
        return self._rooms[tag]

    def _battle_finished_callback(self, battle: AbstractBattle) -> None:
        room = self._rooms.pop(battle.battle_tag, None)
        self._unseated.pop(battle.battle_tag, None)
        if room is not None:
            self._free.append(room.lane)
        super()._battle_finished_callback(battle)


def _described(
    policy: Policy | PolicySpec | str | Path, battle_format: str | None, game: ShowdownGame | None
) -> tuple[ShowdownGame, Policy | PolicySpec]:
    """The game and the policy that are meant."""
    found: Game | None = game
    if isinstance(policy, str | Path):
        if is_run(policy):
            run = read_run(policy)
            policy, found = run.mixture, game or run.game
        else:
            specs = policy_specs([str(policy)], "policy")
            if len(specs) != 1:
                raise InputError(f"policy: {str(policy)!r} holds {len(specs)} policies, expected one")
            policy = specs[0]
    if found is None:
        found = ShowdownGame(battle_format or "gen1ou")
    if not isinstance(found, ShowdownGame):
        raise InputError(f"poke-env plays Showdown formats, not the game {found.name!r}")
    if battle_format is not None and battle_format != found.format:
        raise InputError(f"battle_format is {battle_format!r}, but the game is {found.format}")
    return found, policy
