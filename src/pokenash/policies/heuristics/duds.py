"""Which moves would do nothing: on the immune, on what is there already, at full HP, and so on.

Only from what the player knows. Abilities count where they are seen, or where the species can have no other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pokenash.games.showdown.dex import Dex
from pokenash.policies.heuristics.attacks import Hits
from pokenash.policies.heuristics.combatants import Scene
from pokenash.policies.heuristics.modifiers import find
from pokenash.policies.heuristics.move_groups import GROUPS, MoveGroups
from pokenash.policies.heuristics.view import OWN, columns

__all__ = ["DudFinder"]

Bools = NDArray[np.bool_]

_ALL = "sleep paralysis poison burn confuse seed yawn lower"
_IMMUNE_ABILITIES = {
    "sleep": "Insomnia, Vital Spirit, Sweet Veil, Comatose, Purifying Salt, Leaf Guard",
    "yawn": "Insomnia, Vital Spirit, Sweet Veil, Comatose, Purifying Salt",
    "paralysis": "Limber, Comatose, Purifying Salt",
    "poison": "Immunity, Pastel Veil, Comatose, Purifying Salt, Poison Heal",
    "burn": "Water Veil, Water Bubble, Thermal Exchange, Comatose, Purifying Salt",
    "confuse": "Own Tempo",
    "lower": "Clear Body, White Smoke, Full Metal Body, Good as Gold",
    "attract": "Oblivious, Aroma Veil",
    "taunt": "Oblivious, Aroma Veil",
    "encore": "Aroma Veil",
    "phaze": "Suction Cups, Guard Dog",
    "ohko": "Sturdy",
    "trick": "Sticky Hold",
    "hold": "Shadow Tag",
}
_REFLECTING = "Magic Bounce, Good as Gold"
_ON_FOE = ("sleep", "paralysis", "poison", "burn", "confuse", "seed", "yawn", "taunt", "encore", "torment", "disable",
           "attract", "lower", "trick", "hold", "phaze")  # fmt: skip
_PERSONAL = {
    "substitute": "substitute", "focus_energy": "focus_energy", "personal_reflect": "reflect",
    "personal_light_screen": "light_screen", "personal_mist": "mist", "ingrain": "ingrain", "aqua_ring": "aqua_ring",
    "magnet_rise": "magnet_rise", "transform": "transform",
}  # fmt: skip
_AFFLICTIONS = ("taunt", "encore", "torment", "disable", "attract", "yawn", "nightmare")
_OWN_SIDE = ("reflect", "light_screen", "aurora_veil", "tailwind", "safeguard", "mist", "lucky_chant", "wish")
_WEATHERS = {"rain": "RainDance", "sun": "SunnyDay", "sandstorm": "Sandstorm", "hail": "Hail", "snow": "Snowscape"}
_COLUMN = {name: index for index, name in enumerate(GROUPS)}
_WITHOUT_POWER = ("counter", "mirror_coat", "bide", "endeavor", "future_sight")


class DudFinder:
    """Finds moves that would do nothing.

    Parameters
    ----------
    dex : Dex
        Tables of the format that is played.
    groups : MoveGroups
    """

    def __init__(self, dex: Dex, groups: MoveGroups) -> None:
        self._dex, self._groups, self._generation = dex, groups, dex.generation
        abilities = np.arange(len(dex.names["abilities"]))

        def listed(words: str) -> Bools:
            ids = [find(dex, "abilities", word.strip()) for word in words.split(",")]
            return np.asarray(np.isin(abilities, [i for i in ids if i > 1]))

        self._ability = {group: listed(words) for group, words in _IMMUNE_ABILITIES.items()}
        self._reflecting = listed(_REFLECTING)
        self._types = {name: find(dex, "types", name) for name in dex.names["types"] if name}
        self._sleep, self._frozen = dex.id("statuses", "slp"), dex.id("statuses", "frz")
        self._fainted = dex.id("statuses", "fnt")
        self._weathers = {name: dex.id("weathers", weather) for name, weather in _WEATHERS.items()}
        self._max_spikes = 1 / 3 if dex.generation == 2 else 1.0
        index = np.arange(len(dex.moves.pp))
        self._without_power: Bools = np.asarray(
            np.stack([groups.of(name, index) for name in _WITHOUT_POWER]).any(axis=0)
        )
        names = ("Thunder Wave", "Glare") if dex.generation in (2, 3) else ("Thunder Wave",)
        self._minding_types = np.isin(index, [find(dex, "moves", name) for name in names]) & (index > 1)
        chart = dex.type_chart.copy()
        chart[:, 0] = 1
        self._chart = chart

    def find(self, scene: Scene, hits: Hits, own_first: Bools) -> Bools:
        """Whether each move would do nothing, ``[B, 4]``.

        Parameters
        ----------
        scene : Scene
        hits : Hits
            Of the four moves, ``[B, 4]``.
        own_first : bool array, ``[B]``
            Whether the own one is faster.
        """
        groups, moves = self._groups, scene.moves
        useless = np.zeros((len(moves), len(GROUPS)), np.bool_)
        for rules in (self._on_foe, self._on_self, self._on_field):
            for name, bad in rules(scene).items():
                useless[:, _COLUMN[name]] |= bad
        if self._generation == 1:
            useless[:, _COLUMN["ohko"]] |= ~own_first
        members = groups.members[moves]
        dud: Bools = np.asarray((members & useless[:, None]).any(axis=2))
        without = self._without_power[moves]
        dud |= groups.of("attack", moves) & ((hits.factor == 0) | ((hits.expected == 0) & ~without))
        return np.asarray(dud | self._by_type(scene) | self._stages_full(scene))

    def _has(self, scene: Scene, name: str) -> Bools:
        return np.asarray((scene.foe.types == self._types[name]).any(axis=1))

    def _on_foe(self, scene: Scene) -> dict[str, Bools]:
        """Groups that do nothing to this opponent."""
        foe, slp = scene.foe, self._sleep
        ill, shielded = foe.status > 0, scene.foe_flag("substitute") > 0
        safe = scene.field("opponent_safeguard") > 0
        team = scene.view["pokemon_ids"][:, OWN.stop :, columns("pokemon_ids", "status")[0]]
        sleeper = (team == slp).any(axis=1)
        found = {
            "sleep": ill | safe | sleeper,
            "yawn": ill | safe | sleeper,
            "paralysis": ill | safe,
            "poison": ill | safe | self._has(scene, "Poison") | self._has(scene, "Steel"),
            "burn": ill | safe | self._has(scene, "Fire"),
            "confuse": safe | (scene.foe_flag("confusion") > 0),
            "seed": self._has(scene, "Grass") | (scene.foe_flag("leech_seed") > 0),
            "lower": scene.field("opponent_mist") + scene.foe_flag("mist") > 0,
            "dream_eater": foe.status != slp,
            "perish_song": scene.foe_flag("perish") > 0,
            "hold": scene.foe_flag("trapped") > 0,
            "trick": np.asarray(scene.own.item == 0) & np.asarray(foe.item == 0),
            "ohko": np.zeros(len(ill), np.bool_),
            "phaze": (scene.field("opponent_remaining") * 6 < 1.5) | (self._generation == 1),
            "psych_up": (scene.foe.stages == 0).all(axis=1),
        }
        for name in _AFFLICTIONS:
            found[name] = found.get(name, False) | (scene.foe_flag(name) > 0)
        found["nightmare"] = found["nightmare"] | (foe.status != slp)
        gender = columns("pokemon", "gender")[0]
        found["attract"] = found["attract"] | (scene.own_row[:, gender] * scene.foe_row[:, gender] >= 0)
        no_move = scene.view["global_ids"][:, columns("global_ids", "opponent_last_move")[0]] == 0
        for name in ("encore", "disable"):
            found[name] = found[name] | no_move
        if self._generation >= 6:
            found["paralysis"] = found["paralysis"] | self._has(scene, "Electric")
            found["hold"] = found["hold"] | self._has(scene, "Ghost")
        if self._generation > 1:
            for name in (*_ALL.split(), "trick", "nightmare"):
                found[name] = found[name] | shielded
        helpless = (foe.status == slp) | (foe.status == self._frozen) | (scene.foe_flag("must_recharge") > 0)
        found |= dict.fromkeys(("counter", "mirror_coat", "bide"), helpless)
        for name, immune in self._ability.items():
            found[name] = found[name] | immune[foe.ability]
        for name in _ON_FOE:
            found[name] = found[name] | self._reflecting[foe.ability]
        return found

    def _on_self(self, scene: Scene) -> dict[str, Bools]:
        """Groups that do nothing for the own Pokémon."""
        own, whole = scene.own, np.asarray(scene.own.hp >= 0.999)
        status = columns("pokemon_ids", "status")[0]
        rows, fainted = scene.view["pokemon_ids"][:, OWN, status], self._fainted
        asleep = own.status == self._sleep
        blocked = scene.own_flag("heal_block") > 0
        alone = scene.last_own
        health = np.maximum(own.stats[:, 0], 1) * own.hp, scene.foe.stats[:, 0] * scene.foe.hp
        found = {
            "heal": whole | blocked,
            "rest": whole | blocked | asleep | self._ability["sleep"][own.ability],
            "sleep_talk": ~asleep,
            "heal_bell": ~((rows > 0) & (rows != fainted)).any(axis=1),
            "refresh": own.status == 0,
            "pain_split": health[0] >= health[1],
            "belly_drum": (own.hp <= 0.5) | (own.stages[:, 0] >= 6),
            "baton_pass": alone,
            "sacrifice": alone,
            "memento": alone,
            "opening": ~scene.first_turn,
            "nothing": np.ones(len(whole), np.bool_),
            "teleport": alone | (self._generation < 8),
            "haze": (own.stages == 0).all(axis=1) & (scene.foe.stages == 0).all(axis=1),
        }
        for group, column in _PERSONAL.items():
            found[group] = np.asarray(scene.own_flag(column) > 0)
        found["substitute"] = found["substitute"] | (own.hp <= 0.251)
        ghost = (own.types == self._types["Ghost"]).any(axis=1)
        found["curse"] = ghost & (scene.foe_flag("curse") > 0)
        return found

    def _on_field(self, scene: Scene) -> dict[str, Bools]:
        """Groups whose effect is there already."""
        found = {name: np.asarray(scene.field(f"own_{name}") > 0) for name in _OWN_SIDE}
        gone = (scene.field("opponent_remaining") * 6 < 1.5) | self._reflecting[scene.foe.ability]
        for name in ("spikes", "toxic_spikes", "stealth_rock", "sticky_web"):
            most = self._max_spikes if name == "spikes" else 1.0
            found[name] = np.asarray((scene.field(f"opponent_{name}") > most - 0.01) | gone)
        for name, weather in self._weathers.items():
            found[name] = np.asarray(scene.weather == weather)
        found["future_sight"] = np.asarray(scene.field("opponent_future_sight") > 0)
        return found

    def _by_type(self, scene: Scene) -> Bools:
        """Status moves that the target's types are immune to: Thunder Wave on Ground, powders on Grass."""
        groups, moves, generation = self._groups, scene.moves, self._generation
        kind = self._dex.moves.type[moves]
        types = scene.foe.types
        immune = self._chart[kind, types[:, :1]] * self._chart[kind, types[:, 1:]] == 0
        dud = self._minding_types[moves] & immune
        if generation >= 6:
            dud |= groups.of("powder", moves) & self._has(scene, "Grass")[:, None]
        return np.asarray(dud)

    def _stages_full(self, scene: Scene) -> Bools:
        """Set-up without a stat that can rise, and lowering without one that can fall."""
        table, moves = self._dex.moves, scene.moves
        raised, lowered = self._groups.raises[moves], table.target_boosts[moves] < 0
        can_rise = (raised & (scene.own.stages[:, None] < 6)).any(axis=2)
        can_fall = (lowered & (scene.foe.stages[:, None] > -6)).any(axis=2)
        ghost = (scene.own.types == self._types["Ghost"]).any(axis=1)[:, None] & self._groups.of("curse", moves)
        full = self._groups.of("set_up", moves) & ~can_rise & ~ghost
        return np.asarray(full | (self._groups.of("lower", moves) & ~can_fall))
