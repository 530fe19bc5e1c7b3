"""Observations are the recorded ones, word by word and bit by bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pokenash.errors import InputError
from pokenash.metamon import BattleView, UniversalState, get_observation_space
from pokenash.metamon.observations import OBSERVATION_SPACES


@pytest.fixture
def state(opening: list[str], request_line: Callable[..., str]) -> UniversalState:
    view = BattleView(0, "gen1ou")
    view.feed([*opening, request_line()])
    return view.state()


def test_every_recorded_observation(recorded_battle: list[Any]) -> None:
    for side in recorded_battle:
        spaces = {name: get_observation_space(name) for name in OBSERVATION_SPACES}
        for record in side.states:
            state = UniversalState.from_dict(record["state"])
            assert record["obs"].keys() == spaces.keys()
            for name, expected in record["obs"].items():
                text, numbers = spaces[name](state)
                assert text == expected["text"], (name, record["t"])
                np.testing.assert_array_equal(numbers, np.array(expected["numbers"], np.float32))


@pytest.mark.parametrize("name", sorted(OBSERVATION_SPACES))
def test_sizes_are_the_same_whatever_is_known(name: str, state: UniversalState) -> None:
    space = get_observation_space(name)
    for changed in (
        state,
        replace(state, available_switches=()),
        replace(state, available_switches=state.available_switches * 4),
        replace(state, player_active_pokemon=replace(state.player_active_pokemon, moves=())),
        replace(state, opponent_teampreview=tuple("abcdefgh")),
    ):
        text, numbers = space(changed)
        assert len(text.split(" ")) == space.num_words
        assert numbers.shape == (space.num_numbers,)
        assert numbers.dtype == np.float32


def test_the_words_of_a_small_battle(state: UniversalState) -> None:
    text, numbers = get_observation_space("DefaultObservationSpace")(state)
    assert text.startswith(
        "<gen1ou> <anychoice> <player> starmie noitem noability psychic water noeffect nostatus "
        "<move> blizzard ice special <move> recover normal status "
    )
    assert "<switch> chansey noitem noability <moveset> icebeam softboiled <blank> <blank> <switch> tauros" in text
    assert text.endswith("<conditions> noweather noconditions noconditions <player_prev> nomove <opp_prev> nomove")
    assert numbers[:3].tolist() == [1.0, 1.0, 1.0]
    assert (numbers == -2).sum() == 3


def test_opponents_that_were_seen_and_slept_are_remembered_until_a_reset(state: UniversalState) -> None:
    space = get_observation_space("ExpandedObservationSpace")
    asleep = replace(state.opponent_active_pokemon, status="slp")
    space(replace(state, opponent_active_pokemon=asleep))
    jynx = replace(asleep, name="jynx", base_species="jynx", status="nostatus")
    text, numbers = space(replace(state, opponent_active_pokemon=jynx))
    assert text.endswith(" jynx snorlax <blank> <blank> <blank> <blank>")
    assert numbers[-3:].tolist() == [1.0, 0.0, 0.0]
    space.reset()
    text, numbers = space(replace(state, opponent_active_pokemon=jynx))
    assert text.endswith(" jynx <blank> <blank> <blank> <blank> <blank>")
    assert numbers[-3:].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(("left", "warning"), [(24, 3), (12, 3), (11, 2), (6, 2), (5, 1), (1, 1), (0, 0)])
def test_the_pp_warning_falls_with_the_pp(left: int, warning: float, state: UniversalState) -> None:
    move = replace(state.player_active_pokemon.moves[0], current_pp=left, max_pp=24)
    changed = replace(state, player_active_pokemon=replace(state.player_active_pokemon, moves=(move,)))
    assert get_observation_space("ExpandedObservationSpace")(changed)[1][19] == warning


def test_words_as_a_list_are_the_text(state: UniversalState) -> None:
    for name in OBSERVATION_SPACES:
        words, numbers = get_observation_space(name).observe(state)
        text, same = get_observation_space(name)(state)
        assert " ".join(words) == text
        np.testing.assert_array_equal(numbers, same)


def test_an_unknown_space_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="DefaultObservationSpace, ExpandedObservationSpace"):
        get_observation_space("Pixels")
