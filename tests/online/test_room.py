"""What a battle's room tells, line by line: also twice, late, or in bad faith."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pokenash.online.anonymous import anonymous_line
from pokenash.online.room import NotOursError, Room, UnreadableError

_START = [
    "|init|battle",
    "|title|Red vs. Blue <3",
    "|j|☆Red",
    "|t:|1795292142",
    "|gametype|singles",
    "|player|p1|Red|101|1042",
    "|player|p2|Blue <3|170|1",
    "|rated|",
    "|start",
    "|switch|p1a: Tauros|Tauros|100/100",
    "|turn|1",
]


def _request(rqid: int, **more: object) -> str:
    return "|request|" + json.dumps({"active": [{}], "side": {"name": "Blue <3", "id": "p2"}, "rqid": rqid, **more})


def _room() -> Room:
    room = Room("blue3")
    room.receive(_START)
    room.receive([_request(3)])
    return room


def test_it_tells_who_plays_and_what_is_asked() -> None:
    room = _room()
    assert (room.seat, room.opponent, room.rated, room.turns, room.request_number) == (1, "Red", True, 1, 1)
    assert room.rating_before == {0: 1042.0}
    (feed,) = room.take_feeds()
    assert feed.lines == _START[4:]
    assert feed.request is not None
    assert feed.request["rqid"] == 3
    assert room.take_text().split("\n") == [*feed.lines, _request(3)]


def test_what_is_told_again_after_a_loss_is_news_only_from_where_it_was_lost() -> None:
    room = _room()
    room.take_feeds()
    room.take_text()
    more = ["|move|p1a: Tauros|Body Slam|p2a: Chansey", "|turn|2"]
    rejoined = ["|player|p2|", "|j| someone", "|player|p2|Blue <3|170|", "|c|☆Red|hello"]
    room.receive([*_START, *rejoined, *more])
    assert not room.repeated
    room.receive([_request(7)])
    (feed,) = room.take_feeds()
    assert feed.lines == more
    assert room.take_text().split("\n") == [*more, _request(7)]
    assert room.request_number == 2


@pytest.mark.parametrize("line", ["||The server restarts in 5 minutes.", "|b|battle-gen1ou-7|Ann|Ben", "|c|☆Red|hello"])
def test_what_the_room_says_itself_is_no_part_of_the_battle(line: str) -> None:
    room = _room()
    room.take_feeds()
    room.take_text()
    more = ["|move|p1a: Tauros|Body Slam|p2a: Chansey", "|turn|2"]
    room.receive([line])
    room.receive([*_START, *more])
    room.receive([_request(7)])
    (feed,) = room.take_feeds()
    assert feed.lines == more
    assert room.take_text().split("\n") == [*more, _request(7)]


def test_the_open_request_told_again_asks_for_nothing_new() -> None:
    room = _room()
    room.receive(_START)
    room.receive([_request(3)])
    assert (room.repeated, room.request_number) == (True, 1)
    room.receive([_request(3), "|sentchoice|move 1"])
    assert not room.repeated


@pytest.mark.parametrize(
    "again",
    [
        _START[:-1],
        [line.replace("Tauros", "Chansey") for line in _START],
        [line.replace("1795292142", "1795299999") for line in _START],
        [line.replace("Red", "Green") for line in _START],
    ],
)
def test_another_battle_under_the_same_id_is_not_ours(again: list[str]) -> None:
    room = _room()
    with pytest.raises(NotOursError):
        room.receive(again)


def test_a_request_for_somebody_else_is_not_ours() -> None:
    with pytest.raises(NotOursError, match="not for us"):
        Room("green").receive([_request(3)])


@pytest.mark.parametrize(
    "request_line", ["|request|{", "|request|[]", '|request|{"side": 1}', "|request|" + "[" * 100_000, "|request|1"]
)
def test_requests_that_are_none_are_said_so(request_line: str) -> None:
    with pytest.raises(UnreadableError):
        _room().receive([request_line])


@pytest.mark.parametrize(
    "line", ["|request|", "|request|null", '|request|{"wait":true,"side":{"name":"Blue 3","id":"p2"}}']
)
def test_requests_that_ask_for_nothing_leave_the_open_one(line: str) -> None:
    room = _room()
    room.receive([line])
    assert room.request_number == 1


def test_the_deadline_is_the_servers_with_a_margin() -> None:
    room = _room()
    assert room.deadline is None
    for seconds, before in ((150, 5.0), (6, 3.0)):
        room.receive([f"|inactive|Time left: {seconds} sec this turn | 740 sec total"])
        assert room.deadline is not None
        # A monotonic clock does not go back: the deadline lies so far ahead of now or a little less.
        assert room.deadline - time.monotonic() <= seconds - before
    room.receive(["|inactive|Red has 10 seconds left."])
    room.receive([_request(5)])
    assert room.deadline is None


def test_refusals_are_told_from_remarks() -> None:
    room = _room()
    room.receive(
        ["|error|[Invalid choice] Sorry, too late to make a different move; the next turn has already started"]
    )
    room.receive(["|error|[Invalid choice] There's nothing to choose"])
    assert room.refused is None
    room.receive(["|error|[Invalid choice] Can't move: Your Chansey doesn't have a move 9"])
    assert room.refused is not None
    room = _room()
    room.take_feeds()
    room.receive(["|error|[Unavailable choice] Can't switch: The active Pokémon is trapped", _request(4, update=True)])
    (feed,) = room.take_feeds()
    assert [line.split("|")[1] for line in feed.lines] == ["error"]
    assert (room.refused, room.request_number) == (None, 2)


def test_ratings_and_ends() -> None:
    room = _room()
    room.receive(["|-message|Red forfeited.", "|", "|win|Blue <3"])
    assert (room.winner, room.forfeited, room.inactive) == ("blue3", "red", None)
    room.receive(["|raw|Red's rating: 1042 &rarr; <strong>1019</strong><br />(-23 for losing)"])
    room.receive(["|raw|Blue &lt;3's rating: 1000 &rarr; <strong>1023.5</strong><br />(+23 for winning)"])
    room.receive(["|raw|Mallory's rating: 1 &rarr; <strong>9999</strong>", "|raw|<script>alert(1)</script>"])
    assert room.rating_before == {0: 1042.0, 1: 1000.0}
    assert room.rating_after == {0: 1019.0, 1: 1023.5}
    tied = _room()
    tied.receive(["|tie"])
    assert tied.winner == ""
    slow = _room()
    slow.receive(["|-message|Blue <3 lost due to inactivity.", "|win|Red"])
    assert (slow.winner, slow.inactive) == ("red", "blue3")


@pytest.mark.parametrize("line", ["|deinit", "|bigerror|The simulator process crashed. We've been notified"])
def test_a_battle_that_will_not_be_told_to_its_end_is_closed(line: str) -> None:
    room = _room()
    assert room.closed is None
    room.receive([line])
    assert room.closed is not None


def test_a_room_that_tells_without_end_is_stopped() -> None:
    room = _room()
    line = "|c|☆Red|" + "x" * 2**20
    for _ in range(31):
        room.receive([line])
    with pytest.raises(UnreadableError, match="more than"):
        room.receive([line])


@pytest.mark.parametrize("filler", ["|c|☆Red|", "|-anim|"])
def test_beginning_again_buys_no_more_to_tell(filler: str) -> None:
    room = _room()
    room.connections = 100
    told: list[str] = []
    for number in range(31):
        line = f"{filler}{number}" + "x" * 2**20
        # What is the battle's own must be told again; chat need not.
        told = [*told, line] if filler == "|-anim|" else [line]
        room.receive([*_START, *told])
    with pytest.raises(UnreadableError, match="more than"):
        room.receive([*_START, *told, filler + "x" * 2**20])


def test_what_was_told_before_costs_nothing_and_is_no_news() -> None:
    room = Room("blue3")
    start = [*_START, *(f"|-anim|{n}" + "x" * 2**20 for n in range(20))]
    assert room.receive(start) == start
    for _ in range(50):
        room.connections += 1
        assert room.receive([*start[:3], "|c|☆Red|hello", *start[3:], "|upkeep"])[-2:] == ["|upkeep"]
        start = [*start, "|upkeep"]
    assert room.receive([*start, "|turn|2"]) == ["|turn|2"]


def test_a_room_begins_again_as_often_as_we_come_and_not_without_end() -> None:
    room = _room()
    for _ in range(3):
        room.receive(_START)
    with pytest.raises(UnreadableError, match="from the start 5 times"):
        room.receive(_START)
    room.connections += 1
    room.receive(_START)


def test_a_server_that_asks_without_end_is_stopped() -> None:
    room = Room("blue3")
    room.receive(_START)
    for number in range(5000):
        room.receive([_request(number)])
    with pytest.raises(UnreadableError, match="more than 5000 choices"):
        room.receive([_request(5000)])


@given(st.lists(st.text() | st.from_regex(r"\|[a-z:-]{0,10}(\|.{0,20}){0,4}", fullmatch=True), max_size=8))
def test_whatever_is_told_is_understood_or_refused(lines: list[str]) -> None:
    room = _room()
    try:
        room.receive(lines)
    except (NotOursError, UnreadableError):
        return
    assert room.seat in (0, 1)


def test_without_names_nobody_is_known_and_the_battle_is_whole() -> None:
    kept = [clean for line in [*_START, _request(3)] if (clean := anonymous_line(line, "blue3")) is not None]
    text = "\n".join(kept)
    assert "Red" not in text
    assert "Blue" not in text
    assert [line for line in _START if line.startswith(("|switch|", "|turn|", "|gametype|"))] == [
        line for line in kept if line.startswith(("|switch|", "|turn|", "|gametype|"))
    ]
    # Neither portraits nor ratings.
    assert {"|player|p1|opponent||", "|player|p2|us||"} <= set(kept)
    assert anonymous_line("|-sidestart|p1: Red|move: Stealth Rock", "blue3") == (
        "|-sidestart|p1: opponent|move: Stealth Rock"
    )
    assert anonymous_line("|win|Blue <3", "blue3") == "|win|us"


@pytest.mark.parametrize(
    "line",
    "c|☆Red|my address is,hidelines|delete|red,unlink|hide|red,b|battle-gen1ou-7|Red|Ben,battle|battle-1|Red|Ben,"
    "tempnotify|x|Red|hello,fieldhtml|<b>Red</b>,noinit|joinfailed|Red,queryresponse|userdetails|Red,-message|red left,"
    "raw|Red's rating: 1042,inactive|Red has 10 seconds left.,rated|Red's cup,player|p3|Red,whatever|Red,error|Red,"
    "title|Red vs. Blue,j|☆Red,message|Red forfeited.,init|battle".split(","),
)
def test_whatever_may_name_somebody_is_left_out(line: str) -> None:
    assert anonymous_line(f"|{line}", "blue3") is None
    assert anonymous_line(line, "blue3") is None
