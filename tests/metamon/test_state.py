"""States go to metamon's JSON and back, and are what the real system recorded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pokenash.errors import InputError
from pokenash.metamon import BattleView, UniversalMove, UniversalPokemon, UniversalState
from pokenash.metamon.words import letters_word, move_word, species_word


def _comparable(state: dict[str, Any]) -> dict[str, Any]:
    """The order in which team preview is remembered is arbitrary in the original."""
    return {**state, "opponent_teampreview": sorted(state["opponent_teampreview"])}


def _differences(expected: Any, got: Any, where: str = "") -> list[str]:
    if isinstance(expected, dict):
        return [text for key in expected for text in _differences(expected[key], got.get(key), f"{where}.{key}")]
    if isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        return [
            t for i, pair in enumerate(zip(expected, got, strict=True)) for t in _differences(*pair, f"{where}[{i}]")
        ]
    return [] if expected == got else [f"{where}: expected {expected}, got {got}"]


def test_every_recorded_state_follows_from_what_the_player_was_told(
    recorded_battle: list[Any],
    fed_lines: Callable[[dict[str, Any]], list[str]],
) -> None:
    for side in recorded_battle:
        view = BattleView(side.player, side.format_id)
        for record in side.records:
            view.feed(fed_lines(record))
            if record["type"] == "teampreview":
                assert view.at_team_preview
                continue
            differences = _differences(_comparable(record["state"]), _comparable(view.state().to_dict()))
            assert not differences, f"player {side.player}, decision {record['t']}: {differences}"


def test_every_recorded_state_goes_to_json_and_back(recorded_battle: list[Any]) -> None:
    for side in recorded_battle:
        for record in side.states:
            assert UniversalState.from_dict(record["state"]).to_dict() == record["state"]


def test_fields_stand_in_metamons_order(opening: list[str], request_line: Callable[..., str]) -> None:
    view = BattleView(0, "gen1ou")
    view.feed([*opening, request_line()])
    state = view.state().to_dict()
    assert list(state)[:3] == ["format", "player_active_pokemon", "opponent_active_pokemon"]
    assert list(state)[-1] == "opponent_teampreview"
    assert list(state["player_active_pokemon"])[-2:] == ["tera_type", "base_species"]


def test_a_state_of_an_older_file_is_read(opening: list[str], request_line: Callable[..., str]) -> None:
    view = BattleView(0, "gen1ou")
    view.feed([*opening, request_line()])
    data = view.state().to_dict()
    for name in ("can_tera", "opponent_teampreview"):
        del data[name]
    del data["player_active_pokemon"]["base_species"]
    assert UniversalState.from_dict(data) == view.state()


@pytest.mark.parametrize(
    ("name", "value"),
    [("weather", None), ("opponents_remaining", "six"), ("forced_switch", 1), ("opponents_remaining", True)],
)
def test_a_field_of_the_wrong_type_is_named(
    name: str, value: object, opening: list[str], request_line: Callable[..., str]
) -> None:
    view = BattleView(0, "gen1ou")
    view.feed([*opening, request_line()])
    with pytest.raises(InputError, match=name):
        UniversalState.from_dict({**view.state().to_dict(), name: value})


def test_what_is_no_object_is_refused() -> None:
    for cls in (UniversalMove, UniversalPokemon, UniversalState):
        with pytest.raises(InputError, match="JSON object"):
            cls.from_dict(["starmie"])  # type: ignore[arg-type]


@given(st.text())
def test_words_hold_no_spaces_and_are_fixed_points(name: str) -> None:
    for word in (species_word, letters_word, move_word):
        assert word(word(name)) == word(name)
        assert " " not in word(name)


def test_nothing_of_a_players_view_needs_torch() -> None:
    modules = "actions backend dataset observations rewards state tokenizer trajectories vocabularies"
    code = f"import importlib, sys; [importlib.import_module('pokenash.metamon.' + m) for m in '{modules}'.split()]"
    subprocess.run([sys.executable, "-c", f"{code}; sys.exit('torch' in sys.modules)"], check=True)


def test_moves_with_a_parameter_are_one_word() -> None:
    assert {move_word(m) for m in ("Hidden Power Ice 70", "hiddenpowerfire", "hiddenpower")} == {"hiddenpower"}
    assert move_word("return102") == "return"
    assert move_word("vicegrip") == "visegrip"
    assert species_word("Porygon2") == "porygon2"
    assert letters_word("perish3") == "perish"
