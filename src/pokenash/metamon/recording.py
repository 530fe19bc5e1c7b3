"""Recording the battles that any policy plays as metamon's trajectories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from pokenash.metamon.trajectories import (
    TrajectoryName,
    encode_trajectory,
    file_safe,
    write_encoded_trajectory,
)
from pokenash.policies.core import DecisionRandom, Policy
from pokenash.policies.mixture import Mixture

__all__ = ["BattleRecorder", "RecordedPolicies", "TrajectoryRecorder", "TrajectoryRecording", "recorded_name"]


@dataclass
class _Battle:
    """One player's battle so far."""

    seat: Seat
    states: list[UniversalState] = field(default_factory=list)
    actions: list[int] = field(default_factory=list)


class BattleRecorder(Policy):
    """Plays as another policy does, and keeps what it saw and chose until it is asked for.

    What is kept is what was played: the index of an action is that of metamon's action space, −1 where that space
    cannot say the action.

    Parameters
    ----------
    policy : Policy
    game : ShowdownGame
        Of a singles format of generations 1 to 4 or 9.
    action_space : str
        metamon's name.
    battle_backend : str

    Raises
    ------
    InputError
        If the game is another, or there is no such action space or backend.
    """

    needs_text = True

    def __init__(
        self,
        policy: Policy,
        game: Game,
        *,
        action_space: str = "DefaultActionSpace",
        battle_backend: str = DEFAULT_BACKEND,
    ) -> None:
        if not isinstance(game, ShowdownGame):
            raise InputError(f"metamon's trajectories are of Showdown's formats, not of {game.name}")
        check_format(game.format)
        self.policy = policy
        self.format = game.format
        self._num_actions = get_action_space(action_space).num_actions
        self._backend = battle_backend
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

    def take(self, result: EpisodeResult, player: int) -> bytes | None:
        """The trajectory of a player in a battle that has ended, as its file holds it; it is forgotten here.

        None if the policy did not sit there, the player chose nothing, or the battle ended with an error.

        Raises
        ------
        InputError
            If the result lacks the battle's last lines.
        """
        battle = self._battles.pop((result.episode, player), None)
        if battle is None or not battle.actions or result.reason == "error":
            return None
        battle.seat.feed(_last_lines(result.info, player))
        battle.states.append(battle.seat.view.state())
        return encode_trajectory(battle.states, battle.actions)

    def _new_battle(self, player: int) -> _Battle:
        return _Battle(Seat(player, self.format, self._backend))


class TrajectoryRecorder(BattleRecorder):
    """Plays as another policy does and writes a trajectory file for each of its battles.

    Give it to `Arena.play` in place of the policy, and `on_result` as ``on_result``.

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
    both_seats : bool
        Whether the other seat is recorded too, by this recorder or another one. The battles' numbers then end with
        ``-p1`` or ``-p2``, since the two sides of a tie could have one name.

    Attributes
    ----------
    files : list of Path
        What was written, in the order in which battles ended.
    left_out : dict of int to str
        Episodes without a file, and why: battles that ended with an error, or in which the player chose nothing.
    """

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
        both_seats: bool = False,
    ) -> None:
        super().__init__(policy, game, action_space=action_space, battle_backend=battle_backend)
        self.files: list[Path] = []
        self.left_out: dict[int, str] = {}
        self._root = Path(root)
        self._players = name, opponent
        self._time, self._battle_id = time, battle_id
        self._both_seats = both_seats

    def on_result(self, result: Any) -> None:
        """Write the trajectories of a battle that has ended.

        Parameters
        ----------
        result : EpisodeResult or MatchResult
        """
        episode: EpisodeResult = getattr(result, "result", result)
        for player in (0, 1):
            if (episode.episode, player) not in self._battles:
                continue
            data = self.take(episode, player)
            if data is not None:
                self.files.append(write_encoded_trajectory(self._root, self.format, self._name(episode, player), data))
            elif episode.reason == "error":
                self.left_out[episode.episode] = "it ended with an error"
            else:
                self.left_out[episode.episode] = "the player chose nothing"

    def _name(self, result: EpisodeResult, player: int) -> TrajectoryName:
        return recorded_name(
            self.format, self._battle_id, result, player,
            names=self._players, time=self._time, both_seats=self._both_seats,
        )  # fmt: skip


def recorded_name(
    format: str,
    battle_id: str,
    result: EpisodeResult,
    player: int,
    *,
    names: tuple[str, str],
    time: datetime,
    both_seats: bool,
) -> TrajectoryName:
    """The file's name of a trajectory that was recorded.

    Parameters
    ----------
    format : str
    battle_id : str
        Begins the battle's number.
    result : EpisodeResult
    player : int
        Whose trajectory it is.
    names : (str, str)
        Of the player and of the opponent; characters that a file's name cannot hold become ``-``.
    time : datetime
    both_seats : bool
        As for `TrajectoryRecorder`.
    """
    side = f"-p{player + 1}" if both_seats else ""
    battle = f"metamon-{format}-{battle_id}{result.episode}{side}"
    own, other = map(file_safe, names)
    return TrajectoryName(battle, "Unrated", own, other, time, result.returns[player] > 0)


@dataclass(frozen=True)
class TrajectoryRecording:
    """What to record of the matches of a schedule: plain data, which may go to the machines that play.

    It is what the ``recording`` of `pokenash.arena.Arena.stream` is: each `MatchResult` then has the trajectories of
    its recorded seats, as their files hold them.

    Parameters
    ----------
    policies : tuple of int
        Whose seats: indices as the matches have them.
    action_space : str
        metamon's name.
    battle_backend : str
    """

    policies: tuple[int, ...]
    action_space: str = "DefaultActionSpace"
    battle_backend: str = DEFAULT_BACKEND

    def start(self, policies: Sequence[Policy], game: Game) -> RecordedPolicies:
        """Begin to record live policies; the errors are those of `BattleRecorder`."""
        return RecordedPolicies(self, policies, game)


class RecordedPolicies:
    """Live policies, some of them recorded.

    Parameters
    ----------
    recording : TrajectoryRecording
    policies : sequence of Policy
    game : ShowdownGame

    Attributes
    ----------
    policies : list of Policy
        Play in the place of those that were given, and as they do.
    """

    def __init__(self, recording: TrajectoryRecording, policies: Sequence[Policy], game: Game) -> None:
        self._about, self._game = recording, game
        self._recorders: list[BattleRecorder] = []
        self.policies = [
            self._recorded(policy) if index in recording.policies else policy for index, policy in enumerate(policies)
        ]

    def _recorded(self, policy: Policy) -> Policy:
        """The policy, recorded; of a mixture every member, so that the arena still knows who was drawn."""
        if isinstance(policy, Mixture):
            return Mixture(policy.names, [self._recorded(member) for member in policy.members], policy.probabilities)
        recorder = BattleRecorder(
            policy, self._game, action_space=self._about.action_space, battle_backend=self._about.battle_backend
        )
        self._recorders.append(recorder)
        return recorder

    def finish(self, result: EpisodeResult) -> tuple[EpisodeResult, tuple[bytes | None, bytes | None]]:
        """What was recorded of each seat of an episode that ended, and its result without the text that this took."""
        first, second = (
            next((data for one in self._recorders if (data := one.take(result, player)) is not None), None)
            for player in (0, 1)
        )
        info = {name: value for name, value in result.info.items() if name != "text"}
        return replace(result, info=info), (first, second)


def _last_lines(info: Mapping[str, Any], player: int) -> Sequence[str]:
    """What a player was told after its last decision."""
    text = info.get("text", (None, None))[player]
    if text is None:
        raise InputError("the result lacks the battle's last lines: set EpisodeSetup.text for the seat")
    return str(text).split("\n")
