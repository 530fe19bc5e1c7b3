"""A compacted log says what the plain one says, whatever is killed on the way."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pokenash.algorithms.match_log_compaction as compaction
import pokenash.algorithms.match_log_store as match_log_store
from algorithms.results import match_result
from pokenash.algorithms import EmpiricalGame, MatchLog
from pokenash.algorithms.match_log_compaction import compact_match_log, store_of
from pokenash.algorithms.match_log_lines import LoggedMatch
from pokenash.arena import MatchResult
from pokenash.errors import InputError, RunDirectoryError

NAMES = ["a", "b", "ü/x", "\ud800"]
PREFIXES = ["", "t/", "t/é", "t/é/1", "u", "nothing"]
MOVES_TO_KILL = ("in the transaction", "before the plain file is emptied", "after it")

results = st.builds(
    lambda seats, value, reason: (seats, value, reason),
    st.tuples(st.integers(0, 3), st.integers(0, 3)),
    st.sampled_from([1.0, -1.0, 0.0, 0.1, -13.0]),
    st.sampled_from(["win", "tie", "error"]),
)
block_lists = st.lists(
    st.tuples(st.sampled_from(["t/", "t/é/", "u\0"]), st.lists(results, min_size=1, max_size=5)), max_size=9
)


def played(block: list[tuple[tuple[int, int], float, str]]) -> list[MatchResult]:
    return [match_result(i, seats, value, reason=reason) for i, (seats, value, reason) in enumerate(block)]


def write(log: MatchLog, blocks: list[tuple[str, list[tuple[tuple[int, int], float, str]]]]) -> None:
    for number, (start, block) in enumerate(blocks):
        log.append_block(f"{start}{number}", played(block), NAMES)


def game_or_none(log: MatchLog, prefix: str) -> tuple[object, ...] | None:
    """Names, outcomes and counts, or None where there is no policy."""
    try:
        game = EmpiricalGame.from_log(log, prefix=prefix)
    except InputError:
        return None
    return game.policies, game.outcomes.tolist(), game.tallies.tolist()


def assert_same_log(one: MatchLog, other: MatchLog) -> None:
    assert (len(one), one.blocks, list(one)) == (len(other), other.blocks, list(other))
    for key in other.blocks:
        assert one.has_block(key)
        assert one.block(key) == other.block(key)
    for prefix in PREFIXES:
        assert one.keys(prefix) == other.keys(prefix)
        assert one.num_matches(prefix) == other.num_matches(prefix)
        assert list(one.matches(prefix)) == list(other.matches(prefix))
        assert list(one.tallies(prefix).items()) == list(other.tallies(prefix).items())
        assert game_or_none(one, prefix) == game_or_none(other, prefix)
    assert not one.has_block("nothing")


@settings(max_examples=30)
@given(blocks=block_lists, compact_bytes=st.integers(1, 3000), cut=st.integers(0, 20))
def test_a_log_that_was_compacted_says_what_the_plain_one_says(
    tmp_path_factory: pytest.TempPathFactory,
    blocks: list[tuple[str, list[tuple[tuple[int, int], float, str]]]],
    compact_bytes: int,
    cut: int,
) -> None:
    folder = tmp_path_factory.mktemp("compacted")
    plain, compacted = MatchLog(folder / "plain"), MatchLog(folder / "often", compact_bytes=compact_bytes)
    write(plain, blocks)
    write(compacted, blocks[:cut])
    compacted.compact()
    write(compacted, blocks)
    assert_same_log(compacted, plain)
    assert_same_log(MatchLog(folder / "often"), plain)
    compact_match_log(folder / "often")
    assert compact_match_log(folder / "often") == 0
    assert_same_log(MatchLog(folder / "often"), plain)


@settings(max_examples=30)
@given(blocks=block_lists)
def test_outcomes_are_those_counted_match_by_match(
    tmp_path_factory: pytest.TempPathFactory, blocks: list[tuple[str, list[tuple[tuple[int, int], float, str]]]]
) -> None:
    log = MatchLog(tmp_path_factory.mktemp("counts") / "log")
    write(log, blocks)
    log.compact()
    counted = [match for match in log if match.counted]
    if not counted:
        assert log.tallies() == {}
        return
    game = EmpiricalGame.from_log(log)
    assert game.policies == tuple(dict.fromkeys(name for match in counted for name in match.policies))
    for (i, j, o), count in np.ndenumerate(game.tallies):
        wanted = (game.policies[i], game.policies[j], game.outcomes[o])
        assert count == sum((*match.policies, match.returns[0]) == wanted for match in counted)


BLOCKS = [("t/", [((0, 1), 1.0, "win")] * 3), ("t/", [((1, 0), -1.0, "win")]), ("u", [((2, 1), 0.0, "tie")] * 2)]

_KILLED = """
import os, sys
import pokenash.algorithms.match_log_compaction as compaction
import pokenash.algorithms.match_log_store as store
path, moment = sys.argv[1:]
def die(*arguments):
    os._exit(9)
def spilled(connection, number, block, policies, insert=store._insert):
    insert(connection, number, block, policies)
    if number == 2:
        # Written to the file before the commit, as the pages of a large log are: the journal must undo it.
        connection.execute("PRAGMA cache_spill = 1")
        connection.execute("PRAGMA cache_size = 1")
        for i in range(64):
            connection.execute("INSERT INTO lines VALUES (?, zeroblob(9000))", (1000 + i,))
        os._exit(9)
if moment == "in the transaction":
    store._insert = spilled
elif moment == "before the plain file is emptied":
    compaction.replace_file = die
else:
    compaction.sync_folder = die
compaction.compact_match_log(path)
"""


@pytest.mark.parametrize("moment", MOVES_TO_KILL)
@pytest.mark.parametrize("had_store", [False, True])
def test_a_compaction_killed_at_any_step_loses_nothing(tmp_path: Path, moment: str, had_store: bool) -> None:
    plain, killed = MatchLog(tmp_path / "plain"), MatchLog(tmp_path / "killed")
    write(plain, BLOCKS)
    if had_store:
        write(killed, BLOCKS[:1])
        killed.compact()
    write(killed, BLOCKS)
    done = subprocess.run([sys.executable, "-c", _KILLED, str(killed.path), moment], env={**os.environ})
    assert done.returncode == 9
    assert_same_log(MatchLog(killed.path), plain)
    again = MatchLog(killed.path, compact_bytes=1)
    for log in (plain, again):
        log.append_block("more", [match_result(1, (0, 2))], NAMES)
    assert_same_log(again, plain)
    assert_same_log(MatchLog(killed.path), plain)
    assert [MatchLog(killed.path).compact(), MatchLog(killed.path).compact()] == [1, 0]
    assert_same_log(MatchLog(killed.path), plain)


def test_a_torn_last_block_is_not_moved_and_the_next_write_takes_its_place(tmp_path: Path) -> None:
    log, plain = MatchLog(tmp_path / "torn"), MatchLog(tmp_path / "plain")
    write(log, BLOCKS)
    write(plain, BLOCKS)
    log.path.write_bytes(log.path.read_bytes()[:-7])
    assert compact_match_log(log.path) == 2
    again = MatchLog(log.path)
    write(again, BLOCKS)
    assert_same_log(again, plain)


def test_a_view_stays_as_it_was_while_another_process_compacts_and_writes(tmp_path: Path) -> None:
    log = MatchLog(tmp_path / "log")
    write(log, BLOCKS[:2])
    view, before = MatchLog(log.path), list(log)
    log.compact()
    write(log, BLOCKS)
    log.compact()
    assert list(view) == before
    assert view.blocks == ["t/0", "t/1"]
    with pytest.raises(RunDirectoryError, match="changed by another process"):
        view.append_block("mine", [match_result(1)], NAMES)


def test_a_log_is_written_to_and_compacted_while_it_is_iterated_over(tmp_path: Path) -> None:
    log = MatchLog(tmp_path / "log")
    write(log, BLOCKS)
    log.compact()
    iterator = iter(log)
    first: LoggedMatch = next(iterator)
    log.append_block("more", [match_result(1)], NAMES)
    log.compact()
    assert [first, *iterator][:6] == list(log)[:6]


def test_a_compaction_that_cannot_be_done_now_is_done_later_and_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(match_log_store, "_PATIENCE", 0.05)
    log, plain = MatchLog(tmp_path / "log", compact_bytes=1), MatchLog(tmp_path / "plain")
    write(log, BLOCKS[:2])
    write(plain, [*BLOCKS, *BLOCKS])
    stored = store_of(log.path)
    assert stored.num_blocks() == 1
    with closing(sqlite3.connect(stored.path, isolation_level=None)) as reader, caplog.at_level("WARNING"):
        # Another process that reads for long.
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM blocks").fetchone()
        write(log, BLOCKS)
        assert "is not compacted yet and grows on: " in caplog.text
        assert stored.num_blocks() == 1
    write(log, [*BLOCKS, *BLOCKS])
    assert stored.num_blocks() > 1
    assert_same_log(MatchLog(log.path), plain)


def test_nothing_is_made_where_there_is_nothing_to_move(tmp_path: Path) -> None:
    assert compact_match_log(tmp_path / "none") == 0
    (tmp_path / "torn").write_bytes(b'{"schema":1')
    assert compact_match_log(tmp_path / "torn") == 0
    assert os.listdir(tmp_path) == ["torn"]
    with pytest.raises(InputError, match="compact_bytes: expected at least 1, got 0"):
        MatchLog(tmp_path / "none", compact_bytes=0)


def test_damage_in_the_plain_file_is_refused_and_nothing_is_moved(tmp_path: Path) -> None:
    log = MatchLog(tmp_path / "log")
    write(log, BLOCKS)
    data = log.path.read_bytes()
    log.path.write_bytes(data + b"junk\n")
    with pytest.raises(RunDirectoryError, match="line 7: not a JSON object"):
        compact_match_log(log.path)
    assert log.path.read_bytes() == data + b"junk\n"
    assert store_of(log.path).num_blocks() == 0


def test_a_damaged_compacted_file_is_one_clear_error(tmp_path: Path) -> None:
    log = MatchLog(tmp_path / "log")
    write(log, BLOCKS)
    log.compact()
    store = store_of(log.path).path
    whole = store.read_bytes()
    with sqlite3.connect(store) as connection:
        connection.execute("UPDATE lines SET compressed = X'00' WHERE number = 2")
    connection.close()
    with pytest.raises(RunDirectoryError, match=r"log\.sqlite, block 't/1': .*restore the file"):
        list(MatchLog(log.path))
    store.write_bytes(b"no database, but long enough to be taken for one" * 40)
    with pytest.raises(RunDirectoryError, match=r"cannot use match log .*log\.sqlite"):
        MatchLog(log.path)
    store.write_bytes(whole)
    with sqlite3.connect(store) as connection:
        connection.execute("PRAGMA user_version = 7")
    connection.close()
    with pytest.raises(RunDirectoryError, match="schema 7, expected 1"):
        MatchLog(log.path)


def test_a_plain_file_that_contradicts_the_compacted_one_is_refused(tmp_path: Path) -> None:
    log, other = MatchLog(tmp_path / "log"), MatchLog(tmp_path / "other")
    write(log, BLOCKS)
    log.compact()
    other.append_block("t/0", [match_result(5)], NAMES)
    shutil.copy(other.path, log.path)
    with pytest.raises(RunDirectoryError, match="different matches under the key 't/0'"):
        MatchLog(log.path)
    with pytest.raises(RunDirectoryError, match="other matches under the key 't/0'"):
        compact_match_log(log.path)
    assert log.path.read_bytes() == other.path.read_bytes()


def test_a_log_that_is_written_to_meanwhile_is_not_emptied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = MatchLog(tmp_path / "log")
    write(log, BLOCKS)
    before = list(log)
    original = compaction.MatchStore.add

    def add(store: compaction.MatchStore, blocks: object) -> int:
        moved = original(store, blocks)  # type: ignore[arg-type]
        MatchLog(log.path).append_block("meanwhile", [match_result(1)], NAMES)
        return moved

    monkeypatch.setattr(compaction.MatchStore, "add", add)
    with pytest.raises(RunDirectoryError, match="changed by another process while it was compacted"):
        compact_match_log(log.path)
    assert list(MatchLog(log.path))[:6] == before
    assert MatchLog(log.path).has_block("meanwhile")
