"""Sessions that other people recorded: whatever stands in them is read, or refused in words."""

from __future__ import annotations

import json
import random
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.online.played import record, write_session
from tests.security.mangling import inputs

from pokenash.errors import PokenashError
from pokenash.online.pseudonyms import Pseudonyms
from pokenash.online.records import RECORDS_NAME, read_records
from pokenash.online.report import write_sessions_report
from pokenash.online.results import PlayedBattle, analyse, read_battles

_SALT = Pseudonyms(b"0123456789abcdef")
_TEXT = st.text(max_size=30)
_NUMBER = st.floats(allow_nan=False, allow_infinity=False)
_RECORDS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(("battle", "format", "server", "policy"), _TEXT),
            **dict.fromkeys(
                ("account", "opponent", "member", "team_name", "error", "replay", "log"), st.none() | _TEXT
            ),
            **dict.fromkeys(("started", "ended"), _NUMBER),
            **dict.fromkeys(("rating_before", "rating_after", "opponent_rating_before"), st.none() | _NUMBER),
            **dict.fromkeys(("turns", "decisions", "team"), st.integers()),
            "outcome": st.sampled_from(["win", "loss", "tie", "unfinished"]),
            "counts": st.booleans(),
        },
    ),
    max_size=4,
)


class _Scripts(HTMLParser):
    found = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= tag == "script" or any(name.startswith("on") for name, _ in attrs)


@settings(max_examples=inputs(25))
@given(fields=_RECORDS, anonymous=st.booleans())
def test_any_record_can_be_reported(fields: list[dict[str, Any]], anonymous: bool) -> None:
    with TemporaryDirectory() as folder:
        directory = Path(folder)
        battles = [PlayedBattle(directory, record(number, **one)) for number, one in enumerate(fields)]
        write_sessions_report(battles, directory / "r.html", pseudonyms=_SALT if anonymous else None)
        page = _Scripts()
        page.feed((directory / "r.html").read_text("utf-8"))
        assert not page.found


def test_mangled_records_are_read_or_refused(tmp_path: Path) -> None:
    rng = random.Random(801)
    junk = (None, True, -1, 1e308, 10**400, "", "x" * 5000, [], {}, ["p1"], {"a": {}}, "NaN", "\ud800")
    refused = 0
    for number in range(inputs(200)):
        data = record(number).to_json()
        for _ in range(rng.randint(1, 3)):
            key = rng.choice([*data, "unknown"])
            if rng.random() < 0.2:
                data.pop(key, None)
            else:
                data[key] = rng.choice(junk)
        text = json.dumps(data)
        if rng.random() < 0.2:
            text = text[: rng.randrange(len(text))] + rng.choice(["", "NaN", "}", "[" * 30_000])
        session = write_session(tmp_path / str(number), [])
        (session / RECORDS_NAME).write_text(text + "\n", encoding="utf-8")
        try:
            analyse([one.record for one in read_battles([session])])
        except PokenashError as error:
            refused += 1
            assert error.args  # noqa: PT017
    assert 0 < refused < inputs(200)
    assert read_records(write_session(tmp_path / "whole", [record(0)])) == [record(0)]
