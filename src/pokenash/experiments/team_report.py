"""Win rates by team: how each policy does with each team of the set, and against each.

Counts and Wilson intervals are of each team alone. Beside them stand estimates that are made together
(`pokenash.algorithms.shrinkage`): of many teams, the one that seems best is partly lucky, and those say by how much.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from pokenash.algorithms.intervals import WinRate
from pokenash.algorithms.match_log import LoggedMatch, MatchLog
from pokenash.algorithms.shrinkage import shrink_rates
from pokenash.errors import InputError, RunDirectoryError
from pokenash.experiments.run_directory import read_json
from pokenash.games.showdown.team_set import TeamSet, team_sha256

__all__ = [
    "Matchup",
    "PolicyTeams",
    "TeamGame",
    "TeamIndex",
    "TeamReport",
    "TeamResult",
    "TeamTable",
    "games_of_matches",
    "read_game_teams",
    "read_team_games",
    "team_report",
]

Outcome = Literal["win", "draw", "loss"]


@dataclass(frozen=True, slots=True)
class TeamIndex:
    """What the indices of teams in a log refer to.

    Parameters
    ----------
    format : str
    names, sha256 : tuple of str
        Name and hash (`team_sha256`) of each team.
    """

    format: str
    names: tuple[str, ...]
    sha256: tuple[str, ...]

    @classmethod
    def of(cls, *sets: TeamSet) -> TeamIndex:
        """The teams of one or several sets, one after the other."""
        teams = [one for teams in sets for one in teams]
        return cls(sets[0].format, tuple(name for one in sets for name in one.names), tuple(map(team_sha256, teams)))


class TeamGame(NamedTuple):
    """One battle as one of its players saw it.

    Parameters
    ----------
    policy : str
        Who played.
    own, opponent : int or None
        Indices of the two teams in the set; None for a team that is not of the set or not known.
    outcome : {"win", "draw", "loss"}
    """

    policy: str
    own: int | None
    opponent: int | None
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class TeamResult:
    """What one team came to.

    Parameters
    ----------
    name : str
    sha256 : str
        Of the packed team (`team_sha256`). Teams that are in the set twice are one here.
    result : WinRate
        The policy's counts, rate and Wilson interval.
    estimate, lower, upper : float
        Shrunken rate and its interval.
    """

    name: str
    sha256: str
    result: WinRate
    estimate: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class TeamTable:
    """All teams of one side, the best estimate first.

    Parameters
    ----------
    rows : tuple of TeamResult
        Teams with at least one battle.
    overall : float
        Mean of the teams' true rates, estimated.
    spread, spread_lower, spread_upper : float
        Their standard deviation, estimated, with its interval. Near 0, teams differ by chance alone.
    """

    rows: tuple[TeamResult, ...]
    overall: float
    spread: float
    spread_lower: float
    spread_upper: float


@dataclass(frozen=True, slots=True)
class Matchup:
    """One team of the policy against one of its opponents' teams."""

    own: str
    opponent: str
    own_sha256: str
    opponent_sha256: str
    result: WinRate


@dataclass(frozen=True, slots=True)
class PolicyTeams:
    """One policy's results by team.

    Parameters
    ----------
    policy : str
    result : WinRate
        Of all its battles that are in a table.
    own, against : TeamTable or None
        By its own team and by its opponents'; None where no battle says which it was.
    matchups : tuple of Matchup
        Pairs of teams that met, most battles first.
    """

    policy: str
    result: WinRate
    own: TeamTable | None
    against: TeamTable | None
    matchups: tuple[Matchup, ...]


@dataclass(frozen=True, slots=True)
class TeamReport:
    """Win rates by team.

    Parameters
    ----------
    format : str
    num_teams : int
        In the set.
    policies : tuple of PolicyTeams
        By name.
    left_out : int
        Battles that ended with an error.
    level : float
        Of all intervals.
    """

    format: str
    num_teams: int
    policies: tuple[PolicyTeams, ...]
    left_out: int
    level: float


def team_report(
    games: Iterable[TeamGame],
    teams: TeamIndex,
    *,
    policies: Sequence[str] | None = None,
    left_out: int = 0,
    level: float = 0.95,
) -> TeamReport:
    """Win rates of policies by their own team and by their opponent's.

    A policy's rate with a team is over whatever it met with it, policies and teams, as they were drawn.

    Parameters
    ----------
    games : iterable of TeamGame
        A battle between two policies of interest is there twice, once for each.
    teams : TeamIndex
        What the battles' indices refer to.
    policies : sequence of str, optional
        Only these.
    left_out : int
        Battles that are not among the games because they ended with an error.
    level : float
        Of the intervals.

    Raises
    ------
    InputError
        If there is no such policy, no game, or an index is of no team.
    """
    keys = teams.sha256
    # Of a team that is there twice the first name counts.
    names = dict(zip(reversed(keys), reversed(teams.names), strict=True))
    of_policy: dict[str, list[TeamGame]] = {}
    for game in games:
        if any(index is not None and not 0 <= index < len(keys) for index in (game.own, game.opponent)):
            raise InputError(f"a battle of {game.policy!r} was played with team {game.own} against {game.opponent}, "
                             f"but the set has {len(keys)} teams: it is of another set")  # fmt: skip
        of_policy.setdefault(game.policy, []).append(game)
    unknown = [name for name in policies or () if name not in of_policy]
    if unknown or not of_policy:
        raise InputError(
            f"no battle of {', '.join(map(repr, unknown)) or 'any policy'} to report; "
            f"there are battles of {', '.join(sorted(of_policy)) or 'nobody'}"
        )
    chosen = sorted(of_policy) if policies is None else list(policies)
    tables = tuple(_policy_teams(name, of_policy[name], keys, names, level) for name in chosen)
    return TeamReport(teams.format, len(teams.names), tables, left_out, level)


def _policy_teams(
    policy: str, games: Sequence[TeamGame], keys: Sequence[str], names: Mapping[str, str], level: float
) -> PolicyTeams:
    own: dict[str, list[int]] = {}
    against: dict[str, list[int]] = {}
    pairs: dict[tuple[str, str], list[int]] = {}
    total = [0, 0, 0]
    for game in games:
        place = ("win", "draw", "loss").index(game.outcome)
        total[place] += 1
        mine, theirs = (None if index is None else keys[index] for index in (game.own, game.opponent))
        if mine is not None:
            own.setdefault(mine, [0, 0, 0])[place] += 1
        if theirs is not None:
            against.setdefault(theirs, [0, 0, 0])[place] += 1
        if mine is not None and theirs is not None:
            pairs.setdefault((mine, theirs), [0, 0, 0])[place] += 1
    matchups = [
        Matchup(names[mine], names[theirs], mine, theirs, _win_rate(counts, level))
        for (mine, theirs), counts in pairs.items()
    ]
    matchups.sort(key=lambda one: (-one.result.battles, one.own, one.opponent))
    tables = [_table(counts, names, level) if counts else None for counts in (own, against)]
    return PolicyTeams(policy, _win_rate(total, level), tables[0], tables[1], tuple(matchups))


def _win_rate(counts: Sequence[int], level: float) -> WinRate:
    wins, draws, losses = counts
    return WinRate.from_counts(wins, draws, losses, level)


def _table(counts: Mapping[str, Sequence[int]], names: Mapping[str, str], level: float) -> TeamTable:
    results = [_win_rate(found, level) for found in counts.values()]
    won = np.array([result.wins + result.draws / 2 for result in results])
    rates = shrink_rates(won, np.array([result.battles for result in results], np.float64), level)
    rows = [
        TeamResult(names[key], key, result, *(float(values[i]) for values in (rates.mean, rates.lower, rates.upper)))
        for i, (key, result) in enumerate(zip(counts, results, strict=True))
    ]
    rows.sort(key=lambda row: (-row.estimate, row.name))
    return TeamTable(tuple(rows), rates.overall, rates.spread, rates.spread_lower, rates.spread_upper)


def games_of_matches(matches: Iterable[LoggedMatch]) -> tuple[list[TeamGame], int]:
    """Each match as both its players saw it, and how many are left out because they ended with an error.

    Passed over are battles that started from a position, which are none of the set's, and those of a policy against
    itself with the same team on both sides, which say nothing of the team.

    Raises
    ------
    InputError
        If a match does not say which teams were played.
    """
    games: list[TeamGame] = []
    left_out = 0
    for match in matches:
        if not match.counted:
            left_out += 1
            continue
        if "position" in match.options:
            continue
        indices = match.options.get("teams")
        if not isinstance(indices, list) or len(indices) != 2 or not all(type(index) is int for index in indices):
            raise InputError(
                f"match {match.episode} of block {match.block!r} does not say which teams were played: its format "
                "draws its own"
            )
        if match.policies[0] == match.policies[1] and indices[0] == indices[1]:
            continue
        for seat in (0, 1):
            value = match.returns[seat]
            outcome: Outcome = "win" if value > 0 else "loss" if value < 0 else "draw"
            games.append(TeamGame(match.policies[seat], indices[seat], indices[1 - seat], outcome))
    return games, left_out


def read_game_teams(config: Mapping[str, Any]) -> TeamIndex:
    """The teams that indices in a log refer to, from the description of the game (`ShowdownGame.config`).

    Nothing is validated, so that no simulator is needed.

    Raises
    ------
    InputError
        If the game has no teams.
    """
    first, second = config.get("teams"), config.get("second_teams")
    if not isinstance(first, Mapping) or not isinstance(config.get("format"), str):
        raise InputError(
            f"the game {config.get('format') or config.get('game')!r} has no team set: the simulator draws its teams, "
            "or it is no game of Showdown's"
        )
    return TeamIndex.of(*[TeamSet.from_json(config["format"], one) for one in (first, second) if one is not None])


def read_team_games(directory: str | Path) -> tuple[TeamIndex, list[TeamGame], int]:
    """The teams and battles of a PSRO run or an evaluation, and how many battles ended with an error.

    Parameters
    ----------
    directory : path-like
        With ``config.json``, which describes the game, and ``matches/matches.jsonl``.

    Raises
    ------
    RunDirectoryError
        If a file is missing or damaged.
    InputError
        If the game has no team set.
    """
    folder = Path(directory)
    config = read_json(folder / "config.json")
    if not isinstance(config.get("game"), Mapping):
        raise RunDirectoryError(f"{folder / 'config.json'} describes no game; expected a run or an evaluation")
    teams = read_game_teams(config["game"])
    path = folder / "matches" / "matches.jsonl"
    if not path.exists():
        raise RunDirectoryError(f"{path} is not there: no battle has been played yet")
    games, left_out = games_of_matches(MatchLog(path))
    return teams, games, left_out
