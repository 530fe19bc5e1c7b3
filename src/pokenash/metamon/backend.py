"""Battles as metamon's policies see them: from protocol lines and requests to states, legal actions and choices.

What a policy sees of a battle depends on the program that followed it, oddities included, and its weights rely on
them. A *battle backend* is such a program, by name and version; `BACKENDS` lists them and their quirks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pokenash.errors import InputError
from pokenash.metamon.actions import FIRST_SWITCH, FIRST_TERA, ActionSpace
from pokenash.metamon.backend_pokemon import TrackedPokemon
from pokenash.metamon.backend_protocol import TrackedBattle
from pokenash.metamon.backend_request import request_defect
from pokenash.metamon.state import UniversalState

__all__ = ["BACKENDS", "DEFAULT_BACKEND", "BattleBackend", "BattleView", "Choice", "get_backend"]


@dataclass(frozen=True)
class BattleBackend:
    """A way to follow a battle.

    Parameters
    ----------
    name : str
        Name and version.
    description : str
        What is odd about it.
    maps_fight : bool
        Whether generation 1's pseudo-move ``fight`` can be chosen, through any move index.
    """

    name: str
    description: str
    maps_fight: bool


DEFAULT_BACKEND = "poke-env-0.8.3"
"""The backend of all published checkpoints."""

BACKENDS = {
    backend.name: backend
    for backend in (
        BattleBackend(
            DEFAULT_BACKEND,
            "as metamon's poke-env fork 0.8.3 follows a battle: PP never decrease, one-shot activations stay as "
            "effects, the previous move is remembered per Pokémon, own Tera types are unknown until they are used, and "
            "no index maps to generation 1's pseudo-move fight",
            maps_fight=False,
        ),
        BattleBackend(
            "poke-env-0.8.3-fight",
            f"as {DEFAULT_BACKEND}, but any move index maps to generation 1's pseudo-move fight",
            maps_fight=True,
        ),
    )
}
"""The battle backends by name."""


def get_backend(name: str) -> BattleBackend:
    """A battle backend by name.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in BACKENDS:
        raise InputError(f"unknown battle backend {name!r}; known: {', '.join(sorted(BACKENDS))}")
    return BACKENDS[name]


@dataclass(frozen=True, slots=True)
class Choice:
    """What an action index stands for now.

    Parameters
    ----------
    text : str
        Showdown's choice: ``"move bodyslam"``, ``"move surf terastallize"``, ``"switch starmie"``.
    slot : int
        The place, from 0, of the move in the request's list of moves, or of the Pokémon in its team.
    terastallize : bool
        Whether the move is made with terastallization.
    team_slot : int or None
        Of a switch, the Pokémon's place, from 0, in the first request, which is the order of the team as it was
        handed in; None for a move.
    """

    text: str
    slot: int
    terastallize: bool = False
    team_slot: int | None = None


class BattleView:
    """A battle as one player sees it.

    Feed it what the player was told, ask it for the state when a request comes that needs an answer.

    Parameters
    ----------
    player : int
        0 (``p1``) or 1 (``p2``).
    format_id : str
        E.g. ``"gen1ou"``; singles only.
    backend : str
        One of `BACKENDS`.

    Raises
    ------
    InputError
        If the player, the format or the backend is unknown.
    """

    def __init__(self, player: int, format_id: str, backend: str = DEFAULT_BACKEND) -> None:
        generation = re.match(r"gen([1-9])[a-z]", format_id)
        if player not in (0, 1):
            raise InputError(f"player must be 0 or 1, got {player!r}")
        if generation is None:
            raise InputError(f"not a format: {format_id!r}; expected something like 'gen1ou'")
        self.format_id = format_id
        self.backend = get_backend(backend)
        self._battle = TrackedBattle(f"p{player + 1}", int(generation[1]))
        self._request: dict[str, Any] = {}
        self._first_idents: list[str] = []
        self._state: UniversalState | None = None
        self._choices: dict[int, Choice] | None = None

    @property
    def request(self) -> Mapping[str, Any]:
        """The latest request, as JSON; empty before the first."""
        return self._request

    @property
    def at_team_preview(self) -> bool:
        """Whether the request asks for a lead: no decision of metamon's, any order will do."""
        return bool(self._request.get("teamPreview"))

    @property
    def ended(self) -> bool:
        """Whether the battle is over."""
        return self._battle.ended

    def feed(self, lines: Iterable[str]) -> None:
        """Follow the battle.

        Parameters
        ----------
        lines : iterable of str
            Protocol lines in the order in which the player got them, ``|request|`` lines included. A request that
            belongs to a turn comes after the lines of that turn, as the current simulator sends them.

        Raises
        ------
        InputError
            If a request is no JSON object, or not of the form that Showdown's have.
        """
        self._state = None
        for line in lines:
            if line.startswith("|request|"):
                self._read_request(line[9:])
            else:
                self._battle.read(line)

    def state(self) -> UniversalState:
        """The battle now.

        Raises
        ------
        InputError
            If no Pokémon has come out yet on either side (team preview, or no lines were fed).
        """
        if self._state is None:
            self._state = self._new_state()
        return self._state

    def legal(self, action_space: ActionSpace) -> list[int]:
        """The indices that look legal by the state and can be chosen by the request, in ascending order.

        It can be empty: with the faithful backend a generation-1 Pokémon that is offered only ``fight`` and cannot
        switch has no legal index, and metamon then sends a random order.
        """
        choices = self._all_choices()
        return [index for index in action_space.maybe_legal(self.state()) if index in choices]

    def choice(self, index: int) -> str | None:
        """Showdown's text of an action index, None where it maps to nothing.

        Some indices that are not legal map to something, as they do in metamon: 9 to 12 are the plain moves where the
        Pokémon cannot terastallize, and every index is Recharge where nothing else is offered.
        """
        found = self._all_choices().get(index)
        return None if found is None else found.text

    def choices(self) -> Mapping[int, Choice]:
        """All indices that map to something, with the places of their moves and Pokémon in the request."""
        return dict(self._all_choices())

    def _new_state(self) -> UniversalState:
        battle = self._battle
        player, opponent = battle.active(True), battle.active(False)
        if player is None or opponent is None:
            raise InputError("there is no state before both sides have a Pokémon out (at team preview, for one)")
        player_conditions, opponent_conditions = battle.field.conditions
        return UniversalState(
            format=self.format_id,
            player_active_pokemon=player.record(),
            opponent_active_pokemon=opponent.record(),
            available_switches=tuple(pokemon.record() for pokemon in self._switches()),
            player_prev_move=player.previous_move_record(),
            opponent_prev_move=opponent.previous_move_record(),
            opponents_remaining=6 - sum(pokemon.fainted for pokemon in battle.opponents.values()),
            player_conditions=player_conditions,
            opponent_conditions=opponent_conditions,
            weather=battle.field.weather,
            battle_field=battle.field.battle_field,
            forced_switch=self._forced_switch(),
            battle_won=battle.winner is not None and battle.winner == battle.name,
            battle_lost=battle.winner is not None and battle.winner != battle.name,
            can_tera=bool(self._active_request().get("canTerastallize")),
            opponent_teampreview=tuple(battle.previewed),
        )

    def _read_request(self, text: str) -> None:
        if not text:
            return
        try:
            request = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"a request that is no JSON: {text[:60]!r}") from error
        defect = request_defect(request)
        if defect:
            raise InputError(f"a request that {defect}: {text[:60]!r}")
        self._choices = None
        try:
            self._battle.read_side(request["side"])
        except (LookupError, ValueError) as error:
            raise InputError(f"a request that cannot be read ({error}): {text[:60]!r}") from error
        self._request = request
        if not self._first_idents:
            self._first_idents = [entry["ident"] for entry in request["side"]["pokemon"]]

    def _active_request(self) -> Mapping[str, Any]:
        active: Mapping[str, Any] = (self._request.get("active") or [{}])[0]
        return active

    def _forced_switch(self) -> bool:
        return bool((self._request.get("forceSwitch") or [False])[0])

    def _reviving(self) -> bool:
        return any(entry.get("reviving") for entry in self._request.get("side", {}).get("pokemon", ()))

    def _switches(self) -> list[TrackedPokemon]:
        reviving = self._reviving()
        return [p for p in self._battle.team.values() if not p.active and p.fainted == reviving]

    def _all_choices(self) -> dict[int, Choice]:
        if self._choices is None:
            self._choices = {**self._move_choices(), **self._switch_choices()}
            if [move["id"] for move in self._active_request().get("moves", ())] == ["recharge"]:
                self._choices = dict.fromkeys(range(13), Choice("move 1", 0))
        return self._choices

    def _move_choices(self) -> dict[int, Choice]:
        active, request = self._battle.active(True), self._active_request()
        offered = {
            move["id"]: slot for slot, move in enumerate(request.get("moves", ())) if not move.get("disabled", False)
        }
        if active is None or not offered or self._forced_switch():
            return {}
        pseudo = next((name for name in ("struggle", "fight") if list(offered) == [name]), None)
        if pseudo == "struggle" or (pseudo == "fight" and self.backend.maps_fight):
            return {i: Choice(f"move {pseudo}", 0) for first in (0, FIRST_TERA) for i in range(first, first + 4)}
        choices = {}
        tera = bool(request.get("canTerastallize"))
        moves = sorted(active.moves.items(), key=lambda item: item[1].record.name)[:4]
        for index, (key, move) in enumerate(moves):
            if key in offered:
                text = f"move {move.id}"
                choices[index] = Choice(text, offered[key])
                choices[FIRST_TERA + index] = Choice(text + " terastallize" * tera, offered[key], terastallize=tera)
        return choices

    def _switch_choices(self) -> dict[int, Choice]:
        if self._active_request().get("trapped"):
            return {}
        idents = [entry["ident"] for entry in self._request.get("side", {}).get("pokemon", ())]
        available = set(map(id, self._switches()))
        # A server may name Pokémon of ours that its requests do not have; nobody can be sent there.
        listed = set(idents) & set(self._first_idents)
        team = [(ident, p) for ident, p in self._battle.team.items() if ident in listed]
        named = [(_species(p), ident) for ident, p in team if id(p) in available]
        return {
            FIRST_SWITCH + index: Choice(
                f"switch {name}", idents.index(ident), team_slot=self._first_idents.index(ident)
            )
            for index, (name, ident) in enumerate(sorted(named, key=lambda one: one[0])[:5])
        }


def _species(pokemon: TrackedPokemon) -> str:
    assert pokemon.identity is not None
    return pokemon.identity.name
