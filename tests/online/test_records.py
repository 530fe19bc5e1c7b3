"""Records of battles on a server: nothing is lost, nothing half-written is read."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from pokenash.errors import InputError, RunDirectoryError
from pokenash.online.records import RECORDS_NAME, BattleRecord, append_record, read_records

RECORD = BattleRecord(
    battle="battle-gen1ou-1",
    number=0,
    format="gen1ou",
    server="localhost:8000",
    account=None,
    opponent="somebody",
    seat=1,
    policy="mixture",
    member="type_aware",
    probabilities_sha256=None,
    seed=7,
    episode=0,
    team=3,
    team_name="slowbro_stall",
    outcome="win",
    reason="played",
    turns=31,
    decisions=35,
    rating_before=1032.5,
)


def test_records_are_read_as_they_were_appended(tmp_path: Path) -> None:
    records = [replace(RECORD, number=number, battle=f"battle-gen1ou-{number}") for number in range(3)]
    for record in records:
        append_record(tmp_path / RECORDS_NAME, record)
    assert read_records(tmp_path) == records
    assert read_records(tmp_path / RECORDS_NAME) == records


def test_torn_last_line_is_left_out_and_cut_off_by_the_next_record(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / RECORDS_NAME
    append_record(path, RECORD)
    with path.open("ab") as file:
        file.write(b'{"schema": 1, "battle": "' + b"x" * 10_000)
    with caplog.at_level(logging.WARNING):
        assert read_records(path) == [RECORD]
    assert "not whole" in caplog.text
    append_record(path, replace(RECORD, number=1))
    assert [record.number for record in read_records(path)] == [0, 1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"outcome": "won"}, "'won'"),
        ({"reason": "bored"}, "'bored'"),
        ({"seat": 2}, "seat"),
        ({"schema": 9}, "schema"),
        ({"opponent": 5}, "opponent is '5', expected str | None"),
        ({"turns": True}, "turns"),
        ({"counts": 1}, "counts"),
        ({"ended": float("nan")}, "ended"),
        ({"outcome": ["win"]}, "outcome"),
        ({"log": {}}, "log"),
    ],
)
def test_values_out_of_range_are_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        BattleRecord.from_json({**RECORD.to_json(), **change})


def test_unknown_and_missing_fields_are_refused() -> None:
    with pytest.raises(InputError, match="password"):
        BattleRecord.from_json({**RECORD.to_json(), "password": "x"})
    with pytest.raises(InputError, match="member"):
        BattleRecord.from_json({k: v for k, v in RECORD.to_json().items() if k != "member"})


def test_damaged_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / RECORDS_NAME
    append_record(path, RECORD)
    path.write_bytes(path.read_bytes() + b"nonsense\n")
    with pytest.raises(RunDirectoryError, match="line 2"):
        read_records(path)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match=RECORDS_NAME):
        read_records(tmp_path)
