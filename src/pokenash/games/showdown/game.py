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
from pokenash.games.showdown.records import Rules
from pokenash.games.showdown.teams import TeamSet, default_teams, format_info, load_teams

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


class ShowdownGame(Game):
    """Pokémon Showdown battles of one singles format.

    Parameters
    ----------
    format : str
        Any singles format of the simulator.
    teams : TeamSet or anything that `load_teams` reads, optional
        The teams that ``options["teams"]`` refers to. Default: the set that comes with pokenash for that format.
        None for formats whose teams the simulator draws.
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
        self.teams: TeamSet | None = default_teams(info.id) if teams is None else load_teams(teams, info.id)
        self.gimmicks = info.gimmicks
        self.num_actions = 10 + 4 * len(self.gimmicks)
        layout = Layout.load()
        self.blocks = tuple(Block(name, layout.dtype(name).name, layout.shape(name)) for name in layout.blocks)
        self.observation_space = layout.observation_space()
        packed = None if self.teams is None else tuple(self.teams)
        self.rules = Rules(info.id, packed, turn_limit, simulator_version())

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
        teams = None if self.teams is None else {"names": list(self.teams.names), "packed": list(self.teams.packed)}
        return {
            "game": "showdown",
            "format": self.format,
            "teams": teams,
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
        settings = {key: value for key, value in config.items() if key not in ("game", "teams", "simulator")}
        wanted = config.get("simulator")
        if wanted is not None and wanted != simulator_version():
            raise InputError(
                f"the game was played with simulator {wanted}, but {simulator_version()} is installed; battles "
                "would not be the same"
            )
        teams = config.get("teams")
        if isinstance(teams, Mapping):
            teams = TeamSet(config["format"], tuple(teams["names"]), tuple(teams["packed"]))
        return cls(teams=teams, **settings)

    def worker_options(self) -> dict[str, Any]:
        """What a worker must know before it can play."""
        return {
            "format": self.format,
            "teams": self.rules.teams,
            "turn_limit": self.turn_limit,
            "speedups": self.speedups,
        }

    def sample_options(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw two teams, independently and uniformly; nothing for a format whose teams the simulator draws."""
        if self.teams is None:
            return {}
        return {"teams": [int(i) for i in rng.integers(len(self.teams), size=2)]}

    def check_setup(self, setup: EpisodeSetup) -> None:
        """Refuse a setup that cannot be played.

        Raises
        ------
        InputError
            If the seed or the teams are out of range, or an option is unknown.
        """
        if not 0 <= setup.seed < _SEEDS:
            raise InputError(f"episode {setup.episode} has the seed {setup.seed}, expected one in [0, 2**64)")
        unknown = set(setup.options) - {"teams"}
        if unknown:
            raise InputError(f"episode {setup.episode} has unknown options {sorted(unknown)}; expected only 'teams'")
        teams = setup.options.get("teams")
        if self.teams is None:
            if teams is not None:
                raise InputError(f"episode {setup.episode} names teams, but {self.format} draws its own")
        elif not _are_indices(teams, len(self.teams)):
            raise InputError(
                f"episode {setup.episode} has options {dict(setup.options)}, expected 'teams' with two indices "
                f"below {len(self.teams)}"
            )
