"""poke-env's own players as members of a population, with no server.

A battle of poke-env is kept per lane and player and fed with the protocol lines that the player was told
(`Decisions.text`); its player then chooses, and the order is translated into an action through the request.

- At team preview, and where poke-env's order cannot be translated or the mask forbids it (its default order, a gimmick
  that it only believes in), a legal base action is drawn uniformly.
- poke-env's players draw from Python's global `random`. Its state is put aside for the time of a batch, seeded from
  (seed, episode, player, decision) before every choice, and put back: a choice depends on nothing else, and nobody
  else's numbers change.
"""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import InputError
from pokenash.games.core import Decisions, Game
from pokenash.policies.core import DecisionRandom, Policy
from pokenash.policies.spec import PolicySpec

if TYPE_CHECKING:
    from poke_env.battle.battle import Battle
    from poke_env.player.battle_order import BattleOrder

__all__ = ["PLAYERS", "PokeEnvPlayer", "load", "named"]

PLAYERS = ("SimpleHeuristicsPlayer", "MaxBasePowerPlayer")
"""The players that can be members."""

_FIRST_SWITCH, _FIRST_GIMMICK, _MOVES = 4, 10, 4
_IGNORED = {"t:", "request", "error", "bigerror", "expire", "uhtmlchange", "tempnotify", "tempnotifyoff", "win", "tie"}
_ORDER_FLAGS = {"mega": "mega", "zmove": "z_move", "dynamax": "dynamax", "terastallize": "terastallize"}
_LOG = logging.getLogger(__name__)
# poke-env warns about every turn of Wrap and the like; what it cannot read at all it raises.
_LOG.setLevel(logging.ERROR)


@dataclass
class _Seat:
    """What is kept of one player's battle: poke-env's view, and the team slot of each of its own Pokémon."""

    battle: Battle
    slots: dict[str, int] = field(default_factory=dict)


class PokeEnvPlayer(Policy):
    """One of poke-env's players.

    Parameters
    ----------
    player : str
        One of `PLAYERS`.
    generation : int
        Of the format that is played.
    gimmicks : tuple of str
        The format's gimmicks in the order of their actions.

    Raises
    ------
    InputError
        If poke-env has no such player.
    """

    needs_text = True

    def __init__(self, player: str, generation: int, gimmicks: tuple[str, ...] = ()) -> None:
        if player not in PLAYERS:
            raise InputError(f"unknown poke-env player {player!r}; known: {', '.join(PLAYERS)}")
        self._generation = generation
        self._gimmicks = gimmicks
        self._choose = _chooser(player)

    def initial_memory(self, num_lanes: int) -> dict[tuple[int, int], _Seat]:
        """The battles by (lane, player); they begin when the first decision comes."""
        return {}

    def act(self, decisions: Decisions, memory: dict[tuple[int, int], _Seat], rng: DecisionRandom) -> NDArray[np.int64]:
        """See `Policy.act`."""
        if len(decisions) and decisions.text is None:
            raise InputError("poke-env's players read the protocol: set EpisodeSetup.text for their seats")
        uniform = rng.uniform(decisions, 2)
        actions = np.zeros(len(decisions), np.int64)
        with _own_random() as seed:
            for row in range(len(decisions)):
                seed(int(uniform[row, 0] * 2**53))
                action = self._choose_action(decisions, row, memory)
                legal = np.flatnonzero(decisions.action_mask[row])
                base = legal[legal < _FIRST_GIMMICK]
                drawn = (base if len(base) else legal)[int(uniform[row, 1] * len(base if len(base) else legal))]
                actions[row] = drawn if action is None or not decisions.action_mask[row, action] else action
        return actions

    def _choose_action(self, decisions: Decisions, row: int, memory: dict[tuple[int, int], _Seat]) -> int | None:
        """What poke-env's player wants, or None where that is no action of ours."""
        assert decisions.text is not None
        lines = decisions.text[row].splitlines()
        request = _request_of(lines)
        key = (int(decisions.lane[row]), int(decisions.player[row]))
        if decisions.decision[row] == 0:
            memory[key] = self._new_seat(key, request)
        seat = memory[key]
        _feed(seat.battle, lines)
        seat.battle.parse_request(request)
        if request.get("teamPreview"):
            return None
        return self._action(self._choose(seat.battle), seat, request)

    def _new_seat(self, key: tuple[int, int], request: dict[str, Any]) -> _Seat:
        from poke_env.battle.battle import Battle

        side = request["side"]
        battle = Battle(f"battle-{key[0]}-{key[1]}", side["name"], _LOG, self._generation)
        return _Seat(battle, {pokemon["ident"]: slot for slot, pokemon in enumerate(side["pokemon"])})

    def _action(self, order: BattleOrder, seat: _Seat, request: dict[str, Any]) -> int | None:
        """An order of poke-env as an action: by the move's place in the request, or by the Pokémon's team slot."""
        from poke_env.battle.move import Move
        from poke_env.battle.pokemon import Pokemon

        chosen = getattr(order, "order", None)
        if isinstance(chosen, Pokemon):
            names = [name for name, pokemon in seat.battle.team.items() if pokemon is chosen]
            return _FIRST_SWITCH + seat.slots[names[0]] if names and names[0] in seat.slots else None
        if not isinstance(chosen, Move) or not request.get("active"):
            return None
        offered = [move["id"] for move in request["active"][0]["moves"]]
        # Hidden Power's type is part of poke-env's name of it, but not of the request's.
        found = [i for i, name in enumerate(offered) if name == chosen.id or chosen.id.startswith(name)]
        if not found:
            return None
        for index, gimmick in enumerate(self._gimmicks):
            if getattr(order, _ORDER_FLAGS[gimmick], False):
                return _FIRST_GIMMICK + _MOVES * index + found[0]
        return found[0]


@contextmanager
def _own_random() -> Iterator[Callable[[int], None]]:
    """Lend Python's global generator; gives the function that seeds it, and restores its state at the end."""
    state = random.getstate()
    try:
        yield random.seed
    finally:
        random.setstate(state)


def _chooser(player: str) -> Callable[[Battle], BattleOrder]:
    from poke_env.player.baselines import MaxBasePowerPlayer, SimpleHeuristicsPlayer

    if player == "MaxBasePowerPlayer":
        choose: Callable[[Battle], BattleOrder] = MaxBasePowerPlayer.choose_singles_move
        return choose
    return lambda battle: SimpleHeuristicsPlayer.choose_singles_move(battle)[0]


def _request_of(lines: list[str]) -> dict[str, Any]:
    requests = [line for line in lines if line.startswith("|request|")]
    if not requests:
        raise InputError("poke-env's players need the request: the text of a decision must end with |request|...")
    request: dict[str, Any] = json.loads(requests[-1].removeprefix("|request|"))
    return request


def _feed(battle: Battle, lines: list[str]) -> None:
    for line in lines:
        message = line.split("|")
        if len(message) < 2 or message[1] in _IGNORED:
            continue
        battle.parse_message(message)


def load(spec: PolicySpec, game: Game) -> PokeEnvPlayer:
    """Make the policy of a spec of kind ``poke_env``; its parameter ``player`` is one of `PLAYERS`.

    Raises
    ------
    InputError
        If the game is not a Showdown format, or the parameters are wrong.
    """
    generation, gimmicks = getattr(game, "generation", None), getattr(game, "gimmicks", ())
    if not isinstance(generation, int):
        raise InputError(f"policy {spec.name!r}: poke-env plays Showdown formats, not the game {game.name!r}")
    if set(spec.parameters) != {"player"}:
        raise InputError(f"policy {spec.name!r}: expected the parameter 'player' alone, got {sorted(spec.parameters)}")
    return PokeEnvPlayer(str(spec.parameters["player"]), generation, tuple(gimmicks))


def named(player: str) -> PolicySpec:
    """The spec of ``poke_env:PLAYER``."""
    return PolicySpec(player, "poke_env", {"player": player})
