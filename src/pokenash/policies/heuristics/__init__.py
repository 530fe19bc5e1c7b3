"""Players that follow written rules, on Showdown's tensor observation, a whole batch at a time.

- ``max_power``: the move of the highest base power;
- ``type_aware``: the move of the highest expected damage; switches only when it must;
- ``gen1ou_heuristic``: a strong player of generation 1 OU that also switches, statuses, recovers and sacrifices.

They hold no memory, and a row's action does not depend on the batch that it is in.
"""

from __future__ import annotations

from dataclasses import fields

from pokenash.errors import InputError
from pokenash.games.core import Game
from pokenash.games.showdown.dex import load_dex
from pokenash.policies.core import Policy
from pokenash.policies.heuristics.gen1_values import Gen1Weights
from pokenash.policies.heuristics.gen1ou import Gen1OU
from pokenash.policies.heuristics.max_power import MaxPower
from pokenash.policies.heuristics.type_aware import TypeAware
from pokenash.policies.spec import PolicySpec

__all__ = ["Gen1OU", "Gen1Weights", "MaxPower", "TypeAware", "load"]


def load(spec: PolicySpec, game: Game) -> Policy:
    """Make the policy of a spec of kind ``max_power``, ``type_aware`` or ``gen1ou_heuristic``.

    The first two take no parameters; the last takes those of `Gen1Weights`.

    Raises
    ------
    InputError
        If the game is not a Showdown format (or not one of generation 1 for ``gen1ou_heuristic``), or a parameter is
        unknown.
    """
    format = getattr(game, "format", None)
    if not isinstance(format, str):
        raise InputError(
            f"policy {spec.name!r}: kind {spec.kind!r} plays Showdown formats, and not the game {game.name!r}"
        )
    known = {field.name for field in fields(Gen1Weights)} if spec.kind == "gen1ou_heuristic" else set()
    unknown = sorted(set(spec.parameters) - known)
    if unknown:
        raise InputError(f"policy {spec.name!r}: unknown parameters {unknown}; known: {sorted(known)}")
    dex = load_dex(format)
    if spec.kind == "max_power":
        return MaxPower(dex)
    if spec.kind == "type_aware":
        return TypeAware(dex)
    return Gen1OU(dex, Gen1Weights(**{name: float(value) for name, value in spec.parameters.items()}))
