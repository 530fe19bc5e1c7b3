"""Showdown battles as a vector game."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from games.showdown.playing import play, schedule, uniform
from pokenash.errors import IllegalActionError, InputError, SimulatorError
from pokenash.games.core import Decisions, EpisodeSetup
from pokenash.games.showdown import FORFEIT, ShowdownGame, ShowdownVectorGame

BOOM = "Golem|||none|explosion||255,255,255,255,255,255||||100|"
FRAIL = "Jynx|||none|lick||255,255,255,255,255,255||||100|"


@pytest.fixture(scope="module")
def game() -> ShowdownGame:
    """The default game, stopped early so that tests are short."""
    return ShowdownGame("gen1ou", turn_limit=25)


@pytest.fixture(scope="module")
def vector(game: ShowdownGame) -> Iterator[ShowdownVectorGame]:
    """A vector game that tests start again and again."""
    with game.vector(6) as vector:
        yield vector


@pytest.mark.parametrize(
    "format",
    ["gen1ou", "gen1randombattle", "gen4randombattle", "gen7randombattle", "gen8randombattle", "gen9randombattle"],
)
def test_battles_of_a_format_start_play_and_end(format: str) -> None:
    """Every episode ends in a way that a battle can end, and every row is well formed."""
    game = ShowdownGame(format)
    due: dict[tuple[int, int], int] = {}

    def act(decisions: Decisions) -> NDArray[np.int64]:
        assert decisions.action_mask.any(axis=1).all()
        assert isinstance(decisions.observation, dict)
        for name, space in game.observation_space.spaces.items():
            assert decisions.observation[name].shape == (len(decisions), *space.shape)
            assert decisions.observation[name].dtype == space.dtype
        assert all(
            game.observation_space.contains({k: v[row] for k, v in decisions.observation.items()}) for row in [0]
        )
        assert np.isfinite(decisions.observation["pokemon"]).all()
        for episode, player, decision in zip(decisions.episode, decisions.player, decisions.decision, strict=True):
            assert decision == due.get((episode, player), 0)
            due[episode, player] = decision + 1
        assert len({*zip(decisions.lane.tolist(), decisions.player.tolist(), strict=True)}) == len(decisions)
        return uniform()(decisions)

    with game.vector(5) as vector:
        played = play(vector, schedule(game, 8), act)
    assert sorted(played.results) == list(range(8))
    for result in played.results.values():
        assert result.reason in ("win", "tie"), result.info
        assert sum(result.returns) == 0
        assert (result.reason == "win") == (result.returns != (0.0, 0.0))
        assert result.length == due[result.episode, 0] + due[result.episode, 1]
        assert 0 < result.info["turns"] <= 1000
        assert min(result.info["remaining"]) == 0 or result.reason == "tie"


def test_a_player_who_waits_is_not_asked(vector: ShowdownVectorGame, game: ShowdownGame) -> None:
    """After a faint only one side chooses."""
    alone = together = 0

    def act(decisions: Decisions) -> NDArray[np.int64]:
        nonlocal alone, together
        asked = np.bincount(decisions.lane, minlength=6)
        alone += int((asked == 1).sum())
        together += int((asked == 2).sum())
        return uniform()(decisions)

    play(vector, schedule(game, 6), act)
    assert alone > 0
    assert together > alone


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1))
def test_an_illegal_action_leaves_everything_as_it_was(
    vector: ShowdownVectorGame, game: ShowdownGame, seed: int
) -> None:
    """Whatever is refused at whatever moment, the battles go on as if it had not been tried."""
    setups = schedule(game, 2, seed=seed % 3)
    expected = play(vector, setups)
    rng = np.random.default_rng(seed)

    def act(decisions: Decisions) -> NDArray[np.int64]:
        actions = uniform()(decisions)
        if rng.random() < 0.2:
            row = int(rng.integers(len(actions)))
            wrong = actions.copy()
            wrong[row] = rng.choice([*np.flatnonzero(~decisions.action_mask[row]), -2, game.num_actions, 1000])
            with pytest.raises(IllegalActionError) as raised:
                vector.step(wrong)
            assert raised.value.action == wrong[row]
            assert raised.value.legal_actions == tuple(np.flatnonzero(decisions.action_mask[row]))
            assert f"player_{decisions.player[row]}" in str(raised.value)
        return actions

    assert play(vector, setups, act) == expected


def test_a_battle_that_reaches_the_turn_limit_is_a_tie(game: ShowdownGame) -> None:
    """The limit counts whole turns."""
    limited = ShowdownGame("gen1ou", turn_limit=3)
    with limited.vector(4) as vector:
        played = play(vector, schedule(limited, 4))
    for result in played.results.values():
        assert result.reason == "turn limit"
        assert result.info["turns"] == 3
        assert result.returns == (0.0, 0.0)


@pytest.mark.parametrize(
    ("quitters", "returns"), [({0}, (-1.0, 1.0)), ({1}, (1.0, -1.0)), ({0, 1}, (0.0, 0.0))], ids=str
)
def test_a_player_may_forfeit_at_any_time(
    vector: ShowdownVectorGame, game: ShowdownGame, quitters: set[int], returns: tuple[float, float]
) -> None:
    """The other one wins; where both give up at once, nobody does."""

    def act(decisions: Decisions) -> NDArray[np.int64]:
        gives_up = np.isin(decisions.player, list(quitters)) & (decisions.decision >= 3)
        return np.where(gives_up, FORFEIT, uniform()(decisions))

    # Without a switch forced upon one of them, both come to their fourth decision at the same time.
    first = {e: r for e, r in play(vector, schedule(game, 12), act).results.items() if r.length == 8}
    assert first
    for result in first.values():
        assert result.reason == "forfeit"
        assert result.returns == returns


def test_a_double_knock_out_is_a_tie() -> None:
    """Both last Pokémon fall to one Explosion."""
    game = ShowdownGame("gen1ou", teams=[BOOM, FRAIL])
    setups = [EpisodeSetup(e, e, {"teams": [0, 1]}) for e in range(6)]
    with game.vector(2) as vector:
        results = play(vector, setups).results
    assert {result.reason for result in results.values()} == {"tie"}
    assert {result.returns for result in results.values()} == {(0.0, 0.0)}


def test_the_schedule_is_drawn_as_lanes_become_free(vector: ShowdownVectorGame, game: ShowdownGame) -> None:
    """An endless schedule can be played for as long as one likes."""
    drawn = ended = 0

    def endless() -> Iterator[EpisodeSetup]:
        nonlocal drawn
        while True:
            drawn += 1
            yield EpisodeSetup(drawn, drawn, {"teams": [0, 1]})

    decisions, results = vector.start(endless())
    for _ in range(300):
        ended += len(results)
        assert drawn <= ended + vector.num_lanes
        decisions, results = vector.step(uniform()(decisions))
    assert ended > 0


def test_starting_again_gives_up_what_was_in_play(vector: ShowdownVectorGame, game: ShowdownGame) -> None:
    """A schedule that is begun in the middle of another plays as on a fresh vector game."""
    setups = schedule(game, 5)
    expected = play(vector, setups)
    decisions, _ = vector.start(schedule(game, 9, seed=1))
    for _ in range(10):
        decisions, _ = vector.step(uniform()(decisions))
    assert play(vector, setups) == expected


def test_nothing_to_play_is_played_at_once(vector: ShowdownVectorGame) -> None:
    """An empty schedule has no rows, and then there is nothing to answer."""
    decisions, results = vector.start([])
    assert len(decisions) == 0
    assert results == []
    with pytest.raises(InputError, match="every episode has been played"):
        vector.step(np.zeros(0, np.int64))


@pytest.mark.parametrize(
    ("setup", "says"),
    [
        (EpisodeSetup(0, 1, {}), "two indices"),
        (EpisodeSetup(0, 1, {"teams": [0]}), "two indices"),
        (EpisodeSetup(0, 1, {"teams": [0, 10**6]}), "two indices"),
        (EpisodeSetup(0, 1, {"teams": [0, "x"]}), "two indices"),
        (EpisodeSetup(0, -1, {"teams": [0, 1]}), "seed"),
        (EpisodeSetup(0, 1, {"teams": [0, 1], "weather": "rain"}), "unknown options"),
    ],
)
def test_a_setup_that_cannot_be_played_is_refused(vector: ShowdownVectorGame, setup: EpisodeSetup, says: str) -> None:
    """With the reason; and the game can be started again."""
    with pytest.raises(InputError, match=says):
        vector.start([setup])
    decisions, _ = vector.start([EpisodeSetup(0, 1, {"teams": [0, 1]})])
    assert len(decisions) == 2


@pytest.mark.parametrize("actions", [[0], [0.0, 1.0], [[0], [0]], []])
def test_actions_of_the_wrong_kind_are_refused(vector: ShowdownVectorGame, actions: list[object]) -> None:
    """One integer for each row."""
    decisions, _ = vector.start([EpisodeSetup(0, 1, {"teams": [0, 1]})])
    with pytest.raises(InputError, match="expected 2 integers"):
        vector.step(np.array(actions))
    vector.step(uniform()(decisions))


def test_a_closed_game_says_so(game: ShowdownGame) -> None:
    """Closing twice is fine, stepping is not, and starting again starts new workers."""
    vector = game.vector(2)
    decisions, _ = vector.start(schedule(game, 2))
    vector.close()
    vector.close()
    with pytest.raises(SimulatorError, match="call start"):
        vector.step(uniform()(decisions))
    assert len(play(vector, schedule(game, 2)).results) == 2
    vector.close()


def test_text_is_what_the_player_was_told_since_its_last_decision(game: ShowdownGame) -> None:
    """Own HP exactly, the opponent's in percent; the request comes last; who did not ask gets none."""
    setups = schedule(game, 3, text=(True, False))
    with game.vector(2) as vector:
        decisions, results = vector.start(setups)
        told: dict[int, list[str]] = {}
        while len(decisions):
            assert decisions.text is not None or not (decisions.player == 0).any()
            for row, text in enumerate(decisions.text or []):
                if decisions.player[row] == 1:
                    assert text == ""
                    continue
                lines = text.split("\n")
                assert lines[-1].startswith("|request|{")
                assert not any(line.startswith("|request|") for line in lines[:-1])
                told.setdefault(int(decisions.episode[row]), []).extend(lines)
            decisions, more = vector.step(uniform()(decisions))
            results += more
    for result in results:
        own, other = result.info["text"]
        assert other is None
        lines = told[result.episode] + own.split("\n")
        assert "|start" in lines
        assert lines[-1].startswith(("|win|Player ", "|tie"))
        assert not any(line.startswith(("|t:|", "|split|")) for line in lines)
        damage = [line.split("|") for line in lines if line.startswith("|-damage|")]
        assert all(
            parts[3].split()[0].endswith("/100")
            for parts in damage
            if parts[2].startswith("p2") and "fnt" not in parts[3]
        )
        assert any(not parts[3].split()[0].endswith("/100") for parts in damage if parts[2].startswith("p1"))


def test_a_record_holds_what_plays_the_battle_again(game: ShowdownGame) -> None:
    """Its actions, taken in order, give the same battle."""
    setups = schedule(game, 4, record=True)
    with game.vector(4) as vector:
        first = play(vector, setups)

        def act(decisions: Decisions) -> NDArray[np.int64]:
            chosen = [
                first.results[e].record["actions"][p][d]  # type: ignore[index]
                for e, p, d in zip(decisions.episode, decisions.player, decisions.decision, strict=True)
            ]
            return np.array(chosen)

        again = play(vector, setups, act)
    assert again == first
    for setup in setups:
        record = first.results[setup.episode].record
        assert record is not None
        assert game.teams is not None
        assert record["teams"] == [game.teams[i] for i in setup.options["teams"]]
        assert (record["format"], record["seed"], record["turn_limit"]) == ("gen1ou", setup.seed, 25)


def test_a_game_is_made_again_from_its_config(game: ShowdownGame) -> None:
    """The same teams, limits and results."""
    again = ShowdownGame.from_config(game.config())
    assert again.config() == game.config()
    with game.vector(3) as one, again.vector(3) as other:
        assert play(one, schedule(game, 3)) == play(other, schedule(again, 3))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"format": "gen1oo"}, "no format 'gen1oo'"),
        ({"format": "gen9vgc2024regg"}, "singles formats only"),
        ({"format": "gen4doublesou"}, "singles formats only"),
        ({"format": "gen2ou"}, "pass teams="),
        ({"format": "gen1randombattle", "teams": BOOM}, "draws its own teams"),
        ({"turn_limit": 0}, "turn_limit is 0"),
        ({"timeout": 0.0}, "timeout is 0"),
        ({"observation": "pixels"}, "observation is 'pixels'"),
    ],
)
def test_a_game_that_cannot_be_is_refused(arguments: dict[str, object], says: str) -> None:
    """With one sentence that says what is wrong."""
    with pytest.raises(InputError, match=says):
        ShowdownGame(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("arguments", [(0,), (4, 0), (4, -1)])
def test_a_vector_game_needs_lanes_and_workers(game: ShowdownGame, arguments: tuple[int, ...]) -> None:
    """At least one of each."""
    with pytest.raises(InputError, match="expected a positive number"):
        game.vector(*arguments)
