"""One Pokémon as the backend ``poke-env-0.8.3`` remembers it.

What happens to it comes as calls (`switch_in`, `set_condition`, `start_effect`, ...), what a state says of it comes out
of `record`. The odd parts are the backend's quirks; each is named in the docstring of the method that has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pokenash.metamon.backend_data import KnownMove, Species, known_move, move_key, name_id, species
from pokenash.metamon.backend_names import EFFECTS, ENDS_WITH_TURN, TURN_COUNTED, USE_COUNTED
from pokenash.metamon.state import BOOSTS, NO_MOVE, UniversalMove, UniversalPokemon
from pokenash.metamon.words import letters_word, species_word

__all__ = ["UNKNOWN_ITEM", "TrackedPokemon", "effect_id"]

_PARADOX = {
    name: tuple(f"{name}{stat}" for stat in ("atk", "def", "spa", "spd", "spe"))
    for name in ("protosynthesis", "quarkdrive")
}
UNKNOWN_ITEM = "unknown_item"
"""The item of a Pokémon of which nothing was said; None is an item that was lost, the empty text no item."""

_MOVES_KEPT = 4
_MOST_HP = 100_000
_SUPPRESSED = ""


def effect_id(text: str) -> str:
    """The effect that a protocol line names, ``unknown`` where the backend has no such effect."""
    for prefix in ("item: ", "move: ", "ability: "):
        text = text.replace(prefix, "")
    name = text.replace(" ", "").replace("-", "").replace("_", "").lower()
    if name == "fallenundefined":
        return "fallen"
    return name if name in EFFECTS else "unknown"


class TrackedPokemon:
    """A Pokémon of either side.

    Parameters
    ----------
    generation : int
        Of the battle.
    """

    __slots__ = (
        "ability", "active", "boosts", "effects", "facts", "generation", "hp", "identity", "item", "last_details",
        "last_request", "level", "max_hp", "moves", "previous_move", "status", "temporary_ability", "temporary_types",
        "tera_type", "terastallized",
    )  # fmt: skip

    def __init__(self, generation: int) -> None:
        self.generation = generation
        self.identity: Species | None = None
        self.facts: Species | None = None
        self.active = False
        self.level = 100
        self.hp = 0
        self.max_hp = 0
        self.status: str | None = None
        self.ability: str | None = None
        self.temporary_ability: str | None = None
        self.item: str | None = UNKNOWN_ITEM
        self.boosts = dict.fromkeys(BOOSTS, 0)
        self.effects: dict[str, int] = {}
        self.moves: dict[str, KnownMove] = {}
        self.previous_move: KnownMove | None = None
        self.temporary_types: tuple[str, ...] = ()
        self.tera_type: str | None = None
        self.terastallized = False
        self.last_details = ""
        self.last_request: Mapping[str, Any] | None = None

    @property
    def fainted(self) -> bool:
        """Whether it is known to have fainted."""
        return self.status == "fnt"

    # --- what it is -------------------------------------------------------------------------------------------------

    def update_details(self, details: str) -> None:
        """Species, level and Tera type from a details string (``"Rotom-Wash, L84, tera:Steel"``).

        Quirk: a string that has not changed is not read again, so that what a Transform or a change of forme did to
        types and base stats outlasts the switch.
        """
        if details == self.last_details:
            return
        self.last_details = details
        name, *rest = (part for part in details.split(", ") if part != "shiny")
        self.level = 100
        bare = True
        for part in rest:
            if part.startswith("tera:"):
                self.tera_type = species_word(part[5:])
                continue
            bare = False
            if part[:1] == "L" and part[1:].isdigit():
                self.level = int(part[1:])
        # Without level and gender a species that is the same is not looked up again either.
        if self.identity is None or not bare or name_id(name) != self.identity.name:
            self.become(name)
            self.identity = self.facts

    def become(self, name: str) -> None:
        """Take types, base stats and, where there is but one, the ability of a species, but not its name."""
        self.facts = species(self.generation, name)
        if self.facts.only_ability is not None:
            self.ability = self.facts.only_ability

    def transform(self, into: TrackedPokemon) -> None:
        """Take another's types, base stats and boosts."""
        if into.identity is not None:
            self.become(into.identity.name)
        self.boosts = dict(into.boosts)

    def update_from_request(self, side: Mapping[str, Any]) -> None:
        """What a request says of an own Pokémon.

        Quirks: an entry that has not changed is not read again (a removed item reads unknown until something changes);
        a status that is gone from the condition is not forgotten (only a cure is).
        """
        self.active = bool(side["active"])
        if side == self.last_request:
            return
        self.last_request = side
        ability = side.get("ability", side.get("baseAbility"))
        if ability is not None:
            self.ability = name_id(ability)
        self.set_condition(side["condition"])
        self.item = side["item"]
        self.update_details(side["details"])
        for move in side["moves"]:
            self._learn(move)
        if len(self.moves) > _MOVES_KEPT:
            offered = {move_key(move) for move in side["moves"]}
            self.moves = {key: move for key, move in self.moves.items() if key in offered}

    # --- what happens to it -----------------------------------------------------------------------------------------

    def switch_in(self, details: str) -> None:
        """It comes out."""
        self.active = True
        self.update_details(details)

    def switch_out(self) -> None:
        """It goes back: boosts, effects, a changed type and a changed ability are gone; the previous move stays."""
        self.active = False
        self.boosts = dict.fromkeys(BOOSTS, 0)
        self.effects.clear()
        self.temporary_ability = None
        self.temporary_types = ()

    def was_disguise(self) -> None:
        """It was never out: an Illusion looked like it. What the last request said of it is read again."""
        self.hp = self.max_hp = 0
        self.status = None
        request, self.last_request = self.last_request, None
        if request is not None:
            self.update_from_request(request)
        self.switch_out()

    def set_condition(self, condition: str) -> None:
        """HP and status as ``"88/100 par"`` or ``"0 fnt"``."""
        if condition == "0 fnt":
            self.faint()
            return
        points, _, status = condition.partition(" ")
        if status:
            self.status = status
            if status == "slp":
                self.effects.pop("yawn", None)
        hp, _, maximum = points.partition("/")
        now, most = int(hp), int("".join(c for c in maximum if c.isdigit()))
        if not 0 <= now <= max(most, 0) or most > _MOST_HP:
            raise ValueError(f"a condition of {condition[:40]!r}")
        self.hp, self.max_hp = now, most

    def faint(self) -> None:
        """It faints: effects go, and with them a changed type or swapped ability; boosts stay until it is replaced."""
        self.hp = 0
        self.status = "fnt"
        for effect in list(self.effects):
            self.end_effect(effect)

    def cure(self, status: str | None = None) -> None:
        """The status is cured; of one that is named, only that one."""
        if self.status == status or (status is None and not self.fainted):
            self.status = None

    def boost(self, stat: str, amount: int) -> None:
        """Change a stat stage, which stays within −6 to 6."""
        self.boosts[stat] = max(-6, min(6, self.boosts[stat] + amount))

    def set_boost(self, stat: str, stage: int) -> None:
        """A stat stage is what is said, from −6 to 6."""
        if stat not in self.boosts or not -6 <= stage <= 6:
            raise ValueError(f"stage {stage} of {stat[:40]!r}")
        self.boosts[stat] = stage

    def use_move(self, name: str) -> None:
        """It was seen to use a move.

        Quirks: PP are not counted; of more than four known moves (Transform, Mimic, called moves) the one just used
        and the three oldest are kept; Struggle, Recharge and the like are no previous move at all.
        """
        move = self._learn(name)
        self.previous_move = move
        if len(self.moves) > _MOVES_KEPT:
            latest = [key for key, known in self.moves.items() if known is move]
            kept = (latest + [key for key in self.moves if key not in latest])[:_MOVES_KEPT]
            self.moves = {key: self.moves[key] for key in kept}
        self.effects.pop("glaiverush", None)
        if move is not None and move.record.move_type == "electric":
            self.effects.pop("charge", None)

    def start_effect(self, text: str) -> None:
        """An effect begins or is seen again.

        Quirk: one-shot activations (Heal Bell, Trick, Struggle, ...) count as effects until the Pokémon switches out.
        """
        effect = effect_id(text)
        if effect not in self.effects:
            self.effects[effect] = 0
        elif effect in USE_COUNTED:
            self.effects[effect] += 1

    def change_types(self, types: Iterable[str]) -> None:
        """Its types are others until it switches out or terastallizes."""
        self.temporary_types = tuple("threequestionmarks" if name == "???" else species_word(name) for name in types)

    def end_effect(self, text: str) -> None:
        """An effect ends; a paradox ability's boosted stat ends with it."""
        effect = effect_id(text)
        self.effects.pop(effect, None)
        if effect == "typechange":
            self.temporary_types = ()
        elif effect == "skillswap":
            self.temporary_ability = None
        for boosted in _PARADOX.get(effect, ()):
            self.effects.pop(boosted, None)

    def end_turn(self) -> None:
        """A turn ends while it is out."""
        for effect in list(self.effects):
            if effect in TURN_COUNTED:
                self.effects[effect] += 1
            elif effect in ENDS_WITH_TURN:
                del self.effects[effect]

    def suppress_ability(self) -> None:
        """Its ability has no effect until it switches out, and reads unknown."""
        self.temporary_ability = _SUPPRESSED

    def terastallize(self, tera_type: str) -> None:
        """It terastallizes."""
        self.tera_type = species_word(tera_type)
        self.terastallized = True
        self.temporary_types = ()

    def _learn(self, name: str) -> KnownMove | None:
        key = move_key(name)
        known = self.moves.get(key)
        if known is None:
            known = known_move(self.generation, name)
            if known is not None:
                self.moves[key] = known
        return known

    # --- what a state says of it ------------------------------------------------------------------------------------

    def record(self) -> UniversalPokemon:
        """As a state holds it.

        Quirks: of several effects the oldest with the lowest counter is named; an own Tera type is unknown until it is
        used; an item that was lost reads ``unknownitem``, none at all (as a request says it) ``noitem``.
        """
        facts, identity, boosts = self.facts, self.identity, self.boosts
        assert facts is not None
        assert identity is not None
        base = facts.base_stats
        return UniversalPokemon(
            identity.name,
            self.hp / self.max_hp if self.hp else 0.0,
            self._types(facts),
            "unknownitem" if self.item is None else letters_word(self.item) or "noitem",
            self._ability_word(),
            self.level,
            self.status or "nostatus",
            letters_word(min(self.effects, key=self.effects.__getitem__)) if self.effects else "noeffect",
            tuple(move.record for move in self.moves.values()),
            boosts["atk"], boosts["spa"], boosts["def"], boosts["spd"], boosts["spe"],
            boosts["accuracy"], boosts["evasion"],
            base["atk"], base["spa"], base["def"], base["spd"], base["spe"], base["hp"],
            self.tera_type if self.tera_type is not None else "notype",
            identity.base_species,
        )  # fmt: skip

    def previous_move_record(self) -> UniversalMove:
        """The move that it used last, however long ago; `NO_MOVE` if there is none."""
        return NO_MOVE if self.previous_move is None else self.previous_move.record

    def _types(self, facts: Species) -> str:
        types = facts.types
        if self.temporary_types:
            types = self.temporary_types
        elif self.terastallized and self.tera_type is not None:
            types = (self.tera_type,)
        return " ".join(sorted((*types[:2], "notype")[:2]))

    def _ability_word(self) -> str:
        if self.temporary_ability == _SUPPRESSED:
            return "unknownability"
        ability = self.ability if self.temporary_ability is None else self.temporary_ability
        return "unknownability" if ability is None else letters_word(ability) or "noability"
