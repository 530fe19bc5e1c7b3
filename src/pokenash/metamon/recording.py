"""Writing the battles that any policy plays as metamon's trajectory files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import InputError
from pokenash.games.core import Decisions, EpisodeResult, Game
from pokenash.games.showdown import ShowdownGame
from pokenash.metamon.actions import get_action_space
from pokenash.metamon.backend import DEFAULT_BACKEND
from pokenash.metamon.seat import Seat, check_format
from pokenash.metamon.state import UniversalState
from pokenash.metamon.trajectories import TrajectoryName, file_safe, write_trajectory
from pokenash.policies.core import DecisionRandom, Policy

__all__ = ["TrajectoryRecorder"]


@dataclass
class _Battle:
    """One player's battle so far."""

    seat: Seat
    states: list[UniversalState] = field(default_factory=list)
    actions: list[int] = field(default_factory=list)


class TrajectoryRecorder(Policy):
    """Plays as another policy does and writes a trajectory file for each of its battles.

    Give it to `Arena.play` in place of the policy, and `on_result` as ``on_result``. What is written is what was
    played: the index of an action is that of metamon's action space, −1 where that space cannot say the action.

    Parameters
    ----------
    policy : Policy
    game : ShowdownGame
        Of a singles format of generations 1 to 4 or 9.
    root : Path
        The folder of the formats' folders.
    name, opponent : str
        The players' names for the files; characters that such a name cannot hold become ``-``.
    time : datetime
        Goes into the files' names.
    battle_id : str
        Begins the battles' numbers, ``metamon-<format>-<battle_id><episode>``; files of one name replace each other.
    action_space : str
    battle_backend : str
    self_play : bool
        Whether the policy sits in both seats. The battles' numbers then end with ``-p1`` or ``-p2``, since the two
        sides of a tie would have one name.

    Attributes
    ----------
    files : list of Path
        What was written, in the order in which battles ended.
    left_out : dict of int to str
        Episodes without a file, and why: battles that ended with an error, or in which the player chose nothing.
    """

    needs_text = True

    def __init__(
        self,
        policy: Policy,
        game: Game,
        root: str | Path,
        *,
        name: str,
        opponent: str,
        time: datetime,
        battle_id: str = "",
        action_space: str = "DefaultActionSpace",
        battle_backend: str = DEFAULT_BACKEND,
        self_play: bool = False,
    ) -> None:
        if not isinstance(game, ShowdownGame):
            raise InputError(f"metamon's trajectories are of Showdown's formats, not of {game.name}")
        check_format(game.format)
        self.policy = policy
        self.files: list[Path] = []
        self.left_out: dict[int, str] = {}
        self._format = game.format
        self._root = Path(root)
        self._players = file_safe(name), file_safe(opponent)
        self._time, self._battle_id = time, battle_id
        self._num_actions = get_action_space(action_space).num_actions
        self._backend = battle_backend
        self._self_play = self_play
        self._battles: dict[tuple[int, int], _Battle] = {}
        self._new_battle(0)

    def initial_memory(self, num_lanes: int) -> Any:
        """That of the policy."""
        return self.policy.initial_memory(num_lanes)

    def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        """As the policy."""
        if len(decisions) and decisions.text is None:
            raise InputError("recording trajectories reads the protocol: set EpisodeSetup.text for the seat")
        actions = self.policy.act(decisions, memory, rng)
        for row, action in enumerate(actions.tolist()):
            key = int(decisions.episode[row]), int(decisions.player[row])
            if decisions.decision[row] == 0:
                self._battles[key] = self._new_battle(key[1])
            battle = self._battles[key]
            assert decisions.text is not None
            battle.seat.feed(decisions.text[row].split("\n"))
            if not battle.seat.view.at_team_preview:
                battle.states.append(battle.seat.view.state())
                battle.actions.append(battle.seat.index(action, self._num_actions))
        return actions

    def on_result(self, result: Any) -> None:
        """Write the trajectories of a battle that has ended.

        Parameters
        ----------
        result : EpisodeResult or MatchResult
        """
        episode: EpisodeResult = getattr(result, "result", result)
        for player in (0, 1):
            battle = self._battles.pop((episode.episode, player), None)
            if battle is not None:
                self._finish(battle, player, episode)

    def _new_battle(self, player: int) -> _Battle:
        return _Battle(Seat(player, self._format, self._backend))

    def _finish(self, battle: _Battle, player: int, result: EpisodeResult) -> None:
        if result.reason == "error":
            self.left_out[result.episode] = "it ended with an error"
            return
        if not battle.actions:
            self.left_out[result.episode] = "the player chose nothing"
            return
        battle.seat.feed(_last_lines(result.info, player))
        battle.states.append(battle.seat.view.state())
        side = f"-p{player + 1}" if self._self_play else ""
        name = TrajectoryName(
            f"metamon-{self._format}-{self._battle_id}{result.episode}{side}",
            "Unrated",
            *self._players,
            self._time,
            result.returns[player] > 0,
        )
        self.files.append(write_trajectory(self._root, name, battle.states, battle.actions))


def _last_lines(info: Mapping[str, Any], player: int) -> Sequence[str]:
    """What a player was told after its last decision."""
    text = info.get("text", (None, None))[player]
    if text is None:
        raise InputError("the result lacks the battle's last lines: set EpisodeSetup.text for the seat")
    return str(text).split("\n")
