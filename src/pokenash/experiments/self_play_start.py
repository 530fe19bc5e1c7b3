"""The metamon network that people name to start from."""

from __future__ import annotations

from pathlib import Path

from pokenash.errors import InputError
from pokenash.metamon.policy import metamon_spec
from pokenash.policies.sources import policy_specs
from pokenash.policies.spec import PolicySpec

__all__ = ["start_spec"]


def start_spec(source: str, vocabulary: str | None = None) -> PolicySpec:
    """The policy that a command line names as a start.

    Parameters
    ----------
    source : str
        ``metamon:NAME``, a ``.safetensors`` checkpoint with its configuration beside it, the directory of a training,
        or a ``population.json``; the last two with one policy.
    vocabulary : str, optional
        Of a checkpoint: a name or a file.

    Raises
    ------
    InputError
        If it is none of these, cannot be read, or is no metamon network.
    """
    path = Path(source)
    if path.suffix == ".safetensors":
        try:
            return metamon_spec(path.stem, path, **({} if vocabulary is None else {"vocabulary": vocabulary}))
        except OSError as error:
            raise InputError(f"start: cannot read the checkpoint {path}: {error.strerror}") from error
    if vocabulary is not None:
        raise InputError(f"start: --vocabulary is of a .safetensors checkpoint; {source!r} says its own")
    specs = policy_specs([source], "start")
    if len(specs) != 1:
        names = ", ".join(spec.name for spec in specs)
        raise InputError(f"start: {source!r} holds {len(specs)} policies ({names}); name the checkpoint of one of them")
    if specs[0].kind != "metamon":
        raise InputError(f"start: {source!r} is of kind {specs[0].kind!r}; self-play trains metamon's networks")
    return specs[0]
