"""Legal actions and choices are the recorded ones, and every quirk of the backends is as documented."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pokenash.errors import InputError
from pokenash.metamon import BACKENDS, BattleView, DefaultActionSpace, MinimalActionSpace
from pokenash.metamon.actions import ACTION_SPACES
from pokenash.metamon.backend import DEFAULT_BACKEND

FIGHT = "poke-env-0.8.3-fight"
Lines = list[str]
Request = Callable[..., str]


def _view(*lines: str, backend: str = DEFAULT_BACKEND, format_id: str = "gen1ou") -> BattleView:
    view = BattleView(0, format_id, backend)
    view.feed(lines)
    return view


def test_every_recorded_legal_set_and_choice(
    recorded_battle: list[Any],
    fed_lines: Callable[[dict[str, Any]], list[str]],
) -> None:
    for side in recorded_battle:
        view = BattleView(side.player, side.format_id)
        for record in side.records:
            view.feed(fed_lines(record))
            if record["type"] != "decision":
                continue
            for name, space in ACTION_SPACES.items():
                assert view.legal(space) == record["legal"][name], record["t"]
            chosen = {str(i): f"/choose {view.choice(i)}" for i in range(13) if view.choice(i) is not None}
            assert chosen == record["orders"], record["t"]


def test_a_view_that_is_fed_piece_by_piece_sees_the_same(
    recorded_battle: list[Any],
    fed_lines: Callable[[dict[str, Any]], list[str]],
) -> None:
    for side in recorded_battle:
        whole, pieces = (BattleView(side.player, side.format_id) for _ in range(2))
        lines = [line for record in side.records for line in fed_lines(record)]
        whole.feed(lines)
        for line in lines:
            pieces.feed([line])
        assert whole.state() == pieces.state()


def test_an_unknown_backend_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"poke-env-9.*known: poke-env-0\.8\.3, poke-env-0\.8\.3-fight"):
        BattleView(0, "gen1ou", "poke-env-9")
    assert all(backend.name == name and backend.description for name, backend in BACKENDS.items())


@pytest.mark.parametrize(("player", "format_id"), [(2, "gen1ou"), (0, "ou"), (0, "genxou")])
def test_a_player_or_format_that_cannot_be_is_refused(player: int, format_id: str) -> None:
    with pytest.raises(InputError):
        BattleView(player, format_id)


def test_there_is_no_state_before_both_sides_are_out(opening: Lines) -> None:
    view = _view(*opening[:5])
    with pytest.raises(InputError, match="no state"):
        view.state()


@pytest.mark.parametrize("request_text", ["{", "[]", "{}", "3"])
def test_a_damaged_request_is_refused(request_text: str) -> None:
    with pytest.raises(InputError, match="request"):
        _view(f"|request|{request_text}")


def test_an_empty_request_says_nothing(opening: Lines, request_line: Request) -> None:
    view = _view(*opening, request_line())
    before = view.state()
    view.feed(["|request|", "", "|", "|c|someone|hello|", "|inactive|30 seconds"])
    assert view.state() == before


def test_indices_are_alphabetical(opening: Lines, request_line: Request) -> None:
    view = _view(*opening, request_line())
    assert [view.choice(i) for i in range(9)] == [
        "move blizzard", "move recover", "move surf", "move thunderbolt", "switch chansey", "switch tauros",
        None, None, None,
    ]  # fmt: skip
    assert view.legal(MinimalActionSpace) == view.legal(DefaultActionSpace) == [0, 1, 2, 3, 4, 5]


def test_a_choice_knows_its_place_in_the_request_and_in_the_team(opening: Lines, request_line: Request) -> None:
    view = _view(*opening, request_line())
    choices = view.choices()
    assert (choices[2].slot, choices[2].team_slot) == (0, None)
    assert (choices[4].slot, choices[4].team_slot) == (2, 2)
    # The simulator puts the active Pokémon first in later requests; the team as it was handed in stays.
    request = json.loads(request_line(("softboiled", "icebeam"), active="Chansey").removeprefix("|request|"))
    pokemon = request["side"]["pokemon"]
    request["side"]["pokemon"] = [pokemon[2], pokemon[1], pokemon[0]]
    view.feed(["|switch|p1a: Chansey|Chansey|300/300", "|turn|2", f"|request|{json.dumps(request)}"])
    choices = view.choices()
    assert (choices[4].text, choices[4].slot, choices[4].team_slot) == ("switch starmie", 2, 0)


def test_disabled_moves_and_trapping_are_known_from_the_request_alone(opening: Lines, request_line: Request) -> None:
    view = _view(*opening, request_line(disabled=("surf", "blizzard"), trapped=True))
    assert view.legal(MinimalActionSpace) == [1, 3]
    assert MinimalActionSpace.maybe_legal(view.state()) == [0, 1, 2, 3, 4, 5]


def test_a_forced_switch_offers_no_moves(opening: Lines, request_line: Request) -> None:
    fainted = ["|-damage|p1a: Starmie|0 fnt", "|faint|p1a: Starmie"]
    view = _view(*opening, request_line(), *fainted, request_line(force=True, conditions={"Starmie": "0 fnt"}))
    assert view.state().forced_switch
    assert view.state().player_active_pokemon.status == "fnt"
    assert view.legal(DefaultActionSpace) == [4, 5]


def test_recharge_maps_every_index_and_struggle_every_move(opening: Lines, request_line: Request) -> None:
    view = _view(*opening, request_line(("recharge",), trapped=True))
    assert view.legal(MinimalActionSpace) == [0, 1, 2, 3, 4, 5]
    assert {view.choice(i) for i in range(13)} == {"move 1"}
    view = _view(*opening, request_line(("struggle",)))
    assert [view.choice(i) for i in range(4)] == ["move struggle"] * 4
    assert view.choice(4) == "switch chansey"


def test_fight_maps_to_nothing_with_the_faithful_backend(opening: Lines, request_line: Request) -> None:
    view = _view(*opening, request_line(("fight",)))
    assert view.legal(MinimalActionSpace) == [4, 5]
    view = _view(*opening, request_line(("fight",), trapped=True))
    assert view.legal(MinimalActionSpace) == []


def test_fight_maps_to_any_move_index_with_the_second_backend(opening: Lines, request_line: Request) -> None:
    view = _view(*opening, request_line(("fight",), trapped=True), backend=FIGHT)
    assert view.legal(MinimalActionSpace) == [0, 1, 2, 3]
    assert view.choices()[2].text == "move fight"
    assert view.choices()[2].slot == 0


def test_the_backends_differ_in_fight_alone(opening: Lines, request_line: Request) -> None:
    lines = [*opening, request_line()]
    first, second = _view(*lines), _view(*lines, backend=FIGHT)
    assert first.state() == second.state()
    assert first.choices() == second.choices()


def test_pp_never_decrease(opening: Lines, request_line: Request) -> None:
    view = _view(*opening, request_line())
    before = view.state().player_active_pokemon.moves
    view.feed(["|move|p1a: Starmie|Surf|p2a: Snorlax", "|turn|2", request_line()])
    assert view.state().player_active_pokemon.moves == before
    assert [move.current_pp == move.max_pp for move in before] == [True] * 4


def test_the_previous_move_is_remembered_through_a_switch(opening: Lines, request_line: Request) -> None:
    view = _view(*opening, request_line(), "|move|p1a: Starmie|Surf|p2a: Snorlax", "|turn|2", request_line())
    assert view.state().player_prev_move.name == "surf"
    view.feed(["|switch|p1a: Tauros|Tauros|300/300", "|turn|3", request_line(("bodyslam",), active="Tauros")])
    assert view.state().player_prev_move.name == "nomove"
    view.feed(["|switch|p1a: Starmie|Starmie|300/300", "|turn|4", request_line()])
    assert view.state().player_prev_move.name == "surf"
    view.feed(["|move|p1a: Starmie|Struggle|p2a: Snorlax", "|turn|5", request_line()])
    assert view.state().player_prev_move.name == "nomove"


def test_generation_1_knows_neither_items_nor_abilities(opening: Lines, request_line: Request) -> None:
    state = _view(*opening, request_line()).state()
    assert (state.player_active_pokemon.item, state.opponent_active_pokemon.item) == ("noitem", "unknownitem")
    assert (state.player_active_pokemon.ability, state.opponent_active_pokemon.ability) == ("noability", "noability")


def test_hp_level_status_and_boosts_of_the_opponent(opening: Lines, request_line: Request) -> None:
    state = _view(
        *opening,
        "|-damage|p2a: Snorlax|48/100",
        "|-status|p2a: Snorlax|par",
        "|-boost|p2a: Snorlax|spd|2",
        "|-unboost|p2a: Snorlax|spe|1",
        request_line(),
    ).state()
    snorlax = state.opponent_active_pokemon
    assert (snorlax.hp_pct, snorlax.lvl, snorlax.status) == (0.48, 90, "par")
    assert (snorlax.spd_boost, snorlax.spe_boost, snorlax.base_hp) == (2, -1, 160)


def test_of_several_effects_the_oldest_is_named_and_a_switch_ends_them(opening: Lines, request_line: Request) -> None:
    view = _view(*opening, "|-start|p2a: Snorlax|Reflect", "|-start|p2a: Snorlax|Substitute", request_line())
    assert view.state().opponent_active_pokemon.effect == "reflect"
    view.feed(["|-end|p2a: Snorlax|Reflect"])
    assert view.state().opponent_active_pokemon.effect == "substitute"
    view.feed(["|switch|p2a: Jynx|Jynx|100/100", "|switch|p2a: Snorlax|Snorlax, L90|90/100"])
    assert view.state().opponent_active_pokemon.effect == "noeffect"


def test_an_effect_with_a_turn_counter_yields_to_a_younger_one(opening: Lines, request_line: Request) -> None:
    view = _view(*opening, "|-start|p2a: Snorlax|Bide", "|turn|2", "|-start|p2a: Snorlax|confusion", request_line())
    assert view.state().opponent_active_pokemon.effect == "confusion"


def test_an_effect_that_the_backend_does_not_know_reads_unknown(opening: Lines, request_line: Request) -> None:
    view = _view(*opening, "|-start|p2a: Snorlax|Mega Sol", request_line())
    assert view.state().opponent_active_pokemon.effect == "unknown"


def test_layers_are_counted_and_one_condition_is_named(opening: Lines, request_line: Request) -> None:
    lines = [line.replace("|gen|1", "|gen|4") for line in opening]
    lines += ["|-sidestart|p2: Ben|Spikes", "|-sidestart|p2: Ben|Spikes", "|-sidestart|p2: Ben|move: Stealth Rock"]
    view = _view(*lines, request_line(), format_id="gen4ou")
    assert view.state().opponent_conditions == "spikes"
    assert view.state().player_conditions == "noconditions"
    view.feed(["|-sideend|p2: Ben|Spikes|[from] move: Rapid Spin|[of] p2a: Snorlax"])
    assert view.state().opponent_conditions == "stealthrock"


def test_an_item_that_was_lost_reads_unknown(opening: Lines, request_line: Request) -> None:
    view = _view(*opening, "|-heal|p2a: Snorlax|90/100|[from] item: Leftovers", request_line(), format_id="gen4ou")
    assert view.state().opponent_active_pokemon.item == "leftovers"
    view.feed(["|-enditem|p2a: Snorlax|Leftovers|[from] move: Knock Off"])
    assert view.state().opponent_active_pokemon.item == "unknownitem"


def test_transform_takes_types_and_base_stats_but_not_the_name(opening: Lines, request_line: Request) -> None:
    view = _view(*opening, "|-transform|p2a: Snorlax|p1a: Starmie", request_line())
    snorlax = view.state().opponent_active_pokemon
    assert (snorlax.name, snorlax.types, snorlax.base_spe) == ("snorlax", "psychic water", 115)


def test_a_changed_type_ends_with_fainting_and_a_swapped_ability_with_the_switch(
    opening: Lines, request_line: Request
) -> None:
    view = _view(*opening, request_line(), format_id="gen9ou")
    view.feed(
        [
            "|-start|p2a: Snorlax|typechange|Ghost",
            "|-activate|p2a: Snorlax|move: Skill Swap|Levitate|Thick Fat|[of] p1a: Starmie",
        ]
    )
    state = view.state()
    assert (state.opponent_active_pokemon.types, state.opponent_active_pokemon.ability) == ("ghost notype", "levitate")
    assert state.player_active_pokemon.ability == "thickfat"
    view.feed(["|-damage|p2a: Snorlax|0 fnt", "|faint|p2a: Snorlax"])
    snorlax = view.state().opponent_active_pokemon
    assert (snorlax.types, snorlax.ability) == ("normal notype", "unknownability")


def test_an_illusion_was_never_out(request_line: Request, opening: Lines) -> None:
    view = _view(*opening, request_line(), format_id="gen9ou")
    view.feed(["|-boost|p2a: Snorlax|atk|1", "|replace|p2a: Zoroark|Zoroark, L80, M", "|-end|p2a: Zoroark|Illusion"])
    zoroark = view.state().opponent_active_pokemon
    assert (zoroark.name, zoroark.lvl, zoroark.hp_pct, zoroark.atk_boost) == ("zoroark", 80, 1.0, 0)


def test_the_fainted_are_counted_and_the_end_is_seen(opening: Lines, request_line: Request) -> None:
    view = _view(*opening, request_line(), "|-damage|p2a: Snorlax|0 fnt", "|faint|p2a: Snorlax")
    assert view.state().opponents_remaining == 5
    assert not view.ended
    view.feed(["|win|Ann"])
    assert view.ended
    assert (view.state().battle_won, view.state().battle_lost) == (True, False)
    tied = _view(*opening, request_line(), "|tie")
    assert tied.ended
    assert (tied.state().battle_won, tied.state().battle_lost) == (False, False)


def test_terastallization_has_indices_of_its_own(opening: Lines, request_line: Request) -> None:
    view = _view(*opening, request_line(canTerastallize="Ice"), format_id="gen9ou")
    assert view.state().can_tera
    assert view.legal(DefaultActionSpace) == [0, 1, 2, 3, 4, 5, 9, 10, 11, 12]
    assert view.legal(MinimalActionSpace) == [0, 1, 2, 3, 4, 5]
    assert view.choice(10) == "move recover terastallize"
    assert view.state().player_active_pokemon.tera_type == "notype"
    view.feed(["|-terastallize|p1a: Starmie|Ice", "|turn|2", request_line()])
    assert view.state().player_active_pokemon.types == "ice notype"
    assert view.state().player_active_pokemon.tera_type == "ice"
    assert view.choice(10) == "move recover"
    assert view.legal(DefaultActionSpace) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "line", ["|-damage", "|switch|p2a: Nobody|Agumon|100/100", "|-boost|p2a: Snorlax|atk|many", "|turn|"]
)
def test_a_line_that_cannot_be_read_is_logged_and_left_out(
    line: str, opening: Lines, request_line: Request, caplog: pytest.LogCaptureFixture
) -> None:
    view = _view(*opening, request_line())
    view.feed([line, "|-damage|p2a: Snorlax|50/100"])
    assert "left out" in caplog.text
    assert view.state().opponent_active_pokemon.hp_pct == 0.5
