"""Which moves are alike, as one table of bools: the rules of the players are written for groups, not for moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pokenash.games.showdown.dex import STATUS, Dex
from pokenash.policies.heuristics.modifiers import find

__all__ = ["GROUPS", "MoveGroups", "move_groups"]

_BY_NAME = {
    "rest": "Rest",
    "wish": "Wish",
    "heal_bell": "Heal Bell, Aromatherapy",
    "refresh": "Refresh",
    "pain_split": "Pain Split",
    "sleep_talk": "Sleep Talk, Snore",
    "belly_drum": "Belly Drum",
    "protect": "Protect, Detect, Spiky Shield, King's Shield, Baneful Bunker, Obstruct, Silk Trap, Burning Bulwark",
    "endure": "Endure",
    "counter": "Counter",
    "mirror_coat": "Mirror Coat",
    "bide": "Bide, Metal Burst, Comeuppance",
    "memento": "Memento, Final Gambit",
    "sacrifice": "Healing Wish, Lunar Dance",
    "baton_pass": "Baton Pass",
    "haze": "Haze",
    "clear": "Rapid Spin, Defog, Mortal Spin, Tidy Up",
    "trick": "Trick, Switcheroo",
    "destiny_bond": "Destiny Bond, Grudge",
    "opening": "Fake Out, First Impression",
    "focus_punch": "Focus Punch",
    "ambush": "Sucker Punch, Thunderclap",
    "dream_eater": "Dream Eater",
    "nightmare": "Nightmare",
    "perish_song": "Perish Song",
    "hold": "Mean Look, Block, Spider Web, Octolock, Jaw Lock",
    "teleport": "Teleport",
    "trick_room": "Trick Room",
    "psych_up": "Psych Up",
    "transform": "Transform",
    "future_sight": "Future Sight, Doom Desire",
    "endeavor": "Endeavor",
    "lock_on": "Lock-On, Mind Reader",
    "magnet_rise": "Magnet Rise",
    "yawn": "Yawn",
    "powder": "Sleep Powder, Stun Spore, Poison Powder, Spore, Cotton Spore",
    "odd": "Metronome, Mimic, Mirror Move, Assist, Copycat, Me First, Conversion, Conversion 2, Camouflage, "
    "Nature Power, Recycle, Role Play, Skill Swap, Snatch, Magic Coat, Imprison, Spite, Mud Sport, Water Sport, "
    "Foresight, Odor Sleuth, Miracle Eye, Gravity, Stockpile, Power Trick, Power Swap, Guard Swap, Heart Swap, "
    "Psycho Shift, Worry Seed, Gastro Acid, Embargo, Heal Block, Torment, Acupressure, Soak, Court Change, "
    "Safeguard, Mist, Lucky Chant, Tailwind, Ingrain, Aqua Ring, Charge, Attract, Disable",
    "nothing": "Splash, Celebrate, Hold Hands, Happy Hour, Follow Me, Helping Hand, Ally Switch, After You, Quash, "
    "Instruct, Spotlight, Rage Powder, Sketch, Heal Pulse, Floral Healing, Dragon Cheer, Coaching",
}
"""Groups that the tables do not tell, by the names of the moves."""

_STATUSES = {"sleep": ("slp",), "paralysis": ("par",), "poison": ("psn", "tox"), "burn": ("brn",)}

_VOLATILES = {
    "confuse": "confusion", "seed": "leechseed", "taunt": "taunt", "encore": "encore", "torment": "torment",
    "disable": "disable", "attract": "attract", "substitute": "substitute", "focus_energy": "focusenergy",
    "personal_reflect": "reflect", "personal_light_screen": "lightscreen", "ingrain": "ingrain",
    "aqua_ring": "aquaring", "personal_mist": "mist",
}  # fmt: skip

_SIDE = {
    "reflect": "reflect", "light_screen": "lightscreen", "aurora_veil": "auroraveil", "tailwind": "tailwind",
    "safeguard": "safeguard", "mist": "mist", "lucky_chant": "luckychant", "spikes": "spikes",
    "toxic_spikes": "toxicspikes", "stealth_rock": "stealthrock", "sticky_web": "stickyweb",
}  # fmt: skip

_WEATHERS = {"rain": "RainDance", "sun": "SunnyDay", "sandstorm": "Sandstorm", "hail": "Hail", "snow": "Snowscape"}

_FROM_TABLES = (
    "attack", "status_move", "toxic", "heal", "weather_heal", "set_up", "raise_attack", "raise_defense", "raise_speed",
    "lower", "explosion", "recharge", "charge", "solar", "phaze", "pivot", "ohko", "curse", "drain", "fixed",
)  # fmt: skip

GROUPS = (*_FROM_TABLES, *_STATUSES, *_VOLATILES, *_SIDE, *_WEATHERS, *_BY_NAME)


@dataclass(frozen=True, eq=False)
class MoveGroups:
    """Which move belongs to which group.

    Parameters
    ----------
    members : bool array, ``[M, len(GROUPS)]``
        In the order of `GROUPS`.
    raises : bool array, ``[M, 7]``
        Stats that a status move raises for its user, in the order of `pokenash.games.showdown.dex.BOOSTS`.
    """

    members: NDArray[np.bool_]
    raises: NDArray[np.bool_]

    def of(self, name: str, moves: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether moves belong to a group, ``[...]``."""
        found: NDArray[np.bool_] = self.members[moves, GROUPS.index(name)]
        return found


def move_groups(dex: Dex) -> MoveGroups:
    """Work out the groups of a generation's moves."""
    moves, count = dex.moves, len(dex.moves.pp)
    status_move = (moves.category == STATUS) & (np.arange(count) > 1)
    raises = _raises(dex, status_move)
    found = _from_tables(dex, status_move, raises)
    for name, statuses in _STATUSES.items():
        ids = [dex.id("statuses", status) for status in statuses]
        found[name] = status_move & np.isin(moves.status, ids)
    volatiles, sides = dex.names["volatiles"], dex.names["side_conditions"]
    for name, volatile in _VOLATILES.items():
        at = volatiles.index(volatile)
        found[name] = status_move & ((moves.volatile == at) | (moves.self_volatile == at))
    for name, condition in _SIDE.items():
        found[name] = status_move & (moves.side_condition == sides.index(condition))
    for name, weather in _WEATHERS.items():
        found[name] = status_move & (moves.weather == dex.id("weathers", weather))
    for name, words in _BY_NAME.items():
        ids = [find(dex, "moves", word.strip()) for word in words.split(",")]
        found[name] = np.isin(np.arange(count), [i for i in ids if i > 1])
    return MoveGroups(np.stack([np.asarray(found[name], np.bool_) for name in GROUPS], axis=1), raises)


def _raises(dex: Dex, status_move: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """`MoveGroups.raises`. Curse depends on its user's types, so that the tables do not tell."""
    raised = (dex.moves.self_boosts > 0) & status_move[:, None]
    curse = find(dex, "moves", "Curse")
    if curse > 0:
        raised[curse, :2] = True
    return np.asarray(raised)


def _from_tables(dex: Dex, status_move: NDArray[np.bool_], raised: NDArray[np.bool_]) -> dict[str, NDArray[np.bool_]]:
    moves = dex.moves
    index = np.arange(len(moves.pp))
    # In generation 1 these two do nothing in a trainer battle, and the tables know them as such.
    roars = [find(dex, "moves", name) for name in ("Roar", "Whirlwind")]
    by_weather = [find(dex, "moves", name) for name in ("Moonlight", "Morning Sun", "Synthesis")]
    own_name = [find(dex, "moves", name) for name in ("Rest", "Swallow", "Heal Pulse", "Floral Healing")]
    return {
        "attack": (moves.category < STATUS) & (index > 1),
        "status_move": status_move,
        "toxic": status_move & (moves.status == dex.id("statuses", "tox")),
        "heal": status_move & (moves.heal > 0) & ~np.isin(index, own_name),
        "weather_heal": np.isin(index, by_weather) & (index > 1),
        "set_up": raised.any(axis=1),
        "raise_attack": raised[:, [0, 2]].any(axis=1),
        "raise_defense": raised[:, [1, 3, 6]].any(axis=1) & ~raised[:, [0, 2]].any(axis=1),
        "raise_speed": raised[:, 4] & ~raised[:, :4].any(axis=1),
        "lower": status_move & (moves.target_boosts < 0).any(axis=1) & (moves.volatile == 0),
        "explosion": moves.self_destruct & (moves.category < STATUS),
        "recharge": moves.recharge,
        "charge": moves.charge,
        "solar": np.isin(index, [find(dex, "moves", name) for name in ("Solar Beam", "Solar Blade")]) & (index > 1),
        "phaze": status_move & (moves.force_switch | np.isin(index, roars)),
        "pivot": moves.self_switch & (moves.category < STATUS),
        "ohko": moves.ohko,
        "curse": index == max(find(dex, "moves", "Curse"), 1),
        "drain": moves.drain > 0,
        "fixed": moves.damage_kind > 0,
    }
