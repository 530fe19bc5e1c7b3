"""The reference is complete: a public name without an entry in it is a warning, and so fails the build.

Public are the names in `__all__` of every module outside of ``pokenash.cli``, whose commands are described by their own
help, and of modules whose names begin with an underscore. A package's re-export is described where it lives. Constants
and type aliases are shown with their value where they have no docstring.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection, Iterator
from inspect import ismodule
from typing import Any, get_origin

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.pycode import ModuleAnalyzer
from sphinx.util import logging

import pokenash

_LEFT_OUT = ("pokenash.cli",)
_LONGEST_VALUE = 400
_log = logging.getLogger(__name__)


def public_modules() -> Iterator[str]:
    """Names of all public modules."""
    yield pokenash.__name__
    for module in pkgutil.walk_packages(pokenash.__path__, "pokenash."):
        hidden = any(part.startswith("_") for part in module.name.split("."))
        if not hidden and not any(f"{module.name}.".startswith(f"{package}.") for package in _LEFT_OUT):
            yield module.name


def undescribed(described: Collection[str]) -> list[str]:
    """Public names of which none of the full names has an entry, as ``module.name``."""
    known = set(described)
    # Constants do not know where they live: an entry of that name anywhere below the package is theirs.
    homes = {(name.rpartition(".")[2], parent) for name in known for parent in _parents(name)}
    missing = []
    for module_name in public_modules():
        module = importlib.import_module(module_name)
        for name in getattr(module, "__all__", ()):
            full = f"{module_name}.{name}"
            home = f"{getattr(getattr(module, name), '__module__', module_name)}.{name}"
            if not (name.startswith("__") or full in known or home in known or (name, module_name) in homes):
                missing.append(full)
    return missing


def _parents(name: str) -> Iterator[str]:
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def check(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of what is missing."""
    for name in undescribed(env.get_domain("py").data["objects"]):
        _log.warning("the public name %s is not in the reference: it needs a docstring, and an entry", name)


def describe_constants(app: Sphinx) -> None:
    """Have autodoc show constants and aliases that have no docstring, with their value where it is short."""
    for module_name in public_modules():
        module = importlib.import_module(module_name)
        analyzer = ModuleAnalyzer.for_module(module_name)
        analyzer.analyze()
        for name in getattr(module, "__all__", ()):
            item = getattr(module, name)
            is_value = get_origin(item) is not None or not (callable(item) or ismodule(item))
            if is_value and name in analyzer.tagorder and ("", name) not in analyzer.attr_docs:
                long = len(repr(item)) > _LONGEST_VALUE
                analyzer.attr_docs["", name] = [":meta hide-value:", ""] if long else [""]


def skip_reexports(app: Sphinx, what: str, name: str, item: Any, skip: bool, options: Any) -> bool | None:
    """Describe a class where it lives and nowhere else: a name with two entries cannot be linked to."""
    module = getattr(app.env.current_document, "autodoc_module", "")
    if what == "module" and module and isinstance(item, type) and item.__module__ != module:
        return True
    return None


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("builder-inited", describe_constants)
    app.connect("autodoc-skip-member", skip_reexports)
    app.connect("env-check-consistency", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
