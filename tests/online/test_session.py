"""Sessions on the real server: what is played, by whom, with which team, and that nothing stops the other battles."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.metamon import tiny
from tests.online.sessions import Proxy, Watched, finish, lines_of, new_session, texts, type_aware, until
from tests.showdown_server import fresh_name

from pokenash.errors import RunDirectoryError, ServerError
from pokenash.games.core import Decisions
from pokenash.games.showdown import FORFEIT, ShowdownGame
from pokenash.metamon.networks import MetamonNetwork
from pokenash.metamon.policy import MetamonPolicy
from pokenash.online import BattleTimer, ShowdownServer, read_records
from pokenash.online.account import Account
from pokenash.online.address import server_address
from pokenash.online.connection import Connection
from pokenash.online.messages import to_id
from pokenash.policies import DecisionRandom, Mixture, Policy, PolicySpec, load_policy, mixture_spec
from pokenash.policies.seats import drawn_member, seats_spec

_SEED = 31


def _mixture() -> PolicySpec:
    members = [PolicySpec("type_aware", "type_aware"), PolicySpec("max_power", "max_power")]
    return mixture_spec("nash", members, [0.5, 0.5])


def _play(
    url: str, tmp_path: Path, policy: Any = "type_aware", opponent_url: str | None = None, **options: Any
) -> list[Any]:
    """Our session accepts what an opponent's challenges; returns our records."""

    async def play() -> list[Any]:
        name = fresh_name()
        battles = options.pop("battles", 2)
        ours = new_session(url, tmp_path / "ours", policy, name, accept=True, battles=battles, **options)
        theirs = new_session(
            opponent_url or url, tmp_path / "theirs", challenge=name, battles=battles, concurrent=battles
        )
        return (await finish(ours, theirs))[0]

    return asyncio.run(play())


def _sorted(records: list[Any]) -> list[Any]:
    return sorted(records, key=lambda record: record.number)


def test_a_mixture_draws_its_member_and_its_team_for_every_battle_from_the_seed(
    showdown_server: ShowdownServer, tmp_path: Path
) -> None:
    records = _play(showdown_server.url, tmp_path, _mixture(), battles=4, concurrent=2, seed=_SEED)
    mixture = load_policy(_mixture(), ShowdownGame())
    assert isinstance(mixture, Mixture)
    for record in records:
        drawn = mixture.draw(np.array([record.number]), np.array([record.seat]), DecisionRandom(_SEED))
        assert record.member == mixture.names[int(drawn[0])]
        assert (record.episode, record.seed, record.policy) == (record.number, _SEED, "nash")
    assert sorted(record.number for record in records) == list(range(4))
    assert {record.member for record in records} == {"type_aware", "max_power"}
    assert len({record.team for record in records}) > 1
    again = _play(showdown_server.url, tmp_path / "again", _mixture(), battles=2, concurrent=2, seed=_SEED)
    assert [(r.number, r.team, r.member) for r in _sorted(again)] == [
        (r.number, r.team, r.member) for r in _sorted(records)[:2]
    ]


def test_the_team_that_is_recorded_is_the_one_that_is_played(showdown_server: ShowdownServer, tmp_path: Path) -> None:
    teams = ShowdownGame().teams
    assert teams is not None
    for record in _play(showdown_server.url, tmp_path, battles=3):
        log = (tmp_path / "ours" / record.log).read_text("utf-8").split("\n")
        request = json.loads(next(line[9:] for line in log if line.startswith('|request|{"active"')))
        played = {pokemon["ident"].split(": ")[1] for pokemon in request["side"]["pokemon"]}
        assert played == set(teams.members(record.team))
        assert record.team_name == teams.names[record.team]


def test_several_battles_share_batches_in_a_thread_of_their_own(
    showdown_server: ShowdownServer, tmp_path: Path
) -> None:
    sizes: list[int] = []

    def slowly(decisions: Decisions) -> None:
        sizes.append(len(decisions))
        time.sleep(0.05)

    policy = Watched(type_aware(), before=slowly)
    records = _play(showdown_server.url, tmp_path, policy, battles=4, concurrent=4)
    assert [record.reason for record in records] == ["played"] * 4
    assert max(sizes) >= 2
    assert policy.threads == {"deciding"}
    assert sum(sizes) == sum(record.decisions for record in records)


def test_members_that_read_the_protocol_play(showdown_server: ShowdownServer, tmp_path: Path) -> None:
    members = [
        PolicySpec(name, "poke_env", {"player": name}) for name in ("SimpleHeuristicsPlayer", "MaxBasePowerPlayer")
    ]
    spec = mixture_spec("readers", members, [0.5, 0.5])
    records = _play(showdown_server.url, tmp_path, spec, battles=4, concurrent=4, seed=1)
    assert [(record.reason, record.error, record.fallbacks) for record in records] == [("played", None, 0)] * 4
    assert {record.member for record in records} == {"SimpleHeuristicsPlayer", "MaxBasePowerPlayer"}


def test_metamons_policies_play(showdown_server: ShowdownServer, tmp_path: Path) -> None:
    game = tiny.game()
    policy = MetamonPolicy(MetamonNetwork.random(tiny.config(), seed=1), game, tiny.tokenizer(), greedy=True)
    records = _play(showdown_server.url, tmp_path, policy, battles=2, concurrent=2)
    assert [(record.reason, record.error, record.fallbacks) for record in records] == [("played", None, 0)] * 2


def test_a_run_with_a_mixture_for_each_seat_names_the_member_of_the_seat() -> None:
    members = [PolicySpec("type_aware", "type_aware"), PolicySpec("max_power", "max_power")]
    first, second = (mixture_spec(f"seat{seat}", [members[seat]], [1.0]) for seat in range(2))
    policy = load_policy(seats_spec("both", first, second), ShowdownGame())
    assert [drawn_member(policy, 0, seat, _SEED)[0] for seat in range(2)] == ["type_aware", "max_power"]
    assert drawn_member(type_aware(), 0, 0, _SEED) == (None, None)


def test_formats_with_team_preview_and_formats_whose_teams_the_server_draws_are_played(
    showdown_server: ShowdownServer, tmp_path: Path
) -> None:
    for format in ("gen9ou", "gen4randombattle"):

        async def play(format: str = format) -> list[Any]:
            name = fresh_name()
            ours = new_session(
                showdown_server.url, tmp_path / f"a{format}", name=name, accept=True, battles=2, format=format
            )
            theirs = new_session(showdown_server.url, tmp_path / f"b{format}", challenge=name, battles=2, format=format)
            return (await finish(ours, theirs))[0]

        for record in asyncio.run(play()):
            assert (record.reason, record.error, record.fallbacks) == ("played", None, 0)
            assert (record.team is None) == (format == "gen4randombattle")


def test_a_cut_connection_is_taken_up_again_and_the_policy_goes_on_where_it_was(
    showdown_server: ShowdownServer, tmp_path: Path
) -> None:
    policy = Watched(type_aware(), needs_text=True)

    async def play() -> tuple[list[Any], int]:
        async with Proxy(showdown_server.url) as proxy:
            name = fresh_name()
            ours = new_session(proxy.url, tmp_path / "ours", policy, name, accept=True, battles=2, concurrent=2)
            theirs = new_session(showdown_server.url, tmp_path / "theirs", challenge=name, battles=2, concurrent=2)
            running = asyncio.create_task(finish(ours, theirs))
            for decisions in (8, 16, 24):
                await until(lambda decisions=decisions: len(policy.asked) >= decisions or running.done())
                proxy.cut()
            return (await running)[0], proxy.connections

    records, connections = asyncio.run(play())
    assert connections == 4
    assert sum(record.reconnections for record in records) >= 2
    for record in records:
        assert (record.reason, record.error) == ("played", None)
        # `Watched` has checked that its memory went on. Nothing was told twice and nothing left out:
        mine = [decision for episode, decision, _ in policy.asked if episode == record.number]
        assert mine == list(range(record.decisions))
        told = _events(lines_of(texts(policy, record.number)))
        assert told == _events((tmp_path / "theirs" / record.log).read_text("utf-8").split("\n"))[: len(told)]
        assert f"|turn|{record.turns}" in told
        # Nor is anything kept twice.
        assert _events((tmp_path / "ours" / record.log).read_text("utf-8").split("\n")) == _events(
            (tmp_path / "theirs" / record.log).read_text("utf-8").split("\n")
        )


def _events(lines: list[str]) -> list[str]:
    """What both players of a battle are told in the same words."""
    return [line for line in lines if line.startswith(("|turn|", "|move|", "|faint|", "|cant|"))]


def test_a_server_that_is_killed_loses_its_battles_and_the_session_goes_on(tmp_path: Path) -> None:
    policy = Watched(type_aware())

    async def play(server: ShowdownServer) -> list[Any]:
        name = fresh_name()
        ours = new_session(server.url, tmp_path / "ours", policy, name, accept=True, battles=4, concurrent=2)
        theirs = new_session(server.url, tmp_path / "theirs", challenge=name, battles=4, concurrent=2)
        running = asyncio.create_task(finish(ours, theirs))
        await until(lambda: len(policy.asked) >= 6)
        await asyncio.to_thread(server.restart)
        return (await running)[0]

    with ShowdownServer() as server:
        records = asyncio.run(play(server))
    lost = [record for record in records if record.reason == "server lost"]
    assert 1 <= len(lost) <= 2
    assert all(record.outcome == "unfinished" and not record.counts for record in lost)
    assert sum(record.counts for record in records) == 4
    assert len({record.number for record in records}) == len(records)
    assert len({record.log for record in records}) == len(records)
    assert all((tmp_path / "ours" / record.log).exists() for record in records)


def test_a_server_that_stays_away_ends_the_session_with_its_battles_recorded(tmp_path: Path) -> None:
    policy = Watched(type_aware())

    async def play(server: ShowdownServer) -> None:
        name = fresh_name()
        options: dict[str, Any] = {"battles": 1, "reconnect_seconds": 0.5}
        ours = new_session(server.url, tmp_path / "ours", policy, name, accept=True, **options)
        theirs = new_session(server.url, tmp_path / "theirs", challenge=name, **options)
        running = [asyncio.create_task(session.run()) for session in (ours, theirs)]
        await until(lambda: len(policy.asked) >= 3)
        await asyncio.to_thread(server.kill)
        for task in running:
            with pytest.raises(ServerError, match=r"could not be reached again within 0\.5 seconds"):
                await asyncio.wait_for(task, 30)

    with ShowdownServer() as server:
        asyncio.run(play(server))
    (record,) = read_records(tmp_path / "ours")
    assert (record.reason, record.outcome, record.counts) == ("server lost", "unfinished", False)


def test_a_policy_that_raises_loses_its_battle_and_no_other(showdown_server: ShowdownServer, tmp_path: Path) -> None:
    def trip(decisions: Decisions) -> None:
        time.sleep(0.02)
        if ((decisions.episode == 1) & (decisions.decision == 5)).any():
            raise RuntimeError("it trips over \x1b[31mthis\x1b[0m one")

    policy = Watched(type_aware(), before=trip)
    records = _play(showdown_server.url, tmp_path, policy, battles=4, concurrent=4)
    by_number = {record.number: record for record in records}
    assert (by_number[1].reason, by_number[1].outcome) == ("error", "loss")
    assert by_number[1].error == "RuntimeError: it trips over [31mthis[0m one"
    for number in (0, 2, 3):
        assert by_number[number].reason == "played"


def test_a_policy_that_is_too_slow_is_stood_in_for_and_that_is_recorded(
    showdown_server: ShowdownServer, tmp_path: Path
) -> None:
    def hang(decisions: Decisions) -> None:
        if (decisions.decision == 2).any():
            time.sleep(1.0)

    policy = Watched(type_aware(), before=hang)
    (record,) = _play(showdown_server.url, tmp_path, policy, battles=1, decision_seconds=0.5)
    assert record.reason == "played"
    assert 1 <= record.fallbacks < record.decisions


@pytest.mark.slow
def test_a_decision_is_sent_before_the_servers_deadline(tmp_path: Path) -> None:
    def hang(decisions: Decisions) -> None:
        if (decisions.decision == 1).any():
            time.sleep(6.5)

    policy = Watched(type_aware(), before=hang)
    timer = BattleTimer(starting=10, per_turn=10, added_per_turn=10, grace=0)
    with ShowdownServer(timer=timer) as server:
        (record,) = _play(server.url, tmp_path, policy, battles=1, timer=True, decision_seconds=1000.0)
    assert "|inactive|Time left: 10 sec this turn" in (tmp_path / "ours" / record.log).read_text("utf-8")
    assert record.reason in ("played", "opponent timeout")
    assert record.fallbacks >= 1


def test_messages_that_make_no_sense_forfeit_their_battle_and_no_other(
    showdown_server: ShowdownServer, tmp_path: Path
) -> None:
    spoilt: set[str] = set()

    def mangle(message: str) -> str:
        room, _, rest = message.partition("\n")
        # Requests to wait, which need no answer, are left as they are.
        torn = rest.replace('{"active"', '{"active', 1).replace('{"force', "{", 1)
        if "|request|{" in rest and torn != rest and '"rqid":9' in rest and not spoilt:
            spoilt.add(room)
            return f"{room}\n{torn}"
        return message

    async def play() -> list[Any]:
        async with Proxy(showdown_server.url, to_client=mangle) as proxy:
            name = fresh_name()
            ours = new_session(proxy.url, tmp_path / "ours", name=name, accept=True, battles=3, concurrent=3)
            theirs = new_session(showdown_server.url, tmp_path / "theirs", challenge=name, battles=3, concurrent=3)
            return (await finish(ours, theirs))[0]

    records = asyncio.run(play())
    assert len(spoilt) == 1
    assert sorted(record.reason for record in records) == ["not understood", "played", "played"]
    (lost,) = [record for record in records if record.reason == "not understood"]
    assert (f">{lost.battle}", lost.outcome, lost.error) == (spoilt.pop(), "loss", "a request is not JSON")


@pytest.mark.parametrize("refusals", [1, 2])
def test_a_choice_that_is_refused_is_made_again_once(
    showdown_server: ShowdownServer, tmp_path: Path, refusals: int
) -> None:
    refused: list[str] = []

    def mangle(message: str) -> str:
        if "|/choose " in message and len(refused) < refusals:
            refused.append(message)
            return message.partition("/choose")[0] + "/choose move 9"
        return message

    async def play() -> list[Any]:
        async with Proxy(showdown_server.url, to_server=mangle) as proxy:
            name = fresh_name()
            ours = new_session(proxy.url, tmp_path / "ours", name=name, accept=True, battles=1)
            theirs = new_session(showdown_server.url, tmp_path / "theirs", challenge=name)
            return (await finish(ours, theirs))[0]

    (record,) = asyncio.run(play())
    if refusals == 1:
        assert (record.reason, record.fallbacks) == ("played", 1)
    else:
        assert (record.reason, record.outcome) == ("not understood", "loss")
        assert record.error == "the server refused 2 choices for one request"


def test_a_choice_that_the_server_threw_away_is_sent_again(showdown_server: ShowdownServer, tmp_path: Path) -> None:
    """As on servers with limits, which this one has not: the message is dropped and the client is told so."""
    dropped: list[str] = []
    notice = '|raw|<strong class="message-throttle-notice">Your message was not sent.</strong>'

    async def play() -> list[Any]:
        def drop(message: str) -> str | None:
            if "|/choose " not in message or dropped:
                return message
            dropped.append(message)
            told = asyncio.create_task(proxy.tell(f">{message.partition('|')[0]}\n{notice}"))
            told.add_done_callback(lambda _: None)
            return None

        async with Proxy(showdown_server.url, to_server=drop) as proxy:
            name = fresh_name()
            ours = new_session(proxy.url, tmp_path / "ours", name=name, accept=True, battles=1)
            theirs = new_session(showdown_server.url, tmp_path / "theirs", challenge=name)
            return (await finish(ours, theirs))[0]

    (record,) = asyncio.run(play())
    assert (record.reason, record.error, len(dropped)) == ("played", None, 1)


def test_other_formats_and_other_users_are_refused_with_a_message(
    showdown_server: ShowdownServer, tmp_path: Path
) -> None:
    # The server passes messages on between registered users alone, and here nobody is: what counts is what was sent.
    sent: list[str] = []

    async def play() -> list[Any]:
        name, friend, stranger = (fresh_name() for _ in range(3))
        async with Proxy(showdown_server.url, to_server=lambda message: sent.append(message) or message) as proxy:
            ours = new_session(proxy.url, tmp_path / "ours", name=name, accept=True, battles=1, sender=friend)
            running = asyncio.create_task(ours.run())
            for user, format, answer in (
                (friend, "gen4randombattle", "Sorry, I only play gen1ou."),
                (stranger, "gen1ou", "Sorry, I take no challenges now."),
            ):
                await _challenge_by_hand(showdown_server.url, user, name, format)
                assert f"|/pm {to_id(user)}, {answer}" in sent
            theirs = new_session(showdown_server.url, tmp_path / "theirs", name=friend, challenge=name)
            await finish(theirs)
            return await running

    assert [record.reason for record in asyncio.run(play())] == ["played"]


async def _challenge_by_hand(url: str, user: str, opponent: str, format: str) -> None:
    """Challenge somebody until it is refused."""
    said: list[str] = []
    teams = ShowdownGame().teams
    assert teams is not None
    connection = Connection(
        server_address(url),
        Account(user),
        on_message=lambda message: said.extend(message.lines),
        on_login=lambda: None,
        on_loss=lambda: None,
    )
    running = asyncio.create_task(connection.run())
    await until(lambda: connection.logged_in)
    while "rejected the challenge." not in "".join(said):
        # Until the session is there.
        connection.send(f"/utm {teams[0] if format == 'gen1ou' else 'null'}")
        connection.send(f"/challenge {to_id(opponent)}, {format}")
        await asyncio.sleep(0.3)
    await connection.close()
    await running


def test_a_challenge_that_is_rejected_ends_the_session(
    showdown_server: ShowdownServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def play() -> list[Any]:
        name = fresh_name()
        ours = new_session(showdown_server.url, tmp_path / "ours", name=name, accept=True, sender="nobody else")
        theirs = new_session(showdown_server.url, tmp_path / "theirs", challenge=name, battles=3)
        running = asyncio.create_task(ours.run())
        played = (await finish(theirs))[0]
        ours.stop()
        return played + await running

    assert asyncio.run(play()) == []
    assert "rejected the challenge" in caplog.text


def test_a_server_that_takes_no_such_battle_ends_the_session(showdown_server: ShowdownServer, tmp_path: Path) -> None:
    async def play() -> None:
        async with Proxy(showdown_server.url) as proxy:
            ours = new_session(proxy.url, tmp_path / "ours", accept=True)
            running = asyncio.create_task(ours.run())
            await until(lambda: proxy.connections == 1)
            while not running.done():
                await proxy.tell("|popup|Your team was rejected for the following reasons:||||- Tauros is \x1b[31mold.")
                await asyncio.sleep(0.05)
            await running

    with pytest.raises(ServerError, match=r"takes no battle in gen1ou: Your team was rejected .* Tauros is \[31mold"):
        asyncio.run(play())


def test_rooms_that_are_not_ours_are_ignored(showdown_server: ShowdownServer, tmp_path: Path) -> None:
    async def play() -> list[Any]:
        async with Proxy(showdown_server.url) as proxy:
            name = fresh_name()
            policy = Watched(type_aware())
            ours = new_session(proxy.url, tmp_path / "ours", policy, name, accept=True, battles=1)
            theirs = new_session(showdown_server.url, tmp_path / "theirs", challenge=name)
            running = asyncio.create_task(finish(ours, theirs))
            await until(lambda: len(policy.asked) >= 2)
            rooms = (
                "battle-gen1ou-999999",
                "../../../etc/x",
                "battle-gen1ou-1/../../x",
                "battle-gen9ou-1",
                "lobby",
                "",
            )
            for room in rooms:
                await proxy.tell(f">{room}\n|init|battle\n|title|Some One vs. Other\n|request|{{}}\n|win|Some One")
                await proxy.tell(f">{room}\n|title|{name} vs. x")
            await proxy.tell("|" * 1000)
            await proxy.tell("|pm|" + "x" * 100_000 + "|/challenge gen1ou")
            return (await running)[0]

    assert [record.reason for record in asyncio.run(play())] == ["played"]
    files = [path.name for path in (tmp_path / "ours").rglob("*") if path.is_file()]
    assert len(files) == 4
    assert len(list((tmp_path / "ours" / "battles").iterdir())) == 1


def test_the_ladder_and_its_ratings(showdown_server: ShowdownServer, tmp_path: Path) -> None:
    async def play() -> list[list[Any]]:
        ours = new_session(showdown_server.url, tmp_path / "ours", ladder=3, format="gen4randombattle")
        theirs = new_session(showdown_server.url, tmp_path / "theirs", ladder=3, format="gen4randombattle")
        return await finish(ours, theirs)

    ours, theirs = asyncio.run(play())
    assert [record.reason for record in ours] == ["played"] * 3
    assert ours[0].rating_before == ours[0].opponent_rating_before == 1000
    for mine, other in zip(ours, theirs, strict=True):
        assert (mine.rating_after, mine.opponent_rating_after) == (other.opponent_rating_after, other.rating_after)
        assert (mine.rating_after or 0) >= 1000
    for before, after in itertools.pairwise(ours):
        assert after.rating_before == before.rating_after
    assert max(record.rating_after or 0 for record in ours + theirs) > 1000


def test_a_session_goes_on_with_what_is_missing(showdown_server: ShowdownServer, tmp_path: Path) -> None:
    _play(showdown_server.url, tmp_path, battles=2, seed=_SEED)
    config = (tmp_path / "ours" / "config.json").read_bytes()

    async def go_on(battles: int, opponents: int) -> list[Any]:
        name = fresh_name()
        ours = new_session(showdown_server.url, tmp_path / "ours", name=name, accept=True, battles=battles)
        if not opponents:
            return (await finish(ours))[0]
        theirs = new_session(showdown_server.url, tmp_path / "more", challenge=name, battles=opponents)
        return (await finish(ours, theirs))[0]

    records = asyncio.run(go_on(3, 1))
    assert [(record.number, record.seed) for record in records] == [(0, _SEED), (1, _SEED), (2, _SEED)]
    assert records == asyncio.run(go_on(3, 0)) == read_records(tmp_path / "ours")
    assert (tmp_path / "ours" / "config.json").read_bytes() == config
    with pytest.raises(RunDirectoryError, match="holds a session with another policy"):
        _play(showdown_server.url, tmp_path, "max_power", battles=3)


def test_stopping_finishes_the_battles_in_play_and_begins_no_more(
    showdown_server: ShowdownServer, tmp_path: Path
) -> None:
    policy = Watched(type_aware())

    async def play() -> list[list[Any]]:
        name = fresh_name()
        ours = new_session(showdown_server.url, tmp_path / "ours", policy, name, accept=True, concurrent=2)
        theirs = new_session(showdown_server.url, tmp_path / "theirs", challenge=name, battles=50, concurrent=2)
        running = [asyncio.create_task(finish(session)) for session in (ours, theirs)]
        await until(lambda: len(policy.asked) >= 4)
        ours.stop()
        mine = (await running[0])[0]
        theirs.stop()
        return [mine, (await running[1])[0]]

    ours, theirs = asyncio.run(play())
    assert 1 <= len(ours) <= 3
    assert [record.reason for record in ours + theirs] == ["played"] * (len(ours) + len(theirs))
    assert len(theirs) == len(ours)


def test_aborting_forfeits_the_battles_in_play(showdown_server: ShowdownServer, tmp_path: Path) -> None:
    policy = Watched(type_aware(), before=lambda decisions: time.sleep(0.1))

    async def play() -> list[list[Any]]:
        name = fresh_name()
        ours = new_session(showdown_server.url, tmp_path / "ours", policy, name, accept=True, concurrent=2)
        theirs = new_session(showdown_server.url, tmp_path / "theirs", challenge=name, battles=2, concurrent=2)
        running = asyncio.create_task(finish(ours, theirs))
        await until(lambda: ours.in_play == 2 and len(policy.asked) >= 4)
        ours.abort()
        return await running

    ours, theirs = asyncio.run(play())
    assert [(record.reason, record.outcome) for record in ours] == [("forfeit", "loss")] * 2
    assert [(record.reason, record.outcome) for record in theirs] == [("opponent forfeit", "win")] * 2


def test_a_replay_is_kept_where_the_server_says_where_it_is(showdown_server: ShowdownServer, tmp_path: Path) -> None:
    asked: list[str] = []

    async def play() -> list[Any]:
        def hear(message: str) -> str | None:
            if message.endswith("|/savereplay"):
                asked.append(message)
                number = message.partition("|")[0].removeprefix("battle-")
                url = f"https://replay.pokemonshowdown.com/local-{number}"
                page = f'|popup||html|<p>It is at <a class="x" href="{url}" target="_blank">{url}</a></p>'
                told = asyncio.create_task(proxy.tell(page))
                told.add_done_callback(lambda _: None)
                return None
            return message

        async with Proxy(showdown_server.url, to_server=hear) as proxy:
            name = fresh_name()
            ours = new_session(proxy.url, tmp_path / "ours", name=name, accept=True, battles=1, replays=True)
            theirs = new_session(showdown_server.url, tmp_path / "theirs", challenge=name)
            return (await finish(ours, theirs))[0]

    (record,) = asyncio.run(play())
    assert len(asked) == 1
    assert record.replay == f"https://replay.pokemonshowdown.com/local-{record.battle.removeprefix('battle-')}"


def test_anonymous_sessions_keep_no_names(
    showdown_server: ShowdownServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = fresh_name("Zzyzx"), fresh_name("Qwfp")
    caplog.set_level("DEBUG", "pokenash")

    async def play() -> list[Any]:
        ours = new_session(
            showdown_server.url, tmp_path / "ours", name=names[0], accept=True, battles=1, anonymous=True
        )
        theirs = new_session(
            showdown_server.url, tmp_path / "theirs", name=names[1], challenge=names[0], anonymous=True
        )
        return (await finish(ours, theirs))[0]

    (record,) = asyncio.run(play())
    assert (record.account, record.opponent) == (None, None)
    assert "began (number 0)" in caplog.text
    assert not any(to_id(name) in to_id(caplog.text) for name in names)
    kept = "".join(path.read_text("utf-8") for path in (tmp_path / "ours").rglob("*") if path.is_file())
    for name in names:
        assert name not in kept
        assert to_id(name) not in to_id(kept)
    assert "|player|p1|" in kept


def test_errors_of_anonymous_sessions_quote_nobody(
    showdown_server: ShowdownServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def trip(decisions: Decisions) -> None:
        raise RuntimeError("Zzyzx said no")

    caplog.set_level("DEBUG", "pokenash")
    policy = Watched(type_aware(), before=trip)
    (record,) = _play(showdown_server.url, tmp_path, policy, battles=1, anonymous=True)
    assert (record.reason, record.error) == ("error", "RuntimeError")
    assert "is forfeited: RuntimeError" in caplog.text
    assert "Zzyzx" not in caplog.text


class _Resigned(Policy):
    """Gives up at its fourth decision."""

    def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> np.ndarray[Any, Any]:
        return np.where(decisions.decision == 3, FORFEIT, decisions.action_mask.argmax(axis=1))


def test_a_policy_that_forfeits_is_recorded_as_that(showdown_server: ShowdownServer, tmp_path: Path) -> None:
    (record,) = _play(showdown_server.url, tmp_path, _Resigned(), battles=1)
    assert (record.reason, record.outcome, record.error) == ("forfeit", "loss", None)
    assert record.decisions == 4


class _Unpickable(Policy):
    """Answers what is not legal."""

    def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> np.ndarray[Any, Any]:
        return np.where(decisions.decision == 2, 99, decisions.action_mask.argmax(axis=1))


def test_an_illegal_action_of_a_policy_forfeits_and_is_named(showdown_server: ShowdownServer, tmp_path: Path) -> None:
    (record,) = _play(showdown_server.url, tmp_path, _Unpickable(), battles=1)
    assert record.reason == "error"
    assert record.error is not None
    assert record.error.startswith("IllegalActionError: the policy chose action 99, which is not legal now")
