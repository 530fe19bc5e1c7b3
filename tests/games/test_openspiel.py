from __future__ import annotations

from typing import Any

import numpy as np
import pyspiel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pokenash.errors import IllegalActionError, InputError
from pokenash.games import EpisodeResult, EpisodeSetup, VectorGame, load_game
from pokenash.games.openspiel import OpenSpielGame, information_states
from pokenash.games.openspiel.chance import chance_uniform
from pokenash.games.openspiel.loading import Perspective
from pokenash.games.openspiel.states import StateVectorGame
from pokenash.games.openspiel.tables import enumerate_game, estimate_num_histories
from pokenash.games.openspiel.vector import TableVectorGame

SMALL: list[tuple[str, dict[str, Any]]] = [
    ("kuhn_poker", {}),
    ("leduc_poker", {}),
    ("liars_dice", {"dice_sides": 3}),
    ("goofspiel", {"num_cards": 3}),
    ("goofspiel", {"num_cards": 4, "imp_info": True, "points_order": "descending"}),
    ("goofspiel", {"num_cards": 3, "returns_type": "point_difference"}),
    ("matrix_rps", {}),
]


def on_tables(game: OpenSpielGame, lanes: int) -> VectorGame:
    return TableVectorGame(game.tables(), lanes, game.observation_space)


def on_states(game: OpenSpielGame, lanes: int) -> VectorGame:
    return StateVectorGame(game.game, game.perspective, lanes, game.observation_space)


def play(vector: VectorGame, setups: list[EpisodeSetup]) -> tuple[list[EpisodeResult], dict[int, list[Any]]]:
    """Random play in which an episode's actions depend on the episode alone; results, and all that was seen."""
    seen: dict[int, list[Any]] = {setup.episode: [] for setup in setups}
    results: list[EpisodeResult] = []
    with vector:
        decisions, ended = vector.start(iter(setups))
        while True:
            results += ended
            if not len(decisions):
                return sorted(results, key=lambda result: result.episode), seen
            actions = []
            for row, episode in enumerate(decisions.episode.tolist()):
                assert isinstance(decisions.observation, np.ndarray)
                mask = decisions.action_mask[row]
                observation, text = decisions.observation[row], decisions.text[row] if decisions.text else ""
                player, decision = int(decisions.player[row]), int(decisions.decision[row])
                seen[episode].append((player, decision, observation.tobytes(), mask.tobytes(), text))
                rng = np.random.default_rng([episode, len(seen[episode])])
                actions.append(rng.choice(np.flatnonzero(mask)))
            decisions, ended = vector.step(np.array(actions))


@pytest.mark.parametrize(("name", "parameters"), SMALL)
def test_episodes_are_the_same_on_tables_and_on_states_in_any_number_of_lanes(
    name: str, parameters: dict[str, Any]
) -> None:
    game = OpenSpielGame(name, **parameters)
    setups = [EpisodeSetup(i, 77 * i + 2**63, text=(True, i % 2 == 0)) for i in range(60)]
    results, seen = play(on_tables(game, 1), setups)
    for other in (on_tables(game, 16), on_states(game, 1), on_states(game, 7)):
        assert play(other, setups) == (results, seen)
    assert [result.episode for result in results] == list(range(60))
    assert all(sum(result.returns) == 0 and result.length == len(seen[result.episode]) for result in results)
    assert all(text for moves in seen.values() for player, *_, text in moves if player == 0)
    assert not any(text for i, moves in seen.items() for player, *_, text in moves if player == 1 and i % 2)


def test_a_game_is_played_on_tables_where_they_fit_and_on_states_where_not() -> None:
    assert isinstance(OpenSpielGame("leduc_poker").vector(8), TableVectorGame)
    assert isinstance(OpenSpielGame("leduc_poker").vector(1), TableVectorGame)
    assert isinstance(OpenSpielGame("goofspiel", num_cards=13).vector(8), StateVectorGame)
    assert isinstance(OpenSpielGame("phantom_ttt").vector(8), StateVectorGame)
    # The tables of this one have not been made, and for one lane they are not worth it.
    assert isinstance(OpenSpielGame("liars_dice", dice_sides=2).vector(1), StateVectorGame)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("tic_tac_toe", {}), ("phantom_ttt", {}), ("oshi_zumo", {"horizon": 50}), ("backgammon", {}), ("goofspiel", {})],
)
def test_large_games_and_games_without_words_are_played(name: str, parameters: dict[str, Any]) -> None:
    game = OpenSpielGame(name, **parameters)
    setups = [EpisodeSetup(i, i, text=(True, True)) for i in range(6)]
    results, seen = play(game.vector(3), setups)
    assert play(game.vector(1), setups) == (results, seen)
    # Tic-tac-toe's information state is what has been played, so nothing at first.
    assert all(text for moves in seen.values() for *_, text in moves[1:])
    assert {abs(result.returns[0]) for result in results} <= {0.0, 1.0, 2.0, 3.0}


@pytest.mark.parametrize("make", [on_tables, on_states])
def test_what_players_see_is_openspiels_information_state(make: Any) -> None:
    """The words lead to states of OpenSpiel's own, whose tensor and legal actions are compared."""
    game = OpenSpielGame("leduc_poker")
    expected = {state.information_state_string(): state for state in decision_states(game.game.new_initial_state())}
    for episode in range(5):
        with make(game, 1) as vector:
            decisions, results = vector.start([EpisodeSetup(0, episode, text=(True, True))])
            while len(decisions):
                state = expected[decisions.text[0]]
                assert decisions.player[0] == state.current_player()
                assert decisions.observation[0].tolist() == state.information_state_tensor()
                assert np.flatnonzero(decisions.action_mask[0]).tolist() == state.legal_actions()
                decisions, results = vector.step(np.array([state.legal_actions()[-1]]))
        assert len(results) == 1


def decision_states(state: Any) -> list[Any]:
    own = [] if state.is_chance_node() or state.is_terminal() else [state]
    return own + [deeper for action in state.legal_actions() for deeper in decision_states(state.child(action))]


def test_chance_has_the_games_own_probabilities() -> None:
    """Kuhn poker's six deals: the chi-squared statistic of 6,000 of them, 5 degrees of freedom, below its 0.1% tail."""
    game = OpenSpielGame("kuhn_poker")
    counts: dict[Any, int] = {}
    _, seen = play(game.vector(500), [EpisodeSetup(i, i, text=(True, True)) for i in range(6000)])
    for moves in seen.values():
        deal = tuple(text[0] for *_, text in moves[:2])
        counts[deal] = counts.get(deal, 0) + 1
    assert set(counts) == {(a, b) for a in "012" for b in "012" if a != b}
    assert sum((count - 1000) ** 2 / 1000 for count in counts.values()) < 20.5


@given(st.integers(0, 2**64 - 1), st.integers(0, 1000))
def test_chance_is_a_function_of_seed_and_event(seed: int, event: int) -> None:
    one = chance_uniform(np.array([seed, seed], np.uint64), np.array([event, event + 1]))
    assert one[0] == chance_uniform(np.array([seed], np.uint64), np.array([event]))[0]
    assert one[0] != one[1]
    assert one.min() >= 0
    assert one.max() < 1


@pytest.mark.parametrize("make", [on_tables, on_states])
def test_an_illegal_action_leaves_every_lane_as_it_was(make: Any) -> None:
    with make(OpenSpielGame("liars_dice", dice_sides=3), 3) as vector:
        vector.start(EpisodeSetup(i, i) for i in range(3))
        before, _ = vector.step(np.array([0, 1, 2]))
        for action in (2, 7, -1):
            with pytest.raises(IllegalActionError) as refusal:
                vector.step(np.array([5, 5, action]))
            assert (refusal.value.agent, refusal.value.action) == ("player_1", action)
            assert refusal.value.legal_actions == (3, 4, 5, 6)
        with pytest.raises(InputError, match="one action for each of the 3 rows"):
            vector.step(np.array([5, 5]))
        after, _ = vector.step(np.array([1, 2, 3]))
    assert before.player.tolist() == [1, 1, 1]
    assert after.player.tolist() == [0, 0, 0]
    with pytest.raises(InputError, match="at least 1"):
        make(OpenSpielGame("kuhn_poker"), 0)


def test_the_second_player_is_not_told_what_the_first_chose_at_the_same_time() -> None:
    game = OpenSpielGame("goofspiel", num_cards=4)
    for make in (on_tables, on_states):
        seen = set()
        for action in range(4):
            with make(game, 1) as vector:
                vector.start([EpisodeSetup(0, 5, text=(True, True))])
                decisions, _ = vector.step(np.array([action]))
                assert decisions.player.tolist() == [1]
                seen.add((decisions.text[0] if decisions.text else "", np.asarray(decisions.observation).tobytes()))
        assert len(seen) == 1


@pytest.mark.parametrize(("name", "parameters"), SMALL)
def test_information_states_are_openspiels(name: str, parameters: dict[str, Any]) -> None:
    from open_spiel.python.policy import TabularPolicy

    game = OpenSpielGame(name, **parameters)
    found = information_states(game)
    expected = TabularPolicy(game.game)
    assert sorted(found.strings) == sorted(expected.state_lookup)
    assert found.perfect_recall
    for i, string in enumerate(found.strings):
        row = expected.state_lookup[string]
        assert found.observation[i].tolist() == expected.state_in[row].tolist()
        assert found.action_mask[i].tolist() == expected.legal_actions_mask[row].astype(bool).tolist()
        before = int(found.previous[i])
        assert before < i
        assert found.decision[i] == (0 if before < 0 else found.decision[before] + 1)
        assert before < 0 or found.action_mask[before, found.previous_action[i]]


def test_imperfect_recall_is_seen() -> None:
    """In Kuhn poker whose second card is all that a player knows, it forgets what it has done."""
    game = OpenSpielGame("kuhn_poker")
    forgetful = Perspective(game.game, game.game)
    forgetful.string = lambda state: state.information_state_string()[0]  # type: ignore[method-assign]
    tables = enumerate_game(game.game, forgetful, 100)
    assert tables is not None
    assert not tables.information_states.perfect_recall
    assert game.tables().information_states.perfect_recall


@pytest.mark.parametrize(("name", "histories"), [("kuhn_poker", 58), ("leduc_poker", 9457)])
def test_tables_hold_every_history(name: str, histories: int) -> None:
    tables = OpenSpielGame(name).tables()
    assert len(tables) == histories
    inner = tables.num_children > 0
    assert (tables.first_child[inner] > np.flatnonzero(inner)).all()
    assert tables.num_children.sum() == histories - 1
    # The estimate's relative error shrinks with the number of probes; a factor of 2 is what is relied on by far.
    assert 0.5 < estimate_num_histories(OpenSpielGame(name).game) / histories < 2


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("nonsense", {}, "no game 'nonsense'"),
        ("kuhn_poker", {"sides": 4}, r"no parameters \['sides'\].*\['players'\]"),
        ("kuhn_poker", {"players": "two"}, "expected int"),
        ("kuhn_poker", {"players": 3}, "for 3 players"),
        ("kuhn_poker", {"players": 99}, "OpenSpiel cannot make kuhn_poker|for 99 players"),
        ("matrix_pd", {}, "general_sum"),
        ("goofspiel", {"returns_type": "total_points"}, "general_sum"),
        ("tiny_hanabi", {}, "identical"),
        ("catch", {}, "for 1 players"),
        ("kriegspiel", {}, "no information-state tensor"),
        ("python_nonsense", {}, "no game"),
    ],
)
def test_games_that_cannot_be_played_are_refused(
    name: str, parameters: dict[str, Any], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match=message):
        OpenSpielGame(name, **parameters)


def test_constant_sum_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of OpenSpiel's games says so of itself, so one is made to."""
    kuhn = pyspiel.load_game("kuhn_poker")

    class ConstantSum:
        def num_players(self) -> int:
            return 2

        def get_type(self) -> Any:
            class Kind:
                utility = pyspiel.GameType.Utility.CONSTANT_SUM
                dynamics = kuhn.get_type().dynamics

            return Kind

    monkeypatch.setattr(pyspiel, "load_game", lambda name, parameters: ConstantSum())
    with pytest.raises(InputError, match="constant_sum"):
        OpenSpielGame("kuhn_poker")


def test_games_too_large_for_tables_say_so() -> None:
    with pytest.raises(InputError, match="more than 600000 histories"):
        OpenSpielGame("phantom_ttt").tables()
    with pytest.raises(InputError, match="no information states"):
        OpenSpielGame("breakthrough").tables()


@settings(max_examples=20)
@given(st.integers(2, 5), st.booleans(), st.sampled_from(["ascending", "descending", "random"]))
def test_a_game_is_made_again_from_its_config(cards: int, imperfect: bool, order: str) -> None:
    game = OpenSpielGame("goofspiel", num_cards=cards, imp_info=imperfect, points_order=order)
    again = load_game(game.config())
    assert isinstance(again, OpenSpielGame)
    assert again.config() == game.config()
    assert str(again.game) == str(game.game)
    assert repr(again) == repr(game)
    with pytest.raises(InputError, match="cannot be used"):
        load_game({"game": "openspiel"})
