"""One Showdown battle at a time, as the environments play it: its record, its story, and copies of it in mid-play."""

from __future__ import annotations

import copy
import json
from functools import cache
from typing import Any

import numpy as np

from pokenash.errors import InputError, SimulatorError
from pokenash.games.core import Decisions, EpisodeSetup
from pokenash.games.showdown.game import ShowdownGame
from pokenash.games.showdown.narrate import Narrator
from pokenash.games.showdown.node import script_directory
from pokenash.games.showdown.positions import Position
from pokenash.games.showdown.vector import FORFEIT, ShowdownVectorGame
from pokenash.games.vector_env import SingleLane

__all__ = ["ShowdownLane"]

_LATER_EPISODES = 1
"""Keeps the seeds of a clone's later episodes apart from that of the battle that it goes on with."""


class ShowdownLane(SingleLane):
    """One battle at a time, with its record, its turn and (if wanted) its story."""

    game: ShowdownGame
    extra_actions = (FORFEIT,)

    def __init__(self, game: ShowdownGame, *, seed: int | None, tell: bool) -> None:
        super().__init__(game, seed=seed)
        self._tell = tell
        self._narrator = Narrator()
        self._story: list[str] = []
        self._setup: EpisodeSetup | None = None

    def setup(self, seed: int, options: dict[str, Any]) -> EpisodeSetup:
        known: dict[str, Any] = {key: options[key] for key in ("teams", "position", "continued") if key in options}
        if "position" in known:
            # The position has its own.
            known.pop("teams", None)
        if isinstance(known.get("position"), Position):
            known["position"] = known["position"].to_json()
        # One player's text tells the whole story: what differs between the players is how exactly HP are given.
        self._setup = EpisodeSetup(self._episode, seed, known, text=(self._tell, False), record=True)
        self._narrator = Narrator()
        self._story = []
        return self._setup

    def info(self, player: int) -> dict[str, Any]:
        column = _turn_column()
        turn = max(int(np.rint(100 * one["global"][column])) for one in self._observations)
        if self.result is None:
            return {"turn": turn}
        figures = {name: self.result.info[name] for name in ("turns", "remaining") if name in self.result.info}
        return {"turn": self.result.info.get("turns", turn), "reason": self.result.reason, **figures}

    def received(self, decisions: Decisions) -> None:
        if self.result is not None and self.result.reason == "error":
            raise SimulatorError(
                f"the simulator failed in a battle; what reproduces it: {json.dumps(self.record)}; "
                f"it said: {self.result.info.get('error')}"
            )
        if not self._tell:
            return
        text = ""
        if self.result is not None:
            text = self.result.info["text"][0] or ""
        elif decisions.text is not None:
            text = "\n".join(decisions.text)
        for line in text.split("\n"):
            self._story += self._narrator.tell(line)

    def story(self) -> str:
        """What has happened since it was asked for last."""
        told, self._story = self._story, []
        return "\n".join(told)

    def forfeit(self, player: int) -> None:
        if player in self.owes:
            self.choose(player, FORFEIT)
        elif player in self.held:
            self.held[player] = FORFEIT
        else:
            raise InputError(f"player_{player} owes no decision now; it can forfeit when it is asked")

    def position(self, name: str | None, description: str) -> Position:
        """The battle as it stands, choices that are held left out."""
        if self.result is not None:
            raise InputError("the battle has ended, so there is no position to take: call reset first")
        return Position.from_record(self.record, name=name, description=description)

    def clone(self, seed: int | None, into: ShowdownLane | None) -> ShowdownLane:
        """An independent lane in which the same battle goes on; see `pokenash.games.showdown_v0`."""
        if into is self:
            raise InputError("a battle cannot be cloned into its own environment")
        if into is not None and into.game is not self.game:
            raise InputError("into must be an environment that clone() of this one, or of one of its clones, has made")
        twin = ShowdownLane(self.game, seed=seed, tell=self._tell) if into is None else into
        twin._episode, twin._setup = self._episode, self._setup
        twin.actions = (list(self.actions[0]), list(self.actions[1]))
        if self._setup is not None and self.result is None:
            self._go_on_in(twin, self._setup, seed)
        twin._copy_player_state(self)
        twin._rng = copy.deepcopy(self._rng) if seed is None else np.random.default_rng([seed, _LATER_EPISODES])
        twin._narrator, twin._story = copy.deepcopy(self._narrator), list(self._story)
        return twin

    def _go_on_in(self, twin: ShowdownLane, setup: EpisodeSetup, seed: int | None) -> None:
        """Bring this battle to where it stands in another lane's process."""
        if twin._vector is None:
            twin._vector = self.game.vector(1)
        vector = twin._vector
        assert isinstance(vector, ShowdownVectorGame)
        if seed is None:
            # Not from a position, whose record would be another one.
            decisions, _ = vector.resume(setup, self.actions)
        else:
            twin.actions = ([], [])
            drawn = int(np.random.default_rng(seed).integers(2**64, dtype=np.uint64))
            decisions, _ = vector.start([twin.setup(drawn, {"position": self.position(None, "")})])
        if [int(player) for player in decisions.player] != self._rows:
            raise SimulatorError("a battle that was cloned does not stand where the original does")

    def _copy_player_state(self, other: ShowdownLane) -> None:
        """What both players last saw, and the choices that are held."""
        self.owes = list(other.owes)
        self.result = other.result
        self._rows = list(other._rows)
        self._held = dict(other._held)
        self._observations = copy.deepcopy(other._observations)
        self._masks = other._masks.copy()

    @property
    def record(self) -> dict[str, Any]:
        if self._setup is None:
            raise InputError("there is no battle yet: call reset first")
        if self.result is not None and self.result.record is not None:
            return dict(self.result.record)
        first, second = (np.array(one, np.int8) for one in self.actions)
        return self.game.rules.record(self._setup, (first, second), None)


@cache
def _turn_column() -> int:
    layout = json.loads((script_directory() / "layout.json").read_text(encoding="utf-8"))
    column: int = layout["global"].index("turn")
    return column
