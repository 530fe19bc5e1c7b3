"""Sphinx settings: MyST pages, the Furo theme, and a reference generated from the docstrings."""

from __future__ import annotations

import importlib
import os
import pkgutil
import re
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

import pokenash

project = "pokenash"
author = "pokenash developers"
copyright = "2026, pokenash developers"
version = release = pokenash.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.intersphinx",
    "complete_reference",
    "module_page",
    "observation_fields",
]
exclude_patterns = ["_build", "_templates", "notebooks"]
templates_path = ["_templates"]
html_theme = "furo"
html_title = f"pokenash {version}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
myst_enable_extensions = ["colon_fence", "dollarmath", "fieldlist"]
myst_heading_anchors = 3

# Single backticks in the docstrings are names where they can be resolved, and plain code where they cannot.
default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "separated"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
autosummary_generate = True
autosummary_imported_members = False

# Other projects' names become links where there is a network, on Read the Docs; elsewhere nothing is fetched.
ELSEWHERE = {
    "python": "https://docs.python.org/3",
    "numpy": "https://numpy.org/doc/stable",
    "gymnasium": "https://gymnasium.farama.org",
    "pettingzoo": "https://pettingzoo.farama.org",
}


def inventories() -> dict[str, tuple[str, str]]:
    """What other projects describe, of those that answer: one that is down must not fail our build."""
    found: dict[str, tuple[str, str]] = {}
    if "READTHEDOCS" not in os.environ:
        return found
    folder = Path(tempfile.mkdtemp())
    for name, site in ELSEWHERE.items():
        try:
            with urllib.request.urlopen(f"{site}/objects.inv", timeout=20) as answer:
                (folder / name).write_bytes(answer.read())
        except OSError:
            continue
        found[name] = (site, str(folder / name))
    return found


intersphinx_mapping = inventories()


def public_faces() -> dict[str, list[tuple[str, str]]]:
    """For every package, the names that it re-exports, each with the place where it is described."""
    packages = [module.name for module in pkgutil.walk_packages(pokenash.__path__, "pokenash.") if module.ispkg]
    return {package: public_face(package) for package in packages}


def public_face(package: str) -> list[tuple[str, str]]:
    """The names that a package re-exports, each with the place where it is described."""
    module = importlib.import_module(package)
    names = []
    for name in getattr(module, "__all__", []):
        home = getattr(getattr(module, name), "__module__", None)
        if isinstance(home, str) and home.startswith(f"{package}."):
            names.append((name, f"{home}.{name}"))
    return names


def own_names(package: str) -> list[str]:
    """The names that live in a package's own file, which has few."""
    module = importlib.import_module(package)
    names = [name for name in getattr(module, "__all__", []) if not name.startswith("__")]
    return [name for name in names if getattr(getattr(module, name), "__module__", None) == package]


# Read by _templates/autosummary/module.rst.
autosummary_context = {"public_faces": public_faces(), "own_names": {name: own_names(name) for name in public_faces()}}


def allow_plurals(app: Any, what: str, name: str, item: Any, options: Any, lines: list[str]) -> None:
    """Let docstrings say "some `Figure`s": reStructuredText wants a separator after the closing backtick."""
    lines[:] = [re.sub(r"((?<![`:])`[\w.]+`)(s\b)", r"\1\\ \2", line) for line in lines]


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", allow_plurals)
