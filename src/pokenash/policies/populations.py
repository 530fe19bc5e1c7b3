"""Populations: lists of policy specs, and the JSON file that holds one.

Checkpoints and vocabularies are stored relative to the file's folder, so that a run's directory can be moved whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pokenash.errors import InputError
from pokenash.policies.spec import PolicySpec

__all__ = [
    "POPULATION_SCHEMA",
    "check_population",
    "load_population",
    "population_json",
    "same_policy",
    "save_population",
    "without_checkpoint_paths",
]

POPULATION_SCHEMA = 1

# The parameter in which policies of a kind name those that they are made of.
_PARTS = {"mixture": "members", "seats": "seats"}

# The parameter of a kind that may be the path of a .json file.
_FILES = {"metamon": "vocabulary"}


def check_population(specs: Sequence[PolicySpec], what: str = "population") -> list[PolicySpec]:
    """The specs as a list.

    Raises
    ------
    InputError
        If there are none or two have the same name; `what` begins the message.
    """
    specs = list(specs)
    if not specs:
        raise InputError(f"{what}: expected at least one policy, got none")
    names = [spec.name for spec in specs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{what}: policy names must differ; more than once: {', '.join(twice)}")
    return specs


def _with_checkpoints(spec: PolicySpec, change: Callable[[str], str]) -> PolicySpec:
    """The spec with every path of a file changed, those of the policies that it is made of too."""
    if spec.checkpoint is not None:
        spec = replace(spec, checkpoint=change(spec.checkpoint))
    named = _FILES.get(spec.kind, "")
    if str(spec.parameters.get(named, "")).endswith(".json"):
        spec = replace(spec, parameters={**spec.parameters, named: change(str(spec.parameters[named]))})
    parts = _PARTS.get(spec.kind)
    if parts is not None and isinstance(spec.parameters.get(parts), list):
        changed = [_with_checkpoints(PolicySpec.from_json(one), change).to_json() for one in spec.parameters[parts]]
        spec = replace(spec, parameters={**spec.parameters, parts: changed})
    return spec


def same_policy(one: PolicySpec, other: PolicySpec) -> bool:
    """Whether two specs are equal but for how the paths in them are written: absolute, or from here."""
    return _with_checkpoints(one, os.path.realpath) == _with_checkpoints(other, os.path.realpath)


def without_checkpoint_paths(value: Any) -> Any:
    """Specs as JSON has them, in any nesting, without the paths of checkpoints whose SHA-256 says which they are."""
    if isinstance(value, Mapping):
        hashed = value.get("sha256") is not None
        kept = {name: inner for name, inner in value.items() if not (hashed and name == "checkpoint")}
        return {name: without_checkpoint_paths(inner) for name, inner in kept.items()}
    return [without_checkpoint_paths(inner) for inner in value] if isinstance(value, list | tuple) else value


def population_json(specs: Sequence[PolicySpec], folder: Path) -> dict[str, Any]:
    """What a population file in `folder` holds: a schema number and the specs, checkpoints relative to it."""

    def relative(checkpoint: str) -> str:
        return Path(os.path.relpath(checkpoint, folder)).as_posix()

    policies = [_with_checkpoints(spec, relative).to_json() for spec in check_population(specs)]
    return {"schema": POPULATION_SCHEMA, "policies": policies}


def save_population(specs: Sequence[PolicySpec], path: str | Path) -> None:
    """Write a population file; it replaces an older one only when it is complete."""
    path = Path(path)
    text = json.dumps(population_json(specs, path.parent), indent=2) + "\n"
    temporary = path.with_name(f"{path.name}.tmp{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise InputError(f"cannot write population file {path}: {error.strerror}") from error


def load_population(path: str | Path) -> list[PolicySpec]:
    """Read a population file.

    Raises
    ------
    InputError
        If it cannot be read, is not such a file, or is of another schema; or as `check_population`.
    """
    path = Path(path)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read population file {path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"population file {path} is not JSON: {error}") from error
    if not isinstance(data, dict) or not isinstance(data.get("policies"), list):
        raise InputError(f"population file {path}: expected an object with a schema number and a list 'policies'")
    if data.get("schema") != POPULATION_SCHEMA:
        raise InputError(f"population file {path}: expected schema {POPULATION_SCHEMA}, got {data.get('schema')!r}")

    def absolute(file: str) -> str:
        beside = os.path.normpath(path.parent / file)
        # Earlier versions wrote vocabularies as they had been given.
        kept = file.endswith(".json") and not os.path.exists(beside) and os.path.exists(file)
        return file if kept else beside

    specs = [PolicySpec.from_json(item) for item in data["policies"]]
    return check_population([_with_checkpoints(spec, absolute) for spec in specs], f"population file {path}")
