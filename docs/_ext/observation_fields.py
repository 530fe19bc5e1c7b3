"""The directive `observation-fields`: a table of one block of the Showdown observation.

It is made from the files that the encoder itself reads, so that the page cannot differ from the code; a field without
a description, or a description without a field, fails the build.
"""

from __future__ import annotations

import json
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import pokenash

JS = Path(pokenash.__file__).parent / "games" / "showdown" / "js"
LAYOUT, DESCRIPTIONS = JS / "layout.json", JS / "layout_descriptions.json"


class ObservationFields(SphinxDirective):
    """``{observation-fields} BLOCK``: column, name and meaning of every field of the block."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        block = self.arguments[0]
        for path in (LAYOUT, DESCRIPTIONS):
            self.env.note_dependency(str(path))
        names = json.loads(LAYOUT.read_text(encoding="utf-8"))[block]
        meanings = json.loads(DESCRIPTIONS.read_text(encoding="utf-8"))[block]
        if set(names) != set(meanings):
            raise self.error(f"fields and descriptions of {block} differ in {sorted(set(names) ^ set(meanings))}")
        rows = [(str(column), name, meanings[name]) for column, name in enumerate(names)]
        return [_table(("column", "field", "meaning"), rows)]


def _table(head: tuple[str, str, str], rows: list[tuple[str, str, str]]) -> nodes.table:
    group = nodes.tgroup(cols=3)
    for width in (8, 22, 70):
        group += nodes.colspec(colwidth=width)
    group += nodes.thead("", nodes.row("", *(nodes.entry("", nodes.paragraph("", text)) for text in head)))
    body = nodes.tbody()
    for column, name, meaning in rows:
        cells = (nodes.Text(column), nodes.literal("", name), nodes.Text(meaning))
        body += nodes.row("", *(nodes.entry("", nodes.paragraph("", "", cell)) for cell in cells))
    group += body
    return nodes.table("", group)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("observation-fields", ObservationFields)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
