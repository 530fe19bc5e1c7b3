"""Showdown as a `Game`: which format, which teams, and what is fixed about its battles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pokenash.errors import InputError
from pokenash.games.core import EpisodeSetup, Game
from pokenash.games.showdown.frames import Block
from pokenash.games.showdown.node import simulator_version
from pokenash.games.showdown.observation import Layout
from pokenash.games.showdown.positions import PositionSet
from pokenash.games.showdown.records import Rules
from pokenash.games.showdown.team_draws import TeamDraws
from pokenash.games.showdown.team_set import TeamSet, TeamSplit
from pokenash.games.showdown.team_sets import load_team_set
from pokenash.games.showdown.teams import default_teams, format_info

if TYPE_CHECKING:
    from pokenash.games.showdown.dex import Dex
    from pokenash.games.showdown.vector import ShowdownVectorGame

__all__ = ["ShowdownGame"]

_SEEDS = 2**64


def _are_indices(teams: Any, count: int) -> bool:
    """Whether `teams` is two integers below `count`."""
    if not isinstance(teams, Sequence) or len(teams) != 2:
        return False
    return all(isinstance(one, int | np.integer) and 0 <= one < count for one in teams)


def _draws(format: str, teams: Any, second_teams: Any, split: TeamSplit) -> TeamDraws | None:
    """What the players' teams are drawn from; None where the simulator draws them."""
    if teams is None:
        teams = default_teams(format)
    if teams is None:
        if second_teams is not None or split != "all":
            raise InputError(f"{format} draws its own teams: it takes no second_teams= and no team_split=")
        return None
    first = load_team_set(teams, format, split=split)
    second = None if second_teams is None else load_team_set(second_teams, format, split=split)
    return TeamDraws(first, second)


class ShowdownGame(Game):
    """Pokémon Showdown battles of one singles format.

    Parameters
    ----------
    format : str
        Any singles format of the simulator.
    teams : TeamSet or anything that `load_team_set` reads, optional
        What both players' teams are drawn from. Default: the set that comes with pokenash for that format.
        None for formats whose teams the simulator draws.
    second_teams : like `teams`, optional
        What the second player's teams are drawn from, where that is another set than the first player's.
    team_split : {"all", "train", "held-out"}
        The part of the sets that is played, as `TeamSet.split` makes it.
    positions : PositionSet, list of Position, or a file of them
        What ``options["position"]`` refers to by name or index.
    turn_limit : int, optional
        A battle that has not ended after this many turns is a tie with the reason ``"turn limit"``. The
        simulator's own limit of 1,000 turns is always there.
    speedups : bool
        Whether the simulator runs with the two speed-ups that change no result.
    observation : str
        What rows carry. Only ``"tensor"``.
    batch_lanes : int, optional
        Default of `vector`'s parameter of that name.
    timeout : float
        Seconds after which a worker that says nothing counts as hung.

    Attributes
    ----------
    teams : TeamSet or None
        The teams that ``options["teams"]`` refers to: the first player's, followed by the second player's where those
        are other ones.

    Raises
    ------
    InputError
        If the format does not exist or is not a singles format, or a setting is out of range.
    TeamError
        If a team is not legal.
    SimulatorError
        If Node or the simulator is missing.
    """

    def __init__(
        self,
        format: str = "gen1ou",
        teams: Any = None,
        *,
        second_teams: Any = None,
        team_split: TeamSplit = "all",
        positions: Any = (),
        turn_limit: int | None = None,
        speedups: bool = True,
        observation: str = "tensor",
        batch_lanes: int | None = None,
        timeout: float = 60.0,
    ) -> None:
        info = format_info(format)
        if info.game_type != "singles":
            raise InputError(f"{info.id} is a format of {info.game_type}; pokenash plays singles formats only")
        if turn_limit is not None and turn_limit < 1:
            raise InputError(f"turn_limit is {turn_limit}, expected a positive number of turns or None")
        if observation != "tensor":
            raise InputError(f"observation is {observation!r}, expected 'tensor'")
        if not timeout > 0:
            raise InputError(f"timeout is {timeout}, expected a positive number of seconds")
        self.format = info.id
        self.generation = info.generation
        self.name = info.id
        self.turn_limit = turn_limit
        self.speedups = speedups
        self.batch_lanes = batch_lanes
        self.timeout = timeout
        self._draws = _draws(info.id, teams, second_teams, team_split)
        self.teams: TeamSet | None = None if self._draws is None else self._draws.teams
        self.gimmicks = info.gimmicks
        self.num_actions = 10 + 4 * len(self.gimmicks)
        layout = Layout.load()
        self.blocks = tuple(Block(name, layout.dtype(name).name, layout.shape(name)) for name in layout.blocks)
        self.observation_space = layout.observation_space()
        packed = None if self.teams is None else tuple(self.teams)
        self.positions = PositionSet.of(positions)
        self.rules = Rules(info.id, packed, turn_limit, simulator_version(), self.positions)

    @cached_property
    def dex(self) -> Dex:
        """Static tables of the format's generation, with the ids that observations use."""
        from pokenash.games.showdown.dex import load_dex

        return load_dex(self.format)

    def vector(self, num_lanes: int, num_workers: int = 1, *, batch_lanes: int | None = None) -> ShowdownVectorGame:
        """Start worker processes with this many lanes; see `ShowdownVectorGame`."""
        from pokenash.games.showdown.vector import ShowdownVectorGame

        return ShowdownVectorGame(self, num_lanes, num_workers, batch_lanes=batch_lanes or self.batch_lanes)

    def config(self) -> dict[str, Any]:
        """JSON-able description; teams are written out, so that it does not depend on files."""
        return {
            "game": "showdown",
            "format": self.format,
            **({"teams": None} if self._draws is None else self._draws.to_json()),
            **({"positions": [one.to_json() for one in self.positions]} if len(self.positions) else {}),
            "turn_limit": self.turn_limit,
            "speedups": self.speedups,
            "batch_lanes": self.batch_lanes,
            "timeout": self.timeout,
            "simulator": self.rules.simulator,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> ShowdownGame:
        """Make the game that `config` describes.

        Raises
        ------
        InputError
            If it was written with another version of the simulator.
        """
        settings = {key: value for key, value in config.items() if key not in ("game", "simulator")}
        wanted = config.get("simulator")
        if wanted is not None and wanted != simulator_version():
            raise InputError(
                f"the game was played with simulator {wanted}, but {simulator_version()} is installed; battles "
                "would not be the same"
            )
        for key in ("teams", "second_teams"):
            if isinstance(settings.get(key), Mapping):
                settings[key] = TeamSet.from_json(config["format"], settings[key])
        return cls(**settings)

    def worker_options(self) -> dict[str, Any]:
        """What a worker must know before it can play."""
        return {
            "format": self.format,
            "teams": self.rules.teams,
            "turn_limit": self.turn_limit,
            "speedups": self.speedups,
        }

    def sample_options(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw two teams, independently and as often as the sets say; nothing where the simulator draws the teams."""
        return {} if self._draws is None else {"teams": self._draws.draw(rng)}

    def team_at(self, player: int, place: float) -> int | None:
        """Index of the team that a place in [0, 1) falls on, each having its share; None where there is no set."""
        return None if self._draws is None else self._draws.index_at(player, place)

    def check_setup(self, setup: EpisodeSetup) -> None:
        """Refuse a setup that cannot be played.

        Raises
        ------
        InputError
            If the seed or the teams are out of range, or an option is unknown.
        """
        if not 0 <= setup.seed < _SEEDS:
            raise InputError(f"episode {setup.episode} has the seed {setup.seed}, expected one in [0, 2**64)")
        unknown = set(setup.options) - {"teams", "position", "continued"}
        if unknown:
            raise InputError(
                f"episode {setup.episode} has unknown options {sorted(unknown)}; expected 'teams', or 'position' and "
                "'continued'"
            )
        if self.rules.position(setup) is not None:
            return
        teams = setup.options.get("teams")
        if self.teams is None:
            if teams is not None:
                raise InputError(f"episode {setup.episode} names teams, but {self.format} draws its own")
        elif not _are_indices(teams, len(self.teams)):
            raise InputError(
                f"episode {setup.episode} has options {dict(setup.options)}, expected 'teams' with two indices "
                f"below {len(self.teams)}"
            )
