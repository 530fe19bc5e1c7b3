"""Which policy an oracle's training of a metamon network starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pokenash.algorithms.oracles.settings import LATEST, STRONGEST
from pokenash.errors import InputError
from pokenash.metamon.policy import metamon_spec
from pokenash.metamon.registry import PUBLISHED
from pokenash.policies.spec import PolicySpec

__all__ = ["choose_start", "member_weights", "not_named"]

_KIND = "metamon"


def choose_start(start: str | PolicySpec, opponent: PolicySpec, population: Sequence[PolicySpec]) -> PolicySpec:
    """The spec that `MetamonOracleSettings.start` means.

    Raises
    ------
    InputError
        If it means nothing, or a policy of another kind.
    """
    if isinstance(start, PolicySpec):
        return start
    members = [spec for spec in population if spec.kind == _KIND]
    if start in (STRONGEST, LATEST):
        if not members:
            raise InputError(
                f"start {start!r}: the population has no member of kind 'metamon'; give the name of a published "
                "model, a checkpoint or a spec"
            )
        weights = member_weights(opponent) if start == STRONGEST else {}
        # The latest of those that are equally likely.
        return max(reversed(members), key=lambda spec: weights.get(spec.name, 0.0))
    named = {spec.name: spec for spec in population}
    if start in named:
        if named[start].kind != _KIND:
            raise InputError(f"start {start!r}: that member is of kind {named[start].kind!r}, not 'metamon'")
        return named[start]
    if start in PUBLISHED:
        return metamon_spec(start, pretrained=start)
    if Path(start).exists():
        return metamon_spec("start", start)
    raise InputError(
        f"start {start!r}: expected 'strongest', 'latest', the name of a member, of a published model "
        f"({', '.join(PUBLISHED)}), or the path of a checkpoint; there is none of these"
    )


def member_weights(opponent: PolicySpec) -> dict[str, float]:
    """Probabilities of the members of a mixture, or of the mean of two seats' mixtures."""
    if opponent.kind == "seats":
        total: dict[str, float] = {}
        for seat in opponent.parameters["seats"]:
            for name, weight in member_weights(PolicySpec.from_json(seat)).items():
                total[name] = total.get(name, 0.0) + weight / 2
        return total
    if opponent.kind != "mixture":
        return {opponent.name: 1.0}
    members, probabilities = opponent.parameters["members"], opponent.parameters["probabilities"]
    return {member["name"]: float(p) for member, p in zip(members, probabilities, strict=True)}


def not_named(base: PolicySpec, name: str) -> PolicySpec:
    """The policy, under another name if its own is `name`."""
    return base if base.name != name else replace(base, name=f"{name}-base")
