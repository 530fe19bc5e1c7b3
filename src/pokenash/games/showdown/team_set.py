"""A set of teams: what is drawn from for battles, how often each, and which part of it is held out."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, NamedTuple, get_args, overload

from pokenash.errors import InputError, TeamError
from pokenash.games.showdown.node import run_tool

__all__ = ["RefusedTeam", "TeamSet", "TeamSplit", "mix_team_sets", "roster_key", "team_sha256"]

TeamSplit = Literal["all", "train", "held-out"]
"""A part of a set: all of it, what may be trained on, or what is kept for evaluation."""

HELD_OUT_FRACTION = 0.2
"""Share of the rosters that is held out where nothing else is said."""

_FIELD_NAME, _FIELD_SPECIES, _FIELD_MOVES = 0, 1, 4


class RefusedTeam(NamedTuple):
    """A team that was left out of a set.

    Parameters
    ----------
    name : str
        As it would have been called in the set.
    problems : tuple of str
        The validator's words.
    """

    name: str
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TeamSet(Sequence[str]):
    """Validated teams of one format, as packed strings.

    Parameters
    ----------
    format : str
        Id of the format that they are legal in.
    names : tuple of str
        One name per team: the file's, or ``"team 1"`` and so on.
    packed : tuple of str
        The teams in Showdown's packed notation, stats written out.
    weights : tuple of float, optional
        How often each team is drawn, summing to 1. None: all as often.
    origin : mapping, optional
        Where the set comes from, JSON-able: the name in the registry, the revision, SHA-256, the part, and so on.
    refused : tuple of RefusedTeam
        What was left out because the validator refused it. Not compared.

    Raises
    ------
    InputError
        If the numbers of names, teams and weights differ, or the weights are not a distribution.
    """

    format: str
    names: tuple[str, ...]
    packed: tuple[str, ...]
    weights: tuple[float, ...] | None = None
    origin: Mapping[str, Any] | None = field(default=None, compare=False)
    refused: tuple[RefusedTeam, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if len(self.names) != len(self.packed):
            raise InputError(f"a team set has {len(self.names)} names and {len(self.packed)} teams: expected as many")
        if self.weights is None:
            return
        if len(self.weights) != len(self.packed):
            raise InputError(f"a team set has {len(self.weights)} weights and {len(self.packed)} teams")
        if not all(weight >= 0 for weight in self.weights) or abs(math.fsum(self.weights) - 1) > 1e-9:
            raise InputError("the weights of a team set are not a distribution: use TeamSet.with_weights")

    def __len__(self) -> int:
        return len(self.packed)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> TeamSet: ...
    def __getitem__(self, index: int | slice) -> str | TeamSet:
        if isinstance(index, slice):
            return self.take(range(len(self))[index])
        return self.packed[index]

    def take(self, indices: Iterable[int]) -> TeamSet:
        """The teams of these indices, in their order; weights are scaled to sum to 1."""
        chosen = list(indices)
        weights = None if self.weights is None else _normalised([self.weights[i] for i in chosen])
        names, packed = (tuple(values[i] for i in chosen) for values in (self.names, self.packed))
        return TeamSet(self.format, names, packed, weights, self.origin, self.refused)

    def with_weights(self, weights: Sequence[float] | Mapping[str, float] | None) -> TeamSet:
        """The same teams, drawn as often as `weights` say.

        Parameters
        ----------
        weights : sequence of float, mapping of str to float, or None
            One number >= 0 per team, or per name, not all 0; None for all as often. By name every team must be
            named: 0 leaves one out.

        Raises
        ------
        InputError
            If a number is missing, negative or not finite, or a name is unknown or stands for two teams.
        """
        if isinstance(weights, Mapping):
            weights = self._by_name(weights)
        normal = None if weights is None else _normalised(weights)
        return TeamSet(self.format, self.names, self.packed, normal, self.origin, self.refused)

    def _by_name(self, weights: Mapping[str, float]) -> list[float]:
        if len(set(self.names)) < len(self.names):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise InputError(f"weights by name: two teams are called {twice!r}; give one weight per team instead")
        missing = [name for name in self.names if name not in weights]
        unknown = sorted(set(weights) - set(self.names) - {one.name for one in self.refused})
        if missing or unknown:
            raise InputError(
                f"weights by name: {len(missing)} teams have none ({', '.join(missing[:3])}) and {len(unknown)} names "
                f"are of no team ({', '.join(unknown[:3])}); expected one weight per team, 0 to leave it out"
            )
        return [weights[name] for name in self.names]

    def split(self, part: TeamSplit, fraction: float = HELD_OUT_FRACTION, seed: int = 0) -> TeamSet:
        """The part of the set that may be trained on, or the part that is held out.

        Which side a team is on follows from its roster (`roster_key`) and the seed alone. So a team stays on its side
        when others join the set, and teams that differ only in order, nicknames, items or stats are on one side.
        About, not exactly, `fraction` of the rosters are held out.

        Parameters
        ----------
        part : {"all", "train", "held-out"}
        fraction : float
            Of the rosters, between 0 and 1.
        seed : int

        Raises
        ------
        InputError
            If an argument is out of range, or the part would be empty.
        """
        if part not in get_args(TeamSplit):
            raise InputError(f"team split: expected one of {', '.join(get_args(TeamSplit))}, got {part!r}")
        if part == "all":
            return self
        if not 0 < fraction < 1:
            raise InputError(f"held-out fraction: expected a number between 0 and 1, got {fraction}")
        wanted = part == "held-out"
        chosen = [i for i, team in enumerate(self.packed) if (_place(roster_key(team), seed) < fraction) == wanted]
        if not chosen:
            raise InputError(
                f"no team of {len(self)} is in the part {part!r} with fraction {fraction} and seed {seed}: teams are "
                "placed by a hash of their rosters; give another seed or fraction, or more teams"
            )
        about = {"part": part, "fraction": fraction, "seed": seed, "teams_before": len(self)}
        return self.take(chosen).described(split=about)

    def described(self, **facts: Any) -> TeamSet:
        """The same set with more said about its origin."""
        origin = {**(self.origin or {}), **facts}
        return TeamSet(self.format, self.names, self.packed, self.weights, origin, self.refused)

    def members(self, index: int) -> tuple[str, ...]:
        """Names of a team's six, in order: nicknames where they have one."""
        return tuple(one.split("|", 1)[0] for one in self.packed[index].split("]"))

    def export(self, index: int) -> str:
        """A team as export text, which Showdown's teambuilder reads."""
        text: str = run_tool("tool.js", {"command": "export", "teams": [self.packed[index]]})[0]
        return text

    def to_json(self) -> dict[str, Any]:
        """JSON-able: ``names`` and ``packed``, ``weights`` and ``origin`` where there are any.

        Not what was refused: a game's description holds what is played.
        """
        data: dict[str, Any] = {"names": list(self.names), "packed": list(self.packed)}
        if self.weights is not None:
            data["weights"] = list(self.weights)
        if self.origin:
            data["origin"] = dict(self.origin)
        return data

    @classmethod
    def from_json(cls, format: str, data: Mapping[str, Any]) -> TeamSet:
        """What `to_json` wrote.

        Raises
        ------
        TeamError
            If it is something else.
        """
        try:
            names, packed = tuple(data["names"]), tuple(data["packed"])
            weights, origin = data.get("weights"), data.get("origin")
            if not all(isinstance(one, str) for one in (*names, *packed)):
                raise TypeError("a name or a team is not a text")
            if origin is not None and not isinstance(origin, Mapping):
                raise TypeError(f"its origin is {type(origin).__name__}, not an object")
            return cls(format, names, packed, None if weights is None else tuple(map(float, weights)), origin)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise TeamError(f"not a description of a team set: {error}; expected names and packed teams") from error


def mix_team_sets(sets: Sequence[tuple[TeamSet, float]]) -> TeamSet:
    """One set of several, each drawn from as often as its share says, and within it as its own weights say.

    Parameters
    ----------
    sets : sequence of (TeamSet, float)
        Sets of one format with their shares, which need not sum to 1.

    Raises
    ------
    InputError
        If there is none, formats differ, or the shares are not numbers >= 0 with a positive sum.
    """
    if not sets or len({one.format for one, _ in sets}) != 1:
        raise InputError(f"a mixture of team sets needs sets of one format, got {[one.format for one, _ in sets]}")
    shares = _normalised([share for _, share in sets])
    weights = [
        share * weight
        for (one, _), share in zip(sets, shares, strict=True)
        for weight in (one.weights or [1 / len(one)] * len(one))
    ]
    origin = {"mixture": [{"share": share, **(one.origin or {})} for (one, _), share in zip(sets, shares, strict=True)]}
    return TeamSet(
        sets[0][0].format,
        tuple(name for one, _ in sets for name in one.names),
        tuple(team for one, _ in sets for team in one.packed),
        _normalised(weights),
        origin,
        tuple(refused for one, _ in sets for refused in one.refused),
    )


def team_sha256(packed: str) -> str:
    """SHA-256 of a packed team, in hex: what a team is known by in reports, whatever set it came in."""
    return hashlib.sha256(packed.encode()).hexdigest()


def roster_key(packed: str) -> str:
    """SHA-256 of a team's species and moves, in hex, whatever their order.

    Two teams with the same key differ at most in order, nicknames, items, abilities, stats and the like.

    Parameters
    ----------
    packed : str
        A packed team.
    """
    members = []
    for one in packed.split("]"):
        fields = one.split("|")
        moves = sorted(_id(move) for move in fields[_FIELD_MOVES].split(",")) if len(fields) > _FIELD_MOVES else []
        members.append(",".join([_id(fields[_FIELD_SPECIES] or fields[_FIELD_NAME]), *moves]))
    return hashlib.sha256("]".join(sorted(members)).encode()).hexdigest()


@lru_cache(maxsize=4096)
def _id(name: str) -> str:
    """A name as the simulator compares it."""
    return "".join(letter for letter in name.lower() if letter.isascii() and letter.isalnum())


def _place(key: str, seed: int) -> float:
    """A number in [0, 1) that is as good as drawn at random."""
    digest = hashlib.sha256(f"{seed}:{key}".encode()).digest()
    return int.from_bytes(digest[:7]) / 2**56


def _normalised(weights: Sequence[float]) -> tuple[float, ...]:
    try:
        values = [float(weight) for weight in weights]
        total = math.fsum(values)
    except (TypeError, ValueError, OverflowError):
        values, total = [], math.nan
    if not all(value >= 0 for value in values) or not 0 < total < math.inf:
        raise InputError(
            f"weights: expected {len(weights)} numbers >= 0 with a positive sum, "
            f"got {list(weights[:5])}{' and more' if len(weights) > 5 else ''}"
        )
    return tuple(value / total for value in values)
