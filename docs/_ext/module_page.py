"""Pages that are a module's docstring, as PettingZoo has them: Markdown, with the tables of the environment.

A line ``{module-page} MODULE`` on a page is replaced by the docstring, without its title. In the reference, where
docstrings are reStructuredText, such a module refers to its page instead.
"""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

from sphinx.application import Sphinx

PAGES = {
    "pokenash.games.showdown_v0": ("showdown", "Pokémon Showdown battles in PettingZoo's two forms"),
    "pokenash.games.openspiel_v0": ("openspiel-environment", "OpenSpiel's games in PettingZoo's AEC form"),
    "pokenash.games.matrix_v0": ("matrix", "Matrix games in PettingZoo's two forms"),
}
"""By module: its page, and what is said of it in the reference."""
MARKER = re.compile(r"^\{module-page\} (\S+)$", re.MULTILINE)


def insert_docstring(app: Sphinx, docname: str, source: list[str]) -> None:
    """Replace the marker of a page by the docstring."""
    source[0] = MARKER.sub(lambda found: _body(found.group(1)), source[0])


def refer_to_page(app: Sphinx, what: str, name: str, item: Any, options: Any, lines: list[str]) -> None:
    """Replace such a docstring in the reference by a link to its page."""
    if what == "module" and name in PAGES:
        page, told = PAGES[name]
        lines[:] = [f"{told}; described in :doc:`/{page}`.", ""]


def _body(module: str) -> str:
    text = inspect.getdoc(importlib.import_module(module)) or ""
    _, _, body = text.partition("\n")
    # A docstring has one title and sections of the third level, which leaves out the second.
    return re.sub(r"^### ", "## ", body, flags=re.MULTILINE).strip()


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", insert_docstring)
    app.connect("autodoc-process-docstring", refer_to_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
