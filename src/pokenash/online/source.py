"""What plays: the policy of a session with its game, teams and description."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pokenash.errors import InputError
from pokenash.games.showdown.game import ShowdownGame
from pokenash.games.showdown.team_set import team_sha256
from pokenash.policies.core import Policy
from pokenash.policies.sources import is_run, policy_specs, read_run
from pokenash.policies.spec import PolicySpec, load_policy

__all__ = ["Entrant", "find_entrant"]


@dataclass(frozen=True)
class Entrant:
    """A policy that is ready to play.

    Parameters
    ----------
    name : str
    policy : Policy
    game : ShowdownGame
        The format, and the teams that are drawn from.
    description : dict
        For the config: the spec as JSON, or what is known of a policy that has none.
    """

    name: str
    policy: Policy
    game: ShowdownGame
    description: dict[str, Any]

    def teams_description(self) -> dict[str, Any] | None:
        """Names of the teams and SHA-256 of the packed teams, of all and of each; None where the server draws them."""
        teams = self.game.teams
        if teams is None:
            return None
        digest = hashlib.sha256("\n".join(teams.packed).encode()).hexdigest()
        return {"names": list(teams.names), "sha256": digest, "sha256_of_each": [team_sha256(one) for one in teams]}


def find_entrant(source: str | PolicySpec | Policy, format: str | None = None, teams: Any = None) -> Entrant:
    """Load what a person names.

    Parameters
    ----------
    source : str, PolicySpec or Policy
        The directory of a run, for its mixture, format and teams; or whatever `policy_specs` knows.
    format : str, optional
        Default: the run's, else ``"gen1ou"``.
    teams : optional
        What `load_teams` reads. Default: the run's teams where the format is the run's, else those that come with
        pokenash.

    Raises
    ------
    InputError
        If it is unknown, names several policies, or its game is not a Showdown format.
    """
    if isinstance(source, Policy):
        name = type(source).__name__
        return Entrant(name, source, ShowdownGame(format or "gen1ou", teams), {"name": name})
    if isinstance(source, str) and is_run(source):
        return _of_run(source, format, teams)
    if isinstance(source, PolicySpec):
        spec = source
    else:
        specs = policy_specs([source], "what to play")
        if len(specs) != 1:
            raise InputError(f"what to play: {source!r} holds {len(specs)} policies, expected one")
        spec = specs[0]
    game = ShowdownGame(format or "gen1ou", teams)
    return Entrant(spec.name, load_policy(spec, game), game, spec.to_json())


def _of_run(directory: str, format: str | None, teams: Any) -> Entrant:
    run = read_run(directory)
    game = run.game
    if not isinstance(game, ShowdownGame):
        raise InputError(f"{directory} is a run of the game {game.name!r}; a server plays Showdown formats")
    if format not in (None, game.format) or teams is not None:
        game = ShowdownGame(format or game.format, teams)
    description = run.mixture.to_json()
    # As the same JSON will be read from disk.
    description = json.loads(json.dumps(description)) | {"run": Path(directory).resolve().name}
    return Entrant(run.mixture.name, load_policy(run.mixture, game), game, description)
