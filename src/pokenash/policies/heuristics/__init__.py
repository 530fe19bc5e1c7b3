"""Players that follow written rules, on Showdown's tensor observation, a whole batch at a time.

For every format of singles, from the weakest:

- ``bug_catcher``: weak on purpose, the least damage and the worst switches;
- ``trainer``: a random move;
- ``boss_ai``: the trainer logic of the first games;
- ``max_power``: the move of the highest base power;
- ``basic_switcher``: power times type, and a switch to whoever has the better types;
- ``grunt``: the highest damage roll;
- ``type_aware``: the move of the highest expected damage; switches only when it must;
- ``gym_leader``: knock-outs first, then healing and set-up by chance, else the most damage;
- ``emerald_kaizo``: points for moves, by many rules;
- ``kaizo_plus``: the same, and it leaves bad match-ups;

and ``gen1ou_heuristic``, a strong player of generation 1 OU.

They hold no memory, and a row's action does not depend on the batch that it is in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from pokenash.errors import InputError
from pokenash.games.core import Game
from pokenash.games.showdown.dex import Dex, load_dex
from pokenash.policies.core import Policy
from pokenash.policies.heuristics.gen1_values import Gen1Weights
from pokenash.policies.heuristics.gen1ou import Gen1OU
from pokenash.policies.heuristics.gym_leader import GymLeader
from pokenash.policies.heuristics.kaizo import EmeraldKaizo
from pokenash.policies.heuristics.kaizo_plus import KaizoPlus
from pokenash.policies.heuristics.max_power import MaxPower
from pokenash.policies.heuristics.trainers import BasicSwitcher, BossAI, BugCatcher, Grunt, Trainer
from pokenash.policies.heuristics.type_aware import TypeAware
from pokenash.policies.spec import PolicySpec

__all__ = [
    "BasicSwitcher",
    "BossAI",
    "BugCatcher",
    "EmeraldKaizo",
    "Gen1OU",
    "Gen1Weights",
    "Grunt",
    "GymLeader",
    "KaizoPlus",
    "MaxPower",
    "Trainer",
    "TypeAware",
    "load",
]


def _gen1ou(dex: Dex, **weights: float) -> Policy:
    return Gen1OU(dex, Gen1Weights(**weights))


_GEN1_WEIGHTS = {field.name: float for field in fields(Gen1Weights)}

_PLAYERS: Mapping[str, tuple[Callable[..., Policy], Mapping[str, type]]] = {
    "bug_catcher": (BugCatcher, {}),
    "trainer": (Trainer, {"good_switching": bool}),
    "boss_ai": (BossAI, {"good_switching": bool}),
    "max_power": (MaxPower, {"epsilon": float}),
    "basic_switcher": (BasicSwitcher, {}),
    "grunt": (Grunt, {}),
    "type_aware": (TypeAware, {}),
    "gym_leader": (GymLeader, {}),
    "emerald_kaizo": (EmeraldKaizo, {}),
    "kaizo_plus": (KaizoPlus, {}),
    "gen1ou_heuristic": (_gen1ou, _GEN1_WEIGHTS),
}
"""By kind: how the player is made of a `Dex`, and the types of its parameters."""


def load(spec: PolicySpec, game: Game) -> Policy:
    """Make the policy of a spec of one of the kinds above.

    Parameters that a spec may have: ``good_switching`` (true or false) of ``trainer`` and ``boss_ai``, ``epsilon`` of
    ``max_power``, and those of `Gen1Weights` of ``gen1ou_heuristic``.

    Raises
    ------
    InputError
        If the game is not a Showdown format of singles (or not one of generation 1 for ``gen1ou_heuristic``), or a
        parameter is unknown or not of its type.
    """
    format = getattr(game, "format", None)
    if not isinstance(format, str):
        raise InputError(
            f"policy {spec.name!r}: kind {spec.kind!r} plays Showdown formats, and not the game {game.name!r}"
        )
    make, known = _PLAYERS[spec.kind]
    unknown = sorted(set(spec.parameters) - set(known))
    if unknown:
        raise InputError(f"policy {spec.name!r}: unknown parameters {unknown}; known: {sorted(known)}")
    parameters = {name: _value(spec, name, value, known[name]) for name, value in spec.parameters.items()}
    return make(load_dex(format), **parameters)


def _value(spec: PolicySpec, name: str, value: Any, kind: type) -> bool | float:
    """A parameter's value, after checking its type."""
    allowed = bool if kind is bool else (int, float)
    if not isinstance(value, allowed) or (kind is float and isinstance(value, bool)):
        words = "true or false" if kind is bool else "a number"
        raise InputError(f"policy {spec.name!r}: parameter {name!r} is {value!r}, expected {words}")
    return value if kind is bool else float(value)
