"""What is kept of the episodes in play, enough to play each of them again, and how their results are written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import InputError
from pokenash.games.core import EpisodeResult, EpisodeSetup
from pokenash.games.showdown.frames import REASONS
from pokenash.games.showdown.positions import Position, PositionSet
from pokenash.games.showdown.seeds import seed_strings

__all__ = ["Histories", "Rules", "episode_result"]

RECORD_SCHEMA = 1
RECORD_FROM_POSITION_SCHEMA = 2
_FIRST_CAPACITY = 256
_NO_POSITIONS = PositionSet(())


class Histories:
    """The actions taken so far in every lane, one list per player.

    Parameters
    ----------
    num_lanes : int
    """

    def __init__(self, num_lanes: int) -> None:
        self._actions = np.zeros((2 * num_lanes, _FIRST_CAPACITY), np.int8)
        self._counts = np.zeros(2 * num_lanes, np.int64)

    def append(
        self,
        lane: NDArray[np.int64],
        player: NDArray[np.int64],
        decision: NDArray[np.int64],
        actions: NDArray[np.integer[Any]],
    ) -> None:
        """Add one action per row, all arrays ``[B]``; `decision` is the number of actions there before."""
        capacity = self._actions.shape[1]
        if decision.max(initial=0) >= capacity:
            self._actions = np.concatenate([self._actions, np.zeros_like(self._actions)], axis=1)
        row = 2 * lane + player
        self._actions[row, decision] = actions
        self._counts[row] = decision + 1

    def put(self, lane: int, actions: tuple[Sequence[int], Sequence[int]]) -> None:
        """What both players have done in a lane, instead of what is there."""
        while self._actions.shape[1] < max(map(len, actions)):
            self._actions = np.concatenate([self._actions, np.zeros_like(self._actions)], axis=1)
        for row, taken in zip((2 * lane, 2 * lane + 1), actions, strict=True):
            self._actions[row, : len(taken)] = taken
            self._counts[row] = len(taken)

    def clear(self, lane: int) -> None:
        """Forget a lane's actions."""
        self._counts[2 * lane : 2 * lane + 2] = 0

    def of(self, lane: int) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
        """Both players' actions in a lane (copies)."""
        first, second = (self._actions[row, : self._counts[row]].copy() for row in (2 * lane, 2 * lane + 1))
        return first, second


@dataclass(frozen=True)
class Rules:
    """What all episodes of a game share and a record must name.

    Parameters
    ----------
    format : str
        Id of the format.
    teams : sequence of str or None
        The packed teams that options refer to; None where the simulator draws them.
    turn_limit : int or None
    simulator : str
        Version of the simulator.
    positions : PositionSet
        What ``options["position"]`` refers to by index or name.
    """

    format: str
    teams: Sequence[str] | None
    turn_limit: int | None
    simulator: str
    positions: PositionSet = _NO_POSITIONS

    def position(self, setup: EpisodeSetup) -> Position | None:
        """The position that an episode starts from; None for one that starts at its beginning.

        Raises
        ------
        InputError
            If there is no such position, or it is one of another format or simulator.
        """
        wanted = setup.options.get("position")
        if wanted is None:
            return None
        found = self._find(wanted)
        if (found.format, found.simulator) != (self.format, self.simulator):
            raise InputError(
                f"position {found.name!r} is of {found.format} in simulator {found.simulator}; this game plays "
                f"{self.format} in simulator {self.simulator}"
            )
        return found

    def _find(self, wanted: Any) -> Position:
        if isinstance(wanted, Position):
            return wanted
        if isinstance(wanted, Mapping):
            return Position.from_json(wanted)
        if isinstance(wanted, int | np.integer) and not isinstance(wanted, bool):
            if not 0 <= wanted < len(self.positions):
                raise InputError(f"there is no position {wanted}: the game has {len(self.positions)}")
            wanted = self.positions.names[wanted]
        if not isinstance(wanted, str):
            raise InputError(f"a position is named by its name or index or given whole, not by {wanted!r}")
        found: Position = self.positions[wanted]
        return found

    def record(
        self, setup: EpisodeSetup, actions: tuple[NDArray[np.int8], NDArray[np.int8]], drawn: Sequence[str] | None
    ) -> dict[str, Any]:
        """Everything that is needed to play an episode again, JSON-able.

        Parameters
        ----------
        setup : EpisodeSetup
        actions : tuple of int8 array
            Both players' actions, refused ones included.
        drawn : sequence of str or None
            The packed teams that the simulator drew, if it got so far.
        """
        position = self.position(setup)
        if position is not None:
            return self._record_from(position, setup, actions)
        teams = drawn if self.teams is None else [self.teams[i] for i in setup.options["teams"]]
        return {
            "schema": RECORD_SCHEMA,
            "simulator": self.simulator,
            "format": self.format,
            "seed": setup.seed,
            "showdown_seeds": list(seed_strings(setup.seed)),
            "random_teams": self.teams is None,
            "teams": None if teams is None else list(teams),
            "turn_limit": self.turn_limit,
            "actions": [one.tolist() for one in actions],
        }

    def _record_from(
        self, position: Position, setup: EpisodeSetup, actions: tuple[NDArray[np.int8], NDArray[np.int8]]
    ) -> dict[str, Any]:
        """The record of an episode that started from a position: its actions are those from there on."""
        before = position.source.get("record") or position.source["composition"]
        return {
            "schema": RECORD_FROM_POSITION_SCHEMA,
            "simulator": self.simulator,
            "format": self.format,
            "seed": setup.seed,
            "showdown_seeds": list(seed_strings(setup.seed)),
            "random_teams": before.get("random_teams", False),
            "teams": before["teams"],
            "turn_limit": self.turn_limit,
            "actions": [one.tolist() for one in actions],
            "position": position.to_json(),
            "continued": bool(setup.options.get("continued")),
        }


def episode_result(
    setup: EpisodeSetup,
    words: Sequence[int],
    extras: Mapping[str, Any],
    actions: tuple[NDArray[np.int8], NDArray[np.int8]],
    rules: Rules,
) -> EpisodeResult:
    """The result of one episode.

    Parameters
    ----------
    setup : EpisodeSetup
    words : sequence of int
        The worker's result record: lane, reason, winner, turns, Pokémon left of both.
    extras : mapping
        What it wrote out besides: ``"text"``, ``"teams"``, ``"error"``.
    actions : tuple of int8 array
        Both players' actions.
    rules : Rules
    """
    _, reason, winner, turns, *remaining = words
    returns = (0.0, 0.0) if winner < 0 else (1.0, -1.0) if winner == 0 else (-1.0, 1.0)
    info: dict[str, Any] = {"turns": turns, "remaining": tuple(remaining)}
    record = rules.record(setup, actions, extras.get("teams")) if setup.record or "error" in extras else None
    if any(setup.text):
        info["text"] = tuple(extras.get("text", (None, None)))
    if "error" in extras:
        info["error"] = extras["error"]
        info["record"] = record
    return EpisodeResult(
        episode=setup.episode,
        seed=setup.seed,
        options=setup.options,
        returns=returns,
        length=len(actions[0]) + len(actions[1]),
        reason=REASONS[reason],
        info=info,
        record=record if setup.record else None,
    )
