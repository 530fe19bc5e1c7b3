"""A battle as Oak's engine wants it, from what a player knows and a guess at what is hidden.

What neither says is taken to be usual or fresh: Pokémon that are not the player's own have the best DVs and full stat
experience, substitutes are whole, and confusion, disabling, binding and the like have lasted one turn. How long sleep
and the others still last is drawn by the engine in every iteration, from how long they were seen to last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pokenash.policies.heuristics.gen1_state import STAGES
from pokenash.policies.oak_guesses import Guess
from pokenash.policies.oak_state import Active, Member, OakNames, OakPosition

__all__ = ["build_battle"]

# libpkmn's status bytes; sleep is the number of turns left, a Rest has the highest bit too.
_STATUS_BYTES = {"psn": 0x08, "tox": 0x88, "brn": 0x10, "frz": 0x20, "par": 0x40}
_REST, _LONGEST_SLEEP, _REST_TURNS = 0x80, 7, 2

_ENGINE_STATS = ("hp", "atk", "def_", "spe", "spc")
_ENGINE_BOOSTS = ("atk", "def_", "spe", "spc", "acc", "eva")


def build_battle(engine: Any, position: OakPosition, guess: Sequence[Guess], names: OakNames) -> tuple[Any, Any, int]:
    """The engine's battle, durations and result code; the player is its first side.

    Parameters
    ----------
    engine : module
        The package ``oak``.
    position : OakPosition
    guess : sequence of Guess
        The opponent's team: the members that were seen, completed, and then the others.
    names : OakNames
    """
    battle, durations = engine.Battle(bytes(engine.BATTLE_SIZE)), engine.Durations(bytes(engine.DURATIONS_SIZE))
    battle.turn = position.turn
    teams = (position.members[0], _completed(position.members[1], guess))
    for player, members in enumerate(teams):
        _write_side(engine, battle.side(player), durations.get(player), members, position.active[player], names)
        last = names.move_number[position.last_moves[player]]
        battle.side(player).last_used_move = last
        battle.side(player).last_selected_move = last
    first, second = position.requests
    return battle, durations, first << 4 | second << 6


def _completed(seen: Sequence[Member], guess: Sequence[Guess]) -> tuple[Member, ...]:
    """The seen members with the guessed moves, which are fresh, and then the guessed members."""
    members = []
    for place, one in enumerate(guess):
        if place < len(seen):
            known = dict(seen[place].moves)
            moves = tuple((move, known.get(move, 1.0)) for move in one.moves)
            # The stats of an opponent's Pokémon are never told.
            members.append(replace(seen[place], moves=moves, stats=None))
        else:
            level = seen[0].level if seen else 100
            members.append(Member(one.species, level, 1.0, tuple((m, 1.0) for m in one.moves), "", 0, None, False, ""))
    return tuple(members)


def _write_side(
    engine: Any, side: Any, duration: Any, members: Sequence[Member], active: Active, names: OakNames
) -> None:
    order = [active.index, *(i for i in range(len(members)) if i != active.index)]
    side.order = [i + 1 for i in order] + [0] * (6 - len(order))
    for place, index in enumerate(order):
        member = members[index]
        pokemon = side.pokemon(index)
        _write_member(engine, pokemon, member, names)
        if member.status == "slp" and not member.rested:
            # The engine draws the turns that are left from those that have gone by.
            duration.set_sleep(place, min(member.status_turns + 1, _LONGEST_SLEEP))
    _write_active(engine, side, duration, members[active.index], active, names)


def _write_member(engine: Any, pokemon: Any, member: Member, names: OakNames) -> None:
    described = engine.Set()
    described.species = names.species_number[member.species]
    described.level = member.level
    numbers = [names.move_number[move] for move, _ in member.moves[:4]]
    described.moves = numbers + [0] * (4 - len(numbers))
    engine.complete_pokemon_from_set(pokemon, described)
    stats = pokemon.stats()
    if member.stats is not None:
        for name, value in zip(_ENGINE_STATS, member.stats, strict=True):
            setattr(stats, name, value)
    pokemon.hp = min(max(round(member.hp * stats.hp), 1 if member.hp > 0 else 0), stats.hp)
    for slot, (_, share) in enumerate(member.moves[:4]):
        move = pokemon.move(slot)
        move.pp = min(max(round(share * move.pp), 1 if share > 0 else 0), move.pp)
    if member.status == "slp":
        if member.rested:
            pokemon.status = _REST | max(_REST_TURNS - member.status_turns, 1)
        else:
            pokemon.status = max(_LONGEST_SLEEP - member.status_turns, 1)
    else:
        pokemon.status = _STATUS_BYTES.get(member.status, 0)


def _write_active(engine: Any, side: Any, duration: Any, member: Member, active: Active, names: OakNames) -> None:
    stored = side.pokemon(active.index)
    engine.switch_in(stored, side.active)
    on_field = side.active
    if active.transformed:
        _transform(engine, on_field, member, active, names)
    boosts, stats = on_field.boosts(), on_field.stats()
    for name, stage in zip(_ENGINE_BOOSTS, active.boosts, strict=True):
        setattr(boosts, name, stage)
    for name, stage in zip(("atk", "def_", "spe", "spc"), active.boosts, strict=False):
        setattr(stats, name, min(max(int(getattr(stats, name) * float(STAGES[stage + 6])), 1), 999))
    if member.status == "par":
        stats.spe = max(stats.spe // 4, 1)
    if member.status == "brn":
        stats.atk = max(stats.atk // 2, 1)
    flags = on_field.volatiles()
    for flag in active.flags:
        setattr(flags, flag, True)
    if member.status == "tox":
        flags.toxic = True
        flags.toxic_counter = min(member.status_turns, 31)
    if "substitute" in active.flags:
        flags.substitute_hp = min(stored.stats().hp // 4 + 1, 255)
    if "confusion" in active.flags:
        flags.confusion_left = 3
        duration.confusion = 1
    if active.flags & {"bide", "thrashing"}:
        flags.attacks = 2
        duration.attacking = 1
    if "binding" in active.flags:
        flags.attacks = 1
        duration.binding = 1
    slots = [move for move, _ in member.moves[:4]]
    if active.disabled in slots:
        flags.disable_move = slots.index(active.disabled) + 1
        flags.disable_left = 4
        duration.disable = 1


def _transform(engine: Any, on_field: Any, member: Member, active: Active, names: OakNames) -> None:
    """Types and stats of the shape that was taken; the moves are already those that it has now."""
    shape = engine.Battle(bytes(engine.BATTLE_SIZE)).side(0).pokemon(0)
    described = engine.Set()
    described.species = names.species_number[active.transformed]
    described.level = member.level
    engine.complete_pokemon_from_set(shape, described)
    on_field.species, on_field.types = shape.species, shape.types
    for name in _ENGINE_STATS[1:]:
        setattr(on_field.stats(), name, getattr(shape.stats(), name))
