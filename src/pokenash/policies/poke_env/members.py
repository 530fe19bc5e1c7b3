"""poke-env's players as members of a population, with no server.

A battle of poke-env is kept per lane and player and fed with the protocol lines that the player was told
(`Decisions.text`); its player then chooses, and the order is translated into an action through the request.

- At team preview its ``teampreview`` says whom to send.
- A default order is what the server makes of it: the first legal move, else the first legal switch. A forfeit is one.
- Where an order cannot be translated or the mask forbids it (a pass, a gimmick that poke-env only believes in), and
  where poke-env cannot follow the battle, a legal base action is drawn uniformly.
- poke-env's players draw from the global generators of Python and NumPy. Their states are put aside for the time of a
  batch, seeded from (seed, episode, player, decision) before every choice, and put back: a choice depends on nothing
  else, and nobody else's numbers change. A player that keeps something of its own from battle to battle gives that up.
"""

from __future__ import annotations

import inspect
import json
import logging
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import InputError
from pokenash.games.core import Decisions, Game
from pokenash.games.showdown import FORFEIT
from pokenash.policies.core import DecisionRandom, Policy
from pokenash.policies.poke_env.making import PLAYERS, asynchronous, make_player
from pokenash.policies.poke_env.orders import FIRST_GIMMICK, Offer, order_action, preview_places
from pokenash.policies.spec import PolicySpec

if TYPE_CHECKING:
    from pokenash.policies.poke_env.views import View

__all__ = ["PLAYERS", "PokeEnvPlayer", "load", "named"]

_IGNORED = {"t:", "request", "error", "bigerror", "expire", "uhtmlchange", "tempnotify", "tempnotifyoff", "win", "tie"}
_LOG = logging.getLogger(__name__)
# poke-env warns about every turn of Wrap and the like; what it cannot read at all it raises.
_LOG.setLevel(logging.ERROR)


@dataclass
class _Seat:
    """What is kept of one player's battle: poke-env's view, the team slot of each of its own Pokémon, its preview."""

    battle: View
    slots: dict[str, int] = field(default_factory=dict)
    preview: list[int] | None = None


class PokeEnvPlayer(Policy):
    """A player of poke-env, its own or a subclass of yours with a plain ``choose_move``.

    Parameters
    ----------
    player : str
        One of `PLAYERS`, or ``"module:Class"``.
    generation : int
        Of the format that is played.
    gimmicks : tuple of str
        The format's gimmicks in the order of their actions.
    format : str, optional
        The format, which the player is told. Default: random battles of the generation.
    arguments : mapping, optional
        Keyword arguments of the player's class.

    Raises
    ------
    InputError
        If there is no such player, it cannot be made, or it chooses asynchronously.
    """

    needs_text = True

    def __init__(
        self,
        player: str,
        generation: int,
        gimmicks: tuple[str, ...] = (),
        *,
        format: str | None = None,
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        self._name = player
        self._format = format or f"gen{generation}randombattle"
        self._generation = generation
        self._gimmicks = gimmicks
        with _own_random():
            self._player = make_player(player, self._format, arguments or {})

    def initial_memory(self, num_lanes: int) -> dict[tuple[int, int], _Seat]:
        """The battles by (lane, player); they begin when the first decision comes."""
        return {}

    def act(self, decisions: Decisions, memory: dict[tuple[int, int], _Seat], rng: DecisionRandom) -> NDArray[np.int64]:
        """See `Policy.act`. A player that forfeits chooses `FORFEIT`."""
        if len(decisions) and decisions.text is None:
            raise InputError("poke-env's players read the protocol: set EpisodeSetup.text for their seats")
        uniform = rng.uniform(decisions, 2)
        actions = np.zeros(len(decisions), np.int64)
        with _own_random() as seed:
            for row in range(len(decisions)):
                seed(int(uniform[row, 0] * 2**53))
                action = self._choose(decisions, row, memory)
                if action != FORFEIT and (action is None or not decisions.action_mask[row, action]):
                    legal = np.flatnonzero(decisions.action_mask[row])
                    base = legal[legal < FIRST_GIMMICK]
                    drawn = base if len(base) else legal
                    action = int(drawn[int(uniform[row, 1] * len(drawn))])
                actions[row] = action
        return actions

    def _choose(self, decisions: Decisions, row: int, memory: dict[tuple[int, int], _Seat]) -> int | None:
        """What the player wants, or None where that is no action of ours."""
        assert decisions.text is not None
        # Not `splitlines`: a name may hold one of the many characters that it takes for the end of a line.
        lines = decisions.text[row].split("\n")
        first, request = _requests_of(lines)
        key = (int(decisions.lane[row]), int(decisions.player[row]))
        if decisions.decision[row] == 0:
            # An episode that starts from a position is told from its beginning, in the order of its first request.
            memory[key] = self._new_seat(int(decisions.episode[row]), first)
        seat = memory[key]
        seat.battle.failed = False
        _feed(seat.battle, lines)
        seat.battle.parse_request(request)
        if seat.battle.failed:
            return None
        offer = Offer(seat.battle, request, seat.slots, self._gimmicks, decisions.action_mask[row])
        if request.get("teamPreview"):
            return self._preview(seat, offer)
        seat.preview = None
        return order_action(self._at_once(self._player.choose_move(seat.battle)), offer)

    def _preview(self, seat: _Seat, offer: Offer) -> int | None:
        """The next pick of the team preview; formats that bring only some of the team ask for several."""
        if seat.preview is None:
            seat.preview = preview_places(self._at_once(self._player.teampreview(seat.battle)))
        return offer.switch(seat.preview.pop(0)) if seat.preview else None

    def _at_once(self, choice: Any) -> Any:
        """A choice, which must be there already."""
        if not inspect.isawaitable(choice):
            return choice
        if inspect.iscoroutine(choice):
            choice.close()
        raise InputError(asynchronous(self._name))

    def _new_seat(self, episode: int, request: dict[str, Any]) -> _Seat:
        from pokenash.policies.poke_env.views import View

        side = request["side"]
        battle = View(f"battle-{self._format}-{episode}", side["name"], _LOG, self._generation)
        return _Seat(battle, {pokemon["ident"]: slot for slot, pokemon in enumerate(side["pokemon"])})


@contextmanager
def _own_random() -> Iterator[Callable[[int], None]]:
    """Lend the global generators; gives the function that seeds them, and restores their states at the end."""
    state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002

    def seed(number: int) -> None:
        random.seed(number)
        np.random.seed(number % 2**32)  # noqa: NPY002

    try:
        yield seed
    finally:
        random.setstate(state)
        np.random.set_state(numpy_state)  # noqa: NPY002


def _requests_of(lines: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The first and the last request."""
    requests = [line for line in lines if line.startswith("|request|")]
    if not requests:
        raise InputError("poke-env's players need the request: the text of a decision must end with |request|...")
    first, last = (json.loads(requests[place].removeprefix("|request|")) for place in (0, -1))
    return first, last


def _feed(battle: View, lines: list[str]) -> None:
    for line in lines:
        message = line.split("|")
        if len(message) < 2 or message[1] in _IGNORED:
            continue
        battle.parse_message(message)


def load(spec: PolicySpec, game: Game) -> PokeEnvPlayer:
    """Make the policy of a spec of kind ``poke_env``.

    Its parameter ``player`` is one of `PLAYERS` or ``"module:Class"``; all others are keyword arguments of the class.
    Loading such a spec imports the named module: load only specs whose authors you trust.

    Raises
    ------
    InputError
        If the game is not a Showdown format, or the parameters are wrong.
    """
    generation, gimmicks = getattr(game, "generation", None), getattr(game, "gimmicks", ())
    if not isinstance(generation, int):
        raise InputError(f"policy {spec.name!r}: poke-env plays Showdown formats, not the game {game.name!r}")
    arguments = dict(spec.parameters)
    player = arguments.pop("player", None)
    if not isinstance(player, str):
        raise InputError(
            f"policy {spec.name!r}: expected the parameter 'player' (and keyword arguments of that class, if any), got "
            f"{sorted(spec.parameters)}"
        )
    return PokeEnvPlayer(player, generation, tuple(gimmicks), format=game.name, arguments=arguments)


def named(player: str) -> PolicySpec:
    """The spec of ``poke_env:PLAYER``, where PLAYER is one of `PLAYERS` or ``module:Class``."""
    return PolicySpec(player.rpartition(":")[2], "poke_env", {"player": player})
