"""PokenashPlayer on the real server: batches, mixtures, runs, forfeits, and battles that make no sense."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from poke_env import AccountConfiguration
from poke_env.player import Player, RandomPlayer
from tests.server_battles import Watched, configuration
from tests.showdown_server import fresh_name

from pokenash.errors import InputError
from pokenash.games.aec import AECGame
from pokenash.games.core import Decisions, EpisodeSetup
from pokenash.games.showdown import ShowdownGame
from pokenash.online.server import ShowdownServer
from pokenash.policies import DecisionRandom, Mixture, PolicySpec, Uniform, load_policy, mixture_spec, save_population
from pokenash.policies.poke_env import PokenashPlayer

FORMAT = "gen1randombattle"


def player(server: ShowdownServer, policy: Any, **settings: Any) -> PokenashPlayer:
    return PokenashPlayer(
        policy,
        AccountConfiguration(fresh_name(), None),
        server_configuration=configuration(server),
        log_level=50,
        **{"battle_format": FORMAT, **settings},
    )


def opponent(server: ShowdownServer, **settings: Any) -> Player:
    """Random play of poke-env's own."""
    return RandomPlayer(
        AccountConfiguration(fresh_name("random"), None),
        server_configuration=configuration(server),
        battle_format=FORMAT,
        log_level=50,
        **settings,
    )


def battle(first: PokenashPlayer, second: Player, battles: int) -> None:
    async def play() -> None:
        await asyncio.wait_for(first.battle_against(second, n_battles=battles), 120)
        await first.ps_client.stop_listening()
        await second.ps_client.stop_listening()

    try:
        asyncio.run(play())
    finally:
        first.close()


def test_battles_at_one_time_are_decided_together(showdown_server: ShowdownServer) -> None:
    watched = Watched(Uniform())
    ours = player(showdown_server, watched, max_concurrent_battles=6, batch_seconds=0.005)
    battle(ours, opponent(showdown_server, max_concurrent_battles=6), 8)
    assert ours.n_finished_battles == 8
    assert max(watched.batches) > 1
    assert sorted(ours.episodes.values()) == list(range(8))


def test_a_mixture_draws_its_member_for_every_battle(showdown_server: ShowdownServer) -> None:
    members = [PolicySpec("a", "uniform"), PolicySpec("b", "type_aware")]
    ours = player(showdown_server, mixture_spec("ab", members, [0.5, 0.5]), max_concurrent_battles=3, seed=3)
    battle(ours, opponent(showdown_server, max_concurrent_battles=3), 8)
    names = {number: ours.member(ours.battles[tag]) for tag, number in ours.episodes.items()}
    assert set(names.values()) == {"a", "b"}
    again = player(showdown_server, mixture_spec("ab", members, [0.5, 0.5]), seed=3, start_listening=False)
    seats = {number: ours.battles[tag].player_role for tag, number in ours.episodes.items()}
    for number, name in names.items():
        assert again._decider.member(number, int(str(seats[number])[1]) - 1) == name
    again.close()


def test_a_run_directory_plays_its_mixture_with_its_teams(showdown_server: ShowdownServer, tmp_path: Path) -> None:
    game = ShowdownGame("gen1ou", teams=load_teams_of("gen1ou", 2))
    run = tmp_path / "my run"
    (run / "iteration_0").mkdir(parents=True)
    (run / "config.json").write_text(json.dumps({"game": game.config(), "seed": 1}))
    save_population([PolicySpec("a", "uniform"), PolicySpec("b", "max_power")], run / "iteration_0" / "population.json")
    strategy = {"policies": ["a", "b"], "probabilities": [0.25, 0.75]}
    (run / "iteration_0" / "meta_strategy.json").write_text(json.dumps(strategy))
    first = player(showdown_server, run, battle_format=None, seed=1)
    second = player(showdown_server, str(run), battle_format="gen1ou", seed=2)
    assert first.game.format == "gen1ou"
    assert first.game.teams is not None
    assert first.game.teams.packed == game.teams.packed  # type: ignore[union-attr]
    assert isinstance(first.policy, Mixture)
    assert first.policy.probabilities.tolist() == [0.25, 0.75]
    battle(first, second, 2)
    second.close()
    assert first.n_finished_battles == 2


def load_teams_of(format: str, count: int) -> list[str]:
    teams = ShowdownGame(format).teams
    assert teams is not None
    return list(teams.packed[:count])


def test_a_policy_may_forfeit(showdown_server: ShowdownServer) -> None:
    ours = player(showdown_server, Watched(Uniform(), forfeit_at=4))
    battle(ours, opponent(showdown_server), 2)
    assert ours.n_lost_battles == 2
    assert all(found.turn < 10 for found in ours.battles.values())


def test_a_request_that_is_told_again_is_answered_alike_and_a_refusal_is_left_to_the_server() -> None:
    """As after coming back to a room, and after choices that come too late or are refused."""
    game = ShowdownGame(FORMAT)
    with game.vector(1) as vector:
        decisions, _ = vector.start([EpisodeSetup(0, 7, {}, text=(True, False))])
        assert decisions.text is not None
        *first, request = decisions.text[0].split("\n")
    numbered = [json.dumps({**json.loads(request.removeprefix("|request|")), "rqid": number}) for number in (1, 2)]
    sent: list[str] = []

    async def send(message: str, *_: Any) -> None:
        sent.append(message)

    async def play() -> None:
        ours = PokenashPlayer(
            "uniform", game=game, start_listening=False, log_level=50, loop=asyncio.get_running_loop()
        )
        ours.ps_client.send_message = send  # type: ignore[method-assign]

        async def tell(*lines: str) -> int:
            await ours._handle_battle_message([[f">battle-{FORMAT}-1"], *[line.split("|") for line in lines]])
            return len(sent)

        await tell("|init|battle")
        await tell(*first)
        assert await tell(f"|request|{numbered[0]}") == 1
        assert await tell("|error|[Invalid choice] Sorry, too late to make a different move") == 1
        await tell("|init|battle", *first)
        assert await tell(f"|request|{numbered[0]}") == 2
        assert sent[0] == sent[1]
        assert await tell(f"|request|{numbered[0]}", "|sentchoice|move 1") == 2
        assert await tell(f"|request|{numbered[1]}") == 3
        assert await tell("|error|[Invalid choice] Can't move") == 4
        assert sent[-1] == "/choose default"
        assert await tell("|error|[Invalid choice] Can't move") == 4
        ours.close()

    asyncio.run(play())


class Failing(Uniform):
    """Fails at its fourth decision."""

    def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        if (decisions.decision == 3).any():
            raise RuntimeError("out of ideas")
        return super().act(decisions, memory, rng)


def test_a_policy_that_fails_gives_its_battles_up(
    showdown_server: ShowdownServer, caplog: pytest.LogCaptureFixture
) -> None:
    ours = player(showdown_server, Failing())
    battle(ours, opponent(showdown_server), 1)
    assert ours.n_lost_battles == 1
    assert "out of ideas" in caplog.text


class FailingOnce(Uniform):
    """Fails in its second battle alone."""

    def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        if ((decisions.episode == 1) & (decisions.decision == 3)).any():
            raise RuntimeError("out of ideas")
        return super().act(decisions, memory, rng)


def test_a_policy_that_fails_on_one_battle_loses_no_other(
    showdown_server: ShowdownServer, caplog: pytest.LogCaptureFixture
) -> None:
    ours = player(showdown_server, FailingOnce(), max_concurrent_battles=4, batch_seconds=0.02)
    battle(ours, opponent(showdown_server, max_concurrent_battles=4), 4)
    assert ours.n_finished_battles == 4
    reports = [record.getMessage() for record in caplog.records if "is forfeited" in record.getMessage()]
    assert reports == ["battle 1 is forfeited: the policy failed with RuntimeError: out of ideas"]
    (failed,) = (tag for tag, number in ours.episodes.items() if number == 1)
    assert ours.battles[failed].lost


class Mangling(PokenashPlayer):
    """Hears nonsense in its first battle."""

    async def _handle_battle_message(self, split_messages: list[list[str]]) -> None:
        tags: Sequence[str] = sorted(self.episodes)
        if tags and split_messages[0][0][1:] == tags[0]:
            split_messages = [*split_messages, ["", "turn", "9" * 5000]]
        await super()._handle_battle_message(split_messages)


def test_a_battle_that_makes_no_sense_is_forfeited_and_the_others_go_on(
    showdown_server: ShowdownServer, caplog: pytest.LogCaptureFixture
) -> None:
    watched = Watched(Uniform())
    ours = Mangling(
        watched,
        AccountConfiguration(fresh_name(), None),
        server_configuration=configuration(showdown_server),
        battle_format=FORMAT,
        max_concurrent_battles=3,
        log_level=50,
    )
    battle(ours, opponent(showdown_server, max_concurrent_battles=3), 6)
    assert ours.n_finished_battles == 6
    first = sorted(ours.episodes)[0]
    assert ours.battles[first].lost
    reports = [record.getMessage() for record in caplog.records if "is forfeited" in record.getMessage()]
    assert len(reports) == 1
    assert "a line of 5006 characters, expected at most 1024" in reports[0]
    lengths = {tag: max(len(watched.seen[number, seat]) for seat in (0, 1)) for tag, number in ours.episodes.items()}
    assert all(length > 3 for tag, length in lengths.items() if tag != first)


def test_settings_that_cannot_be() -> None:
    with pytest.raises(InputError, match="max_concurrent_battles is 0, expected a positive number"):
        PokenashPlayer("uniform", start_listening=False, max_concurrent_battles=0)
    with pytest.raises(InputError, match="policy: 'nobody' is unknown"):
        PokenashPlayer("nobody", start_listening=False)
    with pytest.raises(InputError, match="battle_format is 'gen2ou', but the game is gen1ou"):
        PokenashPlayer("uniform", battle_format="gen2ou", game=ShowdownGame("gen1ou"), start_listening=False)
    game = AECGame("pettingzoo.classic.rps_v2:env")
    with pytest.raises(InputError, match="poke-env plays Showdown formats, not the game"):
        PokenashPlayer("uniform", game=game, start_listening=False)  # type: ignore[arg-type]


def test_a_live_policy_and_its_spec_are_the_same_player() -> None:
    game = ShowdownGame(FORMAT)
    live = load_policy(PolicySpec("type_aware", "type_aware"), game)
    for policy in (live, PolicySpec("type_aware", "type_aware"), "type_aware"):
        made = PokenashPlayer(policy, game=game, start_listening=False)
        assert type(made.policy) is type(live)
        assert made.format == FORMAT
        made.close()
