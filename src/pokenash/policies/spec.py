"""Descriptions of policies: what is stored, passed about and compared instead of live objects."""

from __future__ import annotations

import hashlib
import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pokenash.errors import InputError
from pokenash.games.core import Game
from pokenash.policies.core import Policy

__all__ = [
    "PolicyLoader",
    "PolicySpec",
    "file_sha256",
    "load_policy",
    "named_spec",
    "policy_kinds",
    "policy_words",
    "register_policy",
]

PolicyLoader = Callable[["PolicySpec", Game], Policy]

SpecMaker = Callable[[str], "PolicySpec"]

_LOADERS: dict[str, PolicyLoader | str] = {}
_BY_NAME: dict[str, SpecMaker | str | None] = {}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


def register_policy(
    kind: str, loader: PolicyLoader | str, *, by_name: bool = False, maker: SpecMaker | str | None = None
) -> None:
    """Make a kind of policy known.

    Parameters
    ----------
    kind : str
        The name that specs use.
    loader : callable or str
        ``loader(spec, game) -> Policy``, or ``"module:function"``, imported when first needed.
    by_name : bool
        Whether the kind alone describes a policy, so that people may name it on a command line.
    maker : callable or str, optional
        For kinds of which there are several by name: ``maker(which) -> PolicySpec`` for ``kind:which``, or
        ``"module:function"``.

    Raises
    ------
    InputError
        If another loader has that name.
    """
    if _LOADERS.get(kind, loader) != loader:
        raise InputError(f"policy kind {kind!r} is already registered")
    _LOADERS[kind] = loader
    if by_name or maker is not None:
        _BY_NAME[kind] = maker


def policy_kinds() -> list[str]:
    """The registered kinds, sorted."""
    return sorted(_LOADERS)


def policy_words() -> list[str]:
    """What `named_spec` takes: kinds, and kinds with a colon that a name must follow; sorted."""
    return sorted(kind if maker is None else f"{kind}:" for kind, maker in _BY_NAME.items())


def named_spec(word: str) -> PolicySpec | None:
    """The policy that a word such as ``type_aware`` or ``metamon:SyntheticRLV2`` names; None if it names none.

    Raises
    ------
    InputError
        If the kind is there and has nothing of that name.
    """
    kind, colon, which = word.partition(":")
    if kind not in _BY_NAME:
        return None
    maker = _BY_NAME[kind]
    if maker is None:
        return None if colon else PolicySpec(kind, kind)
    return _imported(maker)(which) if which else None


def _imported(function: Callable[..., Any] | str) -> Callable[..., Any]:
    """A function that may be given as ``"module:function"``."""
    if not isinstance(function, str):
        return function
    module, _, attribute = function.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return found


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class PolicySpec:
    """A policy as data.

    Parameters
    ----------
    name : str
        Unique in its population; letters, digits and ``._+-``.
    kind : str
        A registered kind (`policy_kinds`).
    parameters : mapping
        JSON-able settings of that kind.
    checkpoint : str, optional
        Path of the weights (for pokenash's own: a ``.safetensors`` file beside a ``.json`` of the same stem).
    sha256 : str, optional
        SHA-256 of the checkpoint, checked when it is loaded.
    """

    name: str
    kind: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    checkpoint: str | None = None
    sha256: str | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InputError(f"policy name {self.name!r}: expected letters, digits and ._+- only")

    def to_json(self) -> dict[str, Any]:
        """As a JSON-able dict; absent fields are left out."""
        out: dict[str, Any] = {"name": self.name, "kind": self.kind}
        if self.parameters:
            out["parameters"] = dict(self.parameters)
        if self.checkpoint is not None:
            out["checkpoint"] = self.checkpoint
        if self.sha256 is not None:
            out["sha256"] = self.sha256
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PolicySpec:
        """The inverse of `to_json`; unknown or missing fields raise `InputError`."""
        known = {"name", "kind", "parameters", "checkpoint", "sha256"}
        if not isinstance(data, Mapping) or not {"name", "kind"} <= data.keys() <= known:
            raise InputError(f"not a policy spec: {data!r}; expected the fields name, kind and optionally {known}")
        return cls(**data)

    def checkpoint_path(self) -> Path:
        """The checkpoint, after checking that it is there and is the one that was meant.

        Raises
        ------
        InputError
            If there is none, it cannot be read, or its SHA-256 differs.
        """
        if self.checkpoint is None:
            raise InputError(f"policy {self.name!r} of kind {self.kind!r} needs a checkpoint and has none")
        path = Path(self.checkpoint)
        try:
            digest = file_sha256(path)
        except OSError as error:
            raise InputError(f"policy {self.name!r}: cannot read checkpoint {path}: {error.strerror}") from error
        if self.sha256 is not None and digest != self.sha256:
            raise InputError(f"policy {self.name!r}: checkpoint {path} has SHA-256 {digest}, expected {self.sha256}")
        return path


def load_policy(spec: PolicySpec | Policy, game: Game) -> Policy:
    """Make the policy that a spec describes; a live policy is returned as it is.

    Raises
    ------
    InputError
        If the kind is unknown, its settings are wrong, or its checkpoint cannot be used.
    """
    if isinstance(spec, Policy):
        return spec
    loader = _LOADERS.get(spec.kind)
    if loader is None:
        raise InputError(f"unknown policy kind {spec.kind!r}; known: {', '.join(policy_kinds())}")
    policy: Policy = _imported(loader)(spec, game)
    return policy
