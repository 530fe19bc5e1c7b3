"""What an opponent of generation 1 OU may hide: drawn Pokémon and moves that go with what was shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pokenash.policies.heuristics.gen1_sets import STANDARD_MOVES, standard_moves

__all__ = ["Guess", "guess_from_teams", "guess_team", "team_members"]

_MOVES = 4

# How often a species is on a team, in percent: one player's knowledge of the tier, like the moves of `gen1_sets`.
_COMMON: Mapping[str, int] = {
    "tauros": 95, "snorlax": 92, "chansey": 90, "exeggutor": 75, "starmie": 55, "alakazam": 38, "zapdos": 30,
    "jynx": 28, "gengar": 27, "rhydon": 26, "cloyster": 22, "jolteon": 18, "lapras": 15, "golem": 10, "slowbro": 9,
    "victreebel": 7, "dragonite": 5, "articuno": 5, "persian": 4, "moltres": 3,
}  # fmt: skip
_RARE = 1


@dataclass(frozen=True, slots=True)
class Guess:
    """One Pokémon of the opponent, completed.

    Parameters
    ----------
    species : str
        Its id: lower case letters and digits.
    moves : tuple of str
        Ids of at most four moves, those that were shown first, in the order in which they were shown.
    """

    species: str
    moves: tuple[str, ...]


def _draw(weights: Mapping[str, float], number: int, rng: np.random.Generator) -> list[str]:
    """So many different names, one after the other with chances in proportion to their weights."""
    names = [name for name, weight in weights.items() if weight > 0]
    number = min(number, len(names))
    if not number:
        return []
    # The smallest of exponential times divided by weights: the same as drawing without replacement.
    times = rng.standard_exponential(len(names)) / np.array([weights[name] for name in names])
    return [names[i] for i in np.argsort(times, kind="stable")[:number]]


def guess_team(
    shown: Sequence[tuple[str, Sequence[str]]],
    size: int,
    types: Mapping[str, tuple[str, ...]],
    banned: Collection[str],
    rng: np.random.Generator,
) -> list[Guess]:
    """Complete a team with usual Pokémon and usual moves.

    Parameters
    ----------
    shown : sequence of (str, sequence of str)
        Species and moves that were seen.
    size : int
        Of the team.
    types : mapping of str to tuple of str
        Names of the types of every species, by id.
    banned : collection of str
        Species that are not played unless they are shown.
    rng : numpy.random.Generator

    Returns
    -------
    list of Guess
        Those that were shown, in their order, then the others.
    """
    known = {species for species, _ in shown}
    weights = {
        species: float(_COMMON.get(species, _RARE))
        for species in STANDARD_MOVES
        if species not in known and species not in banned
    }
    team = [*shown, *((species, ()) for species in _draw(weights, size - len(shown), rng))]
    found = []
    for species, moves in team:
        usual = {move: p for move, p in standard_moves(species, types.get(species, ())).items() if move not in moves}
        found.append(Guess(species, (*moves, *_draw(usual, _MOVES - len(moves), rng))))
    return found


def team_members(packed: str) -> list[tuple[str, tuple[str, ...]]]:
    """Species and moves of a team in Showdown's packed notation, as ids."""
    members = []
    for one in packed.split("]"):
        fields = one.split("|")
        species = _simple(fields[1] or fields[0])
        members.append((species, tuple(_simple(move) for move in fields[4].split(",") if move)))
    return members


def guess_from_teams(
    shown: Sequence[tuple[str, Sequence[str]]],
    teams: Sequence[Sequence[tuple[str, tuple[str, ...]]]],
    rng: np.random.Generator,
) -> list[Guess] | None:
    """One of the teams that hold all that was shown, each with the same chance; None if there is none.

    Parameters
    ----------
    shown
        As in `guess_team`.
    teams : sequence of teams, as `team_members` gives them
    rng : numpy.random.Generator
    """
    fitting = [team for team in teams if _fits(shown, dict(team))]
    if not fitting:
        return None
    members = dict(fitting[int(rng.integers(len(fitting)))])
    found = []
    for species, moves in shown:
        others = [move for move in members.pop(species) if move not in moves]
        found.append(Guess(species, (*moves, *others)[:_MOVES]))
    return found + [Guess(species, moves) for species, moves in members.items()]


def _fits(shown: Sequence[tuple[str, Sequence[str]]], members: Mapping[str, tuple[str, ...]]) -> bool:
    return all(species in members and set(moves) <= set(members[species]) for species, moves in shown)


def _simple(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum() and letter.isascii())
