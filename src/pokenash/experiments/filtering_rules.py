"""What is measured of a trajectory, and the rules by which it is kept."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence, Set
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from pokenash.errors import InputError
from pokenash.games.showdown.team_set import TeamSet
from pokenash.metamon.actions import get_action_space
from pokenash.metamon.state import UniversalState
from pokenash.metamon.trajectories import TrajectoryName, file_safe, read_trajectory
from pokenash.metamon.words import species_word

__all__ = ["Balance", "FilterRules", "Measured", "Named", "measure", "team_species"]

Balance = Literal["none", "all", "matchup"]
"""Among which trajectories there are to be as many wins as others: none, all of a format, or those of a pair of names.
"""


@dataclass(frozen=True, slots=True)
class Named:
    """What a file's place and name say.

    Parameters
    ----------
    format, player, opponent : str
    won : bool
        A tie is no win.
    rating : float or None
        None where it is unrated.
    """

    format: str
    player: str
    opponent: str
    won: bool
    rating: float | None

    @classmethod
    def of(cls, format: str, file_name: str) -> Named | None:
        """Read a file's name; None if it is not a trajectory's."""
        try:
            name = TrajectoryName.parse(file_name)
        except InputError:
            return None
        # Interned: a million trajectories have a few names.
        player, opponent = sys.intern(name.player), sys.intern(name.opponent)
        return cls(format, player, opponent, name.won, _rating(name.rating))


@dataclass(frozen=True, slots=True)
class Measured:
    """What a file's contents say.

    Parameters
    ----------
    decisions : int
    turns : int
        Decisions that were not forced switches.
    refused : int
        Decisions whose action is unknown, or is none that the action space offers in that state: what the player chose
        was refused, or cannot be said.
    team : tuple of str
        The species of the own team as the first state shows them, sorted; of most formats all six.
    """

    decisions: int
    turns: int
    refused: int
    team: tuple[str, ...]

    @property
    def refused_rate(self) -> float:
        """Share of the decisions."""
        return self.refused / self.decisions

    def to_json(self) -> list[Any]:
        """As a JSON array."""
        return [self.decisions, self.turns, self.refused, *self.team]

    @classmethod
    def from_json(cls, data: Sequence[Any]) -> Measured:
        """The inverse of `to_json`."""
        decisions, turns, refused, *team = data
        return cls(decisions, turns, refused, tuple(map(sys.intern, team)))


def measure(path: str | Path, action_space: str) -> Measured | None:
    """Read a trajectory; None if it is damaged."""
    try:
        trajectory = read_trajectory(path)
    except InputError:
        return None
    space = get_action_space(action_space)
    asked = list(zip(trajectory.states, trajectory.actions.tolist(), strict=False))
    return Measured(
        len(trajectory),
        sum(not state.forced_switch for state, _ in asked),
        sum(action not in space.maybe_legal(state) for state, action in asked),
        _team(trajectory.states[0]),
    )


def _rating(word: str) -> float | None:
    try:
        rating = float(word)
    except ValueError:
        return None
    return rating if math.isfinite(rating) else None


def _team(state: UniversalState) -> tuple[str, ...]:
    return tuple(sorted(sys.intern(one.name) for one in (state.player_active_pokemon, *state.available_switches)))


def team_species(teams: TeamSet) -> frozenset[tuple[str, ...]]:
    """The teams of a set as `Measured.team` names them."""
    found = set()
    for packed in teams.packed:
        parts = [one.split("|", 2) for one in packed.split("]")]
        found.add(tuple(sorted(species_word(part[1] or part[0]) for part in parts)))
    return frozenset(found)


@dataclass(frozen=True)
class FilterRules:
    """Which trajectories are kept. By default all that can be read.

    Parameters
    ----------
    max_refused_rate : float
        Most that the share of refused choices may be, 0 to 1.
    min_turns, max_turns : int, optional
        Of turns in which the player was asked for more than a forced switch.
    min_rating, max_rating : float, optional
        With either, unrated trajectories are dropped.
    result : {"any", "win", "loss"}
        Ties are losses here, as in the files' names.
    formats, players, opponents : tuple of str
        Only these, where there are any; players' names as they are, or as files have them (`file_safe`).
    with_species, without_species : tuple of str
        Of the own team: all of these, none of those.
    teams : frozenset of tuple of str, optional
        Only these own teams (`team_species`).
    most_per_team : int, optional
        Keep at most so many trajectories of each own team and format.
    balance : {"none", "all", "matchup"}
        Keep as many wins as others, in each format or for each pair of names in a format.
    seed : int
        Of what is left out where there is too much.
    action_space : str
        metamon's name of the one that the indices in the files are of.

    Raises
    ------
    InputError
        If a value is out of range.
    """

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
    teams: frozenset[tuple[str, ...]] | None = field(default=None)
    most_per_team: int | None = None
    balance: Balance = "none"
    seed: int = 0
    action_space: str = "DefaultActionSpace"

    def __post_init__(self) -> None:
        get_action_space(self.action_space)
        if not 0 <= self.max_refused_rate <= 1:
            raise InputError(f"filter: the refused-choice rate must be 0 to 1, got {self.max_refused_rate}")
        for low, high, what in (
            (self.min_turns, self.max_turns, "turns"),
            (self.min_rating, self.max_rating, "ratings"),
        ):
            if low is not None and high is not None and low > high:
                raise InputError(f"filter: expected a minimum of {what} up to the maximum, got {low} and {high}")
        if self.result not in ("any", "win", "loss") or self.balance not in ("none", "all", "matchup"):
            raise InputError(
                "filter: expected a result 'any', 'win' or 'loss' and a balance 'none', 'all' or 'matchup', got "
                f"{self.result!r} and {self.balance!r}"
            )
        if self.result != "any" and self.balance != "none":
            raise InputError(f"filter: result {self.result!r} leaves one outcome, which cannot be balanced")
        if self.most_per_team is not None and self.most_per_team < 1:
            raise InputError(f"filter: expected at least 1 trajectory of a team, got {self.most_per_team}")

    def to_json(self) -> dict[str, Any]:
        """As ``filter.json`` holds them."""
        return {**asdict(self), "teams": None if self.teams is None else sorted(self.teams)}

    def reason_by_name(self, one: Named) -> str | None:
        """Why a trajectory is dropped before it is read; None if no rule about names drops it."""
        for reason, broken in (
            ("other format", bool(self.formats) and one.format not in self.formats),
            ("other player", not _is_one_of(one.player, self.players)),
            ("other opponent", not _is_one_of(one.opponent, self.opponents)),
            ("other result", self.result != "any" and one.won != (self.result == "win")),
        ):
            if broken:
                return reason
        if self.min_rating is None and self.max_rating is None:
            return None
        if one.rating is None:
            return "unrated"
        if self.min_rating is not None and one.rating < self.min_rating:
            return "rating too low"
        return "rating too high" if self.max_rating is not None and one.rating > self.max_rating else None

    def reason(self, one: Measured) -> str | None:
        """Why a trajectory is dropped that was read; None if no rule that looks at it alone drops it."""
        for reason, broken in (
            ("refused choices", one.refused_rate > self.max_refused_rate),
            ("too few turns", self.min_turns is not None and one.turns < self.min_turns),
            ("too many turns", self.max_turns is not None and one.turns > self.max_turns),
            ("lacks a species", not set(one.team).issuperset(map(species_word, self.with_species))),
            ("has an unwanted species", not set(one.team).isdisjoint(map(species_word, self.without_species))),
            ("other team", self.teams is not None and one.team not in self.teams),
        ):
            if broken:
                return reason
        return None

    def unknown_species(self, seen: Set[str]) -> list[str]:
        """Of the species that the rules name, those that no team has: likely misspelt."""
        return [name for name in (*self.with_species, *self.without_species) if species_word(name) not in seen]


def _is_one_of(name: str, wanted: Sequence[str]) -> bool:
    """Whether a name is wanted, as it is or as files have it; all are where none is named."""
    return not wanted or name in wanted or name in map(file_safe, wanted)
