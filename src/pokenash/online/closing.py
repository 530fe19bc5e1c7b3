"""From a battle's beginning to its record: its log, what comes after its end, and what is kept of it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pokenash.online.account import Account
from pokenash.online.anonymous import anonymous_line
from pokenash.online.battle import Battle
from pokenash.online.records import BattleRecord, Outcome, Reason
from pokenash.online.settings import PlaySettings
from pokenash.online.source import Entrant
from pokenash.online.storage import BattleLog, SessionDirectory
from pokenash.policies.seats import drawn_member

__all__ = ["Closing"]

_log = logging.getLogger(__name__)

_RATING_SECONDS = 5.0
_REPLAY_SECONDS = 10.0
_LOOK_SECONDS = 0.05
_REPLAY = re.compile(
    r"https://[a-z0-9.-]{1,80}/(?:[a-z0-9]{1,30}-)?([a-z0-9]{1,60}-[0-9]{1,15})(?:-[a-z0-9]{1,40}pw)?(?=[\"<\s]|$)"
)


@dataclass
class _Kept:
    """What is known of a battle beside what it tells."""

    public: str
    team: int | None
    log: BattleLog
    replay: str | None = None


class Closing:
    """Keeps battles' logs and writes their records.

    Parameters
    ----------
    settings : PlaySettings
    entrant : Entrant
    account : Account
    directory : SessionDirectory
    seed : int
    send : callable
        As in `Connection.send`.
    on_battle : callable or None
        Called with every record.
    """

    def __init__(
        self,
        settings: PlaySettings,
        entrant: Entrant,
        account: Account,
        directory: SessionDirectory,
        seed: int,
        send: Callable[[str, str], bool],
        on_battle: Callable[[BattleRecord], None] | None,
    ) -> None:
        self._settings = settings
        self._entrant = entrant
        self._account = account
        self._directory = directory
        self._seed = seed
        self._send = send
        self._on_battle = on_battle
        self._kept: dict[int, _Kept] = {}

    def open(self, battle: Battle, public: str, team: int | None) -> None:
        """A battle begins.

        Parameters
        ----------
        battle : Battle
        public : str
            The room's id as it may be shown.
        team : int or None
            Index of the team that we play.
        """
        log = self._directory.open_log(public, battle.number, self._clean)
        self._kept[battle.number] = _Kept(public, team, log)
        _log.info("%s began (number %d)", public, battle.number)

    def log(self, battle: Battle, lines: Sequence[str]) -> None:
        """Keep what the battle's room told for the first time."""
        self._kept[battle.number].log.write(lines)

    def hear(self, line: str) -> None:
        """A line that belongs to no room: it may tell where a replay is."""
        if not line.startswith("|popup|"):
            return
        for found in _REPLAY.finditer(line):
            for kept in self._kept.values():
                if kept.public == f"battle-{found[1]}":
                    kept.replay = found[0]

    async def close(self, battle: Battle) -> None:
        """The battle is over: hear the last of it, leave its room, and write its record."""
        kept = self._kept[battle.number]
        room = battle.room
        if room.winner is not None:
            if room.rated:
                await _until(lambda: len(room.rating_after) == len(room.names), _RATING_SECONDS)
            if self._settings.replays and self._send("/savereplay", battle.room_id):
                await _until(lambda: kept.replay is not None, _REPLAY_SECONDS)
        self._send("/leave", battle.room_id)
        kept.log.close()
        record = self._record(battle, kept)
        self._directory.add(record)
        del self._kept[battle.number]
        if self._on_battle is not None:
            self._on_battle(record)

    def _clean(self, line: str) -> str | None:
        if not self._settings.anonymous:
            return line
        return anonymous_line(line, self._account.id)

    def _record(self, battle: Battle, kept: _Kept) -> BattleRecord:
        room = battle.room
        seat = room.seat or 0
        policy, teams = self._entrant.policy, self._entrant.game.teams
        member, probabilities = drawn_member(policy, battle.number, seat, self._seed)
        outcome, reason = self._outcome(battle)
        named = not self._settings.anonymous
        return BattleRecord(
            battle=kept.public,
            number=battle.number,
            format=self._entrant.game.format,
            server=self._settings.address().url,
            account=self._account.username if named else None,
            opponent=room.opponent if named else None,
            seat=seat,
            policy=self._entrant.name,
            member=member,
            probabilities_sha256=None if probabilities is None else _sha256(probabilities.tolist()),
            seed=self._seed,
            episode=battle.number,
            team=kept.team,
            team_name=None if teams is None or kept.team is None else teams.names[kept.team],
            outcome=outcome,
            reason=reason,
            error=battle.error,
            turns=room.turns,
            decisions=battle.decisions,
            fallbacks=battle.fallbacks,
            reconnections=battle.reconnections,
            started=battle.started,
            ended=time.time(),
            rating_before=room.rating_before.get(seat),
            rating_after=room.rating_after.get(seat),
            opponent_rating_before=room.rating_before.get(1 - seat),
            opponent_rating_after=room.rating_after.get(1 - seat),
            replay=kept.replay,
            log=kept.log.path.relative_to(self._directory.path).as_posix(),
            counts=outcome != "unfinished",
        )

    def _outcome(self, battle: Battle) -> tuple[Outcome, Reason]:
        """How it ended for us, and why."""
        room = battle.room
        if battle.reason == "server lost":
            return "unfinished", "server lost"
        if room.winner is None:
            # We forfeited, and the server has not answered.
            return "loss", battle.reason or "forfeit"
        outcome: Outcome = "tie" if not room.winner else "win" if room.winner == self._account.id else "loss"
        if battle.reason is not None:
            return outcome, battle.reason
        if room.forfeited is not None:
            return outcome, "forfeit" if room.forfeited == self._account.id else "opponent forfeit"
        if room.inactive is not None:
            return outcome, "timeout" if room.inactive == self._account.id else "opponent timeout"
        return outcome, "played"


async def _until(holds: Callable[[], bool], seconds: float) -> None:
    """Wait until something holds, for so long at most."""
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        await asyncio.sleep(_LOOK_SECONDS)


def _sha256(probabilities: list[float]) -> str:
    return hashlib.sha256(json.dumps(probabilities).encode()).hexdigest()
