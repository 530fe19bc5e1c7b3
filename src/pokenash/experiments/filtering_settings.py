"""Settings of a filter as one flat value: what ``pokenash filter`` offers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from pokenash.errors import InputError
from pokenash.experiments.filtering import FilterResult, filter_trajectories
from pokenash.experiments.filtering_rules import Balance, FilterRules, team_species
from pokenash.games.showdown.team_set import TeamSplit
from pokenash.games.showdown.team_sets import load_team_set

__all__ = ["FilterSettings"]


@dataclass(frozen=True)
class FilterSettings:
    """Which trajectories to keep.

    Parameters
    ----------
    sources : tuple of str
        Roots of trajectories (folders that hold a folder per format), or directories of collections.
    output : Path
        The new root: a directory that is not there yet, or empty.
    max_refused_rate : float
        Most that the share of decisions may be whose action is unknown or not one that the state offers, 0 to 1.
    min_turns : int, optional
        Least number of turns; one in which only a forced switch was asked for does not count.
    max_turns : int, optional
        Greatest number of turns.
    min_rating : float, optional
        Least rating, by the file's name; unrated trajectories are dropped then.
    max_rating : float, optional
        Greatest rating; unrated trajectories are dropped then.
    result : str
        ``any``, ``win`` or ``loss``; a tie counts as a loss.
    formats : tuple of str
        Only these formats. Default: all.
    players : tuple of str
        Only trajectories of these players. Default: all.
    opponents : tuple of str
        Only against these players. Default: all.
    with_species : tuple of str
        Only own teams that have all of these.
    without_species : tuple of str
        Only own teams that have none of these.
    teams : str, optional
        Only own teams of this set: a file or directory of teams, or the name of a set.
    teams_format : str, optional
        Format of that set. Default: the one in --formats.
    team_split : str
        The part of the set: ``all``, ``train`` or ``held-out``.
    most_per_team : int, optional
        Keep at most so many trajectories of each own team.
    balance : str
        Keep as many wins as others: ``all`` in each format, ``matchup`` for each pair of names; ``none`` does not.
    seed : int
        Of what is left out where there is too much.
    action_space : str
        metamon's name of the one that the actions in the files are of.
    workers : int
        Processes that read files, where there are many; what is kept does not depend on it.
    """

    sources: Annotated[Positional[tuple[str, ...]], arg(metavar="SOURCES")]
    output: Path = Path("runs/filtered")
    max_refused_rate: float = 1.0
    min_turns: int | None = None
    max_turns: int | None = None
    min_rating: float | None = None
    max_rating: float | None = None
    result: Literal["any", "win", "loss"] = "any"
    formats: tuple[str, ...] = ()
    players: tuple[str, ...] = ()
    opponents: tuple[str, ...] = ()
    with_species: tuple[str, ...] = ()
    without_species: tuple[str, ...] = ()
    teams: str | None = None
    teams_format: str | None = None
    team_split: TeamSplit = "all"
    most_per_team: int | None = None
    balance: Balance = "none"
    seed: int = 0
    action_space: str = "DefaultActionSpace"
    workers: int = 2

    def rules(self) -> FilterRules:
        """The rules; teams are loaded here.

        Raises
        ------
        InputError, TeamError
            If a value is out of range, or the teams cannot be loaded.
        """
        return FilterRules(
            max_refused_rate=self.max_refused_rate,
            min_turns=self.min_turns,
            max_turns=self.max_turns,
            min_rating=self.min_rating,
            max_rating=self.max_rating,
            result=self.result,
            formats=self.formats,
            players=self.players,
            opponents=self.opponents,
            with_species=self.with_species,
            without_species=self.without_species,
            teams=self._teams(),
            most_per_team=self.most_per_team,
            balance=self.balance,
            seed=self.seed,
            action_space=self.action_space,
        )

    def _teams(self) -> frozenset[tuple[str, ...]] | None:
        if self.teams is None:
            if self.team_split != "all":
                raise InputError(f"filter: --team-split {self.team_split} needs --teams, of which it is a part")
            return None
        format = self.teams_format or (self.formats[0] if len(self.formats) == 1 else None)
        if format is None:
            raise InputError("filter: --teams needs --teams-format, or one format in --formats")
        return team_species(load_team_set(self.teams, format, split=self.team_split))

    def run(self, *, progress: bool = False) -> FilterResult:
        """Choose, and write the new root.

        Raises
        ------
        InputError
            If a setting, a source or the output cannot be used, or nothing is left; there is no output then.
        """
        return filter_trajectories(self.sources, self.output, self.rules(), num_workers=self.workers, progress=progress)
