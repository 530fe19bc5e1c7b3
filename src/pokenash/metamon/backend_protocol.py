"""A battle as the backend ``poke-env-0.8.3`` follows it: one method per kind of protocol line.

Lines that tell it nothing (``|-crit|``, ``|upkeep|``, chat, timers, ...) have no method. A line that cannot be read is
logged and left out, as one bad line must not end a battle.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pokenash.metamon.backend_data import name_id, species
from pokenash.metamon.backend_field import TrackedField
from pokenash.metamon.backend_pokemon import TrackedPokemon
from pokenash.metamon.state import BOOSTS

__all__ = ["TrackedBattle"]

_LOG = logging.getLogger(__name__)
_TAKES_ITEM = {
    "[from] ability: Pickpocket": "pickpocket",
    "[from] ability: Magician": "magician",
    "[from] move: Thief": None,
    "[from] move: Covet": None,
}
_Line = Sequence[str]


class TrackedBattle:
    """Both sides as one player was told of them.

    Parameters
    ----------
    role : str
        The player's own side, ``"p1"`` or ``"p2"``.
    generation : int
        Of the battle.
    """

    def __init__(self, role: str, generation: int) -> None:
        self.role = role
        self.generation = generation
        self.name: str | None = None
        self.team: dict[str, TrackedPokemon] = {}
        self.opponents: dict[str, TrackedPokemon] = {}
        self.previewed: list[str] = []
        self.field = TrackedField(role)
        self.ended = False
        self.winner: str | None = None

    def read(self, line: str) -> None:
        """Follow one protocol line (without requests)."""
        parts = line.split("|")
        if len(parts) < 2:
            return
        handler = _HANDLERS.get(parts[1])
        try:
            if handler is not None:
                handler(self, parts)
            else:
                self.field.read(parts)
        except (LookupError, ValueError) as error:
            # Of a server, so perhaps long, and with characters that a terminal would obey.
            _LOG.warning("a protocol line was left out (%.80r): %.160r", str(error), line)

    def read_side(self, side: Mapping[str, Any]) -> None:
        """Follow the own team as a request shows it."""
        for entry in side["pokemon"]:
            ident = entry["ident"]
            pokemon = self.team.get(ident) or TrackedPokemon(self.generation)
            pokemon.update_from_request(entry)
            self.team[ident] = pokemon

    def active(self, own: bool) -> TrackedPokemon | None:
        """Who is out on a side."""
        for pokemon in (self.team if own else self.opponents).values():
            if pokemon.active:
                return pokemon
        return None

    def _pokemon(self, ident: str, details: str = "") -> TrackedPokemon:
        """The Pokémon that a line names (``"p1a: Jynx"``), known from now on if it was not."""
        key = ident if ident[3] == " " else ident[:2] + ident[3:]
        team = self.team if key[:2] == self.role else self.opponents
        pokemon = team.get(key)
        if pokemon is None:
            if not (details or key[4:]):
                raise ValueError("a Pokémon without a name")
            pokemon = TrackedPokemon(self.generation)
            pokemon.update_details(details or key[4:])
            if not details:
                pokemon.last_details = ""
            team[key] = pokemon
        return pokemon

    # --- coming, going, moving --------------------------------------------------------------------------------------

    def _player(self, parts: _Line) -> None:
        if parts[2] == self.role and len(parts) > 4 and parts[3]:
            self.name = parts[3]

    def _switch(self, parts: _Line) -> None:
        ident, details, condition = parts[2:5]
        leaving = self.active(ident[:2] == self.role)
        pokemon = self._pokemon(ident, details)
        if leaving is not None:
            leaving.switch_out()
        pokemon.switch_in(details)
        pokemon.set_condition(condition)

    def _replace(self, parts: _Line) -> None:
        """An Illusion ends: who was out never was.

        Quirk: an own Illusion is active by the requests already, so that what befell its image is not taken back.
        """
        disguise = self.active(parts[2][:2] == self.role)
        if disguise is None:
            return
        revealed = self._pokemon(parts[2], parts[3])
        if revealed is not disguise:
            revealed.switch_in(parts[3])
            revealed.status = disguise.status
            revealed.hp, revealed.max_hp = disguise.hp, disguise.max_hp
            disguise.was_disguise()

    def _move(self, parts: _Line) -> None:
        """Quirk: only the marks of old servers (``[from]move: Sleep Talk``) tell a called move from a chosen one."""
        pokemon, move = self._pokemon(parts[2]), parts[3]
        caller = None
        for mark in parts[4:]:
            if mark == "[from]Magic Coat":
                return
            if mark.startswith("[from]ability: "):
                pokemon.ability = name_id(mark[15:])
                if mark[15:] in ("Magic Bounce", "Dancer"):
                    return
            elif mark.startswith("[from]move: "):
                caller = mark[12:]
        if move.strip().upper() == "MINIMIZE":
            pokemon.start_effect("minimize")
        if caller is not None:
            pokemon.use_move(caller)
        if caller in (None, "Sleep Talk"):
            pokemon.use_move(move)

    def _prepare(self, parts: _Line) -> None:
        if len(parts) > 4 and parts[4] != "[premajor]" and name_id(parts[3]) == "skydrop":
            self._pokemon(parts[4]).start_effect("Sky Drop")
        self._pokemon(parts[2]).use_move(parts[3])

    def _turn(self, parts: _Line) -> None:
        self.field.turn = int(parts[2])
        for pokemon in (self.active(True), self.active(False)):
            if pokemon is not None:
                pokemon.end_turn()

    def _end_battle(self, parts: _Line) -> None:
        self.ended = True
        self.winner = parts[2] if parts[1] == "win" else None

    def _preview(self, parts: _Line) -> None:
        if parts[2] != self.role:
            self.previewed.append(species(self.generation, parts[3].split(",")[0]).base_species)

    def _clear_preview(self, parts: _Line) -> None:
        for pokemon in self.team.values():
            pokemon.active = False

    # --- HP, status, boosts -----------------------------------------------------------------------------------------

    def _damage(self, parts: _Line) -> None:
        """HP; the item or ability that did the damage is its owner's."""
        self._pokemon(parts[2]).set_condition(parts[3])
        if len(parts) == 6 and parts[5].startswith("[of]"):
            source = parts[5][4:].strip()
            if parts[4].startswith("[from] item:"):
                self._pokemon(source).item = name_id(parts[4][12:])
            elif parts[4].startswith("[from] ability:"):
                self._pokemon(source).ability = name_id(parts[4][15:])
        elif len(parts) == 5 and parts[4].startswith("[from] item:"):
            self._pokemon(parts[2]).item = name_id(parts[4][12:])

    def _heal(self, parts: _Line) -> None:
        """HP; the item (unless it was eaten) or the ability that healed."""
        pokemon = self._pokemon(parts[2])
        pokemon.set_condition(parts[3])
        if len(parts) == 6 and parts[4].startswith("[from] ability:"):
            ability = name_id(parts[4][15:])
            owner = self._pokemon(parts[5][4:].strip()) if ability == "hospitality" else pokemon
            owner.ability = ability
        elif len(parts) == 5 and parts[4].startswith("[from] item:") and pokemon.item is not None:
            pokemon.item = name_id(parts[4][12:])

    def _set_hp(self, parts: _Line) -> None:
        self._pokemon(parts[2]).set_condition(parts[3])

    def _faint(self, parts: _Line) -> None:
        self._pokemon(parts[2]).faint()

    def _status(self, parts: _Line) -> None:
        self._pokemon(parts[2]).status = parts[3]

    def _cure(self, parts: _Line) -> None:
        self._pokemon(parts[2]).cure(parts[3])

    def _cure_team(self, parts: _Line) -> None:
        for pokemon in (self.team if parts[2][:2] == self.role else self.opponents).values():
            pokemon.cure()

    def _boost(self, parts: _Line) -> None:
        sign = -1 if parts[1] == "-unboost" else 1
        self._pokemon(parts[2]).boost(parts[3], sign * int(parts[4]))

    def _set_boost(self, parts: _Line) -> None:
        self._pokemon(parts[2]).set_boost(parts[3], int(parts[4]))

    def _clear_boosts(self, parts: _Line) -> None:
        boosts = self._pokemon(parts[2]).boosts
        for stat, value in boosts.items():
            if (value < 0 and parts[1] != "-clearpositiveboost") or (value > 0 and parts[1] != "-clearnegativeboost"):
                boosts[stat] = 0

    def _clear_all_boosts(self, parts: _Line) -> None:
        for pokemon in (self.active(True), self.active(False)):
            if pokemon is not None:
                pokemon.boosts = dict.fromkeys(pokemon.boosts, 0)

    def _copy_boosts(self, parts: _Line) -> None:
        """Quirk: the first that is named is copied onto the second, though the simulator means the reverse."""
        self._pokemon(parts[3]).boosts = dict(self._pokemon(parts[2]).boosts)

    def _invert_boosts(self, parts: _Line) -> None:
        boosts = self._pokemon(parts[2]).boosts
        for stat, value in boosts.items():
            boosts[stat] = -value

    def _swap_boosts(self, parts: _Line) -> None:
        first, second = self._pokemon(parts[2]).boosts, self._pokemon(parts[3]).boosts
        stats: Sequence[str] = parts[4].split(", ")
        if "[from]" in parts[4]:
            stats = ("def", "spd") if "guardswap" in parts[4] else BOOSTS
        for stat in stats:
            first[stat], second[stat] = second[stat], first[stat]

    # --- effects, abilities, items, formes --------------------------------------------------------------------------

    def _start(self, parts: _Line) -> None:
        pokemon = self._pokemon(parts[2])
        pokemon.start_effect(parts[3])
        if parts[3] == "typechange" and parts[4] and not parts[4].startswith("["):
            pokemon.change_types(parts[4].split("/"))

    def _activate(self, parts: _Line) -> None:
        pokemon, effect = self._pokemon(parts[2]), parts[3]
        if effect.startswith("ability: "):
            pokemon.ability = name_id(effect[9:])
            return
        pokemon.start_effect(effect)
        if effect == "move: Skill Swap" and len(parts) > 6:
            pokemon.temporary_ability = name_id(parts[4])
            self._pokemon(parts[6].replace("[of] ", "")).temporary_ability = name_id(parts[5])

    def _single(self, parts: _Line) -> None:
        self._pokemon(parts[2]).start_effect(parts[3])

    def _end(self, parts: _Line) -> None:
        self._pokemon(parts[2]).end_effect(parts[3])

    def _ability(self, parts: _Line) -> None:
        pokemon, ability = self._pokemon(parts[2]), name_id(parts[3])
        if len(parts) > 4 and parts[4].startswith("[from] move:"):
            pokemon.temporary_ability = ability
        else:
            pokemon.ability = ability

    def _end_ability(self, parts: _Line) -> None:
        self._pokemon(parts[2]).suppress_ability()

    def _item(self, parts: _Line) -> None:
        if len(parts) != 6:
            self._pokemon(parts[2]).item = name_id(parts[3])
            return
        item, cause, other = name_id(parts[3]), parts[4], self._pokemon(parts[5].replace("[of] ", ""))
        if cause == "[from] ability: Frisk":
            frisked = self.active(other is not self.active(True))
            if frisked is not None:
                frisked.item = item
            other.ability = "frisk"
            return
        pokemon = self._pokemon(parts[2])
        pokemon.item = item
        if cause in _TAKES_ITEM:
            pokemon.ability = _TAKES_ITEM[cause] or pokemon.ability
            other.item = None

    def _end_item(self, parts: _Line) -> None:
        self._pokemon(parts[2]).item = None

    def _change_forme(self, parts: _Line) -> None:
        self._pokemon(parts[2]).become(parts[3].split(",")[0])

    def _mega(self, parts: _Line) -> None:
        """Mega Evolution; the stone's last letter tells Charizard's and Mewtwo's two apart."""
        self._evolve(self._pokemon(parts[2]), "mega", parts[-1][-1:].lower())

    def _primal(self, parts: _Line) -> None:
        self._evolve(self._pokemon(parts[2]), "primal", "")

    def _evolve(self, pokemon: TrackedPokemon, suffix: str, variant: str) -> None:
        if pokemon.identity is not None:
            name = pokemon.identity.name.removesuffix(suffix) + suffix
            try:
                pokemon.become(name)
            except ValueError:
                pokemon.become(name + variant)

    def _transform(self, parts: _Line) -> None:
        self._pokemon(parts[2]).transform(self._pokemon(parts[3]))

    def _terastallize(self, parts: _Line) -> None:
        self._pokemon(parts[2]).terastallize(parts[3])

    def _immune(self, parts: _Line) -> None:
        if len(parts) == 4 and parts[3].startswith("[from] ability:"):
            self._pokemon(parts[2]).ability = name_id(parts[3][15:])

    def _used_z_move(self, parts: _Line) -> None:
        self._pokemon(parts[2]).item = None


_HANDLERS: dict[str, Callable[[TrackedBattle, _Line], None]] = {
    "-ability": TrackedBattle._ability,
    "-activate": TrackedBattle._activate,
    "-boost": TrackedBattle._boost,
    "-clearallboost": TrackedBattle._clear_all_boosts,
    "-clearboost": TrackedBattle._clear_boosts,
    "-clearnegativeboost": TrackedBattle._clear_boosts,
    "-clearpositiveboost": TrackedBattle._clear_boosts,
    "-copyboost": TrackedBattle._copy_boosts,
    "-curestatus": TrackedBattle._cure,
    "-cureteam": TrackedBattle._cure_team,
    "-damage": TrackedBattle._damage,
    "-end": TrackedBattle._end,
    "-endability": TrackedBattle._end_ability,
    "-enditem": TrackedBattle._end_item,
    "-formechange": TrackedBattle._change_forme,
    "-heal": TrackedBattle._heal,
    "-immune": TrackedBattle._immune,
    "-invertboost": TrackedBattle._invert_boosts,
    "-item": TrackedBattle._item,
    "-mega": TrackedBattle._mega,
    "-prepare": TrackedBattle._prepare,
    "-primal": TrackedBattle._primal,
    "-setboost": TrackedBattle._set_boost,
    "-sethp": TrackedBattle._set_hp,
    "-singlemove": TrackedBattle._single,
    "-singleturn": TrackedBattle._single,
    "-start": TrackedBattle._start,
    "-status": TrackedBattle._status,
    "-swapboost": TrackedBattle._swap_boosts,
    "-terastallize": TrackedBattle._terastallize,
    "-transform": TrackedBattle._transform,
    "-unboost": TrackedBattle._boost,
    "-zpower": TrackedBattle._used_z_move,
    "clearpoke": TrackedBattle._clear_preview,
    "detailschange": TrackedBattle._change_forme,
    "drag": TrackedBattle._switch,
    "faint": TrackedBattle._faint,
    "move": TrackedBattle._move,
    "player": TrackedBattle._player,
    "poke": TrackedBattle._preview,
    "replace": TrackedBattle._replace,
    "switch": TrackedBattle._switch,
    "tie": TrackedBattle._end_battle,
    "turn": TrackedBattle._turn,
    "win": TrackedBattle._end_battle,
}
