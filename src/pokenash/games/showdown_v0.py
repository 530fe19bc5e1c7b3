"""# Pokémon Showdown.

Battles of Pokémon Showdown between two players, in the simulator that the site runs. Nothing needs to be started: the
simulator comes with pokenash and runs in a process of its own.

| Import             | `from pokenash.games import showdown_v0`         |
|--------------------|--------------------------------------------------|
| Actions            | Discrete                                         |
| Parallel API       | Yes                                              |
| Manual Control     | No                                               |
| Agents             | `agents= ['player_0', 'player_1']`               |
| Number of Agents   | 2                                                |
| Action Shape       | Discrete(10), 4 more for each gimmick            |
| Action Values      | Discrete(10) to Discrete(22)                     |
| Observation Shape  | dict of arrays, see below                        |
| Observation Values | int16 ids from 0 on; float32                     |

`player_0` is the simulator's Player 1 and `player_1` its Player 2.

### Turns

Both players choose in secret. `agent_selection` visits only players who owe a decision: as a rule both, `player_0`
first; after a Pokémon has fainted only its owner. The first choice is held and the second player's observation is from
before it. Rewards are given when the last choice resolves.

In the parallel form both agents are there at every step until the end. One who owes no decision has a mask of all
zeros, and whatever is given as its action is ignored.

### Observation Space

A dict of `"observation"` and `"action_mask"` (int8, one entry per action). The observation is a function of what the
player was told: its own protocol lines and requests, never the simulator's state. It is a dict of arrays:

| Array         | Shape   | dtype   | What it describes                                              |
|---------------|---------|---------|----------------------------------------------------------------|
| `pokemon_ids` | 12 rows | int16   | species, ability, item, status, types, moves of each Pokémon   |
| `pokemon`     | 12 rows | float32 | HP, stats, boosts, PP and volatile conditions of each          |
| `move_ids`    | 4 rows  | int16   | the four moves that can be chosen now                          |
| `moves`       | 4 rows  | float32 | whether they can be used, their PP, and gimmicks               |
| `global_ids`  | 1 row   | int16   | what is asked, weather, terrain, last moves                    |
| `global`      | 1 row   | float32 | turn, field and both sides                                     |

Rows 0 to 5 are the player's own Pokémon in the order of the team, rows 6 to 11 the opponent's in the order in which
they were seen. The columns are listed, one by one, in pokenash's documentation of the observation.

### Action Space

| Action   | Meaning                                                                                        |
|:--------:|------------------------------------------------------------------------------------------------|
| 0 to 3   | the move in that place of the request                                                          |
| 4 to 9   | switch to the Pokémon in that place of the team; the lead at team preview; whom to revive      |
| 10 to 13 | a move with the format's first gimmick (Mega Evolution, Z-move, Dynamax, Terastallization)     |
| 14 on    | a move with the second and third gimmick, where the format has them                            |
| -1       | forfeit: never in the mask, always legal for an agent who owes a decision                      |

An action that the mask forbids raises `pokenash.errors.IllegalActionError` and leaves the environment as it was. What
the *simulator* refuses though the mask allowed it (a trap that the player could not know of) is not the agent's fault:
the agent is asked again with a new mask.

### Rewards

| Winner | Loser | Tie, turn limit |
|:------:|:-----:|:---------------:|
|   +1   |  -1   |        0        |

### Infos

`turn` always. At the end also `reason` (`"win"`, `"tie"`, `"turn limit"` or `"forfeit"`), `turns` and `remaining` (the
Pokémon that both players have left). A battle that ends by the turn limit is truncated, every other one terminated.

### Arguments

``` python
showdown_v0.env(format="gen1ou", teams=None, seed=None, turn_limit=None, render_mode=None)
```

`format`: any singles format of the simulator, such as `"gen1ou"` or `"gen9randombattle"`.

`teams`: the name of a set, export text, packed teams, JSON, a file or a directory of team files (see
`pokenash.games.showdown.team_sets.load_team_set`). By default the set that comes with pokenash for the format. Each
episode draws two of them; `reset(options={"teams": [i, j]})` says which. `reset(options={"position": p})` starts in
mid-play, from a `pokenash.games.showdown.Position`. Other options are ignored.

`seed`: seeds the stream of episodes. `reset(seed=...)` begins a new stream; `reset()` goes on with the last one. A
seed fixes the teams that are drawn and every random number of the battle.

`turn_limit`: a battle that goes on after this many turns is a tie. The simulator has a limit of 1,000 turns itself.

`render_mode`: `"ansi"`: `render()` gives, in words, what has happened since it was called last.

`observation`: `"tensor"`, the only one.

`speedups`: whether the simulator runs with pokenash's speed-ups, which change no result. On by default.

### Version History

* v0: Initial version

"""

from __future__ import annotations

import copy
import os
from typing import Any, ClassVar, TypedDict, Unpack

import gymnasium
from pettingzoo.utils.wrappers import OrderEnforcingWrapper

from pokenash.errors import InputError
from pokenash.games.showdown.game import ShowdownGame
from pokenash.games.showdown.positions import Position
from pokenash.games.showdown.replay import save_log, save_record, save_replay
from pokenash.games.showdown.single import ShowdownLane
from pokenash.games.showdown.vector import FORFEIT
from pokenash.games.vector_env import SingleLane, VectorGameEnv, VectorGameParallelEnv

__all__ = ["FORFEIT", "Settings", "ShowdownEnv", "ShowdownParallelEnv", "env", "parallel_env", "raw_env"]

_RENDER_MODES = ("ansi",)


class Settings(TypedDict, total=False):
    """Arguments of `env`, `raw_env` and `parallel_env`; what each means is in this module's documentation."""

    format: str
    teams: Any
    seed: int | None
    turn_limit: int | None
    render_mode: str | None
    observation: str
    speedups: bool


def env(**settings: Unpack[Settings]) -> Any:
    """The battle as an AEC environment, with PettingZoo's checks of the order of calls."""
    return _Ordered(raw_env(**settings))


def raw_env(**settings: Unpack[Settings]) -> ShowdownEnv:
    """The battle as an AEC environment."""
    lane = _lane(settings)
    return ShowdownEnv(lane, render_mode=settings.get("render_mode"))


def parallel_env(**settings: Unpack[Settings]) -> ShowdownParallelEnv:
    """The battle as a parallel environment."""
    lane = _lane(settings)
    return ShowdownParallelEnv(lane, render_mode=settings.get("render_mode"))


def _lane(settings: Settings) -> ShowdownLane:
    unknown = set(settings) - set(Settings.__annotations__)
    if unknown:
        raise InputError(f"unknown arguments {sorted(unknown)}; expected {sorted(Settings.__annotations__)}")
    mode = settings.get("render_mode")
    if mode is not None and mode not in _RENDER_MODES:
        raise InputError(f"render_mode is {mode!r}; expected None or one of {list(_RENDER_MODES)}")
    own = {"seed", "render_mode"}
    game = ShowdownGame(**{name: value for name, value in settings.items() if name not in own})  # type: ignore[arg-type]
    return ShowdownLane(game, seed=settings.get("seed"), tell=mode == "ansi")


class _Records:
    """What both forms of the environment can do with their battle."""

    lane: SingleLane
    render_mode: str | None

    @property
    def _battle(self) -> ShowdownLane:
        assert isinstance(self.lane, ShowdownLane)
        return self.lane

    @property
    def record(self) -> dict[str, Any]:
        """Everything that is needed to play this battle again, so far as it has been played."""
        return self._battle.record

    def position(self, name: str | None = None, *, description: str = "") -> Position:
        """The battle as it stands, from which others can start; a choice that is held is no part of it.

        Raises
        ------
        InputError
            If there is no battle, or it has ended.
        """
        return self._battle.position(name, description)

    def save_record(self, path: str | os.PathLike[str]) -> None:
        """Write `record` as JSON; `pokenash.games.showdown.replay` reads it and plays it again."""
        save_record(self.record, path)

    def save_log(self, path: str | os.PathLike[str]) -> None:
        """Write the battle as spectators see it, in Showdown's protocol."""
        save_log(self.record, path)

    def save_replay(self, path: str | os.PathLike[str], *, players: tuple[str, str] | None = None) -> None:
        """Write Showdown's replay page (HTML)."""
        save_replay(self.record, path, players=players)

    def render(self) -> str | None:
        """In words, what has happened since the last call; needs ``render_mode="ansi"``."""
        if self.render_mode is None:
            gymnasium.logger.warn("You are calling render method without specifying any render mode.")
            return None
        return self._battle.story()


class ShowdownEnv(_Records, VectorGameEnv):
    """A Showdown battle as an AEC environment; made by `env` and `raw_env`."""

    metadata: ClassVar[dict[str, Any]] = {
        "name": "showdown_v0",
        "render_modes": list(_RENDER_MODES),
        "is_parallelizable": True,
    }

    def forfeit(self, agent: str) -> None:
        """Give up for an agent who owes a decision, or whose choice is being held.

        Where the other agent owes one too, the battle ends with its choice.

        Raises
        ------
        InputError
            If the agent owes nothing now.
        """
        self._battle.forfeit(self.possible_agents.index(agent))
        self._clear_rewards()
        self._after_choice()

    def clone(self, seed: int | None = None, *, into: ShowdownEnv | None = None) -> ShowdownEnv:
        """An independent copy of this environment, in mid-play or not.

        Given the same actions it goes on identically, later episodes included; a choice that is held is held there too.

        Parameters
        ----------
        seed : int, optional
            What is random from here on, later episodes included, follows this seed instead: another future of the same
            battle. What has been drawn already and nobody has seen yet, such as how long a Pokémon sleeps, stays.
        into : ShowdownEnv, optional
            An environment that `clone` has made before: its process is used again, which saves the half second that
            a new one takes to start, and its own battle is given up.

        Raises
        ------
        InputError
            If `into` is this environment, or was not made from it or one of its clones.
        """
        lane = self._battle.clone(seed, None if into is None else into._battle)
        twin = ShowdownEnv(lane, render_mode=self.render_mode) if into is None else into
        for name in ("rewards", "_cumulative_rewards", "terminations", "truncations", "infos"):
            if hasattr(self, name):
                setattr(twin, name, copy.deepcopy(getattr(self, name)))
        for name in ("agent_selection", "_skip_agent_selection"):
            if hasattr(self, name):
                setattr(twin, name, getattr(self, name))
        twin.agents = self.agents[:]
        twin.render_mode = self.render_mode
        return twin


class ShowdownParallelEnv(_Records, VectorGameParallelEnv):
    """A Showdown battle as a parallel environment; made by `parallel_env`."""

    metadata: ClassVar[dict[str, Any]] = {"name": "showdown_v0", "render_modes": list(_RENDER_MODES)}

    def clone(self, seed: int | None = None, *, into: ShowdownParallelEnv | None = None) -> ShowdownParallelEnv:
        """An independent copy of this environment; see `ShowdownEnv.clone`."""
        lane = self._battle.clone(seed, None if into is None else into._battle)
        twin = ShowdownParallelEnv(lane, render_mode=self.render_mode) if into is None else into
        twin.agents = self.agents[:]
        twin.render_mode = self.render_mode
        return twin


class _Ordered(OrderEnforcingWrapper):  # type: ignore[misc]
    """PettingZoo's checks of the order of calls, which shall know that a forfeit is a step."""

    def forfeit(self, agent: str) -> None:
        self._has_updated = True
        self.env.forfeit(agent)

    def clone(self, seed: int | None = None, *, into: _Ordered | None = None) -> _Ordered:
        """See `ShowdownEnv.clone`."""
        twin = self.env.clone(seed, into=None if into is None else into.env)
        wrapped = _Ordered(twin) if into is None else into
        wrapped._has_reset, wrapped._has_updated = self._has_reset, self._has_updated
        return wrapped

    def __str__(self) -> str:
        return str(self.env)
