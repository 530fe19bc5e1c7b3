"""What the battles of sessions say: every battle is counted once, apart, or against us, and never dropped."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.online.played import BEGIN, DAY, record, write_session

from pokenash.algorithms.clustered import clustered_rate
from pokenash.algorithms.glicko import Glicko
from pokenash.algorithms.intervals import wilson_interval
from pokenash.errors import InputError, RunDirectoryError
from pokenash.online.battle_rows import battle_rows, rows_csv
from pokenash.online.ratings import performance_rating
from pokenash.online.results import analyse, read_battles, score

OUTCOMES = ("win", "loss", "tie", "unfinished")
REASONS = (
    *("played", "forfeit", "opponent forfeit", "timeout", "opponent timeout", "not understood", "server lost", "error"),
)


@pytest.mark.parametrize("reason", ["forfeit", "timeout", "not understood", "error"])
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_battles_that_we_gave_up_are_lost(reason: str, outcome: str) -> None:
    assert score(record(outcome=outcome, reason=reason)) == 0.0


def test_battles_that_the_server_lost_count_for_nobody() -> None:
    assert score(record(outcome="unfinished", reason="server lost", counts=False)) is None
    assert score(record(outcome="win", reason="server lost")) is None
    assert score(record(outcome="loss", reason="forfeit", counts=False)) is None
    assert score(record(outcome="unfinished", reason="played")) is None
    assert score(record(outcome="win", reason="opponent forfeit")) == 1.0
    assert score(record(outcome="tie")) == 0.5


@given(ends=st.lists(st.tuples(st.sampled_from(OUTCOMES), st.sampled_from(REASONS), st.booleans()), max_size=12))
def test_every_battle_is_in_the_tables_or_apart(ends: list[tuple[str, str, bool]]) -> None:
    records = [
        record(number, opponent=f"person {number % 3}", outcome=outcome, reason=reason, counts=counts)
        for number, (outcome, reason, counts) in enumerate(ends)
    ]
    results = analyse(records)
    assert sorted((*results.counted, *results.not_counted), key=lambda r: r.number) == records
    for table in (results.by_policy, results.by_member, results.by_opponent, results.by_team, results.by_format):
        assert sum(row.rate.battles for row in table) == len(results.counted)
    assert sum(won + drawn + lost for _, won, drawn, lost in results.endings) == len(results.counted)
    assert (results.overall is None) == (not results.counted)
    json.dumps(results.to_json(), allow_nan=False)


def test_tables_have_the_counts_and_both_intervals() -> None:
    outcomes = ["win", "win", "loss", "tie", "win", "loss"]
    records = [
        record(n, opponent=who, outcome=outcome, member=member, team=team, team_name=name)
        for n, (who, outcome, member, team, name) in enumerate(
            zip(
                ["Ann", "ann!", "Ben", "Ben", "Cid", "Cid"],
                outcomes,
                ["a", "a", "a", "b", "b", "b"],
                [0, 1, 0, 1, 0, 1],
                ["rhydon", None] * 3,
                strict=True,
            )
        )
    ]
    results = analyse(records)
    assert results.overall is not None
    assert (results.overall.rate.wins, results.overall.rate.draws, results.overall.rate.losses) == (3, 1, 2)
    assert (results.overall.rate.lower, results.overall.rate.upper) == tuple(map(float, wilson_interval(3.5, 6)))
    assert results.overall.clustered == clustered_rate([1, 1, 0, 0.5, 1, 0], [0, 0, 1, 1, 2, 2])
    # "ann!" is the account "Ann" to the server; the first way of writing is shown.
    assert [(row.name, row.rate.wins, row.rate.losses) for row in results.by_opponent] == [
        ("Ann", 2, 0),
        ("Ben", 0, 1),
        ("Cid", 1, 1),
    ]
    assert [row.name for row in results.by_team] == ["rhydon", "team 1"]
    assert [row.name for row in results.by_member] == ["a", "b"]


def test_opponents_who_left_are_in_one_rate_and_not_in_the_other() -> None:
    records = [record(0), record(1, opponent="b", reason="opponent forfeit"), record(2, opponent="c", outcome="loss")]
    results = analyse(records)
    assert results.overall is not None
    assert results.played_out is not None
    assert (results.overall.rate.wins, results.overall.rate.losses) == (2, 1)
    assert (results.played_out.rate.wins, results.played_out.rate.losses) == (1, 1)
    assert {reason: row for reason, *row in results.endings} == {
        "played": [1, 0, 1],
        "opponent forfeit": [1, 0, 0],
    }


def test_opponents_without_a_name_are_a_person_each_and_told_of() -> None:
    results = analyse([record(number, opponent=None) for number in range(4)])
    assert results.overall is not None
    assert results.overall.clustered.opponents == 4
    assert results.unnamed_opponents == 4
    assert [row.name for row in results.by_opponent] == ["not on record"]


def test_ratings_follow_the_results_by_days() -> None:
    records = [
        record(0, opponent="a", ended=BEGIN),
        record(1, opponent="b", outcome="loss", ended=BEGIN + 60, rating_after=1020.0),
        record(2, opponent="a", ended=BEGIN + 3 * DAY, rating_after=1041.0),
        record(3, opponent="x", ended=BEGIN + 3 * DAY, account="Another", outcome="tie"),
    ]
    ours, another = analyse(records).traces
    assert ours.account == "Our Account"
    new = Glicko(1500, 130)
    first = new.after([new, new], [1, 0])
    assert [point.glicko for point in ours.points[:2]] == [new.after([new], [1]), first]
    # Two days without battles, then one against the account that lost on the first day.
    beaten = new.after([new], [0])
    for _ in range(2):
        first, beaten = first.after([], []), beaten.after([], [])
    assert ours.points[2].glicko.rating == pytest.approx(first.after([beaten], [1]).rating)
    assert ours.points[2].glicko.deviation == pytest.approx(first.after([beaten], [1]).deviation)
    assert [point.server_rating for point in ours.points] == [None, 1020.0, 1041.0]
    assert ours.server_rating == 1041.0
    assert another.glicko.rating == 1500
    assert another.server_rating is None


def test_performance_rating_is_that_whose_expected_score_was_reached() -> None:
    # Three of four points against 1200 is odds of three to one: 400 log10(3) = 190.8 points above.
    found = performance_rating([1, 1, 1, 0], [1200] * 4, list("abcd"))
    assert found.rating == pytest.approx(1390.85, abs=0.01)
    assert found.lower is not None
    assert found.upper is not None
    assert found.lower < found.rating < found.upper
    # Nothing bounds the strength of who always won from above.
    won = performance_rating([1, 1, 1], [1000, 1100, 1200], list("abc"))
    assert won.rating is None
    assert won.upper is None
    assert won.lower is not None


def test_sessions_are_read_together_and_a_copy_is_refused(tmp_path: Path) -> None:
    first = write_session(tmp_path / "first", [record(0), record(1)])
    second = write_session(tmp_path / "second", [record(2), record(1, started=BEGIN + 5)])
    battles = read_battles([first, second])
    assert [one.directory for one in battles] == [first, first, second, second]
    copy = write_session(tmp_path / "copy", [record(0)])
    with pytest.raises(InputError, match="count twice"):
        read_battles([first, copy])
    with pytest.raises(RunDirectoryError, match="cannot read"):
        read_battles([tmp_path / "nothing"])
    with pytest.raises(InputError, match="at least one directory"):
        read_battles([])


def test_the_list_of_battles_has_all_of_them_and_no_formula_for_a_spreadsheet() -> None:
    records = [
        record(0, opponent='=HYPERLINK("http://evil")'),
        record(1, opponent="@cmd\x1b[2J\nx", outcome="unfinished", reason="server lost", counts=False),
        record(2, replay="javascript:alert(1)"),
        record(3, replay="https://replay.example/gen1ou-3"),
        record(4, ended=1e300),
    ]
    rows = list(csv.DictReader(io.StringIO(rows_csv(battle_rows(records)))))
    assert len(rows) == 5
    assert rows[0]["opponent"].startswith("'=")
    assert rows[1]["opponent"].startswith("'@cmd")
    assert "\x1b" not in rows[1]["opponent"]
    assert rows[1]["result"] == "does not count"
    assert [row["replay"] for row in rows] == ["", "", "", "https://replay.example/gen1ou-3", ""]
    assert rows[4]["ended"] == "unknown"


def test_bad_times_and_levels_are_refused() -> None:
    with pytest.raises(InputError, match="time of its end"):
        analyse([record(0, ended=float("nan"))])
    with pytest.raises(InputError, match="between 0 and 1"):
        analyse([record(0)], level=95)
