"""What a player knows of a battle of generation 1, in words: read from the ``tensor`` observation and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.games.showdown.dex import Dex
from pokenash.policies.heuristics.view import OWN, columns

__all__ = [
    "MOVE_REQUEST",
    "SWITCH_REQUEST",
    "Active",
    "Member",
    "OakNames",
    "OakPosition",
    "read_position",
    "remember_rest",
]

MOVE_REQUEST, SWITCH_REQUEST = 1, 2
"""What a player is asked for, in libpkmn's numbers; 0 is nothing."""

_STATS = ("stat_hp", "stat_atk", "stat_def", "stat_spe", "stat_spa")
_BOOSTS = ("boost_atk", "boost_def", "boost_spe", "boost_spa", "boost_accuracy", "boost_evasion")
_MOVES = ("move_1", "move_2", "move_3", "move_4")
_PP = ("pp_1", "pp_2", "pp_3", "pp_4")
# Columns whose flags have the same name or this one in the engine.
_FLAGS = {
    "confusion": "confusion", "substitute": "substitute", "leech_seed": "leech_seed", "reflect": "reflect",
    "light_screen": "light_screen", "mist": "mist", "focus_energy": "focus_energy", "must_recharge": "recharging",
    "bide": "bide", "rage": "rage", "two_turn": "charging", "locked_move": "thrashing",
}  # fmt: skip
_BINDING = frozenset({"bind", "wrap", "clamp", "firespin"})
_OUT_OF_REACH = frozenset({"dig", "fly"})


class OakNames:
    """Ids of the observation as Oak's numbers, and as the ids that guesses use.

    Parameters
    ----------
    engine : module
        The package ``oak``.
    dex : Dex
    """

    def __init__(self, engine: Any, dex: Dex) -> None:
        self.species = tuple(_simple(name) for name in dex.names["species"])
        self.moves = tuple(_simple(name) for name in dex.names["moves"])
        self.statuses = dex.names["statuses"]
        self.requests = dex.names["requests"]
        self.species_number = {name: _number(engine.id_to_species, name) for name in self.species}
        self.move_number = {name: _number(engine.id_to_move, name) for name in self.moves}
        types = dex.names["types"]
        self.types = {
            name: tuple(types[int(t)] for t in dex.species.types[i] if t) for i, name in enumerate(self.species)
        }


def _simple(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _number(lookup: Callable[[str], int], name: str) -> int:
    """The engine's number of a name; 0, which is none, for what it does not know."""
    if not name or name == "unknown":
        return 0
    try:
        return int(lookup(name))
    except Exception:  # the engine's own kind of error is not exported; such names are pseudo-moves and glitches
        return 0


@dataclass(frozen=True, slots=True)
class Member:
    """What is known of one Pokémon.

    Parameters
    ----------
    species : str
    level : int
    hp : float
        Share of the whole.
    moves : tuple of (str, float)
        Ids and shares of PP.
    status : str
        ``""`` if none.
    status_turns : int
        Turns that it was seen asleep, or toxic damage that was counted.
    stats : tuple of int or None
        HP, Attack, Defense, Speed, Special, where they are known.
    rested : bool
        Whether it sleeps by its own Rest.
    last_move : str
        Since it came in.
    """

    species: str
    level: int
    hp: float
    moves: tuple[tuple[str, float], ...]
    status: str
    status_turns: int
    stats: tuple[int, ...] | None
    rested: bool
    last_move: str


@dataclass(frozen=True, slots=True)
class Active:
    """What is known of the Pokémon on the field besides.

    Parameters
    ----------
    index : int
        Its place among the side's members.
    boosts : tuple of int
        Attack, Defense, Speed, Special, accuracy, evasion.
    flags : frozenset of str
        The engine's names of what it is under.
    disabled : str
        Id of the move that is disabled, or ``""``.
    transformed : str
        Species whose shape it has, or ``""``.
    """

    index: int
    boosts: tuple[int, ...]
    flags: frozenset[str]
    disabled: str
    transformed: str


@dataclass(frozen=True, slots=True)
class OakPosition:
    """All that a player knows of a battle, in words.

    Parameters
    ----------
    members : tuple of two tuples of Member
        Own, and those of the opponent that were seen.
    active : tuple of two Active
    size : int
        Of the opponent's team.
    requests : tuple of int
        What each player is asked for.
    turn : int
    last_moves : tuple of str
        Ids of the moves that the sides used last.
    """

    members: tuple[tuple[Member, ...], tuple[Member, ...]]
    active: tuple[Active, Active]
    size: int
    requests: tuple[int, int]
    turn: int
    last_moves: tuple[str, str]


def remember_rest(view: Mapping[str, NDArray[Any]], row: int, names: OakNames, rested: NDArray[np.bool_]) -> None:
    """Note in `rested`, ``[12]``, who sleeps by its own Rest: on the bench the observation does not tell any more.

    Whoever rests is on the field in the next decision, so nobody is missed.
    """
    status, last_move = columns("pokemon_ids", "status", "last_move")
    active = view["pokemon"][row, :, columns("pokemon", "active")[0]] > 0
    ids = view["pokemon_ids"][row]
    asleep = ids[:, status] == names.statuses.index("slp")
    rested |= active & asleep & (ids[:, last_move] == names.moves.index("rest"))
    rested &= asleep


def read_position(
    view: Mapping[str, NDArray[Any]], row: int, names: OakNames, rested: NDArray[np.bool_] | None = None
) -> OakPosition:
    """What one row of the observation says.

    Parameters
    ----------
    view : mapping of str to array
        Blocks of the ``tensor`` observation.
    row : int
    names : OakNames
    rested : bool array, ``[12]``, optional
        What `remember_rest` noted in this battle; by default nothing.
    """
    asleep = np.zeros(2 * OWN.stop, np.bool_) if rested is None else rested
    numbers, ids = view["pokemon"][row], view["pokemon_ids"][row]
    own, foe = (OWN.start, OWN.stop), (OWN.stop, 2 * OWN.stop)
    sides = []
    for first, last in (own, foe):
        rows = [i for i in range(first, last) if numbers[i, columns("pokemon", "known")[0]]]
        members = tuple(
            _member(numbers[i], ids[i], names, is_own=first == OWN.start, rested=bool(asleep[i])) for i in rows
        )
        sides.append((members, _active(numbers[rows], ids[rows], members, names)))
    (mine, my_active), (theirs, their_active) = sides
    named = view["global_ids"][row]
    switching = names.requests[int(named[columns("global_ids", "request")[0]])] == "switch"
    both = not theirs or theirs[their_active.index].hp <= 0
    mine_wanted = SWITCH_REQUEST if switching else MOVE_REQUEST
    theirs_wanted = MOVE_REQUEST if not switching else SWITCH_REQUEST if both else 0
    my_active, their_active = _bind(view, row, names, mine, theirs, my_active, their_active)
    last_moves = columns("global_ids", "own_last_move", "opponent_last_move")
    facts = view["global"][row]
    turn, size = columns("global", "turn", "opponent_team_size")
    return OakPosition(
        (mine, theirs),
        (my_active, their_active),
        max(round(float(facts[size]) * 6), len(theirs), 1),
        (mine_wanted, theirs_wanted),
        max(round(float(facts[turn]) * 100), 1),
        (names.moves[int(named[last_moves[0]])], names.moves[int(named[last_moves[1]])]),
    )


def _member(numbers: NDArray[Any], ids: NDArray[Any], names: OakNames, *, is_own: bool, rested: bool) -> Member:
    level, hp, turns = columns("pokemon", "level", "hp", "status_turns")
    species, transformed, status, last_move = columns(
        "pokemon_ids", "species", "transform_species", "status", "last_move"
    )
    moves = [
        (names.moves[int(ids[move])], float(numbers[pp]))
        for move, pp in zip(columns("pokemon_ids", *_MOVES), columns("pokemon", *_PP), strict=True)
        if ids[move] > 1
    ]
    stats = None
    if is_own and not ids[transformed]:
        stats = tuple(round(float(numbers[column]) * 100) for column in columns("pokemon", *_STATS))
    word = names.statuses[int(ids[status])]
    return Member(
        names.species[int(ids[species])],
        max(round(float(numbers[level]) * 100), 1),
        float(numbers[hp]) if word != "fnt" else 0.0,
        tuple(moves),
        word if word not in ("fnt", "unknown") else "",
        round(float(numbers[turns]) * 10),
        stats,
        rested,
        names.moves[int(ids[last_move])],
    )


def _active(numbers: NDArray[Any], ids: NDArray[Any], members: Sequence[Member], names: OakNames) -> Active:
    """Who is on the field: while a fainted one is to be replaced, that one."""
    there = np.flatnonzero(numbers[:, columns("pokemon", "active")[0]])
    if not len(there):
        fainted = [i for i, member in enumerate(members) if member.hp <= 0]
        return Active(fainted[0] if fainted else 0, (0,) * 6, frozenset(), "", "")
    index = int(there[0])
    row = numbers[index]
    boosts = tuple(round(float(row[column]) * 6) for column in columns("pokemon", *_BOOSTS))
    flags = {engine for name, engine in _FLAGS.items() if row[columns("pokemon", name)[0]]}
    if "charging" in flags and members[index].last_move in _OUT_OF_REACH:
        flags.add("invulnerable")
    disabled, shape = columns("pokemon_ids", "disabled_move", "transform_species")
    transformed = names.species[int(ids[index, shape])]
    return Active(index, boosts, frozenset(flags), names.moves[int(ids[index, disabled])], transformed)


def _bind(
    view: Mapping[str, NDArray[Any]],
    row: int,
    names: OakNames,
    mine: Sequence[Member],
    theirs: Sequence[Member],
    my_active: Active,
    their_active: Active,
) -> tuple[Active, Active]:
    """Wrap and its like are not announced: the request says whether they still hold.

    Who is bound is offered ``Fight`` alone, without being asleep or frozen; who binds is offered that move alone.
    """
    offered = [names.moves[int(move)] for move in view["move_ids"][row, :, 0] if move > 1]
    if len(offered) != 1 or not mine or not theirs:
        return my_active, their_active
    able = mine[my_active.index].status not in ("slp", "frz")
    if offered[0] == "fight" and able and theirs[their_active.index].last_move in _BINDING:
        return my_active, _with_flag(their_active, "binding")
    if offered[0] in _BINDING and mine[my_active.index].last_move == offered[0]:
        return _with_flag(my_active, "binding"), their_active
    return my_active, their_active


def _with_flag(active: Active, flag: str) -> Active:
    return Active(active.index, active.boosts, active.flags | {flag}, active.disabled, active.transformed)
