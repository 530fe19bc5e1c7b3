"""Rewards are the recorded ones to the last bit, and do what their formulas say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pokenash.errors import InputError
from pokenash.metamon import BattleView, UniversalState, get_reward
from pokenash.metamon.rewards import REWARDS


@pytest.fixture
def state(opening: list[str], request_line: Callable[..., str]) -> UniversalState:
    view = BattleView(0, "gen1ou")
    view.feed([*opening, request_line()])
    return view.state()


def test_every_recorded_reward(recorded_battle: list[Any]) -> None:
    for side in recorded_battle:
        records = side.states
        states = [UniversalState.from_dict(record["state"]) for record in records]
        for previous, following, record in zip(states, states[1:], records[1:], strict=False):
            for name, expected in record["reward"].items():
                assert get_reward(name)(previous, following) == expected, (name, record["t"])


def test_nothing_happens_for_nothing(state: UniversalState) -> None:
    assert [reward(state, state) for reward in REWARDS.values()] == [0.0, 0.0, 0.0]


def test_a_win_and_a_defeat(state: UniversalState) -> None:
    won, lost = replace(state, battle_won=True), replace(state, battle_lost=True)
    found = {name: (reward(state, won), reward(state, lost)) for name, reward in REWARDS.items()}
    assert found == {
        "AggressiveShapedReward": (200.0, 0.0),
        "BinaryReward": (100.0, -100.0),
        "DefaultShapedReward": (100.0, -100.0),
    }


def test_damage_status_and_knock_outs(state: UniversalState) -> None:
    hit = replace(state.opponent_active_pokemon, hp_pct=0.25, status="par")
    after = replace(state, opponent_active_pokemon=hit)
    assert get_reward("DefaultShapedReward")(state, after) == 0.75 + 0.5
    assert get_reward("AggressiveShapedReward")(state, after) == 0.75
    fainted = replace(state, opponent_active_pokemon=replace(hit, hp_pct=0.0, status="fnt"), opponents_remaining=5)
    assert get_reward("DefaultShapedReward")(after, fainted) == 0.25 + 1
    assert get_reward("AggressiveShapedReward")(after, fainted) == 0.25 + 2


def test_another_opponent_is_not_compared(state: UniversalState) -> None:
    other = replace(state.opponent_active_pokemon, base_species="jynx", hp_pct=0.1, status="slp")
    assert get_reward("DefaultShapedReward")(state, replace(state, opponent_active_pokemon=other)) == 0.0


def test_an_own_pokemon_is_found_on_the_bench(state: UniversalState) -> None:
    bench, *others = state.available_switches
    hurt = replace(bench, hp_pct=0.5, status="brn")
    after = replace(state, player_active_pokemon=hurt, available_switches=(state.player_active_pokemon, *others))
    assert get_reward("DefaultShapedReward")(state, after) == -0.5 - 0.5


def test_a_lost_pokemon_is_seen_by_the_switches_that_are_left(state: UniversalState) -> None:
    after = replace(state, available_switches=state.available_switches[1:])
    assert get_reward("DefaultShapedReward")(state, after) == -1.0
    assert get_reward("AggressiveShapedReward")(state, after) == -2.0
    assert get_reward("DefaultShapedReward")(after, state) == 0.0


def test_an_unknown_reward_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="AggressiveShapedReward, BinaryReward, DefaultShapedReward"):
        get_reward("Sparse")
