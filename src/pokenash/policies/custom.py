"""Policies of the user's own, made by a Python callable."""

from __future__ import annotations

import importlib

from pokenash.errors import InputError
from pokenash.games.core import Game
from pokenash.policies.core import Policy
from pokenash.policies.spec import PolicySpec

__all__ = ["load"]


def load(spec: PolicySpec, game: Game) -> Policy:
    """Make the policy of a spec of kind ``"python"``.

    The parameter ``factory`` is ``"module:callable"``; it is called as ``callable(game, **others)`` with the
    other parameters, and with ``checkpoint=path`` if the spec has a (checked) checkpoint. Loading such a spec
    runs the named code: load only specs whose authors you trust.

    Raises
    ------
    InputError
        If there is no such callable or what it returns is no `Policy`.
    """
    parameters = dict(spec.parameters)
    factory_name = parameters.pop("factory", None)
    module_name, _, attribute = factory_name.partition(":") if isinstance(factory_name, str) else ("", "", "")
    if not module_name or not attribute:
        raise InputError(
            f"policy {spec.name!r}: kind 'python' needs the parameter factory as 'module:callable', "
            f"got {factory_name!r}"
        )
    try:
        factory = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise InputError(f"policy {spec.name!r}: cannot import {factory_name!r}: {error}") from error
    if spec.checkpoint is not None:
        parameters["checkpoint"] = spec.checkpoint_path()
    policy = factory(game, **parameters)
    if not isinstance(policy, Policy):
        raise InputError(
            f"policy {spec.name!r}: {factory_name} returned a {type(policy).__name__}, expected a pokenash Policy"
        )
    return policy
