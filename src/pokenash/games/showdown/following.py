"""Following battles that are played elsewhere, such as on a real server, with the simulator's own eyes.

A `Follower` is told what a player is told: protocol lines and requests. It gives the rows and masks that a policy sees
in an embedded battle, made by the same trackers and the same encoder, and turns actions into the choices that a server
takes. Its one worker process is shut in as the simulator's workers are; what comes from a server is untrusted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import BattleFollowError, IllegalActionError, InputError
from pokenash.games.showdown.follower_process import FollowerProcess
from pokenash.games.showdown.told import Refused, Told

if TYPE_CHECKING:
    from pokenash.games.showdown.game import ShowdownGame

__all__ = ["Follower"]


class Follower:
    """Battles on a server, each seen by one of its players, as rows of the embedded game.

    Order: the lines of an update come before its request, as today's servers send them. A server that sends the request
    first is known by its first request, which comes before the first ``|turn|`` or ``|teampreview``. From then on,
    lines that follow a request belong to it until `rows`, `choices` or the next request, so ask when they have come.

    Not to be used from several threads at once.

    Parameters
    ----------
    game : ShowdownGame
        The format that is played. Its teams do not matter.
    num_lanes : int
        Battles at a time, at least 1.
    timeout : float
        Seconds after which a worker that says nothing counts as hung.

    Raises
    ------
    InputError
        If a number is not positive.
    SimulatorError
        If Node or the simulator is missing or the worker cannot be started.
    """

    def __init__(self, game: ShowdownGame, num_lanes: int, *, timeout: float = 10.0) -> None:
        if num_lanes < 1:
            raise InputError(f"num_lanes is {num_lanes}, expected a positive number")
        if not timeout > 0:
            raise InputError(f"timeout is {timeout}, expected a positive number of seconds")
        self.game = game
        self.num_lanes = num_lanes
        self.num_actions = game.num_actions
        self._process = FollowerProcess(game, num_lanes, timeout)

    @property
    def worker_pid(self) -> int | None:
        """Process id of the worker, None when it is closed."""
        return self._process.pid

    def close(self) -> None:
        """End the worker. May be called more than once."""
        self._process.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def begin(self, lane: int, player: int | None = None) -> None:
        """Begin a battle in a lane, giving up whatever was followed there.

        Parameters
        ----------
        lane : int
        player : int, optional
            The seat from which it is seen: 0 for the server's ``p1``, 1 for ``p2``. Default: as the first request says.
        """
        self._check_lane(lane)
        if player not in (None, 0, 1):
            raise InputError(f"player is {player!r}, expected 0, 1 or None")
        self._process.begin(lane, player)

    def player(self, lane: int) -> int | None:
        """The seat of a lane's player, None where no request has told it yet."""
        return self._begun(lane).player

    def feed(self, lane: int, lines: Sequence[str], request: Mapping[str, Any] | None = None) -> None:
        """Tell a lane what its player was told; it is passed on when rows or choices are asked for.

        Lines that a tracker has no use for (chat, timers, pages, errors) are passed over, whatever their length. A lane
        that has failed takes no notice of what it is told until it is begun again.

        Parameters
        ----------
        lane : int
        lines : sequence of str
            Protocol lines as the server sends them. ``|request|{...}`` lines among them are taken as requests.
        request : mapping, optional
            The request that follows the lines. One that says to wait counts as none, as in the simulator's lanes.

        Raises
        ------
        BattleFollowError
            If a line or request is malformed or too large, or there are too many of them. The lane has failed.
        """
        told = self._begun(lane)
        if told.failure is not None:
            return
        try:
            told.take(lines, request)
        except Refused as refused:
            raise self._fail(lane, str(refused)) from None

    def rejoin(self, lane: int, lines: Sequence[str]) -> bool:
        """Tell a lane the whole log of its battle again, as a server does when a player comes back to the room.

        Where the log goes on from what the lane was told, only the new part is taken, so that everything that was
        learnt from earlier requests stays: the team's order and the PP. Otherwise the lane is begun again with it.

        Returns
        -------
        bool
            Whether the log goes on from what the lane was told.

        Raises
        ------
        BattleFollowError
            As in `feed`.
        """
        told = self._begun(lane)
        heard, again = told.heard(), [line for line in lines if told.reads(line)]
        known = told.failure is None and again[: len(heard)] == heard
        if known:
            again = again[len(heard) :]
        else:
            self.begin(lane, told.player)
        self.feed(lane, again)
        return known

    def rows(self, lanes: Sequence[int]) -> tuple[dict[str, NDArray[Any]], NDArray[np.bool_]]:
        """The open decisions of some lanes.

        Parameters
        ----------
        lanes : sequence of int
            All different; each with an open request.

        Returns
        -------
        observation : dict of arrays, ``[B, ...]``
            As in the embedded game's `Decisions`; copies.
        action_mask : bool array, ``[B, A]``

        Raises
        ------
        BattleFollowError
            For the first of the lanes that has failed or has no open request. Ask again without it for the others.
        """
        wanted = [int(lane) for lane in lanes]
        if len(set(wanted)) != len(wanted):
            raise InputError(f"got lanes {wanted}, expected each of them once")
        for lane in wanted:
            self._check_open(lane)
        self._process.exchange(wanted, [])
        count = len(wanted)
        observation = {name: array.copy() for name, array in self._process.rows.first(count).items()}
        mask = self._process.rows.action_mask[:count].copy()
        self._check_rows(wanted, observation, mask)
        return observation, mask

    def choice(self, lane: int, action: int) -> str | None:
        """An action as the server's choice; see `choices`."""
        return self.choices([lane], [action])[0]

    def choices(self, lanes: Sequence[int], actions: Sequence[int]) -> list[str | None]:
        """Actions as the server takes them, such as ``"move 2 terastallize"`` or ``"switch 4"``.

        Parameters
        ----------
        lanes : sequence of int
        actions : sequence of int
            One per lane.

        Returns
        -------
        list of str or None
            None after a team preview pick which another one must follow: ask `rows` again.

        Raises
        ------
        IllegalActionError
            For the first lane whose action is not legal. Nothing has changed there.
        BattleFollowError
            For the first lane that has failed or has no open request.
        """
        asked = [(int(lane), int(action)) for lane, action in zip(lanes, actions, strict=True)]
        for lane, _ in asked:
            self._check_open(lane)
        extras = self._process.exchange([], asked)
        for (lane, action), text in zip(asked, extras["choices"], strict=True):
            told = self._begun(lane)
            if text is None and told.failure is None and str(lane) not in extras["illegal"]:
                told.picked(action)
        for lane, action in asked:
            self._check_open(lane)
            if str(lane) in extras["illegal"]:
                raise IllegalActionError(f"the player in lane {lane}", action, extras["illegal"][str(lane)])
        choices: list[str | None] = extras["choices"]
        return choices

    def _check_lane(self, lane: int) -> None:
        if not 0 <= lane < self.num_lanes:
            raise InputError(f"lane {lane} is out of range; expected 0 to {self.num_lanes - 1}")

    def _begun(self, lane: int) -> Told:
        self._check_lane(lane)
        told = self._process.told[lane]
        if told is None:
            raise InputError(f"lane {lane} follows no battle; call begin first")
        return told

    def _fail(self, lane: int, reason: str) -> BattleFollowError:
        self._begun(lane).fail(reason)
        return BattleFollowError(lane, reason)

    def _check_open(self, lane: int) -> None:
        told = self._begun(lane)
        if told.failure is not None:
            raise BattleFollowError(lane, told.failure)
        if not told.open:
            raise BattleFollowError(lane, "there is no open request, so there is nothing to choose")

    def _check_rows(self, lanes: list[int], observation: dict[str, NDArray[Any]], mask: NDArray[np.bool_]) -> None:
        """Raise for the first lane whose row no policy should see."""
        for row, lane in enumerate(lanes):
            self._check_open(lane)
            if not mask[row].any():
                raise self._fail(lane, "its request offers no action")
            if not all(np.isfinite(block[row]).all() for block in observation.values()):
                raise self._fail(lane, "it was told numbers that are none")
