"""The games that commands play by name: Showdown's formats, and OpenSpiel's games."""

from __future__ import annotations

from pokenash.errors import InputError
from pokenash.games.core import Game
from pokenash.games.showdown import ShowdownGame
from pokenash.games.showdown.team_set import TeamSplit

__all__ = ["SHOWDOWN", "named_game"]

SHOWDOWN = "showdown"


def named_game(
    name: str,
    *,
    format: str = "gen1ou",
    teams: str | None = None,
    team_split: TeamSplit = "all",
    turn_limit: int | None = None,
) -> Game:
    """A game by its name.

    Parameters
    ----------
    name : str
        ``"showdown"``, or OpenSpiel's short name of a two-player zero-sum game, such as ``"leduc_poker"``.
    format, teams, team_split, turn_limit
        Of Showdown, as `ShowdownGame` takes them; they must be left as they are for other games.

    Raises
    ------
    InputError, TeamError
        If there is no such game, or its settings cannot be used.
    """
    if name == SHOWDOWN:
        return ShowdownGame(format, teams=teams, team_split=team_split, turn_limit=turn_limit)
    if (format, teams, team_split, turn_limit) != ("gen1ou", None, "all", None):
        raise InputError(f"format, teams, team_split and turn_limit are Showdown's; leave them out for {name}")
    from pokenash.games.openspiel import OpenSpielGame

    return OpenSpielGame(name)
