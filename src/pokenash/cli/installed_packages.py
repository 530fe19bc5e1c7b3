"""What pokenash's own metadata asks for, and what of it is installed."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution, version
from typing import TYPE_CHECKING

from pokenash.errors import InputError

if TYPE_CHECKING:
    from packaging.requirements import Requirement

__all__ = ["DEVELOPMENT", "PURPOSES", "feature_findings", "installed_distribution", "package_findings"]

PURPOSES = {
    "accelerate": "training of metamon's models on several devices or processes",
    "hub": "checkpoints and team sets from the Hugging Face Hub",
    "metamon": "metamon's published models, vocabularies and trajectory files",
    "oak": "Oak's search as an opponent in generation 1",
    "ray": "battles on the machines of a cluster (--executor ray)",
    "tensorboard": "curves of runs in TensorBoard (--track tensorboard)",
    "trackio": "curves of runs in trackio (--track trackio)",
    "wandb": "curves of runs at Weights & Biases (--track wandb)",
}
"""Extras that users want, and what for."""

DEVELOPMENT = frozenset({"bench", "bench-jax", "dev", "docs", "lint", "test"})
"""Extras for work on pokenash itself, of which users are not told."""


def installed_distribution() -> Distribution:
    """Metadata of the installed pokenash.

    Raises
    ------
    InputError
        If there is none, as where a folder of sources is on the path and nothing was installed.
    """
    try:
        return distribution("pokenash")
    except PackageNotFoundError as error:
        raise InputError(
            "pokenash runs from a folder and is not installed; pip install -e . in the checkout"
        ) from error


def package_findings() -> Iterator[tuple[str, bool, str, str]]:
    """Each package that pokenash needs: its name, whether it will do, what was found, and how to get it."""
    try:
        needed = _requirements("")
    except (InputError, ImportError) as error:
        yield "packages", False, f"cannot be looked up: {error}", ""
        return
    for requirement in needed:
        works, found = _state(requirement)
        wanted = f"{requirement.name}{requirement.specifier}"
        yield requirement.name, works, found, "" if works else f"pip install '{wanted}'"


def feature_findings() -> Iterator[tuple[str, bool, str, str, str]]:
    """Each extra that users want: its name, whether all of it is there, what was found, what for, how to get it."""
    try:
        extras = installed_distribution().metadata.get_all("Provides-Extra") or []
        wanted = {extra: _requirements(extra) for extra in sorted(extras) if extra not in DEVELOPMENT}
    except (InputError, ImportError):
        # `package_findings` has said so.
        return
    # Of a checkout that was installed before an extra was there, the metadata do not know it.
    for extra in sorted({*wanted, *PURPOSES}):
        needed, purpose = wanted.get(extra), PURPOSES.get(extra, "")
        if needed is None:
            found = "pokenash was installed before it had this extra; install it again"
            yield extra, False, found, purpose, f"pip install 'pokenash[{extra}]'"
            continue
        if not needed:
            yield extra, False, "not made for this system", purpose, ""
            continue
        states = [(requirement.name, *_state(requirement)) for requirement in needed]
        works = all(state[1] for state in states)
        found = ", ".join(f"{name} {what}" for name, _, what in states)
        yield extra, works, found, purpose, "" if works else f"pip install 'pokenash[{extra}]'"


def _requirements(extra: str) -> list[Requirement]:
    """What an extra adds to what is always needed; with an empty name, what is always needed."""
    from packaging.requirements import Requirement

    chosen = []
    for text in installed_distribution().requires or ():
        requirement = Requirement(text)
        always = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if extra == "":
            if always:
                chosen.append(requirement)
        elif not always and requirement.marker is not None and requirement.marker.evaluate({"extra": extra}):
            # An extra that is made of others names pokenash itself, where the build did not write them out.
            own = requirement.name == "pokenash"
            chosen += [one for part in requirement.extras for one in _requirements(part)] if own else [requirement]
    return chosen


def _state(requirement: Requirement) -> tuple[bool, str]:
    wanted = str(requirement.specifier)
    try:
        found = version(requirement.name)
    except PackageNotFoundError:
        return False, f"missing (expected {wanted})" if wanted else "missing"
    if requirement.specifier.contains(found, prereleases=True):
        return True, found
    return False, f"{found} (expected {wanted})"
