"""Reading the pages that reports are."""

from __future__ import annotations

import re
from html.parser import HTMLParser


class _Tables(HTMLParser):
    """The text of every table cell, row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        self._in_cell = tag in ("td", "th") or (self._in_cell and tag == "code")

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._in_cell = False


def page_rows(page: str) -> list[list[str]]:
    """The cells of all tables, row by row."""
    parser = _Tables()
    parser.feed(page)
    return parser.rows


def outside_links(page: str) -> list[str]:
    """What a browser would fetch from elsewhere."""
    links = re.findall(r"(?:src|href)\s*=\s*[\"']([^\"'#][^\"']*)", page)
    fetched = [link for link in links if not link.startswith("data:")]
    return fetched + re.findall(r"@import|url\(http[^)]*", page)
