"""The match log survives a crash at any byte, and refuses what it did not write."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorithms.results import match_result, series
from pokenash.algorithms import MatchLog
from pokenash.errors import InputError, RunDirectoryError

NAMES = ["a", "b", "c"]


def write_all(log: MatchLog) -> None:
    """The blocks of an unbroken run."""
    for key, seats, num in (("t/a/b", (0, 1), 4), ("t/a/c", (0, 2), 1), ("t/b/c", (1, 2), 3)):
        log.append_block(key, series(seats, [1, -1, 0, 1][:num]), NAMES)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "matches.jsonl"
    write_all(MatchLog(path))
    return path.read_bytes()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    log = MatchLog(tmp_path / "matches" / "log.jsonl")
    assert (len(log), log.blocks) == (0, [])
    mixed = match_result(7, (2, 0), 0.0, reason="tie", members=("m/x", None), options={"teams": [np.int64(1), 2]})
    written = log.append_block("one", [mixed], NAMES)
    log.append_block("two", series((0, 1), [1.0, -1.0]), NAMES)
    again = MatchLog(log.path)
    assert list(again) == list(log)
    assert again.blocks == ["one", "two"]
    assert again.block("one") == written
    match = written[0]
    assert (match.policies, match.members, match.returns) == (("c", "a"), ("m/x", None), (0.0, 0.0))
    assert (match.episode, match.seed, match.length, match.reason) == (7, 2**64 - 8, 17, "tie")
    assert (dict(match.options), dict(match.info)) == ({"teams": [1, 2]}, {"turns": 5})


def test_opening_changes_nothing(tmp_path: Path, whole: bytes) -> None:
    MatchLog(tmp_path / "none.jsonl")
    assert os.listdir(tmp_path) == []
    path = tmp_path / "torn.jsonl"
    path.write_bytes(whole[:-5])
    assert MatchLog(path).blocks == ["t/a/b", "t/a/c"]
    assert path.read_bytes() == whole[:-5]


@given(data=st.data())
def test_a_run_killed_at_any_byte_ends_with_the_log_of_an_unbroken_one(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("killed") / "matches.jsonl"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    log = MatchLog(path)
    assert log.blocks == ["t/a/b", "t/a/c", "t/b/c"][: len(log.blocks)]
    write_all(log)
    assert path.read_bytes() == whole
    assert MatchLog(path).blocks == ["t/a/b", "t/a/c", "t/b/c"]


@given(order=st.permutations(range(6)))
def test_lines_do_not_depend_on_what_ended_first(tmp_path_factory: pytest.TempPathFactory, order: list[int]) -> None:
    folder = tmp_path_factory.mktemp("order")
    results = series((0, 1), [1, 0, -1, 1, 1, 0])
    MatchLog(folder / "sorted").append_block("k", results, NAMES)
    MatchLog(folder / "shuffled").append_block("k", [results[i] for i in order], NAMES)
    assert (folder / "sorted").read_bytes() == (folder / "shuffled").read_bytes()


def test_a_block_is_written_once(tmp_path: Path) -> None:
    log = MatchLog(tmp_path / "log.jsonl")
    log.append_block("k", series((0, 1), [1, -1]), NAMES)
    before = log.path.read_bytes()
    log.append_block("k", series((0, 1), [1, -1]), NAMES)
    assert log.path.read_bytes() == before
    assert log.has_block("k")
    assert not log.has_block("other")
    with pytest.raises(RunDirectoryError, match="other matches under the key 'k'"):
        log.append_block("k", series((0, 1), [1, 1]), NAMES)
    assert log.path.read_bytes() == before


def test_blocks_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    log = MatchLog(tmp_path / "log.jsonl")
    with pytest.raises(InputError, match="at least one match"):
        log.append_block("k", [], NAMES)
    with pytest.raises(InputError, match="different episodes"):
        log.append_block("k", [match_result(1), match_result(1)], NAMES)
    with pytest.raises(InputError, match="must be JSON-able"):
        log.append_block("k", [match_result(1, options={"team": object()})], NAMES)
    with pytest.raises(InputError, match="no block 'k'"):
        log.block("k")
    assert not log.path.exists()


def altered(whole: bytes, line: int, **changes: object) -> bytes:
    lines = whole.splitlines(keepends=True)
    data = json.loads(lines[line - 1]) | changes
    lines[line - 1] = json.dumps({k: v for k, v in data.items() if v is not None}).encode() + b"\n"
    return b"".join(lines)


@pytest.mark.parametrize(
    ("line", "changes", "words"),
    [
        (2, {"schema": 2}, "schema 2, expected 1"),
        (1, {"schema": None}, "schema None, expected 1"),
        (3, {"winner": "a"}, r"fields missing or unknown: \['winner'\]"),
        (3, {"seed": None}, r"fields missing or unknown: \['seed'\]"),
        (3, {"returns": [1]}, r"field 'returns' cannot be \[1\]"),
        (3, {"returns": [float("nan"), 0]}, "field 'returns' cannot be"),
        (3, {"policies": ["a", 4]}, "field 'policies' cannot be"),
        (3, {"episode": True}, "field 'episode' cannot be True"),
        (3, {"index": 0}, "match 0 of 4 stands where match 2 of 4 is expected"),
        (3, {"of": 3}, "match 2 of 3 stands where match 2 of 4 is expected"),
        (3, {"episode": 1}, "episode 1 after episode 1"),
        (3, {"block": "t/a/c"}, "block 't/a/c' begins inside block 't/a/b'"),
        (5, {"block": "t/a/b"}, "block 't/a/b' is there a second time"),
    ],
)
def test_damage_is_refused_with_the_file_and_the_line(
    tmp_path: Path, whole: bytes, line: int, changes: dict[str, object], words: str
) -> None:
    path = tmp_path / "matches.jsonl"
    path.write_bytes(altered(whole, line, **changes))
    before = path.read_bytes()
    with pytest.raises(RunDirectoryError, match=rf"matches\.jsonl, line {line}: .*{words}"):
        MatchLog(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("junk", [b"\x00" * 40, b"hello", b"", b"[1]", b'{"schema": 1'])
@pytest.mark.parametrize("line", [1, 2, 8])
def test_lines_that_are_no_matches_are_refused(tmp_path: Path, whole: bytes, line: int, junk: bytes) -> None:
    path = tmp_path / "matches.jsonl"
    lines = whole.splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[: line - 1], junk + b"\n", *lines[line - 1 :]]))
    with pytest.raises(RunDirectoryError, match=rf"line {line}: not a JSON object"):
        MatchLog(path)


def test_two_writers_do_not_destroy_each_others_blocks(tmp_path: Path) -> None:
    first, second = MatchLog(tmp_path / "log"), MatchLog(tmp_path / "log")
    first.append_block("k", series((0, 1), [1]), NAMES)
    before = first.path.read_bytes()
    with pytest.raises(RunDirectoryError, match="changed by another process"):
        second.append_block("other", series((0, 1), [1]), NAMES)
    assert first.path.read_bytes() == before


def test_a_full_disk_is_one_clear_sentence_and_the_next_write_mends_the_file(
    tmp_path: Path, whole: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = MatchLog(tmp_path / "log.jsonl")
    log.append_block("t/a/b", series((0, 1), [1, -1, 0, 1]), NAMES)

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(RunDirectoryError, match=r"cannot write match log .*log\.jsonl: No space left on device"):
            log.append_block("t/a/c", series((0, 2), [1]), NAMES)
    assert not log.has_block("t/a/c")
    write_all(log)
    assert log.path.read_bytes() == whole


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match="cannot read match log"):
        MatchLog(tmp_path)
