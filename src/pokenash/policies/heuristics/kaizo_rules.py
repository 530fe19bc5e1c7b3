"""What each group of moves is worth to the Kaizo players in a position, in points: the rules for single moves.

A rule gives one number a position and group; a move gets the sum over its groups. Knock-outs, the best attack and
useless moves are scored elsewhere (`pokenash.policies.heuristics.kaizo`): the numbers here say when a move that works
is also timely.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.games.showdown.dex import STATUS, Dex
from pokenash.policies.heuristics.combatants import Scene
from pokenash.policies.heuristics.move_groups import GROUPS
from pokenash.policies.heuristics.tactician import Prospects
from pokenash.policies.heuristics.view import OWN, columns

__all__ = ["RuleFacts", "Situation", "group_points", "read_situation"]

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]
Points = dict[str, NDArray[Any]]

_ALWAYS = {
    "odd": -4.0, "endure": -4, "bide": -3, "hold": -4, "lock_on": -4, "focus_energy": -3, "transform": 0,
    "memento": -4, "ohko": -1, "future_sight": -1, "psych_up": -2, "dream_eater": 1,
}  # fmt: skip
"""Groups that are worth the same in any position in which they work."""

_BRISK = np.float32(0.45)

_COLUMN = {name: index for index, name in enumerate(GROUPS)}
_STANDING = np.asarray([[_ALWAYS.get(name, 0.0) for name in GROUPS]], np.float32)


@dataclass(frozen=True, eq=False)
class RuleFacts:
    """What the rules ask about statuses, types and moves, as bool tables by id.

    Parameters
    ----------
    idle, eating, curable : bool arrays, ``[K]``
        Statuses in which a Pokémon does not act, that eat its HP, and that can be cured.
    solid, icy : bool arrays, ``[T]``
        Types that sandstorm, and hail or snow spare.
    status_move, water, fire : bool arrays, ``[M]``
        Status moves; attacks of two types that the weather changes.
    sun : int
        Id of the weather.
    hurried : bool
        From generation 4 on attacks are so strong that what works slowly is left alone where two blows end it.
    """

    idle: Bools
    eating: Bools
    curable: Bools
    solid: Bools
    icy: Bools
    status_move: Bools
    water: Bools
    fire: Bools
    sun: int
    hurried: bool

    @classmethod
    def of(cls, dex: Dex) -> RuleFacts:
        """Collect them from the tables of a format."""

        def listed(kind: str, *names: str) -> Bools:
            table = np.zeros(len(dex.names[kind]), np.bool_)
            table[[dex.id(kind, name) for name in names]] = True
            return table

        attack = dex.moves.category < STATUS
        return cls(
            idle=listed("statuses", "slp", "frz"),
            eating=listed("statuses", "psn", "tox", "brn"),
            curable=listed("statuses", "psn", "tox", "brn", "par", "slp", "frz"),
            solid=listed("types", "Rock", "Ground", "Steel"),
            icy=listed("types", "Ice"),
            status_move=~attack & (np.arange(len(attack)) > 1),
            water=attack & (dex.moves.type == dex.id("types", "Water")),
            fire=attack & (dex.moves.type == dex.id("types", "Fire")),
            sun=dex.id("weathers", "SunnyDay"),
            hurried=dex.generation >= 4,
        )


@dataclass(frozen=True)
class Situation:
    """What the rules ask about, ``[B]`` each.

    Parameters
    ----------
    scene : Scene
    own_hp, foe_hp : float32 arrays
    threat : float32 array
        The opponent's best expected damage, as a share of one's own maximal HP; `physical` and `special` by kind.
    doomed : bool array
        Whether that would knock out before one acts.
    faster : bool array
    brisk : bool array
        Whether the best attack takes about half of what the opponent has left, in generations where that decides.
    first_turn : bool array
    own_ailing, foe_ailing : bool arrays
        Whether poison, a burn, Leech Seed or the like eats their HP.
    foe_idle : bool array
        Whether the opponent is asleep, frozen or has to recharge.
    bench, foe_bench : float32 arrays
        Pokémon left besides the active ones.
    """

    scene: Scene
    own_hp: Floats
    foe_hp: Floats
    threat: Floats
    physical: Floats
    special: Floats
    doomed: Bools
    faster: Bools
    brisk: Bools
    first_turn: Bools
    own_ailing: Bools
    foe_ailing: Bools
    foe_idle: Bools
    bench: Floats
    foe_bench: Floats


def read_situation(prospects: Prospects, facts: RuleFacts, physical: Floats, special: Floats) -> Situation:
    """Work out the `Situation`; `physical` and `special` are the threats to the own active one, ``[B]``."""
    scene = prospects.scene
    threat = np.maximum(physical, special)
    idle = facts.idle[scene.foe.status] | (scene.foe_flag("must_recharge") > 0)

    def ailing(status: NDArray[np.int64], seeded: Floats, cursed: Floats) -> Bools:
        return np.asarray(facts.eating[status] | (seeded > 0) | (cursed > 0))

    own_hp = scene.own.hp
    return Situation(
        scene=scene,
        own_hp=own_hp,
        foe_hp=scene.foe.hp,
        threat=threat,
        physical=physical,
        special=special,
        doomed=np.asarray((threat >= own_hp) & ~prospects.own_first & ~idle),
        faster=prospects.own_first,
        brisk=np.asarray(facts.hurried & (prospects.value.max(axis=1) >= _BRISK * scene.foe.hp)),
        first_turn=scene.first_turn,
        own_ailing=ailing(scene.own.status, scene.own_flag("leech_seed"), scene.own_flag("curse")),
        foe_ailing=ailing(scene.foe.status, scene.foe_flag("leech_seed"), scene.foe_flag("curse")),
        foe_idle=idle,
        bench=np.rint(scene.field("own_remaining") * 6) - 1,
        foe_bench=np.rint(scene.field("opponent_remaining") * 6) - 1,
    )


def group_points(situation: Situation, facts: RuleFacts) -> Floats:
    """Points of every group, ``[B, len(GROUPS)]``."""
    points = np.repeat(_STANDING, len(situation.own_hp), axis=0)
    for rules in (_recovery, _stages, _ailments, _screens_and_field, _hazards, _tempo, _last_resorts):
        for name, value in rules(situation, facts).items():
            points[:, _COLUMN[name]] += value
    return points


def _steps(*cases: tuple[Any, float], otherwise: float = 0.0) -> NDArray[Any]:
    """The value of the first condition that holds."""
    found: NDArray[Any] = np.asarray(otherwise, np.float32)
    for condition, value in reversed(cases):
        found = np.where(condition, np.float32(value), found)
    return found


def _recovery(s: Situation, facts: RuleFacts) -> Points:
    """By the HP left; not where the opponent takes it all back at once, and not where it comes too late."""
    hp, outpaced = s.own_hp, (s.threat > 0.5) & ~s.foe_idle
    heal = _steps((s.doomed, -3), (hp < 0.35, 4), (hp < 0.55, 3), (hp < 0.7, 0), otherwise=-4)
    rest = _steps((s.doomed, -3), (hp < 0.25, 3), (hp < 0.4, 2), otherwise=-4)
    wish = _steps((hp < 0.6, 2), (hp < 0.85, 0), otherwise=-3)
    split = _steps((s.foe_hp - hp > 0.3, 2), otherwise=-3)
    rows = s.scene.view["pokemon_ids"][:, OWN, columns("pokemon_ids", "status")[0]]
    ill = facts.curable[rows].sum(axis=1)
    return {
        "heal": heal - 4 * outpaced,
        "rest": rest - 2 * (s.threat > 0.6),
        "wish": wish,
        "pain_split": split,
        "heal_bell": _steps((ill >= 3, 2), (ill == 2, 0), otherwise=-2),
        "refresh": np.where(hp > 0.5, 1.0, -1.0),
        "sleep_talk": np.full(len(hp), 3.0),
    }


def _stages(s: Situation, facts: RuleFacts) -> Points:
    """Set-up while whole and not threatened; lowering early."""
    stages, hp = s.scene.own.stages, s.own_hp
    ready = np.where(s.first_turn | (s.threat < 0.2), 1.0, 0.0)
    safety = _steps((s.foe_idle, 1), (s.threat >= hp, -5), (hp < 0.5, -3), (s.threat > 0.5, -2), (hp < 0.75, -1))
    attack = np.maximum(stages[:, 0], np.maximum(stages[:, 2], 0))
    useless_now = s.foe_bench < 0.5
    drum = np.where((hp > 0.9) & (s.threat < 0.5), 2.0, -5.0)
    return {
        "set_up": ready + safety - 2 * (useless_now & (s.foe_hp < 0.5)),
        "raise_attack": _steps((attack >= 4, -5), (attack >= 2, -2)),
        "raise_defense": _steps((stages[:, 1] >= 3, -3), (stages[:, 1] >= 1, -1)),
        "raise_speed": np.where(s.faster, -2.0, 1.0),
        "belly_drum": drum,
        "lower": ready - 2 - 1 * s.brisk - 1 * (s.foe_hp < 0.7) - 2 * (s.foe_hp < 0.4),
    }


def _ailments(s: Situation, facts: RuleFacts) -> Points:
    """Giving a status or the like: more on a Pokémon that will live to feel it."""
    # One's last act had better be a blow.
    last = -2 * ((s.threat >= s.own_hp) & ~s.foe_idle)
    stays = _steps((s.foe_hp < 0.25, -3), (s.foe_hp < 0.5, -1)) + last
    stats = s.scene.foe.stats
    slow_burn = _steps((s.foe_hp < 0.4, -3), (s.foe_hp < 0.7, -1), otherwise=0 if facts.hurried else 1)
    slow_burn = slow_burn + last - 2 * s.brisk
    encored = s.scene.view["global_ids"][:, columns("global_ids", "opponent_last_move")[0]]
    passive = facts.status_move[encored]
    passives = facts.status_move[s.scene.foe_moves].sum(axis=1)
    return {
        "sleep": 2 + stays * 0.5,
        "yawn": stays,
        "paralysis": np.where(s.faster, -1.5, 1.0) + stays - 1.0 * s.brisk,
        "poison": slow_burn - 1.0 * (s.foe_hp < 0.2),
        "burn": np.where(stats[:, 1] >= stats[:, 3], 1.0, -2.0) + stays - 1.0 * s.brisk,
        "confuse": stays - 1.5 - 1.0 * s.brisk,
        "seed": slow_burn,
        "taunt": np.where(passives >= 2, 0.5, -3.0),
        "encore": np.where(passive & s.faster, 2.0, -4.0),
        "perish_song": np.where(s.foe_bench < 0.5, 2.0, -3.0),
    }


def _screens_and_field(s: Situation, facts: RuleFacts) -> Points:
    """Screens against what threatens, while whole; weather for one's own attacks; Trick Room for the slow."""
    hp = s.own_hp
    whole = _steps((hp < 0.5, -2), (s.first_turn, 1))
    moves, types = s.scene.moves, s.scene.own.types
    water, fire = np.asarray(facts.water[moves].any(axis=1)), np.asarray(facts.fire[moves].any(axis=1))
    solid, icy = np.asarray(facts.solid[types].any(axis=1)), np.asarray(facts.icy[types].any(axis=1))

    def timely(good: Bools, bad: Bools | bool = False) -> NDArray[Any]:
        return np.where(good, 0.5, -3.0) - 1.0 * np.asarray(bad) - 1.0 * (hp < 0.5)

    physical = whole + np.where(s.physical >= s.special, 0.5, -2.0)
    special = whole + np.where(s.special > s.physical, 0.5, -2.0)
    safe = (s.faster & s.foe_ailing, 1.0)
    return {
        "reflect": physical,
        "personal_reflect": physical,
        "light_screen": special,
        "personal_light_screen": special,
        "aurora_veil": whole + 1.0,
        "rain": timely(water, fire),
        "sun": timely(fire, water),
        "sandstorm": timely(solid),
        "hail": timely(icy),
        "snow": timely(icy),
        "trick_room": np.where(s.faster, -4.0, 1.0),
        "tailwind": np.where(s.faster, -1.0, 2.0),
        "substitute": _steps((s.foe_idle, 1), (hp < 0.5, -4), safe, (s.threat > 0.25, -4), otherwise=-1.5),
    }


def _hazards(s: Situation, facts: RuleFacts) -> Points:
    """Hazards early and for a bench that is yet to come; clearing one's own side of them."""
    early = _steps((s.foe_bench < 1.5, -6), (s.doomed & (s.foe_bench < 3.5), -2), (s.first_turn, 2), otherwise=0.5)
    early = early - 1.0 * s.brisk
    own = s.scene.field
    laid = own("own_spikes") + own("own_toxic_spikes") + own("own_stealth_rock") + own("own_sticky_web") > 0
    return {
        "stealth_rock": early + 1,
        "spikes": early - 1.5 * (own("opponent_spikes") > 0),
        "toxic_spikes": early - 1.5 * (own("opponent_toxic_spikes") > 0),
        "sticky_web": early,
        "clear": np.where(laid & (s.bench > 0.5), 2.5, -1.0),
    }


def _tempo(s: Situation, facts: RuleFacts) -> Points:
    """Moves that are about the order of things: protecting, countering, phazing, passing, pivoting."""
    scene, hp = s.scene, s.own_hp
    rises = np.maximum(scene.foe.stages[:, :5], 0).sum(axis=1)
    own_rises = scene.own.stages[:, :5].sum(axis=1)
    again = scene.own_flag("protect_count") > 0
    hidden = (scene.foe_flag("two_turn") > 0) | (scene.field("own_wish") > 0)
    protect = _steps((again, -6), (hidden, 2), (s.foe_ailing & ~s.own_ailing, 1), (s.own_ailing, -3), otherwise=-4.0)
    wounded = _steps((hp < 0.4, -4), (s.threat < 0.15, -3), (s.threat >= hp, -3))
    laid = scene.field("opponent_spikes") + scene.field("opponent_stealth_rock") > 0
    return {
        "protect": protect,
        "counter": wounded + np.where(s.physical > 1.5 * s.special, 0.5, -2.5),
        "mirror_coat": wounded + np.where(s.special > 1.5 * s.physical, 0.5, -2.5),
        "phaze": _steps((rises >= 2, 3), (laid, 0), otherwise=-2) - 3 * s.doomed,
        "haze": _steps((rises - own_rises >= 2, 3), otherwise=-3),
        "baton_pass": _steps((own_rises >= 2, 3), otherwise=-3),
        "pivot": np.where(s.first_turn, 0.0, 0.5),
        "trick": np.where(s.first_turn, 0.0, -2.0),
        "opening": np.full(len(hp), 2.0),
        "focus_punch": np.where(s.foe_idle | (scene.own_flag("substitute") > 0), 1.0, -3.0),
        "ambush": np.where(s.faster, -0.5, 0.5),
        "teleport": np.full(len(hp), -1.0),
    }


def _last_resorts(s: Situation, facts: RuleFacts) -> Points:
    """Giving one's life, or one's next turn."""
    hp, alone = s.own_hp, s.bench < 0.5
    ahead = s.bench > s.foe_bench
    explosion = _steps((alone, -8), (s.doomed & s.faster, 2), (hp < 0.3, 2), (hp < 0.5, 0.5), otherwise=-2)
    bond = np.where((hp < 0.4) & s.faster & (s.threat >= hp), 2.0, -4.0)
    sunny = s.scene.weather == facts.sun
    return {
        "explosion": explosion + 0.5 * ahead,
        "destiny_bond": bond,
        "sacrifice": np.where(hp < 0.3, 0.5, -4.0),
        "recharge": np.full(len(hp), -1.5),
        "charge": np.full(len(hp), -1.5),
        "solar": np.where(sunny, 1.5, 0.0),
        "drain": np.where(hp < 0.6, 0.5, 0.0),
        "endeavor": np.where((hp < 0.3) & (s.foe_hp > 0.6), 3.0, -3.0),
    }
